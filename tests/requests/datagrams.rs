//! UDP listeners: sessions between clients and endpoints.

use crate::common::manifests::{documents, gateway};
use crate::common::tidegate::{Options, Tidegate};
use crate::telemetry::Log;
use std::collections::BTreeMap;
use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, TcpListener, UdpSocket};
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::time::Duration;

const LISTENER: &str = "- {name: udp, protocol: UDP, port: 5300}";

/// The most that fits in a datagram over IPv4.
const PATIENCE: Duration = Duration::from_secs(10);
const LARGEST: usize = 65_507;

/// A target that gives each datagram back, with its name before it.
fn target(name: &'static str) -> SocketAddr {
    target_at(name, Ipv4Addr::LOCALHOST.into())
}

fn target_at(name: &'static str, ip: IpAddr) -> SocketAddr {
    let socket = UdpSocket::bind((ip, 0)).unwrap();
    let address = socket.local_addr().unwrap();
    std::thread::spawn(move || {
        let mut room = vec![0; 1 << 16];
        while let Ok((length, from)) = socket.recv_from(&mut room) {
            let _ = socket.send_to(&[name.as_bytes(), &room[..length]].concat(), from);
        }
    });
    address
}

/// A client that only hears the address that it asks.
fn client(of: SocketAddr) -> UdpSocket {
    let any: IpAddr = if of.is_ipv4() { Ipv4Addr::UNSPECIFIED.into() } else { Ipv6Addr::UNSPECIFIED.into() };
    let socket = UdpSocket::bind((any, 0)).unwrap();
    socket.connect(of).unwrap();
    socket.set_read_timeout(Some(PATIENCE)).unwrap();
    socket
}

fn try_ask(client: &UdpSocket, data: &[u8]) -> io::Result<Vec<u8>> {
    client.send(data)?;
    let mut room = vec![0; 1 << 16];
    let length = client.recv(&mut room)?;
    room.truncate(length);
    Ok(room)
}

#[track_caller]
fn ask(client: &UdpSocket, data: &str) -> String {
    String::from_utf8(try_ask(client, data.as_bytes()).unwrap()).unwrap()
}

