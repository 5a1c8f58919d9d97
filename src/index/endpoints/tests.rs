use crate::index::Index;
use crate::index::testing::events;
use crate::model::{EndpointsKey, IpProtocol, ObjectKey};

#[test]
fn one_number_for_two_protocols_means_the_one_that_is_asked_for() {
    let mut index = Index::default();
    for event in events(
        "
apiVersion: v1
kind: Service
metadata: {name: dns}
spec: {ports: [{name: udp, port: 53, protocol: UDP}, {name: tcp, port: 53, protocol: TCP}]}
---
apiVersion: discovery.k8s.io/v1
kind: EndpointSlice
metadata: {name: dns-a, labels: {kubernetes.io/service-name: dns}}
addressType: IPv4
ports: [{name: udp, port: 5300, protocol: UDP}, {name: tcp, port: 5301, protocol: TCP}]
endpoints: [{addresses: [10.0.0.1, 10.0.0.2]}]
---
apiVersion: discovery.k8s.io/v1
kind: EndpointSlice
metadata: {name: names, labels: {kubernetes.io/service-name: dns}}
addressType: FQDN
ports: [{name: tcp, port: 5301}]
endpoints: [{addresses: [example.com]}]
",
    ) {
        index.handle(event);
    }
    let of = |port, protocol| EndpointsKey { service: ObjectKey::new("default", "dns"), port, protocol };
    let key = |port| of(port, IpProtocol::Tcp);
    assert_eq!(index.service_port(&key(53)).and_then(|port| port.name.as_deref()), Some("tcp"));
    let addresses: Vec<_> =
        index.endpoints(&key(53)).endpoints.iter().map(|endpoint| endpoint.address.to_string()).collect();
    assert_eq!(addresses, ["10.0.0.1:5301"]);
    assert_eq!(index.endpoints(&key(54)).endpoints, []);
    let udp = of(53, IpProtocol::Udp);
    assert_eq!(index.service_port(&udp).and_then(|port| port.name.as_deref()), Some("udp"));
    let addresses: Vec<_> = index.endpoints(&udp).endpoints.iter().map(|endpoint| endpoint.address).collect();
    assert_eq!(addresses, ["10.0.0.1:5300".parse().unwrap()]);
}
