use super::*;
use http::Method;

fn rewrite(new: PathRewrite, matched: PathMatch, path: &str) -> String {
    rewritten(&new, &matched, path)
}

#[test]
fn prefixes_are_replaced_by_whole_elements() {
    let prefix = |p: &str| PathMatch::Prefix(p.into());
    let with = |p: &str| PathRewrite::Prefix(p.into());
    for (matched, new, path, result) in [
        ("/foo", "/xyz", "/foo/bar", "/xyz/bar"),
        ("/foo", "/xyz", "/foo", "/xyz"),
        ("/foo", "/xyz", "/foo/", "/xyz/"),
        ("/foo", "", "/foo/bar", "/bar"),
        ("/foo", "", "/foo", "/"),
        ("/foo", "", "/foo/", "/"),
        ("", "/xyz", "/bar", "/xyz/bar"),
        ("", "/xyz", "/", "/xyz/"),
        ("", "", "/", "/"),
    ] {
        assert_eq!(rewrite(with(new), prefix(matched), path), result, "{matched} to {new} in {path}");
    }
    assert_eq!(rewrite(PathRewrite::Full("/all".into()), prefix("/foo"), "/foo/bar"), "/all");
    assert_eq!(rewrite(with("/x"), PathMatch::Exact("/foo".into()), "/foo"), "/foo");
}

struct Case {
    scheme: Option<&'static str>,
    host: Option<&'static str>,
    port: Option<u16>,
}

fn located(case: &Case, request_scheme: &str, listener_port: u16) -> String {
    let redirect = Redirect {
        scheme: case.scheme.map(Into::into),
        hostname: case.host.map(Into::into),
        port: case.port,
        path: None,
        status: http::StatusCode::FOUND,
    };
    let headers = HeaderMap::new();
    let request = Request {
        host: "a.example",
        path: "/p",
        query: Some("q=%20"),
        method: &Method::GET,
        headers: &headers,
    };
    location(&redirect, &PathMatch::Prefix("".into()), &request, request_scheme, listener_port)
}

#[test]
fn a_location_takes_what_is_not_said_from_listener_and_request() {
    for (scheme, host, port, request_scheme, listener_port, expected) in [
        (None, None, None, "http", 80, "http://a.example/p?q=%20"),
        (None, None, None, "http", 8080, "http://a.example:8080/p?q=%20"),
        (None, Some("b.example"), None, "https", 443, "https://b.example/p?q=%20"),
        (Some("https"), None, None, "http", 8080, "https://a.example/p?q=%20"),
        (Some("http"), None, None, "https", 8443, "http://a.example/p?q=%20"),
        (None, None, Some(8083), "http", 80, "http://a.example:8083/p?q=%20"),
        (None, None, Some(80), "http", 8080, "http://a.example/p?q=%20"),
        (Some("https"), None, Some(443), "http", 80, "https://a.example/p?q=%20"),
        (Some("https"), None, Some(80), "http", 80, "https://a.example:80/p?q=%20"),
        (None, None, Some(443), "https", 8443, "https://a.example/p?q=%20"),
    ] {
        assert_eq!(located(&Case { scheme, host, port }, request_scheme, listener_port), expected);
    }
}

#[test]
fn edits_remove_then_set_then_add() {
    let edit = HeaderEdit {
        remove: [http::HeaderName::from_static("gone"), http::HeaderName::from_static("both")].into(),
        set: [(http::HeaderName::from_static("set"), HeaderValue::from_static("new"))].into(),
        add: [
            (http::HeaderName::from_static("both"), HeaderValue::from_static("2")),
            (http::HeaderName::from_static("kept"), HeaderValue::from_static("2")),
        ]
        .into(),
    };
    let mut headers = HeaderMap::new();
    for (name, value) in [("gone", "1"), ("both", "1"), ("set", "1"), ("set", "2"), ("kept", "1")] {
        headers.append(name, HeaderValue::from_static(value));
    }
    apply(&edit, &mut headers);
    let mut lines: Vec<_> = headers.iter().map(|(n, v)| format!("{n}: {}", v.to_str().unwrap())).collect();
    lines.sort();
    assert_eq!(lines, ["both: 2", "kept: 1", "kept: 2", "set: new"]);
}
