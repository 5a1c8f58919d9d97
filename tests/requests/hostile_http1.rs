//! No request reaches a backend in a second reading, in HTTP/1.
//!
//! Behind each hostile request on the same connection stands another one, which would be the
//! smuggled one: it must reach no backend, and get no answer.

use crate::common::backend::Backend;
use crate::common::raw::Client;
use crate::common::tidegate::Tidegate;

const NEXT: &str = "GET /smuggled HTTP/1.1\r\nHost: a.example.com\r\n\r\n";

/// Sends it with another request behind; it must be refused with one of those statuses, the
/// connection closed, and nothing come to the backend.
#[track_caller]
fn assert_refused(tidegate: &Tidegate, backend: &Backend, name: &str, request: &[u8], statuses: &[u16]) {
    let connections = backend.connections();
    let mut client = Client::connect(tidegate.http());
    client.send([request, NEXT.as_bytes()].concat());
    let answer = client.try_answer().unwrap_or_else(|error| panic!("{name}: {error}"));
    assert!(statuses.contains(&answer.status()), "{name}: {answer:?} is none of {statuses:?}");
    assert!(client.is_closed(), "{name}: the connection was kept");
    assert_eq!(backend.requests(), 0, "{name}: the backend saw {:?}", backend.seen());
    assert_eq!(backend.connections(), connections, "{name}: a connection was opened");
}

fn assert_all_refused(cases: &[(&str, &str, &[u16])]) {
    let backend = Backend::start("only");
    let tidegate = Tidegate::in_front_of(&backend);
    for (name, request, statuses) in cases {
        assert_refused(&tidegate, &backend, name, request.as_bytes(), statuses);
    }
}

#[test]
fn malformed_lengths() {
    assert_all_refused(&[
        ("negative", "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: -1\r\n\r\n", &[400]),
        ("signed", "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: +5\r\n\r\nhello", &[400]),
        ("hexadecimal", "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 0x5\r\n\r\nhello", &[400]),
        ("fraction", "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5.0\r\n\r\nhello", &[400]),
        ("empty", "POST / HTTP/1.1\r\nHost: a\r\nContent-Length:\r\n\r\n", &[400]),
        ("word", "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: five\r\n\r\nhello", &[400]),
        ("space inside", "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5 5\r\n\r\nhello", &[400]),
        ("list of equals", "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5, 5\r\n\r\nhello", &[400]),
        ("list", "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5, 6\r\n\r\nhello", &[400]),
        (
            "too large",
            "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 99999999999999999999\r\n\r\nhello",
            &[400],
        ),
        ("two", "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\nhello", &[400]),
        (
            "two, first 0",
            "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\ncontent-length: 5\r\n\r\nhello",
            &[400],
        ),
        ("space before the colon", "POST / HTTP/1.1\r\nHost: a\r\nContent-Length : 5\r\n\r\nhello", &[400]),
    ]);
}

/// RFC 9110 §8.6 leaves it to the recipient: refused, or one length.
#[test]
fn equal_lengths_are_one_or_none() {
    let backend = Backend::start("only");
    let tidegate = Tidegate::in_front_of(&backend);
    let answer = Client::connect(tidegate.http())
        .send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nContent-Length: 5\r\n\r\nhello")
        .answer();
    match answer.status() {
        200 => assert_eq!(
            (backend.last().header("content-length"), backend.last().body),
            (Some("5"), b"hello".to_vec())
        ),
        status => assert_eq!((status, backend.requests()), (400, 0)),
    }
    assert_eq!(
        String::from_utf8_lossy(&backend.raw().concat()).to_lowercase().matches("content-length").count(),
        backend.requests() as usize
    );
}

