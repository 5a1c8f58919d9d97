//! EndpointSlices.

use super::is_of;
use crate::api::EndpointSlice;
use crate::model::{Endpoint, IpProtocol};
use std::net::{IpAddr, SocketAddr};

/// The endpoints of a slice for the Service's port of this name (empty for the only port of a
/// Service, which may have none). Slices of names (`addressType: FQDN`) have none: they can
/// point anywhere, as an ExternalName can.
pub fn endpoints(slice: &EndpointSlice, port_name: &str, protocol: IpProtocol) -> Vec<Endpoint> {
    if slice.address_type == "FQDN" {
        return Vec::new();
    }
    let port = slice.ports.iter().flatten().find(|port| {
        port.name.as_deref().unwrap_or_default() == port_name && is_of(port.protocol.as_deref(), protocol)
    });
    let Some(port) = port.and_then(|port| u16::try_from(port.port?).ok()) else { return Vec::new() };
    let each = slice.endpoints.iter().flatten();
    each.filter_map(|wire| {
        // All addresses of one endpoint are the same; Kubernetes itself looks at the first.
        let ip: IpAddr = wire.addresses.first()?.parse().ok()?;
        let conditions = wire.conditions.as_ref();
        let ready = conditions.and_then(|known| known.ready).unwrap_or(true);
        Some(Endpoint {
            address: SocketAddr::new(ip, port),
            ready,
            serving: conditions.and_then(|known| known.serving).unwrap_or(ready),
            terminating: conditions.and_then(|known| known.terminating).unwrap_or(false),
            zone: wire.zone.as_deref().map(Into::into),
        })
    })
    .collect()
}

#[cfg(test)]
mod tests;
