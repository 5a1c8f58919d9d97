//! The RequestMirror filter: what a copy is, who gets it, and that it harms nobody.

use super::telemetry::Log;
use crate::common::backend::{Backend, Seen};
use crate::common::content::content;
use crate::common::manifests::{documents, h2c_service, http_gateway, route, service, service_at};
use crate::common::raw::{Client, ask};
use crate::common::scripted::{Scripted, Step};
use crate::common::tidegate::{Options, Tidegate};
use http::HeaderMap;
use std::net::{Ipv4Addr, SocketAddr, TcpListener};

/// Of a request's body, what is kept for a copy.
const KEPT: usize = 256 << 10;

fn rule(mirrors: &[&str]) -> String {
    let filter = |name: &&str| {
        format!("{{type: RequestMirror, requestMirror: {{backendRef: {{name: {name}, port: 80}}}}}}")
    };
    let filters: Vec<_> = mirrors.iter().map(filter).collect();
    format!("- filters: [{}]\n  backendRefs: [{{name: only, port: 80}}]", filters.join(", "))
}

/// One worker in front of `only` with a mirror at that address.
fn mirrored_to(backend: &Backend, mirrors: &[SocketAddr]) -> Tidegate {
    let texts = [
        http_gateway(),
        service("only", &[backend]),
        service_at("mirror", mirrors, None),
        route("route", &[], &rule(&["mirror"])),
    ];
    Tidegate::start_with(Options { workers: 1, ..Options::default() }, &[("all.yaml", documents(&texts))])
}

/// Waits for that many whole requests.
#[track_caller]
fn copies(tidegate: &Tidegate, mirror: &Backend, count: usize) -> Vec<Seen> {
    let whole = || mirror.seen().iter().filter(|seen| seen.complete).count();
    tidegate.wait_until("has sent its copies", || whole() >= count);
    mirror.seen()
}

fn metric(tidegate: &Tidegate, series: &str) -> u64 {
    let metrics = String::from_utf8(tidegate.health("/metrics").body).unwrap();
    let line = metrics.lines().find_map(|line| line.strip_prefix(&format!("tidegate_mirror_{series} ")));
    line.unwrap_or_else(|| panic!("no {series} in\n{metrics}")).parse().unwrap()
}

#[track_caller]
fn wait_for(tidegate: &Tidegate, series: &str, count: u64) {
    tidegate.wait_until("counts", || metric(tidegate, series) == count);
}

/// Of a body that has come in, the length is known.
fn without_length(seen: &Seen) -> HeaderMap {
    let mut headers = seen.headers.clone();
    headers.remove("content-length");
    headers.remove("transfer-encoding");
    headers
}

fn dropped(reason: &str) -> String {
    format!("dropped_requests_total{{reason=\"{reason}\"}}")
}

