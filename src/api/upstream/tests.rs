use super::*;
use serde_json::json;

#[test]
fn what_is_not_given_has_its_default() {
    let upstream: Upstream = serde_json::from_value(json!({
        "apiVersion": "tidegate.dev/v1alpha1",
        "kind": "Upstream",
        "metadata": {"name": "orders"},
        "spec": {
            "targets": [
                {"name": "a", "url": "http://127.0.0.1:9001"},
                {"name": "b", "serviceRef": {"name": "orders", "port": 8080}, "weight": 0},
            ],
            "retry": {},
        },
    }))
    .unwrap();
    let [a, b] = upstream.spec.targets.as_slice() else { panic!("two targets") };
    assert_eq!((a.weight, b.weight), (1, 0));
    assert_eq!(
        b.service_ref,
        Some(UpstreamServiceRef { name: "orders".to_owned(), namespace: None, port: 8080 })
    );
    assert_eq!(upstream.spec.retry, Some(UpstreamRetry { attempts: 1 }));
}
