use super::*;
use serde_json::{Value, json};

fn of(spec: Value, status: Value) -> Result<Vec<String>, String> {
    let service = serde_json::from_value(json!({
        "metadata": { "namespace": "tidegate-system", "name": "gw-web-shop" }, "spec": spec, "status": status,
    }));
    Ok(addresses(&service.unwrap())?.iter().map(|address| format!("{} {address}", address.type_())).collect())
}

#[test]
fn a_load_balancer_has_what_the_cloud_gave_it() {
    let spec = json!({ "type": "LoadBalancer", "clusterIP": "10.96.0.9", "clusterIPs": ["10.96.0.9"] });
    let given = |ingress: Value| of(spec.clone(), json!({ "loadBalancer": { "ingress": ingress } }));
    assert_eq!(
        given(json!([{ "ip": "198.51.100.7" }, { "ip": "2001:db8::7" }])).unwrap(),
        ["IPAddress 198.51.100.7", "IPAddress 2001:db8::7"]
    );
    assert_eq!(
        given(json!([{ "hostname": "a.elb.example", "ip": "192.0.2.1" }])).unwrap(),
        ["Hostname a.elb.example"]
    );
    assert_eq!(given(json!([{ "ip": "nonsense" }])).unwrap_err(), given(json!([])).unwrap_err());
    assert!(given(json!([])).unwrap_err().contains("Service tidegate-system/gw-web-shop has no address"));
}

#[test]
fn one_inside_the_cluster_has_its_cluster_addresses() {
    let spec =
        json!({ "type": "ClusterIP", "clusterIP": "10.96.0.9", "clusterIPs": ["10.96.0.9", "fd00::9"] });
    assert_eq!(of(spec, json!({})).unwrap(), ["IPAddress 10.96.0.9", "IPAddress fd00::9"]);
    assert!(of(json!({ "type": "ClusterIP" }), json!({})).unwrap_err().contains("no address yet"));
}

#[test]
fn a_service_is_reached_in_its_families_only() {
    let is_reached = |spec: Value, ip: &str| {
        has_family(
            &serde_json::from_value(json!({ "metadata": {}, "spec": spec })).unwrap(),
            ip.parse().unwrap(),
        )
    };
    let single = json!({ "type": "NodePort", "ipFamilies": ["IPv4"] });
    assert!(is_reached(single.clone(), "192.0.2.10"));
    assert!(!is_reached(single, "2001:db8::10"));
    let both = json!({ "type": "NodePort", "ipFamilies": ["IPv6", "IPv4"] });
    assert!(is_reached(both.clone(), "192.0.2.10") && is_reached(both, "2001:db8::10"));
    // Of an API server that does not say so.
    assert!(is_reached(json!({}), "192.0.2.10"));
}