fn udp_service(name: &str, addresses: &[SocketAddr]) -> String {
    let mut texts = vec![format!(
        "apiVersion: v1
kind: Service
metadata: {{name: {name}}}
spec: {{ports: [{{name: dns, port: 53, protocol: UDP}}]}}
"
    )];
    texts.extend(addresses.iter().map(|address| {
        format!(
            "apiVersion: discovery.k8s.io/v1
kind: EndpointSlice
metadata: {{name: {name}-{port}, labels: {{kubernetes.io/service-name: {name}}}}}
addressType: {family}
ports: [{{name: dns, port: {port}, protocol: UDP}}]
endpoints: [{{addresses: [\"{ip}\"], conditions: {{ready: true}}}}]
",
            family = if address.is_ipv4() { "IPv4" } else { "IPv6" },
            port = address.port(),
            ip = address.ip(),
        )
    }));
    documents(&texts)
}

fn udp_route(backends: &str) -> String {
    format!(
        "apiVersion: gateway.networking.k8s.io/v1
kind: UDPRoute
metadata: {{name: route}}
spec:
  parentRefs: [{{name: gateway, sectionName: udp}}]
  rules: [{{backendRefs: [{backends}]}}]
"
    )
}

/// The listener, one Service and the route to it.
fn files(service: &str, addresses: &[SocketAddr]) -> Vec<(&'static str, String)> {
    let route = udp_route(&format!("{{name: {service}, port: 53}}"));
    vec![
        ("gateway.yaml", gateway(LISTENER)),
        ("service.yaml", udp_service(service, addresses)),
        ("route.yaml", route),
    ]
}

fn one_worker(flags: &[&str]) -> Options {
    Options { workers: 1, flags: flags.iter().map(|flag| (*flag).to_owned()).collect(), ..Options::default() }
}

fn metric(tidegate: &Tidegate, series: &str) -> u64 {
    let metrics = String::from_utf8(tidegate.health("/metrics").body).unwrap();
    let value = metrics.lines().find_map(|line| line.strip_prefix(&format!("tidegate_{series} ")));
    value.unwrap_or_else(|| panic!("no {series} in\n{metrics}")).parse().unwrap()
}

fn dropped(tidegate: &Tidegate, reason: &str) -> u64 {
    metric(tidegate, &format!("udp_dropped_datagrams_total{{reason=\"{reason}\"}}"))
}

fn sessions(tidegate: &Tidegate) -> u64 {
    metric(tidegate, "listener_active_sessions{listener=\"default/gateway/udp\"}")
}

#[test]
fn a_client_stays_at_its_endpoint() {
    let tidegate = Tidegate::start(&files("names", &[target("one "), target("two ")]));
    let clients: Vec<_> = (0..20).map(|_| client(tidegate.address(5300))).collect();
    let mut seen = BTreeMap::<String, u32>::new();
    for client in &clients {
        let first = ask(client, "hello");
        for _ in 0..5 {
            assert_eq!(ask(client, "hello"), first);
        }
        *seen.entry(first).or_default() += 1;
    }
    // The less loaded of the two gets the next one: each worker knows of both workers' sessions.
    assert_eq!(seen, BTreeMap::from([("one hello".to_owned(), 10), ("two hello".to_owned(), 10)]));
    assert_eq!(sessions(&tidegate), 20);
}

#[test]
fn many_at_once_arrive_in_their_order() {
    let tidegate = Tidegate::start(&files("names", &[target("")]));
    let client = client(tidegate.address(5300));
    ask(&client, "first");
    for round in 0..20_u32 {
        let all: Vec<String> = (0..50).map(|number| format!("{round} {number}")).collect();
        all.iter().for_each(|text| assert_eq!(client.send(text.as_bytes()).unwrap(), text.len()));
        for text in &all {
            let mut room = [0; 100];
            let length = client.recv(&mut room).unwrap();
            assert_eq!(std::str::from_utf8(&room[..length]).unwrap(), text);
        }
    }
}

#[test]
fn sessions_are_shared_out_by_weight() {
    let texts = [
        gateway(LISTENER),
        udp_service("one", &[target("one")]),
        udp_service("two", &[target("two")]),
        udp_service("none", &[target("none")]),
        udp_route(
            "{name: one, port: 53, weight: 7}, {name: two, port: 53, weight: 3}, {name: none, port: 53, weight: 0}",
        ),
    ];
    let tidegate = Tidegate::start_with(one_worker(&[]), &[("all.yaml", documents(&texts))]);
    let answers: Vec<_> = (0..100).map(|_| ask(&client(tidegate.address(5300)), "")).collect();
    let count = |name: &str| answers.iter().filter(|answer| *answer == name).count();
    assert_eq!((count("one"), count("two")), (70, 30));
}

#[test]
fn datagrams_of_any_length_pass_whole() {
    let tidegate = Tidegate::start(&files("names", &[target("")]));
    let client = client(tidegate.address(5300));
    for length in [0, 1, 1_472, 9_000, LARGEST] {
        let data: Vec<u8> = (0..length).map(|place| (place % 251) as u8).collect();
        assert!(try_ask(&client, &data).unwrap() == data, "{length} bytes");
    }
}

#[test]
fn a_silent_session_ends_and_the_client_gets_another() {
    let log = Log::new();
    let mut options = log.options("full");
    options.flags.push("--udp-session-timeout=300ms".to_owned());
    let address = target("one ");
    let tidegate = Tidegate::start_with(options, &files("names", &[address]));
    let client = client(tidegate.address(5300));
    assert_eq!(ask(&client, "hello"), "one hello");
    let line = &log.lines(&tidegate, 1)[0];
    let texts = ["listener", "route", "backend", "endpoint", "protocol", "reason"];
    assert_eq!(
        texts.map(|field| line[field].as_str().unwrap()),
        [
            "default/gateway/udp",
            "UDPRoute default/route",
            "Service default/names:53/udp",
            &address.to_string(),
            "UDP",
            "StreamIdle"
        ]
    );
    let numbers = ["attempts", "bytes_received", "bytes_sent", "datagrams_received", "datagrams_sent"];
    assert_eq!(numbers.map(|field| line[field].as_u64().unwrap()), [1, 5, 9, 1, 1]);
    assert_eq!(line["peer_address"], client.local_addr().unwrap().to_string());
    assert_eq!(sessions(&tidegate), 0);
    assert_eq!(ask(&client, "again"), "one again");
    assert_eq!(metric(&tidegate, "listener_sessions_total{listener=\"default/gateway/udp\"}"), 2);
}

#[test]
fn clients_beyond_the_most_sessions_are_not_served() {
    let options = one_worker(&["--max-udp-sessions=2"]);
    let tidegate = Tidegate::start_with(options, &files("names", &[target("one ")]));
    let clients: Vec<_> = (0..3).map(|_| client(tidegate.address(5300))).collect();
    assert_eq!((ask(&clients[0], "a"), ask(&clients[1], "b")), ("one a".into(), "one b".into()));
    clients[2].send(b"c").unwrap();
    tidegate.wait_until("drops the third client's", || dropped(&tidegate, "TooManySessions") == 1);
    assert_eq!((ask(&clients[0], "a"), ask(&clients[1], "b")), ("one a".into(), "one b".into()));
    assert_eq!((sessions(&tidegate), dropped(&tidegate, "TooManySessions")), (2, 1));
}

/// The first datagram to a port where nobody listens is lost, as nobody knows before. From the next
/// one on the session is at another endpoint.
#[test]
fn an_endpoint_that_refuses_is_left() {
    let dead = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).unwrap().local_addr().unwrap();
    let texts = [
        ("gateway.yaml", gateway(LISTENER)),
        ("service.yaml", udp_service("names", &[dead])),
        ("route.yaml", udp_route("{name: names, port: 53}")),
    ];
    let log = Log::new();
    let mut options = log.options("full");
    options.flags.push("--udp-session-timeout=1s".to_owned());
    let tidegate = Tidegate::start_with(options, &texts);
    let client = client(tidegate.address(5300));
    client.send(b"lost").unwrap();
    let failures = "upstream_connect_failures_total{upstream=\"Service default/names:53/udp\"}";
    tidegate.wait_until("notices", || metric(&tidegate, failures) == 1);
    tidegate.apply(&[("service.yaml", udp_service("names", &[dead, target("live ")]))]);
    for number in 0..10 {
        assert_eq!(ask(&client, &number.to_string()), format!("live {number}"));
    }
    let line = &log.lines(&tidegate, 1)[0];
    assert_eq!((&line["attempts"], &line["datagrams_received"]), (&2.into(), &11.into()));
    assert_eq!(line["retry_reasons"], serde_json::json!(["ConnectFailed"]));
}

#[test]
fn what_leads_nowhere_is_counted() {
    let own = "apiVersion: tidegate.dev/v1alpha1
kind: Upstream
metadata: {name: own}
spec: {targets: [{name: one, url: \"http://$ADDRESS:5300\"}]}
";
    let own_backend = "{group: tidegate.dev, kind: Upstream, name: own}";
    let tidegate = Tidegate::start(&[
        ("gateway.yaml", gateway(LISTENER)),
        ("service.yaml", udp_service("empty", &[])),
        ("own.yaml", own.to_owned()),
    ]);
    let client = client(tidegate.address(5300));
    client.send(b"lost").unwrap();
    tidegate.wait_until("drops it", || dropped(&tidegate, "NoRoute") == 1);
    let backends = [
        ("{name: missing, port: 53}", "NoBackend", 1),
        ("{name: empty, port: 53}", "NoReadyTargets", 1),
        // Round and round it would go.
        (own_backend, "NoReadyTargets", 2),
    ];
    for (backend, reason, count) in backends {
        tidegate.apply(&[("route.yaml", udp_route(backend))]);
        client.send(b"lost").unwrap();
        tidegate.wait_until("drops it", || dropped(&tidegate, reason) == count);
        // A rule that changes might keep its backends for a moment.
        tidegate.remove(&["route.yaml"]);
    }
    assert_eq!(sessions(&tidegate), 0);
}

#[test]
fn an_upstream_is_a_backend() {
    let text = format!(
        "apiVersion: tidegate.dev/v1alpha1
kind: Upstream
metadata: {{name: names}}
spec: {{targets: [{{name: one, url: \"http://{}\"}}]}}
",
        target("one ")
    );
    let route = udp_route("{group: tidegate.dev, kind: Upstream, name: names}");
    let tidegate = Tidegate::start(&[("all.yaml", documents(&[gateway(LISTENER), text, route]))]);
    assert_eq!(ask(&client(tidegate.address(5300)), "hello"), "one hello");
}

#[test]
fn tcp_and_udp_share_a_port() {
    let answering = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let address = answering.local_addr().unwrap();
    std::thread::spawn(move || {
        for stream in answering.incoming() {
            let _ = io::Write::write_all(&mut stream.unwrap(), b"by TCP");
        }
    });
    let listeners = format!("{LISTENER}\n- {{name: tcp, protocol: TCP, port: 5300}}");
    let route = "apiVersion: gateway.networking.k8s.io/v1
kind: TCPRoute
metadata: {name: route}
spec:
  parentRefs: [{name: gateway, sectionName: tcp}]
  rules: [{backendRefs: [{name: stream, port: 80}]}]
";
    let texts = [
        gateway(&listeners),
        crate::common::manifests::service_at("stream", &[address], None),
        route.to_owned(),
        udp_service("names", &[target("by UDP, ")]),
        udp_route("{name: names, port: 53}"),
    ];
    let tidegate = Tidegate::start(&[("all.yaml", documents(&texts))]);
    let mut stream = std::net::TcpStream::connect(tidegate.address(5300)).unwrap();
    assert_eq!(io::read_to_string(&mut stream).unwrap(), "by TCP");
    assert_eq!(ask(&client(tidegate.address(5300)), "hello"), "by UDP, hello");
}

/// A client hears only the address that it asked, although the socket is on every one.
#[test]
fn replies_come_from_the_address_that_was_asked() {
    // Below the ports that the system gives out; nothing else here listens for UDP on all addresses.
    let port = 20_000 + (std::process::id() % 10_000) as u16;
    let gateway = format!(
        "apiVersion: gateway.networking.k8s.io/v1
kind: Gateway
metadata: {{name: gateway}}
spec:
  gatewayClassName: tidegate
  addresses: [{{type: IPAddress, value: 0.0.0.0}}, {{type: IPAddress, value: '::'}}]
  listeners: [{{name: udp, protocol: UDP, port: {port}}}]
"
    );
    let addresses = [target("one "), target_at("one ", Ipv6Addr::LOCALHOST.into())];
    let texts = [gateway, udp_service("names", &addresses), udp_route("{name: names, port: 53}")];
    let tidegate = Tidegate::start(&[("all.yaml", documents(&texts))]);
    for ip in [[127, 0, 0, 1], [127, 9, 8, 7]] {
        assert_eq!(ask(&client((ip, port).into()), "hello"), "one hello");
    }
    assert_eq!(ask(&client((Ipv6Addr::LOCALHOST, port).into()), "hello"), "one hello");
    // The same client at two addresses has two sessions.
    let both = UdpSocket::bind((Ipv4Addr::UNSPECIFIED, 0)).unwrap();
    both.set_read_timeout(Some(PATIENCE)).unwrap();
    for ip in [[127, 0, 0, 1], [127, 9, 8, 7]] {
        both.send_to(b"hello", (Ipv4Addr::from(ip), port)).unwrap();
        let mut room = [0; 100];
        let (length, from) = both.recv_from(&mut room).unwrap();
        assert_eq!((&room[..length], from), (&b"one hello"[..], (ip, port).into()));
    }
    assert_eq!(sessions(&tidegate), 5);
}

#[test]
fn the_sessions_of_a_removed_listener_end() {
    let log = Log::new();
    let tidegate = Tidegate::start_with(log.options("full"), &files("names", &[target("one ")]));
    let client = client(tidegate.address(5300));
    assert_eq!(ask(&client, "hello"), "one hello");
    tidegate.apply(&[("gateway.yaml", gateway("- {name: other, protocol: UDP, port: 5301}"))]);
    let line = &log.lines(&tidegate, 1)[0];
    assert_eq!((&line["reason"], &line["datagrams_sent"]), (&"NoRoute".into(), &1.into()));
    assert_eq!(try_ask(&client, b"hello").unwrap_err().kind(), io::ErrorKind::ConnectionRefused);
}

#[test]
fn another_backend_takes_live_sessions_over_and_another_weight_does_not() {
    let tidegate = Tidegate::start(&[
        ("gateway.yaml", gateway(LISTENER)),
        ("one.yaml", udp_service("one", &[target("one")])),
        ("two.yaml", udp_service("two", &[target("two")])),
        ("route.yaml", udp_route("{name: one, port: 53}")),
    ]);
    let client = client(tidegate.address(5300));
    assert_eq!(ask(&client, ""), "one");
    let steps = [
        ("{name: one, port: 53, weight: 1}, {name: two, port: 53, weight: 1000}", "one"),
        ("{name: one, port: 53, weight: 0}, {name: two, port: 53}", "one"),
        ("{name: two, port: 53}", "two"),
    ];
    for (backends, answer) in steps {
        tidegate.apply(&[("route.yaml", udp_route(backends))]);
        assert_eq!(ask(&client, ""), answer);
    }
}

/// Each client asks again when it was answered: one that loses a datagram stays without an answer.
#[test]
fn edits_under_load_lose_no_datagram() {
    let [one, two] = [target("one "), target("two ")];
    let both = |weights: [u32; 2]| {
        let [one, two] = weights;
        udp_route(&format!("{{name: one, port: 53, weight: {one}}}, {{name: two, port: 53, weight: {two}}}"))
    };
    let tidegate = Tidegate::start(&[
        ("gateway.yaml", gateway(LISTENER)),
        ("one.yaml", udp_service("one", &[one])),
        ("two.yaml", udp_service("two", &[two])),
        ("route.yaml", both([1, 1])),
    ]);
    let (ended, answers) = (AtomicBool::new(false), AtomicU32::new(0));
    let wait_for_answers = || {
        let before = answers.load(Ordering::Relaxed);
        tidegate.wait_until("answers", || answers.load(Ordering::Relaxed) > before + 50);
    };
    std::thread::scope(|scope| {
        for number in 0..4 {
            let (tidegate, ended, answers) = (tidegate.address(5300), &ended, &answers);
            scope.spawn(move || {
                let mut stays = client(tidegate);
                for round in 0_u32.. {
                    if ended.load(Ordering::Relaxed) {
                        return;
                    }
                    let text = format!("{number} {round}");
                    assert!(ask(&stays, &text).ends_with(&text));
                    answers.fetch_add(1, Ordering::Relaxed);
                    if round % 10 == 0 && number % 2 == 0 {
                        stays = client(tidegate);
                    }
                }
            });
        }
        for weight in 0..5 {
            tidegate.apply(&[("route.yaml", both([weight, 5]))]);
            wait_for_answers();
            tidegate.apply(&[("route.yaml", udp_route("{name: one, port: 53}"))]);
            wait_for_answers();
            // Endpoints come and go.
            tidegate.apply(&[("one.yaml", udp_service("one", &[two]))]);
            wait_for_answers();
            tidegate.apply(&[("one.yaml", udp_service("one", &[one]))]);
            wait_for_answers();
        }
        ended.store(true, Ordering::Relaxed);
    });
}

#[test]
fn sessions_go_on_until_the_drain_ends() {
    let options = Options { drain_max: Duration::from_secs(1), ..one_worker(&[]) };
    let tidegate = Tidegate::start_with(options, &files("names", &[target("one ")]));
    let client = client(tidegate.address(5300));
    assert_eq!(ask(&client, "before"), "one before");
    tidegate.begin_to_stop();
    assert_eq!(ask(&client, "after"), "one after");
    tidegate.wait_until_stopped();
}
