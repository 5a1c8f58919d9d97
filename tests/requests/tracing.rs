//! XTelemetryPolicy: spans of requests, and the traces that they are in.

mod collector;

use crate::common::backend::Backend;
use crate::common::certificates::Authority;
use crate::common::manifests::{
    backend_tls_policy, config_map, documents, http_gateway, route, service, service_at,
};
use crate::common::raw::{Answer, Client, ask};
use crate::common::scripted::{Scripted, Step};
use crate::common::tidegate::{Options, Tidegate};
use crate::telemetry::Log;
use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicUsize, Ordering};

pub use collector::{Collector, Say, Span};

const PARENT: &str = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
const TRACE: &str = "0af7651916cd43dd8448eb211c80319c";

/// A policy for the Gateway `gateway` with a collector `collector`, and more of its `tracing`.
pub fn policy(more: &str) -> String {
    format!(
        "apiVersion: gateway.networking.x-k8s.io/v1alpha1
kind: XTelemetryPolicy
metadata: {{name: traces}}
spec:
  targetRefs: [{{group: gateway.networking.k8s.io, kind: Gateway, name: gateway}}]
  tracing:
    mode: Enabled
    provider:
      backendRef: {{name: collector, port: 80}}
      headers: [{{name: X-Key, value: secret}}]
{more}
"
    )
}

/// In front of one backend, with a collector that speaks what its port says.
fn start(
    options: Options,
    backend: SocketAddr,
    collector: (SocketAddr, bool),
    more: &str,
    rule: &str,
) -> Tidegate {
    let (address, is_rpc) = collector;
    let texts = [
        http_gateway(),
        service_at("only", &[backend], None),
        service_at("collector", &[address], is_rpc.then_some("grpc")),
        route("route", &[], rule),
        policy(more),
    ];
    Tidegate::start_with(options, &[("all.yaml", documents(&texts))])
}

const RULE: &str = "- {matches: [{path: {value: /shop}}], backendRefs: [{name: only, port: 80}]}";

fn one_worker() -> Options {
    Options { workers: 1, ..Options::default() }
}

/// Waits for that many spans.
#[track_caller]
pub fn spans(tidegate: &Tidegate, collector: &Collector, count: usize) -> Vec<Span> {
    tidegate.wait_until("has sent its spans", || collector.spans().len() >= count);
    collector.spans()
}

#[track_caller]
fn the<'a>(spans: &'a [Span], kind: &str) -> &'a Span {
    let mut found = spans.iter().filter(|span| span.kind == kind);
    let one = found.next().unwrap_or_else(|| panic!("no {kind}: {spans:?}"));
    assert!(found.next().is_none(), "{spans:?}");
    one
}

fn get(path: &str, fields: &str) -> String {
    format!("GET {path} HTTP/1.1\r\nHost: Shop.example:8080\r\n{fields}\r\n")
}

fn metric(tidegate: &Tidegate, series: &str) -> u64 {
    let metrics = String::from_utf8(tidegate.health("/metrics").body).unwrap();
    let line = metrics.lines().find_map(|line| line.strip_prefix(&format!("tidegate_trace_{series} ")));
    line.unwrap_or_else(|| panic!("no {series} in\n{metrics}")).parse().unwrap()
}

fn dropped(reason: &str) -> String {
    format!("dropped_spans_total{{reason=\"{reason}\"}}")
}

fn attributes(all: &[(&str, &str)]) -> BTreeMap<String, String> {
    all.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect()
}

