//! The state after a set of events does not depend on their order.

use super::*;
use crate::model::Resource;
use proptest::prelude::*;
use std::collections::{BTreeMap, VecDeque};

/// The events of each object, in the order in which they must come: everything is made, some
/// is changed, some goes, some is broken for a while.
fn histories() -> Vec<Vec<Event>> {
    let upstream = "
apiVersion: tidegate.dev/v1alpha1
kind: Upstream
metadata: {name: orders}
spec: {targets: [{name: pods, serviceRef: {name: c, namespace: other, port: 80}}, {name: url, url: 'http://10.0.0.9:81'}]}
";
    let grant = "
apiVersion: gateway.networking.k8s.io/v1
kind: ReferenceGrant
metadata: {name: open, namespace: other}
spec: {from: [{group: tidegate.dev, kind: Upstream, namespace: default}], to: [{group: '', kind: Service}]}
";
    let second = GATEWAY.replace("name: web", "name: second").replace("port: 80", "port: 81");
    let shop = route("shop", 1, "{name: a, port: 80}, {name: orders, kind: Upstream, group: tidegate.dev}");
    let texts: Vec<Vec<String>> = vec![
        vec![
            GATEWAY.to_owned(),
            GATEWAY.replace("protocol: HTTP}]", "protocol: HTTP, allowedRoutes: {namespaces: {from: All}}}]"),
        ],
        vec![second.clone(), second.replace("port: 81", "port: 80")],
        vec![route("shop", 1, "{name: b, port: 80}"), shop],
        vec![route("broken", 1, "{name: b, port: 80}"), route("broken", 2, "{name: b, port: no}")],
        vec![route("mended", 1, "{name: b, port: no}"), route("mended", 2, "{name: b, port: 80}")],
        vec![
            route("far", 1, "{name: c, port: 80}")
                .replace("name: far", "name: far, namespace: other")
                .replace("[{name: web}]", "[{name: web, namespace: default}]"),
        ],
        vec![service("a"), service("a").replace("port: 80", "port: 80, appProtocol: kubernetes.io/h2c")],
        vec![slice("a", "10.0.0.1"), slice("a", "10.0.0.2")],
        vec![service("b")],
        vec![service("c").replace("name: c", "name: c, namespace: other")],
        vec![slice("c", "10.0.0.3").replace("name: c-a", "name: c-a, namespace: other")],
        vec![upstream.to_owned()],
        vec![grant.to_owned()],
    ];
    let mut histories: Vec<Vec<Event>> =
        texts.iter().map(|texts| texts.iter().flat_map(|text| events(text)).collect()).collect();
    histories[8].push(Event::Delete(id(Kind::Service, "b")));
    histories
}

/// All that is in force and all that is said, whatever the versions.
fn outcome(events: impl IntoIterator<Item = Event>) -> (Vec<Resource>, BTreeMap<String, Wanted>) {
    let mut fixture = Fixture::new(false);
    for event in listed().chain(events) {
        fixture.pipeline.step([event], fixture.now);
    }
    // Long enough for every rule that waits.
    fixture.later(1000);
    let statuses = fixture.pipeline.statuses();
    let statuses = statuses.map(|wanted| (wanted.id.to_string(), (**wanted).clone())).collect();
    (fixture.pipeline.snapshot().upserts, statuses)
}

/// The histories, interleaved by a list of picks.
fn interleave(picks: &[prop::sample::Index]) -> Vec<Event> {
    let mut queues: Vec<VecDeque<Event>> = histories().into_iter().map(Into::into).collect();
    let mut mixed = Vec::new();
    for pick in picks {
        let at = pick.index(queues.len());
        mixed.extend(queues[at].pop_front());
        queues.retain(|queue| !queue.is_empty());
        if queues.is_empty() {
            break;
        }
    }
    mixed
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, ..ProptestConfig::default() })]

    #[test]
    fn events_in_every_order_give_the_same_state(
        picks in prop::collection::vec(any::<prop::sample::Index>(), 40)
    ) {
        let mixed = interleave(&picks);
        prop_assert_eq!(mixed.len(), histories().iter().map(Vec::len).sum::<usize>());
        let expected = outcome(histories().into_iter().flatten());
        let found = outcome(mixed);
        prop_assert_eq!(&found.1, &expected.1);
        prop_assert_eq!(&found.0, &expected.0);
    }
}

#[test]
fn the_state_is_worth_comparing() {
    let (resources, statuses) = outcome(histories().into_iter().flatten());
    assert_eq!(resources.iter().filter(|resource| matches!(resource, Resource::Route(_))).count(), 3);
    assert!(
        resources
            .iter()
            .any(|resource| matches!(resource, Resource::Endpoints(all) if !all.endpoints.is_empty()))
    );
    let bad: Vec<_> =
        statuses.values().filter(|wanted| wanted.bad).map(|wanted| wanted.id.to_string()).collect();
    // All routes have the same match, so the last two get nothing.
    let routes = ["default/broken", "default/mended", "default/shop", "other/far"]
        .map(|name| format!("HTTPRoute {name}"));
    assert_eq!(bad[0], "Gateway default/web");
    assert_eq!(bad[1..], routes);
}
