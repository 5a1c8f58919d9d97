//! Where a Gateway's listeners listen, and by what clients reach it.

use super::options::{Place, Pods};
use super::verdict::{GatewayAccepted, GatewayProgrammed, Verdict};
use crate::api::Service;
use crate::api::gateway::{Gateway, GatewaySpec};
use crate::index::Index;
use crate::infra::{self, Address, Allocation, Claim, Protocol};
use crate::model::ObjectKey;
use std::collections::BTreeSet;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

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
    Pods { pods: &'a Pods, allocation: &'a Allocation, uid: Arc<str> },
}

impl<'a> Binds<'a> {
    pub(super) fn new(asked: &Asked, place: &'a Place, allocation: &'a Allocation, uid: &Arc<str>) -> Self {
        match place {
            Place::Pods(pods) => Self::Pods { pods, allocation, uid: uid.clone() },
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
    pub(super) fn of(&self, port: u16) -> Vec<SocketAddr> {
        match self {
            Self::Addresses(addresses) => addresses.iter().map(|ip| SocketAddr::new(*ip, port)).collect(),
            Self::Pods { pods, allocation, uid } => {
                let port = allocation.port(&claim(uid, port));
                let sockets = |port| pods.binds.iter().map(move |ip| SocketAddr::new(*ip, port));
                port.into_iter().flat_map(sockets).collect()
            }
        }
    }

    /// What has to be given for these listener ports.
    pub(super) fn claims(&self, ports: impl Iterator<Item = u16>) -> BTreeSet<Claim> {
        match self {
            Self::Addresses(_) => BTreeSet::new(),
            Self::Pods { uid, .. } => ports.map(|port| claim(uid, port)).collect(),
        }
    }
}

fn claim(uid: &Arc<str>, port: u16) -> Claim {
    Claim { gateway_uid: uid.clone(), protocol: Protocol::Tcp, port }
}

/// By what clients reach a Gateway.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Reached {
    /// Where it is reached.
    pub addresses: Vec<Address>,
    /// Why that is not, or not yet, what was asked for.
    pub missing: Option<Verdict<GatewayProgrammed>>,
}

impl Reached {
    pub(super) fn find(
        index: &Index,
        binds: &Binds<'_>,
        asked: &Asked,
        gateway: &Gateway,
        claims: &BTreeSet<Claim>,
    ) -> Self {
        let (pods, allocation) = match binds {
            Binds::Pods { pods, allocation, .. } => (pods, allocation),
            Binds::Addresses(addresses) => {
                return Self {
                    addresses: addresses.iter().copied().map(Address::Ip).collect(),
                    missing: None,
                };
            }
        };
        if claims.is_empty() {
            return Self::default();
        }
        let missing = |reason, why: String| Some(Verdict::new(reason, why));
        if claims.iter().any(|claim| allocation.port(claim).is_none()) {
            let missing = if allocation.is_full() {
                let why = "every port of the pods is given to a Gateway or rests for a quarter of an hour after \
                           one: delete listeners that are not needed";
                missing(GatewayProgrammed::NoResources, why.to_owned())
            } else {
                missing(GatewayProgrammed::Pending, "no port of the pods is given yet".to_owned())
            };
            return Self { addresses: Vec::new(), missing };
        }
        let key = ObjectKey::new(&*pods.home.namespace, infra::service_name(gateway));
        let Some(service) = index.get::<Service>(&key) else {
            let why = format!("Service {key} is not there yet");
            return Self {
                addresses: Vec::new(),
                missing: missing(GatewayProgrammed::AddressNotAssigned, why),
            };
        };
        let found = infra::addresses(service);
        let given = found.as_deref().unwrap_or_default();
        let missing = match asked.addresses.iter().find(|address| !given.contains(address)) {
            Some(address) => {
                let why = format!(
                    "spec.addresses: {address} was not given to Service {key}: it is in no range of the cluster's \
                     load balancer, or in use"
                );
                missing(GatewayProgrammed::AddressNotUsable, why)
            }
            None => found
                .as_ref()
                .err()
                .and_then(|why| missing(GatewayProgrammed::AddressNotAssigned, why.clone())),
        };
        Self { addresses: found.unwrap_or_default(), missing }
    }
}
