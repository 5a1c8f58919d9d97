use super::tracking::PATIENCE;
use super::*;
use crate::index::testing::{events, id, listed};
use crate::model::{Backend, BackendTarget, ObjectKey, Reason, Resource, ResourceKey, Route};
use crate::status::{self, Body, Wanted};
use std::time::Duration;

mod by_name;
mod ingress;
mod order;
mod sets;
mod watched;

const GATEWAY: &str = "
apiVersion: gateway.networking.k8s.io/v1
kind: Gateway
metadata: {name: web, generation: 1}
spec:
  gatewayClassName: tidegate
  listeners: [{name: http, port: 80, protocol: HTTP}]
";

/// A route with one rule for everything.
fn route(name: &str, generation: i64, backends: &str) -> String {
    format!(
        "
apiVersion: gateway.networking.k8s.io/v1
kind: HTTPRoute
metadata: {{name: {name}, generation: {generation}}}
spec:
  parentRefs: [{{name: web}}]
  rules: [{{backendRefs: [{backends}]}}]
"
    )
}

fn service(name: &str) -> String {
    format!("{{apiVersion: v1, kind: Service, metadata: {{name: {name}}}, spec: {{ports: [{{port: 80}}]}}}}")
}

fn slice(service: &str, addresses: &str) -> String {
    format!(
        "
apiVersion: discovery.k8s.io/v1
kind: EndpointSlice
metadata: {{name: {service}-a, labels: {{kubernetes.io/service-name: {service}}}}}
addressType: IPv4
ports: [{{port: 3000}}]
endpoints: [{{addresses: [{addresses}]}}]
"
    )
}

/// A pipeline with the time that its tests go by.
struct Fixture {
    pipeline: Pipeline,
    now: Instant,
}

impl Fixture {
    fn new(acknowledgements: bool) -> Self {
        let decisions = attach::Options::standalone();
        Self { pipeline: Pipeline::new(Options { decisions, acknowledgements }), now: Instant::now() }
    }

    /// Everything is listed, and nothing waits for workers.
    fn with(documents: &[&str]) -> Self {
        let mut fixture = Self::new(false);
        fixture.pipeline.step(listed(), fixture.now);
        fixture.apply(documents);
        fixture
    }

    fn apply(&mut self, documents: &[&str]) -> Step {
        let all = documents.iter().flat_map(|yaml| events(yaml));
        self.pipeline.step(all, self.now)
    }

    fn delete(&mut self, kind: Kind, name: &str) -> Step {
        self.pipeline.step([Event::Delete(id(kind, name))], self.now)
    }

    fn later(&mut self, milliseconds: u64) -> Step {
        self.now += Duration::from_millis(milliseconds);
        self.pipeline.step([], self.now)
    }

    /// Where the only rule of a route sends requests.
    fn targets(&self, name: &str) -> Vec<String> {
        let route = self.pipeline.snapshot().upserts.into_iter().find_map(|resource| match resource {
            Resource::Route(route) if *route.key.object.name == *name => Some(route),
            _ => None,
        });
        route.map_or_else(Vec::new, |route: Route| route.rules[0].backends.iter().map(target).collect())
    }
}

fn target(backend: &Backend) -> String {
    match &backend.target {
        BackendTarget::Upstream(key) => key.to_string(),
        BackendTarget::Broken { reason, .. } => reason.as_str().to_owned(),
    }
}

fn upserts(step: &Step) -> Vec<ResourceKey> {
    step.delta.iter().flat_map(|delta| &delta.upserts).map(Resource::key).collect()
}

/// `type=reason` of the conditions of an object's status in this step.
fn told(step: &Step, kind: Kind, name: &str) -> Option<Vec<String>> {
    let wanted: &Wanted = step.statuses.iter().find(|wanted| wanted.id == id(kind, name))?;
    let line = |(_, condition): &(String, &attach::verdict::Condition)| {
        format!("{}={}", condition.type_, condition.reason)
    };
    Some(wanted.conditions().iter().map(line).collect())
}

