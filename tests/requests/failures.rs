//! Backends that fail: what is tried again, and what the client is told.

use crate::common::backend::Backend;
use crate::common::manifests::{documents, http_gateway, route, route_to, service_at};
use crate::common::raw::{Client, Head, ask};
use crate::common::scripted::{Scripted, Step};
use crate::common::tidegate::{Options, Tidegate};
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::time::Duration;

fn in_front_of(addresses: &[SocketAddr]) -> Tidegate {
    let texts = [http_gateway(), service_at("only", addresses, None), route_to("only")];
    Tidegate::start(&[("all.yaml", documents(&texts))])
}

/// An address where nobody listens.
fn dead_address() -> SocketAddr {
    TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap().local_addr().unwrap()
}

fn ok(name: &'static str) -> impl Fn(&Head) -> Vec<Step> {
    move |_| {
        vec![Step::Send(format!("HTTP/1.1 200 OK\r\nx-backend: {name}\r\ncontent-length: 0\r\n\r\n").into())]
    }
}

#[test]
fn a_refused_connection_is_tried_elsewhere_for_any_method() {
    let good = Backend::start("good");
    let tidegate = in_front_of(&[dead_address(), good.address()]);
    let mut client = Client::connect(tidegate.http());
    for number in 0..20 {
        let answer = client
            .send(format!("POST /{number} HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhello"))
            .answer();
        assert_eq!(answer.status(), 200, "{number}");
    }
    assert_eq!(good.requests(), 20);
    assert!(good.seen().iter().all(|seen| seen.body == b"hello"));
}

