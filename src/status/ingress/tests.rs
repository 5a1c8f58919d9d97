use super::*;
use serde_json::json;

fn live(points: serde_json::Value) -> IngressStatus {
    serde_json::from_value(json!({ "loadBalancer": { "ingress": points } })).unwrap()
}

fn ip(text: &str) -> Address {
    Address::Ip(text.parse().unwrap())
}

fn written(merged: Merged) -> (serde_json::Value, bool) {
    let Status::Ingress(status) = merged.status else { panic!("{merged:?}") };
    (serde_json::to_value(status.load_balancer.unwrap().ingress).unwrap(), merged.changed)
}

#[test]
fn only_what_differs_is_written() {
    let addresses = [ip("192.0.2.1"), Address::Hostname("lb.example.com".to_owned())];
    let wanted = json!([{ "ip": "192.0.2.1" }, { "hostname": "lb.example.com" }]);
    assert_eq!(written(merge(&addresses, None)), (wanted.clone(), true));
    assert_eq!(written(merge(&addresses, Some(&live(wanted.clone())))), (wanted, false));
    // What somebody says of the ports stays with its address.
    let ports = json!([{ "ip": "192.0.2.1", "ports": [{ "port": 80, "protocol": "TCP" }] }]);
    assert_eq!(written(merge(&addresses[..1], Some(&live(ports.clone())))), (ports, false));
    assert_eq!(
        written(merge(&addresses[..1], Some(&live(json!([{ "ip": "192.0.2.9" }]))))),
        (json!([{ "ip": "192.0.2.1" }]), true)
    );
    assert!(!merge(&[], None).changed);
    assert!(!merge(&[], Some(&IngressStatus::default())).changed);
}

#[test]
fn who_leaves_loses_only_what_was_written_here() {
    let ours = [ip("192.0.2.1")];
    assert_eq!(written(leave(&ours, Some(&live(json!([{ "ip": "192.0.2.1" }]))))), (json!([]), true));
    let theirs = json!([{ "ip": "198.51.100.1" }]);
    assert_eq!(written(leave(&ours, Some(&live(theirs.clone())))), (theirs, false));
    let both = json!([{ "ip": "192.0.2.1" }, { "ip": "198.51.100.1" }]);
    assert_eq!(written(leave(&ours, Some(&live(both.clone())))), (both, false));
    assert!(!leave(&ours, None).changed);
    assert!(!leave(&ours, Some(&IngressStatus::default())).changed);
}
