//! Where a Gateway's listeners listen.

use super::options::{HostPorts, Place, Pods};
use super::verdict::{GatewayAccepted, Verdict};
use crate::api::gateway::GatewaySpec;
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

/// The addresses that a Gateway asks for.
#[derive(Debug)]
pub(super) struct Asked {
    /// Without doubles, in the order of the spec.
    pub(super) addresses: Vec<Address>,
    /// Any address will do: none is asked for, or one without a value.
    any: bool,
}

/// Reads `spec.addresses`.
pub(super) fn asked(spec: &GatewaySpec, place: &Place) -> Result<Asked, Verdict<GatewayAccepted>> {
    let mut asked = Asked { addresses: Vec::new(), any: spec.addresses.is_empty() };
    for (index, wire) in spec.addresses.iter().enumerate() {
        let refuse = |problem: String| {
            let message = format!("spec.addresses[{index}].{problem}");
            Err(Verdict::new(GatewayAccepted::UnsupportedAddress, message))
        };
        let address = match (&*wire.type_, wire.value.as_deref()) {
            // "When a value is unspecified, an implementation SHOULD automatically assign an
            // address matching the requested type if possible."
            ("IPAddress", None | Some("")) => {
                asked.any = true;
                continue;
            }
            ("IPAddress", Some(text)) => match text.parse() {
                Ok(address) => Address::Ip(address),
                Err(_) => return refuse(format!("value: {text:?} is no IP address")),
            },
            // A load balancer may have been given one.
            ("Hostname", Some(name)) if !name.is_empty() && matches!(place, Place::Pods(_)) => {
                Address::Hostname(name.to_owned())
            }
            (other, _) => return refuse(format!("type: {other:?} is not supported: use IPAddress")),
        };
        if !asked.addresses.contains(&address) {
            asked.addresses.push(address);
        }
    }
    Ok(asked)
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
        asked: &Asked,
        place: &'a Place,
        allocation: &'a Allocation,
        gateway: (&ObjectKey, &Arc<str>),
    ) -> Self {
        let (key, uid) = gateway;
        match place {
            Place::Pods(pods) => {
                let host = pods.host.as_ref().filter(|host| host.gateway == *key);
                Self::Pods { pods, allocation, uid: uid.clone(), host }
            }
            Place::Addresses { default } => {
                let ips = asked.addresses.iter().filter_map(Address::ip);
                let mut addresses: Vec<_> = ips.collect();
                if asked.any && !addresses.contains(default) {
                    addresses.push(*default);
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
