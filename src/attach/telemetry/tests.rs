use super::*;
use crate::attach::{Attachments, Changes, Options};
use crate::index::Event;
use crate::index::testing::{events, id, listed};

const WORLD: &str = "
apiVersion: gateway.networking.k8s.io/v1
kind: Gateway
metadata: {name: web}
spec: {gatewayClassName: tidegate, listeners: [{name: http, port: 80, protocol: HTTP}]}
---
apiVersion: v1
kind: Service
metadata: {name: collector}
spec:
  ports:
  - {name: plain, port: 80}
  - {name: otlp-grpc, port: 81}
  - {name: otlp-http, port: 4317}
  - {name: known, port: 82, appProtocol: kubernetes.io/h2c}
  - {name: grpc, port: 83, appProtocol: http}
";

fn policy(name: &str, created: &str, gateway: &str, backend: &str) -> String {
    format!(
        "
apiVersion: gateway.networking.x-k8s.io/v1alpha1
kind: XTelemetryPolicy
metadata: {{name: {name}, creationTimestamp: '2026-01-0{created}T00:00:00Z'}}
spec:
  targetRefs: [{{group: gateway.networking.k8s.io, kind: Gateway, name: {gateway}}}]
  tracing: {{mode: Enabled, provider: {{backendRef: {{{backend}}}}}}}
"
    )
}

struct World {
    index: Index,
    attachments: Attachments,
}

impl World {
    fn new(manifests: &[&str]) -> Self {
        let attachments = Attachments::new(Options::standalone());
        let mut world = Self { index: Index::default(), attachments };
        listed().for_each(|event| world.index.handle(event));
        world.apply(&[&[WORLD], manifests].concat());
        world
    }

    fn apply(&mut self, manifests: &[&str]) -> Changes {
        events(&manifests.join("\n---\n")).into_iter().for_each(|event| self.index.handle(event));
        self.update()
    }

    fn delete(&mut self, kind: Kind, name: &str) -> Changes {
        self.index.handle(Event::Delete(id(kind, name)));
        self.update()
    }

    fn update(&mut self) -> Changes {
        let dirty = self.index.take_dirty();
        self.attachments.update(&self.index, &dirty)
    }

    /// Collector and protocol of the Gateway `web`.
    fn tracing(&self) -> Option<(String, OtlpProtocol)> {
        let tracing = self.attachments.tracing(&ObjectKey::new("default", "web"))?;
        Some((tracing.collector.to_string(), tracing.protocol))
    }

    fn reasons(&self, policy: &str) -> (Vec<&'static str>, &'static str) {
        use crate::attach::verdict::Reason;
        let found = self.attachments.policy(&id(KIND, policy)).unwrap();
        let accepted = found.ancestors.iter().map(|one| one.accepted.reason.as_str()).collect();
        (accepted, found.resolved_refs.as_ref().unwrap().reason)
    }
}

#[test]
fn what_a_port_says_decides_what_is_spoken() {
    use OtlpProtocol::{Grpc, Http};
    let mut world = World::new(&[]);
    for (port, protocol) in [(80, Http), (81, Grpc), (4317, Http), (82, Grpc), (83, Http)] {
        world.apply(&[&policy("a", "1", "web", &format!("name: collector, port: {port}"))]);
        assert_eq!(world.tracing(), Some((format!("Service default/collector:{port}"), protocol)));
    }
    let service = "apiVersion: v1\nkind: Service\nmetadata: {name: bare}\nspec: {ports: [{port: 4317}]}";
    world.apply(&[service, &policy("a", "1", "web", "name: bare, port: 4317")]);
    assert_eq!(world.tracing(), Some(("Service default/bare:4317".to_owned(), Grpc)));
    for (url, protocol) in [("http://a.example:4317", Grpc), ("https://a.example/otlp", Http)] {
        let upstream = format!(
            "apiVersion: tidegate.dev/v1alpha1\nkind: Upstream\nmetadata: {{name: up}}\n\
             spec: {{targets: [{{name: a, url: '{url}'}}]}}"
        );
        world.apply(&[&upstream, &policy("a", "1", "web", "group: tidegate.dev, kind: Upstream, name: up")]);
        assert_eq!(world.tracing(), Some(("Upstream default/up".to_owned(), protocol)), "{url}");
    }
}

