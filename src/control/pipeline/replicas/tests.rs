use super::*;
use crate::api::gateway::Gateway;
use crate::api::{Kind, Object, ObjectId};
use crate::attach;
use crate::control::pipeline::{Options, Step};
use crate::index::Event;
use crate::index::testing::{events, listed, object};
use crate::status::Body;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::OwnerReference;
use serde_json::{Value, json};
use std::collections::BTreeMap;

const SECOND: Duration = Duration::from_secs(1);

/// A generation of the Gateway, with the status that was written for another one.
fn gateway(generation: i64, programmed: Option<i64>) -> Event {
    let yaml = format!(
        "
apiVersion: gateway.networking.k8s.io/v1
kind: Gateway
metadata: {{name: web, uid: u, generation: {generation}}}
spec:
  gatewayClassName: tidegate
  listeners: [{{name: http, port: {}, protocol: HTTP}}]
",
        80 + generation
    );
    let Object::Gateway(gateway) = object(&yaml) else { panic!("no Gateway") };
    let mut gateway = Gateway::clone(&gateway);
    gateway.status = programmed.map(|generation| {
        let condition = json!({
            "type": "Programmed", "status": "True", "reason": "Programmed", "message": "",
            "observedGeneration": generation, "lastTransitionTime": "2026-01-01T00:00:00Z",
        });
        serde_json::from_value(json!({ "conditions": [condition] })).unwrap()
    });
    Event::Apply(Object::Gateway(Arc::new(gateway)))
}

/// That these pods are ready, beside the one that this is.
fn slice(pods: &[&str]) -> Event {
    let endpoints: Vec<_> = std::iter::once(&"own")
        .chain(pods)
        .enumerate()
        .map(|(at, pod)| format!("{{addresses: [10.0.0.{at}], targetRef: {{kind: Pod, name: {pod}}}}}"))
        .collect();
    Event::Apply(object(&format!(
        "
apiVersion: discovery.k8s.io/v1
kind: EndpointSlice
metadata: {{name: tidegate-replicas-1, labels: {{kubernetes.io/service-name: tidegate-replicas}}}}
addressType: IPv4
ports: [{{name: health, port: 9901}}]
endpoints: [{}]
",
        endpoints.join(", ")
    )))
}

fn report(generation: i64) -> Report {
    Report {
        process: "p".into(),
        cursor: 1,
        version: 1,
        complete: true,
        objects: BTreeMap::from([("u".into(), generation)]),
        gone: Vec::new(),
        nodes: ["192.0.2.2".parse().unwrap()].into(),
    }
}

/// A pipeline whose own workers serve each version at once.
struct World {
    pipeline: Pipeline,
    now: Instant,
}

impl World {
    fn with(events: impl IntoIterator<Item = Event>) -> Self {
        Self::deciding(attach::Options::standalone(), events)
    }

    fn deciding(decisions: attach::Options, events: impl IntoIterator<Item = Event>) -> Self {
        let mut world = Self {
            pipeline: Pipeline::new(Options { decisions, acknowledgements: true }),
            now: Instant::now(),
        };
        world.step(events.into_iter().chain(listed()));
        world
    }

    /// Takes these in, and that the workers here serve what comes of it.
    fn step(&mut self, events: impl IntoIterator<Item = Event>) -> Step {
        let mut step = self.pipeline.step(events, self.now);
        self.pipeline.acknowledged(self.pipeline.version());
        let after = self.pipeline.step([], self.now);
        step.statuses.extend(after.statuses);
        Step { next_deadline: after.next_deadline, ..step }
    }

    fn apply(&mut self, event: Event) -> Option<String> {
        let step = self.step([event]);
        said(&step)
    }

    fn lead(&mut self, leads: bool) -> Option<String> {
        let peers = Peers { service: ObjectKey::new("default", "tidegate-replicas"), own: "own".into() };
        self.pipeline.lead(leads.then_some(peers), self.now);
        let step = self.step([]);
        said(&step)
    }

    fn answers(&mut self, pod: &str, generation: i64) -> Option<String> {
        self.pipeline.replica_answered(pod, report(generation), self.now);
        let step = self.step([]);
        said(&step)
    }

    fn later(&mut self, time: Duration) -> Option<String> {
        self.now += time;
        let step = self.step([]);
        said(&step)
    }
}

/// `Programmed` of the Gateway, if its status is told.
fn said(step: &Step) -> Option<String> {
    let wanted = step.statuses.iter().find(|wanted| wanted.id.kind == Kind::Gateway)?;
    let conditions = wanted.conditions();
    let (_, one) =
        conditions.iter().find(|(title, one)| title.is_empty() && one.type_ == "Programmed").unwrap();
    Some(format!("{} {}", one.truth.as_str(), one.message).trim_end().to_owned())
}