#[test]
fn each_mirror_gets_the_same_request() {
    let (backend, plain, other) = (Backend::start("only"), Backend::start("plain"), Backend::start("other"));
    let shared = Backend::start_h2c("shared");
    let texts = [
        http_gateway(),
        service("only", &[&backend]),
        service("plain", &[&plain]),
        service("other", &[&other]),
        h2c_service("shared", &[&shared]),
        route("route", &[], &rule(&["plain", "other", "shared"])),
    ];
    let tidegate = Tidegate::start(&[("all.yaml", documents(&texts))]);
    let requests = [
        ("GET /a/../b?c=%2f", "", ""),
        ("POST /length", "Content-Length: 5\r\n", "hello"),
        ("POST /chunked", "Transfer-Encoding: chunked\r\n", "3\r\nhel\r\n2\r\nlo\r\n0\r\n\r\n"),
        ("PUT /empty", "Transfer-Encoding: chunked\r\n", "0\r\n\r\n"),
        ("DELETE /nothing", "Content-Length: 0\r\n", ""),
    ];
    let mut client = Client::connect(tidegate.http());
    for (number, (line, length, body)) in requests.into_iter().enumerate() {
        let request = format!(
            "{line} HTTP/1.1\r\nHost: shop.example\r\nX-A: 1\r\nConnection: x-gone\r\nX-Gone: 1\r\n{length}\r\n{body}"
        );
        let answer = client.send(request).answer();
        assert_eq!((answer.status(), answer.header("x-backend")), (200, Some("only")), "{line}");
        let first = backend.last();
        for mirror in [&plain, &other] {
            let copy = copies(&tidegate, mirror, number + 1).pop().unwrap();
            assert_eq!((&copy.method, &copy.target), (&first.method, &first.target), "{line}");
            assert_eq!((without_length(&copy), &copy.body), (without_length(&first), &first.body), "{line}");
        }
        let copy = copies(&tidegate, &shared, number + 1).pop().unwrap();
        assert_eq!((&copy.method, &copy.body), (&first.method, &first.body), "{line}");
        assert_eq!(copy.target, format!("http://shop.example{}", first.target), "{line}");
        for name in
            ["x-a", "x-gone", "x-request-id", "x-forwarded-for", "x-forwarded-host", "x-forwarded-proto"]
        {
            assert_eq!(copy.header(name), first.header(name), "{line} {name}");
        }
    }
    assert_eq!(backend.requests(), 5);
    wait_for(&tidegate, "requests_total", 15);
    // Answers are read to their end, and the connections used again.
    assert!(plain.connections() < 5 && shared.connections() < 5);
}

/// "Wherever possible, implementations SHOULD implement filters in the order they are specified."
#[test]
fn a_copy_has_gone_through_the_filters_before_it() {
    let backend = Backend::start("only");
    let mirrors = ["first", "second", "third", "inner", "last"].map(Backend::start);
    let mirror = |name: &str| {
        format!("- {{type: RequestMirror, requestMirror: {{backendRef: {{name: {name}, port: 80}}}}}}")
    };
    let edit = |value: &str| {
        format!(
            "- {{type: RequestHeaderModifier, requestHeaderModifier: {{add: [{{name: x-edit, value: {value}}}]}}}}"
        )
    };
    let rewrite = |name: &str| {
        format!(
            "- {{type: URLRewrite, urlRewrite: {{hostname: {name}.example, path: {{type: ReplacePrefixMatch, replacePrefixMatch: /{name}}}}}}}"
        )
    };
    let rules = format!(
        "
- matches: [{{path: {{value: /a}}}}]
  filters:
  {}
  {}
  {}
  {}
  {}
  backendRefs:
  - name: only
    port: 80
    filters:
    {}
    {}
    {}
    {}",
        mirror("first"),
        edit("rule"),
        mirror("second"),
        rewrite("rule"),
        mirror("third"),
        mirror("inner"),
        rewrite("backend"),
        edit("backend"),
        mirror("last"),
    );
    let all: Vec<&Backend> = std::iter::once(&backend).chain(&mirrors).collect();
    let tidegate = Tidegate::with_rules(&all, &rules);
    ask(tidegate.http(), "GET /a/b HTTP/1.1\r\nHost: a.example\r\n\r\n");
    let seen = |seen: Seen| {
        let edits = seen.headers.get_all("x-edit").iter();
        let edits: Vec<_> = edits.map(|value| value.to_str().unwrap().to_owned()).collect();
        (seen.header("host").unwrap().to_owned(), seen.target, edits.join(","))
    };
    let expected = [
        ("a.example", "/a/b", ""),
        ("a.example", "/a/b", "rule"),
        ("rule.example", "/rule/b", "rule"),
        ("rule.example", "/rule/b", "rule"),
        ("backend.example", "/backend/b", "rule,backend"),
    ]
    .map(|(host, target, edits)| (host.to_owned(), target.to_owned(), edits.to_owned()));
    for (mirror, expected) in mirrors.iter().zip(&expected) {
        assert_eq!(seen(copies(&tidegate, mirror, 1).remove(0)), *expected, "{}", mirror.name());
    }
    assert_eq!(seen(backend.last()), expected[4]);
}

