//! HTTPS: the name in the handshake, certificates, and requests for another host.

use crate::common::backend::Backend;
use crate::common::certificates::{Authority, Pair};
use crate::common::manifests::{documents, gateway, route_to, secret, service};
use crate::common::tidegate::Tidegate;
use bytes::Bytes;
use http::{Request, Response, StatusCode};
use http_body_util::{BodyExt, Empty};
use hyper::client::conn::{http1, http2};
use hyper_util::rt::{TokioExecutor, TokioIo};
use rustls::ClientConfig;
use rustls::pki_types::{CertificateDer, ServerName};
use std::net::SocketAddr;
use std::sync::Arc;
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

const LISTENERS: &str = r#"
- {name: shop, protocol: HTTPS, port: 8443, hostname: shop.example.com, tls: {certificateRefs: [{name: shop}]}}
- {name: wildcard, protocol: HTTPS, port: 8443, hostname: "*.example.com", tls: {certificateRefs: [{name: wildcard}]}}
- {name: org, protocol: HTTPS, port: 8443, hostname: example.org, tls: {certificateRefs: [{name: org}]}}"#;

/// A Gateway with three names, and what stands behind it.
struct World {
    tidegate: Tidegate,
    backend: Backend,
    authority: Authority,
    shop: Pair,
    wildcard: Pair,
}

fn world() -> World {
    let authority = Authority::new();
    let [shop, wildcard, org] =
        ["shop.example.com", "*.example.com", "example.org"].map(|name| authority.issue(&[name]));
    let backend = Backend::start("only");
    let texts = [
        gateway(LISTENERS),
        secret("shop", &shop),
        secret("wildcard", &wildcard),
        secret("org", &org),
        service("only", &[&backend]),
        route_to("only"),
    ];
    let tidegate = Tidegate::start(&[("all.yaml", documents(&texts))]);
    World { tidegate, backend, authority, shop, wildcard }
}

fn run<T>(future: impl Future<Output = T>) -> T {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let limit = std::time::Duration::from_secs(20);
    runtime.block_on(async { tokio::time::timeout(limit, future).await.expect("an answer came in time") })
}

async fn handshake(
    address: SocketAddr,
    config: Arc<ClientConfig>,
    name: &str,
) -> std::io::Result<TlsStream<TcpStream>> {
    let name = ServerName::try_from(name.to_owned()).unwrap();
    TlsConnector::from(config).connect(name, TcpStream::connect(address).await?).await
}

fn certificate_of(stream: &TlsStream<TcpStream>) -> CertificateDer<'static> {
    stream.get_ref().1.peer_certificates().unwrap()[0].clone().into_owned()
}

/// Connects with that name and asks for that host, in HTTP/1.1 and in HTTP/2.
fn statuses(world: &World, sni: &str, host: &str) -> [StatusCode; 2] {
    run(async {
        let stream =
            handshake(world.tidegate.https(), world.authority.client(&["http/1.1"]), sni).await.unwrap();
        let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await.unwrap();
        tokio::spawn(connection);
        let request = Request::get("/").header("host", host).body(Empty::<Bytes>::new()).unwrap();
        let first = sender.send_request(request).await.unwrap().status();

        let stream = handshake(world.tidegate.https(), world.authority.client(&["h2"]), sni).await.unwrap();
        assert_eq!(stream.get_ref().1.alpn_protocol(), Some(b"h2".as_slice()));
        let (mut sender, connection) =
            http2::handshake(TokioExecutor::new(), TokioIo::new(stream)).await.unwrap();
        tokio::spawn(connection);
        let request = Request::get(format!("https://{host}/")).body(Empty::<Bytes>::new()).unwrap();
        [first, sender.send_request(request).await.unwrap().status()]
    })
}

