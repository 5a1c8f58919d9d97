use super::*;
use crate::model::{Certificate, CertificateKey, Listener, ObjectKey, Protocol};

fn key(name: &str) -> ListenerKey {
    ListenerKey::of_gateway(ObjectKey::new("default", "web"), name)
}

fn listener(name: &str, binds: &[&str]) -> Resource {
    Resource::Listener(Listener {
        key: key(name),
        binds: binds.iter().map(|bind| bind.parse().unwrap()).collect(),
        port: 80,
        protocol: Protocol::Http,
        hostname: None,
        certificates: Vec::new(),
        clients: None,
        client_certificate: None,
        filters: Vec::new(),
        settings: Default::default(),
        tracing: None,
    })
}

fn certificate(name: &str) -> Resource {
    let key = CertificateKey(ObjectKey::new("default", name));
    Resource::Certificate(Certificate { key, chain_pem: "".into(), private_key_pem: "".into() })
}

fn delta(upserts: Vec<Resource>, removals: Vec<ResourceKey>) -> Delta {
    Delta { version: 1, upserts, removals }
}

#[test]
fn a_listener_is_announced_when_its_sockets_are_others() {
    let mut sockets = Sockets::default();
    let both =
        delta(vec![listener("a", &["127.0.0.1:80", "[::1]:80"]), listener("b", &["127.0.0.1:81"])], vec![]);
    assert_eq!(
        sockets.follow(&both),
        ["listener default/web/a is on 127.0.0.1:80, [::1]:80", "listener default/web/b is on 127.0.0.1:81"]
    );
    assert_eq!(sockets.follow(&delta(vec![listener("b", &["127.0.0.1:81"])], vec![])), [""; 0]);
    assert_eq!(
        sockets.follow(&delta(vec![listener("b", &["127.0.0.1:82"])], vec![])),
        ["listener default/web/b is on 127.0.0.1:82"]
    );
    sockets.follow(&delta(vec![], vec![ResourceKey::Listener(key("b"))]));
    assert_eq!(sockets.follow(&delta(vec![listener("b", &["127.0.0.1:82"])], vec![])).len(), 1);
}

#[test]
fn a_delta_is_described_by_its_first_names() {
    assert_eq!(describe(&Delta::default()), "nothing to serve yet");
    let small = delta(vec![listener("a", &[])], vec![certificate("x").key()]);
    assert_eq!(describe(&small), "changed listener default/web/a; removed certificate default/x");
    let eight: Vec<_> = (0..8).map(|i| certificate(&format!("c{i}"))).collect();
    assert!(describe(&delta(eight.clone(), vec![])).ends_with("certificate default/c7"));
    let nine = [eight, vec![certificate("c8")]].concat();
    assert!(describe(&delta(nine, vec![])).ends_with("certificate default/c7 and 1 more"));
}
