use super::*;
use serde_json::{Value, json};

fn convert(match_: Value) -> Result<Match, String> {
    let wire = serde_json::from_value(match_).unwrap();
    let all = matches(&[wire], "spec.rules[2]").map_err(|error| error.to_string())?;
    Ok(all.into_iter().next().unwrap())
}

fn path_of(kind: &str, value: &str) -> Result<PathMatch, String> {
    convert(json!({"path": {"type": kind, "value": value}})).map(|converted| converted.path)
}

#[test]
fn no_match_is_every_request() {
    let all = matches(&[], "spec.rules[0]").unwrap();
    let every = Match {
        path: PathMatch::Prefix("".into()),
        method: None,
        headers: vec![],
        queries: vec![],
        rpc: None,
    };
    assert_eq!(all.as_slice(), std::slice::from_ref(&every));
    assert_eq!(convert(json!({})), Ok(every));
}

#[test]
fn paths_are_brought_into_the_form_that_requests_have() {
    assert_eq!(path_of("Exact", "/a/%7eb/%2f/"), Ok(PathMatch::Exact("/a/~b/%2F/".into())));
    assert_eq!(path_of("PathPrefix", "/a/"), Ok(PathMatch::Prefix("/a".into())));
    assert_eq!(path_of("PathPrefix", "/a/%2e%2e/b"), Ok(PathMatch::Prefix("/b".into())));
    assert_eq!(path_of("RegularExpression", "/a/%7eb"), Ok(PathMatch::Regex("/a/%7eb".into())));
}

#[test]
fn bad_values_name_their_field() {
    let field = "spec.rules[2].matches[0]";
    let starts = |result: Result<_, String>, end: &str| {
        let error = result.unwrap_err();
        assert!(error.starts_with(&format!("{field}.{end}")), "{error}");
    };
    starts(path_of("Exact", "/%zz"), "path.value: the path \"/%zz\" has an incomplete escape");
    starts(path_of("PathPrefix", "/a?b"), "path.value: the path \"/a?b\" has a \"?\"");
    starts(path_of("RegularExpression", "("), "path.value: \"(\" cannot be used");
    let header =
        |header: Value| convert(json!({"headers": [{"name": "ok", "value": "1"}, header]})).map(|m| m.path);
    starts(header(json!({"name": "a b", "value": "x"})), "headers[1].name: \"a b\" is not a header name");
    let pattern = json!({"name": "a", "type": "RegularExpression", "value": "["});
    starts(header(pattern.clone()), "headers[1].value: \"[\" cannot be used");
    starts(convert(json!({"queryParams": [pattern]})).map(|m| m.path), "queryParams[0].value: \"[\"");
}

#[test]
fn of_equivalent_names_the_first_counts() {
    let item = |name: &str, value: &str| json!({"name": name, "value": value});
    let items = [item("Color", "a"), item("color", "b"), item("Color", "c")];
    let converted = convert(json!({"headers": items, "queryParams": items})).unwrap();
    let header =
        |name: &str, value: &str| HeaderMatch { name: name.into(), value: ValueMatch::Exact(value.into()) };
    assert_eq!(converted.headers, [header("color", "a")]);
    let queries: Vec<_> = converted.queries.iter().map(|query| (&*query.name, &query.value)).collect();
    let (a, b) = (ValueMatch::Exact("a".into()), ValueMatch::Exact("b".into()));
    assert_eq!(queries, [("Color", &a), ("color", &b)]);
}