#[test]
fn a_trace_goes_on_through_the_gateway() {
    for is_rpc in [true, false] {
        let (backend, log) = (Backend::start("only"), Log::new());
        let collector = Collector::start(is_rpc, |_| Say::Taken);
        let tidegate = start(log.options("full"), backend.address(), (collector.address, is_rpc), "", RULE);
        let fields =
            format!("traceparent: {PARENT}\r\ntracestate: a=1\r\ntracestate: b=2\r\nUser-Agent: test\r\n");
        assert_eq!(ask(tidegate.http(), get("/shop/cart?secret=1", &fields)).status(), 200);
        let spans = spans(&tidegate, &collector, 2);
        let (server, client) = (the(&spans, "server"), the(&spans, "client"));
        assert_eq!((&*server.trace, &*server.parent, &*server.state), (TRACE, "b7ad6b7169203331", "a=1,b=2"));
        assert_eq!((&*client.trace, &client.parent, &*client.state), (TRACE, &server.id, "a=1,b=2"));
        assert_eq!((server.flags, client.flags), (0x301, 0x101));
        // The backend is told of the attempt that brought it the request.
        let seen = backend.last();
        assert_eq!(seen.header("traceparent"), Some(&*format!("00-{TRACE}-{}-01", client.id)));
        let states: Vec<_> = seen.headers.get_all("tracestate").iter().collect();
        assert_eq!(states, ["a=1", "b=2"]);

        assert_eq!((&*server.name, &*client.name), ("GET /shop", "GET"));
        assert!(!server.is_error && !client.is_error);
        assert!(server.nanos.0 <= client.nanos.0 && client.nanos.0 <= client.nanos.1);
        let mut told = server.attributes.clone();
        told.remove("network.peer.port").unwrap();
        assert_eq!(
            told,
            attributes(&[
                ("client.address", "127.0.0.1"),
                ("http.request.method", "GET"),
                ("http.response.status_code", "200"),
                ("http.route", "/shop"),
                ("network.peer.address", "127.0.0.1"),
                ("network.protocol.name", "http"),
                ("network.protocol.version", "1.1"),
                ("server.address", "shop.example"),
                ("server.port", "8080"),
                ("tidegate.backend", "Service default/only:80"),
                ("tidegate.listener", "default/gateway/http"),
                ("tidegate.route", "HTTPRoute default/route"),
                ("tidegate.rule", "0"),
                ("url.path", "/shop/cart"),
                ("url.scheme", "http"),
                ("user_agent.original", "test"),
            ])
        );
        let port = backend.address().port().to_string();
        assert_eq!(
            client.attributes,
            attributes(&[
                ("http.request.method", "GET"),
                ("http.response.status_code", "200"),
                ("network.peer.address", "127.0.0.1"),
                ("network.peer.port", &port),
                ("server.address", "127.0.0.1"),
                ("server.port", &port),
                ("tidegate.backend", "Service default/only:80"),
            ])
        );
        assert_eq!(
            server.resource,
            attributes(&[("service.name", "gateway"), ("service.namespace", "default")])
        );

        let (path, head) = collector.requests().remove(0);
        let wanted =
            if is_rpc { "/opentelemetry.proto.collector.trace.v1.TraceService/Export" } else { "/v1/traces" };
        assert_eq!((&*path, head["x-key"].to_str().unwrap()), (wanted, "secret"));
        if !is_rpc {
            assert_eq!(head["host"], "collector.default.svc:80");
        }
        // Whoever gets it is asked not to record that.
        assert!(head["traceparent"].to_str().unwrap().ends_with("-00"));
        assert_eq!(log.lines(&tidegate, 1)[0]["trace_id"], TRACE);
        tidegate.wait_until("counts", || metric(&tidegate, "exported_spans_total") == 2);
    }
}