const BEHIND: &str = "False not yet served by replica b";

#[test]
fn a_generation_is_programmed_when_every_ready_replica_serves_it() {
    let mut world = World::with([gateway(1, Some(1)), slice(&["a", "b"])]);
    assert_eq!(world.lead(true), None, "that was written before");
    assert_eq!(world.apply(gateway(2, Some(1))), None, "it has a moment");
    assert_eq!(world.answers("a", 2), None);
    assert_eq!(world.answers("b", 1), None);
    assert_eq!(world.later(SECOND).as_deref(), Some(BEHIND));
    assert_eq!(
        world.later(30 * SECOND).as_deref(),
        Some("True whether replica b serves it is not known: it gives no answer at its health port")
    );
    assert_eq!(world.answers("b", 2).as_deref(), Some("True"));
}

#[test]
fn within_a_moment_it_is_told_once_and_that_it_is_served() {
    let mut world = World::with([slice(&["a", "b"])]);
    world.lead(true);
    assert_eq!(world.apply(gateway(1, None)), None);
    assert_eq!(world.answers("a", 1), None);
    assert_eq!(world.answers("b", 1).as_deref(), Some("True"));
    // The next ones are ready, so they serve it.
    assert_eq!(world.apply(slice(&["a", "b", "c"])), None);
    assert_eq!(world.later(60 * SECOND), None);
}

#[test]
fn who_is_no_longer_ready_is_not_waited_for() {
    let mut world = World::with([slice(&["a", "b"])]);
    world.lead(true);
    world.apply(gateway(1, None));
    world.answers("a", 1);
    assert_eq!(world.later(SECOND).as_deref(), Some(BEHIND));
    assert_eq!(world.apply(slice(&["a"])).as_deref(), Some("True"));
}

#[test]
fn a_new_leader_asks_before_it_writes_what_nobody_wrote() {
    let mut world = World::with([gateway(2, Some(1)), slice(&["b"])]);
    let settled = |world: &World| -> Vec<ObjectId> {
        world.pipeline.settled().map(|wanted| wanted.id.clone()).collect()
    };
    assert_eq!(settled(&world).len(), 1, "what the workers here serve is all that others need to know");
    let peers = Peers { service: ObjectKey::new("default", "tidegate-replicas"), own: "own".into() };
    world.pipeline.lead(Some(peers), world.now);
    assert_eq!(settled(&world), []);
    assert_eq!(said(&world.step([])), None);
    assert_eq!(world.answers("b", 2).as_deref(), Some("True"), "told again, though it is the same");
    assert_eq!(settled(&world).len(), 1);
    assert_eq!(world.lead(false), None);
    assert_eq!(world.pipeline.poll(world.now).replicas.len(), 0);
}

#[test]
fn a_replica_that_fell_silent_before_holds_up_nothing() {
    let mut world = World::with([gateway(1, Some(1)), slice(&["b"])]);
    world.lead(true);
    world.later(20 * SECOND);
    let said = world.apply(gateway(2, Some(1)));
    assert!(said.as_deref().is_some_and(|said| said.starts_with("True whether replica b")), "{said:?}");
}

#[test]
fn replicas_are_asked_often_only_while_something_waits() {
    let mut world = World::with([gateway(1, Some(1)), slice(&["b"])]);
    world.lead(true);
    let every = |world: &World| world.pipeline.poll(world.now).every;
    assert_eq!(every(&world), IDLE);
    assert_eq!(
        world.pipeline.poll(world.now).replicas,
        BTreeMap::from([("b".into(), "10.0.0.1:9901".parse().unwrap())])
    );
    world.apply(gateway(2, Some(1)));
    assert_eq!(every(&world), WAITING);
    for _ in 0..11 {
        world.now += SECOND;
        world.answers("b", 1);
    }
    assert_eq!(every(&world), WAITING_LONG);
    world.answers("b", 2);
    assert_eq!(every(&world), IDLE);
}

