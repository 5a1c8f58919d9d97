use super::*;
use crate::model::{Authorities, Hostname};
use rcgen::{CertificateParams, KeyPair};

fn authority() -> (RootCertStore, Authorities) {
    let key = KeyPair::generate().unwrap();
    let certificate = CertificateParams::new(Vec::new()).unwrap().self_signed(&key).unwrap();
    let mut authorities = RootCertStore::empty();
    authorities.add(certificate.der().clone()).unwrap();
    (authorities, Authorities::new(&certificate.pem()))
}

fn tls(trust: &Trust) -> OriginateTls {
    OriginateTls { trust: trust.clone(), ..OriginateTls::system("a.example") }
}

#[test]
fn without_authorities_the_error_says_what_to_do() {
    let mut configs = ClientConfigs::new(RootCertStore::empty());
    let error = configs.get(&tls(&Trust::System)).connect(Offer::Both, &Identity::Anonymous).unwrap_err();
    assert!(error.to_string().contains("SSL_CERT_FILE"), "{error}");
    let given = Trust::Authorities(authority().1);
    assert!(configs.get(&tls(&given)).connect(Offer::Both, &Identity::Anonymous).is_ok());
    let broken = Trust::Authorities(Authorities::new("no certificate"));
    assert_eq!(
        configs.get(&tls(&broken)).connect(Offer::Http1, &Identity::Anonymous).unwrap_err(),
        TlsUnusable::BadAuthorities
    );
}

#[test]
fn each_offer_is_made_once() {
    let mut configs = ClientConfigs::new(authority().0);
    let target = configs.get(&tls(&Trust::System));
    for (offer, protocols) in [
        (Offer::Both, [b"h2".to_vec(), b"http/1.1".to_vec()].as_slice()),
        (Offer::Http1, &[b"http/1.1".to_vec()]),
        (Offer::Http2, &[b"h2".to_vec()]),
        (Offer::Nothing, &[]),
    ] {
        let (config, name) = target.connect(offer, &Identity::Anonymous).unwrap();
        assert_eq!(config.alpn_protocols, protocols);
        assert_eq!(name, ServerName::try_from("a.example").unwrap());
        assert!(Arc::ptr_eq(&config, &target.connect(offer, &Identity::Anonymous).unwrap().0));
    }
}

#[test]
fn targets_share_settings_only_if_they_trust_the_same() {
    let mut configs = ClientConfigs::new(authority().0);
    let given = Trust::Authorities(authority().1);
    let names = OriginateTls {
        subjects: [SubjectName::Dns(Hostname::parse("b.example").unwrap())].into(),
        ..tls(&given)
    };
    let all = [tls(&Trust::System), tls(&given), names.clone()].map(|tls| configs.get(&tls));
    let config = |target: &ClientTls| target.connect(Offer::Both, &Identity::Anonymous).unwrap().0;
    for (at, one) in all.iter().enumerate() {
        for other in &all[at + 1..] {
            assert!(!Arc::ptr_eq(&config(one), &config(other)), "{one:?} {other:?}");
        }
    }
    let other_name = OriginateTls { server_name: "c.example".into(), ..names };
    assert!(Arc::ptr_eq(&config(&all[2]), &config(&configs.get(&other_name))));
    drop(all);
    configs.get(&tls(&Trust::System));
    assert!(configs.made.len() <= 2, "what nobody uses is forgotten");
}

/// Sessions are begun in somebody's name, and resumed in that name alone.
#[test]
fn who_shows_something_else_shares_no_sessions() {
    let mut configs = ClientConfigs::new(authority().0);
    let target = configs.get(&tls(&Trust::System));
    let known = || {
        let pair = rcgen::generate_simple_self_signed(["gateway".to_owned()]).unwrap();
        let key =
            crate::support::pem::read_pair(&pair.cert.pem(), &pair.signing_key.serialize_pem()).unwrap();
        Identity::Known(Arc::new(ClientKey::new(Arc::new(key))))
    };
    let both = [known(), known()];
    let config = |identity: &Identity| target.connect(Offer::Both, identity).unwrap().0;
    assert!(!config(&Identity::Anonymous).client_auth_cert_resolver.has_certs());
    for identity in &both {
        assert!(config(identity).client_auth_cert_resolver.has_certs());
        assert!(Arc::ptr_eq(&config(identity), &config(identity)));
        assert!(!Arc::ptr_eq(&config(identity), &config(&Identity::Anonymous)));
    }
    assert!(!Arc::ptr_eq(&config(&both[0]), &config(&both[1])));
    let missing = target.connect(Offer::Both, &Identity::Missing).unwrap_err();
    assert_eq!(missing, TlsUnusable::NoIdentity);
    let numbers = [&both[0], &both[1], &Identity::Anonymous, &Identity::Missing].map(Identity::number);
    assert_eq!(numbers.iter().collect::<std::collections::BTreeSet<_>>().len(), 4);
    drop(both);
    config(&known());
    let (_, offers) = target.usable.as_ref().unwrap();
    assert_eq!(offers.known.lock().unwrap().len(), 1, "what nobody shows any more is forgotten");
}