#[test]
fn malformed_transfer_codings() {
    const END: &str = "\r\n\r\n0\r\n\r\n";
    let request = |codings: &str| format!("POST / HTTP/1.1\r\nHost: a\r\n{codings}{END}");
    let codings = [
        "Transfer-Encoding: gzip, chunked",
        "Transfer-Encoding: gzip\r\nTransfer-Encoding: chunked",
        "Transfer-Encoding: chunked, gzip",
        "Transfer-Encoding: chunked, chunked",
        "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked",
        "Transfer-Encoding: chunked\r\nTransfer-Encoding: identity",
        "Transfer-Encoding: identity",
        "Transfer-Encoding: identity, chunked",
        "Transfer-Encoding: gzip",
        "Transfer-Encoding: xchunked",
        "Transfer-Encoding: chunkedx",
        "Transfer-Encoding: \"chunked\"",
        "Transfer-Encoding: chunked;q=1",
        "Transfer-Encoding: ,chunked",
        "Transfer-Encoding: chunked,",
        "Transfer-Encoding: \u{b}chunked",
        "Transfer-Encoding : chunked",
        "Transfer-Encoding:",
        "Transfer-Encoding: gzip\r\nContent-Length: 5",
        "X: y\r\n Transfer-Encoding: chunked",
        "Transfer-Encoding:\r\n chunked",
    ];
    let backend = Backend::start("only");
    let tidegate = Tidegate::in_front_of(&backend);
    for coding in codings {
        assert_refused(&tidegate, &backend, coding, request(coding).as_bytes(), &[400, 501]);
    }
}

#[test]
fn an_unknown_transfer_coding_is_named_as_such() {
    assert_all_refused(&[
        (
            "two codings",
            "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n",
            &[501],
        ),
        (
            "twice",
            "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
            &[501],
        ),
    ]);
}

#[test]
fn hosts() {
    assert_all_refused(&[
        ("none", "GET / HTTP/1.1\r\nX: y\r\n\r\n", &[400]),
        ("none of HTTP/1.0", "GET / HTTP/1.0\r\n\r\n", &[400]),
        ("two", "GET / HTTP/1.1\r\nHost: a.example.com\r\nHost: b.example.com\r\n\r\n", &[400]),
        ("two equals", "GET / HTTP/1.1\r\nHost: a.example.com\r\nhost: a.example.com\r\n\r\n", &[400]),
        ("empty", "GET / HTTP/1.1\r\nHost:\r\n\r\n", &[400]),
        ("list", "GET / HTTP/1.1\r\nHost: a.example.com, b.example.com\r\n\r\n", &[400]),
        ("space inside", "GET / HTTP/1.1\r\nHost: a.example.com b\r\n\r\n", &[400]),
        ("user", "GET / HTTP/1.1\r\nHost: user@a.example.com\r\n\r\n", &[400]),
        ("path", "GET / HTTP/1.1\r\nHost: a.example.com/x\r\n\r\n", &[400]),
        ("port too large", "GET / HTTP/1.1\r\nHost: a.example.com:99999\r\n\r\n", &[400]),
        ("port a word", "GET / HTTP/1.1\r\nHost: a.example.com:http\r\n\r\n", &[400]),
        ("two ports", "GET / HTTP/1.1\r\nHost: a.example.com:80:80\r\n\r\n", &[400]),
        ("open bracket", "GET / HTTP/1.1\r\nHost: [::1\r\n\r\n", &[400]),
        ("space before the colon", "GET / HTTP/1.1\r\nHost : a.example.com\r\n\r\n", &[400]),
        ("absolute form without Host", "GET http://a.example.com/ HTTP/1.1\r\nX: y\r\n\r\n", &[400]),
        (
            "absolute form with two Hosts",
            "GET http://a.example.com/ HTTP/1.1\r\nHost: a.example.com\r\nHost: b.example.com\r\n\r\n",
            &[400],
        ),
        (
            "user in the absolute form",
            "GET http://u@a.example.com/ HTTP/1.1\r\nHost: a.example.com\r\n\r\n",
            &[400],
        ),
        ("another scheme", "GET ftp://a.example.com/ HTTP/1.1\r\nHost: a.example.com\r\n\r\n", &[400]),
    ]);
}

