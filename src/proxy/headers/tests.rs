use super::*;

fn map(lines: &[(&'static str, &'static str)]) -> HeaderMap {
    lines.iter().map(|(n, v)| (HeaderName::from_static(n), HeaderValue::from_static(v))).collect()
}

fn lines(headers: &HeaderMap) -> Vec<String> {
    let mut lines: Vec<_> = headers.iter().map(|(n, v)| format!("{n}: {}", v.to_str().unwrap())).collect();
    lines.sort();
    lines
}

fn prepared(request: &[(&'static str, &'static str)], trusted: bool) -> Vec<String> {
    let mut headers = map(request);
    let address = HeaderValue::from_static("192.0.2.7");
    let authority = HeaderValue::from_static("a.example:81");
    prepare_request(&mut headers, &authority, &Sender { address: &address, trusted, scheme: "https" });
    if headers.get(X_REQUEST_ID).is_some_and(|id| id.len() == 32) {
        headers.insert(X_REQUEST_ID, HeaderValue::from_static("made"));
    }
    lines(&headers)
}

#[test]
fn connection_specific_fields_stay_behind() {
    let mut headers = map(&[
        ("connection", "close, X-Hop ,upgrade"),
        ("connection", "drop-me"),
        ("drop-me", "1"),
        ("x-hop", "1"),
        ("keep-alive", "timeout=5"),
        ("proxy-connection", "keep-alive"),
        ("transfer-encoding", "chunked"),
        ("upgrade", "h2c"),
        ("http2-settings", "x"),
        ("trailer", "x-sum"),
        ("accept", "*/*"),
    ]);
    strip_hop_by_hop(&mut headers);
    assert_eq!(lines(&headers), ["accept: */*", "trailer: x-sum"]);
}

#[test]
fn a_client_cannot_have_others_fields_removed() {
    let mut headers =
        map(&[("connection", "host, x-forwarded-for, cookie"), ("cookie", "a=1"), ("x-forwarded-for", "b")]);
    strip_hop_by_hop(&mut headers);
    assert_eq!(lines(&headers), ["cookie: a=1", "x-forwarded-for: b"]);
}

#[test]
fn a_stranger_is_not_believed() {
    let got = prepared(
        &[
            ("host", "evil"),
            ("forwarded", "for=1.1.1.1"),
            ("x-forwarded-for", "1.1.1.1"),
            ("x-forwarded-proto", "http"),
            ("x-forwarded-host", "evil"),
            ("x-request-id", "mine"),
            ("expect", "100-continue"),
            ("te", "gzip, Trailers"),
        ],
        false,
    );
    assert_eq!(
        got,
        [
            "host: a.example:81",
            "te: trailers",
            "x-forwarded-for: 192.0.2.7",
            "x-forwarded-host: a.example:81",
            "x-forwarded-proto: https",
            "x-request-id: made"
        ]
    );
}

#[test]
fn a_trusted_proxy_is_believed() {
    let got = prepared(
        &[
            ("x-forwarded-for", "1.1.1.1"),
            ("x-forwarded-for", "2.2.2.2, 3.3.3.3"),
            ("x-forwarded-proto", "http"),
            ("x-request-id", "theirs"),
            ("te", "gzip"),
        ],
        true,
    );
    assert_eq!(
        got,
        [
            "host: a.example:81",
            "x-forwarded-for: 1.1.1.1, 2.2.2.2, 3.3.3.3, 192.0.2.7",
            "x-forwarded-host: a.example:81",
            "x-forwarded-proto: http",
            "x-request-id: theirs"
        ]
    );
}

#[test]
fn upgrades_are_a_pair() {
    assert_eq!(
        upgrade(&map(&[("connection", "keep-alive, Upgrade"), ("upgrade", "websocket")])).unwrap(),
        "websocket"
    );
    assert_eq!(upgrade(&map(&[("upgrade", "websocket")])), None);
    assert_eq!(upgrade(&map(&[("connection", "upgrade")])), None);
}

/// The tunnel would carry requests past the rules.
#[test]
fn an_upgrade_to_http_is_no_upgrade() {
    for protocol in ["h2c", "H2C", "websocket, h2c", "HTTP/2.0", "TLS/1.0"] {
        let headers = map(&[("connection", "upgrade"), ("upgrade", protocol)]);
        assert_eq!(upgrade(&headers), None, "{protocol}");
    }
}

#[test]
fn trailers_cannot_say_what_belongs_to_the_head() {
    let trailers = map(&[
        ("grpc-status", "0"),
        ("x-sum", "17"),
        ("content-length", "5"),
        ("transfer-encoding", "chunked"),
        ("host", "evil"),
        ("authorization", "x"),
        ("cookie", "a=1"),
        ("set-cookie", "a=1"),
        ("x-forwarded-for", "1.1.1.1"),
        ("te", "trailers"),
        ("connection", "close"),
    ]);
    let frame = prepare_trailers(Frame::<bytes::Bytes>::trailers(trailers));
    assert_eq!(lines(frame.trailers_ref().unwrap()), ["grpc-status: 0", "x-sum: 17"]);
}

#[test]
fn the_client_is_the_first_from_the_right_that_is_not_trusted() {
    let trusted = |ip: IpAddr| match ip {
        IpAddr::V4(ip) => ip.octets()[0] == 10,
        IpAddr::V6(ip) => ip.segments()[0] == 0xfd00,
    };
    for (lines, client) in [
        (&[][..], "10.0.0.1"),
        (&["192.0.2.1"], "192.0.2.1"),
        (&["192.0.2.1, 10.0.0.2"], "192.0.2.1"),
        // Whatever stands further left was written by somebody who is not believed.
        (&["10.0.0.3, 192.0.2.1, 10.0.0.2"], "192.0.2.1"),
        (&["192.0.2.9", "192.0.2.1 ,\t10.0.0.2", "fd00::1"], "192.0.2.1"),
        (&["10.0.0.3, 10.0.0.2"], "10.0.0.3"),
        (&["192.0.2.1:4711"], "192.0.2.1"),
        (&["2001:db8::1"], "2001:db8::1"),
        (&["[2001:db8::1]"], "2001:db8::1"),
        (&["[2001:db8::1]:4711"], "2001:db8::1"),
        (&["192.0.2.1, ::ffff:10.0.0.2"], "192.0.2.1"),
        // A trusted proxy that does not know, or does not say it well.
        (&["192.0.2.1, unknown"], "10.0.0.1"),
        (&["192.0.2.1, unknown, 10.0.0.2"], "10.0.0.2"),
        (&["192.0.2.1,"], "10.0.0.1"),
        (&[""], "10.0.0.1"),
        (&["_hidden"], "10.0.0.1"),
    ] {
        let headers = map(&lines.iter().map(|line| ("x-forwarded-for", *line)).collect::<Vec<_>>());
        let found = client_address(&headers, "10.0.0.1".parse().unwrap(), trusted);
        assert_eq!(found.to_string(), client, "{lines:?}");
    }
}
