//! The ExternalAuth filter: another service decides whether a request goes on.

pub mod authorizer;

use crate::common::backend::Backend;
use crate::common::certificates::Authority;
use crate::common::manifests::{
    backend_tls_policy, config_map, documents, http_gateway, route, service, service_at,
};
use crate::common::raw::{Answer, Client, Head, ask};
use crate::common::scripted::{Scripted, Step};
use crate::common::tidegate::{Options, Tidegate};
use crate::telemetry::Log;
use authorizer::{Allowed, Authorizer, CheckResponse, Code, Denied, Said, field};
use serde_json::{Value, json};
use std::net::{SocketAddr, TcpListener};

/// The filter with a Service `auth` and those fields of its `http`.
pub fn by_http(fields: &str) -> String {
    format!(
        "{{type: ExternalAuth, externalAuth: {{protocol: HTTP, backendRef: {{name: auth, port: 80}}, http: {{{fields}}}}}}}"
    )
}

pub fn by_grpc(fields: &str) -> String {
    format!(
        "{{type: ExternalAuth, externalAuth: {{protocol: GRPC, backendRef: {{name: auth, port: 80}}, {fields}}}}}"
    )
}

/// A rule for all requests with those filters.
pub fn rule(filters: &str) -> String {
    format!("- filters: [{filters}]\n  backendRefs: [{{name: only, port: 80}}]")
}

fn with_options(options: Options, backend: &Backend, auth: &[SocketAddr], rules: &str) -> Tidegate {
    let texts = [
        http_gateway(),
        service("only", &[backend]),
        service_at("auth", auth, None),
        route("route", &[], rules),
    ];
    Tidegate::start_with(options, &[("all.yaml", documents(&texts))])
}

fn with(backend: &Backend, auth: SocketAddr, filters: &str) -> Tidegate {
    with_options(Options::default(), backend, &[auth], &rule(filters))
}

pub const GET: &str = "GET / HTTP/1.1\r\nHost: a\r\n\r\n";

fn names(head: &Head) -> Vec<&str> {
    let mut names: Vec<_> = head.headers.iter().map(|(name, _)| name.as_str()).collect();
    names.sort_unstable();
    names
}

pub fn outcome(line: &Value) -> Value {
    ["status", "reason", "backend", "attempts"].map(|field| line[field].clone()).to_vec().into()
}

#[test]
fn a_request_that_is_allowed_goes_on_with_the_services_word() {
    let (backend, auth) = (
        Backend::start("only"),
        Scripted::always(
            "HTTP/1.1 200 OK\r\nX-User: alice\r\nX-Other: 1\r\nSet-Cookie: a=b\r\nContent-Length: 2\r\n\r\nok",
        ),
    );
    let fields = "path: /check, allowedHeaders: [Cookie], allowedResponseHeaders: [X-User, X-Role]";
    let tidegate = with(&backend, auth.address, &by_http(fields));
    let answer = ask(
        tidegate.http(),
        "GET /a/../b?c=%2f HTTP/1.1\r\nHost: Shop.example.com\r\nAuthorization: Bearer t\r\nCookie: s=1\r\n\
         X-User: root\r\nX-User: admin\r\nX-Role: root\r\nX-Secret: yes\r\n\r\n",
    );
    assert_eq!((answer.status(), answer.header("set-cookie")), (200, None));
    let [asked] = auth.requests().try_into().unwrap();
    assert_eq!(asked.start, "GET /check/b?c=%2f HTTP/1.1");
    assert_eq!(names(&asked), ["authorization", "content-length", "cookie", "host"]);
    assert_eq!((asked.header("host"), asked.header("content-length")), (Some("Shop.example.com"), Some("0")));
    assert_eq!((asked.header("authorization"), asked.header("cookie")), (Some("Bearer t"), Some("s=1")));
    let seen = backend.last();
    assert_eq!(seen.target, "/b?c=%2f");
    assert_eq!((seen.header("x-user"), seen.header("x-role")), (Some("alice"), None));
    assert_eq!((seen.header("x-secret"), seen.header("x-other")), (Some("yes"), None));
    // The service's connection is used again.
    assert_eq!(ask(tidegate.http(), GET).status(), 200);
    assert_eq!(auth.requests().len(), 2);
}