#[test]
fn nothing_comes_before_every_kind_is_listed() {
    let mut fixture = Fixture::new(false);
    assert_eq!(fixture.apply(&[GATEWAY]), Step::default());
    let all_but_one = listed().filter(|event| *event != Event::Listed(Kind::Secret));
    assert_eq!(fixture.pipeline.step(all_but_one, fixture.now), Step::default());
    let step = fixture
        .pipeline
        .step([Event::Reset { kind: Kind::Secret, namespace: None, objects: vec![] }], fixture.now);
    assert_eq!(step.delta.map(|delta| (delta.version, delta.upserts.len())), Some((1, 1)));
    assert_eq!(step.statuses.len(), 1);
}

#[test]
fn the_first_delta_comes_even_if_there_is_nothing() {
    let mut fixture = Fixture::new(true);
    let step = fixture.pipeline.step(listed(), fixture.now);
    assert_eq!(step.delta, Some(Delta { version: 1, ..Delta::default() }));
    assert_eq!(fixture.later(1).delta, None);
}

#[test]
fn an_endpoint_event_judges_no_object_and_compiles_one_resource() {
    let shop = route("shop", 1, "{name: a, port: 80}");
    let mut fixture = Fixture::with(&[GATEWAY, &shop, &service("a"), &slice("a", "10.0.0.1")]);
    let step = fixture.apply(&[&slice("a", "10.0.0.2")]);
    assert_eq!((step.work, step.compiled), (Work::default(), 1));
    assert_eq!(upserts(&step).len(), 1);
    assert!(
        matches!(&step.delta.unwrap().upserts[0], Resource::Endpoints(endpoints) if endpoints.endpoints.len() == 1)
    );
    assert_eq!(step.statuses, []);
    let elsewhere = fixture.apply(&[&slice("nobodys", "10.0.0.3")]);
    assert_eq!((elsewhere.delta, elsewhere.compiled), (None, 0));
}

#[test]
fn a_weight_edit_touches_one_route() {
    let (one, two) = (route("one", 1, "{name: a, port: 80}"), route("two", 1, "{name: a, port: 80}"));
    let mut fixture = Fixture::with(&[GATEWAY, &one, &two, &service("a"), &slice("a", "10.0.0.1")]);
    let step = fixture.apply(&[&route("one", 2, "{name: a, port: 80, weight: 7}")]);
    assert_eq!(step.work, Work { routes: 1, ..Work::default() });
    assert_eq!(
        upserts(&step).iter().map(|key| format!("{key:?}").contains("\"one\"")).collect::<Vec<_>>(),
        [true]
    );
    // The Gateway's status does not change: as many routes as before are attached.
    assert_eq!(step.statuses.len(), 1);
}

#[test]
fn what_nothing_uses_any_more_goes() {
    let shop = route("shop", 1, "{name: a, port: 80}");
    let mut fixture = Fixture::with(&[GATEWAY, &shop, &service("a"), &slice("a", "10.0.0.1")]);
    let step = fixture.delete(Kind::HttpRoute, "shop");
    assert_eq!(step.delta.unwrap().removals.len(), 3, "the route, its upstream and the endpoints");
    assert_eq!(step.gone, [id(Kind::HttpRoute, "shop")]);
    assert_eq!(fixture.pipeline.snapshot().upserts.len(), 1);
    let step = fixture.delete(Kind::Gateway, "web");
    assert_eq!(step.delta.unwrap().removals.len(), 1);
    assert_eq!((step.gone, fixture.pipeline.statuses().count()), (vec![id(Kind::Gateway, "web")], 0));
}

#[test]
fn listeners_come_and_go_with_their_counts() {
    let shop = route("shop", 1, "{name: a, port: 80}");
    let mut fixture = Fixture::with(&[GATEWAY, &shop, &service("a")]);
    let attached =
        |step: &Step| match &step.statuses.iter().find(|w| w.id.kind == Kind::Gateway).unwrap().body {
            Body::Gateway { listeners, .. } => listeners
                .iter()
                .map(|listener| (listener.name.to_string(), listener.attached_routes))
                .collect::<Vec<_>>(),
            other => panic!("{other:?}"),
        };
    let two = GATEWAY.replace("generation: 1", "generation: 2").replace(
        "protocol: HTTP}]",
        "protocol: HTTP}, {name: data, port: 80, protocol: HTTP, hostname: data.test.com}]",
    );
    assert_eq!(attached(&fixture.apply(&[&two])), [("http".to_owned(), 1), ("data".to_owned(), 1)]);
    let step = fixture.apply(&[&GATEWAY.replace("generation: 1", "generation: 3")]);
    assert_eq!(attached(&step), [("http".to_owned(), 1)]);
    assert_eq!(step.delta.unwrap().removals.len(), 1);
    let step = fixture.delete(Kind::HttpRoute, "shop");
    assert_eq!(attached(&step), [("http".to_owned(), 0)]);
}

