use super::*;
use crate::attach::Changes;
use crate::attach::testing::World;
use crate::index::testing::id;

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

fn world(manifests: &[&str]) -> World {
    World::standalone(&[&[WORLD], manifests].concat().join("\n---\n"))
}

fn apply(world: &mut World, manifests: &[&str]) -> Changes {
    world.apply(&manifests.join("\n---\n"))
}

/// Collector and protocol of the Gateway `web`.
fn tracing(world: &World) -> Option<(String, OtlpProtocol)> {
    let tracing = world.attachments.tracing(&ObjectKey::new("default", "web"))?;
    Some((tracing.collector.to_string(), tracing.protocol))
}

fn reasons(world: &World, policy: &str) -> (Vec<&'static str>, &'static str) {
    use crate::attach::verdict::Reason;
    let found = world.attachments.policy(&id(KIND, policy)).unwrap();
    let accepted = found.ancestors.iter().map(|one| one.accepted.reason.as_str()).collect();
    (accepted, found.resolved_refs.as_ref().unwrap().reason)
}

#[test]
fn what_a_port_says_decides_what_is_spoken() {
    use OtlpProtocol::{Grpc, Http};
    let mut world = world(&[]);
    for (port, protocol) in [(80, Http), (81, Grpc), (4317, Http), (82, Grpc), (83, Http)] {
        apply(&mut world, &[&policy("a", "1", "web", &format!("name: collector, port: {port}"))]);
        assert_eq!(tracing(&world), Some((format!("Service default/collector:{port}"), protocol)));
    }
    let service = "apiVersion: v1\nkind: Service\nmetadata: {name: bare}\nspec: {ports: [{port: 4317}]}";
    apply(&mut world, &[service, &policy("a", "1", "web", "name: bare, port: 4317")]);
    assert_eq!(tracing(&world), Some(("Service default/bare:4317".to_owned(), Grpc)));
    for (url, protocol) in [("http://a.example:4317", Grpc), ("https://a.example/otlp", Http)] {
        let upstream = format!(
            "apiVersion: tidegate.dev/v1alpha1\nkind: Upstream\nmetadata: {{name: up}}\n\
             spec: {{targets: [{{name: a, url: '{url}'}}]}}"
        );
        apply(
            &mut world,
            &[&upstream, &policy("a", "1", "web", "group: tidegate.dev, kind: Upstream, name: up")],
        );
        assert_eq!(tracing(&world), Some(("Upstream default/up".to_owned(), protocol)), "{url}");
    }
}

#[test]
fn the_oldest_holds_and_the_next_when_it_goes() {
    let young = policy("a-young", "2", "web", "name: collector, port: 80");
    let old = policy("old", "1", "web", "name: collector, port: 81");
    let mut world = world(&[&young]);
    assert_eq!(tracing(&world).unwrap().0, "Service default/collector:80");
    let changes = apply(&mut world, &[&old]);
    assert_eq!(tracing(&world).unwrap().0, "Service default/collector:81");
    assert_eq!(reasons(&world, "a-young"), (vec!["Conflicted"], "ResolvedRefs"));
    assert_eq!(reasons(&world, "old"), (vec!["Accepted"], "ResolvedRefs"));
    assert_eq!(changes.of(Kind::XTelemetryPolicy).count(), 2);
    assert_eq!(changes.of(Kind::Gateway).count(), 1);
    world.delete(Kind::XTelemetryPolicy, "old");
    assert_eq!(tracing(&world).unwrap().0, "Service default/collector:80");
    assert_eq!(reasons(&world, "a-young"), (vec!["Accepted"], "ResolvedRefs"));
    // The same age: by name.
    apply(&mut world, &[&policy("b", "2", "web", "name: collector, port: 81")]);
    assert_eq!(reasons(&world, "b").0, ["Conflicted"]);
    apply(&mut world, &[&policy("a", "2", "web", "name: collector, port: 81")]);
    assert_eq!(
        (reasons(&world, "a").0, reasons(&world, "a-young").0),
        (vec!["Accepted"], vec!["Conflicted"])
    );
}

#[test]
fn what_a_policy_rests_on_may_come_and_go() {
    let mut world = world(&[&policy("a", "1", "second", "name: later, port: 4317")]);
    assert_eq!(reasons(&world, "a"), (vec![], "BackendNotFound"));
    let gateway = "apiVersion: gateway.networking.k8s.io/v1\nkind: Gateway\nmetadata: {name: second}\n\
                   spec: {gatewayClassName: tidegate, listeners: [{name: http, port: 81, protocol: HTTP}]}";
    let second = ObjectKey::new("default", "second");
    apply(&mut world, &[gateway]);
    assert_eq!(reasons(&world, "a"), (vec!["Accepted"], "BackendNotFound"));
    assert_eq!(world.attachments.tracing(&second), None);
    let later = "apiVersion: v1\nkind: Service\nmetadata: {name: later}\nspec: {ports: [{port: 4317}]}";
    let changes = apply(&mut world, &[later]);
    assert_eq!(reasons(&world, "a"), (vec!["Accepted"], "ResolvedRefs"));
    assert_eq!(world.attachments.tracing(&second).unwrap().service_name, "second".into());
    assert!(changes.of(Kind::Gateway).any(|key| *key == second));
    assert_eq!((changes.work.routes, changes.work.gateways), (0, 0), "nothing else is looked at");
    world.delete(Kind::Service, "later");
    assert_eq!(world.attachments.tracing(&second), None);
    world.delete(Kind::Gateway, "second");
    assert_eq!(reasons(&world, "a"), (vec![], "BackendNotFound"));
    world.delete(Kind::XTelemetryPolicy, "a");
    assert_eq!(world.attachments.policy(&id(KIND, "a")), None);
}

#[test]
fn an_edit_that_means_nothing_changes_nothing() {
    let mut world = world(&[&policy("a", "1", "web", "name: collector, port: 81")]);
    let changes = apply(
        &mut world,
        &["
apiVersion: v1
kind: Service
metadata: {name: collector}
spec: {ports: [{name: otlp-grpc, port: 81}, {name: more, port: 99}]}
"],
    );
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
    let mut world = world(&[tls]);
    let key = id(Kind::BackendTlsPolicy, "tls");
    let ancestors = |world: &World| world.attachments.policy(&key).unwrap().ancestors.len();
    assert_eq!(ancestors(&world), 0);
    apply(&mut world, &[&policy("a", "1", "web", "name: collector, port: 81")]);
    assert_eq!(ancestors(&world), 1);
    world.delete(Kind::XTelemetryPolicy, "a");
    assert_eq!(ancestors(&world), 0);
}
