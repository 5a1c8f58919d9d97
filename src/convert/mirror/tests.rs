use super::*;
use serde_json::{Value, json};

fn convert(wire: Value) -> Result<Vec<MirrorReference>, String> {
    let wire: Vec<HttpRouteFilter> = serde_json::from_value(wire).unwrap();
    mirrors(&wire, "here", "spec.rules[0]").map_err(|error| error.to_string())
}

fn mirror(mut wire: Value) -> Value {
    wire["backendRef"] = json!({"name": "copy", "port": 80});
    json!({"type": "RequestMirror", "requestMirror": wire})
}

#[test]
fn the_share_is_a_percentage_or_a_fraction() {
    for (wire, share) in [
        (json!({}), (100, 100)),
        (json!({"percent": 0}), (0, 100)),
        (json!({"percent": 20}), (20, 100)),
        (json!({"percent": 100}), (100, 100)),
        (json!({"fraction": {"numerator": 25, "denominator": 50}}), (25, 50)),
        (json!({"fraction": {"numerator": 1}}), (1, 100)),
    ] {
        let mirrors = convert(json!([mirror(wire)])).unwrap();
        assert_eq!((mirrors[0].numerator, mirrors[0].denominator), share);
    }
}

#[test]
fn a_share_beyond_its_bounds_is_named() {
    for (wire, expected) in [
        (json!({"percent": 101}), "percent: 101 is not from 0 to 100"),
        (json!({"fraction": {"numerator": 1, "denominator": 0}}), "fraction.denominator: 0 is not from 1 to"),
        (json!({"fraction": {"numerator": 3, "denominator": 2}}), "fraction.numerator: 3 is not from 0 to 2"),
    ] {
        let error = convert(json!([mirror(wire)])).unwrap_err();
        assert!(error.starts_with(&format!("spec.rules[0].filters[0].requestMirror.{expected}")), "{error}");
    }
    let error = convert(json!([{"type": "RequestMirror"}])).unwrap_err();
    assert!(error.starts_with("spec.rules[0].filters[0]: the filter's type is RequestMirror"), "{error}");
}

/// "Wherever possible, implementations SHOULD implement filters in the order they are specified."
#[test]
fn a_copy_is_of_the_request_as_it_is_by_then() {
    let edit = json!({"type": "RequestHeaderModifier", "requestHeaderModifier": {"remove": ["a"]}});
    let rewrite = json!({"type": "URLRewrite", "urlRewrite": {"hostname": "b.example"}});
    let one = || mirror(json!({}));
    let mirrors = convert(json!([one(), edit, one(), rewrite, one()])).unwrap();
    let seen: Vec<_> = mirrors.iter().map(|mirror| (mirror.edited, mirror.rewritten)).collect();
    assert_eq!(seen, [(false, false), (true, false), (true, true)]);
    assert_eq!(mirrors[1].field, "spec.rules[0].filters[2].requestMirror.backendRef");
    assert_eq!(mirrors[1].object.namespace.as_deref(), Some("here"));
}
