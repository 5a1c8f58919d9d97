use super::*;
use serde_json::json;

#[test]
fn conditions_have_the_defaults_of_kubernetes() {
    let slice = serde_json::from_value(json!({
        "addressType": "IPv4",
        "metadata": {},
        "ports": [{"name": "", "port": 80}],
        "endpoints": [
            {"addresses": ["10.0.0.1"]},
            {"addresses": ["10.0.0.2"], "conditions": {"ready": false}},
            {"addresses": ["10.0.0.3"], "conditions": {"ready": false, "serving": true, "terminating": true}},
            {"addresses": ["not-an-address"]},
        ],
    }))
    .unwrap();
    let found: Vec<_> = endpoints(&slice, "", IpProtocol::Tcp)
        .iter()
        .map(|endpoint| {
            (endpoint.address.to_string(), endpoint.ready, endpoint.serving, endpoint.terminating)
        })
        .collect();
    assert_eq!(
        found,
        [
            ("10.0.0.1:80".to_owned(), true, true, false),
            ("10.0.0.2:80".to_owned(), false, false, false),
            ("10.0.0.3:80".to_owned(), false, true, true),
        ]
    );
}

#[test]
fn the_port_is_found_by_name_and_must_be_tcp() {
    let slice = |ports: serde_json::Value| {
        serde_json::from_value(json!({
            "addressType": "IPv6", "metadata": {}, "ports": ports, "endpoints": [{"addresses": ["fd00::1"]}],
        }))
        .unwrap()
    };
    let ports = json!([{"name": "a", "port": 1}, {"name": "b", "port": 2, "protocol": "UDP"}, {"name": "c"}]);
    let count = |name: &str| endpoints(&slice(ports.clone()), name, IpProtocol::Tcp).len();
    assert_eq!((count("a"), count("b"), count("c"), count("")), (1, 0, 0, 0));
}
