//! ListenerSets.

use super::*;

const SHARED: &str = "
apiVersion: gateway.networking.k8s.io/v1
kind: Gateway
metadata: {name: web, generation: 1}
spec:
  gatewayClassName: tidegate
  allowedListeners: {namespaces: {from: Same}}
  listeners: [{name: http, port: 80, protocol: HTTP}]
";

fn set(name: &str, gateway: &str, port: u16) -> String {
    format!(
        "
apiVersion: gateway.networking.k8s.io/v1
kind: ListenerSet
metadata: {{name: {name}, generation: 1}}
spec:
  parentRef: {{name: {gateway}}}
  listeners: [{{name: http, port: {port}, protocol: HTTP}}]
"
    )
}

fn on_set(name: &str, set: &str) -> String {
    route(name, 1, "{name: a, port: 80}")
        .replace("{name: web}", &format!("{{name: {set}, kind: ListenerSet}}"))
}

#[test]
fn a_set_is_programmed_with_its_listeners_and_the_gateway_stays_so_meanwhile() {
    let mut fixture = Fixture::new(true);
    fixture.pipeline.step(listed(), fixture.now);
    fixture.apply(&[SHARED]);
    fixture.pipeline.acknowledged(2);
    let step = fixture.later(0);
    assert_eq!(told(&step, Kind::Gateway, "web").unwrap()[1], "Programmed=Programmed");

    let step = fixture.apply(&[&set("more", "web", 81)]);
    assert_eq!(told(&step, Kind::ListenerSet, "more"), None, "it has a moment");
    // One set more is attached; the Gateway's own listeners are served as before.
    assert_eq!(told(&step, Kind::Gateway, "web").unwrap()[1], "Programmed=Programmed");
    let step = fixture.later(1000);
    let waiting = ["Accepted=Accepted", "Programmed=Pending", "Accepted=Accepted", "Programmed=Pending"];
    assert_eq!(told(&step, Kind::ListenerSet, "more").unwrap()[..4], waiting);
    fixture.pipeline.acknowledged(3);
    let step = fixture.later(0);
    assert_eq!(told(&step, Kind::ListenerSet, "more").unwrap()[1], "Programmed=Programmed");
    assert_eq!(told(&step, Kind::Gateway, "web"), None);
}

#[test]
fn a_set_concerns_its_own_routes_and_no_others() {
    let (plain, own, other) =
        (route("plain", 1, "{name: a, port: 80}"), on_set("own", "more"), on_set("other", "rest"));
    let mut fixture = Fixture::with(&[
        SHARED,
        &set("rest", "web", 82),
        &plain,
        &own,
        &other,
        &service("a"),
        &slice("a", "10.0.0.1"),
    ]);
    let step = fixture.apply(&[&set("more", "web", 81)]);
    assert_eq!(step.work, Work { gateways: 1, routes: 1, ..Work::default() });
    assert_eq!(told(&step, Kind::HttpRoute, "own").unwrap()[0], "Accepted=Accepted");
    let keys: Vec<_> = upserts(&step).iter().map(|key| format!("{key:?}")).collect();
    assert!(keys.iter().all(|key| key.contains("more") || key.contains("\"own\"")), "{keys:?}");

    let step = fixture.delete(Kind::ListenerSet, "more");
    assert_eq!(step.work, Work { gateways: 1, routes: 1, ..Work::default() });
    assert_eq!((step.gone, step.delta.unwrap().removals.len()), (vec![id(Kind::ListenerSet, "more")], 2));
    let served: Vec<_> = fixture.pipeline.snapshot().upserts.iter().map(Resource::key).collect();
    assert_eq!(served.iter().filter(|key| matches!(key, ResourceKey::Listener(_))).count(), 2);
}

