//! What backends are shown of the Gateway that a request came by.

use crate::common::backend::Backend;
use crate::common::certificates::{Authority, Pair};
use crate::common::manifests::{backend_tls_policy, config_map, documents, secret, service};
use crate::common::raw::{Answer, ask};
use crate::common::tidegate::Tidegate;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;

const NAME: &str = "pay.example.com";
const TRUSTED: &str =
    "{hostname: pay.example.com, caCertificateRefs: [{group: '', kind: ConfigMap, name: ca}]}";

/// A Gateway with a listener on that port that shows the Secret, if one is named, and a route of its
/// own with these rules.
fn gateway(name: &str, port: u16, shows: Option<&str>, rules: &str) -> String {
    let tls = shows.map(|secret| format!("tls: {{backend: {{clientCertificateRef: {{name: {secret}}}}}}}"));
    format!(
        "apiVersion: gateway.networking.k8s.io/v1
kind: Gateway
metadata: {{name: {name}}}
spec:
  gatewayClassName: tidegate
  addresses: [{{type: IPAddress, value: $ADDRESS}}]
  {}
  listeners: [{{name: http, protocol: HTTP, port: {port}}}]
---
apiVersion: gateway.networking.k8s.io/v1
kind: HTTPRoute
metadata: {{name: {name}}}
spec:
  parentRefs: [{{name: {name}}}]
  rules: {rules}
",
        tls.unwrap_or_default()
    )
}

const TO_PAY: &str = "[{backendRefs: [{name: pay, port: 80}]}]";

/// What stands behind: a Service that wants a certificate of its clients, one in plain text, and who
/// signed whose.
struct World {
    server: Authority,
    clients: Authority,
    pay: Backend,
    plain: Backend,
}

impl World {
    fn new(alpn: &[&str]) -> Self {
        let [server, clients] = [Authority::new(), Authority::new()];
        let pay = Backend::start_tls_trusting("pay", &server.issue(&[NAME]), alpn, &[&clients]);
        Self { server, clients, pay, plain: Backend::start("plain") }
    }

