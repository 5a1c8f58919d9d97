//! Filters of listeners: a service is asked before a route is looked for.

use crate::common::backend::Backend;
use crate::common::certificates::Authority;
use crate::common::manifests::{documents, gateway, route, secret, service, service_at};
use crate::common::raw::{Client, Head, ask};
use crate::common::scripted::{Scripted, Step};
use crate::common::tidegate::{Options, Tidegate};
use crate::external_auth::authorizer::{Allowed, Authorizer, CheckResponse, Code, Said, field};
use crate::external_auth::{GET, UPGRADE, by_grpc, by_http, outcome, rule};
use crate::telemetry::Log;
use serde_json::json;
use std::net::{SocketAddr, TcpListener};

/// A listener on port 8080 with those filters.
fn listener(filters: &[String]) -> String {
    format!("- {{name: http, protocol: HTTP, port: 8080, filters: {{requests: [{}]}}}}", filters.join(", "))
}

/// Those filters before those rules, with the Services `auth` and `only`.
fn with_options(
    options: Options,
    backend: &Backend,
    auth: SocketAddr,
    filters: &[String],
    rules: &str,
) -> Tidegate {
    let texts = [
        gateway(&listener(filters)),
        service("only", &[backend]),
        service_at("auth", &[auth], None),
        route("route", &[], rules),
    ];
    Tidegate::start_with(options, &[("all.yaml", documents(&texts))])
}

fn with(backend: &Backend, auth: SocketAddr, filters: &[String], rules: &str) -> Tidegate {
    with_options(Options::default(), backend, auth, filters, rules)
}

fn ok(fields: &str) -> Vec<u8> {
    format!("HTTP/1.1 200 OK\r\n{fields}Content-Length: 0\r\n\r\n").into()
}

const NO: &str = "HTTP/1.1 401 No\r\nWWW-Authenticate: Basic\r\nContent-Length: 6\r\n\r\nlog in";

/// Lets in who says who he is.
fn by_authorization() -> Scripted {
    Scripted::start(|head| {
        vec![Step::Send(match head.header("authorization") {
            Some(name) => ok(&format!("X-Tenant: {name}\r\n")),
            None => NO.into(),
        })]
    })
}

/// Identity-derived routing: what the service says decides which rule it is, and nothing that a client
/// says under the same name.
#[test]
fn a_rule_is_looked_for_with_the_services_word() {
    let (backend, auth, log) = (Backend::start("only"), by_authorization(), Log::new());
    let rules = "
- name: a
  matches: [{headers: [{name: x-tenant, value: a}]}]
  filters: [{type: RequestHeaderModifier, requestHeaderModifier: {set: [{name: x-rule, value: a}]}}]
  backendRefs: [{name: only, port: 80}]
- name: b
  matches: [{headers: [{name: x-tenant, value: b}]}]
  backendRefs: [{name: only, port: 80}]";
    let filter = by_http("path: /check, allowedResponseHeaders: [x-tenant]");
    let tidegate = with_options(log.options("full"), &backend, auth.address, &[filter], rules);
    let request = |fields: &str| format!("GET /x?y HTTP/1.1\r\nHost: h\r\n{fields}\r\n");
    assert_eq!(ask(tidegate.http(), request("Authorization: a\r\nX-Tenant: b\r\n")).status(), 200);
    let seen = backend.last();
    assert_eq!((seen.header("x-tenant"), seen.header("x-rule")), (Some("a"), Some("a")));
    assert_eq!(seen.target, "/x?y");
    assert_eq!(auth.requests()[0].start, "GET /check/x?y HTTP/1.1");
    // No rule is for it: known only to those who are let in.
    let answer = ask(tidegate.http(), request("Authorization: c\r\nX-Tenant: a\r\n"));
    assert_eq!((answer.status(), answer.body.as_slice()), (404, b"NoRoute".as_slice()));
    let answer = ask(tidegate.http(), request("X-Tenant: a\r\n"));
    assert_eq!((answer.status(), answer.body.as_slice()), (401, b"log in".as_slice()));
    assert_eq!(answer.header("www-authenticate"), Some("Basic"));
    assert_eq!((auth.requests().len(), backend.requests()), (3, 1));
    let lines = log.lines(&tidegate, 3);
    assert_eq!((&lines[0]["rule"], &lines[0]["status"]), (&json!("a"), &json!(200)));
    assert_eq!(
        (&lines[1]["reason"], &lines[1]["listener"]),
        (&json!("NoRoute"), &json!("default/gateway/http"))
    );
    assert!(lines[1]["request_id"].is_string(), "the service was told of it by that name");
    assert_eq!(outcome(&lines[2]), json!([401, "AuthDenied", "Service default/auth:80", 0]));
    assert_eq!((&lines[2]["listener"], &lines[2]["route"]), (&json!("default/gateway/http"), &json!(null)));
}

