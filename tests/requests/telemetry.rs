//! What is told of requests: access log and metrics.

use crate::common::backend::Backend;
use crate::common::manifests::{documents, http_gateway, route, service, service_at};
use crate::common::raw::{Client, ask};
use crate::common::scripted::{Scripted, Step};
use crate::common::tidegate::{Options, Tidegate};
use serde_json::{Value, json};
use std::path::PathBuf;
use tempfile::TempDir;

/// A file for the access log, and the flags for it.
pub struct Log {
    _directory: TempDir,
    path: PathBuf,
}

impl Log {
    pub fn new() -> Self {
        let directory = TempDir::new().unwrap();
        Self { path: directory.path().join("access.log"), _directory: directory }
    }

    pub fn options(&self, mode: &str) -> Options {
        let flags =
            vec![format!("--access-log={mode}"), format!("--access-log-file={}", self.path.display())];
        Options { workers: 1, flags, ..Options::default() }
    }

    /// Waits for that many lines.
    pub fn lines(&self, tidegate: &Tidegate, count: usize) -> Vec<Value> {
        let read = || std::fs::read_to_string(&self.path).unwrap_or_default();
        tidegate.wait_until("writes its log", || read().matches('\n').count() >= count);
        read().lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    }
}

/// Those of the fields, as text.
fn pick(line: &Value, fields: &[&str]) -> Value {
    fields
        .iter()
        .map(|field| ((*field).to_owned(), line[field].clone()))
        .collect::<serde_json::Map<_, _>>()
        .into()
}

#[test]
fn a_line_tells_the_way_of_a_request() {
    let (backend, log) = (Backend::start("only"), Log::new());
    let tidegate = Tidegate::start_with(log.options("full"), &Tidegate::files_in_front_of(&backend));
    ask(
        tidegate.http(),
        "POST /a/../b?secret=1 HTTP/1.1\r\nHost: Shop.example.com:8080\r\nContent-Length: 5\r\n\
         User-Agent: test\r\nx-answer: bytes=1000 status=201\r\n\r\nhello",
    );
    let lines = log.lines(&tidegate, 1);
    let seen = backend.last();
    let wanted = json!({
        "listener": "default/gateway/http",
        "route": "HTTPRoute default/to-only",
        "rule": "0",
        "backend": "Service default/only:80",
        "endpoint": backend.address().to_string(),
        "attempts": 1,
        "retry_reasons": [],
        "reason": null,
        "protocol": "HTTP/1.1",
        "method": "POST",
        "host": "shop.example.com",
        "path": "/b",
        "status": 201,
        "request_id": seen.header("x-request-id"),
        "user_agent": "test",
        "bytes_received": 5,
        "bytes_sent": 1000,
    });
    let fields: Vec<&str> = wanted.as_object().unwrap().keys().map(String::as_str).collect();
    assert_eq!(pick(&lines[0], &fields), wanted);
    assert_eq!(lines[0]["client_address"], "127.0.0.1");
    assert!(lines[0]["peer_address"].as_str().unwrap().starts_with("127.0.0.1:"));
}

