//! By what clients reach a Gateway.

use super::addresses::{Binds, is_internal};
use super::assigned::{Assigned, Entry, Foreign, Giver, Lack, Routability, Stock, Unsatisfied};
use super::ports::Ports;
use super::verdict::{GatewayAddressesAssigned, GatewayProgrammed, Verdict};
use crate::api::Service;
use crate::api::gateway::Gateway;
use crate::api::gateway_parameters::ServiceType;
use crate::index::Index;
use crate::infra::{self, Address, Claim};
use crate::model::ObjectKey;
use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

/// By what clients reach a Gateway.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Reached {
    /// All that can be given to it; none before it has its ports, or while it is not accepted.
    pub stock: Option<Stock>,
    /// What it is told to have: an address for each entry of the spec that can have one.
    pub assigned: Vec<Assigned>,
    /// The other entries.
    pub unsatisfied: Vec<Unsatisfied>,
    /// Why it has no ports of the pods, or not the Service that it is to have, yet.
    pub missing: Option<Missing>,
    /// Whether the addresses are those of the nodes with pods that are ready.
    pub by_nodes: bool,
}

/// Why a Gateway is not reached.
type Missing = Verdict<GatewayProgrammed>;

/// What there is to say of a Gateway's addresses.
#[derive(Debug)]
pub struct Outcome<'a> {
    /// Those that it has.
    pub addresses: Vec<&'a Assigned>,
    /// None as long as it waits for whoever gives them.
    pub assigned: Option<Verdict<GatewayAddressesAssigned>>,
    /// Why it is not programmed, if that is for its addresses.
    pub missing: Option<Missing>,
}

impl Reached {
    pub(super) fn find(
        index: &Index,
        ports: &Ports,
        binds: &Binds<'_>,
        (asked, type_): (&[Entry], Option<ServiceType>),
        gateway: &Gateway,
        claims: &BTreeSet<Claim>,
    ) -> Self {
        let (pods, is_host) = match binds {
            Binds::Pods { pods, host, .. } => (pods, host.is_some()),
            Binds::Addresses(addresses) => {
                let usual = Ok(addresses.iter().copied().map(Address::Ip).collect());
                let (giver, service) = (Giver::Sockets, String::new());
                let stock = Some(Stock { giver, usual, cluster: Vec::new(), service });
                return Self { stock, ..Self::default() };
            }
        };
        if claims.is_empty() {
            return Self::default();
        }
        if let Some(missing) = no_port(ports, claims) {
            return Self { missing: Some(missing), ..Self::default() };
        }
        let key = ObjectKey::new(&*pods.home.namespace, infra::service_name(gateway));
        let service = index.get::<Service>(&key);
        let by_nodes = is_host || service.is_some_and(|service| infra::is_reached_by_nodes(service));
        let by_nodes = by_nodes && !is_internal(asked);
        let giver = match service {
            _ if by_nodes => Giver::Nodes,
            Some(service) if infra::is_balanced(service) => Giver::Balancer,
            _ => Giver::Service,
        };
        let usual = match service {
            // The node's proxy answers in the families of the Service only.
            Some(service) if by_nodes && !is_host => of_nodes(ports, |ip| infra::has_family(service, ip)),
            _ if by_nodes => of_nodes(ports, |_| true),
            Some(service) => infra::addresses(service),
            None => Err(format!("Service {key} is not there yet")),
        };
        let cluster = service.map(|service| infra::cluster_addresses(service)).unwrap_or_default();
        // What is there is not what is asked for: an address of the inside is not yet the only one, or not
        // one of those for the outside.
        let wanted = infra::service_type(type_, is_host, is_internal(asked));
        let other = service.and_then(|service| infra::other_type(service, wanted));
        let missing = other.map(|type_| {
            let why =
                format!("Service {key} is of type {type_} still, and is about to be of type {wanted:?}");
            Verdict::new(GatewayProgrammed::Pending, why)
        });
        let stock = Some(Stock { giver, usual, cluster, service: key.to_string() });
        Self { stock, missing, by_nodes, ..Self::default() }
    }

    /// Gives each entry its address, once it is known what is another Gateway's.
    pub(super) fn assign(&mut self, asked: &[Entry], foreign: &Foreign) {
        let Some(stock) = self.stock.as_ref().filter(|_| self.missing.is_none()) else { return };
        (self.assigned, self.unsatisfied) = match asked {
            [] => (stock.unasked(), Vec::new()),
            some => stock.assign(some, foreign),
        };
    }

    /// Whether an entry may still get the address that it asks for. A Service keeps its ClusterIPs.
    pub(super) fn may_have(&self, entry: &Entry) -> bool {
        let cluster = match (&entry.routability, &self.stock) {
            (Routability::Unknown(_), _) => return false,
            (Routability::Cluster, _) if entry.is_name => return false,
            (Routability::Cluster, Some(stock)) => &*stock.cluster,
            _ => return true,
        };
        cluster.is_empty() || entry.value.as_ref().is_none_or(|value| cluster.contains(value))
    }

    /// Everything by which it can be reached.
    pub(super) fn all(&self) -> Vec<Address> {
        self.stock.as_ref().map(Stock::all).unwrap_or_default()
    }

    /// Whether something is missing that more ports of the pods could mend.
    pub(super) fn waits_for_ports(&self) -> bool {
        self.missing.is_some()
    }