#[test]
fn whatever_else_the_service_says_is_the_answer() {
    for (said, status, body) in [
        ("401 No\r\nWWW-Authenticate: Basic\r\nContent-Length: 6\r\n\r\nlog in", 401, "log in"),
        ("302 Found\r\nLocation: /login\r\nContent-Length: 0\r\n\r\n", 302, ""),
        ("204 No Content\r\n\r\n", 204, ""),
        ("500 Oh\r\nContent-Length: 2\r\n\r\noh", 500, "oh"),
    ] {
        let (backend, log) = (Backend::start("only"), Log::new());
        let auth = Scripted::always(format!("HTTP/1.1 {said}"));
        let tidegate = with_options(log.options("full"), &backend, &[auth.address], &rule(&by_http("")));
        let answer = ask(tidegate.http(), GET);
        assert_eq!((answer.status(), answer.body.as_slice()), (status, body.as_bytes()));
        assert_eq!(answer.header("location"), (status == 302).then_some("/login"));
        assert_eq!(answer.header("www-authenticate"), (status == 401).then_some("Basic"));
        let line = &log.lines(&tidegate, 1)[0];
        assert_eq!(outcome(line), json!([status, "AuthDenied", "Service default/auth:80", 0]));
        assert_eq!(backend.requests(), 0);
    }
}

fn unavailable(auth: &[SocketAddr], filter: &str) -> (Answer, Value) {
    let (backend, log) = (Backend::start("only"), Log::new());
    let tidegate = with_options(log.options("full"), &backend, auth, &rule(filter));
    let answer = ask(tidegate.http(), GET);
    assert_eq!(backend.requests(), 0);
    let line = outcome(&log.lines(&tidegate, 1)[0]);
    (answer, line)
}

/// "If there is any problem communicating with the external service, this filter MUST fail closed."
#[test]
fn without_a_good_answer_no_request_goes_on() {
    let dead = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let reset = Scripted::start(|_| vec![Step::Reset]);
    let garbage = Scripted::always("garbage\r\n\r\n");
    let switches = Scripted::always("HTTP/1.1 101 Odd\r\nUpgrade: x\r\n\r\n");
    let hangs = Scripted::start(|_| vec![Step::Hold]);
    let fails = Authorizer::start(|_| Err("14"));
    let silent = Authorizer::start(|_| Ok(CheckResponse::default()));
    let (http, grpc) = (by_http(""), by_grpc("grpc: {}"));
    for (auth, filter) in [
        (vec![dead], &http),
        (vec![], &http),
        (vec![reset.address], &http),
        (vec![garbage.address], &http),
        (vec![switches.address], &http),
        (vec![hangs.address], &http),
        (vec![dead], &grpc),
        (vec![garbage.address], &grpc),
        (vec![fails.address], &grpc),
        (vec![silent.address], &grpc),
    ] {
        let (answer, line) = unavailable(&auth, filter);
        assert_eq!(
            (answer.status(), answer.body.as_slice()),
            (503, b"AuthUnavailable".as_slice()),
            "{auth:?}"
        );
        assert_eq!(line, json!([503, "AuthUnavailable", "Service default/auth:80", 0]));
    }
    // What may have been asked is not asked twice.
    assert_eq!((reset.requests().len(), hangs.requests().len()), (1, 1));
    let missing = by_http("").replace("name: auth", "name: missing");
    let (answer, line) = unavailable(&[dead], &missing);
    assert_eq!(answer.status(), 500);
    assert_eq!(line, json!([500, "BackendNotFound", "Service default/missing:80", 0]));
}

