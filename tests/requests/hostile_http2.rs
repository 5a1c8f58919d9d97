//! No request reaches a backend in a second reading, in HTTP/2.

use crate::common::backend::Backend;
use crate::common::raw_http2::{Http2Client, Outcome};
use crate::common::tidegate::Tidegate;

const GET: [(&str, &str); 4] =
    [(":method", "GET"), (":scheme", "http"), (":path", "/"), (":authority", "a.example.com")];

fn with<'a>(fields: &[(&'a str, &'a str)], more: &[(&'a str, &'a str)]) -> Vec<(&'a str, &'a str)> {
    [fields, more].concat()
}

fn changed<'a>(name: &str, value: &'a str) -> Vec<(&'a str, &'a str)> {
    GET.map(|field| if field.0 == name { (field.0, value) } else { field }).to_vec()
}

fn lacking(name: &str) -> Vec<(&'static str, &'static str)> {
    GET.into_iter().filter(|field| field.0 != name).collect()
}

/// A malformed request gets an answer of the 400s, or its stream or connection is ended.
#[track_caller]
fn assert_refused(
    tidegate: &Tidegate,
    backend: &Backend,
    name: &str,
    fields: &[(&str, &str)],
    body: Option<&[u8]>,
) -> Outcome {
    let mut client = Http2Client::connect(tidegate.http());
    let stream = client.request(fields, body);
    let outcome = client.outcome(stream);
    let refused = match outcome {
        Outcome::Status(status) => matches!(status, 400 | 405 | 414 | 431 | 501),
        Outcome::Reset(_) | Outcome::GoAway(_) | Outcome::Closed => true,
    };
    assert!(refused, "{name}: {outcome:?}");
    assert!(!backend.seen().iter().any(|seen| seen.complete), "{name}: the backend saw {:?}", backend.seen());
    outcome
}

#[test]
fn a_whole_request_goes_through() {
    let backend = Backend::start("only");
    let tidegate = Tidegate::in_front_of(&backend);
    let mut client = Http2Client::connect(tidegate.http());
    for fields in [
        GET.to_vec(),
        with(&GET, &[("host", "A.example.com")]),
        with(&lacking(":authority"), &[("host", "a")]),
    ] {
        let stream = client.request(&fields, None);
        assert_eq!(client.outcome(stream), Outcome::Status(200), "{fields:?}");
    }
    assert_eq!(backend.seen()[0].header("host"), Some("a.example.com"));
    assert_eq!(backend.requests(), 3);
}

#[test]
fn authorities() {
    let backend = Backend::start("only");
    let tidegate = Tidegate::in_front_of(&backend);
    let cases = [
        ("another Host", with(&GET, &[("host", "b.example.com")])),
        ("two Hosts", with(&GET, &[("host", "a.example.com"), ("host", "a.example.com")])),
        ("neither", lacking(":authority")),
        ("empty", changed(":authority", "")),
        ("two", with(&GET, &[(":authority", "a.example.com")])),
        ("user", changed(":authority", "u@a.example.com")),
        ("list", changed(":authority", "a.example.com,b.example.com")),
        ("path", changed(":authority", "a.example.com/x")),
        ("control character", changed(":authority", "a.example.com\r\nx: y")),
    ];
    for (name, fields) in cases {
        assert_refused(&tidegate, &backend, name, &fields, None);
    }
    assert_eq!(backend.requests(), 0);
}

#[test]
fn an_authority_against_the_host_gets_400() {
    let backend = Backend::start("only");
    let tidegate = Tidegate::in_front_of(&backend);
    let outcome =
        assert_refused(&tidegate, &backend, "another Host", &with(&GET, &[("host", "b.example.com")]), None);
    assert_eq!(outcome, Outcome::Status(400));
}

