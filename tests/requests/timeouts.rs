//! How long a request may take, where its rule says it.

use crate::common::backend::Backend;
use crate::common::manifests::{documents, h2c_service, http_gateway, route, service_at};
use crate::common::raw::{Client, ask};
use crate::common::raw_http2::{Http2Client, Outcome};
use crate::common::scripted::{Scripted, Step};
use crate::common::tidegate::{Options, Tidegate};
use crate::telemetry::Log;
use serde_json::{Value, json};
use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, Ordering};

/// With the Service `only` at those addresses, and a rule with those fields for it.
fn with_rule(options: Options, addresses: &[SocketAddr], fields: &str) -> Tidegate {
    let rule = format!("- {{backendRefs: [{{name: only, port: 80}}], {fields}}}");
    let texts = [http_gateway(), service_at("only", addresses, None), route("route", &[], &rule)];
    Tidegate::start_with(options, &[("all.yaml", documents(&texts))])
}

/// Takes requests and never answers.
fn silent() -> Scripted {
    Scripted::start(|_| vec![Step::Hold])
}

/// What the access log says of each request; there is one for each line of the text.
fn outcomes(lines: &[Value]) -> Vec<Value> {
    let fields = ["status", "reason", "attempts", "retry_reasons"];
    lines.iter().map(|line| fields.map(|field| line[field].clone()).to_vec().into()).collect()
}

fn metrics(tidegate: &Tidegate) -> String {
    String::from_utf8(tidegate.health("/metrics").body).unwrap()
}

#[test]
fn a_request_that_takes_too_long_is_504() {
    let (backend, log) = (silent(), Log::new());
    let fields = "timeouts: {request: 500ms}, retry: {attempts: 3}";
    let tidegate = with_rule(log.options("full"), &[backend.address], fields);
    let mut client = Client::connect(tidegate.http());
    let answer = client.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n").answer();
    assert_eq!((answer.status(), answer.body.as_slice()), (504, b"RouteTimeout".as_slice()));
    // The attempt ends, and the client's connection goes on.
    backend.wait_for_closes(1);
    assert_eq!(client.send("POST / HTTP/1.1\r\nHost: a\r\n\r\n").answer().status(), 504);
    backend.wait_for_closes(2);
    assert_eq!(backend.requests().len(), 2);
    let lines = log.lines(&tidegate, 2);
    assert_eq!(outcomes(&lines), [json!([504, "RouteTimeout", 1, []]), json!([504, "RouteTimeout", 1, []])]);
    let metrics = metrics(&tidegate);
    for line in [
        "tidegate_gateway_answers_total{reason=\"RouteTimeout\"} 2\n",
        "tidegate_upstream_timeouts_total{upstream=\"Service default/only:80\"} 2\n",
        "tidegate_upstream_resets_total{upstream=\"Service default/only:80\"} 0\n",
    ] {
        assert!(metrics.contains(line), "no {line} in\n{metrics}");
    }
}

/// Whether it is sent again is for `retry` to say.
#[test]
fn an_attempt_that_takes_too_long_is_504() {
    let (backend, log) = (silent(), Log::new());
    let tidegate = with_rule(log.options("full"), &[backend.address], "timeouts: {backendRequest: 500ms}");
    let answer = ask(tidegate.http(), "GET / HTTP/1.1\r\nHost: a\r\n\r\n");
    assert_eq!((answer.status(), answer.body.as_slice()), (504, b"UpstreamTimeout".as_slice()));
    backend.wait_for_closes(1);
    assert_eq!(backend.requests().len(), 1);
    assert_eq!(outcomes(&log.lines(&tidegate, 1)), [json!([504, "UpstreamTimeout", 1, []])]);
}

#[test]
fn an_attempt_that_takes_too_long_is_followed_by_another_where_the_rule_asks_for_it() {
    let (backend, log) = (silent(), Log::new());
    let fields = "timeouts: {backendRequest: 500ms, request: 60s}, retry: {attempts: 2}";
    let tidegate = with_rule(log.options("full"), &[backend.address], fields);
    assert_eq!(ask(tidegate.http(), "GET / HTTP/1.1\r\nHost: a\r\n\r\n").status(), 504);
    backend.wait_for_closes(3);
    assert_eq!(backend.requests().len(), 3);
    // It may still be processed: a POST is not sent twice.
    assert_eq!(ask(tidegate.http(), "POST / HTTP/1.1\r\nHost: a\r\n\r\n").status(), 504);
    backend.wait_for_closes(4);
    assert_eq!(backend.requests().len(), 4);
    let thrice = json!([504, "UpstreamTimeout", 3, ["UpstreamTimeout", "UpstreamTimeout"]]);
    assert_eq!(outcomes(&log.lines(&tidegate, 2)), [thrice, json!([504, "UpstreamTimeout", 1, []])]);
}

