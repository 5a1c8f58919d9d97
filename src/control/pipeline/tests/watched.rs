//! Where only some namespaces count.

use super::*;

const OBJECTS: &str = "
apiVersion: gateway.networking.k8s.io/v1
kind: Gateway
metadata: {name: web, generation: 1}
spec:
  gatewayClassName: tidegate
  listeners:
  - {name: http, port: 80, protocol: HTTP}
  - {name: https, port: 443, protocol: HTTPS, tls: {certificateRefs: [{name: cert, namespace: other}]}}
---
apiVersion: gateway.networking.k8s.io/v1
kind: HTTPRoute
metadata: {name: shop, generation: 1}
spec:
  parentRefs: [{name: web}, {name: web, namespace: other}]
  rules: [{backendRefs: [{name: a, port: 80, namespace: other}]}]
---
apiVersion: tidegate.dev/v1alpha1
kind: Upstream
metadata: {name: up, generation: 1}
spec: {targets: [{name: one, serviceRef: {name: a, port: 80, namespace: other}}]}
";

/// Tidegate's own namespace has Services that are known; they are nobody else's business.
const SERVICE: &str =
    "{apiVersion: v1, kind: Service, metadata: {name: a, namespace: other}, spec: {ports: [{port: 80}]}}";

const GRANT: &str = "
apiVersion: gateway.networking.k8s.io/v1
kind: ReferenceGrant
metadata: {name: all, namespace: other}
spec:
  from:
  - {group: gateway.networking.k8s.io, kind: HTTPRoute, namespace: default}
  - {group: gateway.networking.k8s.io, kind: Gateway, namespace: default}
  - {group: tidegate.dev, kind: Upstream, namespace: default}
  to: [{group: '', kind: Service}, {group: '', kind: Secret}]
";

#[test]
fn a_reference_into_a_namespace_that_is_not_watched_is_not_permitted_and_says_so() {
    let watched = Some(["default".into()].into());
    let decisions = attach::Options { watched, ..attach::Options::standalone() };
    let mut pipeline = Pipeline::new(Options { decisions, acknowledgements: false });
    let all = [OBJECTS, SERVICE, GRANT].into_iter().flat_map(events).chain(listed());
    let step = pipeline.step(all, Instant::now());
    for (kind, name, target) in [
        (Kind::Gateway, "web", "Secret other/cert"),
        (Kind::HttpRoute, "shop", "Service other/a"),
        (Kind::Upstream, "up", "Service other/a"),
    ] {
        let wanted = step.statuses.iter().find(|wanted| wanted.id == id(kind, name)).unwrap();
        let conditions = wanted.conditions();
        let refused = conditions.iter().find(|(_, condition)| condition.reason == "RefNotPermitted");
        let Some((_, refused)) = refused else { panic!("{conditions:?}") };
        let said =
            format!("{target} is in a namespace that Tidegate does not watch: add it to watchNamespaces");
        assert!(refused.message.contains(&said), "{}", refused.message);
    }
    let route = step.statuses.iter().find(|wanted| wanted.id.kind == Kind::HttpRoute).unwrap();
    assert_eq!(route.notes.len(), 1, "{:?}", route.notes);
    assert!(
        route.notes[0].starts_with(
            "spec.parentRefs[1]: Gateway other/web is not served: it is in a namespace that Tidegate does not watch"
        ),
        "{:?}",
        route.notes
    );
}