#[test]
fn the_time_of_the_rule_counts_for_the_service_too() {
    let (backend, hangs, log) = (Backend::start("only"), Scripted::start(|_| vec![Step::Hold]), Log::new());
    let rule = format!("{}\n  timeouts: {{request: 100ms}}", rule(&by_http("")));
    let tidegate = with_options(log.options("full"), &backend, &[hangs.address], &rule);
    assert_eq!(ask(tidegate.http(), GET).status(), 504);
    assert_eq!(
        outcome(&log.lines(&tidegate, 1)[0]),
        json!([504, "RouteTimeout", "Service default/auth:80", 0])
    );
}

/// A pooled connection that has died is no answer: another endpoint is asked.
#[test]
fn one_endpoint_of_the_service_that_lives_is_enough() {
    let dead = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let (backend, auth) = (Backend::start("only"), Backend::start("auth"));
    let tidegate =
        with_options(Options::default(), &backend, &[dead, auth.address()], &rule(&by_http("path: /check")));
    for _ in 0..20 {
        assert_eq!(ask(tidegate.http(), GET).status(), 200);
    }
    assert_eq!((auth.requests(), backend.requests()), (20, 20));
}

#[test]
fn a_body_goes_to_both_up_to_its_limit() {
    for forwards in [true, false] {
        let (backend, auth) = (Backend::start("only"), Backend::start("auth"));
        let forward = if forwards { ", forwardBody: {maxSize: 5}" } else { "" };
        let filter = by_http("").replace(", http:", &format!("{forward}, http:"));
        let tidegate = with(&backend, auth.address(), &filter);
        for (length, body, whole) in [
            ("Content-Length: 5", "hello", "hello"),
            ("Transfer-Encoding: chunked", "3\r\nhel\r\n2\r\nlo\r\n0\r\n\r\n", "hello"),
            ("Content-Length: 0", "", ""),
            ("Content-Length: 6", "hello!", "hello!"),
            ("Transfer-Encoding: chunked", "3\r\nhel\r\n3\r\nlo!\r\n0\r\n\r\n", "hello!"),
        ] {
            let before = (auth.requests(), backend.requests());
            let answer =
                ask(tidegate.http(), format!("POST / HTTP/1.1\r\nHost: a\r\n{length}\r\n\r\n{body}"));
            if forwards && whole.len() > 5 {
                assert_eq!((answer.status(), answer.body.as_slice()), (413, b"AuthBodyTooLarge".as_slice()));
                assert_eq!((auth.requests(), backend.requests()), before);
                continue;
            }
            assert_eq!(answer.status(), 200, "{body:?}");
            let (asked, seen) = (auth.last(), backend.last());
            assert_eq!((asked.method.as_str(), seen.body.as_slice()), ("POST", whole.as_bytes()));
            let given = if forwards { whole } else { "" };
            assert_eq!(asked.body, given.as_bytes());
            assert_eq!(asked.header("content-length"), Some(given.len().to_string().as_str()));
        }
    }
}

#[test]
fn a_body_that_nobody_looks_at_is_streamed() {
    let (backend, auth) = (Backend::start("only"), Backend::start("auth"));
    let tidegate = with(&backend, auth.address(), &by_http(""));
    let mut client = Client::connect(tidegate.http());
    client.send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\nx-answer: stream\r\n\r\nhello");
    // The service has answered before the body has come.
    tidegate.wait_until("sends what there is", || backend.requests() == 1);
    let answer = client.send("world").answer();
    assert_eq!((answer.status(), answer.body.as_slice()), (200, b"helloworld".as_slice()));
}

pub const UPGRADE: &str = "GET / HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
                       Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n";

