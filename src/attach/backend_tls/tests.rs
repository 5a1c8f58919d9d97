use super::*;
use crate::attach::testing::World;
use crate::index::testing::id;
use crate::model::{EntrySource, IpProtocol, Reason};
use std::collections::BTreeSet;

const WORLD: &str = "
apiVersion: gateway.networking.k8s.io/v1
kind: Gateway
metadata: {name: web}
spec: {gatewayClassName: tidegate, listeners: [{name: http, port: 80, protocol: HTTP}]}
---
apiVersion: v1
kind: Service
metadata: {name: shop}
spec: {ports: [{name: https, port: 443}, {name: admin, port: 444}]}
---
apiVersion: v1
kind: Service
metadata: {name: other}
spec: {ports: [{port: 443}]}
";

fn route(name: &str, service: &str) -> String {
    format!(
        "
apiVersion: gateway.networking.k8s.io/v1
kind: HTTPRoute
metadata: {{name: {name}}}
spec: {{parentRefs: [{{name: web}}], rules: [{{backendRefs: [{{name: {service}, port: 443}}]}}]}}
"
    )
}

/// A policy for a Service that trusts a ConfigMap.
fn policy(name: &str, service: &str, ca: &str) -> String {
    format!(
        "
apiVersion: gateway.networking.k8s.io/v1
kind: BackendTLSPolicy
metadata: {{name: {name}}}
spec:
  targetRefs: [{{group: '', kind: Service, name: {service}}}]
  validation: {{hostname: a.example, caCertificateRefs: [{{group: '', kind: ConfigMap, name: {ca}}}]}}
"
    )
}

/// A new certificate each time.
fn config_map(name: &str) -> String {
    let pem = rcgen::generate_simple_self_signed(["a.example".to_owned()]).unwrap().cert.pem();
    let pem = pem.replace('\n', "\n    ");
    format!("apiVersion: v1\nkind: ConfigMap\nmetadata: {{name: {name}}}\ndata:\n  ca.crt: |\n    {pem}\n")
}

fn world(yaml: &[&str]) -> World {
    World::standalone(&[&[WORLD], yaml].concat().join("\n---\n"))
}

/// What the Service's port is reached with.
fn served(world: &World, service: &str, port: u16) -> Result<Option<OriginateTls>, Reason> {
    let service = ObjectKey::new("default", service);
    let upstream =
        world.attachments.service_upstream(&world.index, &service, (IpProtocol::Tcp, port)).unwrap();
    let entry = upstream.entries.into_iter().next().unwrap();
    match entry.source {
        EntrySource::Endpoints(_) => Ok(entry.tls),
        EntrySource::Closed(reason) => Err(reason),
        other => panic!("{other:?}"),
    }
}

fn by_web(reason: PolicyAccepted) -> Vec<(String, PolicyAccepted)> {
    vec![("default/web".to_owned(), reason)]
}

#[test]
fn a_service_is_closed_until_its_authority_is_known() {
    let mut world = world(&[&route("shop", "shop")]);
    assert_eq!(served(&world, "shop", 443), Ok(None));
    let changes = world.apply(&policy("tls", "shop", "ca"));
    assert_eq!(changes.services, [ObjectKey::new("default", "shop")].into());
    assert_eq!(served(&world, "shop", 443), Err(Reason::InvalidBackendTls));
    assert_eq!(world.ancestors(KIND, "tls"), by_web(PolicyAccepted::NoValidCaCertificate));

    world.apply(&config_map("ca"));
    assert_eq!(world.ancestors(KIND, "tls"), by_web(PolicyAccepted::Accepted));
    let first = served(&world, "shop", 443).unwrap().unwrap();
    assert_eq!(&*first.server_name, "a.example");

    let changes = world.apply(&config_map("ca"));
    assert_ne!(served(&world, "shop", 443).unwrap().unwrap().trust, first.trust);
    assert_eq!(changes.work.routes, 0, "a new certificate concerns no route");
    assert_eq!(changes.objects, BTreeSet::new(), "and no status");

    world.apply("{apiVersion: v1, kind: ConfigMap, metadata: {name: ca}, data: {ca.crt: ''}}");
    assert_eq!(served(&world, "shop", 443), Err(Reason::InvalidBackendTls));
    world.apply(&config_map("ca"));
    assert!(served(&world, "shop", 443).unwrap().is_some());
    world.delete(Kind::ConfigMap, "ca");
    assert_eq!(served(&world, "shop", 443), Err(Reason::InvalidBackendTls));
    world.delete(Kind::BackendTlsPolicy, "tls");
    assert_eq!(served(&world, "shop", 443), Ok(None));
    assert_eq!(world.attachments.policy(&id(KIND, "tls")), None);
}

