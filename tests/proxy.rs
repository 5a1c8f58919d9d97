//! The data plane alone: a delta in, bytes out.
#![allow(clippy::unwrap_used, reason = "a test")]

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use tidegate::model::{
    Attachment, Backend, BackendProtocol, BackendTarget, BindAddress, Delta, Entry, EntrySource, Filters,
    Listener, ListenerKey, Match, ObjectKey, PathMatch, Protocol, Resource, ResourceKey, Route, RouteKey,
    RouteKind, Rule, RuleKey, Timeouts, Upstream, UpstreamKey,
};
use tidegate::proxy::{Config, Limits, Proxy};
use tidegate::support::drain;
use tidegate::support::forbidden::TargetPolicy;
use tidegate::telemetry::{AccessLog, Metrics, Mode};
use tidegate::tls::ClientConfigs;

struct Running {
    proxy: Proxy,
    metrics: Arc<Metrics>,
    _trigger: drain::Trigger,
}

fn start() -> Running {
    let metrics = Metrics::new();
    let (trigger, watch) = drain::channel();
    let config = Config {
        workers: 2,
        limits: Limits::default(),
        access_log: Mode::Off,
        trusted: vec![],
        targets: TargetPolicy::new(true, vec![]),
        reserved: vec![],
        max_udp_sessions_per_worker: 100,
        tls: ClientConfigs::new(rustls::RootCertStore::empty()),
        session_secret: String::new(),
        max_connections_per_worker: 1000,
        max_listening_sockets: 4,
    };
    let proxy = Proxy::start(config, &metrics, &AccessLog::off(metrics.clone()), &watch).unwrap();
    Running { proxy, metrics, _trigger: trigger }
}

impl Running {
    fn publish(&self, version: u64, upserts: Vec<Resource>, removals: Vec<ResourceKey>) {
        self.proxy.publish(Delta { version, upserts, removals });
        let mut acknowledged = self.proxy.acknowledged();
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime
            .block_on(async { acknowledged.wait_for(|served| *served >= version).await.map(|_| ()) })
            .unwrap();
    }
}

/// A backend that answers every connection with the same text, then closes it.
fn backend(answer: &'static str) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            let mut head = [0; 4096];
            let _ = stream.read(&mut head).unwrap();
            stream.write_all(answer.as_bytes()).unwrap();
        }
    });
    address
}

fn gateway() -> ListenerKey {
    ListenerKey::of_gateway(ObjectKey::new("default", "edge"), "http")
}

fn listener(address: SocketAddr) -> Resource {
    listener_of(Protocol::Http, address)
}

fn listener_of(protocol: Protocol, address: SocketAddr) -> Resource {
    Resource::Listener(Listener {
        key: gateway(),
        binds: vec![BindAddress::tcp(address)],
        port: 80,
        protocol,
        hostname: None,
        certificates: vec![],
        clients: None,
        client_certificate: None,
        filters: Vec::new(),
        settings: Default::default(),
        tracing: None,
    })
}

fn upstream(target: SocketAddr) -> (UpstreamKey, Resource) {
    let key = UpstreamKey::Upstream(ObjectKey::new("default", "one"));
    let entry = Entry {
        name: "one".into(),
        weight: 1,
        source: EntrySource::Address(target),
        protocol: BackendProtocol::Http,
        tls: None,
        base_path: "".into(),
        retry_budgets: Vec::new(),
    };
    (key.clone(), Resource::Upstream(Upstream { key, entries: vec![entry], retries: None }))
}

fn route(target: BackendTarget) -> Resource {
    Resource::Route(Route {
        key: RouteKey { kind: RouteKind::Http, object: ObjectKey::new("default", "r") },
        created: 0,
        attachments: vec![Attachment { listener: gateway(), hostnames: vec![] }],
        rules: vec![Rule {
            key: RuleKey::Index(0),
            host: None,
            matches: vec![Match {
                rpc: None,
                path: PathMatch::Prefix("".into()),
                method: None,
                headers: vec![],
                queries: vec![],
            }],
            filters: Filters::default(),
            backends: vec![Backend { weight: 1, target, filters: Filters::default(), session: None }],
            timeouts: Timeouts::default(),
            retry: None,
        }],
    })
}

/// An address that is free now; nobody else takes ports of this loopback address.
fn free(last: u8) -> SocketAddr {
    SocketAddr::from(([127, 77, 0, last], 8080))
}

fn get(address: SocketAddr) -> String {
    let mut stream = TcpStream::connect(address).unwrap();
    stream.write_all(b"GET /x HTTP/1.1\r\nHost: a.example\r\nConnection: close\r\n\r\n").unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    answer
}

#[test]
fn a_delta_is_served_and_taken_back() {
    let running = start();
    let address = free(1);
    let target = backend("HTTP/1.1 200 OK\r\nContent-Length: 5\r\nX-From: target\r\n\r\nhello");
    let (key, upstream) = upstream(target);
    running.publish(1, vec![listener(address), upstream, route(BackendTarget::Upstream(key))], vec![]);
    let answer = get(address);
    assert!(answer.starts_with("HTTP/1.1 200 OK\r\n") && answer.ends_with("\r\n\r\nhello"), "{answer}");
    assert!(answer.contains("x-from: target"), "{answer}");

    let gone = ResourceKey::Route(RouteKey { kind: RouteKind::Http, object: ObjectKey::new("default", "r") });
    running.publish(2, vec![], vec![gone]);
    assert!(get(address).starts_with("HTTP/1.1 404 "));
    assert_eq!(running.metrics.process().answers(tidegate::model::Reason::NoRoute), 1);

    running.publish(3, vec![], vec![ResourceKey::Listener(gateway())]);
    assert!(running.proxy.bind_failures().borrow().is_empty());
}

