//! What a backend is told about a request, and a client about an answer.

use crate::common::backend::Backend;
use crate::common::manifests::{documents, http_gateway, route_to, service_at};
use crate::common::raw::{Client, ask};
use crate::common::scripted::{Scripted, Step};
use crate::common::tidegate::{Options, Tidegate};
use std::time::Duration;

#[test]
fn the_gateway_says_who_asks() {
    let backend = Backend::start("only");
    let tidegate = Tidegate::in_front_of(&backend);
    ask(tidegate.http(), "GET /a HTTP/1.1\r\nHost: Shop.example.com:8080\r\n\r\n");
    let seen = backend.last();
    assert_eq!(seen.header("host"), Some("Shop.example.com:8080"));
    assert_eq!(seen.header("x-forwarded-for"), Some("127.0.0.1"));
    assert_eq!(seen.header("x-forwarded-proto"), Some("http"));
    assert_eq!(seen.header("x-forwarded-host"), Some("Shop.example.com:8080"));
    assert!(seen.header("x-request-id").is_some_and(|id| id.len() >= 32), "{seen:?}");
}

#[test]
fn each_request_has_an_id_of_its_own() {
    let backend = Backend::start("only");
    let tidegate = Tidegate::in_front_of(&backend);
    let mut client = Client::connect(tidegate.http());
    for _ in 0..10 {
        client.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n").answer();
    }
    let mut ids: Vec<String> =
        backend.seen().iter().map(|seen| seen.header("x-request-id").unwrap().to_owned()).collect();
    ids.sort();
    ids.dedup();
    assert_eq!(ids.len(), 10);
}

/// What a stranger says of himself is not believed.
const SPOOFED: &str = "GET / HTTP/1.1\r\nHost: a.example.com\r\nX-Forwarded-For: 192.0.2.1\r\n\
    X-Forwarded-For: 192.0.2.2\r\nX-Forwarded-Proto: https\r\nX-Forwarded-Host: bank.example.com\r\n\
    X-Request-Id: mine\r\nForwarded: for=192.0.2.1\r\n\r\n";

#[test]
fn a_stranger_is_not_believed() {
    let backend = Backend::start("only");
    let tidegate = Tidegate::in_front_of(&backend);
    ask(tidegate.http(), SPOOFED);
    let seen = backend.last();
    assert_eq!(seen.header("x-forwarded-for"), Some("127.0.0.1"));
    assert_eq!(seen.header("x-forwarded-proto"), Some("http"));
    assert_eq!(seen.header("x-forwarded-host"), Some("a.example.com"));
    assert_ne!(seen.header("x-request-id"), Some("mine"));
    assert_eq!(seen.header("forwarded"), None);
}

#[test]
fn a_trusted_proxy_is_believed() {
    let backend = Backend::start("only");
    let options = Options { trusted: vec!["127.0.0.0/8".to_owned()], ..Options::default() };
    let tidegate = Tidegate::start_with(options, &Tidegate::files_in_front_of(&backend));
    ask(tidegate.http(), SPOOFED);
    let seen = backend.last();
    assert_eq!(seen.header("x-forwarded-for"), Some("192.0.2.1, 192.0.2.2, 127.0.0.1"));
    assert_eq!(seen.header("x-forwarded-proto"), Some("https"));
    assert_eq!(seen.header("x-forwarded-host"), Some("bank.example.com"));
    assert_eq!(seen.header("x-request-id"), Some("mine"));
}

#[test]
fn what_belongs_to_one_connection_stays_there() {
    let backend = Backend::start("only");
    let tidegate = Tidegate::in_front_of(&backend);
    let answer = ask(
        tidegate.http(),
        "GET / HTTP/1.1\r\nHost: a\r\nConnection: keep-alive, X-Hop, Upgrade\r\nX-Hop: 1\r\nX-End: 2\r\n\
         Keep-Alive: timeout=5\r\nProxy-Connection: keep-alive\r\nProxy-Authorization: Basic eA==\r\n\
         TE: gzip, trailers\r\nUpgrade-Insecure-Requests: 1\r\nAccept: */*\r\nX-Empty:\r\n\r\n",
    );
    assert_eq!(answer.status(), 200);
    let seen = backend.last();
    for name in ["x-hop", "keep-alive", "proxy-connection", "proxy-authorization", "upgrade", "connection"] {
        assert_eq!(seen.header(name), None, "{name}");
    }
    assert_eq!(seen.header("te"), Some("trailers"));
    assert_eq!(seen.header("x-end"), Some("2"));
    assert_eq!(seen.header("upgrade-insecure-requests"), Some("1"));
    assert_eq!(seen.header("x-empty"), Some(""));
}

