//! When a request is sent again no more: the backend's budget for retries.

use crate::common::manifests::{documents, http_gateway, route, service_at};
use crate::common::raw::ask;
use crate::common::scripted::Scripted;
use crate::common::tidegate::{Options, Tidegate};
use crate::telemetry::Log;
use serde_json::{Value, json};
use std::net::{SocketAddr, TcpListener};

const GET: &str = "GET / HTTP/1.1\r\nHost: a\r\n\r\n";
const RETRY: &str = ", retry: {codes: [503], attempts: 1}";

/// A policy for the Service of all tests.
fn policy(percent: u32, count: u32) -> String {
    format!(
        "apiVersion: gateway.networking.x-k8s.io/v1alpha1
kind: XBackendTrafficPolicy
metadata: {{name: calm}}
spec:
  targetRefs: [{{group: '', kind: Service, name: only}}]
  retryConstraint:
    budget: {{percent: {percent}, interval: 1h}}
    minRetryRate: {{count: {count}, interval: 1h}}
"
    )
}

fn rule(more: &str) -> String {
    format!("- {{backendRefs: [{{name: only, port: 80}}]{more}}}")
}

fn with_policy(options: Options, address: SocketAddr, policy: String, more: &str) -> Tidegate {
    let texts = [http_gateway(), service_at("only", &[address], None)];
    let files = [
        ("all.yaml", documents(&texts)),
        ("route.yaml", route("route", &[], &rule(more))),
        ("policy.yaml", policy),
    ];
    Tidegate::start_with(options, &files)
}

fn rejecting() -> Scripted {
    Scripted::always("HTTP/1.1 503 X\r\nContent-Length: 4\r\n\r\nbusy")
}

fn outcome(line: &Value) -> Value {
    ["status", "reason", "attempts", "retry_reasons"].map(|field| line[field].clone()).to_vec().into()
}

fn metric(tidegate: &Tidegate, series: &str) -> String {
    let metrics = String::from_utf8(tidegate.health("/metrics").body).unwrap();
    let series = format!("tidegate_upstream_{series}{{upstream=\"Service default/only:80\"}} ");
    metrics.lines().find_map(|line| line.strip_prefix(&series)).unwrap_or("none").to_owned()
}

/// Of all workers together: each request is on a connection of its own.
#[test]
fn retries_are_a_share_of_what_is_sent_and_then_the_answer_is_503() {
    let (backend, log) = (rejecting(), Log::new());
    let tidegate = with_policy(log.options("full"), backend.address, policy(20, 1), RETRY);
    let bodies: Vec<String> = (0..12)
        .map(|_| {
            let answer = ask(tidegate.http(), GET);
            assert_eq!(answer.status(), 503);
            String::from_utf8(answer.body).unwrap()
        })
        .collect();
    let again = json!([503, null, 2, ["503"]]);
    let refused = json!([503, "RetryBudgetExceeded", 1, ["503"]]);
    let lines: Vec<Value> = log.lines(&tidegate, 12).iter().map(outcome).collect();
    for (index, (line, body)) in lines.iter().zip(&bodies).enumerate() {
        // The first by the least rate, then two of ten and three of fifteen.
        let (outcome, text) =
            if [0, 7, 11].contains(&index) { (&again, "busy") } else { (&refused, "RetryBudgetExceeded") };
        assert_eq!((line, body.as_str()), (outcome, text), "request {index}");
    }
    assert_eq!(backend.requests().len(), 15);
    assert_eq!(
        ["attempts_total", "retries_total", "refused_retries_total"].map(|name| metric(&tidegate, name)),
        ["15", "3", "9"]
    );
}

#[test]
fn what_was_counted_stays_when_routes_and_policies_are_edited() {
    let backend = rejecting();
    let tidegate = with_policy(Options::default(), backend.address, policy(0, 2), RETRY);
    let bodies = |count: usize| -> Vec<_> {
        (0..count).map(|_| String::from_utf8(ask(tidegate.http(), GET).body).unwrap()).collect()
    };
    assert_eq!(bodies(3), ["busy", "busy", "RetryBudgetExceeded"]);
    let backends = "- backendRefs: [{name: only, port: 80, weight: 9}, {name: only, port: 80, weight: 1}]\n  \
                    retry: {codes: [503], attempts: 1}";
    tidegate.apply(&[("route.yaml", route("route", &[], backends))]);
    assert_eq!(bodies(1), ["RetryBudgetExceeded"]);
    tidegate.apply(&[("policy.yaml", policy(1, 2))]);
    assert_eq!(bodies(1), ["RetryBudgetExceeded"]);
    tidegate.apply(&[("policy.yaml", policy(0, 3))]);
    assert_eq!(bodies(2), ["busy", "RetryBudgetExceeded"], "one more than the two");
    tidegate.remove(&["policy.yaml"]);
    assert_eq!(bodies(1), ["busy"]);
}

/// Also those that no rule asks for.
#[test]
fn another_connection_for_one_that_failed_is_a_retry() {
    let nobody = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let log = Log::new();
    let tidegate = with_policy(log.options("full"), nobody, policy(0, 1), "");
    assert_eq!(ask(tidegate.http(), GET).status(), 503);
    let twice = json!([503, "RetryBudgetExceeded", 2, ["ConnectFailed", "ConnectFailed"]]);
    assert_eq!(outcome(&log.lines(&tidegate, 1)[0]), twice);
}

#[test]
fn without_a_policy_nothing_is_refused() {
    let backend = rejecting();
    let texts =
        [http_gateway(), service_at("only", &[backend.address], None), route("route", &[], &rule(RETRY))];
    let tidegate = Tidegate::start(&[("all.yaml", documents(&texts))]);
    for _ in 0..20 {
        assert_eq!(ask(tidegate.http(), GET).body, b"busy");
    }
    assert_eq!(backend.requests().len(), 40);
    assert_eq!(metric(&tidegate, "refused_retries_total"), "0");
}

/// Where the rule says nothing of sessions.
#[test]
fn a_policy_begins_sessions() {
    let backend = Scripted::always("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
    let policy = "apiVersion: gateway.networking.x-k8s.io/v1alpha1
kind: XBackendTrafficPolicy
metadata: {name: sticky}
spec:
  targetRefs: [{group: '', kind: Service, name: only}]
  sessionPersistence: {cookie: {name: of-policy}}
";
    let cookie = |tidegate: &Tidegate| {
        let answer = ask(tidegate.http(), GET);
        answer.header("set-cookie").and_then(|cookie| cookie.split_once('=')).map(|(name, _)| name.to_owned())
    };
    let tidegate = with_policy(Options::default(), backend.address, policy.to_owned(), "");
    assert_eq!(cookie(&tidegate).as_deref(), Some("of-policy"));
    let own = rule(", sessionPersistence: {cookie: {name: of-rule}}");
    tidegate.apply(&[("route.yaml", route("route", &[], &own))]);
    assert_eq!(cookie(&tidegate).as_deref(), Some("of-rule"));
}
