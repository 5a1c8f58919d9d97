use super::*;
use serde_json::json;

fn dynamic(value: Value) -> DynamicObject {
    serde_json::from_value(value).unwrap()
}

#[test]
fn what_nobody_reads_is_dropped() {
    let secret = dynamic(json!({
        "apiVersion": "v1", "kind": "Secret",
        "metadata": {
            "namespace": "web", "name": "tls", "uid": "1",
            "managedFields": [{ "manager": "kubectl", "operation": "Apply" }],
            "annotations": { "kubectl.kubernetes.io/last-applied-configuration": "{}", "kept": "yes" },
        },
        "type": "kubernetes.io/tls",
        "data": { "tls.crt": "QQ==", "tls.key": "Qg==", "password": "Qw==" },
    }));
    let Ok(Object::Secret(secret)) = object(Kind::Secret, secret) else { panic!("no Secret") };
    assert_eq!(secret.metadata.managed_fields, None);
    let annotations = secret.metadata.annotations.as_ref().unwrap();
    assert_eq!(annotations.keys().collect::<Vec<_>>(), ["kept"]);
    let keys: Vec<_> = secret.data.as_ref().unwrap().keys().collect();
    assert_eq!(keys, ["tls.crt", "tls.key"]);
}

#[test]
fn an_object_of_a_list_or_of_an_older_version_is_the_same_object() {
    let spec = json!({ "from": [{ "group": "gateway.networking.k8s.io", "kind": "HTTPRoute", "namespace": "a" }],
        "to": [{ "group": "", "kind": "Service" }] });
    let listed = dynamic(json!({ "metadata": { "namespace": "b", "name": "g" }, "spec": spec }));
    let old = dynamic(json!({ "apiVersion": "gateway.networking.k8s.io/v1beta1", "kind": "ReferenceGrant",
        "metadata": { "namespace": "b", "name": "g" }, "spec": spec }));
    let listed = object(Kind::ReferenceGrant, listed).unwrap();
    assert_eq!(listed.key(), ObjectKey::new("b", "g"));
    assert_eq!(Ok(listed), object(Kind::ReferenceGrant, old));
}

#[test]
fn what_cannot_be_understood_is_told_with_its_name_and_field() {
    let route = dynamic(json!({
        "apiVersion": "gateway.networking.k8s.io/v1", "kind": "HTTPRoute",
        "metadata": { "namespace": "web", "name": "r", "uid": "7", "generation": 3 },
        "spec": { "parentRefs": [{ "name": "gw" }], "hostnames": 5 },
    }));
    let broken = object(Kind::HttpRoute, route).unwrap_err();
    assert_eq!(broken.id.to_string(), "HTTPRoute web/r");
    assert!(broken.message().contains("invalid type: integer `5`"), "{}", broken.message());
    assert_eq!((broken.uid(), broken.generation()), (Some("7"), Some(3)));
    assert_eq!(broken.parent_refs().len(), 1);
}

#[test]
fn nothing_of_a_secret_that_cannot_be_understood_is_kept() {
    let secret = dynamic(json!({ "metadata": { "namespace": "a", "name": "s" }, "data": { "tls.key": 5 } }));
    assert_eq!(object(Kind::Secret, secret).unwrap_err().raw, Value::Null);
}
