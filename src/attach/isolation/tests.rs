use crate::api::{Kind, ObjectId};
use crate::attach::testing::World;
use crate::index::testing::id;

const WORLD: &str = r#"
apiVersion: gateway.networking.k8s.io/v1
kind: Gateway
metadata: {name: web}
spec:
  gatewayClassName: tidegate
  allowedListeners: {namespaces: {from: Same}}
  listeners:
  - {name: wide, port: 80, protocol: HTTP, hostname: "*.example.com"}
  - {name: every, port: 81, protocol: HTTP}
---
apiVersion: gateway.networking.k8s.io/v1
kind: HTTPRoute
metadata: {name: shop}
spec:
  parentRefs: [{name: web}]
  hostnames: [a.example.com, "*.b.example.com", c.example.org]
  rules: [{backendRefs: [{name: shop, port: 80}]}]
"#;

/// A ListenerSet with listeners that are named after their number.
fn set(hostnames: &[(&str, u16)]) -> String {
    let listener = |(number, (hostname, port)): (usize, &(&str, u16))| {
        format!("{{name: l{number}, port: {port}, protocol: HTTP, hostname: '{hostname}'}}")
    };
    let listeners: Vec<_> = hostnames.iter().enumerate().map(listener).collect();
    format!(
        "
apiVersion: gateway.networking.k8s.io/v1
kind: ListenerSet
metadata: {{name: team}}
spec: {{parentRef: {{name: web}}, listeners: [{}]}}
",
        listeners.join(", ")
    )
}

/// Whether the route's status is to be looked at again.
fn apply(world: &mut World, yaml: &str) -> bool {
    world.apply(yaml).objects.contains(&route())
}

/// What is told of the route, at its first parent.
fn told(world: &World) -> Option<String> {
    let route = &world.attachments.routes[&route()];
    route.shadowed(&route.parents[0]).map(|verdict| {
        assert_eq!(verdict.condition().reason, "HostnameTaken");
        verdict.message
    })
}

fn route() -> ObjectId {
    id(Kind::HttpRoute, "shop")
}

#[test]
fn a_listener_that_covers_a_hostname_takes_it() {
    let mut world = World::standalone(WORLD);
    assert_eq!(told(&world), None);
    let by = |listener: &str, hostname: &str| {
        Some(format!(
            "{hostname} on listener wide: listener {listener} of ListenerSet default/team is more specific and \
             gets all of it, so attach the route there"
        ))
    };
    let taken = |world: &mut World, hostname: &str| {
        assert!(apply(world, &set(&[(hostname, 80)])), "{hostname}");
        told(world)
    };
    assert_eq!(taken(&mut world, "a.example.com"), by("l0", "a.example.com"));
    assert_eq!(taken(&mut world, "*.b.example.com"), by("l0", "*.b.example.com"));
    let both = taken(&mut world, "*.example.com");
    assert_eq!(both, None, "it conflicts with that of the Gateway, and so is not served");
}

#[test]
fn a_part_of_a_hostname_is_not_told_nor_another_port() {
    let mut world = World::standalone(WORLD);
    for (hostname, port) in [("x.b.example.com", 80), ("b.example.com", 80), ("a.example.com", 82)] {
        assert!(!apply(&mut world, &set(&[(hostname, port)])), "{hostname}");
        assert_eq!(told(&world), None, "{hostname}");
    }
}

#[test]
fn the_most_specific_of_several_is_named() {
    let mut world = World::standalone(WORLD);
    assert!(apply(&mut world, &set(&[("*.org", 81), ("*.example.org", 81), ("c.example.org", 82)])));
    assert_eq!(
        told(&world).unwrap(),
        "c.example.org on listener every: listener l1 of ListenerSet default/team is more specific and gets all \
         of it, so attach the route there"
    );
}

#[test]
fn it_ends_with_the_listener_and_when_the_route_goes_there() {
    let mut world = World::standalone(WORLD);
    let taking = set(&[("a.example.com", 80)]);
    apply(&mut world, &taking);
    assert!(told(&world).is_some());
    let attached = WORLD.replace(
        "parentRefs: [{name: web}]",
        "parentRefs: [{name: web}, {kind: ListenerSet, group: gateway.networking.k8s.io, name: team}]",
    );
    assert!(apply(&mut world, &attached));
    assert_eq!(told(&world), None);
    assert!(apply(&mut world, WORLD));
    assert!(told(&world).is_some());
    assert!(world.delete(Kind::ListenerSet, "team").objects.contains(&route()));
    assert_eq!(told(&world), None);
}