/// Both set one field and each is told what was there: the last word is the second's.
#[test]
fn filters_run_in_the_order_of_the_list() {
    let word = |name: &'static str| {
        Authorizer::start(move |http| {
            let before = http.headers.get("x-order").cloned().unwrap_or_default();
            let ok = Allowed {
                headers: vec![field("x-order", &format!("{before}{name}")), field("x-last", name)],
                remove: vec![format!("x-not-{name}")],
                answer: vec![field("x-seen", name)],
            };
            Ok(CheckResponse { status: Some(Code { code: 0 }), said: Some(Said::Ok(ok)) })
        })
    };
    let (one, two) = (word("1"), word("2"));
    let filter = |name: &str| by_grpc("grpc: {}").replace("name: auth", &format!("name: {name}"));
    for (filters, order, last) in [
        (["one", "two"], "c12", "2"),
        (["two", "one"], "c21", "1"),
        // Nothing is left out because it was there already.
        (["one", "one"], "c11", "1"),
    ] {
        let backend = Backend::start("only");
        let rules = format!(
            "- matches: [{{headers: [{{name: x-last, value: \"{last}\"}}]}}]\n  backendRefs: [{{name: only, port: 80}}]"
        );
        let texts = [
            gateway(&listener(&filters.map(filter))),
            service("only", &[&backend]),
            service_at("one", &[one.address], None),
            service_at("two", &[two.address], None),
            route("route", &[], &rules),
        ];
        let tidegate = Tidegate::start(&[("all.yaml", documents(&texts))]);
        let answer = ask(tidegate.http(), "GET / HTTP/1.1\r\nHost: a\r\nX-Order: c\r\nX-Not-1: a\r\n\r\n");
        assert_eq!(answer.status(), 200);
        let seen = backend.last();
        assert_eq!((seen.header("x-order"), seen.header("x-last")), (Some(order), Some(last)));
        assert_eq!(seen.header("x-not-1"), None);
        let said: Vec<_> = answer.head.headers.iter().filter(|(name, _)| name == "x-seen").collect();
        assert_eq!(said.len(), 2);
    }
    assert_eq!((one.asked().len(), two.asked().len()), (4, 2));
}

#[test]
fn a_refusal_ends_the_list() {
    let (backend, no, yes) =
        (Backend::start("only"), Scripted::always(NO), Scripted::always(ok("X-A: 1\r\n")));
    let (first, second) = (by_http(""), by_http("").replace("name: auth", "name: other"));
    for (filters, asked) in [([&second, &first], (1, 1)), ([&first, &second], (2, 1))] {
        let texts = [
            gateway(&listener(&filters.map(String::clone))),
            service("only", &[&backend]),
            service_at("auth", &[no.address], None),
            service_at("other", &[yes.address], None),
            route("route", &[], &rule("")),
        ];
        let tidegate = Tidegate::start(&[("all.yaml", documents(&texts))]);
        let answer = ask(tidegate.http(), GET);
        assert_eq!((answer.status(), answer.body.as_slice()), (401, b"log in".as_slice()));
        assert_eq!((no.requests().len(), yes.requests().len()), asked);
    }
    assert_eq!(backend.requests(), 0);
}

