use super::*;
use crate::telemetry::otlp::AnyValue;
use std::collections::BTreeMap;

fn text(value: &str) -> String {
    short(value)
}

#[test]
fn texts_are_cut_where_a_character_ends() {
    assert_eq!(text("a"), "a");
    assert_eq!(text(&"a".repeat(1024)).len(), 1024);
    assert_eq!(text(&"a".repeat(1025)).len(), 1024);
    assert_eq!(text(&"€".repeat(1000)), "€".repeat(341));
    assert_eq!(text(""), "");
}

#[test]
fn the_port_is_that_behind_the_host() {
    for (authority, port) in [
        ("a.example:8443", Some(8443)),
        ("a.example", None),
        ("[::1]:81", Some(81)),
        ("[::1]", None),
        ("a:b", None),
    ] {
        assert_eq!(port_of(&HeaderValue::from_str(authority).unwrap()), port, "{authority}");
    }
}

#[test]
fn lines_of_one_field_are_joined() {
    let mut headers = HeaderMap::new();
    headers.append("x-a", HeaderValue::from_static("1"));
    headers.append("x-a", HeaderValue::from_bytes(b"\xff").unwrap());
    assert_eq!(field(&headers, &HeaderName::from_static("x-a")), Some("1,\u{fffd}".to_owned()));
    assert_eq!(field(&headers, &HeaderName::from_static("x-b")), None);
}

#[test]
fn methods_that_are_not_known_are_one() {
    let purge = Method::from_bytes(b"PURGE").unwrap();
    assert_eq!((known_method(&purge), name_of_method(&purge)), ("_OTHER", "HTTP"));
    assert_eq!((known_method(&Method::PATCH), name_of_method(&Method::PATCH)), ("PATCH", "PATCH"));
}

fn values(attributes: &[KeyValue]) -> BTreeMap<&str, Option<Value>> {
    let each = attributes.iter().map(|attribute| {
        let value = attribute.value.clone().and_then(|AnyValue { value }| value);
        (attribute.key.as_str(), value)
    });
    each.collect()
}

#[test]
fn a_policys_attribute_takes_the_place_of_one_of_that_name() {
    let own = vec![KeyValue::new("url.path", "/a"), KeyValue::new("server.port", 80_u16)];
    let custom = [KeyValue::new("url.path", "hidden"), KeyValue::new("env", "test")];
    let all = with(own, &custom);
    assert_eq!(all.len(), 3);
    let wanted = [("env", "test".into()), ("server.port", 80_u16.into()), ("url.path", "hidden".into())]
        .map(|(k, v)| (k, Some(v)));
    assert_eq!(values(&all), BTreeMap::from(wanted));
}

fn recorded() -> Recorded {
    Recorded {
        parent: None,
        time: SystemTime::UNIX_EPOCH + Duration::from_secs(1),
        started: Instant::now(),
        state: None,
        method: Method::POST,
        version: Version::HTTP_2,
        scheme: "https",
        host: "a.example".into(),
        port: 443,
        path: "/shop.Cart/Add".to_owned(),
        query: Some("q=1".to_owned()),
        client: IpAddr::from([192, 0, 2, 1]),
        peer: SocketAddr::from(([192, 0, 2, 2], 1234)),
        user_agent: None,
        is_rpc: true,
        route: None,
        rpc_status: None,
        fields: Vec::new(),
        attempts: Vec::new(),
    }
}

fn ending(status: u16, reason: Option<Reason>) -> Ending<'static> {
    Ending {
        status: StatusCode::from_u16(status).unwrap(),
        reason,
        listener: None,
        route: None,
        rule: None,
        backend: None,
        received: 3,
        sent: 4,
    }
}

#[test]
fn only_what_a_server_is_at_fault_for_is_a_failure() {
    let cases = [
        (200, None, None),
        (404, Some(Reason::NoRoute), None),
        (401, None, None),
        (500, None, Some("500")),
        (503, Some(Reason::NoReadyTargets), Some("NoReadyTargets")),
        // The head had been sent.
        (200, Some(Reason::UpstreamReset), Some("UpstreamReset")),
        (499, Some(Reason::ClientGone), Some("ClientGone")),
    ];
    let recorded = recorded();
    for (status, reason, wanted) in cases {
        assert_eq!(recorded.failure(&ending(status, reason)).as_deref(), wanted, "{status} {reason:?}");
    }
}

#[test]
fn a_call_fails_by_its_own_status() {
    for (status, fails) in
        [(0, false), (2, true), (3, false), (4, true), (5, false), (12, true), (14, true), (16, false)]
    {
        let recorded = Recorded { rpc_status: Some(status), ..recorded() };
        let failure = recorded.failure(&ending(200, None));
        assert_eq!(failure, fails.then(|| status.to_string()), "{status}");
        let plain = Recorded { is_rpc: false, ..recorded };
        assert_eq!(plain.failure(&ending(200, None)), None);
    }
}

#[test]
fn what_is_known_has_its_standard_name() {
    let recorded = Recorded { rpc_status: Some(0), route: Some("/shop.Cart".to_owned()), ..recorded() };
    let known = recorded.known(&ending(200, None), None);
    let known: Vec<_> = known.into_iter().map(pair).collect();
    let texts = [
        ("client.address", "192.0.2.1"),
        ("http.request.method", "POST"),
        ("http.route", "/shop.Cart"),
        ("network.peer.address", "192.0.2.2"),
        ("network.protocol.name", "http"),
        ("network.protocol.version", "2"),
        ("rpc.method", "Add"),
        ("rpc.service", "shop.Cart"),
        ("rpc.system", "grpc"),
        ("server.address", "a.example"),
        ("url.path", "/shop.Cart/Add"),
        ("url.query", "q=1"),
        ("url.scheme", "https"),
    ];
    let numbers = [
        ("http.request.body.size", 3),
        ("http.response.body.size", 4),
        ("http.response.status_code", 200),
        ("network.peer.port", 1234),
        ("rpc.grpc.status_code", 0),
        ("server.port", 443),
    ];
    let mut wanted: BTreeMap<_, _> = texts.map(|(key, value)| (key, Some(Value::from(value)))).into();
    wanted.extend(numbers.map(|(key, value)| (key, Some(Value::Number(value)))));
    assert_eq!(values(&known), wanted);
    assert!(values(&known).keys().all(|key| crate::model::ATTRIBUTE_KEYS.contains(key)));
    assert_eq!(recorded.name(), "shop.Cart/Add");
}

#[test]
fn a_name_is_low_in_number() {
    let plain = Recorded { is_rpc: false, ..recorded() };
    assert_eq!(plain.name(), "POST");
    let found = Recorded { route: Some("/shop".to_owned()), ..plain };
    assert_eq!(found.name(), "POST /shop");
    // A call that no rule knows may have any name.
    assert_eq!(recorded().name(), "POST");
}

#[test]
fn nobody_received_the_status_of_a_client_that_went() {
    let known = recorded().known(&ending(499, Some(Reason::ClientGone)), Some("ClientGone"));
    assert!(known.iter().all(|(key, _)| *key != "http.response.status_code"));
    assert!(known.contains(&("error.type", "ClientGone".into())));
}
