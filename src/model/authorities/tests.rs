use super::*;

const A: &str = "-----BEGIN CERTIFICATE-----\nAAAA\nBBBB\n-----END CERTIFICATE-----\n";
const B: &str = "-----BEGIN CERTIFICATE-----\nCCCC\n-----END CERTIFICATE-----\n";

#[test]
fn the_same_certificates_are_the_same_set() {
    let both = Authorities::new(&format!("{A}{B}"));
    let others = [
        format!("{B}{A}"),
        format!("{B}# of the old authority\n{A}{A}"),
        format!("{A}{B}").replace('\n', "\r\n"),
        format!("-----BEGIN PRIVATE KEY-----\nDDDD\n-----END PRIVATE KEY-----\n{A}{B}"),
    ];
    for other in &others {
        assert_eq!(both, Authorities::new(other), "{other}");
    }
    assert_eq!(both.count(), 2);
    assert_ne!(both, Authorities::new(A));
    assert!(!both.pem().contains("PRIVATE"));
}

#[test]
fn nothing_is_lost_on_the_way_to_another_process() {
    let set = Authorities::new(&format!("{A}{B}"));
    let json = serde_json::to_value(&set).unwrap();
    assert_eq!(json["count"], 2);
    let read: Authorities = serde_json::from_value(json).unwrap();
    assert_eq!((read.pem(), read.hash), (set.pem(), set.hash));
}