/// Every answer that Tidegate makes itself has its reason, in the log and in the metrics.
#[test]
fn own_answers_have_their_reasons() {
    let log = Log::new();
    let reset = Scripted::start(|_| vec![Step::Reset]);
    let garbage = Scripted::always("garbage\r\n\r\n");
    let dead = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let rules = "
- matches: [{path: {value: /reset}}]
  backendRefs: [{name: reset, port: 80}]
- matches: [{path: {value: /garbage}}]
  backendRefs: [{name: garbage, port: 80}]
- matches: [{path: {value: /dead}}]
  backendRefs: [{name: dead, port: 80}]
- matches: [{path: {value: /empty}}]
  backendRefs: [{name: empty, port: 80}]
- matches: [{path: {value: /missing}}]
  backendRefs: [{name: missing, port: 80}]
- matches: [{path: {value: /none}}]
- matches: [{path: {value: /redirect}}]
  filters: [{type: RequestRedirect, requestRedirect: {scheme: https}}]";
    let texts = [
        http_gateway(),
        service_at("reset", &[reset.address], None),
        service_at("garbage", &[garbage.address], None),
        service_at("dead", &[dead], None),
        service_at("empty", &[], None),
        route("route", &["a.example.com"], rules),
    ];
    let tidegate = Tidegate::start_with(log.options("full"), &[("all.yaml", documents(&texts))]);
    let cases = [
        ("GET /reset", 502, "UpstreamReset", 3),
        ("POST /reset", 502, "UpstreamReset", 1),
        ("GET /garbage", 502, "UpstreamProtocolError", 1),
        ("POST /dead", 502, "ConnectFailed", 3),
        ("GET /empty", 503, "NoReadyTargets", 0),
        ("GET /missing", 500, "BackendNotFound", 0),
        ("GET /none", 500, "NoBackends", 0),
        ("GET /redirect", 302, "Redirect", 0),
        ("GET /else", 404, "NoRoute", 0),
        ("GET /%zz", 400, "BadRequest", 0),
        ("CONNECT /x", 400, "BadRequest", 0),
    ];
    for (number, (request, status, reason, attempts)) in cases.into_iter().enumerate() {
        let answer = ask(tidegate.http(), format!("{request} HTTP/1.1\r\nHost: a.example.com\r\n\r\n"));
        if reason == "BadRequest" {
            assert!(matches!(answer.status(), 400 | 405), "{request}");
        } else {
            assert_eq!(answer.status(), status, "{request}");
        }
        let lines = log.lines(&tidegate, number + 1);
        if request.starts_with("CONNECT") {
            continue;
        }
        let wanted = json!({"status": status, "reason": reason, "attempts": attempts});
        assert_eq!(pick(&lines[number], &["status", "reason", "attempts"]), wanted, "{request}");
    }
    let metrics = String::from_utf8(tidegate.health("/metrics").body).unwrap();
    for (reason, count) in [("UpstreamReset", 2), ("ConnectFailed", 1), ("NoRoute", 1), ("Redirect", 1)] {
        let line = format!("tidegate_gateway_answers_total{{reason=\"{reason}\"}} {count}\n");
        assert!(metrics.contains(&line), "no {line} in\n{metrics}");
    }
}

#[test]
fn a_share_of_the_requests_is_logged() {
    let (backend, log) = (Backend::start("only"), Log::new());
    let tidegate = Tidegate::start_with(log.options("0.25"), &Tidegate::files_in_front_of(&backend));
    let mut client = Client::connect(tidegate.http());
    for _ in 0..200 {
        client.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n").answer();
    }
    assert_eq!(log.lines(&tidegate, 50).len(), 50);
}

#[test]
fn series_come_and_go_with_their_objects() {
    let backend = Backend::start("only");
    let texts = documents(&[http_gateway(), service("only", &[&backend])]);
    let rule = "- backendRefs: [{name: only, port: 80}]";
    let files = [("all.yaml", texts), ("shop.yaml", route("shop", &["shop.example.com"], rule))];
    let tidegate = Tidegate::start(&files);
    for _ in 0..3 {
        ask(tidegate.http(), "GET / HTTP/1.1\r\nHost: shop.example.com\r\nx-answer: status=404\r\n\r\n");
    }
    let metrics = || String::from_utf8(tidegate.health("/metrics").body).unwrap();
    let series = "tidegate_route_requests_total{route=\"HTTPRoute default/shop\",status_class=\"4xx\"} 3\n";
    assert!(metrics().contains(series), "{}", metrics());
    assert_eq!(metrics().matches("HTTPRoute default/shop").count(), 5);
    tidegate.remove(&["shop.yaml"]);
    tidegate.wait_until("ends the series", || !metrics().contains("HTTPRoute default/shop"));
    assert!(metrics().ends_with("# EOF\n"));
}
