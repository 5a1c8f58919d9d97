use super::*;
use crate::model::{
    Certificate, CertificateKey, Endpoints, EndpointsKey, IpProtocol, ListenerKey, ListenerSettings,
    ObjectKey, OtlpProtocol, Protocol, Share, Tracing, UpstreamKey,
};

#[test]
fn everything_is_shown_but_private_keys() {
    assert_eq!(redacted(&Delta::default()), json!({ "version": 0, "resources": {} }));
    let certificate = Resource::Certificate(Certificate {
        key: CertificateKey(ObjectKey::new("default", "b")),
        chain_pem: "chain".into(),
        private_key_pem: "top secret".into(),
    });
    let service = ObjectKey::new("default", "shop");
    let endpoints = Resource::Endpoints(Endpoints {
        key: EndpointsKey { service, port: 81, protocol: IpProtocol::Tcp },
        endpoints: Vec::new(),
    });
    let shown = redacted(&Delta { version: 4, upserts: vec![certificate, endpoints], removals: vec![] });
    assert_eq!(
        shown,
        json!({
            "version": 4,
            "resources": {
                "certificates": [{
                    "key": { "namespace": "default", "name": "b" },
                    "chain_pem": "chain",
                    "private_key_pem": "redacted"
                }],
                "endpoints": [{
                    "key": { "service": { "namespace": "default", "name": "shop" }, "port": 81 },
                    "endpoints": []
                }]
            }
        })
    );
    assert!(!shown.to_string().contains("top secret"));
}

#[test]
fn what_a_collector_is_sent_is_named_and_not_shown() {
    let gateway = ObjectKey::new("default", "web");
    let tracing = Tracing {
        gateway: gateway.clone(),
        collector: UpstreamKey::Upstream(gateway.clone()),
        protocol: OtlpProtocol::Grpc,
        authority: "collector:4317".into(),
        headers: vec![("x-key".into(), "top secret".into())],
        sampling: Share { numerator: 1, denominator: 1 },
        parent_sampling: None,
        service_name: "web".into(),
        span_name: None,
        attributes: Vec::new(),
    };
    let listener = Listener {
        key: ListenerKey::of_gateway(gateway, "http"),
        binds: Vec::new(),
        port: 80,
        protocol: Protocol::Http,
        hostname: None,
        certificates: Vec::new(),
        clients: None,
        client_certificate: None,
        filters: Vec::new(),
        settings: Arc::new(ListenerSettings::default()),
        tracing: Some(Arc::new(tracing)),
    };
    let upserts = vec![Resource::Listener(listener)];
    let shown = redacted(&Delta { version: 1, upserts, removals: vec![] });
    let tracing = &shown["resources"]["listeners"][0]["tracing"];
    assert_eq!(tracing["headers"], json!([["x-key", "redacted"]]));
    assert_eq!(tracing["authority"], "collector:4317");
    assert!(!shown.to_string().contains("top secret"));
}
