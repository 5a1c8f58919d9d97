//! EndpointSlices joined per Service port.

use super::Index;
use crate::api::{EndpointSlice, Service, ServicePort};
use crate::convert;
use crate::model::{Endpoint, Endpoints, EndpointsKey, IpProtocol};
use std::collections::BTreeMap;

impl Index {
    /// The Service's port with this number; one number can stand there for TCP and for UDP.
    pub fn service_port(&self, key: &EndpointsKey) -> Option<&ServicePort> {
        let service = self.get::<Service>(&key.service)?;
        let ports = service.spec.as_ref()?.ports.as_ref()?;
        let numbered = || ports.iter().filter(|port| u16::try_from(port.port) == Ok(key.port));
        let wanted = |port: &&ServicePort| convert::is_of(port.protocol.as_deref(), key.protocol);
        numbered().find(wanted).or_else(|| numbered().next())
    }

    /// The endpoints of a Service port over all of its slices; none if the Service does not
    /// have the port. The slices carry the ports that pods listen on, under the name of the
    /// Service's port: so a named or renumbered `targetPort` and a Service without selector
    /// need no care here.
    pub fn endpoints(&self, key: &EndpointsKey) -> Endpoints {
        let mut joined = BTreeMap::new();
        if let Some(port) = self.service_port(key) {
            for slice in self.slices_of(&key.service) {
                join(slice, port, key.protocol, &mut joined);
            }
        }
        Endpoints { key: key.clone(), endpoints: joined.into_values().collect() }
    }
}

fn join(
    slice: &EndpointSlice,
    port: &ServicePort,
    protocol: IpProtocol,
    joined: &mut BTreeMap<std::net::SocketAddr, Endpoint>,
) {
    for endpoint in convert::endpoints(slice, port.name.as_deref().unwrap_or_default(), protocol) {
        // While a controller moves an endpoint to another slice it can stand in both: the
        // better news is the newer one far more often, and a wrong one costs a retry.
        joined
            .entry(endpoint.address)
            .and_modify(|known| {
                if (endpoint.ready, endpoint.serving) > (known.ready, known.serving) {
                    *known = endpoint.clone();
                }
            })
            .or_insert(endpoint);
    }
}

#[cfg(test)]
mod tests;