fn all_of(mirrors: &[Backend]) -> u64 {
    mirrors.iter().map(Backend::requests).sum()
}

#[test]
fn a_share_is_copied() {
    let backend = Backend::start("only");
    let mirrors = ["none", "half", "every"].map(Backend::start);
    let all: Vec<&Backend> = std::iter::once(&backend).chain(&mirrors).collect();
    let tidegate = Tidegate::with_rules(
        &all,
        "
- filters:
  - {type: RequestMirror, requestMirror: {backendRef: {name: none, port: 80}, percent: 0}}
  - {type: RequestMirror, requestMirror: {backendRef: {name: half, port: 80}, fraction: {numerator: 25, denominator: 50}}}
  - {type: RequestMirror, requestMirror: {backendRef: {name: every, port: 80}, percent: 100}}
  backendRefs: [{name: only, port: 80}]",
    );
    let mut client = Client::connect(tidegate.http());
    for sent in 1..=400 {
        assert_eq!(client.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n").answer().status(), 200);
        // On a busy machine more copies would be under way than may be.
        if sent % 40 == 0 {
            let arrived =
                || mirrors[2].requests() == sent && metric(&tidegate, "requests_total") == all_of(&mirrors);
            tidegate.wait_until("has copied", arrived);
        }
    }
    let [none, half, every] = mirrors.map(|mirror| mirror.requests());
    assert_eq!((none, every), (0, 400));
    // Six standard deviations to both sides: not once in a hundred million runs beyond.
    assert!((140..=260).contains(&half), "{half} of 400");
}

#[test]
fn whatever_a_mirror_does_the_request_is_answered() {
    let backend = Backend::start("only");
    let angry = Scripted::always("HTTP/1.1 500 No\r\nset-cookie: a=b\r\ncontent-length: 2\r\n\r\nno");
    let tidegate = mirrored_to(&backend, &[angry.address]);
    let answer = ask(tidegate.http(), "GET / HTTP/1.1\r\nHost: a\r\n\r\n");
    assert_eq!((answer.status(), answer.header("set-cookie")), (200, None));
    wait_for(&tidegate, "requests_total", 1);

    let dead = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap().local_addr().unwrap();
    let reset = Scripted::start(|_| vec![Step::Reset]);
    let garbage = Scripted::always("garbage\r\n\r\n");
    for (mirrors, reason) in [
        (vec![dead], "ConnectFailed"),
        (vec![reset.address], "Reset"),
        (vec![garbage.address], "Reset"),
        (vec![], "NoReadyTargets"),
    ] {
        let tidegate = mirrored_to(&backend, &mirrors);
        for request in [
            "GET / HTTP/1.1\r\nHost: a\r\n\r\n",
            "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhello",
        ] {
            assert_eq!(ask(tidegate.http(), request).status(), 200, "{reason}");
        }
        wait_for(&tidegate, &dropped(reason), 2);
        assert_eq!(metric(&tidegate, "requests_total"), 0);
    }
    // Nothing is tried a second time.
    assert_eq!((reset.requests().len(), backend.requests()), (2, 9));
}

/// Of copies that a mirror does not answer, one worker has only so many under way, and not for ever.
#[test]
fn a_mirror_that_hangs_holds_nobody_up() {
    let (backend, hanging) = (Backend::start("only"), Scripted::start(|_| vec![Step::Hold]));
    let tidegate = mirrored_to(&backend, &[hanging.address]);
    let mut client = Client::connect(tidegate.http());
    for _ in 0..130 {
        let answer = client.send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhello").answer();
        assert_eq!((answer.status(), answer.header("x-backend")), (200, Some("only")));
    }
    assert_eq!(metric(&tidegate, &dropped("TooMany")), 2);
    wait_for(&tidegate, &dropped("Timeout"), 128);
    // There is room again.
    client.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n").answer();
    tidegate.wait_until("copies again", || hanging.requests().len() == 129);
    assert_eq!(metric(&tidegate, &dropped("TooMany")), 2);
}

#[test]
fn a_body_is_copied_up_to_its_limit() {
    let (backend, mirror) = (Backend::start("only"), Backend::start("mirror"));
    let tidegate = mirrored_to(&backend, &[mirror.address()]);
    for (length, chunked) in [(KEPT, false), (KEPT, true), (KEPT + 1, false), (KEPT + 1, true)] {
        let body = content(length as u64, length);
        let mut request = b"POST / HTTP/1.1\r\nHost: a\r\n".to_vec();
        if chunked {
            request.extend(format!("Transfer-Encoding: chunked\r\n\r\n{length:x}\r\n").into_bytes());
            request.extend_from_slice(&body);
            request.extend(b"\r\n0\r\nx-check: good\r\n\r\n");
        } else {
            request.extend(format!("Content-Length: {length}\r\n\r\n").into_bytes());
            request.extend_from_slice(&body);
        }
        assert_eq!(ask(tidegate.http(), request).status(), 200);
        let first = backend.last();
        assert!(first.body == body && first.trailers.is_some() == chunked);
        if length == KEPT {
            let copy = copies(&tidegate, &mirror, usize::from(chunked) + 1).pop().unwrap();
            assert!(copy.body == body && copy.trailers == first.trailers);
        }
    }
    wait_for(&tidegate, &dropped("BodyTooLarge"), 2);
    assert_eq!(mirror.requests(), 2);
}

#[test]
fn half_a_body_is_not_copied() {
    let (backend, mirror) = (Backend::start("only"), Backend::start("mirror"));
    let tidegate = mirrored_to(&backend, &[mirror.address()]);
    let mut client = Client::connect(tidegate.http());
    client.send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\nhello");
    drop(client);
    wait_for(&tidegate, &dropped("Incomplete"), 1);
    assert_eq!(mirror.requests(), 0);
}

#[test]
fn a_tunnel_is_not_copied() {
    let (backend, mirror) = (Backend::start("only"), Backend::start("mirror"));
    let tidegate = mirrored_to(&backend, &[mirror.address()]);
    let answer = Client::connect(tidegate.http())
        .send(
            "GET / HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
             Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n",
        )
        .head();
    assert_eq!(answer.status(), 101);
    assert_eq!((metric(&tidegate, &dropped("Upgrade")), mirror.requests()), (1, 0));
}

#[test]
fn a_mirror_that_does_not_exist_is_left_out() {
    let (backend, mirror) = (Backend::start("only"), Backend::start("mirror"));
    let tidegate = Tidegate::with_rules(&[&backend, &mirror], &rule(&["nowhere", "mirror"]));
    assert_eq!(ask(tidegate.http(), "GET / HTTP/1.1\r\nHost: a\r\n\r\n").status(), 200);
    copies(&tidegate, &mirror, 1);
    wait_for(&tidegate, "requests_total", 1);
}

/// A copy is no request of a client.
#[test]
fn a_copy_has_no_line_in_the_log() {
    let (backend, mirror, log) = (Backend::start("only"), Backend::start("mirror"), Log::new());
    let texts = [
        http_gateway(),
        service("only", &[&backend]),
        service("mirror", &[&mirror]),
        route("route", &[], &rule(&["mirror"])),
    ];
    let tidegate = Tidegate::start_with(log.options("full"), &[("all.yaml", documents(&texts))]);
    ask(tidegate.http(), "GET /first HTTP/1.1\r\nHost: a\r\n\r\n");
    copies(&tidegate, &mirror, 1);
    wait_for(&tidegate, "requests_total", 1);
    ask(tidegate.http(), "GET /second HTTP/1.1\r\nHost: a\r\n\r\n");
    let lines = log.lines(&tidegate, 2);
    let paths: Vec<_> = lines.iter().map(|line| line["path"].as_str().unwrap()).collect();
    assert_eq!(paths, ["/first", "/second"]);
    assert!(lines.iter().all(|line| line["backend"] == "Service default/only:80" && line["attempts"] == 1));
}