#[test]
fn without_a_good_parent_a_trace_begins() {
    let (backend, collector) = (Backend::start("only"), Collector::by_http());
    let tidegate = start(one_worker(), backend.address(), (collector.address, false), "", RULE);
    let bad = [
        String::new(),
        "traceparent: 00-00000000000000000000000000000000-b7ad6b7169203331-01\r\n".to_owned(),
        format!("traceparent: {}\r\n", PARENT.replacen("00", "ff", 1)),
        format!("traceparent: {PARENT}\r\ntraceparent: {PARENT}\r\n"),
        // Only what is allowed to be taken away by a client is.
        format!("traceparent: {PARENT}x\r\nConnection: traceparent\r\n"),
    ];
    for (count, fields) in bad.iter().enumerate() {
        ask(tidegate.http(), get("/shop", &format!("{fields}tracestate: a=1\r\n")));
        let all = spans(&tidegate, &collector, 2 * count + 2);
        let (server, client) = (the(&all[2 * count..], "server"), the(&all[2 * count..], "client"));
        assert_ne!(server.trace, TRACE);
        assert_eq!((&*server.parent, &*server.state, server.flags), ("", "", 0x101), "{fields}");
        let seen = backend.last();
        assert_eq!(seen.header("traceparent"), Some(&*format!("00-{}-{}-01", server.trace, client.id)));
        assert_eq!(seen.headers.get_all("traceparent").iter().count(), 1);
        assert_eq!(seen.header("tracestate"), None);
    }
    let traces: std::collections::BTreeSet<_> =
        collector.spans().into_iter().map(|span| span.trace).collect();
    assert_eq!(traces.len(), bad.len());
    // Of a later version.
    ask(tidegate.http(), get("/shop", &format!("traceparent: {}-more\r\n", PARENT.replacen("00", "01", 1))));
    assert!(backend.last().header("traceparent").unwrap().starts_with(&format!("00-{TRACE}-")));
}

#[test]
fn what_is_not_recorded_goes_on_with_its_flag() {
    let (backend, collector, log) = (Backend::start("only"), Collector::by_http(), Log::new());
    let none = "    samplingRate: {numerator: 0}";
    let tidegate = start(log.options("full"), backend.address(), (collector.address, false), none, RULE);
    ask(tidegate.http(), get("/shop", "tracestate: a=1\r\n"));
    let begun = backend.last().header("traceparent").unwrap().to_owned();
    assert!(begun.ends_with("-00"), "{begun}");
    assert_eq!(backend.last().header("tracestate"), None);
    let not = PARENT.replace("-01", "-00");
    ask(tidegate.http(), get("/shop", &format!("traceparent: {not}\r\ntracestate: a=1\r\n")));
    let seen = backend.last();
    let gone_on = seen.header("traceparent").unwrap();
    assert!(gone_on.starts_with(&format!("00-{TRACE}-")) && gone_on.ends_with("-00"), "{gone_on}");
    assert_ne!(gone_on, not, "the span before is another");
    assert_eq!(seen.header("tracestate"), Some("a=1"));
    assert_eq!(log.lines(&tidegate, 2)[1]["trace_id"], TRACE);
    // The parent's word counts, so this one comes, and those before do not.
    ask(tidegate.http(), get("/shop", &format!("traceparent: {PARENT}\r\n")));
    assert!(spans(&tidegate, &collector, 2).iter().all(|span| span.trace == TRACE));
    assert_eq!(collector.spans().len(), 2);
}

#[test]
fn who_is_not_asked_has_no_say() {
    let (backend, collector) = (Backend::start("only"), Collector::by_http());
    let mine = "    samplingRate: {numerator: 0}\n    parentBasedSampling: {mode: Disabled}";
    let tidegate = start(one_worker(), backend.address(), (collector.address, false), mine, RULE);
    ask(tidegate.http(), get("/shop", &format!("traceparent: {PARENT}\r\n")));
    let seen = backend.last();
    let gone_on = seen.header("traceparent").unwrap();
    assert!(gone_on.starts_with(&format!("00-{TRACE}-")) && gone_on.ends_with("-00"), "{gone_on}");
}

#[test]
fn without_a_policy_nothing_is_touched() {
    let backend = Backend::start("only");
    let tidegate = Tidegate::in_front_of(&backend);
    ask(tidegate.http(), get("/", "traceparent: what ever\r\ntracestate: a=1\r\n"));
    let seen = backend.last();
    assert_eq!((seen.header("traceparent"), seen.header("tracestate")), (Some("what ever"), Some("a=1")));
}

