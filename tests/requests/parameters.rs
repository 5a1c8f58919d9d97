//! What a Gateway's parameters change for its clients.

use crate::common::backend::Backend;
use crate::common::certificates::Authority;
use crate::common::manifests::{documents, gateway, route_to, secret, service, service_at};
use crate::common::raw::{Client, ask};
use crate::common::scripted::Scripted;
use crate::common::tidegate::{Options, Tidegate};
use crate::telemetry::Log;
use bytes::Bytes;
use http::Request;
use http_body_util::Empty;
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use rustls::pki_types::ServerName;
use rustls::version::{TLS12, TLS13};
use std::net::SocketAddr;
use std::sync::Arc;
use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

const HTTP: &str = "- {name: http, protocol: HTTP, port: 8080}";
const HTTPS: &str = "- {name: https, protocol: HTTPS, port: 8443, tls: {certificateRefs: [{name: any}]}}";
const REQUEST: &str = "GET / HTTP/1.1\r\nHost: a\r\n\r\n";
const V1: &[u8] = b"PROXY TCP4 192.0.2.1 198.51.100.1 1024 80\r\n";
/// From 2001:db8::1, with a part behind the addresses that nobody reads.
const V2: &[u8] = b"\r\n\r\n\0\r\nQUIT\n\x21\x21\0\x28\x20\x01\x0d\xb8\0\0\0\0\0\0\0\0\0\0\0\x01\
    \x20\x01\x0d\xb8\0\0\0\0\0\0\0\0\0\0\0\x02\x04\0\0\x50\x04\0\x01\0";
const V2_LOCAL: &[u8] = b"\r\n\r\n\0\r\nQUIT\n\x20\0\0\0";

/// A Gateway `gateway` with those listeners and parameters of that spec.
fn gateway_with(listeners: &str, spec: &str) -> String {
    let reference =
        "infrastructure: {parametersRef: {group: tidegate.dev, kind: GatewayParameters, name: own}}";
    let gateway = gateway(listeners).replace("spec:\n", &format!("spec:\n  {reference}\n"));
    format!(
        "{gateway}---
apiVersion: tidegate.dev/v1alpha1
kind: GatewayParameters
metadata: {{name: own}}
spec: {spec}
"
    )
}

