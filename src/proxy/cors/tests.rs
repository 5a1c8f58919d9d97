use super::*;
use crate::model::OriginMatch;
use http::Request;

fn names(text: &'static str) -> Allowed {
    Allowed::Names(HeaderValue::from_static(text))
}

/// One that allows one origin, and nothing else.
fn filter(origin: &str) -> Cors {
    Cors {
        origins: [OriginMatch::parse(origin).unwrap()].into(),
        credentials: false,
        methods: Allowed::Nothing,
        headers: Allowed::Nothing,
        expose: Allowed::Nothing,
        max_age: HeaderValue::from_static("5"),
        names_authorization: false,
    }
}

/// One that allows everything.
fn wildcards(credentials: bool) -> Cors {
    let (methods, headers, expose) = (Allowed::Any, Allowed::Any, Allowed::Any);
    Cors { credentials, methods, headers, expose, ..filter("*") }
}

fn head(method: Method, fields: &[(&str, &str)]) -> Parts {
    let mut request = Request::builder().method(method);
    for (name, value) in fields {
        request = request.header(*name, *value);
    }
    request.body(()).unwrap().into_parts().0
}

/// What stands on an answer that has those fields already, sorted.
fn marked(cors: &Cors, head: &Parts, answer: &[(&str, &str)]) -> Vec<String> {
    let mut headers = HeaderMap::new();
    for (name, value) in answer {
        headers
            .append(HeaderName::from_bytes(name.as_bytes()).unwrap(), HeaderValue::from_str(value).unwrap());
    }
    Sharing::new(&Arc::new(cors.clone()), head).mark(&mut headers);
    let mut lines: Vec<_> =
        headers.iter().map(|(name, value)| format!("{name}: {}", value.to_str().unwrap())).collect();
    lines.sort();
    lines
}

const FOO: (&str, &str) = ("origin", "https://foo.example");
const PUT: (&str, &str) = ("access-control-request-method", "PUT");

#[test]
fn a_preflight_is_told_all_that_is_allowed() {
    let cors = Cors {
        credentials: true,
        methods: names("GET, OPTIONS"),
        headers: names("x-header-1, x-header-2"),
        expose: names("x-header-3"),
        max_age: HeaderValue::from_static("3600"),
        ..filter("https://foo.example")
    };
    assert_eq!(
        marked(&cors, &head(Method::OPTIONS, &[FOO, PUT]), &[]),
        [
            "access-control-allow-credentials: true",
            "access-control-allow-headers: x-header-1, x-header-2",
            "access-control-allow-methods: GET, OPTIONS",
            "access-control-allow-origin: https://foo.example",
            "access-control-expose-headers: x-header-3",
            "access-control-max-age: 3600",
            "vary: Origin",
        ]
    );
}

#[test]
fn what_is_not_configured_is_not_said() {
    let preflight = head(Method::OPTIONS, &[FOO, PUT, ("access-control-request-headers", "x-a")]);
    assert_eq!(
        marked(&filter("https://*.example"), &preflight, &[]),
        ["access-control-allow-origin: https://foo.example", "access-control-max-age: 5", "vary: Origin"]
    );
}

#[test]
fn only_a_preflight_is_told_how_long_it_holds() {
    let get = head(Method::GET, &[FOO, PUT]);
    assert_eq!(
        marked(&filter("https://foo.example"), &get, &[("content-type", "text/plain")]),
        ["access-control-allow-origin: https://foo.example", "content-type: text/plain", "vary: Origin"]
    );
    // OPTIONS asks for something else without the method, and without an origin it is not asked across.
    for fields in [&[FOO][..], &[PUT]] {
        let sharing = Sharing::new(&Arc::new(filter("*")), &head(Method::OPTIONS, fields));
        assert!(!sharing.preflight);
    }
}

#[test]
fn wildcards_stay_without_credentials() {
    let preflight = head(Method::OPTIONS, &[FOO, PUT, ("access-control-request-headers", "x-a")]);
    assert_eq!(
        marked(&wildcards(false), &preflight, &[]),
        [
            "access-control-allow-headers: *",
            "access-control-allow-methods: *",
            "access-control-allow-origin: *",
            "access-control-expose-headers: *",
            "access-control-max-age: 5",
            "vary: Origin",
        ]
    );
}

