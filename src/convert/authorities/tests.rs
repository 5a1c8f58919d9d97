use super::*;
use k8s_openapi::ByteString;
use std::collections::BTreeMap;

fn pem() -> String {
    rcgen::generate_simple_self_signed(["a.example".to_owned()]).unwrap().cert.pem()
}

fn config_map(key: &str, text: &str) -> ConfigMap {
    ConfigMap { data: Some(BTreeMap::from([(key.to_owned(), text.to_owned())])), ..ConfigMap::default() }
}

#[test]
fn a_bundle_may_be_text_or_bytes_and_have_several_certificates() {
    let both = format!("# one\n{}# two\n{}", pem(), pem());
    let bytes = || Some(BTreeMap::from([("ca.crt".to_owned(), ByteString(both.clone().into_bytes()))]));
    let of_text = of_config_map(&config_map("ca.crt", &both)).unwrap();
    assert_eq!(of_text.count(), 2);
    assert_eq!(
        of_config_map(&ConfigMap { binary_data: bytes(), ..ConfigMap::default() }),
        Ok(of_text.clone())
    );
    assert_eq!(of_secret(&Secret { data: bytes(), ..Secret::default() }), Ok(of_text));
}

#[test]
fn what_is_no_bundle_is_told() {
    let refused = |key, text: &str| of_config_map(&config_map(key, text)).unwrap_err();
    assert_eq!(refused("tls.crt", &pem()), InvalidBundle::Missing);
    assert_eq!(refused("ca.crt", ""), InvalidBundle::Pem(InvalidAuthorities::NoCertificate));
    let cut = pem().replace("-----END CERTIFICATE-----", "");
    assert!(matches!(refused("ca.crt", &cut), InvalidBundle::Pem(InvalidAuthorities::Malformed(_))));
    let second_is_none = format!("{}-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n", pem());
    let error = refused("ca.crt", &second_is_none).to_string();
    assert!(error.starts_with("its entry \"ca.crt\": certificate 2 cannot be used: "), "{error}");
    let bytes = BTreeMap::from([("ca.crt".to_owned(), ByteString(vec![0xff]))]);
    let binary = ConfigMap { binary_data: Some(bytes), ..ConfigMap::default() };
    assert_eq!(of_config_map(&binary), Err(InvalidBundle::NoText));
    assert_eq!(of_secret(&Secret::default()), Err(InvalidBundle::Missing));
}
