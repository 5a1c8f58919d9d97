//! When a request is sent again, as its rule says it.

use crate::common::backend::Backend;
use crate::common::manifests::{documents, http_gateway, route, service_at};
use crate::common::raw::{Client, ask};
use crate::common::scripted::{Scripted, Step};
use crate::common::tidegate::{Options, Tidegate};
use crate::telemetry::Log;
use serde_json::{Value, json};
use std::net::{SocketAddr, TcpListener};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

const GET: &str = "GET / HTTP/1.1\r\nHost: a\r\n\r\n";
const POST: &str = "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhello";

fn with_retry(options: Options, addresses: &[SocketAddr], retry: &str) -> Tidegate {
    let rule = format!("- {{backendRefs: [{{name: only, port: 80}}], retry: {{{retry}}}}}");
    let texts = [http_gateway(), service_at("only", addresses, None), route("route", &[], &rule)];
    Tidegate::start_with(options, &[("all.yaml", documents(&texts))])
}

/// One that rejects so many requests with that status, and answers the others.
fn rejecting(count: usize, status: u16) -> Scripted {
    let asked = AtomicUsize::new(0);
    Scripted::start(move |_| {
        let status = if asked.fetch_add(1, Ordering::SeqCst) < count { status } else { 200 };
        vec![Step::Send(format!("HTTP/1.1 {status} X\r\nContent-Length: 3\r\n\r\n{status}").into())]
    })
}

/// An address where nobody listens.
fn dead_address() -> SocketAddr {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap()
}

fn outcome(line: &Value) -> Value {
    ["status", "reason", "attempts", "retry_reasons"].map(|field| line[field].clone()).to_vec().into()
}

/// What comes of a request when the only backend rejects so many with 503, how often it was
/// asked, and what the log says.
fn after_rejections(count: usize, retry: &str, request: &str) -> (u16, usize, Value) {
    let (backend, log) = (rejecting(count, 503), Log::new());
    let tidegate = with_retry(log.options("full"), &[backend.address], retry);
    let answer = ask(tidegate.http(), request);
    assert_eq!(answer.body, answer.status().to_string().as_bytes());
    (answer.status(), backend.requests().len(), outcome(&log.lines(&tidegate, 1)[0]))
}

#[test]
fn a_listed_status_is_not_final_whatever_the_method() {
    for request in [GET, POST] {
        let twice = json!([200, null, 3, ["503", "503"]]);
        assert_eq!(after_rejections(2, "codes: [500, 503], attempts: 3", request), (200, 3, twice));
    }
}

#[test]
fn the_last_answer_is_passed_on() {
    let log = json!([503, null, 3, ["503", "503"]]);
    assert_eq!(after_rejections(3, "codes: [503], attempts: 2", GET), (503, 3, log));
}

#[test]
fn other_answers_are_final() {
    let log = json!([503, null, 1, []]);
    for retry in ["codes: [500, 502, 504], attempts: 3", "attempts: 3", "codes: [503], attempts: 0"] {
        assert_eq!(after_rejections(1, retry, GET), (503, 1, log.clone()), "{retry}");
    }
}

#[test]
fn another_endpoint_gets_the_whole_body() {
    let (bad, good) =
        (Scripted::always("HTTP/1.1 503 X\r\nContent-Length: 0\r\n\r\n"), Backend::start("good"));
    let tidegate = with_retry(Options::default(), &[bad.address, good.address()], "codes: [503]");
    for request in [
        POST.to_owned(),
        "PATCH / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n".to_owned(),
    ] {
        let before = bad.requests().len();
        // Which of the two is asked first is up to chance: only such a try counts.
        for _ in 0..100 {
            let answer = ask(tidegate.http(), &request);
            assert_eq!((answer.status(), good.last().body.as_slice()), (200, b"hello".as_slice()));
            if bad.requests().len() > before {
                break;
            }
        }
        assert_eq!(bad.requests().len(), before + 1);
    }
}

/// It is no longer there: the answer is passed on, listed or not.
#[test]
fn a_large_body_is_not_sent_again() {
    let request = |size: usize| {
        format!("PUT / HTTP/1.1\r\nHost: a\r\nContent-Length: {size}\r\n\r\n{}", "x".repeat(size))
    };
    let retry = "codes: [503], attempts: 3";
    let once = json!([503, null, 1, []]);
    assert_eq!(after_rejections(1, retry, &request(100_000)), (503, 1, once));
    let twice = json!([200, null, 2, ["503"]]);
    assert_eq!(after_rejections(1, retry, &request(65_536)), (200, 2, twice));
}