    /// Whether what is missing usually comes by itself, and soon.
    pub fn is_on_its_way(&self) -> bool {
        if let Some(missing) = &self.missing {
            return missing.reason == GatewayProgrammed::Pending;
        }
        let waits = |one: &Unsatisfied| matches!(one.lack, Lack::Waits | Lack::NotGiven);
        let none_yet = self.stock.as_ref().is_some_and(|stock| stock.usual.is_err());
        self.unsatisfied.iter().any(waits)
            || self.assigned.is_empty() && none_yet && self.unsatisfied.is_empty()
    }

    /// What there is to say; `lost` are addresses on which nothing can listen, and why.
    pub fn outcome(&self, asked: &[Entry], lost: &BTreeMap<IpAddr, String>) -> Outcome<'_> {
        let why_lost = |one: &Assigned| lost.get(&one.address.ip()?);
        let addresses: Vec<_> = self.assigned.iter().filter(|one| why_lost(one).is_none()).collect();
        if let Some(missing) = &self.missing {
            return Outcome { addresses, assigned: None, missing: Some(missing.clone()) };
        }
        let Some(stock) = &self.stock else { return Outcome { addresses, assigned: None, missing: None } };
        if asked.is_empty() {
            return default_outcome(stock, addresses, lost);
        }
        let of_lost = self.assigned.iter().filter_map(|one| {
            let (entry, why) = (one.entry?, why_lost(one)?);
            Some(Unsatisfied { entry, why: format!("spec.addresses[{entry}]: {why}"), lack: Lack::Never })
        });
        let mut unsatisfied: Vec<_> = self.unsatisfied.iter().cloned().chain(of_lost).collect();
        unsatisfied.sort_by_key(|one| one.entry);
        let has = |lack| unsatisfied.iter().any(|one| one.lack == lack);
        let is_static =
            unsatisfied.iter().any(|one| asked.get(one.entry).is_some_and(|entry| entry.is_static()));
        let message = unsatisfied.iter().map(|one| &*one.why).collect::<Vec<_>>().join("; ");
        let (assigned, reason) = match (unsatisfied.is_empty(), addresses.is_empty()) {
            (true, _) => (Some(GatewayAddressesAssigned::AddressesAssigned), None),
            // GEP-5093 would have the Gateway programmed with the others. But Gateway API's suite takes an
            // address that is asked for by its value as one that the Gateway must not be without.
            (false, false) => (
                Some(GatewayAddressesAssigned::PartiallyAssigned),
                is_static.then_some(GatewayProgrammed::AddressNotUsable),
            ),
            (false, true) if unsatisfied.iter().all(|one| one.lack == Lack::Waits) => {
                (None, Some(GatewayProgrammed::AddressNotAssigned))
            }
            // That none can be had is not known as long as only one was asked for.
            (false, true) => (
                Some(GatewayAddressesAssigned::NotAssigned),
                Some(match has(Lack::NotAsked) {
                    true => GatewayProgrammed::AddressNotUsable,
                    false => GatewayProgrammed::AddressNotAssigned,
                }),
            ),
        };
        let assigned = assigned.map(|reason| Verdict::new(reason, message.as_str()));
        let missing = reason.map(|reason| Verdict::new(reason, message));
        Outcome { addresses, assigned, missing }
    }
}

/// Where nothing is asked for.
fn default_outcome<'a>(
    stock: &Stock,
    addresses: Vec<&'a Assigned>,
    lost: &BTreeMap<IpAddr, String>,
) -> Outcome<'a> {
    if !addresses.is_empty() {
        let assigned = Some(Verdict::good(GatewayAddressesAssigned::AddressesAssigned));
        return Outcome { addresses, assigned, missing: None };
    }
    match (&stock.usual, lost.values().next()) {
        (Err(why), _) => {
            let missing = Some(Verdict::new(GatewayProgrammed::AddressNotAssigned, why.as_str()));
            Outcome { addresses, assigned: None, missing }
        }
        (Ok(_), Some(why)) => Outcome {
            addresses,
            assigned: Some(Verdict::new(GatewayAddressesAssigned::NotAssigned, why.as_str())),
            missing: Some(Verdict::new(GatewayProgrammed::AddressNotUsable, why.as_str())),
        },
        (Ok(_), None) => Outcome { addresses, assigned: None, missing: None },
    }
}

fn no_port(ports: &Ports, claims: &BTreeSet<Claim>) -> Option<Missing> {
    let allocation = ports.allocation();
    if claims.iter().all(|claim| allocation.port(claim).is_some()) {
        return None;
    }
    Some(if allocation.is_full() {
        let why = "every port of the pods is given to a Gateway or rests for a quarter of an hour after one: \
                   delete listeners that are not needed";
        Verdict::new(GatewayProgrammed::NoResources, why)
    } else {
        Verdict::new(GatewayProgrammed::Pending, "no port of the pods is given yet")
    })
}

fn of_nodes(ports: &Ports, is_served: impl Fn(IpAddr) -> bool) -> Result<Vec<Address>, String> {
    let nodes: Vec<_> = ports.nodes().iter().copied().filter(|ip| is_served(*ip)).map(Address::Ip).collect();
    if nodes.is_empty() {
        Err("no node is known on which a pod of Tidegate is ready".to_owned())
    } else {
        Ok(nodes)
    }
}

#[cfg(test)]
mod tests;