#[test]
fn control_characters_in_the_head() {
    let backend = Backend::start("only");
    let tidegate = Tidegate::in_front_of(&backend);
    // A tab may stand in a value (RFC 9110 §5.5); CR and LF are below.
    for byte in (0..=31).chain([127]).filter(|byte| !matches!(byte, b'\t' | b'\n' | b'\r')) {
        let places: [(&str, [&[u8]; 2]); 4] = [
            ("method", [b"GE", b"T / HTTP/1.1\r\nHost: a\r\n\r\n"]),
            ("target", [b"GET /a", b"b HTTP/1.1\r\nHost: a\r\n\r\n"]),
            ("name", [b"GET / HTTP/1.1\r\nHost: a\r\nX-", b"Y: z\r\n\r\n"]),
            ("value", [b"GET / HTTP/1.1\r\nHost: a\r\nX: y", b"z\r\n\r\n"]),
        ];
        for (place, [before, after]) in places {
            let request = [before, &[byte], after].concat();
            assert_refused(&tidegate, &backend, &format!("{byte} in the {place}"), &request, &[400]);
        }
    }
}

#[test]
fn line_ends() {
    assert_all_refused(&[
        ("a bare CR in a value", "GET / HTTP/1.1\r\nHost: a\r\nX: y\rz\r\n\r\n", &[400]),
        ("a bare CR before a name", "GET / HTTP/1.1\r\nHost: a\r\n\rX: y\r\n\r\n", &[400]),
        ("a bare CR in the target", "GET /a\rb HTTP/1.1\r\nHost: a\r\n\r\n", &[400]),
        ("a folded line", "GET / HTTP/1.1\r\nHost: a\r\nX: y\r\n z\r\n\r\n", &[400]),
        ("a folded Host", "GET / HTTP/1.1\r\nHost:\r\n a\r\n\r\n", &[400]),
        ("a space before the first field", "GET / HTTP/1.1\r\n Host: a\r\n\r\n", &[400]),
        ("a line without a colon", "GET / HTTP/1.1\r\nHost: a\r\nnonsense\r\n\r\n", &[400]),
        ("no name", "GET / HTTP/1.1\r\nHost: a\r\n: y\r\n\r\n", &[400]),
        ("a NUL", "GET / HTTP/1.1\r\nHost: a\r\nX: \0\r\n\r\n", &[400]),
    ]);
}

/// RFC 9112 §2.2 lets a server take a bare LF for a line's end. If it does, the next reader must
/// get it with CRLF; a second reading is what must not be.
#[test]
fn a_bare_lf_is_refused_or_written_anew() {
    let backend = Backend::start("only");
    let tidegate = Tidegate::in_front_of(&backend);
    for request in [
        "GET / HTTP/1.1\nHost: a.example.com\n\n",
        "GET / HTTP/1.1\r\nHost: a.example.com\r\nX: y\nContent-Length: 5\r\n\r\nhello",
    ] {
        let before = backend.requests();
        let answer = Client::connect(tidegate.http()).send(request).answer();
        match answer.status() {
            400 => assert_eq!(backend.requests(), before),
            200 => {
                let raw = backend.raw().concat();
                let bare = raw
                    .iter()
                    .enumerate()
                    .any(|(at, byte)| *byte == b'\n' && (at == 0 || raw[at - 1] != b'\r'));
                assert!(!bare, "{:?}", String::from_utf8_lossy(&raw));
            }
            status => panic!("{status}"),
        }
    }
}

