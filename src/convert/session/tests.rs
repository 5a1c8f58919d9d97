use super::*;
use serde_json::{Value, json};
use std::time::Duration;

fn of(kind: Kind, name: &str, wire: Value) -> Result<SessionPersistence, String> {
    let wire: gateway::SessionPersistence = serde_json::from_value(wire).unwrap();
    let route = ObjectMeta {
        name: Some(name.to_owned()),
        namespace: Some("default".to_owned()),
        ..ObjectMeta::default()
    };
    let converted = session(Some(&wire), kind, &route, "spec.rules[1]");
    converted.map(Option::unwrap).map_err(|error| error.to_string())
}

fn convert(wire: Value) -> Result<SessionPersistence, String> {
    of(Kind::HttpRoute, "shop", wire)
}

fn cookie_of(wire: Value) -> (String, String, bool) {
    match convert(wire).unwrap().carrier {
        SessionCarrier::Cookie { name, path, permanent } => (name.to_string(), path.to_string(), permanent),
        SessionCarrier::Header { name } => panic!("by the header {name}"),
    }
}

#[test]
fn a_cookie_has_the_name_path_and_lifetime_that_were_asked_for() {
    let asked = json!({"absoluteTimeout": "1h", "cookie": {"name": "A.b", "path": "/a b", "lifetimeType": "Permanent"}});
    assert_eq!(cookie_of(asked.clone()), ("A.b".to_owned(), "/a b".to_owned(), true));
    assert_eq!(convert(asked).unwrap().absolute_timeout, Some(Duration::from_secs(3600)));
    assert_eq!(cookie_of(json!({"cookie": {"name": "a"}})), ("a".to_owned(), "/".to_owned(), false));
    // No time is none.
    let none = convert(json!({"absoluteTimeout": "0s", "cookie": {}})).unwrap();
    assert_eq!(none.absolute_timeout, None);
}

#[test]
fn a_cookie_without_a_name_gets_one_of_its_route_alone() {
    let own = cookie_of(json!({"cookie": {}})).0;
    // Stored before the schema asked for `cookie`.
    assert_eq!((own.as_str(), cookie_of(json!({})).0), ("tidegate-238b20332f58dbf5", own.clone()));
    // Whatever does not change the cookie does not change its name.
    assert_eq!(cookie_of(json!({"absoluteTimeout": "1h", "cookie": {}})).0, own);
    let other = |kind, name| match of(kind, name, json!({"cookie": {}})).unwrap().carrier {
        SessionCarrier::Cookie { name, .. } => name.to_string(),
        SessionCarrier::Header { .. } => panic!("by a header"),
    };
    let names = [
        own,
        other(Kind::HttpRoute, "other"),
        other(Kind::GrpcRoute, "shop"),
        cookie_of(json!({"cookie": {"path": "/a"}})).0,
        cookie_of(json!({"absoluteTimeout": "1h", "cookie": {"lifetimeType": "Permanent"}})).0,
    ];
    let different: std::collections::BTreeSet<_> = names.iter().collect();
    assert_eq!(different.len(), names.len(), "{names:?}");
}

#[test]
fn a_header_has_its_name() {
    let carrier = convert(json!({"type": "Header", "header": {"name": "X-Session"}})).unwrap().carrier;
    assert_eq!(carrier, SessionCarrier::Header { name: "x-session".into() });
}

#[test]
fn what_cannot_be_honoured_is_named() {
    for (wire, field, problem) in [
        (json!({"cookie": {"name": "a b"}}), "cookie.name", "not the name of a cookie"),
        (json!({"cookie": {"path": "a"}}), "cookie.path", "begin with"),
        (json!({"cookie": {"path": "/a; Domain=example.com"}}), "cookie.path", "leave out"),
        (json!({"cookie": {"path": "/a\r\nX: y"}}), "cookie.path", "control characters"),
        (json!({"cookie": {"lifetimeType": "Permanent"}}), "absoluteTimeout", "needs a time"),
        (
            json!({"absoluteTimeout": "0s", "cookie": {"lifetimeType": "Permanent"}}),
            "absoluteTimeout",
            "needs a time",
        ),
        (json!({"absoluteTimeout": "soon", "cookie": {}}), "absoluteTimeout", "no duration"),
        (json!({"type": "Header", "header": {"name": "a b"}}), "header.name", "not a header name"),
        (json!({"type": "Header", "header": {"name": "Cookie"}}), "header.name", "a meaning of its own"),
        (json!({"type": "Header", "header": {"name": "Connection"}}), "header.name", "a meaning of its own"),
        (json!({"type": "Header"}), "", "header.name is not set"),
    ] {
        let error = convert(wire.clone()).unwrap_err();
        let path =
            format!("spec.rules[1].sessionPersistence{}{field}", if field.is_empty() { "" } else { "." });
        assert!(error.starts_with(&format!("{path}: ")) && error.contains(problem), "{wire}: {error}");
    }
}
