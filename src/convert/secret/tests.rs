use super::*;

fn secret(entries: &[(&str, &[u8])]) -> Secret {
    let data =
        entries.iter().map(|(name, bytes)| ((*name).to_owned(), k8s_openapi::ByteString(bytes.to_vec())));
    Secret { data: Some(data.collect()), ..Secret::default() }
}

fn pair() -> (String, String) {
    let made = rcgen::generate_simple_self_signed(["a.example".to_owned()]).unwrap();
    (made.cert.pem(), made.signing_key.serialize_pem())
}

#[test]
fn a_pair_is_taken_as_it_is() {
    let (chain, key) = pair();
    let secret = secret(&[("tls.crt", chain.as_bytes()), ("tls.key", key.as_bytes())]);
    let name = ObjectKey::new("default", "tls");
    let certificate = certificate(&name, &secret).unwrap();
    assert_eq!((&*certificate.chain_pem, &*certificate.private_key_pem), (&*chain, &*key));
    assert_eq!(certificate.key, CertificateKey(name));
}

#[test]
fn what_is_no_pair_is_told_without_the_key() {
    let name = ObjectKey::new("default", "tls");
    let ((chain, _), (_, other_key)) = (pair(), pair());
    let refused = |entries: &[(&str, &[u8])]| certificate(&name, &secret(entries)).unwrap_err();
    assert_eq!(refused(&[]), InvalidSecret::Missing("tls.crt"));
    assert_eq!(refused(&[("tls.crt", chain.as_bytes())]), InvalidSecret::Missing("tls.key"));
    assert_eq!(refused(&[("tls.crt", b"\xff"), ("tls.key", b"")]), InvalidSecret::NoText("tls.crt"));
    let mismatch = refused(&[("tls.crt", chain.as_bytes()), ("tls.key", other_key.as_bytes())]);
    assert_eq!(mismatch, InvalidSecret::Pair(InvalidCertificate::Mismatch));
}
