use super::super::yaml;
use super::*;
use serde_json::json;

fn contents(text: &str) -> Contents {
    read(yaml::parse(text.as_bytes()).unwrap())
}

fn ids(text: &str) -> Vec<String> {
    contents(text).manifests.iter().map(|manifest| manifest.id.to_string()).collect()
}

/// What, message and whether it is a mistake, of the only document.
fn unread(text: &str) -> (String, String, bool) {
    let mut contents = contents(text);
    assert_eq!((contents.manifests.len(), contents.unread.len()), (0, 1), "{contents:?}");
    let Unread { what, message, mistake, .. } = contents.unread.remove(0);
    (what, message, mistake)
}

#[test]
fn a_missing_namespace_is_default_and_none_for_kinds_without() {
    let text = "
apiVersion: v1
kind: Service
metadata: {name: a}
---
apiVersion: gateway.networking.k8s.io/v1beta1
kind: HTTPRoute
metadata: {name: b, namespace: shop}
---
apiVersion: v1
kind: Namespace
metadata: {name: shop, namespace: odd}
";
    assert_eq!(ids(text), ["Service default/a", "HTTPRoute shop/b", "Namespace shop"]);
    assert_eq!(contents(text).manifests[1].line, 6);
}

#[test]
fn what_a_server_sets_is_taken_away() {
    let text = "
apiVersion: v1
kind: Service
metadata:
  {name: a, uid: u, generation: 3, resourceVersion: '9', creationTimestamp: '2026-01-01T00:00:00Z', labels: {x: z}}
spec: {clusterIP: None}
status: {loadBalancer: {}}
";
    assert_eq!(
        *contents(text).manifests[0].value,
        json!({
            "apiVersion": "v1",
            "kind": "Service",
            "metadata": {
                "name": "a",
                "creationTimestamp": "2026-01-01T00:00:00Z",
                "labels": {"x": "z"}
            },
            "spec": {"clusterIP": "None"}
        })
    );
}

#[test]
fn lists_are_taken_apart() {
    let text = "
apiVersion: v1
kind: List
items:
- {apiVersion: v1, kind: Service, metadata: {name: a}}
- apiVersion: v1
  kind: List
  items:
  - {apiVersion: gateway.networking.k8s.io/v1, kind: HTTPRoute, metadata: {name: b}}
";
    assert_eq!(ids(text), ["Service default/a", "HTTPRoute default/b"]);
    assert_eq!(ids("{apiVersion: v1, kind: List, items: []}"), Vec::<String>::new());
}

#[test]
fn documents_without_a_name_are_mistakes() {
    let cases = [
        ("- 1", "object without a name", "must be an object with apiVersion, kind and metadata"),
        ("{apiVersion: v1, metadata: {name: a}}", "object a", "kind: is required"),
        ("{kind: Service, metadata: {name: a, namespace: b}}", "Service b/a", "apiVersion: is required"),
        (
            "{apiVersion: v1, kind: Namespace, metadata: {}}",
            "Namespace without a name",
            "metadata.name: is required",
        ),
        (
            "{apiVersion: v1, kind: Namespace, metadata: {name: ''}}",
            "Namespace ",
            "metadata.name: is required",
        ),
        (
            "{apiVersion: v1, kind: Namespace, metadata: {name: 7}}",
            "Namespace without a name",
            "metadata.name: must be a string",
        ),
        (
            "{apiVersion: v1, kind: Secret, metadata: {name: a, namespace: on}}",
            "Secret a",
            "metadata.namespace: must be a string",
        ),
        (
            "{apiVersion: gateway.networking.k8s.io/v2, kind: Gateway, metadata: {name: a}}",
            "Gateway a",
            "apiVersion: Gateway has no version \"v2\"; use gateway.networking.k8s.io/v1",
        ),
    ];
    for (text, what, message) in cases {
        let (got_what, got_message, mistake) = unread(text);
        assert_eq!(got_what, what, "{text}");
        assert!(got_message.starts_with(message), "{text}: {got_message}");
        assert!(mistake, "{text}");
    }
}

#[test]
fn a_misspelt_kind_is_a_mistake_and_a_foreign_one_is_not() {
    let text =
        "{apiVersion: gateway.networking.k8s.io/v1, kind: HttpRoute, metadata: {name: a, namespace: b}}";
    assert_eq!(
        unread(text),
        ("HttpRoute b/a".into(), "kind: unknown kind, did you mean \"HTTPRoute\"?".into(), true)
    );
    for (api_version, kind) in
        [("gateway.networking.x-k8s.io/v1alpha1", "XMesh"), ("apps/v1", "Deployment"), ("v1", "Pod")]
    {
        let text = format!("{{apiVersion: {api_version}, kind: {kind}, metadata: {{name: a}}}}");
        let message = format!("Tidegate does not read {kind} of {api_version}");
        assert_eq!(unread(&text), (format!("{kind} a"), message, false));
    }
}
