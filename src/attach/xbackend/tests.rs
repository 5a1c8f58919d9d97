use super::*;
use crate::attach::testing::World;
use crate::attach::{Changes, Options, Pods};
use crate::index::Event;
use crate::index::testing::id;
use crate::infra::objects_for_tests::home;
use crate::support::forbidden::TargetPolicy;

const WORLD: &str = "
apiVersion: gateway.networking.k8s.io/v1
kind: GatewayClass
metadata: {name: tidegate}
spec: {controllerName: tidegate.dev/gateway-controller}
---
apiVersion: gateway.networking.k8s.io/v1
kind: Gateway
metadata: {name: web, uid: g}
spec: {gatewayClassName: tidegate, listeners: [{name: http, port: 80, protocol: HTTP}]}
";

fn route(backends: &[&str], more: &str) -> String {
    let reference =
        |name: &&str| format!("{{group: gateway.networking.x-k8s.io, kind: XBackend, name: {name}}}");
    let backends: Vec<_> = backends.iter().map(reference).collect();
    format!(
        "
apiVersion: gateway.networking.k8s.io/v1
kind: HTTPRoute
metadata: {{name: shop}}
spec: {{parentRefs: [{{name: web}}], rules: [{{backendRefs: [{}]{more}}}]}}
",
        backends.join(", ")
    )
}

fn pods(app: &str, port: u16, more: &str) -> String {
    format!(
        "
apiVersion: gateway.networking.x-k8s.io/v1alpha1
kind: XBackend
metadata: {{name: carts, uid: x}}
spec:
  type: EndpointSelector
  port: {{number: {port}}}
  endpointSelector: {{matchLabels: {{app: {app}}}}}
  {more}
"
    )
}

fn host(name: &str) -> String {
    format!(
        "
apiVersion: gateway.networking.x-k8s.io/v1alpha1
kind: XBackend
metadata: {{name: carts, uid: x}}
spec: {{type: ExternalHostname, port: {{number: 80}}, externalHostname: {{hostname: {name}}}}}
"
    )
}

fn in_cluster() -> World {
    let pods = Pods {
        home: home(),
        ports: ObjectKey::new("tidegate-system", "ports"),
        binds: Vec::new(),
        host: None,
    };
    let targets = TargetPolicy::new(false, Vec::new());
    World::new(Options::cluster(Options::CONTROLLER_NAME.into(), pods, targets), WORLD)
}

fn selections(world: &World) -> Vec<Selection> {
    world.attachments.plan(&world.index).unwrap().selections
}

/// What the API server makes of the wanted Service.
fn make(world: &mut World, name: &str, age: u8) -> Changes {
    let [Selection { wish: Wish::Service(wanted), .. }] = &*selections(world) else {
        panic!("nothing wanted")
    };
    let mut made = wanted.clone();
    made.metadata.generate_name = None;
    made.metadata.name = Some(name.to_owned());
    let mut made = serde_json::to_value(made).unwrap();
    made["metadata"]["creationTimestamp"] = format!("2026-01-0{}T00:00:00Z", 9 - age).into();
    let made = crate::api::Object::from_value(Kind::Service, made).unwrap();
    world.handle([Event::Apply(made)])
}

fn found(world: &World) -> &XBackend {
    &world.attachments.xbackends()[&ObjectKey::new("default", "carts")]
}

fn source(world: &World) -> EntrySource {
    found(world).served.as_ref().unwrap().entries[0].source.clone()
}

fn endpoints_of(service: &str) -> EntrySource {
    let service = ObjectKey::new("default", service);
    EntrySource::Endpoints(EndpointsKey { service, port: 80, protocol: IpProtocol::Tcp })
}

#[test]
fn a_service_is_wanted_from_when_a_route_that_is_served_leads_there() {
    let mut world = in_cluster();
    world.apply(&pods("carts", 8080, ""));
    assert_eq!(selections(&world), []);
    world.apply(&route(&["carts"], "").replace("name: web", "name: other"));
    assert_eq!(selections(&world), [], "the route is nobody's");
    world.apply(&route(&["carts"], ""));
    assert_eq!(found(&world).gateways, [ObjectKey::new("default", "web")].into());
    assert!(selections(&world)[0].missing().is_some());
    assert_eq!(source(&world), EntrySource::Broken);

    let changes = make(&mut world, "xb-carts-1", 0);
    assert_eq!(source(&world), endpoints_of("xb-carts-1"));
    assert_eq!(changes.work.routes, 0, "that concerns no route");
    assert_eq!(changes.objects, [id(KIND, "carts")].into());
    assert_eq!(selections(&world)[0].missing(), None);

    // It stays while requests go elsewhere.
    world.handle([Event::Delete(id(Kind::HttpRoute, "shop"))]);
    assert!(found(&world).gateways.is_empty());
    let selections = selections(&world);
    assert_eq!((selections[0].missing(), selections[0].surplus().len()), (None, 0));
}

#[test]
fn of_two_services_the_older_counts() {
    let mut world = in_cluster();
    world.apply(&(pods("carts", 8080, "") + "---" + &route(&["carts"], "")));
    make(&mut world, "xb-carts-2", 0);
    make(&mut world, "xb-carts-1", 1);
    assert_eq!(source(&world), endpoints_of("xb-carts-1"));
    let surplus: Vec<_> =
        selections(&world)[0].surplus().iter().map(|one| one.metadata.name.clone()).collect();
    assert_eq!(surplus, [Some("xb-carts-2".to_owned())]);
    world.handle([Event::Delete(id(Kind::Service, "xb-carts-1"))]);
    assert_eq!(source(&world), endpoints_of("xb-carts-2"));
}