#[test]
fn a_revoked_grant_holds_at_once() {
    let shop = route("shop", 1, "{name: a, namespace: other, port: 80}");
    let theirs = service("a").replace("name: a", "name: a, namespace: other");
    let grant = "
apiVersion: gateway.networking.k8s.io/v1
kind: ReferenceGrant
metadata: {name: open}
spec: {from: [{group: gateway.networking.k8s.io, kind: HTTPRoute, namespace: default}], to: [{group: '', kind: Service}]}
"
    .replace("name: open", "name: open, namespace: other");
    let mut fixture = Fixture::with(&[GATEWAY, &shop, &theirs, &grant]);
    assert_eq!(fixture.targets("shop"), ["Service other/a:80"]);
    let revoked = ObjectId { kind: Kind::ReferenceGrant, key: ObjectKey::new("other", "open") };
    let step = fixture.pipeline.step([Event::Delete(revoked)], fixture.now);
    assert_eq!(fixture.targets("shop"), ["RefNotPermitted"]);
    assert_eq!(
        told(&step, Kind::HttpRoute, "shop").unwrap(),
        ["Accepted=Accepted", "ResolvedRefs=RefNotPermitted"]
    );
    fixture.apply(&[&grant]);
    assert_eq!(fixture.targets("shop"), ["Service other/a:80"]);
}

#[test]
fn a_deleted_service_holds_at_once() {
    let shop = route("shop", 1, "{name: a, port: 80}");
    let mut fixture = Fixture::with(&[GATEWAY, &shop, &service("a"), &slice("a", "10.0.0.1")]);
    let step = fixture.delete(Kind::Service, "a");
    assert_eq!(fixture.targets("shop"), [Reason::BackendNotFound.as_str()]);
    assert_eq!(step.next_deadline, None);
    assert_eq!(fixture.pipeline.snapshot().upserts.len(), 2, "the listener and the route");
}

#[test]
fn a_new_rule_is_live_at_once_whatever_is_known() {
    let mut fixture = Fixture::with(&[GATEWAY]);
    let step = fixture.apply(&[&route("shop", 1, "{name: a, port: 80}")]);
    assert_eq!(fixture.targets("shop"), ["BackendNotFound"]);
    assert_eq!(step.next_deadline, None);
}

#[test]
fn a_rule_that_changes_to_an_unknown_backend_waits_for_its_slices() {
    let shop = route("shop", 1, "{name: a, port: 80}");
    let mut fixture = Fixture::with(&[GATEWAY, &shop, &service("a"), &slice("a", "10.0.0.1")]);
    let edited = route("shop", 2, "{name: a, port: 80, weight: 9}, {name: b, port: 80}");
    let step = fixture.apply(&[&edited]);
    assert_eq!(fixture.targets("shop"), ["Service default/a:80"]);
    assert_eq!(step.next_deadline, Some(fixture.now + Duration::from_millis(500)));
    // The verdict is told at once; what is served says that the new state is not in force.
    assert_eq!(
        told(&step, Kind::HttpRoute, "shop").unwrap(),
        ["Accepted=Accepted", "ResolvedRefs=BackendNotFound"]
    );
    let generation = |fixture: &Fixture| {
        fixture
            .pipeline
            .served()
            .find(|(served, _)| served.kind == Kind::HttpRoute)
            .unwrap()
            .1
            .head
            .generation
    };
    assert_eq!(generation(&fixture), 1);
    fixture.now += Duration::from_millis(100);
    fixture.apply(&[&service("b")]);
    assert_eq!(fixture.targets("shop"), ["Service default/a:80"], "its slices are not there yet");
    let step = fixture.apply(&[&slice("b", "10.0.0.2")]);
    assert_eq!(fixture.targets("shop"), ["Service default/a:80", "Service default/b:80"]);
    assert_eq!((step.next_deadline, generation(&fixture)), (None, 2));
}

