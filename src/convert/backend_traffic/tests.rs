use super::*;
use crate::api::{Decoded, Object, decode};
use crate::model::SessionCarrier;
use std::time::Duration;

fn policy(spec: &str) -> XBackendTrafficPolicy {
    let text = format!(
        "
apiVersion: gateway.networking.x-k8s.io/v1alpha1
kind: XBackendTrafficPolicy
metadata: {{name: calm, namespace: shop}}
spec:
  targetRefs: [{{group: '', kind: Service, name: cart}}]
{spec}
"
    );
    let Decoded::Object { object, .. } = decode(serde_saphyr::from_str(&text).unwrap()) else {
        panic!("refused: {text}");
    };
    let Object::XBackendTrafficPolicy(policy) = object else { panic!("{object:?}") };
    (*policy).clone()
}

fn retries(constraint: &str) -> RetryConstraint {
    let spec = format!("  retryConstraint: {constraint}");
    backend_traffic(&policy(&spec)).unwrap().retries.unwrap()
}

fn constraint(percent: u32, interval: u64, min_retries: u32, min_interval: u64) -> RetryConstraint {
    let (interval, min_interval) = (Duration::from_millis(interval), Duration::from_millis(min_interval));
    RetryConstraint { percent, interval, min_retries, min_interval }
}

#[test]
fn what_is_not_said_is_as_the_definition_has_it() {
    assert_eq!(backend_traffic(&policy("")).unwrap(), BackendTraffic { retries: None, session: None });
    assert_eq!(retries("{}"), constraint(20, 10_000, 10, 1_000));
    assert_eq!(retries("{budget: {percent: 0}}"), constraint(0, 10_000, 10, 1_000));
    assert_eq!(retries("{budget: {interval: 1m}}"), constraint(20, 60_000, 10, 1_000));
    assert_eq!(retries("{minRetryRate: {count: 3}}"), constraint(20, 10_000, 3, 1_000));
    assert_eq!(retries("{minRetryRate: {interval: 100ms}}"), constraint(20, 10_000, 10, 100));
    // As an older API server may have stored it.
    let bare: XBackendTrafficPolicy = serde_json::from_value(serde_json::json!({
        "metadata": {"name": "calm", "namespace": "shop"},
        "spec": {"targetRefs": [], "retryConstraint": {}},
    }))
    .unwrap();
    assert_eq!(backend_traffic(&bare).unwrap().retries, Some(constraint(20, 10_000, 10, 1_000)));
}

#[test]
fn every_interval_that_is_none_is_named() {
    let stored = |budget: &str, rate: &str| {
        let policy = serde_json::from_value(serde_json::json!({
            "metadata": {"name": "calm", "namespace": "shop"},
            "spec": {
                "targetRefs": [],
                "retryConstraint": {"budget": {"interval": budget}, "minRetryRate": {"interval": rate}},
            },
        }));
        let errors = backend_traffic(&policy.unwrap()).unwrap_err();
        errors.iter().map(ToString::to_string).collect::<Vec<_>>()
    };
    assert_eq!(stored("999ms", "1s"), ["spec.retryConstraint.budget.interval: 999ms is not from 1s to 1h"]);
    assert_eq!(stored("2h", "1s"), ["spec.retryConstraint.budget.interval: 2h is not from 1s to 1h"]);
    assert_eq!(stored("1s", "0s"), ["spec.retryConstraint.minRetryRate.interval: 0s is not from 1ms to 1h"]);
    assert_eq!(
        stored("soon", "1s"),
        ["spec.retryConstraint.budget.interval: \"soon\" is no duration: give one such as 500ms or 1m30s"]
    );
}

#[test]
fn a_session_is_that_of_the_policy() {
    let session = |text: &str| backend_traffic(&policy(text)).unwrap().session.unwrap();
    let named = session("  sessionPersistence: {cookie: {name: cart}, absoluteTimeout: 1h}");
    assert_eq!(named.absolute_timeout, Some(Duration::from_secs(3600)));
    let cookie = |session: SessionPersistence| match session.carrier {
        SessionCarrier::Cookie { name, .. } => name,
        other => panic!("{other:?}"),
    };
    assert_eq!(&*cookie(named), "cart");
    assert!(cookie(session("  sessionPersistence: {cookie: {}}")).starts_with("tidegate-"));
    let errors =
        backend_traffic(&policy("  sessionPersistence: {type: Header, header: {name: Cookie}}")).unwrap_err();
    assert_eq!(errors[0].field, "spec.sessionPersistence.header.name");
}
