//! The CORS filter: who is told that scripts may read an answer.

use super::telemetry::Log;
use crate::common::backend::Backend;
use crate::common::manifests::{documents, http_gateway, route, service, service_at};
use crate::common::raw::{Answer, Client, ask};
use crate::common::scripted::Scripted;
use crate::common::tidegate::Tidegate;
use serde_json::{Value, json};

const FOO: &str = "https://www.foo.example";

/// All that an answer says of sharing, in one text a field.
fn said(answer: &Answer) -> Vec<String> {
    let names =
        ["origin", "credentials", "methods", "headers"].map(|name| format!("access-control-allow-{name}"));
    let others = ["access-control-expose-headers", "access-control-max-age", "vary"].map(str::to_owned);
    let lines = names.iter().chain(&others);
    lines.filter_map(|name| answer.header(name).map(|value| format!("{name}: {value}"))).collect()
}

fn get(origin: &str, more: &str) -> String {
    format!("GET / HTTP/1.1\r\nHost: a\r\nOrigin: {origin}\r\n{more}\r\n")
}

fn preflight(path: &str, origin: &str, more: &str) -> String {
    format!(
        "OPTIONS {path} HTTP/1.1\r\nHost: a\r\nOrigin: {origin}\r\nAccess-Control-Request-Method: PUT\r\n{more}\r\n"
    )
}

