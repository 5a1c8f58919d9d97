use super::*;
use serde_json::{Value, json};

fn converted(spec: Value) -> Result<XBackend, String> {
    let wire = json!({"metadata": {"name": "a", "namespace": "web"}, "spec": spec});
    let wire: gateway::XBackend = serde_json::from_value(wire).unwrap();
    xbackend(&wire).map_err(|errors| errors.iter().map(ToString::to_string).collect::<Vec<_>>().join("; "))
}

/// A host, with these fields in place of others.
fn host_with(edit: Value) -> Result<XBackend, String> {
    let mut spec = json!({
        "type": "ExternalHostname", "port": {"number": 443}, "externalHostname": {"hostname": "api.example.com"},
    });
    spec.as_object_mut().unwrap().extend(edit.as_object().unwrap().clone());
    converted(spec)
}

fn with_tls() -> Value {
    json!({"mode": "ServerOnly", "validation": {"hostname": "a.example", "wellKnownCACertificates": "System"}})
}

#[test]
fn a_host_is_looked_up_by_its_whole_name() {
    let found = host_with(json!({})).unwrap();
    assert_eq!((found.place, found.port), (Place::Host("api.example.com.".into()), 443));
    assert_eq!((found.protocol, found.tls, found.session), (BackendProtocol::Http, None, None));
}

#[test]
fn addresses_and_names_of_the_cluster_are_no_hosts() {
    let told = |name: &str| host_with(json!({"externalHostname": {"hostname": name}})).unwrap_err();
    for (name, why) in [
        ("10.0.0.1", "is an IP address"),
        ("shop.web.svc.cluster.local", "is a name of the cluster"),
        ("127.1", "has a host that is half an IP address"),
        ("a b", "has no host name and no IP address"),
    ] {
        let instead = "give the whole name of a host outside of the cluster";
        assert_eq!(told(name), format!("spec.externalHostname.hostname: {name:?} {why}: {instead}"));
    }
}

#[test]
fn pods_are_known_by_their_labels() {
    let found = converted(json!({
        "type": "EndpointSelector", "port": {"number": 8080}, "endpointSelector": {"matchLabels": {"app": "a"}},
        "sessionPersistence": {"type": "Header", "header": {"name": "x-session"}},
    }))
    .unwrap();
    assert_eq!(found.place, Place::Pods([("app".to_owned(), "a".to_owned())].into()));
    let carrier = crate::model::SessionCarrier::Header { name: "x-session".into() };
    assert_eq!(found.session.map(|session| session.carrier), Some(carrier));
}

#[test]
fn each_protocol_has_a_version_of_http() {
    let spoken = |protocol: &str, tls: bool| {
        let tls = if tls { with_tls() } else { json!({"mode": "None"}) };
        host_with(json!({"protocol": protocol, "tls": tls})).map(|found| found.protocol)
    };
    use BackendProtocol::{H2c, Http, Http1Only};
    for tls in [false, true] {
        for (protocol, wanted) in
            [("HTTP", Http), ("MCP", Http), ("TCP", Http), ("HTTP11", Http1Only), ("GRPC", H2c)]
        {
            assert_eq!(spoken(protocol, tls), Ok(wanted), "{protocol}");
        }
    }
    assert_eq!(
        [spoken("H2C", false), spoken("HTTP2", true), spoken("WSS", true)],
        [Ok(H2c), Ok(H2c), Ok(Http1Only)]
    );
    let why = |protocol, tls| spoken(protocol, tls).unwrap_err();
    assert_eq!(
        why("H2C", true),
        "spec.protocol: the protocol H2C is without TLS: use HTTP2, or tls.mode None"
    );
    assert_eq!(
        why("HTTP2", false),
        "spec.protocol: the protocol HTTP2 is by TLS: use H2C, or another tls.mode"
    );
    assert_eq!(why("WSS", false), "spec.protocol: the protocol WSS is by TLS: use HTTP, or another tls.mode");
}

/// An object that was stored under another schema.
#[test]
fn what_is_missing_is_told() {
    let told = |spec: Value| converted(spec).unwrap_err();
    assert_eq!(
        told(json!({"type": "ExternalHostname", "port": {}})),
        "spec.port.number: 0 is not from 1 to 65535; spec: the type is ExternalHostname, but the field of that \
         type is not set"
    );
    assert_eq!(
        told(json!({"type": "EndpointSelector", "port": {"number": 1}})),
        "spec: the type is EndpointSelector, but the field of that type is not set"
    );
    let tls = |tls: Value| host_with(json!({"tls": tls})).unwrap_err();
    assert_eq!(
        tls(json!({"mode": "ServerOnly"})),
        "spec.tls.validation: the mode is ServerOnly, which needs it: say which certificate of the backend is right"
    );
    let mut both = with_tls();
    both["mode"] = "ClientAndServer".into();
    assert_eq!(
        tls(both.clone()),
        "spec.tls.clientCertificateRef: the type is ClientAndServer, but the field of that type is not set"
    );
    both["clientCertificateRef"] = json!({"name": "own"});
    both["validation"] = json!({"hostname": "*.example"});
    assert_eq!(
        tls(both),
        "spec.tls.validation: exactly one of caCertificateRefs and wellKnownCACertificates must be set; \
         spec.tls.validation.hostname: \"*.example\" is a wildcard: give one name"
    );
}