/// An answer that came as a whole leaves a connection that can be used again; any other ends.
#[test]
fn a_rejection_costs_no_connection_if_it_is_short() {
    let backend = rejecting(2, 503);
    let tidegate = with_retry(Options::default(), &[backend.address], "codes: [503], attempts: 2");
    assert_eq!(ask(tidegate.http(), GET).status(), 200);
    assert_eq!((backend.requests().len(), backend.connections()), (3, 1));

    let asked = AtomicUsize::new(0);
    let endless = Scripted::start(move |_| match asked.fetch_add(1, Ordering::SeqCst) {
        0 => vec![Step::Send(b"HTTP/1.1 503 X\r\nContent-Length: 1000000\r\n\r\npart".to_vec()), Step::Hold],
        _ => vec![Step::Send(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n".to_vec())],
    });
    let tidegate = with_retry(Options::default(), &[endless.address], "codes: [503], attempts: 2");
    assert_eq!(ask(tidegate.http(), GET).status(), 200);
    endless.wait_for_closes(1);
    assert_eq!((endless.requests().len(), endless.connections()), (2, 2));
}

#[test]
fn a_pause_is_at_least_as_long_as_asked_for() {
    let times = Arc::new(Mutex::new(Vec::new()));
    let noted = times.clone();
    let backend = Scripted::start(move |_| {
        noted.lock().unwrap().push(Instant::now());
        vec![Step::Send(b"HTTP/1.1 503 X\r\nContent-Length: 0\r\n\r\n".to_vec())]
    });
    let retry = "codes: [503], attempts: 2, backoff: 100ms";
    let tidegate = with_retry(Options::default(), &[backend.address], retry);
    assert_eq!(ask(tidegate.http(), GET).status(), 503);
    let times = times.lock().unwrap();
    let pauses: Vec<_> = times.windows(2).map(|pair| pair[1] - pair[0]).collect();
    assert_eq!(pauses.len(), 2);
    assert!(pauses[0] >= Duration::from_millis(100) && pauses[1] >= Duration::from_millis(200), "{pauses:?}");
}

/// Nobody waits for an answer that the client no longer wants.
#[test]
fn a_client_that_leaves_during_a_pause_ends_the_request() {
    let (backend, log) = (rejecting(1, 503), Log::new());
    let tidegate = with_retry(log.options("full"), &[backend.address], "codes: [503], backoff: 1h");
    let mut client = Client::connect(tidegate.http());
    client.send(GET);
    tidegate.wait_until("asks the backend", || backend.requests().len() == 1);
    drop(client);
    let line = &log.lines(&tidegate, 1)[0];
    assert_eq!((&line["status"], &line["reason"]), (&json!(499), &json!("ClientGone")));
    assert_eq!(backend.requests().len(), 1);
}

#[test]
fn many_attempts_find_the_endpoint_that_lives() {
    let good = Backend::start("good");
    let tidegate = with_retry(Options::default(), &[dead_address(), good.address()], "attempts: 100");
    for _ in 0..20 {
        assert_eq!(ask(tidegate.http(), POST).status(), 200);
    }
    assert_eq!(good.requests(), 20);
}

#[test]
fn as_many_attempts_are_made_as_asked_for() {
    let log = Log::new();
    let tidegate = with_retry(log.options("full"), &[dead_address()], "attempts: 5");
    assert_eq!(ask(tidegate.http(), POST).status(), 502);
    let wanted = json!([502, "ConnectFailed", 6, vec!["ConnectFailed"; 5]]);
    assert_eq!(outcome(&log.lines(&tidegate, 1)[0]), wanted);
}

/// What may have been processed is not sent again unless it may be processed twice.
#[test]
fn a_rule_with_retries_sends_no_post_again_after_a_reset() {
    let backend = Scripted::start(|_| vec![Step::Reset]);
    let tidegate = with_retry(Options::default(), &[backend.address], "codes: [502], attempts: 4");
    assert_eq!(ask(tidegate.http(), POST).status(), 502);
    assert_eq!(backend.requests().len(), 1);
    assert_eq!(ask(tidegate.http(), GET).status(), 502);
    assert_eq!(backend.requests().len(), 1 + 5);
}

#[test]
fn the_smaller_number_of_rule_and_upstream_counts() {
    let backend = rejecting(10, 503);
    let upstream = format!(
        "apiVersion: tidegate.dev/v1alpha1
kind: Upstream
metadata: {{name: only}}
spec:
  retry: {{attempts: 1}}
  targets: [{{name: only, url: \"http://{}\"}}]
",
        backend.address
    );
    let rule = "
- backendRefs: [{group: tidegate.dev, kind: Upstream, name: only}]
  retry: {codes: [503], attempts: 4}";
    let texts = [http_gateway(), upstream, route("route", &[], rule)];
    let tidegate = Tidegate::start(&[("all.yaml", documents(&texts))]);
    assert_eq!(ask(tidegate.http(), GET).status(), 503);
    assert_eq!(backend.requests().len(), 2);
}
