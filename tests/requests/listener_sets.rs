//! Listeners that others bring to a Gateway.

use crate::common::backend::Backend;
use crate::common::certificates::Authority;
use crate::common::manifests::{documents, gateway, route_to, secret, service};
use crate::common::raw::ask;
use crate::common::tidegate::Tidegate;
use rustls::ClientConnection;
use rustls::pki_types::ServerName;
use std::io::{Read, Write};
use std::net::TcpStream;

const OWN: &str = "- {name: http, protocol: HTTP, port: 8080, hostname: www.example.com}";

fn taking_sets() -> String {
    gateway(OWN).replace("  listeners:", "  allowedListeners: {namespaces: {from: All}}\n  listeners:")
}

/// A ListenerSet `team/set` with those listeners, a YAML list.
fn set(listeners: &str) -> String {
    format!(
        "apiVersion: gateway.networking.k8s.io/v1
kind: ListenerSet
metadata: {{name: set, namespace: team}}
spec:
  parentRef: {{name: gateway, namespace: default}}
  listeners: {listeners}
"
    )
}

/// A route in the namespace of the set, for every host and path.
fn on_set() -> String {
    let service = "{name: own, port: 80}";
    format!(
        "apiVersion: gateway.networking.k8s.io/v1
kind: HTTPRoute
metadata: {{name: own, namespace: team}}
spec:
  parentRefs: [{{name: set, kind: ListenerSet}}]
  rules: [{{backendRefs: [{service}]}}]
"
    )
}

fn in_team(text: &str) -> String {
    text.replace("metadata: {name: own}", "metadata: {name: own, namespace: team}").replace(
        "  labels: {kubernetes.io/service-name: own}",
        "  namespace: team\n  labels: {kubernetes.io/service-name: own}",
    )
}

fn backend_of(tidegate: &Tidegate, port: u16, host: &str) -> String {
    let answer = ask(tidegate.address(port), format!("GET / HTTP/1.1\r\nHost: {host}\r\n\r\n"));
    answer.header("x-backend").map_or_else(|| answer.status().to_string(), str::to_owned)
}

#[test]
fn requests_come_to_the_routes_of_the_object_that_has_their_listener() {
    let (shared, own) = (Backend::start("shared"), Backend::start("own"));
    let listeners = "[{name: http, protocol: HTTP, port: 8080, hostname: '*.team.example.com'}, \
                     {name: more, protocol: HTTP, port: 8081}]";
    let texts = [
        taking_sets(),
        route_to("shared"),
        service("shared", &[&shared]),
        on_set(),
        in_team(&service("own", &[&own])),
    ];
    let set = set(listeners);
    let tidegate = Tidegate::start(&[("all.yaml", documents(&texts)), ("set.yaml", set.clone())]);
    let all = |tidegate: &Tidegate| {
        ["www.example.com", "a.team.example.com"].map(|host| backend_of(tidegate, 8080, host))
    };
    assert_eq!(all(&tidegate), ["shared", "own"]);
    assert_eq!(backend_of(&tidegate, 8081, "any.example.com"), "own");
    let metrics = String::from_utf8(tidegate.health("/metrics").body).unwrap();
    for listener in ["default/gateway/http", "default/gateway/team/set/http", "default/gateway/team/set/more"]
    {
        let label = format!("tidegate_listener_connections_total{{listener=\"{listener}\"}}");
        assert!(metrics.contains(&label), "{label}\n{metrics}");
    }

    // Without the set there is nobody for its hostnames and ports; the Gateway's own go on.
    tidegate.remove(&["set.yaml"]);
    tidegate.wait_until("stops listening", || TcpStream::connect(tidegate.address(8081)).is_err());
    assert_eq!(all(&tidegate), ["shared", "404"]);
    tidegate.apply(&[("set.yaml", set)]);
    assert_eq!(all(&tidegate), ["shared", "own"]);
}

#[test]
fn a_set_brings_certificates_of_its_own_namespace() {
    let (shared, own) = (Backend::start("shared"), Backend::start("own"));
    let authority = Authority::new();
    let tls = "tls: {certificateRefs: [{name: own}]}";
    let texts = [
        taking_sets(),
        set(&format!("[{{name: https, protocol: HTTPS, port: 8443, hostname: a.team.example.com, {tls}}}]")),
        in_team(&secret("own", &authority.issue(&["a.team.example.com"]))),
        route_to("shared"),
        service("shared", &[&shared]),
        on_set(),
        in_team(&service("own", &[&own])),
    ];
    let tidegate = Tidegate::start(&[("all.yaml", documents(&texts))]);
    let name = ServerName::try_from("a.team.example.com").unwrap();
    let client = ClientConnection::new(authority.client(&["http/1.1"]), name).unwrap();
    let mut stream = rustls::StreamOwned::new(client, TcpStream::connect(tidegate.https()).unwrap());
    stream.write_all(b"GET / HTTP/1.1\r\nHost: a.team.example.com\r\nConnection: close\r\n\r\n").unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    assert!(answer.starts_with("HTTP/1.1 200") && answer.contains("x-backend: own"), "{answer}");
}