#[test]
fn the_wait_ends_after_half_a_second_and_edits_do_not_prolong_it() {
    let shop = route("shop", 1, "{name: a, port: 80}");
    let mut fixture = Fixture::with(&[GATEWAY, &shop, &service("a"), &slice("a", "10.0.0.1"), &service("b")]);
    fixture.apply(&[&route("shop", 2, "{name: b, port: 80}")]);
    fixture.now += Duration::from_millis(400);
    let step = fixture.apply(&[&route("shop", 3, "{name: b, port: 80, weight: 5}")]);
    assert_eq!(step.next_deadline, Some(fixture.now + Duration::from_millis(100)));
    assert_eq!(fixture.targets("shop"), ["Service default/a:80"]);
    assert_eq!(fixture.later(99).delta, None);
    let step = fixture.later(1);
    assert_eq!(
        (fixture.targets("shop"), step.next_deadline),
        (vec!["Service default/b:80".to_owned()], None)
    );
    // And it does not begin anew.
    let step = fixture.apply(&[&route("shop", 4, "{name: b, port: 80, weight: 6}")]);
    assert_eq!(step.next_deadline, None);
}

#[test]
fn something_taken_away_ends_every_wait() {
    let shop = route("shop", 1, "{name: a, port: 80}");
    let mut fixture = Fixture::with(&[GATEWAY, &shop, &service("a"), &slice("a", "10.0.0.1"), &service("b")]);
    fixture.apply(&[&route("shop", 2, "{name: b, port: 80}")]);
    assert_eq!(fixture.targets("shop"), ["Service default/a:80"]);
    let step = fixture.delete(Kind::Service, "a");
    assert_eq!(
        (fixture.targets("shop"), step.next_deadline),
        (vec!["Service default/b:80".to_owned()], None)
    );
}

#[test]
fn a_gateway_is_programmed_when_every_worker_serves_it() {
    let mut fixture = Fixture::new(true);
    let step = fixture.pipeline.step(listed().chain(events(GATEWAY)), fixture.now);
    assert_eq!((step.statuses.len(), step.next_deadline), (0, Some(fixture.now + PATIENCE)));
    fixture.pipeline.acknowledged(1);
    let step = fixture.later(5);
    assert_eq!(
        told(&step, Kind::Gateway, "web").unwrap(),
        [
            "Accepted=Accepted",
            "Programmed=Programmed",
            "ResolvedRefs=ResolvedRefs",
            "AddressesAssigned=AddressesAssigned",
            "Accepted=Accepted",
            "Programmed=Programmed",
            "ResolvedRefs=ResolvedRefs",
            "Conflicted=NoConflicts"
        ]
    );
    assert_eq!(step.next_deadline, None);
}

#[test]
fn a_gateway_that_waits_too_long_says_so() {
    let mut fixture = Fixture::new(true);
    fixture.pipeline.step(listed().chain(events(GATEWAY)), fixture.now);
    assert_eq!(fixture.later(999).statuses, []);
    let step = fixture.later(1);
    assert_eq!(told(&step, Kind::Gateway, "web").unwrap()[1], "Programmed=Pending");
    assert_eq!(step.next_deadline, None);
    fixture.pipeline.acknowledged(1);
    assert_eq!(told(&fixture.later(0), Kind::Gateway, "web").unwrap()[1], "Programmed=Programmed");
}

#[test]
fn an_edit_of_a_route_does_not_unprogram_its_gateway() {
    let mut fixture = Fixture::new(true);
    fixture.pipeline.step(listed().chain(events(GATEWAY)), fixture.now);
    fixture.pipeline.acknowledged(1);
    fixture.later(1);
    let step = fixture.apply(&[&route("shop", 1, "{name: a, port: 80}")]);
    assert_eq!(step.delta.as_ref().map(|delta| delta.version), Some(2));
    assert_eq!(told(&step, Kind::Gateway, "web").unwrap()[1], "Programmed=Programmed");
}