#[test]
fn a_websocket_needs_permission_too() {
    let backend = Backend::start("only");
    let (yes, no) = (
        Scripted::always("HTTP/1.1 200 OK\r\nX-User: alice\r\nContent-Length: 0\r\n\r\n"),
        Scripted::always("HTTP/1.1 403 No\r\nContent-Length: 0\r\n\r\n"),
    );
    let tidegate = with(&backend, yes.address, &by_http(""));
    assert_eq!(Client::connect(tidegate.http()).send(UPGRADE).head().status(), 101);
    assert_eq!(backend.last().header("x-user"), Some("alice"));
    // The service is asked about a request, and for no upgrade.
    assert_eq!(yes.requests()[0].header("upgrade"), None);
    let tidegate = with(&backend, no.address, &by_http(""));
    assert_eq!(ask(tidegate.http(), UPGRADE).status(), 403);
    assert_eq!(backend.requests(), 1);
}

#[test]
fn filters_run_in_their_order() {
    let edit = |value: &str| {
        format!(
            "{{type: RequestHeaderModifier, requestHeaderModifier: {{set: [{{name: x-user, value: {value}}}]}}}}"
        )
    };
    let rewrite =
        "{type: URLRewrite, urlRewrite: {hostname: b, path: {type: ReplaceFullPath, replaceFullPath: /new}}}";
    let auth = by_http("allowedHeaders: [x-user], allowedResponseHeaders: [x-user]");
    for (filters, asked_as, sent_as) in [
        (vec![edit("rule"), rewrite.to_owned(), auth.clone()], ("GET /new", "b", "rule"), "alice"),
        (vec![auth.clone(), edit("rule"), rewrite.to_owned()], ("GET /old", "a", "client"), "rule"),
    ] {
        let (backend, service) = (
            Backend::start("only"),
            Scripted::always("HTTP/1.1 200 OK\r\nX-User: alice\r\nContent-Length: 0\r\n\r\n"),
        );
        let tidegate = with(&backend, service.address, &filters.join(", "));
        ask(tidegate.http(), "GET /old HTTP/1.1\r\nHost: a\r\nX-User: client\r\n\r\n");
        let asked = &service.requests()[0];
        assert_eq!(
            (
                asked.start.trim_end_matches(" HTTP/1.1"),
                asked.header("host").unwrap(),
                asked.header("x-user").unwrap()
            ),
            asked_as
        );
        let seen = backend.last();
        assert_eq!(
            (seen.header("x-user"), seen.header("host"), seen.target.as_str()),
            (Some(sent_as), Some("b"), "/new")
        );
    }
}

#[test]
fn a_backend_may_have_a_service_of_its_own() {
    let (backend, auth) =
        (Backend::start("only"), Scripted::always("HTTP/1.1 403 No\r\nContent-Length: 0\r\n\r\n"));
    let rules = format!(
        "
- matches: [{{path: {{value: /guarded}}}}]
  backendRefs: [{{name: only, port: 80, filters: [{}]}}]
- backendRefs: [{{name: only, port: 80}}]",
        by_http("")
    );
    let tidegate = with_options(Options::default(), &backend, &[auth.address], &rules);
    assert_eq!(ask(tidegate.http(), GET.replace("GET /", "GET /guarded")).status(), 403);
    assert_eq!((ask(tidegate.http(), GET).status(), backend.requests()), (200, 1));
}

/// A redirect tells something, too.
#[test]
fn a_redirect_needs_permission() {
    let (backend, log) = (Backend::start("only"), Log::new());
    let auth = Scripted::start(|head| {
        let status = if head.header("authorization").is_some() { "200 OK" } else { "401 No" };
        vec![Step::Send(format!("HTTP/1.1 {status}\r\nContent-Length: 0\r\n\r\n").into())]
    });
    let rules = format!(
        "- filters: [{}, {{type: RequestRedirect, requestRedirect: {{hostname: other.example}}}}]",
        by_http("")
    );
    let tidegate = with_options(log.options("full"), &backend, &[auth.address], &rules);
    assert_eq!(ask(tidegate.http(), GET).status(), 401);
    let answer = ask(tidegate.http(), "GET /a?b HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer t\r\n\r\n");
    assert_eq!((answer.status(), answer.header("location")), (302, Some("http://other.example:8080/a?b")));
}

