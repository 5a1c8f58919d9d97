//! Where a Gateway's listeners listen.

use super::assigned::{Entry, Foreign, Routability, first_of_balancer};
use super::options::{HostPorts, Place, Pods};
use super::verdict::{GatewayAccepted, Verdict};
use crate::api::gateway::{GatewaySpec, GatewaySpecAddress};
use crate::infra::{Address, Allocation, Claim};
use crate::model::{BindAddress, IpProtocol, ObjectKey, Protocol};
use std::collections::BTreeSet;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

/// A port as a listener has it: one number can stand there for TCP and for UDP.
pub(super) type Port = (IpProtocol, u16);

/// Where listeners of a protocol have a port.
pub(super) fn port_of(protocol: Protocol, port: u16) -> Port {
    (protocol.transport().ip_protocol(), port)
}

/// Reads `spec.addresses`.
///
/// # Errors
/// One is of a type that is not supported here, or is no address.
pub(super) fn asked(spec: &GatewaySpec, place: &Place) -> Result<Vec<Entry>, Verdict<GatewayAccepted>> {
    let each = spec.addresses.iter().enumerate().map(|(index, wire)| {
        entry(wire, place).map_err(|problem| {
            let message = format!("spec.addresses[{index}].{problem}");
            Verdict::new(GatewayAccepted::UnsupportedAddress, message)
        })
    });
    each.collect()
}

fn entry(wire: &GatewaySpecAddress, place: &Place) -> Result<Entry, String> {
    let text = wire.value.as_deref().filter(|value| !value.is_empty());
    let is_name = match &*wire.type_ {
        "IPAddress" => false,
        // A load balancer may have been given one.
        "Hostname" if matches!(place, Place::Pods(_)) => true,
        other => return Err(format!("type: {other:?} is not supported: use IPAddress")),
    };
    let value = match text {
        // "When a value is unspecified, an implementation SHOULD automatically assign an address
        // matching the requested type if possible."
        None => None,
        Some(name) if is_name => Some(Address::Hostname(name.to_owned())),
        Some(text) => {
            let ip = text.parse().map_err(|_| format!("value: {text:?} is no IP address"))?;
            Some(Address::Ip(ip))
        }
    };
    Ok(Entry { is_name, value, routability: Routability::of(wire.routability.as_deref()) })
}

/// Whether nothing but addresses for the inside of the cluster is asked for, and what cannot be had
/// anyway: then it is to be reached in no other way.
pub(super) fn is_internal(asked: &[Entry]) -> bool {
    !asked.is_empty() && !asked.iter().any(|entry| entry.routability.is_usual())
}

/// The addresses that a Gateway's Service is to have.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Requested {
    /// The one of the default behaviour.
    pub usual: Option<IpAddr>,
    /// The ClusterIPs.
    pub cluster: Vec<IpAddr>,
    /// How many ClusterIPs it is to have, these among them.
    pub cluster_count: usize,
    /// How many of the default behaviour.
    pub usual_count: usize,
    /// Whether it is to be reached by its ClusterIPs only.
    pub internal: bool,
}

impl Requested {
    /// What may be asked for in a Gateway's name.
    pub(super) fn new(asked: &[Entry], foreign: &Foreign) -> Self {
        let cluster = |entry: &&Entry| entry.routability == Routability::Cluster && !entry.is_name;
        let ours = asked.iter().enumerate().filter(|(index, _)| !foreign.contains_key(index));
        let cluster_ips =
            ours.map(|(_, entry)| entry).filter(cluster).filter_map(|entry| entry.value.as_ref());
        Self {
            usual: first_of_balancer(asked, foreign).and_then(Address::ip),
            cluster: cluster_ips.filter_map(Address::ip).collect(),
            cluster_count: asked.iter().filter(cluster).count(),
            usual_count: asked.iter().filter(|entry| entry.routability.is_usual()).count(),
            internal: is_internal(asked),
        }
    }
}

/// Where the listeners of one Gateway listen.
#[derive(Debug)]
pub(super) enum Binds<'a> {
    /// On its own addresses, with their own ports.
    Addresses(Vec<IpAddr>),
    /// On ports of the pods that were given to it.
    Pods { pods: &'a Pods, allocation: &'a Allocation, uid: Arc<str>, host: Option<&'a HostPorts> },
}

impl<'a> Binds<'a> {
    pub(super) fn new(
        asked: &[Entry],
        place: &'a Place,
        allocation: &'a Allocation,
        gateway: (&ObjectKey, &Arc<str>),
    ) -> Self {
        let (key, uid) = gateway;
        match place {
            Place::Pods(pods) => {
                let host = host_ports(pods, key, asked);
                Self::Pods { pods, allocation, uid: uid.clone(), host }
            }
            Place::Addresses { default } => {
                let usual = asked.iter().filter(|entry| entry.routability.is_usual());
                let wanted = usual.map(|entry| entry.value.as_ref().map_or(Some(*default), Address::ip));
                let mut addresses = Vec::new();
                for ip in wanted.flatten().chain(asked.is_empty().then_some(*default)) {
                    if !addresses.contains(&ip) {
                        addresses.push(ip);
                    }
                }
                Self::Addresses(addresses)
            }
        }
    }

    /// The sockets of a listener port; none as long as no port of the pods was given for it.
    pub(super) fn of(&self, (protocol, port): Port) -> Vec<BindAddress> {
        let bind = |ip: &IpAddr, port| BindAddress { protocol, address: SocketAddr::new(*ip, port) };
        match self {
            Self::Addresses(addresses) => addresses.iter().map(|ip| bind(ip, port)).collect(),
            Self::Pods { pods, allocation, uid, host } => {
                let given = allocation.port(&claim(uid, (protocol, port)));
                // The ports of the nodes that lead to the pods are all of TCP.
                let host = host.filter(|_| protocol.is_tcp());
                let of_host = host.and_then(|host| host.ports.get(&port).copied());
                let sockets = |port| pods.binds.iter().map(move |ip| bind(ip, port));
                given.into_iter().chain(of_host).flat_map(sockets).collect()
            }
        }
    }

    /// What has to be given for these listener ports.
    pub(super) fn claims(&self, ports: impl Iterator<Item = Port>) -> BTreeSet<Claim> {
        match self {
            Self::Addresses(_) => BTreeSet::new(),
            Self::Pods { uid, .. } => ports.map(|port| claim(uid, port)).collect(),
        }
    }
}

/// The ports of the nodes that lead to the Gateway, if it has them: none while it asks to be reached from
/// inside of the cluster only.
pub(super) fn host_ports<'a>(pods: &'a Pods, gateway: &ObjectKey, asked: &[Entry]) -> Option<&'a HostPorts> {
    pods.host.as_ref().filter(|host| host.gateway == *gateway && !is_internal(asked))
}

/// What was given for these listener ports: kept while the Gateway is not accepted, so that it comes
/// back as it was.
pub(super) fn held(
    place: &Place,
    allocation: &Allocation,
    uid: &Arc<str>,
    ports: impl Iterator<Item = Port>,
) -> BTreeSet<Claim> {
    let Place::Pods(_) = place else { return BTreeSet::new() };
    ports.map(|port| claim(uid, port)).filter(|claim| allocation.port(claim).is_some()).collect()
}

fn claim(uid: &Arc<str>, (protocol, port): Port) -> Claim {
    Claim { gateway_uid: uid.clone(), protocol, port }
}