#[test]
fn a_socket_that_cannot_be_opened_is_told() {
    let mut fixture =
        Fixture::with(&[&GATEWAY
            .replace("tidegate\n", "tidegate\n  addresses: [{value: 127.0.0.1}, {value: 127.0.0.2}]\n")]);
    let socket: BindAddress = "127.0.0.2:80".parse().unwrap();
    fixture.pipeline.bind_failed(socket, "address in use");
    let step = fixture.later(1);
    let conditions = told(&step, Kind::Gateway, "web").unwrap();
    assert_eq!(conditions[..2], ["Accepted=Accepted", "Programmed=AddressNotUsable"]);
    assert_eq!(conditions[3], "AddressesAssigned=PartiallyAssigned");
    assert_eq!(conditions[5], "Programmed=PortUnavailable");
    let Body::Gateway { addresses, conditions, .. } = &step.statuses[0].body else { panic!() };
    assert_eq!(addresses.iter().map(ToString::to_string).collect::<Vec<_>>(), ["127.0.0.1"]);
    assert_eq!(conditions[1].message, "spec.addresses[1]: 127.0.0.2:80: address in use");
    fixture.pipeline.bind_failed(socket, "address in use");
    assert_eq!(fixture.later(1).statuses, []);
    fixture.pipeline.bound(socket);
    assert_eq!(told(&fixture.later(1), Kind::Gateway, "web").unwrap()[1], "Programmed=Programmed");
}

#[test]
fn a_status_that_somebody_overwrote_is_wanted_again() {
    let mut fixture = Fixture::with(&[GATEWAY]);
    let wanted = fixture.pipeline.statuses().next().unwrap().clone();
    let now = crate::api::Time("2026-01-01T00:00:00Z".parse().unwrap());
    let merged = status::merge(&wanted, None, attach::Options::CONTROLLER_NAME, &now).unwrap();
    let Status::Gateway(mut written) = merged.status else { panic!() };
    let with_status = |status: crate::api::gateway::GatewayStatus| {
        let Some(Event::Apply(crate::api::Object::Gateway(gateway))) = events(GATEWAY).into_iter().next()
        else {
            panic!()
        };
        let mut gateway = (*gateway).clone();
        gateway.status = Some(status);
        Event::Apply(crate::api::Object::Gateway(Arc::new(gateway)))
    };
    let step = fixture.pipeline.step([with_status(written.clone())], fixture.now);
    assert_eq!((step.statuses, step.work), (vec![], Work::default()), "it is as it should be");
    written.conditions[0].status = "False".to_owned();
    let step = fixture.pipeline.step([with_status(written)], fixture.now);
    assert_eq!(step.statuses, [wanted]);
}

#[test]
fn one_bad_object_changes_nothing_for_the_others() {
    let shop = route("shop", 1, "{name: a, port: 80}");
    let mut fixture = Fixture::with(&[GATEWAY, &shop, &service("a"), &slice("a", "10.0.0.1")]);
    let before = fixture.pipeline.snapshot();
    let hundred = (0..16).map(|at| format!("{{name: none-{at}, port: 80}}")).collect::<Vec<_>>().join(", ");
    let rules = vec![format!("{{backendRefs: [{hundred}]}}"); 10].join(", ");
    let bad = route("bad", 1, "").replace("rules: [{backendRefs: []}]", &format!("rules: [{rules}]"));
    let step = fixture.apply(&[
        &bad,
        &route("worse", 1, "").replace("rules: [{backendRefs", "rules: [{matches: [{path: {type: RegularExpression, value: '('}}], backendRefs"),
        &route("worst", 1, "").replace("parentRefs", "parentRef"),
        "{apiVersion: v1, kind: Secret, metadata: {name: bad}, type: kubernetes.io/tls, data: {tls.crt: SGVsbG8=, tls.key: SGVsbG8=}}",
    ]);
    let after = fixture.pipeline.snapshot();
    assert!(before.upserts.iter().all(|resource| after.upserts.contains(resource)));
    assert_eq!(after.upserts.len(), before.upserts.len() + 1, "the bad references answer errors");
    let message = |name: &str| {
        let wanted = step.statuses.iter().find(|wanted| *wanted.id.key.name == *name).unwrap();
        wanted.conditions()[1].1.message.clone()
    };
    assert!(message("bad").ends_with("; and 152 more"), "{}", message("bad"));
    assert_eq!(told(&step, Kind::HttpRoute, "worse").unwrap()[0], "Accepted=UnsupportedValue");
}

