use super::*;
use rcgen::{
    CertificateParams, KeyPair, PKCS_ECDSA_P256_SHA256, PKCS_ECDSA_P384_SHA384, PKCS_ED25519, SanType,
};

struct Pair {
    chain: String,
    key: String,
}

fn pair(algorithm: &'static rcgen::SignatureAlgorithm) -> Pair {
    let key = KeyPair::generate_for(algorithm).unwrap();
    let mut params = CertificateParams::new(["example.com".to_owned()]).unwrap();
    // Official manifests carry this name, which is no URI.
    params.subject_alt_names.push(SanType::URI("*".try_into().unwrap()));
    Pair { chain: params.self_signed(&key).unwrap().pem(), key: key.serialize_pem() }
}

fn error(chain: &str, key: &str) -> InvalidCertificate {
    read_pair(chain, key).map(|_| ()).unwrap_err()
}

#[test]
fn keys_of_each_algorithm_are_read() {
    for algorithm in [&PKCS_ECDSA_P256_SHA256, &PKCS_ECDSA_P384_SHA384, &PKCS_ED25519] {
        let pair = pair(algorithm);
        let read = read_pair(&pair.chain, &pair.key).unwrap();
        assert_eq!(read.cert.len(), 1);
    }
}

#[test]
fn each_form_of_a_key_is_read() {
    let chain = include_str!("testdata/rsa.crt");
    for key in [include_str!("testdata/rsa.pkcs1.key"), include_str!("testdata/rsa.pkcs8.key")] {
        assert_eq!(read_pair(chain, key).unwrap().cert.len(), 1);
    }
    let sec1 = include_str!("testdata/ec.sec1.key");
    assert!(sec1.contains("EC PARAMETERS"), "as openssl writes it: another section goes first");
    assert_eq!(read_pair(include_str!("testdata/ec.crt"), sec1).unwrap().cert.len(), 1);
}

#[test]
fn the_whole_chain_is_kept_leaf_first() {
    let (leaf, issuer) = (pair(&PKCS_ECDSA_P256_SHA256), pair(&PKCS_ECDSA_P256_SHA256));
    let chain = format!("some text\n{}{}", leaf.chain, issuer.chain);
    let read = read_pair(&chain, &leaf.key).unwrap();
    assert_eq!(
        read.cert,
        CertificateDer::pem_slice_iter(chain.as_bytes()).collect::<Result<Vec<_>, _>>().unwrap()
    );
    assert_eq!(read.cert.len(), 2);

    let issuer_first = format!("{}{}", issuer.chain, leaf.chain);
    assert_eq!(error(&issuer_first, &leaf.key), InvalidCertificate::Mismatch);
}

#[test]
fn what_is_wrong_is_told_apart() {
    let (one, other) = (pair(&PKCS_ECDSA_P256_SHA256), pair(&PKCS_ECDSA_P256_SHA256));
    assert_eq!(error(&one.chain, &other.key), InvalidCertificate::Mismatch);
    assert_eq!(error("", &one.key), InvalidCertificate::NoCertificate);
    assert_eq!(error(&one.key, &one.key), InvalidCertificate::NoCertificate);
    assert_eq!(error(&one.chain, ""), InvalidCertificate::NoKey);
    assert_eq!(error(&one.chain, &one.chain), InvalidCertificate::NoKey);
    let encrypted = one.key.replace("PRIVATE KEY", "ENCRYPTED PRIVATE KEY");
    assert_eq!(error(&one.chain, &encrypted), InvalidCertificate::NoKey);

    let no_der = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n";
    assert!(matches!(error(no_der, &one.key), InvalidCertificate::UnusableCertificate(_)));
    let no_base64 = "-----BEGIN CERTIFICATE-----\n!!!!\n-----END CERTIFICATE-----\n";
    assert!(matches!(error(no_base64, &one.key), InvalidCertificate::MalformedChain(_)));
    let no_end = "-----BEGIN CERTIFICATE-----\nAAAA\n";
    assert!(matches!(error(no_end, &one.key), InvalidCertificate::MalformedChain(_)));
    let no_key = "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n";
    assert!(matches!(error(&one.chain, no_key), InvalidCertificate::UnusableKey(_)));
}

#[test]
fn no_error_shows_a_part_of_the_key() {
    let one = pair(&PKCS_ECDSA_P256_SHA256);
    let secret = one.key.lines().nth(1).unwrap();
    for key in [
        one.key.replace("-----END PRIVATE KEY-----", ""),
        one.key.replace("KEY-----\n", "KEY-----\n!"),
        one.key.replace("-----END PRIVATE KEY-----", &format!("-----BEGIN {secret}")),
    ] {
        let error = error(&one.chain, &key);
        let text = format!("{error} {error:?}");
        assert!(!text.contains(&secret[..8]), "{text}");
    }
}