#[test]
fn without_the_service_nobody_gets_in() {
    let dead = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let missing = by_http("").replace("name: auth", "name: missing");
    for (filter, status, reason, name) in [
        (by_http(""), 503, "AuthUnavailable", "Service default/auth:80"),
        (by_grpc("grpc: {}"), 503, "AuthUnavailable", "Service default/auth:80"),
        (missing, 500, "BackendNotFound", "Service default/missing:80"),
    ] {
        let (backend, log) = (Backend::start("only"), Log::new());
        let rules = "- matches: [{path: {value: /there}}]\n  backendRefs: [{name: only, port: 80}]";
        let tidegate = with_options(log.options("full"), &backend, dead, &[filter], rules);
        for path in ["/there", "/nowhere"] {
            let answer = ask(tidegate.http(), GET.replace("GET /", &format!("GET {path}")));
            assert_eq!((answer.status(), answer.body.as_slice()), (status, reason.as_bytes()), "{path}");
        }
        assert_eq!(outcome(&log.lines(&tidegate, 2)[1]), json!([status, reason, name, 0]));
        assert_eq!(backend.requests(), 0);
    }
}

/// Whatever the service says of the host, the request stays where the client has sent it.
#[test]
fn a_host_is_not_the_services_to_change() {
    let (one, two) = (Backend::start("one"), Backend::start("two"));
    let auth = Scripted::always(ok("Host: two.example.com\r\nX-User: a\r\n"));
    let grpc = Authorizer::start(|_| {
        let headers = [("host", "two.example.com"), (":authority", "two.example.com"), ("x-user", "a")];
        let headers = headers.map(|(name, value)| field(name, value)).to_vec();
        let ok = Allowed { headers, remove: vec!["host".to_owned()], answer: vec![] };
        Ok(CheckResponse { status: Some(Code { code: 0 }), said: Some(Said::Ok(ok)) })
    });
    for (filter, auth) in [
        (by_http("allowedResponseHeaders: [Host, X-User]"), auth.address),
        (by_grpc("grpc: {}"), grpc.address),
    ] {
        let texts = [
            gateway(&listener(&[filter])),
            service("one", &[&one]),
            service("two", &[&two]),
            service_at("auth", &[auth], None),
            route("one", &["one.example.com"], "- backendRefs: [{name: one, port: 80}]"),
            route("two", &["two.example.com"], "- backendRefs: [{name: two, port: 80}]"),
        ];
        let tidegate = Tidegate::start(&[("all.yaml", documents(&texts))]);
        let answer = ask(tidegate.http(), "GET / HTTP/1.1\r\nHost: one.example.com\r\n\r\n");
        assert_eq!((answer.status(), answer.header("x-backend")), (200, Some("one")));
        let seen = one.last();
        assert_eq!((seen.header("host"), seen.header("x-user")), (Some("one.example.com"), Some("a")));
    }
    assert_eq!(two.requests(), 0);
}

/// The same body to two services of the listener, to that of the rule, and to the backend.
#[test]
fn a_body_goes_to_all_who_want_it() {
    let (backend, auth, log) = (Backend::start("only"), Backend::start("auth"), Log::new());
    let asks =
        |size: u32| by_http("").replace(", http:", &format!(", forwardBody: {{maxSize: {size}}}, http:"));
    let filters = [asks(100_000), by_http(""), asks(200_000)];
    let rules = rule(&asks(150_000));
    let tidegate = with_options(log.options("full"), &backend, auth.address(), &filters, &rules);
    let body = "x".repeat(90_000);
    for (length, sent) in [
        (format!("Content-Length: {}", body.len()), body.clone()),
        ("Transfer-Encoding: chunked".to_owned(), format!("{:x}\r\n{body}\r\n0\r\n\r\n", body.len())),
    ] {
        let before = auth.seen().len();
        let answer = ask(tidegate.http(), format!("POST / HTTP/1.1\r\nHost: a\r\n{length}\r\n\r\n{sent}"));
        assert_eq!((answer.status(), backend.last().body.len()), (200, body.len()));
        let asked: Vec<_> = auth.seen()[before..].iter().map(|seen| seen.body.len()).collect();
        assert_eq!(asked, [body.len(), 0, body.len(), body.len()]);
    }
    let answer = ask(tidegate.http(), "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 100001\r\n\r\n");
    assert_eq!((answer.status(), answer.body.as_slice()), (413, b"AuthBodyTooLarge".as_slice()));
    assert_eq!(backend.requests(), 2);
}

