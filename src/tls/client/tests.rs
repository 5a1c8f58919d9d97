use super::*;
use rcgen::{CertificateParams, KeyPair};

#[test]
fn without_authorities_the_error_says_what_to_do() {
    let error = ClientConfigs::new(RootCertStore::empty()).get().unwrap_err();
    assert!(error.to_string().contains("SSL_CERT_FILE"), "{error}");
    assert!(ClientConfigs::new(RootCertStore::empty()).http1().is_err());
}

#[test]
fn one_set_is_shared_and_offers_both_protocols_but_for_upgrades() {
    let key = KeyPair::generate().unwrap();
    let authority = CertificateParams::new(Vec::new()).unwrap().self_signed(&key).unwrap();
    let mut authorities = RootCertStore::empty();
    authorities.add(authority.der().clone()).unwrap();
    let configs = ClientConfigs::new(authorities);
    let config = configs.get().unwrap();
    assert!(Arc::ptr_eq(&config, &configs.get().unwrap()));
    assert_eq!(config.alpn_protocols, [b"h2".to_vec(), b"http/1.1".to_vec()]);
    assert_eq!(configs.http1().unwrap().alpn_protocols, [b"http/1.1".to_vec()]);
}