#[test]
fn the_name_chooses_the_certificate() {
    let world = world();
    let client = world.authority.client(&[]);
    run(async {
        for (name, pair) in [
            ("shop.example.com", &world.shop),
            ("SHOP.example.com", &world.shop),
            ("other.example.com", &world.wildcard),
        ] {
            let stream = handshake(world.tidegate.https(), client.clone(), name).await.unwrap();
            assert!(certificate_of(&stream) == pair.der, "{name}");
        }
    });
}

#[test]
fn an_unknown_name_fails_in_the_handshake() {
    let world = world();
    let error =
        run(handshake(world.tidegate.https(), world.authority.client(&[]), "example.net")).unwrap_err();
    let reason = rustls::Error::AlertReceived(rustls::AlertDescription::UnrecognisedName);
    assert_eq!(error.downcast::<rustls::Error>().unwrap(), reason);
}

#[test]
fn requests_belong_to_the_listener_of_the_handshake() {
    let world = world();
    let ok = [StatusCode::OK; 2];
    let misdirected = [StatusCode::MISDIRECTED_REQUEST; 2];
    let cases = [
        ("shop.example.com", "shop.example.com", ok),
        ("shop.example.com", "shop.example.com:8443", ok),
        ("other.example.com", "third.example.com", ok),
        // Another listener matches these better.
        ("shop.example.com", "other.example.com", misdirected),
        ("other.example.com", "shop.example.com", misdirected),
        ("shop.example.com", "example.org", misdirected),
    ];
    for (sni, host, wanted) in cases {
        assert_eq!(statuses(&world, sni, host), wanted, "{host} on a connection for {sni}");
    }
    assert_eq!(world.backend.last().header("x-forwarded-proto"), Some("https"));
}

/// A listener without a hostname takes every name, also none.
#[test]
fn a_listener_for_all_takes_a_connection_without_a_name() {
    let authority = Authority::new();
    let pair = authority.issue(&["127.0.0.1", "any.example.com"]);
    let backend = Backend::start("only");
    let texts = [
        gateway("- {name: any, protocol: HTTPS, port: 8443, tls: {certificateRefs: [{name: any}]}}"),
        secret("any", &pair),
        service("only", &[&backend]),
        route_to("only"),
    ];
    let tidegate = Tidegate::start(&[("all.yaml", documents(&texts))]);
    run(async {
        for name in ["127.0.0.1", "any.example.com"] {
            let stream = handshake(tidegate.https(), authority.client(&[]), name).await.unwrap();
            let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await.unwrap();
            tokio::spawn(connection);
            let request =
                Request::get("/").header("host", "x.example.com").body(Empty::<Bytes>::new()).unwrap();
            let answer: Response<_> = sender.send_request(request).await.unwrap();
            assert_eq!(answer.status(), StatusCode::OK, "{name}");
            answer.into_body().collect().await.unwrap();
        }
    });
}

/// Connections that are open go on with the certificate that they began with.
#[test]
fn a_rotated_certificate_is_given_to_new_connections() {
    let world = world();
    let client = world.authority.client(&[]);
    let renewed = world.authority.issue(&["shop.example.com"]);
    let texts = [
        gateway(LISTENERS),
        secret("shop", &renewed),
        secret("wildcard", &world.wildcard),
        secret("org", &world.authority.issue(&["example.org"])),
        service("only", &[&world.backend]),
        route_to("only"),
    ];
    run(async {
        let before = handshake(world.tidegate.https(), client.clone(), "shop.example.com").await.unwrap();
        assert!(certificate_of(&before) == world.shop.der);
        world.tidegate.apply(&[("all.yaml", documents(&texts))]);
        let after = handshake(world.tidegate.https(), client, "shop.example.com").await.unwrap();
        assert!(certificate_of(&after) == renewed.der);
        let (mut sender, connection) = http1::handshake(TokioIo::new(before)).await.unwrap();
        tokio::spawn(connection);
        let request =
            Request::get("/").header("host", "shop.example.com").body(Empty::<Bytes>::new()).unwrap();
        assert_eq!(sender.send_request(request).await.unwrap().status(), StatusCode::OK);
    });
}