fn files(backend: &Backend, spec: &str) -> [(&'static str, String); 1] {
    let texts = [gateway_with(HTTP, spec), service("only", &[backend]), route_to("only")];
    [("all.yaml", documents(&texts))]
}

/// Asks twice on a connection that begins with those bytes; who the backend is told that it was.
fn asked_by(tidegate: &Tidegate, backend: &Backend, start: &[u8]) -> String {
    let mut client = Client::connect(tidegate.http());
    client.send(start);
    let answers: Vec<_> = (0..2)
        .map(|_| {
            assert_eq!(client.send(REQUEST).answer().status(), 200);
            backend.last().header("x-forwarded-for").unwrap().to_owned()
        })
        .collect();
    assert_eq!(answers[0], answers[1], "only the connection begins with it");
    answers[0].clone()
}

fn failures(tidegate: &Tidegate) -> String {
    let metrics = tidegate.health("/metrics").body;
    let metrics = String::from_utf8(metrics).unwrap();
    let line = metrics.lines().find_map(|line| line.strip_prefix("tidegate_proxy_protocol_failures_total "));
    line.unwrap().to_owned()
}

#[test]
fn a_required_header_says_who_connects() {
    let backend = Backend::start("only");
    let tidegate =
        Tidegate::start(&files(&backend, "{clientIP: {proxyProtocol: Required}, timeouts: {head: 300ms}}"));
    for (start, client) in [
        (V1, "192.0.2.1"),
        (V2, "2001:db8::1"),
        // The load balancer itself asks how we are.
        (V2_LOCAL, "127.0.0.1"),
        (b"PROXY UNKNOWN\r\n", "127.0.0.1"),
    ] {
        assert_eq!(asked_by(&tidegate, &backend, start), client);
    }
    assert_eq!(failures(&tidegate), "0");
    let served = backend.requests();
    for (start, failed) in
        [(REQUEST.as_bytes(), "1"), (b"PROXY TCP4 nonsense\r\n", "2"), (b"PROXY TCP4 192.0", "3")]
    {
        assert!(Client::connect(tidegate.http()).send(start).is_closed(), "{start:?}");
        assert_eq!(failures(&tidegate), failed, "{start:?}");
    }
    // Many health checks only connect.
    assert!(Client::connect(tidegate.http()).finish().is_closed());
    assert_eq!((failures(&tidegate).as_str(), backend.requests()), ("3", served));
}

#[test]
fn a_header_counts_only_from_those_who_are_trusted() {
    let backend = Backend::start("only");
    let trusted = |mode: &str, network: &str| {
        files(&backend, &format!("{{clientIP: {{trustedCIDRs: [{network}], proxyProtocol: {mode}}}}}"))
    };
    let tidegate = Tidegate::start(&trusted("Optional", "127.0.0.0/8"));
    for (start, client) in [(V1, "192.0.2.1"), (V2, "2001:db8::1"), (b"", "127.0.0.1")] {
        assert_eq!(asked_by(&tidegate, &backend, start), client);
    }
    // Something that begins like a header, in two pieces.
    let mut client = Client::connect(tidegate.http());
    client.send("PRO");
    assert_eq!(client.send("PFIND / HTTP/1.1\r\nHost: a\r\n\r\n").answer().status(), 200);
    assert_eq!(backend.last().method, "PROPFIND");

    for mode in ["Optional", "Required"] {
        tidegate.apply(&trusted(mode, "10.0.0.0/8"));
        for start in [V1, V2] {
            assert_eq!(asked_by(&tidegate, &backend, start), "127.0.0.1", "{mode}");
        }
    }
    assert_eq!(failures(&tidegate), "0");
}

/// Without the parameter a header is what any client could send.
#[test]
fn no_header_is_read_by_default() {
    let backend = Backend::start("only");
    let tidegate = Tidegate::start(&files(&backend, "{clientIP: {trustedCIDRs: [127.0.0.0/8]}}"));
    let mut client = Client::connect(tidegate.http());
    assert_eq!(client.send(V1).send(REQUEST).answer().status(), 400);
    assert_eq!(backend.requests(), 0);
}

fn run<T>(future: impl Future<Output = T>) -> T {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let limit = std::time::Duration::from_secs(20);
    runtime.block_on(async { tokio::time::timeout(limit, future).await.expect("an answer came in time") })
}

async fn handshake(
    address: SocketAddr,
    start: &[u8],
    config: Arc<rustls::ClientConfig>,
) -> std::io::Result<TlsStream<TcpStream>> {
    let mut stream = TcpStream::connect(address).await?;
    stream.write_all(start).await?;
    TlsConnector::from(config).connect(ServerName::try_from("a.example.com").unwrap(), stream).await
}

async fn status(stream: TlsStream<TcpStream>) -> u16 {
    let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await.unwrap();
    tokio::spawn(connection);
    let request = Request::get("/").header("host", "a.example.com").body(Empty::<Bytes>::new()).unwrap();
    sender.send_request(request).await.unwrap().status().as_u16()
}

#[test]
fn tls_is_as_the_parameters_say() {
    let (backend, authority) = (Backend::start("only"), Authority::new());
    let pair = authority.issue(&["a.example.com"]);
    let files = |spec: &str| {
        let texts =
            [gateway_with(HTTPS, spec), secret("any", &pair), service("only", &[&backend]), route_to("only")];
        [("all.yaml", documents(&texts))]
    };
    let tidegate = Tidegate::start(&files("{clientIP: {proxyProtocol: Required}}"));
    let old = || authority.client_of(&["http/1.1"], &[&TLS12]);
    run(async {
        // The header comes before TLS, and is not part of it.
        let stream = handshake(tidegate.https(), V1, old()).await.unwrap();
        assert_eq!(status(stream).await, 200);
        assert_eq!(backend.last().header("x-forwarded-for"), Some("192.0.2.1"));
        assert!(handshake(tidegate.https(), b"", old()).await.is_err());

        tidegate.apply(&files("{tls: {minVersion: TLSv1.3}}"));
        let error = handshake(tidegate.https(), b"", old()).await.unwrap_err();
        let refused = rustls::Error::AlertReceived(rustls::AlertDescription::ProtocolVersion);
        assert_eq!(error.downcast::<rustls::Error>().unwrap(), refused);
        let new = authority.client_of(&["http/1.1"], &[&TLS13]);
        assert_eq!(status(handshake(tidegate.https(), b"", new).await.unwrap()).await, 200);

        tidegate.apply(&files("{tls: {minVersion: TLSv1.2}}"));
        assert_eq!(status(handshake(tidegate.https(), b"", old()).await.unwrap()).await, 200);
    });
}

#[test]
fn a_tls_handshake_ends_in_its_time() {
    let (backend, authority) = (Backend::start("only"), Authority::new());
    let texts = [
        gateway_with(HTTPS, "{timeouts: {tlsHandshake: 300ms}}"),
        secret("any", &authority.issue(&["a.example.com"])),
        service("only", &[&backend]),
        route_to("only"),
    ];
    let tidegate = Tidegate::start(&[("all.yaml", documents(&texts))]);
    assert!(Client::connect(tidegate.https()).send(b"\x16\x03\x01").is_closed());
}

/// Of two Gateways each has its own.
#[test]
fn limits_are_those_of_the_gateway() {
    let backend = Backend::start("only");
    let plain = gateway("- {name: http, protocol: HTTP, port: 8081}").replace("name: gateway", "name: plain");
    let strict = gateway_with(
        HTTP,
        "{limits: {headBytes: 8192, headFields: 10, uriBytes: 256}, timeouts: {idle: 300ms, head: 300ms}}",
    );
    let route = route_to("only").replace("[{name: gateway}]", "[{name: gateway}, {name: plain}]");
    let texts = [strict, plain, service("only", &[&backend]), route];
    let tidegate = Tidegate::start(&[("all.yaml", documents(&texts))]);
    let status = |port: u16, target: usize, fields: usize, value: usize| {
        let fields: String = (2..fields).map(|number| format!("X-{number}: y\r\n")).collect();
        let (target, value) = ("x".repeat(target - 1), "x".repeat(value));
        let request = format!("GET /{target} HTTP/1.1\r\nHost: a\r\n{fields}X: {value}\r\n\r\n");
        ask(tidegate.address(port), request).status()
    };
    assert_eq!([status(8080, 256, 10, 1), status(8081, 256, 10, 1)], [200, 200]);
    assert_eq!([status(8080, 257, 10, 1), status(8081, 257, 10, 1)], [414, 200]);
    assert_eq!([status(8080, 1, 11, 1), status(8081, 1, 11, 1)], [431, 200]);
    assert_eq!([status(8080, 1, 2, 9000), status(8081, 1, 2, 9000)], [431, 200]);

    let (mut strict, mut plain) =
        (Client::connect(tidegate.address(8080)), Client::connect(tidegate.address(8081)));
    for client in [&mut strict, &mut plain] {
        assert_eq!(client.send(REQUEST).answer().status(), 200);
    }
    assert!(strict.is_closed(), "idle for too long");
    assert_eq!(plain.send(REQUEST).answer().status(), 200);
    assert!(Client::connect(tidegate.http()).send("GET / HT").is_closed(), "a head that took too long");
}

/// More fields than the HTTP library takes by itself (and the one of the other backends).
#[test]
fn many_fields_can_be_allowed() {
    let backend = Scripted::always("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
    let texts = [
        gateway_with(HTTP, "{limits: {headFields: 300}}"),
        service_at("only", &[backend.address], None),
        route_to("only"),
    ];
    let tidegate = Tidegate::start(&[("all.yaml", documents(&texts))]);
    let status = |fields: usize| {
        let fields: String = (1..fields).map(|number| format!("X-{number}: y\r\n")).collect();
        ask(tidegate.http(), format!("GET / HTTP/1.1\r\nHost: a\r\n{fields}\r\n")).status()
    };
    assert_eq!([status(300), status(301)], [200, 431]);
}

/// A connection that is open goes on with them.
#[test]
fn an_edit_reaches_connections_that_are_open() {
    let backend = Backend::start("only");
    let tidegate = Tidegate::start(&files(&backend, "{}"));
    let mut client = Client::connect(tidegate.http());
    let mut forwarded = || {
        let request = "GET /long HTTP/1.1\r\nHost: a\r\nX-Forwarded-For: 192.0.2.1\r\n\r\n";
        assert_eq!(client.send(request).answer().status(), 200);
        backend.last().header("x-forwarded-for").unwrap().to_owned()
    };
    assert_eq!(forwarded(), "127.0.0.1");
    tidegate.apply(&files(&backend, "{clientIP: {trustedCIDRs: [127.0.0.0/8]}}"));
    assert_eq!(forwarded(), "192.0.2.1, 127.0.0.1");
    tidegate.apply(&files(&backend, "{clientIP: {trustedCIDRs: []}}"));
    assert_eq!(forwarded(), "127.0.0.1");
    tidegate.apply(&files(&backend, "{limits: {uriBytes: 256}}"));
    let long = format!("GET /{} HTTP/1.1\r\nHost: a\r\n\r\n", "x".repeat(256));
    assert_eq!(client.send(long).answer().status(), 414);
    tidegate.apply(&files(&backend, "{timeouts: {idle: 300ms}}"));
    assert!(client.is_closed());
}

/// What the parameters say comes before the flags: those who are trusted, and which requests are logged.
#[test]
fn parameters_come_before_flags() {
    let (backend, log) = (Backend::start("only"), Log::new());
    let mut options = log.options("off");
    options.trusted = vec!["127.0.0.0/8".to_owned()];
    let spec = "{clientIP: {trustedCIDRs: [127.0.0.0/8, 10.0.0.0/8], proxyProtocol: Optional}, accessLog: {share: 1}}";
    let tidegate = Tidegate::start_with(Options { workers: 1, ..options }, &files(&backend, spec));
    let asks = |start: &[u8], forwarded: &str| {
        let request = format!("GET / HTTP/1.1\r\nHost: a\r\nX-Forwarded-For: {forwarded}\r\n\r\n");
        assert_eq!(Client::connect(tidegate.http()).send(start).send(request).answer().status(), 200);
        backend.last().header("x-forwarded-for").unwrap().to_owned()
    };
    // Whoever is trusted is believed; the first that is not, is who asks.
    assert_eq!(asks(b"", "10.9.9.9, 203.0.113.1, 10.0.0.1"), "10.9.9.9, 203.0.113.1, 10.0.0.1, 127.0.0.1");
    assert_eq!(asks(b"PROXY TCP4 10.0.0.7 10.0.0.8 1 2\r\n", "203.0.113.2"), "203.0.113.2, 10.0.0.7");
    assert_eq!(asks(V1, "203.0.113.3"), "192.0.2.1");
    let lines = log.lines(&tidegate, 3);
    let clients: Vec<_> = lines.iter().map(|line| line["client_address"].as_str().unwrap()).collect();
    assert_eq!(clients, ["203.0.113.1", "203.0.113.2", "192.0.2.1"]);
    assert!(lines.iter().all(|line| line["peer_address"].as_str().unwrap().starts_with("127.0.0.1:")));

    // The flag says none, and then nothing is written.
    tidegate.apply(&files(&backend, "{}"));
    ask(tidegate.http(), REQUEST);
    tidegate.apply(&files(&backend, "{accessLog: {share: 0.5}}"));
    for _ in 0..4 {
        ask(tidegate.http(), REQUEST);
    }
    assert_eq!(log.lines(&tidegate, 5).len(), 5);
}
