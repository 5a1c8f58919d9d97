use super::*;
use serde_json::{Value, json};

fn convert_on(all_prefixes: bool, wire: Value) -> Result<Filters, String> {
    let wire: Vec<HttpRouteFilter> = serde_json::from_value(wire).unwrap();
    filters(&wire, all_prefixes, "spec.rules[0]").map_err(|error| error.to_string())
}

fn convert(wire: Value) -> Result<Filters, String> {
    convert_on(true, wire)
}

fn request_headers(edit: Value) -> Result<HeaderEdit, String> {
    let filters = convert(json!([{"type": "RequestHeaderModifier", "requestHeaderModifier": edit}]))?;
    Ok(filters.request_headers.unwrap())
}

fn redirect_path(path: Value) -> Result<Option<PathRewrite>, String> {
    let filters = convert(json!([{"type": "RequestRedirect", "requestRedirect": {"path": path}}]))?;
    Ok(filters.redirect.unwrap().path)
}

#[test]
fn headers_that_frame_the_message_are_not_edited() {
    let set = |name: &str| request_headers(json!({"set": [{"name": name, "value": "x"}]})).unwrap_err();
    let field = "spec.rules[0].filters[0].requestHeaderModifier.set[0].name";
    for name in ["Transfer-Encoding", "content-length", "CONNECTION", "Upgrade", "TE"] {
        assert!(set(name).starts_with(&format!("{field}: the header {name:?} belongs to the connection")));
    }
    assert!(set("Host").starts_with(&format!("{field}: the header \"Host\" cannot be edited")));
    assert!(set(":path").starts_with(&format!("{field}: \":path\" is not a header name")));
    let remove = request_headers(json!({"remove": ["Keep-Alive"]})).unwrap_err();
    assert!(remove.contains("requestHeaderModifier.remove[0]: the header \"Keep-Alive\""), "{remove}");
}

#[test]
fn values_cannot_begin_another_header() {
    let error = request_headers(json!({"add": [{"name": "a", "value": "b\r\nc: d"}]})).unwrap_err();
    assert!(error.contains("add[0].value: \"b\\r\\nc: d\" is not a header value"), "{error}");
    let umlaut = request_headers(json!({"add": [{"name": "A", "value": "ü"}]})).unwrap();
    assert_eq!(umlaut.add, [("a".into(), "ü".into())]);
}

#[test]
fn one_header_has_one_edit() {
    let error = request_headers(json!({"set": [{"name": "A", "value": "1"}], "remove": ["a"]})).unwrap_err();
    assert!(error.contains("remove[0]: the header \"a\" is edited twice"), "{error}");
}

#[test]
fn replaced_paths_are_in_normal_form() {
    let prefix =
        |text: &str| redirect_path(json!({"type": "ReplacePrefixMatch", "replacePrefixMatch": text}));
    let rewrite = |text: &str| Ok(Some(PathRewrite::Prefix(text.into())));
    assert_eq!(prefix("/xyz/"), rewrite("/xyz"));
    assert_eq!(prefix("/"), rewrite(""));
    assert_eq!(prefix(""), rewrite(""));
    assert_eq!(prefix("/%7ea"), rewrite("/~a"));
    let full = |text: &str| redirect_path(json!({"type": "ReplaceFullPath", "replaceFullPath": text}));
    assert_eq!(full("/a/"), Ok(Some(PathRewrite::Full("/a/".into()))));
    let error = full("/a#b").unwrap_err();
    assert!(error.contains("requestRedirect.path.replaceFullPath: the path \"/a#b\""), "{error}");
    assert!(full("a").unwrap_err().contains("does not begin with \"/\""));
    let unset = redirect_path(json!({"type": "ReplaceFullPath"})).unwrap_err();
    assert!(unset.contains("the field that type ReplaceFullPath names is not set"), "{unset}");
}

#[test]
fn a_prefix_is_replaced_only_where_there_is_one() {
    let rewrite = json!([{"type": "URLRewrite", "urlRewrite": {"path": {"type": "ReplacePrefixMatch", "replacePrefixMatch": "/a"}}}]);
    let error = convert_on(false, rewrite).unwrap_err();
    assert!(
        error.contains("urlRewrite.path.replacePrefixMatch: replacePrefixMatch needs a PathPrefix"),
        "{error}"
    );
}

#[test]
fn filters_that_exclude_each_other_are_refused() {
    let redirect = json!({"type": "RequestRedirect", "requestRedirect": {}});
    let rewrite = json!({"type": "URLRewrite", "urlRewrite": {}});
    let both: Vec<HttpRouteFilter> = serde_json::from_value(json!([redirect, rewrite])).unwrap();
    let error = filters(&both, true, "spec.rules[0]").unwrap_err();
    assert_eq!(error.value, InvalidValue::RedirectAndRewrite);
    assert!(error.value.is_incompatible_filters());
    assert!(convert(json!([rewrite, rewrite])).unwrap_err().contains("there are two URLRewrite filters"));
    assert!(
        convert(json!([{"type": "URLRewrite"}])).unwrap_err().contains("the field of that type is not set")
    );
}

#[test]
fn hostnames_are_names() {
    let hostname = |name: &str| convert(json!([{"type": "URLRewrite", "urlRewrite": {"hostname": name}}]));
    assert_eq!(hostname("A.example").unwrap().rewrite.unwrap().hostname.as_deref(), Some("a.example"));
    assert!(hostname("*.example").unwrap_err().contains("is a wildcard"));
    assert!(hostname("10.0.0.1").unwrap_err().contains("is not a hostname"));
}
