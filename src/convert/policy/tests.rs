use super::*;
use serde_json::{Value, json};

const FIELD: &str = "spec.rules[2]";

fn timeouts_of(wire: Value) -> Result<Timeouts, InvalidField> {
    timeouts(Some(&serde_json::from_value(wire).unwrap()), FIELD)
}

fn retry_of(wire: Value) -> Result<Option<Retry>, InvalidField> {
    retry(Some(&serde_json::from_value(wire).unwrap()), FIELD)
}

#[test]
fn a_limit_of_zero_is_none() {
    assert_eq!(timeouts(None, FIELD).unwrap(), Timeouts::default());
    assert_eq!(
        timeouts_of(json!({"request": "0s", "backendRequest": "0h0ms"})).unwrap(),
        Timeouts::default()
    );
    assert_eq!(
        timeouts_of(json!({"request": "1m30s", "backendRequest": "1ms"})).unwrap(),
        Timeouts { request: Some(Duration::from_secs(90)), backend_request: Some(Duration::from_millis(1)) }
    );
}

#[test]
fn a_retry_without_a_number_is_one() {
    assert_eq!(retry(None, FIELD).unwrap(), None);
    let one = Retry { codes: Vec::new(), attempts: 1, backoff: None };
    assert_eq!(retry_of(json!({})).unwrap(), Some(one.clone()));
    assert_eq!(retry_of(json!({"backoff": "0s"})).unwrap(), Some(one));
    assert_eq!(
        retry_of(json!({"codes": [500, 503], "attempts": 7, "backoff": "100ms"})).unwrap(),
        Some(Retry { codes: vec![500, 503], attempts: 7, backoff: Some(Duration::from_millis(100)) })
    );
}

#[test]
fn attempts_have_an_end() {
    let attempts = |attempts: u32| retry_of(json!({"attempts": attempts})).unwrap().unwrap().attempts;
    assert_eq!((attempts(0), attempts(100), attempts(101), attempts(u32::MAX)), (0, 100, 100, 100));
}

#[test]
fn what_is_no_duration_is_named() {
    let error = timeouts_of(json!({"request": "1.5s"})).unwrap_err();
    assert_eq!(
        error.to_string(),
        r#"spec.rules[2].timeouts.request: "1.5s" is no duration: give one such as 500ms or 1m30s"#
    );
    let error = timeouts_of(json!({"backendRequest": ""})).unwrap_err();
    assert_eq!(error.field, "spec.rules[2].timeouts.backendRequest");
    assert_eq!(retry_of(json!({"backoff": "1"})).unwrap_err().field, "spec.rules[2].retry.backoff");
}