#[test]
fn a_body_that_nobody_looks_at_is_streamed() {
    let (backend, auth) = (Backend::start("only"), Backend::start("auth"));
    let tidegate = with(&backend, auth.address(), &[by_http("")], &rule(""));
    let mut client = Client::connect(tidegate.http());
    client.send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\nx-answer: stream\r\n\r\nhello");
    tidegate.wait_until("sends what there is", || backend.requests() == 1);
    let answer = client.send("world").answer();
    assert_eq!((answer.status(), answer.body.as_slice()), (200, b"helloworld".as_slice()));
    let large = vec![7; 3_000_000];
    let head = format!("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: {}\r\n\r\n", large.len());
    let answer = ask(tidegate.http(), [head.as_bytes(), &large].concat());
    assert_eq!((answer.status(), backend.last().body.len()), (200, large.len()));
}

/// Who is not let in is told before the body is asked for, unless the service wants it.
#[test]
fn a_client_that_waits_for_permission_to_send_gets_it_when_somebody_wants_the_body() {
    const EXPECTS: &str = "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nExpect: 100-continue\r\n\r\n";
    let (backend, no, yes) = (Backend::start("only"), Scripted::always(NO), Scripted::always(ok("")));
    let tidegate = with(&backend, no.address, &[by_http("")], &rule(""));
    let mut client = Client::connect(tidegate.http());
    assert_eq!(client.send(EXPECTS).answer().status(), 401);
    let forwards = by_http("").replace(", http:", ", forwardBody: {maxSize: 10}, http:");
    for (auth, filter, status) in [(&no, &forwards, 401), (&yes, &forwards, 200), (&yes, &by_http(""), 200)] {
        let tidegate = with(&backend, auth.address, std::slice::from_ref(filter), &rule(""));
        let mut client = Client::connect(tidegate.http());
        assert_eq!(client.send(EXPECTS).head().status(), 100);
        assert_eq!(client.send("hello").answer().status(), status);
    }
    assert_eq!((backend.requests(), backend.last().body.as_slice()), (2, b"hello".as_slice()));
}

/// Rules match what the client said of its connection, and no service gets that.
#[test]
fn a_websocket_needs_permission_too() {
    let (backend, auth) = (Backend::start("only"), by_authorization());
    let rules = "- matches: [{headers: [{name: upgrade, value: websocket}, {name: x-tenant, value: a}]}]\n  \
                 backendRefs: [{name: only, port: 80}]";
    let tidegate = with(&backend, auth.address, &[by_http("")], rules);
    let known = UPGRADE.replace("Host: a\r\n", "Host: a\r\nAuthorization: a\r\n");
    let mut client = Client::connect(tidegate.http());
    assert_eq!(client.send(known).head().status(), 101);
    assert_eq!(backend.last().header("x-tenant"), Some("a"));
    assert_eq!(auth.requests()[0].header("upgrade"), None);
    assert_eq!(ask(tidegate.http(), UPGRADE).status(), 401);
    assert_eq!(backend.requests(), 1);
}

