//! XBackends: hosts by name and endpoints by a label, in the protocol and with the TLS that they ask for.

use crate::common::backend::Backend;
use crate::common::certificates::Authority;
use crate::common::manifests::{
    config_map, documents, gateway_with, http_gateway, route, secret, service, xbackend,
};
use crate::common::raw::{Answer, ask};
use crate::common::tidegate::Tidegate;
use std::collections::BTreeSet;

const NAME: &str = "pay.example.com";
const VALIDATION: &str =
    "validation: {hostname: pay.example.com, caCertificateRefs: [{group: '', kind: ConfigMap, name: ca}]}";

fn get(tidegate: &Tidegate, path: &str, fields: &str) -> Answer {
    let head = format!("GET {path} HTTP/1.1\r\nHost: shop.example\r\nConnection: close\r\n{fields}\r\n");
    ask(tidegate.http(), head)
}

/// What Tidegate itself answers, with the reason.
fn refused(tidegate: &Tidegate, path: &str) -> (u16, String) {
    let answer = get(tidegate, path, "");
    (answer.status(), String::from_utf8_lossy(&answer.body).into_owned())
}

fn reference(name: &str) -> String {
    format!("{{group: gateway.networking.x-k8s.io, kind: XBackend, name: {name}}}")
}

/// A rule for each XBackend, at a path of its name.
fn rules(names: &[&str]) -> String {
    let rule = |name: &&str| {
        format!("- matches: [{{path: {{value: /{name}}}}}]\n  backendRefs: [{}]\n", reference(name))
    };
    names.iter().map(rule).collect()
}

/// The host of this machine with the backend's port.
fn host(name: &str, backend: &Backend, more: &str) -> String {
    let port = backend.port();
    let spec = format!(
        "type: ExternalHostname, port: {{number: {port}}}, externalHostname: {{hostname: localhost}}{more}"
    );
    xbackend(name, &spec)
}

fn pods(name: &str, more: &str) -> String {
    let spec = format!(
        "type: EndpointSelector, port: {{number: 8080}}, endpointSelector: {{matchLabels: {{app: {name}}}}}{more}"
    );
    xbackend(name, &spec)
}

/// The Service that has the endpoints of an XBackend.
fn endpoints(xbackend: &str, backends: &[&Backend]) -> String {
    let head = format!("metadata: {{name: {xbackend}}}");
    let labelled = format!("metadata: {{name: {xbackend}, labels: {{tidegate.dev/xbackend: {xbackend}}}}}");
    service(xbackend, backends).replace(&head, &labelled)
}

#[test]
fn a_host_is_reached_by_its_name_and_gets_the_clients_host() {
    let backend = Backend::start("far");
    let files = [http_gateway(), host("far", &backend, ""), route("r", &[], &rules(&["far"]))];
    let tidegate = Tidegate::start(&[("all.yaml", documents(&files))]);
    tidegate.wait_until("resolves the name", || get(&tidegate, "/far", "").status() == 200);
    assert_eq!(backend.last().header("host"), Some("shop.example"));
}

#[test]
fn endpoints_of_the_labelled_service_get_requests_as_they_come_and_go() {
    let backends = [Backend::start("a"), Backend::start("b")];
    let files = |backends: &[&Backend]| {
        let texts = [
            http_gateway(),
            pods("carts", ""),
            endpoints("carts", backends),
            route("r", &[], &rules(&["carts"])),
        ];
        [("all.yaml", documents(&texts))]
    };
    let tidegate = Tidegate::start(&files(&[&backends[0]]));
    let met = |tidegate: &Tidegate| -> BTreeSet<String> {
        let answers = (0..20).map(|_| get(tidegate, "/carts", "").header("x-backend").unwrap().to_owned());
        answers.collect()
    };
    assert_eq!(met(&tidegate), ["a".to_owned()].into());
    tidegate.apply(&files(&[&backends[0], &backends[1]]));
    assert_eq!(met(&tidegate), ["a".to_owned(), "b".to_owned()].into());
    tidegate.apply(&files(&[&backends[1]]));
    assert_eq!(met(&tidegate), ["b".to_owned()].into());
    tidegate.apply(&files(&[]));
    assert_eq!(refused(&tidegate, "/carts"), (503, "NoReadyTargets".to_owned()));
}

#[test]
fn a_session_of_the_xbackend_holds_for_routes_without_one() {
    let backends = ["a", "b", "c"].map(Backend::start);
    let sticky = ", sessionPersistence: {type: Header, header: {name: x-session}}";
    let own = "- matches: [{path: {value: /own}}]\n  sessionPersistence: {cookie: {name: own}}\n";
    let rules = format!("{}{own}  backendRefs: [{}]\n", rules(&["carts"]), reference("carts"));
    let texts = [
        http_gateway(),
        pods("carts", sticky),
        endpoints("carts", &backends.iter().collect::<Vec<_>>()),
        route("r", &[], &rules),
    ];
    let tidegate = Tidegate::start(&[("all.yaml", documents(&texts))]);
    let first = get(&tidegate, "/carts", "");
    assert!(first.header("x-backend").is_some());
    let token = format!("X-Session: {}\r\n", first.header("x-session").unwrap());
    for _ in 0..20 {
        assert_eq!(get(&tidegate, "/carts", &token).header("x-backend"), first.header("x-backend"));
    }
    let of_route = get(&tidegate, "/own", &token);
    assert_eq!(of_route.header("x-session"), None);
    assert!(of_route.header("set-cookie").unwrap().starts_with("own="));
}

