use super::*;
use serde_json::{Value, json};

fn parse(selector: Value) -> Result<Selector, InvalidSelector> {
    Selector::parse(&serde_json::from_value(selector).unwrap())
}

fn selects(selector: Value, labels: &[(&str, &str)]) -> bool {
    let labels = labels.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect();
    parse(selector).unwrap().selects(&labels)
}

#[test]
fn every_requirement_must_hold() {
    let selector = json!({
        "matchLabels": {"team": "shop"},
        "matchExpressions": [{"key": "env", "operator": "In", "values": ["prod", "test"]}],
    });
    assert!(selects(selector.clone(), &[("team", "shop"), ("env", "test"), ("x", "y")]));
    assert!(!selects(selector.clone(), &[("team", "shop"), ("env", "dev")]));
    assert!(!selects(selector.clone(), &[("team", "shop")]));
    assert!(!selects(selector, &[("env", "prod")]));
    assert!(selects(json!({}), &[]));
}

#[test]
fn operators_are_those_of_kubernetes() {
    let expression = |operator: &str, values: &[&str]| json!({"matchExpressions": [{"key": "a", "operator": operator, "values": values}]});
    assert!(selects(expression("NotIn", &["x"]), &[]));
    assert!(!selects(expression("NotIn", &["x"]), &[("a", "x")]));
    assert!(selects(expression("Exists", &[]), &[("a", "")]));
    assert!(!selects(expression("Exists", &[]), &[]));
    assert!(selects(expression("DoesNotExist", &[]), &[("b", "")]));
    assert_eq!(parse(expression("In", &[])), Err(InvalidSelector::Values(0)));
    assert_eq!(parse(expression("Exists", &["x"])), Err(InvalidSelector::Values(0)));
    assert_eq!(parse(expression("Like", &["x"])), Err(InvalidSelector::Operator(0, "Like".to_owned())));
}