#[test]
fn a_route_on_a_set_counts_there() {
    let mut fixture = Fixture::with(&[SHARED, &set("more", "web", 81)]);
    let step = fixture.apply(&[&on_set("own", "more")]);
    let attached = |name: ObjectId| match &step.statuses.iter().find(|wanted| wanted.id == name)?.body {
        Body::ListenerSet { listeners, .. } | Body::Gateway { listeners, .. } => {
            Some(listeners[0].attached_routes)
        }
        _ => None,
    };
    assert_eq!(attached(id(Kind::ListenerSet, "more")), Some(1));
    assert_eq!(attached(id(Kind::Gateway, "web")), None, "nothing is new there");
}

#[test]
fn what_was_said_of_a_set_holds_no_more_when_its_gateway_is_gone() {
    let mut fixture = Fixture::with(&[SHARED, &set("more", "web", 81), &set("lost", "other", 81)]);
    let note = |fixture: &Fixture, name| {
        let wanted =
            fixture.pipeline.statuses().find(|wanted| wanted.id == id(Kind::ListenerSet, name)).unwrap();
        (wanted.body == Body::Unwritten, wanted.notes.clone())
    };
    let nobody = (true, vec!["Gateway default/other does not exist".to_owned()]);
    assert_eq!(note(&fixture, "lost"), nobody);

    let step = fixture.delete(Kind::Gateway, "web");
    let gone = ["Accepted=ParentNotAccepted", "Programmed=ParentNotProgrammed"];
    assert_eq!(told(&step, Kind::ListenerSet, "more").unwrap(), gone);
    // The Gateway of another controller: that one tells of the set from now on.
    fixture.apply(&[&SHARED.replace("tidegate", "other")]);
    assert!(note(&fixture, "more").0);
    assert_eq!(note(&fixture, "lost"), nobody, "nobody's all the time");
    let step = fixture.apply(&[SHARED]);
    assert_eq!(told(&step, Kind::ListenerSet, "more").unwrap()[0], "Accepted=Accepted");
}

#[test]
fn a_set_that_moves_takes_its_listeners_along() {
    let second = SHARED
        .replace("name: web", "name: two")
        .replace("  allowed", "  addresses: [{type: IPAddress, value: 127.0.0.2}]\n  allowed");
    let mut fixture = Fixture::with(&[SHARED, &second, &set("more", "web", 81), &on_set("own", "more")]);
    let step = fixture.apply(&[&set("more", "two", 81).replace("generation: 1", "generation: 2")]);
    let listeners = fixture.pipeline.snapshot().upserts.into_iter().filter_map(|resource| match resource {
        Resource::Listener(listener) => Some((listener.key.to_string(), listener.binds[0].to_string())),
        _ => None,
    });
    let expected = [
        ("default/two/http", "127.0.0.2:80"),
        ("default/two/default/more/http", "127.0.0.2:81"),
        ("default/web/http", "127.0.0.1:80"),
    ];
    let expected: Vec<_> = expected.map(|(key, bind)| (key.to_owned(), bind.to_owned())).into();
    assert_eq!(listeners.collect::<Vec<_>>(), expected);
    assert_eq!(told(&step, Kind::HttpRoute, "own"), None, "it is where it was");
    for (gateway, sets) in [("web", 0), ("two", 1)] {
        let wanted = step.statuses.iter().find(|wanted| wanted.id == id(Kind::Gateway, gateway)).unwrap();
        assert!(matches!(wanted.body, Body::Gateway { attached_sets, .. } if attached_sets == Some(sets)));
    }
}

#[test]
fn the_last_good_listener_of_a_gateway_may_be_that_of_a_set() {
    let bad = SHARED.replace("protocol: HTTP", "protocol: SCTP");
    let mut fixture = Fixture::with(&[&bad]);
    let programmed = |step: &Step| told(step, Kind::Gateway, "web").unwrap()[..2].to_vec();
    let step = fixture.apply(&[&set("more", "web", 81)]);
    assert_eq!(programmed(&step), ["Accepted=ListenersNotValid", "Programmed=Programmed"]);
    assert_eq!(told(&step, Kind::ListenerSet, "more").unwrap()[1], "Programmed=Programmed");
    let step = fixture.delete(Kind::ListenerSet, "more");
    assert_eq!(programmed(&step), ["Accepted=ListenersNotValid", "Programmed=Invalid"]);
}
