//! Changes of what is served.

use crate::common::manifests::{gateway, secret};
use crate::common::raw::ask;
use crate::world::{HOST, LISTENERS, World, duration, other_routes, split};
use std::net::TcpStream;

#[test]
fn a_hundred_weight_edits_lose_nothing() {
    let world = World::start();
    let load = world.load();
    for edit in 1..=100 {
        world.tidegate.apply(&[("route.yaml", split(100 - edit, edit))]);
    }
    let report = load.stop_after(duration());
    report.assert_no_loss();
    // What the last edit says is what is done now.
    let before: u64 = world.a.iter().map(|backend| backend.requests()).sum();
    for _ in 0..20 {
        let answer = ask(world.tidegate.http(), format!("GET / HTTP/1.1\r\nHost: {HOST}\r\n\r\n"));
        assert!(answer.header("x-backend").unwrap().starts_with('b'));
    }
    assert_eq!(world.a.iter().map(|backend| backend.requests()).sum::<u64>(), before);
}

#[test]
fn adding_and_deleting_200_other_routes_loses_nothing() {
    let world = World::start();
    let load = world.load();
    let names: Vec<String> = (0..20).map(|file| format!("other-{file}.yaml")).collect();
    for _ in 0..2 {
        for (file, name) in (0..).zip(&names) {
            world.tidegate.apply(&[(name, other_routes(file * 10..file * 10 + 10))]);
            load.wait_for_answers(10);
        }
        let answer = ask(world.tidegate.http(), "GET /199 HTTP/1.1\r\nHost: host19.example.com\r\n\r\n");
        assert_eq!(answer.status(), 200);
        for name in &names {
            world.tidegate.remove(&[name]);
            load.wait_for_answers(10);
        }
        let answer = ask(world.tidegate.http(), "GET /199 HTTP/1.1\r\nHost: host19.example.com\r\n\r\n");
        assert_eq!(answer.status(), 404);
    }
    load.stop_after(duration()).assert_no_loss();
}

#[test]
fn rotating_a_certificate_loses_nothing() {
    let world = World::start();
    let load = world.load();
    for _ in 0..20 {
        world.tidegate.apply(&[("secret.yaml", secret("shop", &world.certificate()))]);
        load.wait_for_answers(100);
    }
    load.stop_after(duration()).assert_no_loss();
}

/// One on a port of its own, and one that shares the port of the load.
#[test]
fn adding_and_removing_listeners_loses_nothing() {
    let world = World::start();
    let load = world.load();
    let more = format!(
        "{LISTENERS}
- {{name: own-port, protocol: HTTP, port: 8081}}
- {{name: shared-port, protocol: HTTP, port: 8080, hostname: other.example.com}}
- {{name: shared-tls, protocol: HTTPS, port: 8443, hostname: other.example.com, tls: {{certificateRefs: [{{name: shop}}]}}}}"
    );
    for _ in 0..10 {
        world.tidegate.apply(&[("gateway.yaml", gateway(&more))]);
        let request = format!("GET / HTTP/1.1\r\nHost: {HOST}\r\n\r\n");
        assert_eq!(ask(world.tidegate.address(8081), request).status(), 200);
        load.wait_for_answers(100);
        world.tidegate.apply(&[("gateway.yaml", gateway(LISTENERS))]);
        world
            .tidegate
            .wait_until("stops listening", || TcpStream::connect(world.tidegate.address(8081)).is_err());
        load.wait_for_answers(100);
    }
    load.stop_after(duration()).assert_no_loss();
}

/// A ListenerSet with a port of its own and with hostnames on the ports of the load.
#[test]
fn adding_and_removing_a_listener_set_loses_nothing() {
    let world = World::start();
    let load = world.load();
    let allowing = gateway(LISTENERS)
        .replace("  listeners:", "  allowedListeners: {namespaces: {from: Same}}\n  listeners:");
    world.tidegate.apply(&[("gateway.yaml", allowing)]);
    let set = "
apiVersion: gateway.networking.k8s.io/v1
kind: ListenerSet
metadata: {name: more}
spec:
  parentRef: {name: gateway}
  listeners:
  - {name: own-port, protocol: HTTP, port: 8081}
  - {name: http, protocol: HTTP, port: 8080, hostname: other.example.com}
  - {name: https, protocol: HTTPS, port: 8443, hostname: other.example.com, tls: {certificateRefs: [{name: shop}]}}
";
    for _ in 0..10 {
        world.tidegate.apply(&[("set.yaml", set.to_owned())]);
        // The route of the load names the Gateway alone.
        let request = format!("GET / HTTP/1.1\r\nHost: {HOST}\r\n\r\n");
        assert_eq!(ask(world.tidegate.address(8081), request).status(), 404);
        load.wait_for_answers(100);
        world.tidegate.remove(&["set.yaml"]);
        world
            .tidegate
            .wait_until("stops listening", || TcpStream::connect(world.tidegate.address(8081)).is_err());
        load.wait_for_answers(100);
    }
    load.stop_after(duration()).assert_no_loss();
}