#[test]
fn all_attempts_together_have_the_time_of_the_request() {
    let log = Log::new();
    let asked = AtomicBool::new(false);
    let backend = Scripted::start(move |_| match asked.swap(true, Ordering::SeqCst) {
        false => vec![Step::Send(b"HTTP/1.1 503 Later\r\nContent-Length: 0\r\n\r\n".to_vec())],
        true => vec![Step::Hold],
    });
    let fields = "timeouts: {request: 2s}, retry: {attempts: 100, codes: [503]}";
    let tidegate = with_rule(log.options("full"), &[backend.address], fields);
    assert_eq!(ask(tidegate.http(), "GET / HTTP/1.1\r\nHost: a\r\n\r\n").status(), 504);
    assert_eq!(outcomes(&log.lines(&tidegate, 1)), [json!([504, "RouteTimeout", 2, ["503"]])]);
}

/// A pause that ends after the time of the request is not begun.
#[test]
fn an_attempt_for_which_there_will_be_no_time_is_not_waited_for() {
    let log = Log::new();
    let backend = Scripted::always("HTTP/1.1 503 Later\r\nContent-Length: 5\r\n\r\nlater");
    let fields = "timeouts: {request: 30s}, retry: {codes: [503], backoff: 1h}";
    let tidegate = with_rule(log.options("full"), &[backend.address], fields);
    let answer = ask(tidegate.http(), "GET / HTTP/1.1\r\nHost: a\r\n\r\n");
    assert_eq!((answer.status(), answer.body.as_slice()), (503, b"later".as_slice()));
    assert_eq!(outcomes(&log.lines(&tidegate, 1)), [json!([503, null, 1, []])]);
}

#[test]
fn zero_is_no_limit() {
    let backend = Backend::start("only");
    let tidegate =
        with_rule(Options::default(), &[backend.address()], "timeouts: {request: 0s, backendRequest: 0ms}");
    let answer = ask(tidegate.http(), "GET / HTTP/1.1\r\nHost: a\r\nx-answer: delay=50 bytes=3\r\n\r\n");
    assert_eq!((answer.status(), answer.body.len()), (200, 3));
}

#[test]
fn what_comes_in_time_is_passed_on_whole() {
    let backend = Backend::start("only");
    let tidegate =
        with_rule(Options::default(), &[backend.address()], "timeouts: {request: 60s, backendRequest: 60s}");
    let mut client = Client::connect(tidegate.http());
    for framing in ["", " chunked"] {
        client.send(format!("GET / HTTP/1.1\r\nHost: a\r\nx-answer: bytes=500000{framing}\r\n\r\n"));
        assert_eq!(client.answer().body.len(), 500_000);
    }
    assert_eq!(backend.connections(), 1);
}

/// The answer has begun: all that can be done is to break it off, so that nobody takes it for whole.
#[test]
fn an_answer_that_does_not_end_in_time_is_cut_off() {
    std::thread::scope(|scope| {
        for head in ["Content-Length: 10", "Transfer-Encoding: chunked"] {
            scope.spawn(move || cut_off(head, "request: 2s", "RouteTimeout"));
            scope.spawn(move || cut_off(head, "backendRequest: 2s", "UpstreamTimeout"));
        }
    });
}

