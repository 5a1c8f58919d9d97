use super::*;
use crate::attach::{Attachments, Changes, Options};
use crate::index::Event;
use crate::index::testing::{events, id, listed};
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

struct World {
    index: Index,
    attachments: Attachments,
}

impl World {
    fn new() -> Self {
        let mut world =
            Self { index: Index::default(), attachments: Attachments::new(Options::standalone()) };
        listed().for_each(|event| world.index.handle(event));
        world.apply(WORLD);
        world
    }

    fn handle(&mut self, events: impl IntoIterator<Item = Event>) -> Changes {
        events.into_iter().for_each(|event| self.index.handle(event));
        let dirty = self.index.take_dirty();
        self.attachments.update(&self.index, &dirty)
    }

    fn apply(&mut self, yaml: &str) -> Changes {
        self.handle(events(yaml))
    }

    /// For whom retries to each target of the Upstream are counted.
    fn of_upstream(&self) -> Vec<Vec<String>> {
        let upstream = &self.attachments.upstreams[&ObjectKey::new("default", "both")];
        let entries = &upstream.served.as_ref().unwrap().entries;
        entries.iter().map(|entry| backends(&entry.retry_budgets)).collect()
    }

    fn of_service(&self, port: u16) -> Vec<String> {
        let shop = ObjectKey::new("default", "shop");
        let served = self.attachments.service_upstream(&self.index, &shop, (IpProtocol::Tcp, port)).unwrap();
        backends(&served.entries[0].retry_budgets)
    }

    /// The cookie of each backend of the route's rules.
    fn cookies(&self) -> Vec<Option<String>> {
        let route = &self.attachments.routes[&id(Kind::HttpRoute, "shop")];
        let served = route.served.as_ref().unwrap();
        assert_eq!(served.key.kind, RouteKind::Http);
        let backends = served.rules.iter().flat_map(|rule| &rule.backends);
        let cookie = |session: &SessionPersistence| match &session.carrier {
            SessionCarrier::Cookie { name, .. } => name.to_string(),
            other => panic!("{other:?}"),
        };
        backends.map(|backend| backend.session.as_ref().map(cookie)).collect()
    }

    fn told(&self, policy: &str) -> Vec<(String, PolicyAccepted)> {
        let policy = self.attachments.policy(&id(KIND, policy)).unwrap();
        let told = policy.ancestors.iter();
        told.map(|one| (one.gateway.to_string(), one.accepted.reason)).collect()
    }
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
    let mut world = World::new();
    assert_eq!(world.of_service(80), NONE);
    let changes = world.apply(&policy("calm", "Service", "shop", CONSTRAINT));
    assert_eq!(changes.services, [ObjectKey::new("default", "shop")].into());
    let shop = ["Service default/shop"];
    assert_eq!(
        (world.of_service(80), world.of_service(81)),
        (shop.map(Into::into).into(), shop.map(Into::into).into())
    );
    assert_eq!(world.of_upstream(), [vec!["Service default/shop".to_owned()], vec![]]);
    assert_eq!(world.told("calm"), by_web(PolicyAccepted::Accepted));

    world.apply(&policy("of-upstream", "Upstream", "both", CONSTRAINT));
    let both = "Upstream default/both".to_owned();
    assert_eq!(world.of_upstream(), [vec!["Service default/shop".to_owned(), both.clone()], vec![both]]);
    assert_eq!(world.told("of-upstream"), by_web(PolicyAccepted::Accepted));

    world.handle([Event::Delete(id(KIND, "calm")), Event::Delete(id(KIND, "of-upstream"))]);
    assert_eq!(world.of_service(80), NONE);
    assert_eq!(world.of_upstream(), [vec![], Vec::<String>::new()]);
    assert_eq!(world.attachments.policy(&id(KIND, "calm")), None);
}

#[test]
fn a_rule_says_before_a_policy_how_sessions_are_held_together() {
    let mut world = World::new();
    let own = Some("of-the-rule".to_owned());
    assert_eq!(world.cookies(), [None, None, own.clone()]);
    world.apply(&policy("sticky", "Service", "shop", "sessionPersistence: {cookie: {name: of-shop}}"));
    assert_eq!(world.cookies(), [Some("of-shop".to_owned()), None, own.clone()]);
    world.apply(&policy("sticky", "Service", "shop", "sessionPersistence: {cookie: {name: another}}"));
    assert_eq!(world.cookies(), [Some("another".to_owned()), None, own.clone()]);
    world.apply(&policy("sticky", "Upstream", "both", "sessionPersistence: {cookie: {name: of-both}}"));
    assert_eq!(world.cookies(), [None, Some("of-both".to_owned()), own]);
}

#[test]
fn the_first_holds_and_then_the_next() {
    let mut world = World::new();
    world.apply(&policy("b", "Service", "shop", CONSTRAINT));
    world.apply(&policy("a", "Service", "shop", "sessionPersistence: {cookie: {name: a}}"));
    assert_eq!(world.told("a"), by_web(PolicyAccepted::Accepted));
    assert_eq!(world.told("b"), by_web(PolicyAccepted::Conflicted));
    assert_eq!((world.of_service(80), world.cookies()[0].as_deref()), (vec![], Some("a")));
    let policy = world.attachments.policy(&id(KIND, "b")).unwrap();
    assert_eq!(
        policy.ancestors[0].accepted.message,
        "spec.targetRefs[0]: XBackendTrafficPolicy default/a holds for Service default/shop: \
         of several the oldest does, then the first by name"
    );
    world.handle([Event::Delete(id(KIND, "a"))]);
    assert_eq!(world.told("b"), by_web(PolicyAccepted::Accepted));
    assert_eq!((world.of_service(80).len(), world.cookies()[0].as_deref()), (1, None));
}

#[test]
fn what_is_no_target_is_told() {
    let mut world = World::new();
    world.apply(&policy("calm", "Service", "shop", CONSTRAINT));
    world.handle([Event::Delete(id(Kind::Service, "shop"))]);
    // The route still leads there.
    assert_eq!(world.told("calm"), by_web(PolicyAccepted::TargetNotFound));
    let gateway = policy("gateway", "Service", "web", CONSTRAINT)
        .replace("group: '', kind: Service", "group: gateway.networking.k8s.io, kind: Gateway");
    world.apply(&gateway);
    assert_eq!(world.told("gateway"), by_web(PolicyAccepted::Invalid));
    // One that is stored by another schema.
    let broken = policy("broken", "Upstream", "both", "retryConstraint: {budget: {percent: 101}}");
    world.apply(&broken);
    assert_eq!(world.told("broken"), by_web(PolicyAccepted::Invalid));
    assert_eq!(world.of_upstream()[1], NONE);
}
