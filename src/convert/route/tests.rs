use super::*;
use serde_json::{Value, json};

fn convert(spec: Value) -> Route {
    let metadata = json!({"name": "shop", "namespace": "here"});
    let manifest = json!({"metadata": metadata, "spec": spec});
    route(&Object::from_value(Kind::HttpRoute, manifest).unwrap()).unwrap()
}

fn problems(rule: &HttpRule) -> (Vec<String>, bool) {
    match &rule.standing {
        Standing::Closed { problems, incompatible } => (problems.clone(), *incompatible),
        other => panic!("{other:?}"),
    }
}

#[test]
fn rules_are_known_by_name_or_place() {
    let route = convert(json!({"rules": [{"name": "a"}, {}, {"name": "a"}]}));
    let keys: Vec<_> = route.rules.iter().map(|rule| rule.key.clone()).collect();
    assert_eq!(keys, [RuleKey::Name("a".into()), RuleKey::Index(1), RuleKey::Index(2)]);
    assert_eq!((route.rules[0].title(0), route.rules[1].title(1)), ("0 (\"a\")".to_owned(), "1".to_owned()));
}

#[test]
fn trouble_stays_within_its_rule() {
    let route = convert(json!({"rules": [
        {"matches": [{"path": {"type": "RegularExpression", "value": "("}}], "backendRefs": [{"name": "a", "port": 1}]},
        {"filters": [{"type": "ExtensionRef", "extensionRef": {"group": "g", "kind": "K", "name": "b"}}], "backendRefs": [{"name": "a", "port": 1}]},
        {"backendRefs": [{"name": "a", "port": 1}, {"name": "b", "namespace": "there", "weight": 0}]},
    ]}));
    assert!(
        matches!(&route.rules[0].standing, Standing::Dropped(error) if error.field == "spec.rules[0].matches[0].path.value")
    );
    let (closed, incompatible) = problems(&route.rules[1]);
    assert_eq!((closed.len(), incompatible), (1, false));
    assert!(closed[0].starts_with("spec.rules[1].filters[0].extensionRef is not supported"), "{}", closed[0]);
    assert!(route.rules[1].backends.is_empty() && route.rules[1].matches.len() == 1);
    assert!(matches!(route.rules[2].standing, Standing::Good));
    let backends: Vec<_> = route.rules[2]
        .backends
        .iter()
        .map(|backend| (backend.object.namespace.as_deref().unwrap(), backend.weight, backend.field.as_str()))
        .collect();
    assert_eq!(
        backends,
        [("here", 1, "spec.rules[2].backendRefs[0]"), ("there", 0, "spec.rules[2].backendRefs[1]")]
    );
}

#[test]
fn a_redirect_has_no_backends() {
    let redirect = json!([{"type": "RequestRedirect", "requestRedirect": {}}]);
    let route = convert(json!({"rules": [{"filters": redirect, "backendRefs": [{"name": "a", "port": 1}]}]}));
    let (closed, incompatible) = problems(&route.rules[0]);
    assert!(incompatible);
    assert!(
        closed[0].starts_with("spec.rules[0].backendRefs: RequestRedirect and backendRefs"),
        "{}",
        closed[0]
    );
}

#[test]
fn one_bad_hostname_spoils_the_route() {
    let route = convert(json!({"hostnames": ["a.com", "10.0.0.1"], "rules": [{}]}));
    assert_eq!(route.hostnames.unwrap_err().field, "spec.hostnames[1]");
}

#[test]
fn attempts_are_taken_and_too_many_are_told() {
    let route = convert(
        json!({"rules": [{"retry": {"attempts": 0}}, {"retry": {}}, {"retry": {"attempts": 500}}, {}]}),
    );
    let attempts: Vec<_> =
        route.rules.iter().map(|rule| rule.retry.as_ref().map(|retry| retry.attempts)).collect();
    assert_eq!(attempts, [Some(0), Some(1), Some(100), None]);
    let told: Vec<_> = route.told.iter().map(|found| found.path.as_str()).collect();
    assert_eq!(told, ["spec.rules[2].retry.attempts"]);
}

/// As of an object that another version of the definition let in.
#[test]
fn a_rule_whose_time_limit_is_none_is_closed() {
    let route = convert(json!({"rules": [
        {"timeouts": {"request": "soon"}, "backendRefs": [{"name": "a", "port": 1}]},
    ]}));
    let (closed, incompatible) = problems(&route.rules[0]);
    assert!(!incompatible);
    assert_eq!(
        closed,
        [
            r#"spec.rules[0].timeouts.request: "soon" is no duration: give one such as 500ms or 1m30s; requests that the rule matches are answered with 500"#
        ]
    );
    assert!(route.rules[0].backends.is_empty());
}