fn cut_off(head: &str, timeouts: &str, reason: &str) {
    let log = Log::new();
    let body = if head.starts_with('T') { "4\r\npart\r\n" } else { "part" };
    let answer = format!("HTTP/1.1 200 OK\r\n{head}\r\n\r\n{body}");
    let backend = Scripted::start(move |_| vec![Step::Send(answer.clone().into()), Step::Hold]);
    let fields = format!("timeouts: {{{timeouts}}}, retry: {{attempts: 2}}");
    let tidegate = with_rule(log.options("full"), &[backend.address], &fields);
    let mut client = Client::connect(tidegate.http());
    assert_eq!(client.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n").head().status(), 200);
    assert_eq!(client.bytes(body.len()), body.as_bytes());
    assert!(client.is_closed());
    backend.wait_for_closes(1);
    let lines = log.lines(&tidegate, 1);
    assert_eq!(outcomes(&lines), [json!([200, reason, 1, []])]);
    assert_eq!(lines[0]["bytes_sent"], 4);
    let line = "tidegate_upstream_timeouts_total{upstream=\"Service default/only:80\"} 1\n";
    assert!(metrics(&tidegate).contains(line), "{}", metrics(&tidegate));
}

#[test]
fn a_stream_of_a_client_is_reset() {
    let backend = Scripted::start(|_| {
        vec![Step::Send(b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\npart".to_vec()), Step::Hold]
    });
    let tidegate = with_rule(Options::default(), &[backend.address], "timeouts: {request: 2s}");
    let mut client = Http2Client::connect(tidegate.http());
    let fields = [(":method", "GET"), (":scheme", "http"), (":authority", "a"), (":path", "/")];
    let stream = client.request(&fields, None);
    assert_eq!(client.outcome(stream), Outcome::Status(200));
    assert!(matches!(client.outcome(stream), Outcome::Reset(_)));
}

/// The time of a body that its client does not send counts, too.
#[test]
fn a_body_that_does_not_come_takes_time() {
    let (backend, log) = (Backend::start("only"), Log::new());
    let tidegate = with_rule(log.options("full"), &[backend.address()], "timeouts: {request: 100ms}");
    let request = "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhe";
    assert_eq!(ask(tidegate.http(), request).status(), 504);
    assert_eq!(outcomes(&log.lines(&tidegate, 1)), [json!([504, "RouteTimeout", 1, []])]);
}

/// RST_STREAM (RFC 9113 §6.4), by the streams that are reset.
fn resets(bytes: &[u8]) -> Vec<u32> {
    const PREFACE: usize = 24;
    let mut resets = Vec::new();
    let mut rest = bytes.get(PREFACE..).unwrap_or_default();
    while let Some((head, after)) = rest.split_at_checked(9) {
        let length = u32::from_be_bytes([0, head[0], head[1], head[2]]) as usize;
        if head[3] == 3 {
            resets.push(u32::from_be_bytes([head[5], head[6], head[7], head[8]]));
        }
        rest = after.get(length..).unwrap_or_default();
    }
    resets
}

/// Others share the connection.
#[test]
fn over_http2_only_the_stream_of_an_attempt_ends() {
    let backend = Backend::start_h2c("only");
    let rule = "- {backendRefs: [{name: only, port: 80}], timeouts: {backendRequest: 1s}}";
    let texts = [http_gateway(), h2c_service("only", &[&backend]), route("route", &[], rule)];
    let options = Options { workers: 1, ..Options::default() };
    let tidegate = Tidegate::start_with(options, &[("all.yaml", documents(&texts))]);
    let late = "POST / HTTP/1.1\r\nHost: a\r\nx-answer: delay=600000\r\nContent-Length: 5\r\n\r\nhello";
    assert_eq!(ask(tidegate.http(), late).status(), 504);
    let raw = || backend.raw().first().map(|bytes| resets(bytes)).unwrap_or_default();
    tidegate.wait_until("resets the stream", || raw() == [1]);
    let unread = "POST / HTTP/1.1\r\nHost: a\r\nx-answer: delay=600000\r\nContent-Length: 5\r\n\r\nhe";
    assert_eq!(ask(tidegate.http(), unread).status(), 504);
    tidegate.wait_until("resets the stream", || raw() == [1, 3]);
    assert_eq!(backend.connections(), 1);
}

/// The other request, which comes later and has the same limit, is the clock.
#[test]
fn a_tunnel_has_all_time() {
    let backend = Scripted::start(|head| match head.header("upgrade") {
        Some(_) => vec![
            Step::Send(
                b"HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: example/1\r\n\r\n"
                    .to_vec(),
            ),
            Step::Echo,
        ],
        None => vec![Step::Hold],
    });
    let tidegate = with_rule(
        Options { workers: 1, ..Options::default() },
        &[backend.address],
        "timeouts: {request: 2s, backendRequest: 2s}",
    );
    let mut tunnel = Client::connect(tidegate.http());
    tunnel.send("GET / HTTP/1.1\r\nHost: a\r\nConnection: upgrade\r\nUpgrade: example/1\r\n\r\n");
    assert_eq!(tunnel.head().status(), 101);
    assert_eq!(ask(tidegate.http(), "GET / HTTP/1.1\r\nHost: a\r\n\r\n").status(), 504);
    assert_eq!(tunnel.send("still here").bytes(10), b"still here");
}

/// An endpoint that takes no connection has not got the request: another one gets it.
#[test]
fn time_that_connecting_takes_is_no_reason_against_another_endpoint() {
    let (good, log) = (Backend::start("good"), Log::new());
    let (full, _held) = full_backlog();
    let tidegate = with_rule(log.options("full"), &[full, good.address()], "timeouts: {backendRequest: 1s}");
    // Which of the two is asked first is up to chance.
    for number in 1..100 {
        let answer = ask(tidegate.http(), "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhello");
        assert_eq!((answer.status(), good.last().body.as_slice()), (200, b"hello".as_slice()));
        let line = &log.lines(&tidegate, number)[number - 1];
        if line["attempts"] != 1 {
            assert_eq!(line["retry_reasons"], json!(["UpstreamTimeout"]));
            return;
        }
    }
    panic!("the endpoint that takes no connection was never chosen");
}

/// An address at which connecting takes for ever, and what keeps it so: nobody accepts, and those
/// who wait for it fill the queue.
fn full_backlog() -> (SocketAddr, Vec<socket2::Socket>) {
    let listener = socket2::Socket::new(socket2::Domain::IPV4, socket2::Type::STREAM, None).unwrap();
    listener.bind(&SocketAddr::from(([127, 0, 0, 1], 0)).into()).unwrap();
    listener.listen(0).unwrap();
    let address = listener.local_addr().unwrap();
    let mut held = vec![listener];
    for _ in 0..4 {
        let waiting = socket2::Socket::new(socket2::Domain::IPV4, socket2::Type::STREAM, None).unwrap();
        waiting.set_nonblocking(true).unwrap();
        let _ = waiting.connect(&address);
        held.push(waiting);
    }
    (address.as_socket().unwrap(), held)
}