    fn files(&self, more: &[String]) -> [(&'static str, String); 1] {
        let texts = [
            service("pay", &[&self.pay]),
            service("plain", &[&self.plain]),
            backend_tls_policy("pay", TRUSTED),
            config_map("ca", self.server.pem()),
        ];
        [("all.yaml", documents(&[&texts, more].concat()))]
    }
}

fn get(tidegate: &Tidegate, port: u16) -> Answer {
    ask(tidegate.address(port), "GET /a HTTP/1.1\r\nHost: shop.example\r\nConnection: close\r\n\r\n")
}

fn is_shown(backend: &Backend, pair: &Pair) -> bool {
    backend.last().certificate.as_ref() == Some(&pair.der)
}

/// Each Gateway has its own connections to a backend that they share, whatever the pools hold.
#[test]
fn a_request_is_sent_in_the_name_of_its_gateway() {
    for alpn in [&["h2", "http/1.1"][..], &["http/1.1"]] {
        let world = World::new(alpn);
        let [one, two] = ["one", "two"].map(|name| world.clients.issue(&[name]));
        let tidegate = Tidegate::start(&world.files(&[
            gateway("one", 8080, Some("one"), TO_PAY),
            gateway("two", 8081, Some("two"), TO_PAY),
            gateway("nobody", 8082, None, TO_PAY),
            secret("one", &one),
            secret("two", &two),
        ]));
        for _ in 0..5 {
            for (port, pair) in [(8080, &one), (8081, &two)] {
                assert_eq!(get(&tidegate, port).status(), 200);
                assert!(is_shown(&world.pay, pair), "{port}");
            }
            assert_eq!(get(&tidegate, 8082).status(), 502);
        }
        let connections = world.pay.seen().into_iter().map(|seen| seen.connection);
        let connections: std::collections::BTreeSet<_> = connections.collect();
        assert!(connections.len() <= 4, "each of two workers keeps one for each Gateway: {connections:?}");
    }
}

#[test]
fn a_certificate_that_cannot_be_had_closes_backends_with_tls_and_no_other() {
    let world = World::new(&["http/1.1"]);
    let pair = world.clients.issue(&["one"]);
    let rules = "[{matches: [{path: {value: /a}}], backendRefs: [{name: pay, port: 80}]}, {matches: [{path: {value: \
                 /plain}}], backendRefs: [{name: plain, port: 80}]}]";
    let only = gateway("one", 8080, Some("one"), rules);
    let tidegate = Tidegate::start(&world.files(std::slice::from_ref(&only)));
    let refused = |tidegate: &Tidegate| {
        let answer = get(tidegate, 8080);
        let told = (answer.status(), String::from_utf8_lossy(&answer.body).into_owned());
        assert_eq!(told, (500, "InvalidBackendTls".to_owned()));
        let plain = "GET /plain HTTP/1.1\r\nHost: shop.example\r\nConnection: close\r\n\r\n";
        assert_eq!(ask(tidegate.http(), plain).status(), 200);
    };
    refused(&tidegate);
    assert_eq!(world.pay.connections(), 0);
    tidegate.apply(&world.files(&[only.clone(), secret("one", &pair)]));
    assert_eq!(get(&tidegate, 8080).status(), 200);
    assert!(is_shown(&world.pay, &pair));
    // Connections of before are not used on.
    tidegate.apply(&world.files(&[only]));
    refused(&tidegate);
    assert_eq!(world.pay.requests(), 1);
}

#[test]
fn a_rotated_certificate_is_shown_from_the_next_request_on() {
    let world = World::new(&["h2"]);
    let only = gateway("one", 8080, Some("one"), TO_PAY);
    let tidegate =
        Tidegate::start(&world.files(&[only.clone(), secret("one", &world.clients.issue(&["one"]))]));
    assert_eq!(get(&tidegate, 8080).status(), 200);
    for _ in 0..3 {
        let next = world.clients.issue(&["one"]);
        tidegate.apply(&world.files(&[only.clone(), secret("one", &next)]));
        assert_eq!(get(&tidegate, 8080).status(), 200);
        assert!(is_shown(&world.pay, &next));
    }
}

#[test]
fn copies_for_mirrors_are_sent_in_the_same_name() {
    let world = World::new(&["http/1.1"]);
    let pair = world.clients.issue(&["one"]);
    let rules = "[{filters: [{type: RequestMirror, requestMirror: {backendRef: {name: pay, port: 80}}}], \
                 backendRefs: [{name: plain, port: 80}]}]";
    let only = gateway("one", 8080, Some("one"), rules);
    let tidegate = Tidegate::start(&world.files(&[only, secret("one", &pair)]));
    assert_eq!(get(&tidegate, 8080).status(), 200);
    tidegate.wait_until("has sent its copy", || world.pay.requests() == 1);
    assert!(is_shown(&world.pay, &pair));
}

/// TLS that ends at the Gateway and begins anew.
#[test]
fn streams_are_encrypted_anew_in_the_same_name() {
    let world = World::new(&[]);
    let pair = world.clients.issue(&["one"]);
    let stream = "apiVersion: gateway.networking.k8s.io/v1
kind: Gateway
metadata: {name: one}
spec:
  gatewayClassName: tidegate
  addresses: [{type: IPAddress, value: $ADDRESS}]
  tls: {backend: {clientCertificateRef: {name: one}}}
  listeners: [{name: tls, protocol: TLS, port: 8443, tls: {certificateRefs: [{name: front}]}}]
---
apiVersion: gateway.networking.k8s.io/v1
kind: TLSRoute
metadata: {name: one}
spec:
  parentRefs: [{name: one}]
  hostnames: [front.example.com]
  rules: [{backendRefs: [{name: pay, port: 80}]}]
";
    let front = world.server.issue(&["front.example.com"]);
    let more = [stream.to_owned(), secret("one", &pair), secret("front", &front)];
    let tidegate = Tidegate::start(&world.files(&more));
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let answer = runtime.block_on(async {
        let tcp = TcpStream::connect(tidegate.https()).await.unwrap();
        let connector = TlsConnector::from(world.server.client(&[]));
        let mut tls = connector.connect("front.example.com".try_into().unwrap(), tcp).await.unwrap();
        tls.write_all(b"GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n").await.unwrap();
        let mut answer = vec![0; 12];
        tls.read_exact(&mut answer).await.unwrap();
        answer
    });
    assert_eq!(answer, b"HTTP/1.1 200");
    assert!(is_shown(&world.pay, &pair));
}