#[test]
fn what_a_policy_adds_is_in_every_span() {
    let (backend, collector) = (Backend::start("only"), Collector::by_grpc());
    let more = "    serviceName: edge
    spanName: ingress
    attributes:
    - {name: env, sourceType: Literal, literalValue: test}
    - {name: user, sourceType: Header, headerName: X-User}
    - {name: answered.by, sourceType: Header, headerName: X-Backend}
    - {name: nobody, sourceType: Header, headerName: X-Nobody}
    - {name: query, sourceType: Attribute, attributeKey: url.query}
    - {name: url.path, sourceType: Literal, literalValue: hidden}
    - {name: status, sourceType: Attribute, attributeKey: http.response.status_code}";
    let tidegate = start(one_worker(), backend.address(), (collector.address, true), more, RULE);
    ask(tidegate.http(), get("/shop?a=b", "X-User: alice\r\nX-Answer: status=404\r\n"));
    let spans = spans(&tidegate, &collector, 2);
    for span in &spans {
        let told = |key: &str| span.attributes.get(key).map(String::as_str);
        assert_eq!((told("env"), told("user"), told("nobody")), (Some("test"), Some("alice"), None));
        assert_eq!(
            (told("query"), told("url.path"), told("status")),
            (Some("a=b"), Some("hidden"), Some("404"))
        );
        assert_eq!((told("url.query"), span.resource["service.name"].as_str()), (None, "edge"));
    }
    let (server, client) = (the(&spans, "server"), the(&spans, "client"));
    assert_eq!((&*server.name, &*client.name), ("ingress", "GET"));
    // A client's fault is the backend's to tell, and none of the server.
    assert!(!server.is_error && client.is_error);
    assert_eq!((server.attributes.get("error.type"), &*client.attributes["error.type"]), (None, "404"));
}

#[test]
fn each_attempt_is_a_span() {
    let asked = AtomicUsize::new(0);
    let backend = Scripted::start(move |_| {
        let status = if asked.fetch_add(1, Ordering::SeqCst) == 0 { 503 } else { 200 };
        vec![Step::Send(format!("HTTP/1.1 {status} X\r\nContent-Length: 0\r\n\r\n").into())]
    });
    let collector = Collector::by_grpc();
    let rule = "- {backendRefs: [{name: only, port: 80}], retry: {attempts: 2, codes: [503]}}";
    let tidegate = start(one_worker(), backend.address, (collector.address, true), "", rule);
    assert_eq!(ask(tidegate.http(), get("/", "")).status(), 200);
    let spans = spans(&tidegate, &collector, 3);
    let server = the(&spans, "server").clone();
    let clients: Vec<_> = spans.iter().filter(|span| span.kind == "client").collect();
    let told = |span: &Span| {
        let names = ["http.response.status_code", "error.type", "http.request.resend_count"];
        names.map(|name| span.attributes.get(name).cloned().unwrap_or_default())
    };
    assert_eq!([told(clients[0]), told(clients[1])], [["503", "503", ""], ["200", "", "1"]]);
    assert_eq!([clients[0].is_error, clients[1].is_error, server.is_error], [true, false, false]);
    let parents = backend.requests();
    let parents: Vec<_> = parents.iter().map(|head| head.header("traceparent").unwrap()).collect();
    let wanted: Vec<_> = clients.iter().map(|span| format!("00-{}-{}-01", server.trace, span.id)).collect();
    assert_eq!(parents, wanted);
}

