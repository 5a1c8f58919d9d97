//! Which certificates clients have to show, in the handshake of whatever port they come by.

use crate::common::backend::Backend;
use crate::common::certificates::{Authority, Pair};
use crate::common::manifests::{
    config_map, documents, gateway_with, route_to, secret, service, trust_bundle,
};
use crate::common::tidegate::Tidegate;
use bytes::Bytes;
use http::{Request, StatusCode};
use http_body_util::Empty;
use hyper::client::conn::{http1, http2};
use hyper_util::rt::{TokioExecutor, TokioIo};
use rustls::pki_types::ServerName;
use rustls::version::{TLS12, TLS13};
use rustls::{AlertDescription, ClientConfig, DEFAULT_VERSIONS, HandshakeKind};
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;
use tokio::io::AsyncReadExt;
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

const NAME: &str = "shop.example.com";
const LISTENERS: &str =
    "- {name: checked, protocol: HTTPS, port: 8443, tls: {certificateRefs: [{name: shop}]}}
- {name: open, protocol: HTTPS, port: 9443, tls: {certificateRefs: [{name: shop}]}}
- {name: insecure, protocol: HTTPS, port: 7443, tls: {certificateRefs: [{name: shop}]}}";
const CHECKED: &str = "tls:
  frontend:
    default: {validation: {caCertificateRefs: [{group: '', kind: ConfigMap, name: clients}]}}
    perPort:
    - {port: 9443, tls: {}}
    - port: 7443
      tls:
        validation:
          mode: AllowInsecureFallback
          caCertificateRefs: [{group: '', kind: ConfigMap, name: clients}]";
const UNCHECKED: &str = "tls: {frontend: {default: {}}}";

/// A Gateway with three ports: one that checks its clients' certificates, one that does not, and
/// one that asks for them and takes any.
struct World {
    tidegate: Tidegate,
    backend: Backend,
    /// Signed the server's certificate.
    server: Authority,
    shop: Pair,
    /// Signs those of clients.
    clients: Authority,
}

impl World {
    fn new(tls: &str) -> Self {
        let [server, clients] = [Authority::new(), Authority::new()];
        let shop = server.issue(&[NAME]);
        let backend = Backend::start("only");
        let files = files(tls, &shop, &backend, Some(clients.pem()));
        Self { tidegate: Tidegate::start(&files), backend, server, shop, clients }
    }

    fn apply(&self, tls: &str, authorities: Option<&str>) {
        self.tidegate.apply(&files(tls, &self.shop, &self.backend, authorities));
    }

    fn client(&self, pair: Option<&Pair>) -> Arc<ClientConfig> {
        self.server.client_showing(pair, &[], DEFAULT_VERSIONS)
    }

    fn checked(&self) -> SocketAddr {
        self.tidegate.address(8443)
    }

    fn open(&self) -> SocketAddr {
        self.tidegate.address(9443)
    }
}

