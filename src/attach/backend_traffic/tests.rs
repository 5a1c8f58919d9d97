use super::*;
use crate::attach::testing::World;
use crate::index::Event;
use crate::index::testing::id;
use crate::model::{IpProtocol, RouteKind, SessionCarrier};

const WORLD: &str = "
apiVersion: gateway.networking.k8s.io/v1
kind: Gateway
metadata: {name: web}
spec: {gatewayClassName: tidegate, listeners: [{name: http, port: 80, protocol: HTTP}]}
---
apiVersion: v1
kind: Service
metadata: {name: shop}
spec: {ports: [{name: http, port: 80}, {name: admin, port: 81}]}
---
apiVersion: tidegate.dev/v1alpha1
kind: Upstream
metadata: {name: both}
spec:
  targets:
  - {name: shop, serviceRef: {name: shop, port: 80}}
  - {name: far, url: 'http://192.0.2.1'}
---
apiVersion: gateway.networking.k8s.io/v1
kind: HTTPRoute
metadata: {name: shop}
spec:
  parentRefs: [{name: web}]
  rules:
  - backendRefs: [{name: shop, port: 80}, {group: tidegate.dev, kind: Upstream, name: both}]
  - backendRefs: [{name: shop, port: 81}]
    sessionPersistence: {cookie: {name: of-the-rule}}
";

fn policy(name: &str, kind: &str, target: &str, spec: &str) -> String {
    let group = if kind == "Service" { "''" } else { "tidegate.dev" };
    format!(
        "
apiVersion: gateway.networking.x-k8s.io/v1alpha1
kind: XBackendTrafficPolicy
metadata: {{name: {name}}}
spec: {{targetRefs: [{{group: {group}, kind: {kind}, name: {target}}}], {spec}}}
"
    )
}

const CONSTRAINT: &str = "retryConstraint: {}";

/// For whom retries to each target of the Upstream are counted.
fn of_upstream(world: &World) -> Vec<Vec<String>> {
    let upstream = &world.attachments.upstreams[&ObjectKey::new("default", "both")];
    let entries = &upstream.served.as_ref().unwrap().entries;
    entries.iter().map(|entry| backends(&entry.retry_budgets)).collect()
}

fn of_service(world: &World, port: u16) -> Vec<String> {
    let shop = ObjectKey::new("default", "shop");
    let served = world.attachments.service_upstream(&world.index, &shop, (IpProtocol::Tcp, port)).unwrap();
    backends(&served.entries[0].retry_budgets)
}

/// The cookie of each backend of the route's rules.
fn cookies(world: &World) -> Vec<Option<String>> {
    let route = &world.attachments.routes[&id(Kind::HttpRoute, "shop")];
    let served = route.served.as_ref().unwrap();
    assert_eq!(served.key.kind, RouteKind::Http);
    let backends = served.rules.iter().flat_map(|rule| &rule.backends);
    let cookie = |session: &SessionPersistence| match &session.carrier {
        SessionCarrier::Cookie { name, .. } => name.to_string(),
        other => panic!("{other:?}"),
    };
    backends.map(|backend| backend.session.as_ref().map(cookie)).collect()
}

fn backends(budgets: &[RetryBudget]) -> Vec<String> {
    budgets.iter().map(|budget| budget.backend.to_string()).collect()
}

fn by_web(reason: PolicyAccepted) -> Vec<(String, PolicyAccepted)> {
    vec![("default/web".to_owned(), reason)]
}

const NONE: [&str; 0] = [];