#[test]
fn answers_of_the_gateway_have_spans_too() {
    let (backend, collector) = (Backend::start("only"), Collector::by_http());
    let tidegate = start(one_worker(), backend.address(), (collector.address, false), "", RULE);
    assert_eq!(ask(tidegate.http(), get("/other", "")).status(), 404);
    let all = spans(&tidegate, &collector, 1);
    let server = the(&all, "server");
    assert_eq!((&*server.name, server.is_error), ("GET", false));
    assert_eq!(
        (&*server.attributes["tidegate.reason"], server.attributes.get("http.route")),
        ("NoRoute", None)
    );
    let dead = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    tidegate.apply(&[(
        "other.yaml",
        documents(&[
            service_at("dead", &[dead], None),
            route("dead", &["dead.example"], "- backendRefs: [{name: dead, port: 80}]"),
        ]),
    )]);
    let answer = ask(tidegate.http(), "GET / HTTP/1.1\r\nHost: dead.example\r\n\r\n");
    let last = |collector: &Collector| collector.spans().into_iter().rfind(|span| span.kind == "server");
    tidegate.wait_until("has sent it", || last(&collector).is_some_and(|span| span.name == "GET /"));
    let server = last(&collector).unwrap();
    assert_eq!((answer.status(), server.is_error), (502, true));
    assert_eq!(server.attributes["error.type"], "ConnectFailed");
    assert_eq!(server.attributes["http.response.status_code"], "502");
}

#[test]
fn a_stream_ends_its_span() {
    let backend = Scripted::start(|_| {
        vec![Step::Send("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhello".into()), Step::Close]
    });
    let collector = Collector::by_http();
    let tidegate = start(
        one_worker(),
        backend.address,
        (collector.address, false),
        "",
        "- backendRefs: [{name: only, port: 80}]",
    );
    let mut client = Client::connect(tidegate.http());
    client.send(get("/", ""));
    assert_eq!(client.head().status(), 200);
    let all = spans(&tidegate, &collector, 2);
    let server = the(&all, "server");
    assert_eq!((&*server.attributes["error.type"], server.is_error), ("UpstreamReset", true));
    assert_eq!(server.attributes["http.response.status_code"], "200");
}

#[test]
fn a_collector_that_is_busy_is_asked_again_and_one_that_refuses_is_not() {
    let backend = Backend::start("only");
    for (is_rpc, busy, refused) in [(true, 14, 3), (false, 503, 400)] {
        let collector = Collector::start(is_rpc, move |before| match before {
            0 => Say::Status(busy),
            2 => Say::Status(refused),
            _ => Say::Taken,
        });
        let tidegate = start(one_worker(), backend.address(), (collector.address, is_rpc), "", RULE);
        ask(tidegate.http(), get("/shop", ""));
        spans(&tidegate, &collector, 2);
        assert_eq!(metric(&tidegate, "export_retries_total"), 1);
        ask(tidegate.http(), get("/shop", ""));
        tidegate.wait_until("drops what is refused", || metric(&tidegate, &dropped("Rejected")) == 2);
        ask(tidegate.http(), get("/shop", ""));
        assert_eq!(spans(&tidegate, &collector, 4).len(), 4);
        assert_eq!(collector.requests().len(), 4);
    }
}

#[test]
fn a_collector_that_hangs_holds_no_request_up() {
    // Each makes two spans.
    const REQUESTS: usize = 1_500;
    let (backend, collector) = (Backend::start("only"), Collector::start(true, |_| Say::Nothing));
    let tidegate = start(one_worker(), backend.address(), (collector.address, true), "", RULE);
    let mut client = Client::connect(tidegate.http());
    for _ in 0..REQUESTS {
        let answer: Answer = client.send(get("/shop", "")).answer();
        assert_eq!(answer.status(), 200);
    }
    // A batch is under way, as many wait as may, and the others are counted.
    tidegate.wait_until("drops what is too much", || metric(&tidegate, &dropped("QueueFull")) > 0);
    assert_eq!(metric(&tidegate, &dropped("QueueFull")), (2 * REQUESTS - 2048 - 512) as u64);
}

