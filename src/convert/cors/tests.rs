use super::*;
use crate::model::OriginHost;
use serde_json::{Value, json};

fn convert(wire: Value) -> Result<Cors, String> {
    let wire: HttpCorsFilter = serde_json::from_value(wire).unwrap();
    cors(&wire, "spec.rules[0].filters[0].cors").map_err(|error| error.to_string())
}

fn names(names: &[&str]) -> Listed {
    Listed::Names(names.iter().map(|name| Arc::from(*name)).collect())
}

#[test]
fn what_is_not_said_allows_nothing() {
    let nothing = Cors {
        origins: Vec::new(),
        credentials: false,
        methods: names(&[]),
        headers: names(&[]),
        expose: names(&[]),
        max_age: 5,
    };
    assert_eq!(convert(json!({})), Ok(nothing));
}

#[test]
fn each_field_is_taken() {
    let wire = json!({
        "allowOrigins": ["https://*.Foo.example", "http://bar.example:8080"], "allowCredentials": true,
        "allowMethods": ["PUT", "DELETE"], "allowHeaders": ["X-A", "x-b"], "exposeHeaders": ["X-C", "*"],
        "maxAge": 3600,
    });
    let bar = OriginHost::Exact("bar.example".into());
    let taken = Cors {
        origins: vec![
            OriginMatch::Of { secure: true, host: OriginHost::Below(".foo.example".into()), port: 443 },
            OriginMatch::Of { secure: false, host: bar, port: 8080 },
        ],
        credentials: true,
        methods: names(&["PUT", "DELETE"]),
        headers: names(&["x-a", "x-b"]),
        expose: Listed::Any,
        max_age: 3600,
    };
    assert_eq!(convert(wire), Ok(taken));
    assert_eq!(convert(json!({"allowOrigins": ["*"]})).unwrap().origins, [OriginMatch::Any]);
}

#[test]
fn what_cannot_be_used_is_named() {
    for (wire, expected) in [
        (
            json!({"allowOrigins": ["*", "https://a:70000"]}),
            "allowOrigins[1]: \"https://a:70000\" is no origin",
        ),
        (json!({"allowMethods": ["GET", "P T"]}), "allowMethods[1]: \"P T\" is not a method"),
        (json!({"allowHeaders": ["x a"]}), "allowHeaders[0]: \"x a\" is not a header name"),
        (json!({"exposeHeaders": [""]}), "exposeHeaders[0]: \"\" is not a header name"),
    ] {
        let error = convert(wire).unwrap_err();
        assert!(error.starts_with(&format!("spec.rules[0].filters[0].cors.{expected}")), "{error}");
    }
}