#[test]
fn where_nobody_listens_is_502() {
    let tidegate = in_front_of(&[dead_address()]);
    let mut client = Client::connect(tidegate.http());
    for _ in 0..2 {
        assert_eq!(client.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n").answer().status(), 502);
    }
}

/// What happens when the first endpoint breaks the connection before it answers.
fn after_a_reset(request: &str, attempts_off: bool) -> (u16, usize, usize) {
    let bad = Scripted::start(|_| vec![Step::Reset]);
    let good = Scripted::start(ok("good"));
    let rule = if attempts_off {
        "- {backendRefs: [{name: only, port: 80}], retry: {attempts: 0}}"
    } else {
        "- backendRefs: [{name: only, port: 80}]"
    };
    let texts =
        [http_gateway(), service_at("only", &[bad.address, good.address], None), route("only", &[], rule)];
    let tidegate = Tidegate::start(&[("all.yaml", documents(&texts))]);
    // Which of the two is asked first is up to chance: only such a try counts.
    for _ in 0..100 {
        let answer = ask(tidegate.http(), request);
        if !bad.requests().is_empty() {
            return (answer.status(), bad.requests().len(), good.requests().len());
        }
    }
    panic!("the bad endpoint was never chosen");
}

#[test]
fn an_idempotent_request_is_tried_again_after_a_reset() {
    for request in [
        "GET / HTTP/1.1\r\nHost: a\r\n\r\n",
        "DELETE / HTTP/1.1\r\nHost: a\r\n\r\n",
        "OPTIONS / HTTP/1.1\r\nHost: a\r\n\r\n",
        "PUT / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhello",
        "PUT / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n",
    ] {
        let (status, bad, good) = after_a_reset(request, false);
        assert_eq!((status, bad), (200, 1), "{request}");
        assert!(good >= 1, "{request}");
    }
}

#[test]
fn a_post_is_not_sent_twice() {
    for request in [
        "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhello",
        "PATCH / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhello",
        "POST / HTTP/1.1\r\nHost: a\r\n\r\n",
    ] {
        let (status, bad, _) = after_a_reset(request, false);
        assert_eq!((status, bad), (502, 1), "{request}");
    }
}

#[test]
fn no_attempts_means_none() {
    let (status, bad, _) = after_a_reset("GET / HTTP/1.1\r\nHost: a\r\n\r\n", true);
    assert_eq!((status, bad), (502, 1));
}

/// A body that is larger than what is kept cannot be sent again.
#[test]
fn a_large_put_is_not_sent_twice() {
    let request =
        format!("PUT / HTTP/1.1\r\nHost: a\r\nContent-Length: 100000\r\n\r\n{}", "x".repeat(100_000));
    let (status, bad, _) = after_a_reset(&request, false);
    assert_eq!((status, bad), (502, 1));
}

/// How often four endpoints that break every connection see a GET.
fn tries(retry: &str) -> usize {
    let bad = [(); 4].map(|()| Scripted::start(|_| vec![Step::Reset]));
    let addresses: Vec<_> = bad.iter().map(|backend| backend.address).collect();
    let rule = format!("- {{backendRefs: [{{name: only, port: 80}}]{retry}}}");
    let texts = [http_gateway(), service_at("only", &addresses, None), route("only", &[], &rule)];
    let tidegate = Tidegate::start(&[("all.yaml", documents(&texts))]);
    assert_eq!(ask(tidegate.http(), "GET / HTTP/1.1\r\nHost: a\r\n\r\n").status(), 502);
    let each: Vec<_> = bad.iter().map(|backend| backend.requests().len()).collect();
    assert!(each.iter().all(|tries| *tries <= 1), "tried again, while others were not: {each:?}");
    each.iter().sum()
}

#[test]
fn a_request_is_tried_three_times_unless_the_rule_says_otherwise() {
    assert_eq!(tries(""), 3);
    assert_eq!(tries(", retry: {attempts: 3}"), 4);
    assert_eq!(tries(", retry: {attempts: 2}"), 3);
    assert_eq!(tries(", retry: {attempts: 1}"), 2);
    assert_eq!(tries(", retry: {}"), 2);
    assert_eq!(tries(", retry: {attempts: 0}"), 1);
}

/// All endpoints of the moment when the request came are gone when the one that had it ends.
#[test]
fn a_retry_goes_to_an_endpoint_of_the_day() {
    let (end, ended) = std::sync::mpsc::channel::<()>();
    let ended = std::sync::Mutex::new(ended);
    let old = Scripted::start(move |_| {
        let _ = ended.lock().unwrap().recv();
        vec![Step::Reset]
    });
    let new = Scripted::start(ok("new"));
    let tidegate = in_front_of(&[old.address]);
    let mut client = Client::connect(tidegate.http());
    client.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
    tidegate.wait_until("sends the request", || old.requests().len() == 1);
    let texts = [http_gateway(), service_at("only", &[new.address], None), route_to("only")];
    tidegate.apply(&[("all.yaml", documents(&texts))]);
    end.send(()).unwrap();
    assert_eq!(client.answer().header("x-backend"), Some("new"));
    assert_eq!(old.requests().len(), 1);
}

/// A pooled connection that the backend closed meanwhile costs no request, not even a POST.
#[test]
fn a_pooled_connection_found_dead_costs_nothing() {
    let backend = Scripted::start(|_| {
        vec![Step::Send(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n".to_vec()), Step::Close]
    });
    let tidegate = in_front_of(&[backend.address]);
    let mut client = Client::connect(tidegate.http());
    for number in 0..20 {
        let answer = client.send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhello").answer();
        assert_eq!(answer.status(), 200, "{number}");
        // On loopback the end has arrived when the close returns.
        backend.wait_for_closes(number + 1);
    }
}

#[test]
fn answers_that_are_not_http_are_502() {
    let answers: [&[u8]; 12] = [
        b"nonsense\r\n\r\n",
        b"HTTP/3.0 200 OK\r\nContent-Length: 0\r\n\r\n",
        b"HTTP/1.1 abc OK\r\nContent-Length: 0\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab",
        b"HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\nab",
        b"HTTP/1.1 200 OK\r\nContent-Length: x\r\n\r\nab",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nX: a\0b\r\nContent-Length: 0\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nX y: z\r\nContent-Length: 0\r\n\r\n",
        b"HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: x\r\n\r\n",
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n",
        b"HTTP/1.1 99 Low\r\nContent-Length: 0\r\n\r\n",
    ];
    for answer in answers {
        let backend = Scripted::start(move |_| vec![Step::Send(answer.to_vec()), Step::Close]);
        let tidegate = in_front_of(&[backend.address]);
        let given = ask(tidegate.http(), "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n");
        assert_eq!(given.status(), 502, "{}: {given:?}", String::from_utf8_lossy(answer));
    }
}

/// The client must be able to tell, whatever the framing.
#[test]
fn an_answer_that_breaks_off_is_passed_on_as_broken() {
    let backend = Backend::start("only");
    let tidegate = Tidegate::in_front_of(&backend);
    for framing in ["", " chunked"] {
        let mut client = Client::connect(tidegate.http());
        client
            .send(format!("GET / HTTP/1.1\r\nHost: a\r\nx-answer: bytes=500000 cut=200000{framing}\r\n\r\n"));
        let error = client.try_answer().expect_err("the answer looks complete");
        assert!(
            matches!(error.kind(), std::io::ErrorKind::UnexpectedEof | std::io::ErrorKind::ConnectionReset)
                || error.to_string().contains("no chunk"),
            "{error}"
        );
        assert!(client.is_closed());
    }
    assert_eq!(backend.requests(), 2);
}

/// What came before the break is passed on, also when it comes at once with the break.
#[test]
fn what_came_before_the_break_arrives() {
    let backend = Scripted::start(|_| {
        vec![Step::Send(b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\npart".to_vec()), Step::Close]
    });
    let tidegate = in_front_of(&[backend.address]);
    for _ in 0..20 {
        let mut client = Client::connect(tidegate.http());
        assert_eq!(client.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n").head().status(), 200);
        assert_eq!(client.bytes(4), b"part");
        assert!(client.is_closed());
    }
}

/// What follows an answer unasked is not the answer to the next request.
#[test]
fn bytes_behind_an_answer_are_nobodys_answer() {
    let backend = Scripted::always(
        "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nokHTTP/1.1 200 OK\r\nX-Poison: y\r\nContent-Length: 0\r\n\r\n",
    );
    let tidegate = in_front_of(&[backend.address]);
    for number in 0..10 {
        let answer = ask(tidegate.http(), "GET / HTTP/1.1\r\nHost: a\r\n\r\n");
        assert_eq!((answer.status(), answer.header("x-poison")), (200, None), "{number}");
        assert_eq!(answer.body, b"ok", "{number}");
    }
}

/// Interim answers of the backend are no final ones.
#[test]
fn interim_answers_are_not_the_answer() {
    let backend = Scripted::always(
        "HTTP/1.1 103 Early Hints\r\nLink: </a.css>\r\n\r\nHTTP/1.1 100 Continue\r\n\r\n\
         HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok",
    );
    let tidegate = in_front_of(&[backend.address]);
    let mut client = Client::connect(tidegate.http());
    client.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
    let mut head = client.head();
    while head.status() < 200 {
        head = client.head();
    }
    assert_eq!(head.status(), 200);
    assert_eq!(client.bytes(2), b"ok");
}

/// An answer without a length ends with the connection, and so does the client's.
#[test]
fn an_answer_without_a_length_is_whole_at_the_end() {
    let backend =
        Scripted::start(|_| vec![Step::Send(b"HTTP/1.1 200 OK\r\n\r\nall there is".to_vec()), Step::Close]);
    let tidegate = in_front_of(&[backend.address]);
    let answer = ask(tidegate.http(), "GET / HTTP/1.1\r\nHost: a\r\n\r\n");
    assert_eq!((answer.status(), answer.body.as_slice()), (200, b"all there is".as_slice()));
}

/// It is not the client that went away.
#[test]
fn a_request_that_the_end_of_a_drain_cuts_is_logged_as_such() {
    let backend = Scripted::start(|_| vec![Step::Hold]);
    let texts = [http_gateway(), service_at("only", &[backend.address], None), route_to("only")];
    let log = tempfile::NamedTempFile::new().unwrap();
    let flags = vec!["--access-log=full".into(), format!("--access-log-file={}", log.path().display())];
    let options = Options { drain_max: Duration::ZERO, flags, ..Options::default() };
    let tidegate = Tidegate::start_with(options, &[("all.yaml", documents(&texts))]);
    let mut client = Client::connect(tidegate.http());
    client.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
    tidegate.wait_until("forwards", || backend.requests().len() == 1);
    tidegate.begin_to_stop();
    tidegate.wait_until_stopped();
    let line: serde_json::Value =
        serde_json::from_str(&std::fs::read_to_string(log.path()).unwrap()).unwrap();
    assert_eq!((&line["reason"], &line["status"]), (&"Draining".into(), &503.into()));
}
