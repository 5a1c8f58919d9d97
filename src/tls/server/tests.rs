use super::*;
use rcgen::{CertificateParams, KeyPair, PKCS_ECDSA_P256_SHA256, PKCS_ED25519, SanType, SignatureAlgorithm};
use rustls::crypto::aws_lc_rs::sign::any_supported_type;
use rustls::pki_types::PrivateKeyDer;

const ECDSA: SignatureScheme = SignatureScheme::ECDSA_NISTP256_SHA256;
const ED25519: SignatureScheme = SignatureScheme::ED25519;

fn certificate(algorithm: &'static SignatureAlgorithm, names: &[&str]) -> Certificate {
    let key = KeyPair::generate_for(algorithm).unwrap();
    let mut params =
        CertificateParams::new(names.iter().map(ToString::to_string).collect::<Vec<_>>()).unwrap();
    params.subject_alt_names.push(SanType::URI("*".try_into().unwrap()));
    let leaf = params.self_signed(&key).unwrap();
    let key = any_supported_type(&PrivateKeyDer::Pkcs8(key.serialize_der().into())).unwrap();
    Certificate::new(Arc::new(CertifiedKey::new(vec![leaf.der().clone()], key)))
}

fn chosen(certificates: &Certificates, name: Option<&str>, schemes: &[SignatureScheme]) -> Option<usize> {
    let key = certificates.choose(name, schemes)?;
    certificates.0.iter().position(|certificate| Arc::ptr_eq(&certificate.key, key))
}

#[test]
fn the_exact_name_goes_before_the_wildcard_and_the_first_serves_the_rest() {
    let certificates = Certificates(
        [
            vec!["default.example.org"],
            vec!["*.example.com"],
            vec!["Shop.Example.com", "cart.example.com"],
            vec!["*.example.com", "*.eu.example.com"],
        ]
        .map(|names| certificate(&PKCS_ECDSA_P256_SHA256, &names))
        .into(),
    );
    for (name, place) in [
        (Some("shop.example.com"), 2),
        (Some("SHOP.example.COM"), 2),
        (Some("cart.example.com"), 2),
        (Some("other.example.com"), 1),
        (Some("a.eu.example.com"), 3),
        (Some("a.b.example.com"), 0),
        (Some("example.com"), 0),
        (Some("localhost"), 0),
        (None, 0),
    ] {
        assert_eq!(chosen(&certificates, name, &[ECDSA]), Some(place), "{name:?}");
    }
    assert_eq!(chosen(&Certificates([].into()), Some("a.example.com"), &[ECDSA]), None);
}

#[test]
fn a_client_gets_the_certificate_whose_key_it_can_check() {
    let certificates = Certificates(
        [&PKCS_ED25519, &PKCS_ECDSA_P256_SHA256]
            .map(|algorithm| certificate(algorithm, &["shop.example.com"]))
            .into(),
    );
    let name = Some("shop.example.com");
    assert_eq!(chosen(&certificates, name, &[ECDSA, ED25519]), Some(0), "the first of equals");
    assert_eq!(chosen(&certificates, name, &[ECDSA]), Some(1));
    assert_eq!(chosen(&certificates, name, &[SignatureScheme::RSA_PSS_SHA256]), Some(0));
    assert_eq!(chosen(&certificates, None, &[ECDSA]), Some(1));

    let certificates = Certificates(
        [(&PKCS_ECDSA_P256_SHA256, "other.example.com"), (&PKCS_ED25519, "shop.example.com")]
            .map(|(algorithm, name)| certificate(algorithm, &[name]))
            .into(),
    );
    assert_eq!(chosen(&certificates, name, &[ECDSA]), Some(1), "another name's is of no use");
}

#[test]
fn a_listener_has_tickets_and_both_protocols() {
    let config = server_config(Vec::new(), TlsVersion::Tls12, true, None).unwrap();
    assert!(config.ticketer.enabled());
    assert!(!config.session_storage.can_cache());
    assert_eq!(config.alpn_protocols, [b"h2".to_vec(), b"http/1.1".to_vec()]);
    assert_eq!(config.max_early_data_size, 0, "early data can be replayed");
}
