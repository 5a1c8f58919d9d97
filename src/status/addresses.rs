//! What is told of a Gateway's addresses.

use super::wanted::Progress;
use crate::attach::Gateway;
use crate::attach::verdict::{GatewayAccepted, GatewayAddressesAssigned, GatewayProgrammed, Verdict};
use crate::infra::Address;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::net::IpAddr;

/// What the API takes of a Gateway's addresses.
const LIMIT: usize = 16;

/// One of a Gateway's addresses, as it is told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GatewayAddress {
    /// The address.
    pub address: Address,
    /// From where it can be reached; none where the API has no place for that.
    pub routability: Option<&'static str>,
}

impl fmt::Display for GatewayAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.address.fmt(f)
    }
}

/// Those that it has.
pub(super) fn told(gateway: &Gateway, progress: Progress<'_>) -> Vec<GatewayAddress> {
    if !gateway.accepted.holds() {
        return Vec::new();
    }
    let outcome = gateway.reached.outcome(&gateway.asked, &lost(gateway, progress));
    let each = outcome.addresses.into_iter().map(|one| GatewayAddress {
        address: one.address.clone(),
        routability: gateway.tells_routability.then(|| one.routability.as_str()),
    });
    each.take(LIMIT).collect()
}

/// Whether they are those of its spec. "The condition MUST be omitted until the controller has reconciled
/// address assignment."
pub(super) fn assigned(
    gateway: &Gateway,
    progress: Progress<'_>,
) -> Option<Verdict<GatewayAddressesAssigned>> {
    if is_refused_for_one(gateway) {
        return Some(Verdict::new(GatewayAddressesAssigned::NotAssigned, gateway.accepted.message.as_str()));
    }
    if !gateway.accepted.holds() {
        return None;
    }
    gateway.reached.outcome(&gateway.asked, &lost(gateway, progress)).assigned
}

/// Why it is not programmed, if that is for its addresses.
pub(super) fn missing(gateway: &Gateway, progress: Progress<'_>) -> Option<Verdict<GatewayProgrammed>> {
    if is_refused_for_one(gateway) {
        let why = gateway.accepted.message.as_str();
        return Some(Verdict::new(GatewayProgrammed::AddressNotAssigned, why));
    }
    if !gateway.accepted.holds() {
        return None;
    }
    let lost = lost(gateway, progress);
    let of_spec = gateway.reached.outcome(&gateway.asked, &lost).missing;
    let not_usable = |why: &String| Verdict::new(GatewayProgrammed::AddressNotUsable, why.as_str());
    of_spec.or_else(|| lost.values().next().map(not_usable))
}

/// A type of address that is not supported is refused as a whole, so no entry gets an address.
fn is_refused_for_one(gateway: &Gateway) -> bool {
    gateway.accepted.reason == GatewayAccepted::UnsupportedAddress
}

/// Addresses on which no listener could be opened, and why.
fn lost(gateway: &Gateway, progress: Progress<'_>) -> BTreeMap<IpAddr, String> {
    let binds =
        || gateway.listeners.iter().filter_map(|listener| listener.served.as_ref()).flat_map(|s| &s.binds);
    let open: BTreeSet<_> =
        binds().filter(|bind| !progress.unusable.contains_key(bind)).map(|bind| bind.address.ip()).collect();
    let lost = binds().filter(|bind| !open.contains(&bind.address.ip()));
    lost.filter_map(|bind| Some((bind.address.ip(), format!("{bind}: {}", progress.unusable.get(bind)?))))
        .collect()
}
