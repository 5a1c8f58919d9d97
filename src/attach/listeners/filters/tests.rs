use crate::api::Kind;
use crate::attach::Listener;
use crate::attach::testing::World;
use crate::attach::verdict::{ListenerAccepted, PolicyAccepted};
use crate::index::Event;
use crate::index::testing::{events, id};
use crate::model::{BackendTarget, ObjectKey};

/// Who is asked is in the Service `auth`, whose pods speak TLS, and in the Upstream `outside`.
const WORLD: &str = "
apiVersion: v1
kind: Service
metadata: {name: auth}
spec: {ports: [{port: 443, appProtocol: https}]}
---
apiVersion: gateway.networking.k8s.io/v1
kind: Gateway
metadata: {name: web}
spec:
  gatewayClassName: tidegate
  allowedListeners: {namespaces: {from: All}}
  listeners:
  - name: http
    port: 80
    protocol: HTTP
    filters:
      requests:
      - {type: ExternalAuth, externalAuth: {protocol: HTTP, http: {}, backendRef: {name: auth, port: 443}}}
  - {name: plain, port: 81, protocol: HTTP}
---
apiVersion: gateway.networking.k8s.io/v1
kind: ListenerSet
metadata: {name: set}
spec:
  parentRef: {name: web}
  listeners:
  - name: http
    port: 82
    protocol: HTTP
    filters:
      requests:
      - type: ExternalAuth
        externalAuth: {protocol: GRPC, grpc: {}, backendRef: {group: tidegate.dev, kind: Upstream, name: outside}}
";

const POLICY: &str = "
apiVersion: gateway.networking.k8s.io/v1
kind: BackendTLSPolicy
metadata: {name: auth}
spec:
  targetRefs: [{group: '', kind: Service, name: auth}]
  validation: {hostname: auth.example, wellKnownCACertificates: System}
";

const UPSTREAM: &str = "
apiVersion: tidegate.dev/v1alpha1
kind: Upstream
metadata: {name: outside}
spec: {targets: [{name: one, url: 'http://auth.example'}]}
";

fn listener(world: &World, at: usize) -> &Listener {
    &world.attachments.gateways[&ObjectKey::new("default", "web")].listeners[at]
}

/// Why a filter's service cannot be asked; nothing if it can, which traffic agrees on.
fn unresolved(world: &World, at: usize) -> String {
    let listener = listener(world, at);
    let filters = &listener.served.as_ref().unwrap().filters;
    let is_broken = matches!(filters[0].target, BackendTarget::Broken { .. });
    assert_eq!(is_broken, !listener.resolved_refs.holds());
    listener.resolved_refs.message.clone()
}

#[test]
fn a_policy_of_the_service_counts_and_is_told_the_gateway() {
    let mut world = World::standalone(WORLD);
    assert!(unresolved(&world, 0).contains("no BackendTLSPolicy"), "{}", unresolved(&world, 0));
    let changes = world.apply(POLICY);
    assert_eq!(unresolved(&world, 0), "");
    assert_eq!(
        world.ancestors(Kind::BackendTlsPolicy, "auth"),
        [("default/web".to_owned(), PolicyAccepted::Accepted)]
    );
    assert!(changes.objects.contains(&id(Kind::Gateway, "web")));
    // Without the filter nobody is asked, and the policy is nobody's.
    let without = WORLD.replacen("name: auth, port: 443}}}", "name: other, port: 443}}}", 1);
    world.apply(&without);
    assert_eq!(world.ancestors(Kind::BackendTlsPolicy, "auth"), []);
    world.apply(WORLD);
    assert_eq!(
        world.ancestors(Kind::BackendTlsPolicy, "auth"),
        [("default/web".to_owned(), PolicyAccepted::Accepted)]
    );
    world.handle([Event::Delete(id(Kind::BackendTlsPolicy, "auth"))]);
    assert!(unresolved(&world, 0).contains("no BackendTLSPolicy"));
}

#[test]
fn an_upstream_that_comes_and_goes_is_seen_at_once() {
    let mut world = World::standalone(WORLD);
    assert!(unresolved(&world, 2).ends_with("Upstream default/outside does not exist"));
    let changes = world.apply(UPSTREAM);
    assert_eq!(unresolved(&world, 2), "");
    assert!(changes.objects.contains(&id(Kind::ListenerSet, "set")));
    assert_eq!(changes.work.gateways, 1);
    // What changes nothing for those who refer to it costs them nothing.
    let changes = world.apply(&UPSTREAM.replace("auth.example", "other.example"));
    assert_eq!(changes.work.gateways, 0);
    world.handle([Event::Delete(id(Kind::Upstream, "outside"))]);
    assert!(unresolved(&world, 2).ends_with("Upstream default/outside does not exist"));
}

/// An API server has a rule against it, but whoever has other CRDs would think that it holds.
#[test]
fn a_filter_where_no_request_is_seen_is_no_listener() {
    let mut world = World::standalone(WORLD);
    let mut object = events(WORLD).into_iter().find_map(|event| match event {
        Event::Apply(crate::api::Object::Gateway(gateway)) => Some((*gateway).clone()),
        _ => None,
    });
    let gateway = object.as_mut().unwrap();
    gateway.spec.listeners[0].protocol = "TCP".to_owned();
    let object = crate::api::Object::Gateway(std::sync::Arc::new(gateway.clone()));
    world.handle([Event::Apply(object)]);
    let first = listener(&world, 0);
    assert_eq!((first.accepted.reason, &first.served), (ListenerAccepted::InvalidListenerFilter, &None));
    assert!(first.accepted.message.starts_with("spec.listeners[0].filters: "));
    assert!(listener(&world, 1).accepted.holds());
}