/// A cluster in which the Gateway is reached by its nodes, and was at these addresses.
fn by_nodes(addresses: Value) -> World {
    let home = crate::infra::Home {
        namespace: "default".to_owned(),
        selector: BTreeMap::new(),
        owner: OwnerReference::default(),
        managed_by: "tidegate".to_owned(),
    };
    let binds = vec!["0.0.0.0".parse().unwrap()];
    let pods = attach::Pods { home, ports: ObjectKey::new("default", "ports"), binds, host: None };
    let name: Arc<str> = attach::Options::CONTROLLER_NAME.into();
    let targets = attach::Options::standalone().targets;
    let objects = events(
        "
{apiVersion: gateway.networking.k8s.io/v1, kind: GatewayClass, metadata: {name: tidegate},
 spec: {controllerName: tidegate.dev/gateway-controller,
        parametersRef: {group: tidegate.dev, kind: GatewayParameters, name: nodes, namespace: default}}}
---
{apiVersion: tidegate.dev/v1alpha1, kind: GatewayParameters, metadata: {name: nodes}, spec: {service: {type: NodePort}}}
---
{apiVersion: v1, kind: ConfigMap, metadata: {name: ports}, data: {u.tcp.81: '10240'}}
---
{apiVersion: v1, kind: Service, metadata: {name: gw-default-web-u},
 spec: {type: NodePort, ports: [{port: 81, nodePort: 31000}]}}
",
    );
    let Event::Apply(Object::Gateway(found)) = gateway(1, Some(1)) else { panic!("no Gateway") };
    let mut found = Gateway::clone(&found);
    found.status.as_mut().unwrap().addresses = serde_json::from_value(addresses).unwrap();
    let found = Event::Apply(Object::Gateway(Arc::new(found)));
    let mut world = World::deciding(
        attach::Options::cluster(name, pods, targets),
        objects.into_iter().chain([found, slice(&["b"])]),
    );
    world.pipeline.set_nodes(["192.0.2.1".parse().unwrap()].into());
    world.step([]);
    world
}

/// The addresses of the Gateway, if its status is told.
fn addresses(step: &Step) -> Option<String> {
    let wanted = step.statuses.iter().find(|wanted| wanted.id.kind == Kind::Gateway)?;
    let Body::Gateway { addresses, .. } = &wanted.body else { panic!("{wanted:?}") };
    Some(addresses.iter().map(ToString::to_string).collect::<Vec<_>>().join(" "))
}

#[test]
fn a_gateway_that_is_reached_by_nodes_is_at_those_of_all_replicas() {
    let mut world = by_nodes(json!([]));
    let peers = Peers { service: ObjectKey::new("default", "tidegate-replicas"), own: "own".into() };
    world.pipeline.lead(Some(peers), world.now);
    assert_eq!(addresses(&world.step([])), None, "a node may be missing");
    assert_eq!(world.pipeline.settled().filter(|wanted| wanted.id.kind == Kind::Gateway).count(), 0);
    world.pipeline.replica_answered("b", report(1), world.now);
    assert_eq!(addresses(&world.step([])).as_deref(), Some("192.0.2.1 192.0.2.2"));
    assert_eq!(addresses(&world.step([slice(&[])])).as_deref(), Some("192.0.2.1"));
}

#[test]
fn the_nodes_of_a_replica_that_gives_no_answer_are_not_waited_for_for_ever() {
    let mut world = by_nodes(json!([]));
    world.lead(true);
    world.now += 9 * SECOND;
    let step = world.step([]);
    assert_eq!((addresses(&step), step.next_deadline), (None, Some(world.now + SECOND)));
    world.now += SECOND;
    assert_eq!(addresses(&world.step([])).as_deref(), Some("192.0.2.1"));
}

#[test]
fn a_set_waits_for_the_replicas_that_do_not_serve_it_yet() {
    let set = "
apiVersion: gateway.networking.k8s.io/v1
kind: ListenerSet
metadata: {name: more, uid: s, generation: 1}
spec:
  parentRef: {name: web}
  listeners: [{name: more, port: 8080, protocol: HTTP}]
";
    let Event::Apply(Object::Gateway(mut gateway)) = gateway(1, Some(1)) else { panic!() };
    Arc::make_mut(&mut gateway).spec.allowed_listeners =
        Some(serde_json::from_value(json!({"namespaces": {"from": "Same"}})).unwrap());
    let mut world = World::with([Event::Apply(Object::Gateway(gateway)), slice(&["b"])]);
    world.lead(true);
    let programmed = |step: &Step| {
        let wanted = step.statuses.iter().find(|wanted| wanted.id.kind == Kind::ListenerSet)?;
        let (_, one) = wanted.conditions()[1].clone();
        Some(format!("{} {}", one.truth.as_str(), one.message).trim_end().to_owned())
    };
    let step = world.step([Event::Apply(object(set))]);
    assert_eq!((programmed(&step), step.served), (None, vec![("s".into(), Some(1))]), "it has a moment");
    world.now += SECOND;
    assert_eq!(programmed(&world.step([])).as_deref(), Some(BEHIND));
    let mut report = report(1);
    report.objects.insert("s".into(), 1);
    world.pipeline.replica_answered("b", report, world.now);
    assert_eq!(programmed(&world.step([])).as_deref(), Some("True"));
}
