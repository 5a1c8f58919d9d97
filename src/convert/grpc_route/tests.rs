use super::*;
use crate::api::Object;
use crate::convert::{HttpRule, Standing};
use crate::model::{HeaderMatch, RuleKey, ValueMatch};
use serde_json::{Value, json};

fn rules(rules: Value) -> Vec<HttpRule> {
    let metadata = json!({"name": "shop", "namespace": "here"});
    let manifest = json!({"metadata": metadata, "spec": {"rules": rules}});
    let object = Object::from_value(Kind::GrpcRoute, manifest).unwrap();
    crate::convert::route(&object).unwrap().rules
}

/// The path, and the lengths of service and method.
fn matched(method: Value) -> Result<(PathMatch, usize, usize), String> {
    let rule = rules(json!([{"matches": [{"method": method}]}])).remove(0);
    match &rule.standing {
        Standing::Good => {
            let [Match { path, rpc: Some(rpc), .. }] = rule.matches.as_slice() else { panic!("{rule:?}") };
            Ok((path.clone(), rpc.service, rpc.method))
        }
        Standing::Dropped(error) => Err(error.to_string()),
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_method_is_a_path() {
    let exact = |path: &str| PathMatch::Exact(path.into());
    let prefix = |path: &str| PathMatch::Prefix(path.into());
    let regex = |path: &str| PathMatch::Regex(path.into());
    for (method, expected) in [
        (json!({"service": "a.B", "method": "Get"}), (exact("/a.B/Get"), 3, 3)),
        (json!({"type": "Exact", "service": "a.B"}), (prefix("/a.B"), 3, 0)),
        (json!({"service": "a.B", "method": ""}), (prefix("/a.B"), 3, 0)),
        (json!({"method": "Get_1"}), (regex("/[^/]+/Get_1"), 0, 5)),
        // An older schema let it be; the dot is a dot.
        (json!({"method": "Get.1"}), (regex(r"/[^/]+/Get\.1"), 0, 5)),
        (
            json!({"type": "RegularExpression", "service": "a|b", "method": "G.*"}),
            (regex("/(?:a|b)/(?:G.*)"), 3, 3),
        ),
        (json!({"type": "RegularExpression", "service": "a.*"}), (regex("/(?:a.*)/[^/]+"), 3, 0)),
        (json!({"type": "RegularExpression", "method": "G.*"}), (regex("/[^/]+/(?:G.*)"), 0, 3)),
    ] {
        assert_eq!(matched(method.clone()), Ok(expected), "{method}");
    }
}

#[test]
fn a_rule_without_matches_takes_every_call() {
    for rule in [json!({}), json!({"matches": []}), json!({"matches": [{}]})] {
        let rule = rules(json!([rule])).remove(0);
        let every = Match {
            path: PathMatch::Prefix("".into()),
            method: None,
            headers: vec![],
            queries: vec![],
            rpc: Some(RpcLengths { service: 0, method: 0 }),
        };
        assert_eq!(rule.matches, [every]);
    }
}

#[test]
fn what_is_no_method_is_told() {
    let field = "spec.rules[0].matches[0].method";
    for (method, place) in [
        (json!({"type": "RegularExpression", "service": "", "method": ""}), field.to_owned()),
        (json!({"service": "a/b", "method": "Get"}), format!("{field}.service")),
        (json!({"service": "a", "method": "Get it"}), format!("{field}.method")),
        (json!({"type": "RegularExpression", "service": "("}), format!("{field}.service")),
        (json!({"type": "RegularExpression", "method": "a)|(b"}), format!("{field}.method")),
        // Both are good, but one of both ends in a comment that would swallow the rest.
        (json!({"type": "RegularExpression", "service": "(?x)a # b", "method": "c"}), field.to_owned()),
    ] {
        let error = matched(method.clone()).unwrap_err();
        assert!(error.starts_with(&format!("{place}: ")), "{method}: {error}");
    }
}

#[test]
fn the_rest_is_as_in_an_httproute() {
    let edit = json!({"type": "RequestHeaderModifier", "requestHeaderModifier": {"remove": ["x-a"]}});
    let rules = rules(json!([
        {"name": "first", "matches": [{"headers": [{"name": "X-V", "value": "1"}, {"name": "x-v", "value": "2"}]}],
         "filters": [edit], "backendRefs": [{"name": "a", "port": 1, "filters": [edit]}]},
        {"filters": [{"type": "ExtensionRef", "extensionRef": {"group": "g", "kind": "k", "name": "n"}}]},
    ]));
    let header = HeaderMatch { name: "x-v".into(), value: ValueMatch::Exact("1".into()) };
    assert_eq!(
        (&rules[0].key, &rules[0].matches[0].headers),
        (&RuleKey::Name("first".into()), &vec![header])
    );
    let removed = |filters: &crate::model::Filters| filters.request_headers.clone().unwrap().remove;
    assert_eq!(removed(&rules[0].filters), ["x-a".into()]);
    let backend = &rules[0].backends[0];
    assert_eq!(
        (removed(&backend.filters), backend.object.namespace.as_deref()),
        (vec!["x-a".into()], Some("here"))
    );
    assert!(matches!(&rules[1].standing, Standing::Closed { problems, .. }
        if problems[0].starts_with("spec.rules[1].filters[0].extensionRef is not supported")));
}
