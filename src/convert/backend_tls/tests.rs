use super::*;
use serde_json::{Value, json};

/// The policy with this validation.
fn converted(validation: Value) -> Result<BackendTls, Vec<String>> {
    let validation: BackendTlsPolicyValidation = serde_json::from_value(validation).unwrap();
    backend_tls(&validation, "spec.validation")
        .map_err(|errors| errors.iter().map(ToString::to_string).collect())
}

#[test]
fn every_part_is_read() {
    let reference = json!({"group": "", "kind": "ConfigMap", "name": "ca"});
    let found = converted(json!({
        "hostname": "a.example",
        "caCertificateRefs": [reference, reference],
        "subjectAltNames": [
            {"type": "Hostname", "hostname": "*.b.example"},
            {"type": "URI", "uri": "spiffe://a.example/ns/web"},
        ],
    }));
    let reference: LocalObjectReference = serde_json::from_value(reference).unwrap();
    let wanted = BackendTls {
        server_name: "a.example".into(),
        subjects: [
            SubjectName::Dns(Hostname::parse("*.b.example").unwrap()),
            SubjectName::Uri("spiffe://a.example/ns/web".into()),
        ]
        .into(),
        issuers: Issuers::Referred(vec![
            ("spec.validation.caCertificateRefs[0]".to_owned(), reference.clone()),
            ("spec.validation.caCertificateRefs[1]".to_owned(), reference),
        ]),
    };
    assert_eq!(found, Ok(wanted));
    let system = converted(json!({"hostname": "a.example", "wellKnownCACertificates": "System"})).unwrap();
    assert_eq!((system.issuers, system.subjects.len()), (Issuers::System, 0));
}

#[test]
fn every_bad_field_is_told() {
    let system = |more: Value| {
        let mut validation = json!({"hostname": "a.example", "wellKnownCACertificates": "System"});
        validation.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        converted(validation).unwrap_err()
    };
    let reference = json!({"group": "", "kind": "ConfigMap", "name": "ca"});
    let cases = [
        (json!({"hostname": "10.0.0.1"}), "spec.validation.hostname: \"10.0.0.1\" is not a hostname"),
        (json!({"hostname": "*.a.example"}), "spec.validation.hostname: \"*.a.example\" is a wildcard"),
        (
            json!({"wellKnownCACertificates": "example.com/own"}),
            "spec.validation.wellKnownCACertificates: \"example.com/own\" is no set of authorities",
        ),
        (json!({"wellKnownCACertificates": ""}), "spec.validation: exactly one of"),
        (json!({"caCertificateRefs": [reference]}), "spec.validation: exactly one of"),
        (
            json!({"subjectAltNames": [{"type": "Hostname"}]}),
            "spec.validation.subjectAltNames[0]: the name's type is Hostname",
        ),
        (
            json!({"subjectAltNames": [{"type": "URI", "uri": ""}]}),
            "spec.validation.subjectAltNames[0]: the name's type is URI",
        ),
        (
            json!({"subjectAltNames": [{"type": "URI", "uri": "a.example"}]}),
            "spec.validation.subjectAltNames[0].uri: \"a.example\" is no URI",
        ),
        (
            json!({"subjectAltNames": [{"type": "Hostname", "hostname": "a_b"}]}),
            "spec.validation.subjectAltNames[0].hostname: \"a_b\" is not a hostname",
        ),
    ];
    for (more, wanted) in cases {
        let errors = system(more.clone());
        assert!(matches!(errors.as_slice(), [error] if error.starts_with(wanted)), "{more}: {errors:?}");
    }
    let both = system(json!({"hostname": "", "subjectAltNames": [{"type": "URI"}]}));
    assert_eq!(both.len(), 2, "{both:?}");
}