#[test]
fn the_protocol_decides_what_is_offered_and_spoken() {
    let authority = Authority::new();
    let tls = format!(", tls: {{mode: ServerOnly, {VALIDATION}}}");
    let both = Backend::start_tls("tls", &authority.issue(&[NAME]), &["h2", "http/1.1"]);
    let (plain, h2c) = (Backend::start("plain"), Backend::start_h2c("h2c"));
    let cases = [
        ("http", &both, "HTTP", true, "HTTP/2.0"),
        ("http2", &both, "HTTP2", true, "HTTP/2.0"),
        ("grpc", &both, "GRPC", true, "HTTP/2.0"),
        ("http11", &both, "HTTP11", true, "HTTP/1.1"),
        ("wss", &both, "WSS", true, "HTTP/1.1"),
        ("mcp", &plain, "MCP", false, "HTTP/1.1"),
        ("old", &plain, "HTTP11", false, "HTTP/1.1"),
        ("h2c", &h2c, "H2C", false, "HTTP/2.0"),
    ];
    let names = cases.map(|(name, ..)| name);
    let mut texts = vec![http_gateway(), config_map("ca", authority.pem()), route("r", &[], &rules(&names))];
    for (name, backend, protocol, is_tls, _) in &cases {
        let tls = if *is_tls { tls.as_str() } else { "" };
        texts.push(pods(name, &format!(", protocol: {protocol}{tls}")));
        texts.push(endpoints(name, &[*backend]));
    }
    let tidegate = Tidegate::start(&[("all.yaml", documents(&texts))]);
    for (name, backend, _, is_tls, version) in cases {
        assert_eq!(get(&tidegate, &format!("/{name}"), "").status(), 200, "{name}");
        assert_eq!(format!("{:?}", backend.last().version), version, "{name}");
        assert_eq!(backend.last().sni.is_some(), is_tls, "{name}");
    }
}

/// What the Gateway shows to all is not for those of whom it is said what they are to see.
#[test]
fn the_mode_says_what_the_backend_is_shown() {
    let [server, clients] = [Authority::new(), Authority::new()];
    let [own, of_gateway] = [clients.issue(&["own"]), clients.issue(&["gateway"])];
    let backend =
        Backend::start_tls_trusting("pay", &server.issue(&[NAME]), &["h2", "http/1.1"], &[&clients]);
    let listeners = "- {name: http, protocol: HTTP, port: 8080}";
    let shown = ", tls: {mode: ClientAndServer, clientCertificateRef: {name: own}, ";
    let texts = [
        gateway_with(listeners, "tls: {backend: {clientCertificateRef: {name: gateway}}}"),
        secret("gateway", &of_gateway),
        config_map("ca", server.pem()),
        pods("both", &format!("{shown}{VALIDATION}}}")),
        endpoints("both", &[&backend]),
        pods("server", &format!(", tls: {{mode: ServerOnly, {VALIDATION}}}")),
        endpoints("server", &[&backend]),
        route("r", &[], &rules(&["both", "server"])),
    ];
    let with = |pair| [("all.yaml", documents(&[&texts[..], &[secret("own", pair)]].concat()))];
    let tidegate = Tidegate::start(&with(&own));
    assert_eq!(get(&tidegate, "/both", "").status(), 200);
    assert_eq!(backend.last().certificate.as_ref(), Some(&own.der));
    assert_eq!(get(&tidegate, "/server", "").status(), 502, "the backend wants a certificate");
    // A rotated one is shown from the next request on.
    let next = clients.issue(&["own"]);
    tidegate.apply(&with(&next));
    assert_eq!(get(&tidegate, "/both", "").status(), 200);
    assert_eq!(backend.last().certificate.as_ref(), Some(&next.der));
    // Without it nothing goes there.
    tidegate.apply(&[("all.yaml", documents(&texts))]);
    assert_eq!(refused(&tidegate, "/both"), (500, "InvalidBackendTls".to_owned()));
}

/// Of TCP it is said by nobody else whether the bytes are TLS already.
#[test]
fn bytes_of_a_tcp_route_go_by_tls_where_the_xbackend_asks_for_it() {
    let authority = Authority::new();
    let backend = Backend::start_tls("tls", &authority.issue(&[NAME]), &[]);
    let tcp_route = format!(
        "apiVersion: gateway.networking.k8s.io/v1
kind: TCPRoute
metadata: {{name: bytes}}
spec: {{parentRefs: [{{name: gateway}}], rules: [{{backendRefs: [{}]}}]}}
",
        reference("pay")
    );
    let texts = [
        crate::common::manifests::gateway("- {name: tcp, protocol: TCP, port: 5432}"),
        config_map("ca", authority.pem()),
        pods("pay", &format!(", protocol: TCP, tls: {{mode: ServerOnly, {VALIDATION}}}")),
        endpoints("pay", &[&backend]),
        tcp_route,
    ];
    let tidegate = Tidegate::start(&[("all.yaml", documents(&texts))]);
    let answer = ask(tidegate.address(5432), "GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n");
    assert_eq!(answer.status(), 200);
    assert_eq!(backend.last().sni.as_deref(), Some(NAME));
}
