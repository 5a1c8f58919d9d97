//! By what clients reach a Gateway.

use super::addresses::{Asked, Binds};
use super::ports::Ports;
use super::verdict::{GatewayProgrammed, Verdict};
use crate::api::Service;
use crate::api::gateway::Gateway;
use crate::index::Index;
use crate::infra::{self, Address, Claim};
use crate::model::ObjectKey;
use std::collections::BTreeSet;
use std::net::IpAddr;

/// By what clients reach a Gateway.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Reached {
    /// Where it is reached.
    pub addresses: Vec<Address>,
    /// Why that is not, or not yet, what was asked for.
    pub missing: Option<Verdict<GatewayProgrammed>>,
    /// Whether the addresses are those of the nodes with pods that are ready.
    pub by_nodes: bool,
}

/// Why a Gateway is not reached.
type Missing = Verdict<GatewayProgrammed>;

impl Reached {
    pub(super) fn find(
        index: &Index,
        ports: &Ports,
        binds: &Binds<'_>,
        asked: &Asked,
        gateway: (&ObjectKey, &Gateway),
        claims: &BTreeSet<Claim>,
    ) -> Self {
        let pods = match binds {
            Binds::Pods { pods, .. } => pods,
            Binds::Addresses(addresses) => {
                let addresses = addresses.iter().copied().map(Address::Ip).collect();
                return Self { addresses, ..Self::default() };
            }
        };
        if claims.is_empty() {
            return Self::default();
        }
        if let Some(missing) = no_port(ports, claims) {
            return Self { missing: Some(missing), ..Self::default() };
        }
        let key = ObjectKey::new(&*pods.home.namespace, infra::service_name(gateway.1));
        let service = index.get::<Service>(&key);
        let is_host = pods.host.as_ref().is_some_and(|host| host.gateway == *gateway.0);
        let by_nodes = is_host || service.is_some_and(|service| infra::is_reached_by_nodes(service));
        let not_yet = |why: String| Verdict::new(GatewayProgrammed::AddressNotAssigned, why);
        let found = match service {
            // The node's proxy answers in the families of the Service only.
            Some(service) if by_nodes && !is_host => of_nodes(ports, |ip| infra::has_family(service, ip)),
            _ if by_nodes => of_nodes(ports, |_| true),
            Some(service) => infra::addresses(service).map_err(not_yet),
            None => Err(not_yet(format!("Service {key} is not there yet"))),
        };
        let (addresses, missing) = match found {
            Ok(addresses) => (addresses, None),
            Err(missing) => (Vec::new(), Some(missing)),
        };
        // Who asks for an address that cannot be had is told that, not that none came yet.
        let missing = not_given(asked, &addresses).or(missing);
        Self { addresses, missing, by_nodes }
    }
}

impl Reached {
    /// Whether what is missing usually comes by itself, and soon.
    pub fn is_on_its_way(&self) -> bool {
        match self.missing.as_ref().map(|missing| missing.reason) {
            Some(GatewayProgrammed::Pending | GatewayProgrammed::AddressNotAssigned) => true,
            // Whoever gives addresses has not answered yet.
            Some(GatewayProgrammed::AddressNotUsable) => self.addresses.is_empty(),
            _ => false,
        }
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

fn of_nodes(ports: &Ports, is_served: impl Fn(IpAddr) -> bool) -> Result<Vec<Address>, Missing> {
    let nodes: Vec<_> = ports.nodes().iter().copied().filter(|ip| is_served(*ip)).map(Address::Ip).collect();
    if nodes.is_empty() {
        let why = "no node is known on which a pod of Tidegate is ready";
        return Err(Verdict::new(GatewayProgrammed::AddressNotAssigned, why));
    }
    Ok(nodes)
}

fn not_given(asked: &Asked, given: &[Address]) -> Option<Missing> {
    let address = asked.addresses.iter().find(|address| !given.contains(address))?;
    let why = format!(
        "spec.addresses: {address} was not given to the Gateway: it is in no range of the cluster's load balancer, \
         or in use"
    );
    Some(Verdict::new(GatewayProgrammed::AddressNotUsable, why))
}
