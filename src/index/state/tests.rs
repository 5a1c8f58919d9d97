use super::*;
use crate::api::Secret;
use crate::api::gateway::Gateway;
use crate::index::testing::{events, id, listed, object};

const GATEWAY: &str = "
apiVersion: gateway.networking.k8s.io/v1
kind: Gateway
metadata: {name: web, labels: {a: one}}
spec:
  gatewayClassName: tidegate
  listeners:
  - {name: https, port: 443, protocol: HTTPS, tls: {certificateRefs: [{name: own}, {name: theirs, namespace: other}]}}
";
const ROUTE: &str = "
apiVersion: gateway.networking.k8s.io/v1
kind: HTTPRoute
metadata: {name: shop}
spec:
  parentRefs: [{name: web}]
  rules: [{backendRefs: [{name: v1, port: 80}, {name: up, kind: Upstream, group: tidegate.dev, namespace: other}]}]
";
const SERVICE: &str = "
apiVersion: v1
kind: Service
metadata: {name: v1}
spec: {ports: [{port: 80}]}
";
const SLICE: &str = "
apiVersion: discovery.k8s.io/v1
kind: EndpointSlice
metadata: {name: v1-a, labels: {kubernetes.io/service-name: v1}}
addressType: IPv4
ports: [{port: 3000}]
endpoints: [{addresses: [10.0.0.1]}]
";

fn key(name: &str) -> ObjectKey {
    ObjectKey::new("default", name)
}

fn filled() -> Index {
    let mut index = Index::default();
    for yaml in [GATEWAY, ROUTE, SERVICE, SLICE] {
        index.apply(object(yaml));
    }
    index.take_dirty();
    index
}

fn dirty_after(index: &mut Index, event: Event) -> Vec<String> {
    index.handle(event);
    index.take_dirty().objects.iter().map(ToString::to_string).collect()
}

#[test]
fn a_change_reaches_those_who_refer_to_it() {
    let mut index = filled();
    let secret = "{apiVersion: v1, kind: Secret, metadata: {name: own}}";
    assert_eq!(dirty_after(&mut index, Event::Apply(object(secret))), ["Gateway default/web"]);
    let class = "{apiVersion: gateway.networking.k8s.io/v1, kind: GatewayClass, metadata: {name: tidegate}, spec: {controllerName: a.b/c}}";
    let reached = dirty_after(&mut index, Event::Apply(object(class)));
    assert_eq!(reached, ["GatewayClass tidegate", "Gateway default/web"]);
    let namespace = "{apiVersion: v1, kind: Namespace, metadata: {name: default, labels: {a: b}}}";
    assert_eq!(dirty_after(&mut index, Event::Apply(object(namespace))), ["HTTPRoute default/shop"]);
    assert_eq!(dirty_after(&mut index, Event::Delete(id(Kind::Service, "v1"))), ["HTTPRoute default/shop"]);
    let other = "{apiVersion: v1, kind: Service, metadata: {name: other}, spec: {ports: [{port: 1}]}}";
    assert_eq!(dirty_after(&mut index, Event::Apply(object(other))), [""; 0]);
}

#[test]
fn a_grant_reaches_those_who_refer_into_its_namespace() {
    let mut index = filled();
    let grant = "
apiVersion: gateway.networking.k8s.io/v1
kind: ReferenceGrant
metadata: {name: any, namespace: NAMESPACE}
spec: {from: [{group: g, kind: K, namespace: x}], to: [{group: '', kind: Secret}]}
";
    let mut grant_in =
        |namespace| dirty_after(&mut index, Event::Apply(object(&grant.replace("NAMESPACE", namespace))));
    assert_eq!(grant_in("other"), ["Gateway default/web", "HTTPRoute default/shop"]);
    assert_eq!(grant_in("third"), [""; 0]);
}

#[test]
fn what_changes_neither_verdict_nor_traffic_is_only_compared_with_the_status() {
    let mut index = filled();
    index.apply(object(&GATEWAY.replace("a: one", "a: two")));
    let dirty = index.take_dirty();
    assert_eq!(dirty.statuses, BTreeSet::from([id(Kind::Gateway, "web")]));
    assert_eq!(dirty, Dirty { statuses: dirty.statuses.clone(), ..Dirty::default() });
    index.apply(object(GATEWAY));
    index.take_dirty();
    index.apply(object(GATEWAY));
    assert!(index.take_dirty().is_empty());
}

