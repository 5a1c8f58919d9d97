//! Texts of manifests that many tests need.

use super::backend::Backend;
use super::certificates::Pair;
use std::fmt::Write;
use std::net::SocketAddr;

/// A Gateway `gateway` with one HTTP listener for every host on port 8080.
pub fn http_gateway() -> String {
    gateway("- {name: http, protocol: HTTP, port: 8080}")
}

/// A Gateway `gateway` with those listeners, a YAML list.
pub fn gateway(listeners: &str) -> String {
    gateway_with(listeners, "")
}

/// The same with more of its spec.
pub fn gateway_with(listeners: &str, more: &str) -> String {
    format!(
        "apiVersion: gateway.networking.k8s.io/v1
kind: Gateway
metadata: {{name: gateway}}
spec:
  gatewayClassName: tidegate
  addresses: [{{type: IPAddress, value: $ADDRESS}}]
{}
  listeners:
{}
",
        indent(more, 2),
        indent(listeners, 2)
    )
}

/// An HTTPRoute of the Gateway `gateway` with those hosts (none for all) and rules, a YAML list.
pub fn route(name: &str, hosts: &[&str], rules: &str) -> String {
    let hosts: Vec<String> = hosts.iter().map(|host| format!("{host:?}")).collect();
    format!(
        "apiVersion: gateway.networking.k8s.io/v1
kind: HTTPRoute
metadata: {{name: {name}}}
spec:
  parentRefs: [{{name: gateway}}]
  hostnames: [{}]
  rules:
{}
",
        hosts.join(", "),
        indent(rules, 2)
    )
}

/// A route for every host and path to one Service.
pub fn route_to(service: &str) -> String {
    route(&format!("to-{service}"), &[], &format!("- backendRefs: [{{name: {service}, port: 80}}]"))
}

/// A Service with one EndpointSlice for each backend, as each has a port of its own.
pub fn service(name: &str, backends: &[&Backend]) -> String {
    let addresses: Vec<SocketAddr> = backends.iter().map(|backend| backend.address()).collect();
    service_at(name, &addresses, None)
}

/// The same for targets that speak HTTP/2 by prior knowledge.
pub fn h2c_service(name: &str, backends: &[&Backend]) -> String {
    let addresses: Vec<SocketAddr> = backends.iter().map(|backend| backend.address()).collect();
    service_at(name, &addresses, Some("kubernetes.io/h2c"))
}

/// A Service with one EndpointSlice for each address.
pub fn service_at(name: &str, addresses: &[SocketAddr], app_protocol: Option<&str>) -> String {
    let protocol = app_protocol.map(|protocol| format!(", appProtocol: {protocol}")).unwrap_or_default();
    let mut text = format!(
        "apiVersion: v1
kind: Service
metadata: {{name: {name}}}
spec:
  clusterIP: 10.96.0.1
  selector: {{app: {name}}}
  ports: [{{name: http, port: 80, targetPort: http{protocol}}}]
"
    );
    for address in addresses {
        let _ = write!(text, "---\n{}", endpoint_slice(name, *address));
    }
    text
}

/// The slice of one ready endpoint.
pub fn endpoint_slice(service: &str, address: SocketAddr) -> String {
    let family = if address.is_ipv4() { "IPv4" } else { "IPv6" };
    format!(
        "apiVersion: discovery.k8s.io/v1
kind: EndpointSlice
metadata:
  name: {service}-{port}
  labels: {{kubernetes.io/service-name: {service}}}
addressType: {family}
ports: [{{name: http, port: {port}}}]
endpoints: [{{addresses: [\"{ip}\"], conditions: {{ready: true}}}}]
",
        port = address.port(),
        ip = address.ip()
    )
}

/// A TLS Secret.
pub fn secret(name: &str, pair: &Pair) -> String {
    format!(
        "apiVersion: v1
kind: Secret
metadata: {{name: {name}}}
type: kubernetes.io/tls
stringData:
  tls.crt: |
{}
  tls.key: |
{}
",
        indent(&pair.chain_pem, 4),
        indent(&pair.key_pem, 4)
    )
}

/// A ConfigMap with certificates of authorities.
pub fn config_map(name: &str, pem: &str) -> String {
    format!(
        "apiVersion: v1
kind: ConfigMap
metadata: {{name: {name}}}
data:
  ca.crt: |
{}
",
        indent(pem, 4)
    )
}

/// The same for every namespace.
pub fn trust_bundle(name: &str, pem: &str) -> String {
    format!(
        "apiVersion: certificates.k8s.io/v1
kind: ClusterTrustBundle
metadata: {{name: \"{name}\"}}
spec:
  trustBundle: |
{}
",
        indent(pem, 4)
    )
}

/// A BackendTLSPolicy for a Service with that `validation`, a YAML map.
pub fn backend_tls_policy(service: &str, validation: &str) -> String {
    format!(
        "apiVersion: gateway.networking.k8s.io/v1
kind: BackendTLSPolicy
metadata: {{name: {service}}}
spec:
  targetRefs: [{{group: '', kind: Service, name: {service}}}]
  validation: {validation}
"
    )
}

/// An XBackend with the rest of that spec, a YAML map without its braces.
pub fn xbackend(name: &str, spec: &str) -> String {
    format!(
        "apiVersion: gateway.networking.x-k8s.io/v1alpha1
kind: XBackend
metadata: {{name: {name}}}
spec: {{{spec}}}
"
    )
}

/// Documents as one file.
pub fn documents(documents: &[String]) -> String {
    documents.join("---\n")
}

fn indent(text: &str, by: usize) -> String {
    let lines: Vec<String> = text.trim_end().lines().map(|line| format!("{:by$}{line}", "")).collect();
    lines.join("\n")
}