/// "Accepted on this Listener": what is refused before a listener has it is nobody's question.
#[test]
fn nobody_is_asked_about_what_no_listener_took() {
    let authority = Authority::new();
    let pair = authority.issue(&["a.example.com", "b.example.com"]);
    let (backend, auth) = (Backend::start("only"), Scripted::always(NO));
    let filter = by_http("");
    let listeners = format!(
        "
- {{name: a, protocol: HTTP, port: 8080, hostname: a.example.com, filters: {{requests: [{filter}]}}}}
- {{name: open, protocol: HTTP, port: 8080, hostname: open.example.com}}
- {{name: tls, protocol: HTTPS, port: 8443, hostname: a.example.com, tls: {{certificateRefs: [{{name: pair}}]}}, filters: {{requests: [{filter}]}}}}
- {{name: other, protocol: HTTPS, port: 8443, hostname: b.example.com, tls: {{certificateRefs: [{{name: pair}}]}}, filters: {{requests: [{filter}]}}}}"
    );
    let texts = [
        gateway(&listeners),
        secret("pair", &pair),
        service("only", &[&backend]),
        service_at("auth", &[auth.address], None),
        route("route", &[], &rule("")),
    ];
    let tidegate = Tidegate::start(&[("all.yaml", documents(&texts))]);
    for (request, status) in [
        ("GET / HTTP/1.1\r\nHost: nobody.example.org\r\n\r\n", 404),
        ("GET /%zz HTTP/1.1\r\nHost: a.example.com\r\n\r\n", 400),
        ("GET / HTTP/1.1\r\nHost: a.example.com\r\nHost: b\r\n\r\n", 400),
        ("CONNECT a.example.com:80 HTTP/1.1\r\nHost: a.example.com:80\r\n\r\n", 405),
        ("GET / HTTP/1.1\r\nHost: open.example.com\r\n\r\n", 200),
    ] {
        assert_eq!(ask(tidegate.http(), request).status(), status, "{request}");
    }
    let over_tls = |host: &str| {
        let name = "a.example.com".try_into().unwrap();
        let session = rustls::ClientConnection::new(authority.client(&[]), name).unwrap();
        let stream = std::net::TcpStream::connect(tidegate.https()).unwrap();
        let mut stream = rustls::StreamOwned::new(session, stream);
        let request = format!("GET / HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n");
        std::io::Write::write_all(&mut stream, request.as_bytes()).unwrap();
        let mut first = [0; 12];
        std::io::Read::read_exact(&mut stream, &mut first).unwrap();
        String::from_utf8(first.to_vec()).unwrap()
    };
    assert_eq!((over_tls("b.example.com").as_str(), auth.requests().len()), ("HTTP/1.1 421", 0));
    assert_eq!((over_tls("a.example.com").as_str(), auth.requests().len()), ("HTTP/1.1 401", 1));
    assert_eq!(backend.requests(), 1);
}