#[test]
fn the_oldest_holds_and_the_next_when_it_goes() {
    let young = policy("a-young", "2", "web", "name: collector, port: 80");
    let old = policy("old", "1", "web", "name: collector, port: 81");
    let mut world = World::new(&[&young]);
    assert_eq!(world.tracing().unwrap().0, "Service default/collector:80");
    let changes = world.apply(&[&old]);
    assert_eq!(world.tracing().unwrap().0, "Service default/collector:81");
    assert_eq!(world.reasons("a-young"), (vec!["Conflicted"], "ResolvedRefs"));
    assert_eq!(world.reasons("old"), (vec!["Accepted"], "ResolvedRefs"));
    assert_eq!(changes.of(Kind::XTelemetryPolicy).count(), 2);
    assert_eq!(changes.of(Kind::Gateway).count(), 1);
    world.delete(Kind::XTelemetryPolicy, "old");
    assert_eq!(world.tracing().unwrap().0, "Service default/collector:80");
    assert_eq!(world.reasons("a-young"), (vec!["Accepted"], "ResolvedRefs"));
    // The same age: by name.
    world.apply(&[&policy("b", "2", "web", "name: collector, port: 81")]);
    assert_eq!(world.reasons("b").0, ["Conflicted"]);
    world.apply(&[&policy("a", "2", "web", "name: collector, port: 81")]);
    assert_eq!((world.reasons("a").0, world.reasons("a-young").0), (vec!["Accepted"], vec!["Conflicted"]));
}

#[test]
fn what_a_policy_rests_on_may_come_and_go() {
    let mut world = World::new(&[&policy("a", "1", "second", "name: later, port: 4317")]);
    assert_eq!(world.reasons("a"), (vec![], "BackendNotFound"));
    let gateway = "apiVersion: gateway.networking.k8s.io/v1\nkind: Gateway\nmetadata: {name: second}\n\
                   spec: {gatewayClassName: tidegate, listeners: [{name: http, port: 81, protocol: HTTP}]}";
    let second = ObjectKey::new("default", "second");
    world.apply(&[gateway]);
    assert_eq!(world.reasons("a"), (vec!["Accepted"], "BackendNotFound"));
    assert_eq!(world.attachments.tracing(&second), None);
    let changes = world
        .apply(&["apiVersion: v1\nkind: Service\nmetadata: {name: later}\nspec: {ports: [{port: 4317}]}"]);
    assert_eq!(world.reasons("a"), (vec!["Accepted"], "ResolvedRefs"));
    assert_eq!(world.attachments.tracing(&second).unwrap().service_name, "second".into());
    assert!(changes.of(Kind::Gateway).any(|key| *key == second));
    assert_eq!((changes.work.routes, changes.work.gateways), (0, 0), "nothing else is looked at");
    world.delete(Kind::Service, "later");
    assert_eq!(world.attachments.tracing(&second), None);
    world.delete(Kind::Gateway, "second");
    assert_eq!(world.reasons("a"), (vec![], "BackendNotFound"));
    world.delete(Kind::XTelemetryPolicy, "a");
    assert_eq!(world.attachments.policy(&id(KIND, "a")), None);
}

#[test]
fn an_edit_that_means_nothing_changes_nothing() {
    let mut world = World::new(&[&policy("a", "1", "web", "name: collector, port: 81")]);
    let changes = world.apply(&["
apiVersion: v1
kind: Service
metadata: {name: collector}
spec: {ports: [{name: otlp-grpc, port: 81}, {name: more, port: 99}]}
"]);
    assert_eq!(changes.objects, BTreeSet::new());
}

#[test]
fn a_policy_that_protects_the_collector_knows_its_gateway() {
    let tls = "
apiVersion: gateway.networking.k8s.io/v1
kind: BackendTLSPolicy
metadata: {name: tls}
spec:
  targetRefs: [{group: '', kind: Service, name: collector}]
  validation: {hostname: a.example, wellKnownCACertificates: System}
";
    let mut world = World::new(&[tls]);
    let key = id(Kind::BackendTlsPolicy, "tls");
    let ancestors = |world: &World| world.attachments.policy(&key).unwrap().ancestors.len();
    assert_eq!(ancestors(&world), 0);
    world.apply(&[&policy("a", "1", "web", "name: collector, port: 81")]);
    assert_eq!(ancestors(&world), 1);
    world.delete(Kind::XTelemetryPolicy, "a");
    assert_eq!(ancestors(&world), 0);
}