#[test]
fn an_edit_of_the_labels_or_the_port_edits_the_service() {
    let mut world = in_cluster();
    world.apply(&(pods("carts", 8080, "") + "---" + &route(&["carts"], "")));
    make(&mut world, "xb-carts-1", 0);
    for edited in [pods("other", 8080, ""), pods("carts", 8081, "")] {
        world.apply(&edited);
        let edit = selections(&world)[0].edit().unwrap();
        assert_eq!(edit.metadata.name.as_deref(), Some("xb-carts-1"));
        assert_eq!(source(&world), endpoints_of("xb-carts-1"), "until then the endpoints of before");
    }
    world.apply(&host("api.example.com"));
    assert_eq!(selections(&world)[0].surplus().len(), 1, "a host has no pods");
}

/// The object is another one: what was made for the one before goes with that.
#[test]
fn a_new_object_of_the_same_name_gets_a_service_of_its_own() {
    let mut world = in_cluster();
    world.apply(&(pods("carts", 8080, "") + "---" + &route(&["carts"], "")));
    make(&mut world, "xb-carts-1", 0);
    world.apply(&pods("carts", 8080, "").replace("uid: x", "uid: z"));
    assert_eq!(source(&world), EntrySource::Broken);
    assert!(selections(&world)[0].missing().is_some());
}

#[test]
fn routes_are_judged_again_only_for_what_they_see() {
    let mut world = World::standalone(WORLD);
    world.apply(&(host("a.example.com") + "---" + &route(&["carts"], "")));
    assert_eq!(world.apply(&host("b.example.com")).work.routes, 0);
    assert_eq!(world.apply(&host("10.0.0.1")).work.routes, 1);
    assert_eq!(found(&world).accepted.reason, Accepted::Invalid);
    assert_eq!(world.apply(&host("b.example.com")).work.routes, 1);
    let bytes = host("b.example.com").replace("type: Ext", "protocol: TCP, type: Ext");
    assert_eq!(world.apply(&bytes).work.routes, 1);
    let route = &world.attachments.routes[&id(Kind::HttpRoute, "shop")];
    assert!(route.resolved_refs.message.contains("its protocol is TCP"), "{}", route.resolved_refs.message);
}

#[test]
fn a_session_of_the_route_goes_first() {
    let session = "sessionPersistence: {cookie: {name: own}}";
    let name = |world: &World| {
        let route = &world.attachments.routes[&id(Kind::HttpRoute, "shop")];
        let backend = &route.served.as_ref().unwrap().rules[0].backends[0];
        match &backend.session.as_ref()?.carrier {
            model::SessionCarrier::Cookie { name, .. } => Some(name.to_string()),
            model::SessionCarrier::Header { .. } => None,
        }
    };
    let mut world = in_cluster();
    world.apply(&(pods("carts", 8080, session) + "---" + &route(&["carts"], "")));
    assert_eq!(name(&world).as_deref(), Some("own"));
    world.apply(&route(&["carts"], ", sessionPersistence: {cookie: {name: of-route}}"));
    assert_eq!(name(&world).as_deref(), Some("of-route"));
    world.apply(&(pods("carts", 8080, "") + "---" + &route(&["carts"], "")));
    assert_eq!(name(&world), None);

    let policy = "
apiVersion: gateway.networking.x-k8s.io/v1alpha1
kind: XBackendTrafficPolicy
metadata: {name: carts}
spec:
  targetRefs: [{group: gateway.networking.x-k8s.io, kind: XBackend, name: carts}]
  retryConstraint: {budget: {percent: 10, interval: 10s}}
  sessionPersistence: {cookie: {name: of-policy}}
";
    world.apply(policy);
    assert_eq!(name(&world).as_deref(), Some("of-policy"));
    let budgets = &found(&world).served.as_ref().unwrap().entries[0].retry_budgets;
    assert_eq!(budgets.iter().map(|budget| &*budget.backend).collect::<Vec<_>>(), ["XBackend default/carts"]);
    world.apply(&pods("carts", 8080, session));
    assert_eq!(name(&world).as_deref(), Some("own"), "what the XBackend says itself goes before its policy");
}

#[test]
fn without_a_cluster_a_label_says_which_service_it_is() {
    let mut world = World::standalone(WORLD);
    world.apply(&(pods("carts", 8080, "") + "---" + &route(&["carts"], "")));
    assert_eq!(found(&world).resolved_refs.reason, Resolved::ServiceNotFound);
    let service = |ports: &str| {
        let head =
            "apiVersion: v1\nkind: Service\nmetadata: {name: mine, labels: {tidegate.dev/xbackend: carts}}\n";
        format!("{head}spec: {{ports: [{ports}]}}\n")
    };
    world.apply(&service("{name: a, port: 1}, {name: b, port: 80, targetPort: 8080}"));
    assert_eq!(source(&world), endpoints_of("mine"));
    assert!(found(&world).resolved_refs.holds());
    world.apply(&service("{name: a, port: 1}, {name: b, port: 80, targetPort: 8081}"));
    assert_eq!(source(&world), EntrySource::Broken);
    assert!(found(&world).resolved_refs.message.contains("no TCP port of it has the targetPort 8080"));
    world.apply(&service("{name: a, port: 80}"));
    assert_eq!(source(&world), endpoints_of("mine"), "where there is only one there is no question");
    world.apply(&service("{name: a, port: 80}").replace("xbackend: carts", "xbackend: other"));
    assert_eq!(source(&world), EntrySource::Broken);
}