#[test]
fn what_was_recorded_goes_out_before_the_end() {
    let (backend, collector) = (Backend::start("only"), Collector::by_grpc());
    let tidegate = start(Options::default(), backend.address(), (collector.address, true), "", RULE);
    ask(tidegate.http(), get("/shop", "Connection: close\r\n"));
    tidegate.begin_to_stop();
    tidegate.wait_until_stopped();
    assert_eq!(collector.spans().len(), 2);
}

#[test]
fn an_edit_takes_effect_and_loses_nothing() {
    let (backend, collector) = (Backend::start("only"), Collector::by_grpc());
    let texts = |more: &str| {
        let collector = service_at("collector", &[collector.address], Some("grpc"));
        let texts = [
            http_gateway(),
            service("only", &[&backend]),
            collector,
            route("route", &[], RULE),
            policy(more),
        ];
        [("all.yaml", documents(&texts))]
    };
    let tidegate = Tidegate::start_with(one_worker(), &texts("    serviceName: one"));
    let mut client = Client::connect(tidegate.http());
    client.send(get("/shop", "")).answer();
    tidegate.apply(&texts("    serviceName: two"));
    client.send(get("/shop", "")).answer();
    let mut names: Vec<_> = spans(&tidegate, &collector, 4)
        .into_iter()
        .map(|mut span| span.resource.remove("service.name").unwrap())
        .collect();
    names.sort();
    assert_eq!(names, ["one", "one", "two", "two"]);
    let without = documents(&[http_gateway(), service("only", &[&backend]), route("route", &[], RULE)]);
    tidegate.apply(&[("all.yaml", without)]);
    client.send(get("/shop", "")).answer();
    assert_eq!(backend.last().header("traceparent"), None);
}

#[test]
fn the_span_of_a_tunnel_ends_with_it() {
    let backend = Scripted::start(|_| {
        let head = "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: example/1\r\n\r\n";
        vec![Step::Send(head.into()), Step::Echo]
    });
    let collector = Collector::by_http();
    let rule = "- backendRefs: [{name: only, port: 80}]";
    let tidegate = start(one_worker(), backend.address, (collector.address, false), "", rule);
    let mut client = Client::connect(tidegate.http());
    client.send(get("/", "Connection: upgrade\r\nUpgrade: example/1\r\n"));
    assert_eq!(client.head().status(), 101);
    client.send("hello");
    assert_eq!(client.bytes(5), b"hello");
    // What is refused on its host comes first.
    tidegate.apply(&[("other.yaml", route("other", &["other.example"], "- {}"))]);
    assert_eq!(ask(tidegate.http(), "GET / HTTP/1.1\r\nHost: other.example\r\n\r\n").status(), 500);
    assert_eq!(spans(&tidegate, &collector, 1)[0].attributes["http.response.status_code"], "500");
    drop(client);
    let all = spans(&tidegate, &collector, 3);
    assert_eq!(all.len(), 3);
    for span in &all[1..] {
        assert_eq!((&*span.attributes["http.response.status_code"], span.is_error), ("101", false));
    }
}

#[test]
fn a_collector_with_tls_is_reached_by_its_policy() {
    let backend = Backend::start("only");
    let authority = Authority::new();
    let collector = Backend::start_tls("collector", &authority.issue(&["collector.example"]), &["http/1.1"]);
    let texts = [
        http_gateway(),
        service("only", &[&backend]),
        service("collector", &[&collector]),
        config_map("authority", authority.pem()),
        backend_tls_policy(
            "collector",
            "{hostname: collector.example, caCertificateRefs: [{group: '', kind: ConfigMap, name: authority}]}",
        ),
        route("route", &[], RULE),
        policy(""),
    ];
    let tidegate = Tidegate::start_with(one_worker(), &[("all.yaml", documents(&texts))]);
    ask(tidegate.http(), get("/shop", ""));
    tidegate.wait_until("counts", || metric(&tidegate, "exported_spans_total") == 2);
    assert_eq!(collector.last().sni.as_deref(), Some("collector.example"));
}