/// A preflight has no credentials, and a script may read why it was refused.
#[test]
fn cors_is_around_it() {
    let (backend, auth) =
        (Backend::start("only"), Scripted::always("HTTP/1.1 401 No\r\nContent-Length: 0\r\n\r\n"));
    let cors = "{type: CORS, cors: {allowOrigins: [\"*\"], allowMethods: [PUT]}}";
    let tidegate = with(&backend, auth.address, &format!("{}, {cors}", by_http("")));
    let preflight =
        "OPTIONS / HTTP/1.1\r\nHost: a\r\nOrigin: http://b\r\nAccess-Control-Request-Method: PUT\r\n\r\n";
    assert_eq!((ask(tidegate.http(), preflight).status(), auth.requests().len()), (204, 0));
    let answer = ask(tidegate.http(), "GET / HTTP/1.1\r\nHost: a\r\nOrigin: http://b\r\n\r\n");
    assert_eq!((answer.status(), answer.header("access-control-allow-origin")), (401, Some("*")));
}

#[test]
fn only_what_is_allowed_is_mirrored() {
    let (backend, mirror) = (Backend::start("only"), Backend::start("mirror"));
    let auth = Scripted::start(|head| {
        let status = if head.header("authorization").is_some() { "200 OK" } else { "401 No" };
        vec![Step::Send(format!("HTTP/1.1 {status}\r\nX-User: alice\r\nContent-Length: 0\r\n\r\n").into())]
    });
    let filter = by_http("").replace(", http:", ", forwardBody: {maxSize: 100}, http:");
    let copies = "{type: RequestMirror, requestMirror: {backendRef: {name: mirror, port: 80}}}";
    let texts = [
        http_gateway(),
        service("only", &[&backend]),
        service("mirror", &[&mirror]),
        service_at("auth", &[auth.address], None),
        route("route", &[], &rule(&format!("{filter}, {copies}"))),
    ];
    let tidegate = Tidegate::start(&[("all.yaml", documents(&texts))]);
    let request =
        |fields: &str| format!("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n{fields}\r\nhello");
    assert_eq!(ask(tidegate.http(), request("")).status(), 401);
    assert_eq!(ask(tidegate.http(), request("Authorization: Bearer t\r\n")).status(), 200);
    tidegate.wait_until("has copied", || mirror.seen().iter().any(|seen| seen.complete));
    let [copy] = mirror.seen().try_into().unwrap();
    assert_eq!(
        (copy.body.as_slice(), backend.last().body.as_slice()),
        (b"hello".as_slice(), b"hello".as_slice())
    );
}

#[test]
fn the_service_is_spoken_to_as_its_policy_says() {
    let authority = Authority::new();
    let (backend, auth) = (
        Backend::start("only"),
        Backend::start_tls("auth", &authority.issue(&["auth.example.com"]), &["h2"]),
    );
    let validation =
        "{caCertificateRefs: [{group: '', kind: ConfigMap, name: ca}], hostname: auth.example.com}";
    let texts = [
        http_gateway(),
        service("only", &[&backend]),
        service("auth", &[&auth]),
        config_map("ca", authority.pem()),
        backend_tls_policy("auth", validation),
        route("route", &[], &rule(&by_http("path: /check"))),
    ];
    let tidegate = Tidegate::start(&[("all.yaml", documents(&texts))]);
    assert_eq!(ask(tidegate.http(), GET).status(), 200);
    let asked = auth.last();
    assert_eq!((asked.sni.as_deref(), asked.version), (Some("auth.example.com"), http::Version::HTTP_2));
    assert_eq!((asked.target.as_str(), backend.requests()), ("https://a/check/", 1));
}