#[test]
fn a_status_of_a_kind_without_one_is_a_note() {
    let mut fixture = Fixture::with(&[]);
    let bad = service("a").replace("port: 80", "port: 0");
    let step = fixture.apply(&[&bad]);
    let wanted = &step.statuses[0];
    assert_eq!(
        (wanted.id.clone(), wanted.body.clone(), wanted.bad),
        (id(Kind::Service, "a"), Body::Unwritten, true)
    );
    assert_eq!(wanted.notes.len(), 2, "{:?}", wanted.notes);
    let step = fixture.apply(&[&service("a")]);
    assert_eq!((step.statuses, step.gone), (vec![], vec![id(Kind::Service, "a")]));
}

/// A Secret with a pair that was made just now.
fn secret(name: &str) -> String {
    let made = rcgen::generate_simple_self_signed(["a.example".to_owned()]).unwrap();
    let indent = |pem: String| pem.lines().map(|line| format!("    {line}\n")).collect::<String>();
    format!(
        "apiVersion: v1\nkind: Secret\nmetadata: {{name: {name}}}\ntype: kubernetes.io/tls\nstringData:\n  \
         tls.crt: |\n{}  tls.key: |\n{}",
        indent(made.cert.pem()),
        indent(made.signing_key.serialize_pem())
    )
}

#[test]
fn a_rotated_certificate_is_one_resource_and_a_deleted_one_leaves_its_listener_to_refuse() {
    let gateway = GATEWAY.replace(
        "[{name: http, port: 80, protocol: HTTP}]",
        "[{name: https, port: 443, protocol: HTTPS, tls: {certificateRefs: [{name: tls}]}}, {name: http, port: 80, protocol: HTTP}]",
    );
    let mut fixture = Fixture::with(&[&gateway, &secret("tls"), &secret("other")]);
    assert_eq!(
        fixture.pipeline.snapshot().upserts.len(),
        3,
        "two listeners and the one certificate that is used"
    );
    let step = fixture.apply(&[&secret("tls")]);
    assert!(matches!(upserts(&step).as_slice(), [ResourceKey::Certificate(_)]), "{:?}", upserts(&step));
    assert_eq!((step.statuses, step.work), (vec![], Work { gateways: 1, ..Work::default() }));
    let other = fixture.apply(&[&secret("other")]);
    assert_eq!((other.delta, other.work), (None, Work::default()));
    let step = fixture.delete(Kind::Secret, "tls");
    assert!(matches!(step.delta.as_ref().unwrap().removals.as_slice(), [ResourceKey::Certificate(_)]));
    assert!(matches!(upserts(&step).as_slice(), [ResourceKey::Listener(_)]), "{:?}", upserts(&step));
    let conditions = told(&step, Kind::Gateway, "web").unwrap();
    assert_eq!(
        conditions[..7],
        [
            "Accepted=Accepted",
            "Programmed=Programmed",
            "ResolvedRefs=ListenersNotResolved",
            "AddressesAssigned=AddressesAssigned",
            "Accepted=Accepted",
            "Programmed=Invalid",
            "ResolvedRefs=InvalidCertificateRef"
        ]
    );
    fixture.apply(&[&secret("tls")]);
    assert_eq!(fixture.pipeline.snapshot().upserts.len(), 3);
}

#[test]
fn a_certificate_counts_as_served_when_every_worker_has_it() {
    let gateway =
        GATEWAY.replace("protocol: HTTP}", "protocol: HTTPS, tls: {certificateRefs: [{name: tls}]}}");
    let mut fixture = Fixture::new(true);
    let documents = [gateway, secret("tls")];
    fixture.pipeline.step(listed().chain(documents.iter().flat_map(|yaml| events(yaml))), fixture.now);
    fixture.pipeline.acknowledged(1);
    assert_eq!(told(&fixture.later(1), Kind::Gateway, "web").unwrap()[1], "Programmed=Programmed");
    // A rotation is no other generation: nothing flips while it goes round.
    let step = fixture.apply(&[&secret("tls")]);
    assert_eq!((step.delta.unwrap().version, step.statuses), (2, vec![]));
    fixture.pipeline.acknowledged(2);
    assert_eq!(fixture.later(1).statuses, []);
}