/// What a rule says by itself is said to those who were let in, with what the service adds.
#[test]
fn the_gateways_own_answers_need_permission() {
    let backend = Backend::start("only");
    let auth = Authorizer::start(|http| {
        let ok = Allowed { headers: vec![], remove: vec![], answer: vec![field("x-seen", "yes")] };
        let is_known = http.method == "OPTIONS" || http.headers.contains_key("authorization");
        let code = if is_known { 0 } else { 16 };
        Ok(CheckResponse { status: Some(Code { code }), said: is_known.then_some(Said::Ok(ok)) })
    });
    let rules = "
- matches: [{path: {value: /redirect}}]
  filters: [{type: RequestRedirect, requestRedirect: {scheme: https}}]
- filters: [{type: CORS, cors: {allowOrigins: [\"*\"], allowMethods: [PUT]}}]
  backendRefs: [{name: only, port: 80}]";
    let tidegate = with(&backend, auth.address, &[by_grpc("grpc: {}")], rules);
    let redirect = GET.replace("GET /", "GET /redirect");
    assert_eq!(ask(tidegate.http(), &redirect).status(), 403);
    let answer = ask(tidegate.http(), redirect.replace("\r\n\r\n", "\r\nAuthorization: a\r\n\r\n"));
    assert_eq!((answer.status(), answer.header("x-seen")), (302, Some("yes")));
    let preflight =
        "OPTIONS / HTTP/1.1\r\nHost: a\r\nOrigin: http://b\r\nAccess-Control-Request-Method: PUT\r\n\r\n";
    let answer = ask(tidegate.http(), preflight);
    assert_eq!((answer.status(), answer.header("x-seen")), (204, Some("yes")));
    assert_eq!(answer.header("access-control-allow-origin"), Some("*"));
    // No rule has it yet, so none says who may read that it was refused.
    let answer = ask(tidegate.http(), "GET / HTTP/1.1\r\nHost: a\r\nOrigin: http://b\r\n\r\n");
    assert_eq!((answer.status(), answer.header("access-control-allow-origin")), (403, None));
    assert_eq!((auth.asked().len(), backend.requests()), (4, 0));
}

/// A mirror gets the request as the listener's services made it, a rule's own service is asked about that.
#[test]
fn whoever_comes_behind_sees_what_the_filters_made() {
    let (backend, mirror) = (Backend::start("only"), Backend::start("mirror"));
    let (auth, own) = (by_authorization(), Scripted::always(ok("X-Own: 1\r\n")));
    let own_filter = by_http("allowedHeaders: [x-tenant]").replace("name: auth", "name: own");
    let copies = "{type: RequestMirror, requestMirror: {backendRef: {name: mirror, port: 80}}}";
    let texts = [
        gateway(&listener(&[by_http("")])),
        service("only", &[&backend]),
        service("mirror", &[&mirror]),
        service_at("auth", &[auth.address], None),
        service_at("own", &[own.address], None),
        route("route", &[], &rule(&format!("{own_filter}, {copies}"))),
    ];
    let tidegate = Tidegate::start(&[("all.yaml", documents(&texts))]);
    let answer = ask(tidegate.http(), "GET / HTTP/1.1\r\nHost: a\r\nAuthorization: t\r\n\r\n");
    assert_eq!(answer.status(), 200);
    tidegate.wait_until("has copied", || mirror.seen().iter().any(|seen| seen.complete));
    let asked = own.requests();
    let tenant = |head: &Head| head.header("x-tenant").map(str::to_owned);
    assert_eq!(asked.iter().map(tenant).collect::<Vec<_>>(), [Some("t".to_owned())]);
    let (seen, copy) = (backend.last(), mirror.last());
    assert_eq!((seen.header("x-tenant"), seen.header("x-own")), (Some("t"), Some("1")));
    assert_eq!((copy.header("x-tenant"), copy.header("x-own")), (Some("t"), None));
    // One request, by one name, for all of them.
    assert!(seen.header("x-request-id").is_some());
    assert_eq!(seen.header("x-request-id"), copy.header("x-request-id"));
}

/// The service can be an Upstream, and what becomes of that counts for the listener of a ListenerSet, too.
#[test]
fn listeners_of_sets_have_filters_and_follow_their_service() {
    let (backend, auth) = (Backend::start("only"), by_authorization());
    let filter = "{type: ExternalAuth, externalAuth: {protocol: HTTP, http: {}, \
                  backendRef: {group: tidegate.dev, kind: Upstream, name: auth}}}";
    let gateway = gateway("- {name: own, protocol: HTTP, port: 8090}")
        .replace("  listeners:", "  allowedListeners: {namespaces: {from: Same}}\n  listeners:");
    let set = format!(
        "apiVersion: gateway.networking.k8s.io/v1
kind: ListenerSet
metadata: {{name: set}}
spec:
  parentRef: {{name: gateway}}
  listeners:
  {}
",
        listener(&[filter.to_owned()])
    );
    let upstream = format!(
        "apiVersion: tidegate.dev/v1alpha1
kind: Upstream
metadata: {{name: auth}}
spec: {{targets: [{{name: one, url: \"http://{}\"}}]}}
",
        auth.address
    );
    let on_set =
        route("route", &[], &rule("")).replace("[{name: gateway}]", "[{kind: ListenerSet, name: set}]");
    let texts = [gateway, set, service("only", &[&backend]), on_set];
    let tidegate = Tidegate::start(&[("all.yaml", documents(&texts)), ("upstream.yaml", upstream.clone())]);
    let known = "GET / HTTP/1.1\r\nHost: a\r\nAuthorization: t\r\n\r\n";
    let statuses = || [GET, known].map(|request| ask(tidegate.http(), request).status());
    assert_eq!(statuses(), [401, 200]);
    tidegate.remove(&["upstream.yaml"]);
    tidegate.wait_until("has lost its service", || statuses() == [500, 500]);
    tidegate.apply(&[("upstream.yaml", upstream)]);
    tidegate.wait_until("has its service again", || statuses() == [401, 200]);
}