#[test]
fn a_service_of_grpc_is_told_of_the_request_and_changes_it() {
    let backend = Backend::start("only");
    let auth = Authorizer::start(|_| {
        let ok = Allowed {
            headers: vec![field("x-user", "alice"), field("host", "evil"), field("content-length", "1")],
            remove: vec!["authorization".to_owned()],
            answer: vec![field("set-cookie", "seen=1")],
        };
        Ok(CheckResponse { status: Some(Code { code: 0 }), said: Some(Said::Ok(ok)) })
    });
    let tidegate = with(&backend, auth.address, &by_grpc("grpc: {}, forwardBody: {maxSize: 100}"));
    let answer = ask(
        tidegate.http(),
        "POST /a/../b?c=d HTTP/1.1\r\nHost: shop.example.com\r\nAuthorization: Bearer t\r\nX-User: root\r\n\
         X-A: 1\r\nX-A: 2\r\nContent-Length: 5\r\n\r\nhello",
    );
    assert_eq!((answer.status(), answer.header("set-cookie")), (200, Some("seen=1")));
    let seen = backend.last();
    assert_eq!((seen.header("x-user"), seen.header("authorization")), (Some("alice"), None));
    assert_eq!((seen.header("host"), seen.body.as_slice()), (Some("shop.example.com"), b"hello".as_slice()));
    let [check] = auth.asked().try_into().unwrap();
    let attributes = check.attributes.unwrap();
    let address = |peer: Option<authorizer::Peer>| peer.unwrap().address.unwrap().socket.unwrap();
    assert_eq!(address(attributes.source).address, "127.0.0.1");
    let destination = address(attributes.destination);
    assert_eq!(
        (destination.address, destination.port),
        (tidegate.http().ip().to_string(), tidegate.http().port().into())
    );
    let http = attributes.request.unwrap().http.unwrap();
    assert_eq!(
        (http.method.as_str(), http.path.as_str(), http.host.as_str()),
        ("POST", "/b?c=d", "shop.example.com")
    );
    assert_eq!((http.scheme.as_str(), http.protocol.as_str(), http.size), ("http", "HTTP/1.1", 5));
    assert_eq!((http.body.as_str(), http.raw_body.len()), ("hello", 0));
    assert_eq!(http.id, http.headers["x-request-id"]);
    assert_eq!((http.headers["x-a"].as_str(), http.headers["authorization"].as_str()), ("1,2", "Bearer t"));
}

#[test]
fn a_service_of_grpc_denies_in_its_words() {
    let (backend, log) = (Backend::start("only"), Log::new());
    let auth = Authorizer::start(|http| {
        let said = (http.path == "/said").then(|| {
            Said::Denied(Denied {
                status: Some(Code { code: 401 }),
                headers: vec![field("www-authenticate", "Basic"), field("content-length", "1000")],
                body: "log in".to_owned(),
            })
        });
        Ok(CheckResponse { status: Some(Code { code: 7 }), said })
    });
    let filter = by_grpc("grpc: {allowedHeaders: [x-a]}, forwardBody: {maxSize: 0}");
    let tidegate = with_options(log.options("full"), &backend, &[auth.address], &rule(&filter));
    let answer = ask(tidegate.http(), "GET /said HTTP/1.1\r\nHost: a\r\nX-A: 1\r\nX-B: 2\r\n\r\n");
    assert_eq!((answer.status(), answer.body.as_slice()), (401, b"log in".as_slice()));
    assert_eq!(answer.header("www-authenticate"), Some("Basic"));
    assert_eq!(ask(tidegate.http(), GET).status(), 403);
    let lines = log.lines(&tidegate, 2);
    assert_eq!(outcome(&lines[0]), json!([401, "AuthDenied", "Service default/auth:80", 0]));
    assert_eq!(backend.requests(), 0);
    let http = auth.asked()[0].clone().attributes.unwrap().request.unwrap().http.unwrap();
    assert_eq!(http.headers, [("x-a".to_owned(), "1".to_owned())].into());
}