#[test]
fn endpoint_events_reach_services_and_no_object() {
    let mut index = filled();
    index.apply(object(&SLICE.replace("10.0.0.1", "10.0.0.2")));
    let endpoints = BTreeSet::from([key("v1")]);
    assert_eq!(index.take_dirty(), Dirty { endpoints, ..Dirty::default() });
    // Moved to another Service: both have to be joined anew.
    index.apply(object(&SLICE.replace("service-name: v1", "service-name: v2")));
    assert_eq!(index.take_dirty().endpoints, BTreeSet::from([key("v1"), key("v2")]));
    assert_eq!(index.slices_of(&key("v1")).count(), 0);
    assert_eq!(index.slices_of(&key("v2")).count(), 1);
}

#[test]
fn slices_count_as_received_until_all_is_gone() {
    let mut index = filled();
    assert!(index.slices_received(&key("v1")));
    index.delete(&id(Kind::EndpointSlice, "v1-a"));
    assert!(index.slices_received(&key("v1")), "the Service scaled to zero is still known");
    index.delete(&id(Kind::Service, "v1"));
    assert!(!index.slices_received(&key("v1")));
}

#[test]
fn a_reset_touches_its_kind_alone_and_only_what_differs() {
    let mut index = filled();
    let service = SERVICE.replace("name: v1", "name: v2");
    index.reset(Kind::Service, None, vec![Ok(object(&service))]);
    let dirty = index.take_dirty();
    assert_eq!(dirty.services, BTreeSet::from([key("v1"), key("v2")]));
    assert_eq!(dirty.objects, BTreeSet::from([id(Kind::HttpRoute, "shop")]));
    assert!(dirty.revoked);
    assert_eq!(index.all::<Gateway>().count(), 1);
    index.reset(Kind::Service, None, vec![Ok(object(&service))]);
    assert!(index.take_dirty().is_empty());
    assert!(index.is_listed(Kind::Service) && !index.all_listed());
    listed().for_each(|event| index.handle(event));
    assert!(index.all_listed());
}

#[test]
fn a_broken_object_replaces_what_was_known_and_a_delete_is_always_applied() {
    let mut index = filled();
    let broken = events(&ROUTE.replace("port: 80", "port: many")).remove(0);
    assert!(matches!(broken, Event::Broken(_)));
    index.handle(broken.clone());
    let route = id(Kind::HttpRoute, "shop");
    assert!(index.object(&route).is_none());
    assert_eq!(index.take_dirty().objects, BTreeSet::from([route.clone()]));
    index.handle(broken);
    assert!(index.take_dirty().is_empty());
    // Whose it is can still be made out.
    let gateway = Dependency::Object(id(Kind::Gateway, "web"));
    assert_eq!(index.referrers(&gateway).collect::<Vec<_>>(), [&route]);
    index.delete(&route);
    assert!(index.why_broken(&route).is_none());
    assert_eq!(index.take_dirty().objects, BTreeSet::from([route]));
    assert_eq!(index.referrers(&gateway).count(), 0);
}

#[test]
fn ranges_end_with_the_namespace_and_the_kind() {
    let mut index = Index::default();
    for (namespace, name) in [("a", "x"), ("a", "z"), ("ab", "x"), ("b", "x")] {
        index.apply(object(&format!("{{apiVersion: v1, kind: Service, metadata: {{name: {name}, namespace: {namespace}}}, spec: {{ports: [{{port: 1}}]}}}}")));
    }
    assert_eq!(index.in_namespace::<Service>("a").count(), 2);
    assert_eq!(index.in_namespace::<Service>("ab").count(), 1);
    assert_eq!(index.in_namespace::<Secret>("a").count(), 0);
    assert_eq!(index.all::<Service>().count(), 4);
}

#[test]
fn a_reset_of_a_namespace_leaves_the_others_and_lists_nothing() {
    let mut index = filled();
    let elsewhere =
        |name: &str| object(&SERVICE.replace("name: v1", &format!("name: {name}, namespace: other")));
    index.reset(Kind::Service, Some("other"), vec![Ok(elsewhere("a")), Ok(elsewhere("b"))]);
    index.reset(Kind::Service, Some("other"), vec![Ok(elsewhere("b"))]);
    let keys: Vec<_> = index.ids(Kind::Service).map(|id| id.key.to_string()).collect();
    assert_eq!(keys, ["default/v1", "other/b"]);
    assert!(!index.is_listed(Kind::Service));
}

#[test]
fn what_is_referred_to_is_known_by_kind_whether_it_is_there_or_not() {
    let mut index = filled();
    let referred =
        |index: &Index, kind| -> Vec<_> { index.referred(kind).map(|id| id.key.to_string()).collect() };
    assert_eq!(referred(&index, Kind::Secret), ["default/own", "other/theirs"]);
    assert_eq!(referred(&index, Kind::Service), ["default/v1"]);
    assert_eq!(referred(&index, Kind::Namespace), ["default"]);
    index.delete(&id(Kind::Gateway, "web"));
    assert_eq!(referred(&index, Kind::Secret), [""; 0]);
}
