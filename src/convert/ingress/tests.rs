use super::*;
use crate::api::{Decoded, Object, decode};

fn ingress(spec: &str) -> Ingress {
    let text =
        format!("{{apiVersion: networking.k8s.io/v1, kind: Ingress, metadata: {{name: a}}, spec: {spec}}}");
    match decode(serde_saphyr::from_str(&text).unwrap()) {
        Decoded::Object { object: Object::Ingress(ingress), .. } => Ingress::clone(&ingress),
        other => panic!("{other:?}"),
    }
}

fn certificates(spec: &str) -> Vec<(String, String, String)> {
    let found = ingress_certificates(&ingress(spec)).into_iter();
    let text = |text: Option<Arc<str>>| text.map_or_else(|| "-".to_owned(), |text| text.to_string());
    found.map(|(host, (secret, field))| (text(host), text(secret), field)).collect()
}

fn all(rows: &[(&str, &str, &str)]) -> Vec<(String, String, String)> {
    rows.iter().map(|(a, b, c)| ((*a).to_owned(), (*b).to_owned(), (*c).to_owned())).collect()
}

#[test]
fn certificates_are_for_hosts() {
    let spec = "{rules: [{host: a.x}, {host: '*.b.x'}], tls: [{hosts: [A.x, c.x], secretName: one}, {secretName: two}]}";
    let spec = spec.replace("A.x", "a.x");
    // The first that has the host counts; without hosts it is for those of the rules.
    assert_eq!(
        certificates(&spec),
        all(&[("*.b.x", "two", "spec.tls[1]"), ("a.x", "one", "spec.tls[0]"), ("c.x", "one", "spec.tls[0]")])
    );
    let default = "defaultBackend: {service: {name: a, port: {number: 1}}}";
    assert_eq!(
        certificates(&format!("{{{default}, tls: [{{secretName: one}}]}}")),
        all(&[("-", "one", "spec.tls[0]")])
    );
    assert_eq!(
        certificates("{rules: [{host: a.x}, {}], tls: [{}]}"),
        all(&[("-", "-", "spec.tls[0]"), ("a.x", "-", "spec.tls[0]")])
    );
}

#[test]
fn a_path_that_no_request_has_is_dropped() {
    let backend = "backend: {service: {name: a, port: {number: 1}}}";
    let spec = format!(
        "{{rules: [{{http: {{paths: [{{path: '/a?b', pathType: Prefix, {backend}}}, {{path: /, pathType: Prefix, {backend}}}]}}}}]}}"
    );
    let route = convert(&ingress(&spec));
    let standing: Vec<_> = route
        .rules
        .iter()
        .map(|rule| match &rule.standing {
            Standing::Dropped(error) => error.to_string(),
            Standing::Closed { .. } => "closed".to_owned(),
            Standing::Good => rule.key.to_string(),
        })
        .collect();
    let error =
        "spec.rules[0].http.paths[0].path: the path \"/a?b\" has a \"?\" or \"#\": give the path alone";
    assert_eq!(standing, [error, "*/"]);
}
