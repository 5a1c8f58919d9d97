use crate::api::ingress::{Ingress, gateway_of_class, is_of_class};
use crate::api::{Decoded, Object, decode};
use crate::model::ObjectKey;
use serde_json::Value;

fn errors(kind: &str, metadata: &str, spec: &str) -> Vec<String> {
    let text = format!(
        "{{apiVersion: networking.k8s.io/v1, kind: {kind}, metadata: {{name: a{metadata}}}, spec: {spec}}}"
    );
    match decode(serde_saphyr::from_str::<Value>(&text).unwrap()) {
        Decoded::Object { .. } => Vec::new(),
        Decoded::Invalid(invalid) => invalid.errors.iter().map(ToString::to_string).collect(),
        Decoded::Ignored(ignored) => panic!("{ignored:?}"),
    }
}

fn backend(text: &str) -> String {
    format!("{{defaultBackend: {text}}}")
}

fn path(path: &str, type_: &str) -> String {
    format!(
        "{{rules: [{{http: {{paths: [{{path: '{path}', pathType: {type_}, backend: {{service: {{name: a, port: {{number: 80}}}}}}}}]}}}}]}}"
    )
}

#[test]
fn an_ingress_is_judged_as_the_api_server_does() {
    let good = [
        backend("{service: {name: a, port: {name: http}}}"),
        backend("{resource: {kind: Bucket, name: a}}"),
        path("/", "Prefix"),
        path("", "ImplementationSpecific"),
        path("/a.b/%7E", "Exact"),
        "{rules: [{host: '*.example.com'}, {}]}".to_owned(),
    ];
    for spec in good {
        assert_eq!(errors("Ingress", "", &spec), Vec::<String>::new(), "{spec}");
    }
    let bad = [
        ("{}".to_owned(), "spec: needs rules or a defaultBackend"),
        (backend("{}"), "spec.defaultBackend: needs service or resource"),
        (
            backend("{service: {name: a, port: {number: 80}}, resource: {kind: A, name: a}}"),
            "spec.defaultBackend: must have service or resource, not both",
        ),
        (backend("{service: {name: a}}"), "spec.defaultBackend.service.port: needs a name or a number"),
        (
            backend("{service: {name: a, port: {name: b, number: 1}}}"),
            "spec.defaultBackend.service.port: must have a name or a number, not both",
        ),
        (
            backend("{service: {name: a, port: {number: 65536}}}"),
            "spec.defaultBackend.service.port.number: must be a port from 1 to 65535",
        ),
        (path("a", "Prefix"), "spec.rules[0].http.paths[0].path: must begin with \"/\""),
        (path("a", "ImplementationSpecific"), "spec.rules[0].http.paths[0].path: must begin with \"/\""),
        (path("/a//b", "Exact"), "spec.rules[0].http.paths[0].path: must not have \"//\""),
        (path("/a/..", "Prefix"), "spec.rules[0].http.paths[0].path: must not end with \"/..\""),
        (
            path("/", "Glob"),
            "spec.rules[0].http.paths[0].pathType: \"Glob\" is not supported; supported: Exact, Prefix, ImplementationSpecific",
        ),
        ("{rules: [{http: {paths: []}}]}".to_owned(), "spec.rules[0].http.paths: is required"),
        (
            "{rules: [{host: 10.0.0.1}]}".to_owned(),
            "spec.rules[0].host: must be a host name in lower case, perhaps after \"*.\", and no IP address",
        ),
        (
            "{rules: [{}], tls: [{hosts: ['a.*.b']}]}".to_owned(),
            "spec.tls[0].hosts[0]: must be a host name in lower case, perhaps after \"*.\", and no IP address",
        ),
        ("{rules: [{}], rule: []}".to_owned(), "spec.rule: unknown field, did you mean \"rules\"?"),
    ];
    for (spec, error) in bad {
        assert_eq!(errors("Ingress", "", &spec), [error], "{spec}");
    }
    let twice = errors(
        "Ingress",
        ", annotations: {kubernetes.io/ingress.class: a}",
        "{ingressClassName: a, rules: [{}]}",
    );
    assert_eq!(
        twice,
        ["spec.ingressClassName: is set by the annotation kubernetes.io/ingress.class too: leave one out"]
    );
}

#[test]
fn a_class_is_judged_as_the_api_server_does() {
    assert_eq!(
        errors("IngressClass", "", "{controller: tidegate.dev/ingress-controller}"),
        Vec::<String>::new()
    );
    let bad = [
        ("{controller: tidegate}", "spec.controller: must be a domain, \"/\" and a path"),
        (
            "{controller: a.b/c, parameters: {kind: A, name: a, scope: Namespace}}",
            "spec.parameters.namespace: is required with scope Namespace",
        ),
        (
            "{controller: a.b/c, parameters: {kind: A, name: a, namespace: b}}",
            "spec.parameters.namespace: is only for scope Namespace",
        ),
    ];
    for (spec, error) in bad {
        assert_eq!(errors("IngressClass", "", spec), [error], "{spec}");
    }
}

#[test]
fn the_annotation_comes_before_the_field() {
    let ingress = |text: &str| {
        let manifest = serde_saphyr::from_str::<Value>(text).unwrap();
        let Object::Ingress(ingress) = Object::from_value(crate::api::Kind::Ingress, manifest).unwrap()
        else {
            panic!("{text}")
        };
        Ingress::clone(&ingress)
    };
    let head = "apiVersion: networking.k8s.io/v1, kind: Ingress";
    let annotation = "annotations: {kubernetes.io/ingress.class: old}";
    let both =
        ingress(&format!("{{{head}, metadata: {{name: a, {annotation}}}, spec: {{ingressClassName: new}}}}"));
    assert_eq!(both.class(), Some("old"));
    assert_eq!(
        ingress(&format!("{{{head}, metadata: {{name: a}}, spec: {{ingressClassName: new}}}}")).class(),
        Some("new")
    );
    assert_eq!(ingress(&format!("{{{head}, metadata: {{name: a}}, spec: {{}}}}")).class(), None);
    assert!(is_of_class(&gateway_of_class("new")));
    assert!(!is_of_class(&ObjectKey::new("default", "new")));
}