#[test]
fn pseudo_fields() {
    let backend = Backend::start("only");
    let tidegate = Tidegate::in_front_of(&backend);
    let cases = [
        ("no method", lacking(":method")),
        ("no path", lacking(":path")),
        ("no scheme", lacking(":scheme")),
        ("empty path", changed(":path", "")),
        ("relative path", changed(":path", "a")),
        ("absolute path", changed(":path", "http://b.example.com/")),
        ("space in the path", changed(":path", "/a b")),
        ("line end in the path", changed(":path", "/ HTTP/1.1\r\nhost: b\r\n\r\nGET /x")),
        ("above the root", changed(":path", "/../a")),
        ("NUL in the path", changed(":path", "/a%00")),
        ("asterisk for GET", changed(":path", "*")),
        ("method of two words", changed(":method", "GET / HTTP/1.1\r\n\r\nGET")),
        ("unknown", with(&GET, &[(":unknown", "x")])),
        ("behind a field", with(&[("x", "y")], &GET)),
        ("of an answer", with(&GET, &[(":status", "200")])),
        ("another scheme", changed(":scheme", "ftp")),
    ];
    for (name, fields) in cases {
        assert_refused(&tidegate, &backend, name, &fields, None);
    }
    assert_eq!(backend.requests(), 0);
}

#[test]
fn fields() {
    let backend = Backend::start("only");
    let tidegate = Tidegate::in_front_of(&backend);
    let cases = [
        ("connection", ("connection", "close")),
        ("transfer-encoding", ("transfer-encoding", "chunked")),
        ("upgrade", ("upgrade", "websocket")),
        ("keep-alive", ("keep-alive", "timeout=5")),
        ("proxy-connection", ("proxy-connection", "keep-alive")),
        ("te", ("te", "gzip")),
        ("upper case", ("X-Upper", "y")),
        ("space in a name", ("x y", "z")),
        ("line end in a name", ("x\r\ny", "z")),
        ("line end in a value", ("x", "y\r\nhost: b")),
        ("bare LF in a value", ("x", "y\nz")),
        ("NUL in a value", ("x", "y\0z")),
        ("length that is no number", ("content-length", "x")),
        ("negative length", ("content-length", "-1")),
        ("length of no body", ("content-length", "5")),
    ];
    for (name, field) in cases {
        assert_refused(&tidegate, &backend, name, &with(&GET, &[field]), None);
    }
    let raw = String::from_utf8_lossy(&backend.raw().concat()).into_owned();
    assert!(!raw.contains("host: b"), "{raw}");
}

#[test]
fn lengths_against_the_body() {
    let backend = Backend::start("only");
    let tidegate = Tidegate::in_front_of(&backend);
    let post = changed(":method", "POST");
    let cases: [(&str, &[(&str, &str)]); 4] = [
        ("too short", &[("content-length", "10")]),
        ("too long", &[("content-length", "2")]),
        ("two", &[("content-length", "5"), ("content-length", "6")]),
        ("list", &[("content-length", "5, 5")]),
    ];
    for (name, fields) in cases {
        assert_refused(&tidegate, &backend, name, &with(&post, fields), Some(b"hello"));
    }
    // Bytes beyond a length would be the next request to a backend that reads HTTP/1.
    assert!(backend.seen().iter().all(|seen| seen.target == "/"), "{:?}", backend.seen());
}

#[test]
fn connect_is_not_served() {
    let backend = Backend::start("only");
    let tidegate = Tidegate::in_front_of(&backend);
    let plain = [(":method", "CONNECT"), (":authority", "a.example.com:443")];
    let extended = with(&changed(":method", "CONNECT"), &[(":protocol", "websocket")]);
    for fields in [plain.to_vec(), extended, changed(":method", "CONNECT")] {
        assert_refused(&tidegate, &backend, "CONNECT", &fields, None);
    }
    assert_eq!(backend.requests(), 0);
}

#[test]
fn too_much_of_everything() {
    let backend = Backend::start("only");
    let tidegate = Tidegate::in_front_of(&backend);
    let long = format!("/{}", "x".repeat(16 << 10));
    let names: Vec<String> = (0..101).map(|number| format!("x-{number}")).collect();
    let fields: Vec<(&str, &str)> = names.iter().map(|name| (name.as_str(), "y")).collect();
    let target = assert_refused(&tidegate, &backend, "target", &changed(":path", &long), None);
    assert_eq!(target, Outcome::Status(414));
    let many = assert_refused(&tidegate, &backend, "fields", &with(&GET, &fields), None);
    assert_eq!(many, Outcome::Status(431));
    assert_eq!(backend.requests(), 0);
}