#[test]
fn the_next_one_holds_when_the_first_is_gone() {
    let mut world = world(&[&route("shop", "shop"), &config_map("ca")]);
    world.apply(&policy("b", "shop", "ca"));
    assert_eq!(world.ancestors(KIND, "b"), by_web(PolicyAccepted::Accepted));
    let changes = world.apply(&policy("a", "shop", "missing"));
    let both = [id(KIND, "a"), id(KIND, "b")];
    assert_eq!(changes.objects, both.into(), "the other one is told, too");
    assert_eq!(world.ancestors(KIND, "b"), by_web(PolicyAccepted::Conflicted));
    assert_eq!(served(&world, "shop", 443), Err(Reason::InvalidBackendTls), "a bad one holds as well");
    world.delete(KIND, "a");
    assert_eq!(world.ancestors(KIND, "b"), by_web(PolicyAccepted::Accepted));
    assert!(served(&world, "shop", 443).unwrap().is_some());
}

#[test]
fn gateways_come_and_go_with_routes() {
    let mut world = world(&[&config_map("ca"), &policy("tls", "shop", "ca")]);
    assert_eq!(world.ancestors(KIND, "tls"), []);
    world.apply(&route("one", "shop"));
    assert_eq!(world.ancestors(KIND, "tls"), by_web(PolicyAccepted::Accepted));
    let changes = world.apply(&route("two", "shop"));
    assert_eq!(changes.objects, [id(Kind::HttpRoute, "two"), id(Kind::Gateway, "web")].into());
    world.apply(&route("one", "other"));
    assert_eq!(world.ancestors(KIND, "tls"), by_web(PolicyAccepted::Accepted));
    world.apply(&route("two", "other"));
    assert_eq!(world.ancestors(KIND, "tls"), []);

    world.apply(&route("one", "up").replace("port: 443", "group: tidegate.dev, kind: Upstream"));
    assert_eq!(world.ancestors(KIND, "tls"), []);
    let upstream = |service: &str| {
        format!(
            "{{apiVersion: tidegate.dev/v1alpha1, kind: Upstream, metadata: {{name: up}}, \
             spec: {{targets: [{{name: a, serviceRef: {{name: {service}, port: 443}}}}]}}}}"
        )
    };
    world.apply(&upstream("shop"));
    assert_eq!(world.ancestors(KIND, "tls"), by_web(PolicyAccepted::Accepted));
    let tls = |world: &World| {
        let upstream = &world.attachments.upstreams[&ObjectKey::new("default", "up")];
        upstream.served.as_ref().unwrap().entries[0].tls.clone()
    };
    assert!(tls(&world).is_some());
    world.apply(&upstream("other"));
    assert_eq!((world.ancestors(KIND, "tls"), tls(&world)), (vec![], None));
    world.apply(&upstream("shop"));
    world.delete(KIND, "tls");
    assert_eq!(tls(&world), None);
    world.apply(&policy("tls", "shop", "ca"));
    assert!(tls(&world).is_some());
    world.delete(Kind::Gateway, "web");
    assert_eq!(world.ancestors(KIND, "tls"), []);
}

#[test]
fn a_port_that_is_known_for_tls_needs_a_policy() {
    let mut world = world(&[&route("shop", "shop")]);
    let resolved = |world: &World| {
        let route = &world.attachments.routes[&id(Kind::HttpRoute, "shop")];
        (route.resolved_refs.holds(), route.resolved_refs.message.clone())
    };
    let service = "{apiVersion: v1, kind: Service, metadata: {name: shop}, \
                   spec: {ports: [{port: 443, appProtocol: HTTPS}]}}";
    world.apply(service);
    let (holds, message) = resolved(&world);
    assert!(!holds && message.contains("attach one to the Service"), "{message}");
    world.apply(&policy("tls", "shop", "ca"));
    assert_eq!(resolved(&world), (true, String::new()), "what is wrong with the policy, the policy says");
    world.delete(KIND, "tls");
    assert!(!resolved(&world).0);
}