fn files(
    tls: &str,
    shop: &Pair,
    backend: &Backend,
    authorities: Option<&str>,
) -> [(&'static str, String); 1] {
    let mut texts = vec![
        gateway_with(LISTENERS, tls),
        secret("shop", shop),
        service("only", &[backend]),
        route_to("only"),
    ];
    texts.extend(authorities.map(|pem| config_map("clients", pem)));
    [("all.yaml", documents(&texts))]
}

fn run<T>(future: impl Future<Output = T>) -> T {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let limit = Duration::from_secs(20);
    runtime.block_on(async { tokio::time::timeout(limit, future).await.expect("an answer came in time") })
}

async fn handshake(address: SocketAddr, config: &Arc<ClientConfig>) -> std::io::Result<TlsStream<TcpStream>> {
    let name = ServerName::try_from(NAME).unwrap();
    TlsConnector::from(config.clone()).connect(name, TcpStream::connect(address).await?).await
}

async fn ask(sender: &mut http1::SendRequest<Empty<Bytes>>) -> StatusCode {
    let request = Request::get("/").header("host", NAME).body(Empty::<Bytes>::new()).unwrap();
    sender.send_request(request).await.unwrap().status()
}

async fn connect(
    address: SocketAddr,
    config: &Arc<ClientConfig>,
) -> (http1::SendRequest<Empty<Bytes>>, HandshakeKind) {
    let stream = handshake(address, config).await.unwrap();
    let kind = stream.get_ref().1.handshake_kind().unwrap();
    let (sender, connection) = http1::handshake(TokioIo::new(stream)).await.unwrap();
    tokio::spawn(connection);
    (sender, kind)
}

/// A request on a new connection, and how its handshake was.
fn get(address: SocketAddr, config: &Arc<ClientConfig>) -> (StatusCode, HandshakeKind) {
    run(async {
        let (mut sender, kind) = connect(address, config).await;
        (ask(&mut sender).await, kind)
    })
}

fn status(address: SocketAddr, config: &Arc<ClientConfig>) -> StatusCode {
    get(address, config).0
}

/// With which alert the handshake failed. In TLS 1.3 the client is done before the server has judged
/// it, and reads the alert in place of an answer.
fn refused(address: SocketAddr, config: &Arc<ClientConfig>) -> AlertDescription {
    run(async {
        let error = match handshake(address, config).await {
            Err(error) => error,
            Ok(mut stream) => stream.read_u8().await.unwrap_err(),
        };
        match error.downcast::<rustls::Error>().unwrap() {
            rustls::Error::AlertReceived(alert) => alert,
            other => panic!("{other}"),
        }
    })
}

#[test]
fn only_a_good_certificate_gets_in() {
    let world = World::new(CHECKED);
    let [good, bad] = [&world.clients, &Authority::new()].map(|authority| authority.issue(&["client"]));
    for version in [&TLS12, &TLS13] {
        let client = |pair| world.server.client_showing(pair, &[], &[version]);
        assert_eq!(status(world.checked(), &client(Some(&good))), StatusCode::OK);
        let missing = AlertDescription::CertificateRequired;
        let stranger = refused(world.checked(), &client(Some(&bad)));
        assert!([AlertDescription::UnknownCA, AlertDescription::DecryptError].contains(&stranger));
        // Without a server name it is the same listener.
        assert_eq!(refused(world.checked(), &without_names(&client(None))), missing);
        assert_eq!(status(world.open(), &client(None)), StatusCode::OK);
        for pair in [None, Some(&good), Some(&bad)] {
            assert_eq!(status(world.tidegate.address(7443), &client(pair)), StatusCode::OK);
        }
    }
}

/// A client that sends no server name.
fn without_names(config: &Arc<ClientConfig>) -> Arc<ClientConfig> {
    let mut config = ClientConfig::clone(config);
    config.enable_sni = false;
    Arc::new(config)
}

#[test]
fn a_session_of_elsewhere_or_before_lets_nobody_in() {
    let world = World::new(CHECKED);
    let stranger = world.client(None);
    assert_eq!(get(world.open(), &stranger).1, HandshakeKind::Full);
    // It has tickets, and the other port does not take them.
    assert_eq!(get(world.open(), &stranger).1, HandshakeKind::Resumed);
    assert_eq!(refused(world.checked(), &stranger), AlertDescription::CertificateRequired);

    world.apply(UNCHECKED, None);
    let before = world.client(None);
    assert_eq!(get(world.checked(), &before).0, StatusCode::OK);
    world.apply(CHECKED, Some(world.clients.pem()));
    assert_eq!(refused(world.checked(), &before), AlertDescription::CertificateRequired);

    let pair = world.clients.issue(&["client"]);
    for version in [&TLS12, &TLS13] {
        let known = world.server.client_showing(Some(&pair), &[], &[version]);
        for _ in 0..2 {
            // Each time anew: it may have expired, or its authority may be trusted no more.
            assert_eq!(get(world.checked(), &known), (StatusCode::OK, HandshakeKind::Full));
        }
    }
}

#[test]
fn other_authorities_count_for_the_next_handshake() {
    let world = World::new(CHECKED);
    let next = Authority::new();
    let [old, new] = [&world.clients, &next].map(|authority| authority.issue(&["client"]));
    let [old, new] = [&old, &new].map(|pair| world.client(Some(pair)));
    let refuses = |config| refused(world.checked(), config);
    run(async {
        let (mut live, _) = connect(world.checked(), &old).await;
        assert_eq!(ask(&mut live).await, StatusCode::OK);
        world.apply(CHECKED, Some(&format!("{}{}", world.clients.pem(), next.pem())));
        for client in [&old, &new] {
            let (mut sender, _) = connect(world.checked(), client).await;
            assert_eq!(ask(&mut sender).await, StatusCode::OK);
        }
        world.apply(CHECKED, Some(next.pem()));
        assert_eq!(ask(&mut live).await, StatusCode::OK, "a connection that is open goes on");
        let mut stream = handshake(world.checked(), &old).await.unwrap();
        stream.read_u8().await.unwrap_err();
        world.apply(CHECKED, None);
        assert_eq!(ask(&mut live).await, StatusCode::OK);
    });
    let stranger = world.client(None);
    // With no authority left nobody gets in.
    for authorities in [None, Some("nothing")] {
        world.apply(CHECKED, authorities);
        for client in [&old, &new, &stranger] {
            assert_eq!(refuses(client), AlertDescription::UnrecognisedName);
        }
        assert_eq!(status(world.open(), &old), StatusCode::OK);
    }
    world.apply(CHECKED, Some(next.pem()));
    assert_eq!(status(world.checked(), &new), StatusCode::OK);
}

/// HTTP/2 clients send requests for every name in the certificate over one connection.
#[test]
fn a_connection_to_one_port_has_no_way_to_the_routes_of_another() {
    let world = World::new(CHECKED);
    let only_checked = "apiVersion: gateway.networking.k8s.io/v1
kind: HTTPRoute
metadata: {name: checked}
spec:
  parentRefs: [{name: gateway, sectionName: checked}]
  hostnames: [shop.example.com]
  rules: [{backendRefs: [{name: only, port: 80}]}]
";
    let texts = [
        gateway_with(LISTENERS, CHECKED),
        secret("shop", &world.shop),
        service("only", &[&world.backend]),
        config_map("clients", world.clients.pem()),
        only_checked.to_owned(),
    ];
    world.tidegate.apply(&[("all.yaml", documents(&texts))]);
    let pair = world.clients.issue(&["client"]);
    let config = world.server.client_showing(Some(&pair), &["h2"], DEFAULT_VERSIONS);
    for (address, wanted) in [(world.checked(), StatusCode::OK), (world.open(), StatusCode::NOT_FOUND)] {
        let status = run(async {
            let stream = handshake(address, &config).await.unwrap();
            let executor = TokioExecutor::new();
            let (mut sender, connection) = http2::handshake(executor, TokioIo::new(stream)).await.unwrap();
            tokio::spawn(connection);
            let uri = format!("https://{NAME}:8443/");
            let request = Request::get(uri).body(Empty::<Bytes>::new()).unwrap();
            sender.send_request(request).await.unwrap().status()
        });
        assert_eq!(status, wanted, "{address}");
    }
}

#[test]
fn a_trust_bundle_of_the_cluster_says_whose_clients_get_in() {
    let world = World::new(CHECKED);
    let tls = CHECKED
        .replace("{group: '', kind: ConfigMap", "{group: certificates.k8s.io, kind: ClusterTrustBundle");
    let pair = world.clients.issue(&["client"]);
    let client = world.client(Some(&pair));
    let files = |bundle: Option<&Authority>| {
        let mut texts = vec![
            gateway_with(LISTENERS, &tls),
            secret("shop", &world.shop),
            service("only", &[&world.backend]),
            route_to("only"),
        ];
        texts.extend(bundle.map(|authority| trust_bundle("clients", authority.pem())));
        [("all.yaml", documents(&texts))]
    };
    world.tidegate.apply(&files(Some(&world.clients)));
    assert_eq!(status(world.checked(), &client), StatusCode::OK);
    assert_eq!(refused(world.checked(), &world.client(None)), AlertDescription::CertificateRequired);
    world.tidegate.apply(&files(None));
    assert_eq!(refused(world.checked(), &client), AlertDescription::UnrecognisedName);
}