const NAMED: &str = "
- filters:
  - type: CORS
    cors:
      allowOrigins: [\"https://www.foo.example\", \"https://*.bar.example\"]
      allowMethods: [GET, PUT]
      allowHeaders: [x-header-1, x-header-2]
      exposeHeaders: [x-header-3]
      allowCredentials: true
      maxAge: 3600
  backendRefs: [{name: only, port: 80}]";

#[test]
fn a_preflight_is_answered_here() {
    let backend = Backend::start("only");
    let tidegate = Tidegate::with_rules(&[&backend], NAMED);
    let mut client = Client::connect(tidegate.http());
    for origin in [FOO, "https://www.bar.example", "https://a.b.bar.example"] {
        let answer =
            client.send(preflight("/", origin, "Access-Control-Request-Headers: x-header-1\r\n")).answer();
        assert_eq!(answer.status(), 204);
        assert_eq!(
            said(&answer),
            [
                &format!("access-control-allow-origin: {origin}"),
                "access-control-allow-credentials: true",
                "access-control-allow-methods: GET, PUT",
                "access-control-allow-headers: x-header-1, x-header-2",
                "access-control-expose-headers: x-header-3",
                "access-control-max-age: 3600",
                "vary: Origin",
            ]
        );
        assert_eq!((answer.body.len(), answer.header("content-length")), (0, None));
    }
    let refused = client.send(preflight("/", "https://bar.example", "")).answer();
    assert_eq!((refused.status(), said(&refused)), (403, vec!["vary: Origin".to_owned()]));
    assert_eq!(refused.body, b"CorsPreflightRefused");
    assert_eq!(backend.requests(), 0);
}

#[test]
fn other_requests_go_on_and_their_answers_say_who_may_read_them() {
    let backend = Backend::start("only");
    let tidegate = Tidegate::with_rules(&[&backend], NAMED);
    let allowed = [
        "access-control-allow-origin: https://www.foo.example",
        "access-control-allow-credentials: true",
        "access-control-allow-methods: GET, PUT",
        "access-control-allow-headers: x-header-1, x-header-2",
        "access-control-expose-headers: x-header-3",
        "vary: Origin",
    ];
    let mut client = Client::connect(tidegate.http());
    let answer = client.send(get(FOO, "Cookie: a=b\r\nAccess-Control-Request-Method: GET\r\n")).answer();
    assert_eq!((answer.status(), answer.header("x-backend")), (200, Some("only")));
    assert_eq!(said(&answer), allowed);
    assert_eq!(backend.last().header("origin"), Some(FOO));
    for request in [
        get("https://foobar.example", ""),
        get("null", ""),
        "GET / HTTP/1.1\r\nHost: a\r\n\r\n".to_owned(),
        "OPTIONS / HTTP/1.1\r\nHost: a\r\nAccess-Control-Request-Method: PUT\r\n\r\n".to_owned(),
    ] {
        let answer = client.send(&request).answer();
        assert_eq!((answer.status(), said(&answer)), (200, vec!["vary: Origin".to_owned()]), "{request}");
    }
    // Without the method that it is about, OPTIONS is no preflight.
    let options = client.send(format!("OPTIONS / HTTP/1.1\r\nHost: a\r\nOrigin: {FOO}\r\n\r\n")).answer();
    assert_eq!(
        (options.header("x-backend"), said(&options)),
        (Some("only"), allowed.map(str::to_owned).to_vec())
    );
    assert_eq!(backend.requests(), 6);
}

#[test]
fn what_a_backend_says_of_it_is_replaced() {
    let own = Scripted::always(
        "HTTP/1.1 200 OK\r\naccess-control-allow-origin: *\r\naccess-control-allow-origin: https://evil.example\r\n\
         access-control-allow-credentials: true\r\naccess-control-max-age: 9\r\nvary: Accept, Origin\r\n\
         content-length: 0\r\n\r\n",
    );
    let rules = "
- matches: [{path: {value: /filtered}}]
  filters: [{type: CORS, cors: {allowOrigins: [\"https://www.foo.example\"]}}]
  backendRefs: [{name: own, port: 80}]
- backendRefs: [{name: own, port: 80}]";
    let texts = [http_gateway(), service_at("own", &[own.address], None), route("route", &[], rules)];
    let tidegate = Tidegate::start(&[("all.yaml", documents(&texts))]);
    let said = |path: &str, origin: &str| {
        let answer =
            ask(tidegate.http(), format!("GET {path} HTTP/1.1\r\nHost: a\r\nOrigin: {origin}\r\n\r\n"));
        let fields =
            answer.head.headers.iter().filter(|(name, _)| name.starts_with("access-") || name == "vary");
        let mut lines: Vec<_> = fields.map(|(name, value)| format!("{name}: {value}")).collect();
        lines.sort_unstable();
        lines
    };
    assert_eq!(
        said("/filtered", FOO),
        ["access-control-allow-origin: https://www.foo.example", "vary: Accept, Origin"]
    );
    assert_eq!(said("/filtered", "https://evil.example"), ["vary: Accept, Origin"]);
    // A rule without the filter passes all of it on.
    assert_eq!(said("/", FOO).len(), 5);
}

#[test]
fn an_error_can_be_read_too() {
    let cors = "{type: CORS, cors: {allowOrigins: [\"*\"]}}";
    let rules = format!(
        "
- matches: [{{path: {{value: /missing}}}}]
  filters: [{cors}]
  backendRefs: [{{name: missing, port: 80}}]
- matches: [{{path: {{value: /moved}}}}]
  filters: [{cors}, {{type: RequestRedirect, requestRedirect: {{scheme: https}}}}]"
    );
    let tidegate = Tidegate::with_rules(&[], &rules);
    for (path, status) in [("/missing", 500), ("/moved", 302)] {
        let answer = ask(tidegate.http(), get(FOO, "").replace("GET /", &format!("GET {path}")));
        assert_eq!(
            (answer.status(), answer.header("access-control-allow-origin")),
            (status, Some("*")),
            "{path}"
        );
        // Browsers follow no redirect of a preflight.
        assert_eq!(ask(tidegate.http(), preflight(path, FOO, "")).status(), 204, "{path}");
    }
}

/// A backend's filter is about its own share only; one of the rule is about all.
#[test]
fn a_backend_has_its_own_filter() {
    let backends = ["one", "two"].map(Backend::start);
    let tidegate = Tidegate::with_rules(
        &backends.each_ref(),
        "
- matches: [{path: {value: /backend}}]
  backendRefs:
  - name: one
    port: 80
    filters: [{type: CORS, cors: {allowOrigins: [\"*\"], exposeHeaders: [x-one]}}]
  - {name: two, port: 80}
- filters: [{type: CORS, cors: {allowOrigins: [\"*\"], exposeHeaders: [x-rule]}}]
  backendRefs:
  - name: one
    port: 80
    filters: [{type: CORS, cors: {allowOrigins: [\"*\"], exposeHeaders: [x-one]}}]",
    );
    let mut client = Client::connect(tidegate.http());
    let mut seen = [0, 0];
    for _ in 0..10 {
        let answer = client.send(get(FOO, "").replace("GET /", "GET /backend")).answer();
        let exposed = answer.header("access-control-expose-headers");
        let is_one = answer.header("x-backend") == Some("one");
        assert_eq!(exposed, is_one.then_some("x-one"));
        seen[usize::from(!is_one)] += 1;
    }
    assert_eq!(seen, [5, 5]);
    let answer = client.send(get(FOO, "")).answer();
    assert_eq!(answer.header("access-control-expose-headers"), Some("x-rule"));
    // The turn of "one", then that of "two", or the other way round.
    let mut answers = [(); 2].map(|()| client.send(preflight("/backend", FOO, "")).answer().status());
    answers.sort_unstable();
    assert_eq!(answers, [200, 204]);
}

#[test]
fn preflights_are_told_apart_in_log_and_metrics() {
    let (backend, log) = (Backend::start("only"), Log::new());
    let texts = [http_gateway(), service("only", &[&backend]), route("route", &[], NAMED)];
    let tidegate = Tidegate::start_with(log.options("full"), &[("all.yaml", documents(&texts))]);
    for origin in [FOO, "https://foobar.example"] {
        ask(tidegate.http(), preflight("/", origin, ""));
    }
    let lines = log.lines(&tidegate, 2);
    let told = |line: &Value| json!([line["status"], line["reason"], line["rule"], line["attempts"]]);
    assert_eq!(told(&lines[0]), json!([204, "CorsPreflight", "0", 0]));
    assert_eq!(told(&lines[1]), json!([403, "CorsPreflightRefused", "0", 0]));
    let metrics = String::from_utf8(tidegate.health("/metrics").body).unwrap();
    for reason in ["CorsPreflight", "CorsPreflightRefused"] {
        assert!(
            metrics.contains(&format!("tidegate_gateway_answers_total{{reason=\"{reason}\"}} 1\n")),
            "{metrics}"
        );
    }
}
