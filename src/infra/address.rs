//! By what clients reach a Gateway.

use crate::api::Service;
use k8s_openapi::api::core::v1::ServiceSpec;
use std::fmt;
use std::net::IpAddr;

/// One address of a Gateway.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Address {
    /// An IP address.
    Ip(IpAddr),
    /// A name, as some clouds give to their load balancers.
    Hostname(String),
}

impl Address {
    /// The IP address, if it is one.
    pub fn ip(&self) -> Option<IpAddr> {
        match self {
            Self::Ip(ip) => Some(*ip),
            Self::Hostname(_) => None,
        }
    }

    /// As in `status.addresses[].type`.
    pub fn type_(&self) -> &'static str {
        match self {
            Self::Ip(_) => "IPAddress",
            Self::Hostname(_) => "Hostname",
        }
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Ip(ip) => ip.fmt(f),
            Self::Hostname(name) => f.write_str(name),
        }
    }
}

/// Whether clients come to a Service by its nodes.
pub fn is_reached_by_nodes(service: &Service) -> bool {
    service.spec.as_ref().is_some_and(|spec| spec.type_.as_deref() == Some("NodePort"))
}

/// Whether a load balancer gives a Service its addresses.
pub fn is_balanced(service: &Service) -> bool {
    service.spec.as_ref().is_some_and(|spec| spec.type_.as_deref() == Some("LoadBalancer"))
}

/// The ClusterIPs of a Service of any type.
pub fn cluster_addresses(service: &Service) -> Vec<Address> {
    service.spec.as_ref().map(cluster_ips).unwrap_or_default()
}

/// Whether a Service is reached by addresses of that family.
pub fn has_family(service: &Service, ip: IpAddr) -> bool {
    let families = service.spec.as_ref().and_then(|spec| spec.ip_families.as_deref()).unwrap_or_default();
    families.is_empty() || families.iter().any(|family| family == if ip.is_ipv4() { "IPv4" } else { "IPv6" })
}

/// The addresses that a Service has; or, in words for the Gateway's owner, why it has none.
///
/// # Errors
/// It has none yet.
pub fn addresses(service: &Service) -> Result<Vec<Address>, String> {
    let spec = service.spec.clone().unwrap_or_default();
    let found: Vec<_> = match spec.type_.as_deref() {
        Some("LoadBalancer") => balancer(service),
        _ => cluster_ips(&spec),
    };
    if found.is_empty() { Err(why_none(service, &spec)) } else { Ok(found) }
}

fn balancer(service: &Service) -> Vec<Address> {
    let status = service.status.as_ref().and_then(|status| status.load_balancer.as_ref());
    let ingress = status.and_then(|status| status.ingress.as_ref()).into_iter().flatten();
    // A load balancer with a name may have addresses that change: the name is the one to use.
    let each = ingress.filter_map(|ingress| match (&ingress.hostname, &ingress.ip) {
        (Some(name), _) if !name.is_empty() => Some(Address::Hostname(name.clone())),
        (_, Some(ip)) => ip.parse().ok().map(Address::Ip),
        _ => None,
    });
    each.collect()
}

fn cluster_ips(spec: &ServiceSpec) -> Vec<Address> {
    let all = spec.cluster_ips.iter().flatten().chain(&spec.cluster_ip);
    let mut found: Vec<_> = all.filter_map(|ip| ip.parse().ok()).map(Address::Ip).collect();
    let mut seen = std::collections::BTreeSet::new();
    found.retain(|address| seen.insert(address.clone()));
    found
}

fn why_none(service: &Service, spec: &ServiceSpec) -> String {
    let metadata = &service.metadata;
    let name = format!(
        "{}/{}",
        metadata.namespace.as_deref().unwrap_or_default(),
        metadata.name.as_deref().unwrap_or_default()
    );
    match spec.type_.as_deref() {
        Some("LoadBalancer") => format!(
            "Service {name} has no address: no load balancer of this cluster has given it one yet; where there \
             is none, set service.type of the GatewayParameters to NodePort or ClusterIP"
        ),
        _ => format!("Service {name} has no address yet"),
    }
}

#[cfg(test)]
mod tests;