#[test]
fn request_lines() {
    assert_all_refused(&[
        ("no target", "GET HTTP/1.1\r\nHost: a\r\n\r\n", &[400]),
        ("two spaces", "GET  / HTTP/1.1\r\nHost: a\r\n\r\n", &[400]),
        ("space in the target", "GET /a b HTTP/1.1\r\nHost: a\r\n\r\n", &[400]),
        ("no version", "GET /\r\nHost: a\r\n\r\n", &[400]),
        ("version 1.2", "GET / HTTP/1.2\r\nHost: a\r\n\r\n", &[400, 505]),
        ("version 2.0", "GET / HTTP/2.0\r\nHost: a\r\n\r\n", &[400, 505]),
        ("version 0.9", "GET / HTTP/0.9\r\nHost: a\r\n\r\n", &[400, 505]),
        ("small letters", "GET / http/1.1\r\nHost: a\r\n\r\n", &[400]),
        ("no leading slash", "GET a HTTP/1.1\r\nHost: a\r\n\r\n", &[400]),
        ("asterisk for GET", "GET * HTTP/1.1\r\nHost: a\r\n\r\n", &[400]),
        ("separators in the method", "G@T / HTTP/1.1\r\nHost: a\r\n\r\n", &[400]),
        ("TLS on a plain port", "\u{16}\u{3}\u{1}\u{2}\0\r\n\r\n", &[400]),
    ]);
}

/// A fragment is no part of a target. It may be refused or dropped, but no backend gets to see it.
#[test]
fn a_fragment_stays_here() {
    let backend = Backend::start("only");
    let tidegate = Tidegate::in_front_of(&backend);
    let answer = Client::connect(tidegate.http()).send("GET /a#/../b HTTP/1.1\r\nHost: a\r\n\r\n").answer();
    match answer.status() {
        200 => assert_eq!(backend.last().target, "/a"),
        status => assert_eq!((status, backend.requests()), (400, 0)),
    }
}

#[test]
fn connect_is_not_served() {
    assert_all_refused(&[
        ("authority form", "CONNECT a.example.com:443 HTTP/1.1\r\nHost: a.example.com:443\r\n\r\n", &[405]),
        ("path", "CONNECT / HTTP/1.1\r\nHost: a.example.com\r\n\r\n", &[400, 405]),
        (
            "with a body",
            "CONNECT a.example.com:443 HTTP/1.1\r\nHost: a.example.com:443\r\nContent-Length: 5\r\n\r\nhello",
            &[405],
        ),
    ]);
}

#[test]
fn too_much_of_everything() {
    let backend = Backend::start("only");
    let tidegate = Tidegate::in_front_of(&backend);
    let long = "x".repeat(16 << 10);
    let target = format!("GET /{long} HTTP/1.1\r\nHost: a\r\n\r\n");
    assert_refused(&tidegate, &backend, "target", target.as_bytes(), &[414]);
    let query = format!("GET /?{long} HTTP/1.1\r\nHost: a\r\n\r\n");
    assert_refused(&tidegate, &backend, "query", query.as_bytes(), &[414]);
    let huge = format!("GET /{} HTTP/1.1\r\nHost: a\r\n\r\n", "x".repeat(60 << 10));
    assert_refused(&tidegate, &backend, "a target near the limit of the head", huge.as_bytes(), &[414]);
    let field = format!("GET / HTTP/1.1\r\nHost: a\r\nX: {}\r\n\r\n", "x".repeat(70 << 10));
    assert_refused(&tidegate, &backend, "one field", field.as_bytes(), &[431]);
    let fields = (0..1500).map(|number| format!("X-{number}: {}\r\n", "x".repeat(60))).collect::<String>();
    let fields = format!("GET / HTTP/1.1\r\nHost: a\r\n{fields}\r\n");
    assert_refused(&tidegate, &backend, "the head", fields.as_bytes(), &[431]);
    let fields = (0..100).map(|number| format!("X-{number}: y\r\n")).collect::<String>();
    let fields = format!("GET / HTTP/1.1\r\nHost: a\r\n{fields}\r\n");
    assert_refused(&tidegate, &backend, "101 fields", fields.as_bytes(), &[431]);
}

