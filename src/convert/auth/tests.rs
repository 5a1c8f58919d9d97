use super::*;
use serde_json::{Value, json};

fn convert(filters: Value) -> Result<Option<AuthReference>, String> {
    let wire: Vec<HttpRouteFilter> = serde_json::from_value(filters).unwrap();
    external_auth(&wire, "default", "spec.rules[0]").map_err(|error| error.to_string())
}

fn filter(auth: Value) -> Value {
    json!({"type": "ExternalAuth", "externalAuth": auth})
}

fn http(http: Value) -> Value {
    filter(json!({"protocol": "HTTP", "http": http, "backendRef": {"name": "auth", "port": 80}}))
}

fn protocol_of(auth: Value) -> AuthProtocol {
    convert(json!([auth])).unwrap().unwrap().protocol
}

#[test]
fn fields_of_http_are_taken() {
    let auth = http(
        json!({"path": "/check/", "allowedHeaders": ["Cookie", "cookie", "X-A"], "allowedResponseHeaders": ["X-User"]}),
    );
    let wanted = AuthProtocol::Http {
        prefix: "/check".into(),
        send: vec!["cookie".into(), "x-a".into()],
        copy: vec!["x-user".into()],
    };
    assert_eq!(protocol_of(auth), wanted);
    let defaults = AuthProtocol::Http { prefix: "".into(), send: vec![], copy: vec![] };
    assert_eq!(protocol_of(http(json!({}))), defaults);
    assert_eq!(protocol_of(http(json!({"path": "/"}))), defaults);
    // Stored before the schema asked for `http`.
    let bare = filter(json!({"protocol": "HTTP", "backendRef": {"name": "auth", "port": 80}}));
    assert_eq!(protocol_of(bare), defaults);
    for (path, prefix) in [("a/b", "/a/b"), ("/a/../b", "/b"), ("/a%2Fb", "/a%2Fb")] {
        let AuthProtocol::Http { prefix: found, .. } = protocol_of(http(json!({"path": path}))) else {
            panic!()
        };
        assert_eq!(&*found, prefix, "{path}");
    }
}

#[test]
fn fields_of_grpc_are_taken() {
    let auth = filter(json!({
        "protocol": "GRPC", "grpc": {"allowedHeaders": ["X-A"]}, "forwardBody": {"maxSize": 1000},
        "backendRef": {"name": "auth", "namespace": "other", "port": 80},
    }));
    let found = convert(json!([auth])).unwrap().unwrap();
    assert_eq!(found.protocol, AuthProtocol::Grpc { send: vec!["x-a".into()] });
    assert_eq!((found.max_body, found.object.namespace.as_deref()), (1000, Some("other")));
    assert_eq!(found.field, "spec.rules[0].filters[0].externalAuth.backendRef");
}

#[test]
fn what_stands_before_it_is_known() {
    let (edit, rewrite) = (
        json!({"type": "RequestHeaderModifier", "requestHeaderModifier": {"remove": ["a"]}}),
        json!({"type": "URLRewrite", "urlRewrite": {"hostname": "a.example.com"}}),
    );
    for (filters, edited, rewritten) in [
        (json!([http(json!({})), edit, rewrite]), false, false),
        (json!([edit, http(json!({})), rewrite]), true, false),
        (json!([rewrite, http(json!({})), edit]), false, true),
        (json!([rewrite, edit, http(json!({}))]), true, true),
    ] {
        let found = convert(filters.clone()).unwrap().unwrap();
        assert_eq!((found.edited, found.rewritten), (edited, rewritten), "{filters}");
    }
    assert_eq!(convert(json!([])).unwrap(), None);
}

#[test]
fn what_cannot_be_honoured_is_named() {
    let auth = "spec.rules[0].filters[0].externalAuth.http";
    for (filters, problem) in [
        (
            json!([{"type": "ExternalAuth"}]),
            "spec.rules[0].filters[0]: the filter's type is ExternalAuth".to_owned(),
        ),
        (json!([http(json!({})), http(json!({}))]), "spec.rules[0].filters[1]: there are two".to_owned()),
        (json!([http(json!({"path": "/a?b"}))]), format!("{auth}.path: ")),
        (
            json!([http(json!({"allowedHeaders": ["a b"]}))]),
            format!("{auth}.allowedHeaders[0]: \"a b\" is not"),
        ),
        (
            json!([http(json!({"allowedResponseHeaders": ["x", "Content-Length"]}))]),
            format!("{auth}.allowedResponseHeaders[1]: the header"),
        ),
    ] {
        let error = convert(filters.clone()).unwrap_err();
        assert!(error.starts_with(&problem), "{filters}: {error}");
    }
}

#[test]
fn filters_of_a_listener_are_taken_in_their_order() {
    let asks = |name: &str| json!({"protocol": "GRPC", "backendRef": {"name": name, "port": 80}});
    let listener = |requests: Value| -> Listener {
        let listener =
            json!({"name": "a", "port": 80, "protocol": "HTTP", "filters": {"requests": requests}});
        serde_json::from_value(listener).unwrap()
    };
    let extension = json!({"type": "ExtensionRef", "extensionRef": {"group": "", "kind": "A", "name": "a"}});
    let wire = listener(json!([filter(asks("b")), extension, filter(asks("a"))]));
    let found = listener_filters(&wire, "team", "spec.listeners[2]").unwrap();
    let names: Vec<_> = found.iter().map(|auth| (auth.object.name.as_str(), auth.field.as_str())).collect();
    assert_eq!(
        names,
        [
            ("b", "spec.listeners[2].filters.requests[0].externalAuth.backendRef"),
            ("a", "spec.listeners[2].filters.requests[2].externalAuth.backendRef"),
        ]
    );
    assert!(found.iter().all(|auth| auth.object.namespace.as_deref() == Some("team")));
    let empty = listener(json!([{"type": "ExternalAuth"}]));
    let error = listener_filters(&empty, "team", "spec.listeners[0]").unwrap_err().to_string();
    assert!(error.starts_with("spec.listeners[0].filters.requests[0]: "), "{error}");
    let plain: Listener =
        serde_json::from_value(json!({"name": "a", "port": 80, "protocol": "HTTP"})).unwrap();
    assert_eq!(listener_filters(&plain, "team", "spec.listeners[0]"), Ok(vec![]));
}