#[test]
fn an_address_in_use_is_told() {
    let address = free(2);
    let _other = TcpListener::bind(address).unwrap();
    let running = start();
    running.publish(1, vec![listener(address)], vec![]);
    let failures = running.proxy.bind_failures().borrow().clone();
    assert_eq!(failures.keys().collect::<Vec<_>>(), [&BindAddress::tcp(address)]);
}

#[test]
fn sockets_beyond_the_limit_are_told_and_not_opened() {
    let running = start();
    let listeners = (3..6).map(|last| match listener(free(last)) {
        Resource::Listener(mut listener) => {
            listener.key.name = format!("l{last}").into();
            Resource::Listener(listener)
        }
        other => other,
    });
    running.publish(1, listeners.collect(), vec![]);
    let failures = running.proxy.bind_failures().borrow().clone();
    assert_eq!(failures.len(), 1);
    assert!(failures.values().all(|failure| failure.why.contains("more than the 4")), "{failures:?}");
    assert!(get(free(3)).starts_with("HTTP/1.1 404 "));
}

#[test]
fn an_address_that_becomes_free_is_listened_on() {
    let address = free(6);
    let other = TcpListener::bind(address).unwrap();
    let running = start();
    running.publish(1, vec![listener(address)], vec![]);
    drop(other);
    running.proxy.retry_binds();
    assert!(running.proxy.bind_failures().borrow().is_empty());
    running.publish(2, vec![], vec![]);
    assert!(get(address).starts_with("HTTP/1.1 404 "));
}

/// A target that greets, reads until the client has said all, and then says how much that was.
fn greeting() -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            stream.write_all(b"welcome\n").unwrap();
            let mut all = Vec::new();
            stream.read_to_end(&mut all).unwrap();
            writeln!(stream, "{} bytes", all.len()).unwrap();
        }
    });
    address
}

/// A connection by a TCP listener, over which the target has greeted.
fn greeted(running: &Running, address: SocketAddr) -> TcpStream {
    let (key, upstream) = upstream(greeting());
    let resources = vec![listener_of(Protocol::Tcp, address), upstream, route(BackendTarget::Upstream(key))];
    running.publish(1, resources, vec![]);
    let mut client = TcpStream::connect(address).unwrap();
    let mut greeting = [0; 8];
    client.read_exact(&mut greeting).unwrap();
    assert_eq!(&greeting, b"welcome\n");
    client
}

/// The target speaks first, and the client's end is not its own.
#[test]
fn a_tcp_connection_goes_both_ways_and_ends_half_by_half() {
    let running = start();
    let address = free(7);
    let mut client = greeted(&running, address);
    client.write_all(&vec![7; 1_000_000]).unwrap();
    client.shutdown(std::net::Shutdown::Write).unwrap();
    let mut rest = String::new();
    client.read_to_string(&mut rest).unwrap();
    assert_eq!(rest, "1000000 bytes\n");
}

/// A stream lives on when its route and its listener go: an edit cuts nobody off.
#[test]
fn a_tcp_connection_outlives_its_route() {
    let running = start();
    let address = free(8);
    let mut client = greeted(&running, address);
    let gone = ResourceKey::Route(RouteKey { kind: RouteKind::Http, object: ObjectKey::new("default", "r") });
    running.publish(2, vec![], vec![gone, ResourceKey::Listener(gateway())]);
    client.write_all(b"still here").unwrap();
    client.shutdown(std::net::Shutdown::Write).unwrap();
    let mut rest = String::new();
    client.read_to_string(&mut rest).unwrap();
    assert_eq!(rest, "10 bytes\n");
}

#[test]
fn a_tcp_connection_without_a_backend_is_closed_and_counted() {
    let running = start();
    let address = free(9);
    running.publish(1, vec![listener_of(Protocol::Tcp, address)], vec![]);
    let mut client = TcpStream::connect(address).unwrap();
    assert_eq!(client.read(&mut [0; 1]).unwrap(), 0);
    assert_eq!(running.metrics.process().answers(tidegate::model::Reason::NoRoute), 1);
}

/// What the target gets is what the client sent, from the first byte of its ClientHello on.
#[test]
fn tls_that_passes_through_is_chosen_by_its_server_name() {
    let running = start();
    let address = free(10);
    let (key, upstream) = upstream(backend("whatever it is"));
    let mut passing = listener_of(Protocol::Passthrough, address);
    if let Resource::Listener(listener) = &mut passing {
        listener.hostname = Some(tidegate::model::Hostname::parse("a.example.com").unwrap());
    }
    running.publish(1, vec![passing, upstream, route(BackendTarget::Upstream(key))], vec![]);
    let answer = |name: &str| {
        let mut client = TcpStream::connect(address).unwrap();
        client.write_all(&client_hello(name)).unwrap();
        let mut answer = Vec::new();
        client.read_to_end(&mut answer).unwrap();
        answer
    };
    assert_eq!(answer("A.example.com"), b"whatever it is");
    assert_eq!(answer("b.example.com"), b"");
}

fn client_hello(name: &str) -> Vec<u8> {
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let config = rustls::ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(rustls::RootCertStore::empty())
        .with_no_client_auth();
    let name = rustls::pki_types::ServerName::try_from(name.to_owned()).unwrap();
    let mut client = rustls::ClientConnection::new(Arc::new(config), name).unwrap();
    let mut hello = Vec::new();
    client.write_tls(&mut hello).unwrap();
    hello
}