#[test]
fn wildcards_are_spelt_out_with_credentials() {
    let asked = [("access-control-request-headers", "x-a, x-b"), ("access-control-request-headers", "x-c")];
    let preflight = head(Method::OPTIONS, &[FOO, PUT, asked[0], asked[1]]);
    assert_eq!(
        marked(&wildcards(true), &preflight, &[]),
        [
            "access-control-allow-credentials: true",
            "access-control-allow-headers: x-a, x-b, x-c",
            "access-control-allow-methods: PUT",
            "access-control-allow-origin: https://foo.example",
            "access-control-max-age: 5",
            "vary: Origin",
        ]
    );
    // What is not asked for is left out, and every field of the answer that needs it is exposed.
    let get = head(Method::GET, &[FOO, ("cookie", "foo=bar")]);
    let answer = [("content-encoding", "gzip"), ("content-type", "a/b"), ("set-cookie", "a=b"), ("x-a", "1")];
    assert_eq!(
        marked(&wildcards(true), &get, &answer),
        [
            "access-control-allow-credentials: true",
            "access-control-allow-origin: https://foo.example",
            "access-control-expose-headers: content-encoding, x-a, vary",
            "content-encoding: gzip",
            "content-type: a/b",
            "set-cookie: a=b",
            "vary: Origin",
            "x-a: 1",
        ]
    );
}

#[test]
fn who_is_not_allowed_is_told_nothing() {
    let says_nothing = |cors: &Cors, head: &Parts| assert_eq!(marked(cors, head, &[]), ["vary: Origin"]);
    let foo = filter("https://foo.example");
    for origin in ["https://foobar.com", "http://foo.example", "null", ""] {
        says_nothing(&foo, &head(Method::GET, &[("origin", origin)]));
        says_nothing(&foo, &head(Method::OPTIONS, &[("origin", origin), PUT]));
    }
    says_nothing(&foo, &head(Method::GET, &[]));
    says_nothing(&foo, &head(Method::GET, &[FOO, ("origin", "https://bar.example")]));
    says_nothing(&Cors { origins: Box::default(), ..filter("*") }, &head(Method::GET, &[FOO]));
}

/// GEP-1767: "MUST NOT set any CORS headers in the response to a credentialed request".
#[test]
fn credentials_that_are_not_allowed_are_told_nothing() {
    let said = |cors: &Cors, fields: &[(&str, &str)]| marked(cors, &head(Method::GET, fields), &[]).len() > 1;
    let (cookie, password) = (("cookie", "a=b"), ("authorization", "Basic eA=="));
    for cors in [wildcards(false), filter("https://foo.example")] {
        assert!(said(&cors, &[FOO]) && !said(&cors, &[FOO, cookie]) && !said(&cors, &[FOO, password]));
    }
    assert!(said(&wildcards(true), &[FOO, cookie]) && said(&wildcards(true), &[FOO, password]));
    // Scripts set this one themselves.
    let named = Cors { headers: names("authorization"), names_authorization: true, ..filter("*") };
    assert!(said(&named, &[FOO, password]) && !said(&named, &[FOO, password, cookie]));
}

#[test]
fn a_backend_has_no_word_in_it() {
    let answer = [
        ("access-control-allow-origin", "*"),
        ("access-control-allow-origin", "https://bar.example"),
        ("access-control-allow-credentials", "true"),
        ("access-control-expose-headers", "x-a"),
        ("access-control-max-age", "1"),
    ];
    let cors = filter("https://foo.example");
    assert_eq!(
        marked(&cors, &head(Method::GET, &[FOO]), &answer),
        ["access-control-allow-origin: https://foo.example", "vary: Origin"]
    );
    assert_eq!(marked(&cors, &head(Method::GET, &[]), &answer), ["vary: Origin"]);
}

#[test]
fn vary_names_the_origin_once() {
    let vary = |before: &[(&str, &str)]| marked(&filter("*"), &head(Method::GET, &[]), before);
    assert_eq!(vary(&[("vary", "accept, ORIGIN")]), ["vary: accept, ORIGIN"]);
    assert_eq!(vary(&[("vary", "*")]), ["vary: *"]);
    assert_eq!(vary(&[("vary", "accept")]), ["vary: Origin", "vary: accept"]);
}

#[test]
fn the_first_filter_has_the_say() {
    let filters = |origin: &str| Filters { cors: Some(Arc::new(filter(origin))), ..Filters::default() };
    let preflight = head(Method::OPTIONS, &[FOO, PUT]);
    let mut sharing = None;
    assert_eq!(is_preflight(&Filters::default(), &preflight, &mut sharing), Ok(false));
    assert!(sharing.is_none());
    assert_eq!(is_preflight(&filters("*"), &preflight, &mut sharing), Ok(true));
    assert_eq!(is_preflight(&filters("https://bar.example"), &preflight, &mut sharing), Ok(false));
    let refused = is_preflight(&filters("https://bar.example"), &preflight, &mut None);
    assert_eq!(refused, Err(Reason::CorsPreflightRefused));
    assert_eq!(is_preflight(&filters("*"), &head(Method::GET, &[FOO]), &mut None), Ok(false));
}
