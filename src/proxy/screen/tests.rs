use super::*;
use http::Request;

fn judge(request: http::request::Builder) -> Result<Screened, Reason> {
    let (mut head, ()) = request.body(()).unwrap().into_parts();
    screen(&mut head, &Limits::default())
}

fn get(path: &str) -> http::request::Builder {
    Request::get(path).header(HOST, "a.example")
}

#[test]
fn hosts() {
    for (host, name) in [
        ("a.example", "a.example"),
        ("A.Example:8080", "a.example"),
        ("a.example.", "a.example"),
        ("127.0.0.1:80", "127.0.0.1"),
        ("[::1]:80", "[::1]"),
        ("[2001:DB8::1]", "[2001:db8::1]"),
        ("under_score:", "under_score"),
    ] {
        let screened = judge(Request::get("/").header(HOST, host)).unwrap();
        assert_eq!((&*screened.host, screened.authority.to_str().unwrap()), (name, host));
    }
    for bad in [
        "", ".", ":80", "a:b", "a:80:80", "a:99999", "u@a", "a b", "a/b", "[::1", "[x]", "[::1]x", "a,b", "ä",
    ] {
        let request = Request::get("/").header(HOST, HeaderValue::from_bytes(bad.as_bytes()).unwrap());
        assert_eq!(judge(request), Err(Reason::BadRequest), "host {bad:?}");
    }
}

#[test]
fn exactly_one_host() {
    assert_eq!(judge(Request::get("/")), Err(Reason::BadRequest));
    assert_eq!(judge(get("/").header(HOST, "a.example")), Err(Reason::BadRequest));
}

#[test]
fn absolute_form_replaces_host() {
    let screened = judge(Request::get("http://b.example:81/x").header(HOST, "a.example")).unwrap();
    assert_eq!((&*screened.host, screened.authority.to_str().unwrap()), ("b.example", "b.example:81"));
    assert_eq!(judge(Request::get("http://b.example/")), Err(Reason::BadRequest));
    assert_eq!(
        judge(Request::get("http://u:p@b.example/").header(HOST, "b.example")),
        Err(Reason::BadRequest)
    );
}

#[test]
fn only_http_and_https_are_asked_for() {
    let judged =
        |scheme: &str| judge(Request::get(format!("{scheme}://a.example/")).header(HOST, "a.example"));
    assert!(judged("http").is_ok());
    assert!(judged("HTTPS").is_ok());
    assert_eq!(judged("ftp"), Err(Reason::BadRequest));
}

#[test]
fn http2_authority_and_host_agree() {
    let h2 = |host: Option<&str>| {
        let request = Request::get("http://a.example/").version(Version::HTTP_2);
        judge(match host {
            Some(host) => request.header(HOST, host),
            None => request,
        })
        .map(|screened| screened.host)
    };
    assert_eq!(h2(None).as_deref(), Ok("a.example"));
    assert_eq!(h2(Some("A.example")).as_deref(), Ok("a.example"));
    assert_eq!(h2(Some("b.example")), Err(Reason::BadRequest));
}

#[test]
fn lengths() {
    let te =
        |value: &str| judge(get("/").header(TRANSFER_ENCODING, value)).map(|screened| screened.two_lengths);
    assert_eq!(te("chunked"), Ok(false));
    assert_eq!(te("Chunked"), Ok(false));
    for bad in ["gzip, chunked", "identity", "chunked, chunked", "", "chunked;x=1", " chunked\u{b}"] {
        let value = HeaderValue::from_bytes(bad.as_bytes());
        let Ok(value) = value else { continue };
        let request = get("/").header(TRANSFER_ENCODING, value);
        assert_eq!(judge(request), Err(Reason::UnknownTransferCoding), "{bad:?}");
    }
    let twice = get("/").header(TRANSFER_ENCODING, "chunked").header(TRANSFER_ENCODING, "chunked");
    assert_eq!(judge(twice), Err(Reason::UnknownTransferCoding));
    for bad in ["+1", "-1", "1,1", "0x1", "1 "] {
        assert_eq!(judge(get("/").header(CONTENT_LENGTH, bad)), Err(Reason::BadRequest), "{bad:?}");
    }
    let twice = get("/").header(CONTENT_LENGTH, "1").header(CONTENT_LENGTH, "1");
    assert_eq!(judge(twice), Err(Reason::BadRequest));
}

#[test]
fn chunked_wins_over_a_length() {
    let (mut head, ()) = get("/")
        .header(CONTENT_LENGTH, "5")
        .header(TRANSFER_ENCODING, "chunked")
        .body(())
        .unwrap()
        .into_parts();
    assert!(screen(&mut head, &Limits::default()).unwrap().two_lengths);
    assert!(!head.headers.contains_key(CONTENT_LENGTH));
}

#[test]
fn paths_methods_and_limits() {
    assert_eq!(judge(get("/a/%2e%2e/b?x=%2e")).unwrap().path.as_deref(), Some("/b"));
    assert_eq!(judge(get("/a")).unwrap().path, None);
    assert_eq!(judge(get("/../a")), Err(Reason::BadRequest));
    assert_eq!(judge(Request::options("*").header(HOST, "a")), Err(Reason::BadRequest));
    assert_eq!(
        judge(Request::connect("a.example:80").header(HOST, "a.example")),
        Err(Reason::MethodNotAllowed)
    );
    assert!(judge(get(&format!("/{}", "a".repeat(16 * 1024 - 1)))).is_ok());
    assert_eq!(judge(get(&format!("/{}", "a".repeat(16 * 1024)))), Err(Reason::UriTooLong));
    let fields = |count: usize| (1..count).fold(get("/"), |request, i| request.header(format!("x-{i}"), "y"));
    assert!(judge(fields(100)).is_ok());
    assert_eq!(judge(fields(101)), Err(Reason::HeadTooLarge));
}

#[test]
fn the_cookies_of_http2_are_one_field() {
    let cookies = |version| {
        let mut request = get("/").version(version);
        for number in 0..100 {
            request = request.header(COOKIE, format!("c{number}=1"));
        }
        let (mut head, ()) = request.body(()).unwrap().into_parts();
        let screened = screen(&mut head, &Limits::default()).map(|_| ());
        (screened, head.headers.get_all(COOKIE).iter().count(), head.headers[COOKIE].len())
    };
    assert_eq!(cookies(Version::HTTP_2), (Ok(()), 1, 10 * 4 + 90 * 5 + 99 * 2));
    assert_eq!(cookies(Version::HTTP_11), (Err(Reason::HeadTooLarge), 100, 4));
}
