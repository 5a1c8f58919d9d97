use super::*;
use crate::model::{Certificate, CertificateKey, Endpoints, EndpointsKey, IpProtocol, ObjectKey};

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