/// What is just within the limits goes through.
#[test]
fn as_much_as_is_allowed() {
    let backend = Backend::start("only");
    let tidegate = Tidegate::in_front_of(&backend);
    let long = "x".repeat((16 << 10) - 1);
    let answer =
        Client::connect(tidegate.http()).send(format!("GET /{long} HTTP/1.1\r\nHost: a\r\n\r\n")).answer();
    assert_eq!(answer.status(), 200);
    let fields = (0..99).map(|number| format!("X-{number}: y\r\n")).collect::<String>();
    let answer =
        Client::connect(tidegate.http()).send(format!("GET / HTTP/1.1\r\nHost: a\r\n{fields}\r\n")).answer();
    assert_eq!(answer.status(), 200);
    let large = "x".repeat(60 << 10);
    let answer = Client::connect(tidegate.http())
        .send(format!("GET / HTTP/1.1\r\nHost: a\r\nX: {large}\r\n\r\n"))
        .answer();
    assert_eq!(answer.status(), 200);
    assert_eq!(backend.last().header("x").map(str::len), Some(60 << 10));
}

/// RFC 9112 §6.3: chunked wins, the length is dropped, and the connection ends with the answer.
#[test]
fn of_two_lengths_chunked_wins() {
    let backend = Backend::start("only");
    let tidegate = Tidegate::in_front_of(&backend);
    for (number, request) in [
        "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n",
        "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: Chunked\r\nContent-Length: 99\r\n\r\n5\r\nhello\r\n0\r\n\r\n",
    ]
    .into_iter()
    .enumerate()
    {
        let mut client = Client::connect(tidegate.http());
        let answer = client.send([request, NEXT].concat()).answer();
        assert_eq!(answer.status(), 200);
        assert_eq!(answer.header("connection"), Some("close"));
        assert!(client.is_closed());
        assert_eq!(backend.requests(), number as u64 + 1, "{:?}", backend.seen());
        let seen = backend.last();
        assert_eq!((seen.target.as_str(), seen.body.as_slice()), ("/", b"hello".as_slice()));
        assert_eq!(seen.header("content-length"), None);
    }
}

#[test]
fn an_absolute_target_replaces_the_host() {
    let backend = Backend::start("only");
    let tidegate = Tidegate::in_front_of(&backend);
    let answer = Client::connect(tidegate.http())
        .send("GET http://b.example.com:8080/x?y HTTP/1.1\r\nHost: a.example.com\r\n\r\n")
        .answer();
    assert_eq!(answer.status(), 200);
    let seen = backend.last();
    assert_eq!(seen.header("host"), Some("b.example.com:8080"));
    assert_eq!(seen.header("x-forwarded-host"), Some("b.example.com:8080"));
    assert_eq!(seen.target, "/x?y");
}

/// A body that ends too soon or is framed wrongly must not look whole to the backend.
#[test]
fn broken_bodies_do_not_look_complete() {
    let backend = Backend::start("only");
    let tidegate = Tidegate::in_front_of(&backend);
    let cases = [
        ("a short body", "Content-Length: 10", "hello"),
        ("no last chunk", "Transfer-Encoding: chunked", "5\r\nhello\r\n"),
        ("a chunk size that is no number", "Transfer-Encoding: chunked", "5\r\nhello\r\nxyz\r\n"),
        ("a chunk that is too long", "Transfer-Encoding: chunked", "5\r\nhelloworld\r\n0\r\n\r\n"),
        ("a chunk size too large", "Transfer-Encoding: chunked", "FFFFFFFFFFFFFFFFF\r\nhello\r\n0\r\n\r\n"),
        ("a negative chunk size", "Transfer-Encoding: chunked", "-5\r\nhello\r\n0\r\n\r\n"),
        ("a chunk size with 0x", "Transfer-Encoding: chunked", "0x5\r\nhello\r\n0\r\n\r\n"),
        ("a bare LF behind a chunk size", "Transfer-Encoding: chunked", "5\nhello\r\n0\r\n\r\n"),
    ];
    for (name, length, body) in cases {
        let mut client = Client::connect(tidegate.http());
        client
            .send(format!("POST /{} HTTP/1.1\r\nHost: a\r\n{length}\r\n\r\n{body}", name.replace(' ', "-")));
        client.finish();
        match client.try_answer() {
            Ok(answer) => assert!(answer.status() >= 400, "{name}: {answer:?}"),
            Err(error) => assert!(error.kind() != std::io::ErrorKind::WouldBlock, "{name}: {error}"),
        }
        assert!(client.is_closed(), "{name}");
    }
    let complete: Vec<_> = backend.seen().into_iter().filter(|seen| seen.complete).collect();
    assert!(complete.is_empty(), "{complete:?}");
}