#[test]
fn all_ports_of_a_service_share_a_budget_however_it_is_reached() {
    let mut world = World::standalone(WORLD);
    assert_eq!(of_service(&world, 80), NONE);
    let changes = world.apply(&policy("calm", "Service", "shop", CONSTRAINT));
    assert_eq!(changes.services, [ObjectKey::new("default", "shop")].into());
    let shop = ["Service default/shop"];
    assert_eq!(
        (of_service(&world, 80), of_service(&world, 81)),
        (shop.map(Into::into).into(), shop.map(Into::into).into())
    );
    assert_eq!(of_upstream(&world), [vec!["Service default/shop".to_owned()], vec![]]);
    assert_eq!(world.ancestors(KIND, "calm"), by_web(PolicyAccepted::Accepted));

    world.apply(&policy("of-upstream", "Upstream", "both", CONSTRAINT));
    let both = "Upstream default/both".to_owned();
    assert_eq!(of_upstream(&world), [vec!["Service default/shop".to_owned(), both.clone()], vec![both]]);
    assert_eq!(world.ancestors(KIND, "of-upstream"), by_web(PolicyAccepted::Accepted));

    world.handle([Event::Delete(id(KIND, "calm")), Event::Delete(id(KIND, "of-upstream"))]);
    assert_eq!(of_service(&world, 80), NONE);
    assert_eq!(of_upstream(&world), [vec![], Vec::<String>::new()]);
    assert_eq!(world.attachments.policy(&id(KIND, "calm")), None);
}

#[test]
fn a_rule_says_before_a_policy_how_sessions_are_held_together() {
    let mut world = World::standalone(WORLD);
    let own = Some("of-the-rule".to_owned());
    assert_eq!(cookies(&world), [None, None, own.clone()]);
    world.apply(&policy("sticky", "Service", "shop", "sessionPersistence: {cookie: {name: of-shop}}"));
    assert_eq!(cookies(&world), [Some("of-shop".to_owned()), None, own.clone()]);
    world.apply(&policy("sticky", "Service", "shop", "sessionPersistence: {cookie: {name: another}}"));
    assert_eq!(cookies(&world), [Some("another".to_owned()), None, own.clone()]);
    world.apply(&policy("sticky", "Upstream", "both", "sessionPersistence: {cookie: {name: of-both}}"));
    assert_eq!(cookies(&world), [None, Some("of-both".to_owned()), own]);
}

#[test]
fn the_first_holds_and_then_the_next() {
    let mut world = World::standalone(WORLD);
    world.apply(&policy("b", "Service", "shop", CONSTRAINT));
    world.apply(&policy("a", "Service", "shop", "sessionPersistence: {cookie: {name: a}}"));
    assert_eq!(world.ancestors(KIND, "a"), by_web(PolicyAccepted::Accepted));
    assert_eq!(world.ancestors(KIND, "b"), by_web(PolicyAccepted::Conflicted));
    assert_eq!((of_service(&world, 80), cookies(&world)[0].as_deref()), (vec![], Some("a")));
    let policy = world.attachments.policy(&id(KIND, "b")).unwrap();
    assert_eq!(
        policy.ancestors[0].accepted.message,
        "spec.targetRefs[0]: XBackendTrafficPolicy default/a holds for Service default/shop: \
         of several the oldest does, then the first by name"
    );
    world.handle([Event::Delete(id(KIND, "a"))]);
    assert_eq!(world.ancestors(KIND, "b"), by_web(PolicyAccepted::Accepted));
    assert_eq!((of_service(&world, 80).len(), cookies(&world)[0].as_deref()), (1, None));
}

#[test]
fn what_is_no_target_is_told() {
    let mut world = World::standalone(WORLD);
    world.apply(&policy("calm", "Service", "shop", CONSTRAINT));
    world.handle([Event::Delete(id(Kind::Service, "shop"))]);
    // The route still leads there.
    assert_eq!(world.ancestors(KIND, "calm"), by_web(PolicyAccepted::TargetNotFound));
    let gateway = policy("gateway", "Service", "web", CONSTRAINT)
        .replace("group: '', kind: Service", "group: gateway.networking.k8s.io, kind: Gateway");
    world.apply(&gateway);
    assert_eq!(world.ancestors(KIND, "gateway"), by_web(PolicyAccepted::Invalid));
    // One that is stored by another schema.
    let broken = policy("broken", "Upstream", "both", "retryConstraint: {budget: {percent: 101}}");
    world.apply(&broken);
    assert_eq!(world.ancestors(KIND, "broken"), by_web(PolicyAccepted::Invalid));
    assert_eq!(of_upstream(&world)[1], NONE);
}