/// A client must not use `Connection` to have the gateway's own word removed.
#[test]
fn connection_options_do_not_remove_what_the_gateway_says() {
    let backend = Backend::start("only");
    let tidegate = Tidegate::in_front_of(&backend);
    ask(
        tidegate.http(),
        "POST / HTTP/1.1\r\nHost: a.example.com\r\nContent-Length: 2\r\nCookie: a=b\r\n\
         Connection: close, host, content-length, x-forwarded-for, x-forwarded-proto, x-request-id, cookie\r\n\r\nok",
    );
    let seen = backend.last();
    assert_eq!(seen.header("host"), Some("a.example.com"));
    assert_eq!(seen.header("x-forwarded-for"), Some("127.0.0.1"));
    assert_eq!(seen.header("x-forwarded-proto"), Some("http"));
    assert!(seen.header("x-request-id").is_some());
    assert_eq!(seen.body, b"ok");
}

#[test]
fn an_answer_keeps_what_is_for_the_client() {
    let backend = Scripted::always(
        "HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: X-Hop\r\nX-Hop: 1\r\nKeep-Alive: timeout=5\r\n\
         Proxy-Authenticate: Basic\r\nSet-Cookie: a=1\r\nSet-Cookie: b=2\r\nX-End: 3\r\nServer: origin\r\n\r\nok",
    );
    let texts = [http_gateway(), service_at("only", &[backend.address], None), route_to("only")];
    let tidegate = Tidegate::start(&[("all.yaml", documents(&texts))]);
    let answer = ask(tidegate.http(), "GET / HTTP/1.1\r\nHost: a\r\n\r\n");
    for name in ["x-hop", "keep-alive", "proxy-authenticate", "connection"] {
        assert_eq!(answer.header(name), None, "{name}");
    }
    assert_eq!(answer.header("x-end"), Some("3"));
    assert_eq!(answer.header("server"), Some("origin"));
    let cookies: Vec<&str> =
        answer.head.headers.iter().filter(|field| field.0 == "set-cookie").map(|field| &*field.1).collect();
    assert_eq!(cookies, ["a=1", "b=2"]);
    assert_eq!(answer.body, b"ok");
}

#[test]
fn an_http10_client_is_served_and_let_go() {
    let backend = Backend::start("only");
    let tidegate = Tidegate::in_front_of(&backend);
    let mut client = Client::connect(tidegate.http());
    let answer = client.send("GET / HTTP/1.0\r\nHost: a.example.com\r\n\r\n").answer();
    assert!(answer.head.start.ends_with("200 OK"), "{answer:?}");
    assert_eq!(answer.header("transfer-encoding"), None);
    assert!(client.is_closed());
    assert_eq!(backend.last().version, http::Version::HTTP_11);
}

#[test]
fn a_head_request_has_no_body() {
    let backend = Backend::start("only");
    let tidegate = Tidegate::in_front_of(&backend);
    let mut client = Client::connect(tidegate.http());
    client.send("HEAD / HTTP/1.1\r\nHost: a\r\nx-answer: bytes=1000\r\n\r\n");
    let head = client.head();
    assert_eq!((head.status(), head.header("content-length")), (200, Some("1000")));
    // The next answer begins right behind the head.
    assert_eq!(client.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n").answer().status(), 200);
}

/// The client would send its next request on a connection that is about to be closed.
#[test]
fn an_answer_that_comes_during_a_drain_says_that_it_is_the_last() {
    let (release, held) = std::sync::mpsc::channel::<()>();
    let held = std::sync::Mutex::new(held);
    let backend = Scripted::start(move |head| {
        if head.start.contains("/slow") {
            held.lock().unwrap().recv().unwrap();
        }
        vec![Step::Send(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok".to_vec())]
    });
    let texts = [http_gateway(), service_at("only", &[backend.address], None), route_to("only")];
    let drain = Duration::from_secs(60);
    let options = Options { workers: 1, drain_min: drain, drain_max: drain, ..Options::default() };
    let tidegate = Tidegate::start_with(options, &[("all.yaml", documents(&texts))]);
    let mut client = Client::connect(tidegate.http());
    client.send("GET /slow HTTP/1.1\r\nHost: a\r\n\r\n");
    tidegate.wait_until("forwards", || backend.requests().len() == 1);
    tidegate.begin_to_stop();
    tidegate.wait_until("drains", || {
        ask(tidegate.http(), "GET / HTTP/1.1\r\nHost: a\r\n\r\n").header("connection") == Some("close")
    });
    release.send(()).unwrap();
    assert_eq!(client.answer().header("connection"), Some("close"));
    assert!(client.is_closed());
}