/// Two requests at once on one connection are two requests, answered in order.
#[test]
fn pipelined_requests_are_answered_in_order() {
    let backend = Backend::start("only");
    let tidegate = Tidegate::in_front_of(&backend);
    let mut client = Client::connect(tidegate.http());
    client.send(
        "POST /1 HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhello\
         POST /2 HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nfoo\r\n0\r\n\r\n\
         GET /3 HTTP/1.1\r\nHost: a\r\n\r\n",
    );
    let targets: Vec<_> = (0..3).map(|_| client.answer().json()["target"].clone()).collect();
    assert_eq!(targets, ["/1", "/2", "/3"]);
    let bodies: Vec<_> = backend.seen().into_iter().map(|seen| seen.body).collect();
    assert_eq!(bodies, [b"hello".to_vec(), b"foo".to_vec(), Vec::new()]);
}

/// Chunk extensions are the sender's own affair: they are not forwarded.
#[test]
fn chunk_extensions_are_dropped() {
    let backend = Backend::start("only");
    let tidegate = Tidegate::in_front_of(&backend);
    let answer = Client::connect(tidegate.http())
        .send(
            "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n5;a=\"b\"\r\nhello\r\n0\r\n\r\n",
        )
        .answer();
    match answer.status() {
        200 => assert_eq!(backend.last().body, b"hello"),
        status => assert_eq!((status, backend.seen().iter().any(|seen| seen.complete)), (400, false)),
    }
    assert!(!String::from_utf8_lossy(&backend.raw().concat()).contains("a=\"b\""));
}

/// The client is there, and must be told: it is not gone.
#[test]
fn malformed_chunks_are_refused() {
    let backend = Backend::start("only");
    let tidegate = Tidegate::in_front_of(&backend);
    for chunks in
        ["zz\r\nabc\r\n0\r\n\r\n", "fffffffffffffffff\r\nabc", "3\r\nabcd\r\n0\r\n\r\n", "-1\r\n\r\n"]
    {
        let mut client = Client::connect(tidegate.http());
        client.send(format!("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n{chunks}"));
        assert_eq!(client.answer().status(), 400, "{chunks:?}");
        assert!(client.is_closed(), "{chunks:?}");
        assert!(!backend.seen().iter().any(|seen| seen.complete), "{chunks:?}");
    }
}

/// Some backends merge trailers into the head.
#[test]
fn trailers_say_nothing_of_the_request() {
    let backend = Backend::start("only");
    let tidegate = Tidegate::in_front_of(&backend);
    let answer = Client::connect(tidegate.http())
        .send(
            "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\
             X-Sum: 17\r\nHost: b\r\nContent-Length: 5\r\nX-Forwarded-For: 192.0.2.1\r\n\r\n",
        )
        .answer();
    assert_eq!(answer.status(), 200);
    let trailers = backend.last().trailers.unwrap();
    assert_eq!((trailers.len(), &trailers["x-sum"]), (1, &http::HeaderValue::from_static("17")));
}
