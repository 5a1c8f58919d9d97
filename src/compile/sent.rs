//! What the data plane has been told.

use crate::model::{Delta, EndpointsKey, IpProtocol, ObjectKey, Resource, ResourceKey, UpstreamKey};
use std::collections::BTreeMap;

/// Every resource as it was sent last, with the changes that are not sent yet.
#[derive(Clone, Debug, Default)]
pub(super) struct Sent {
    version: u64,
    resources: BTreeMap<ResourceKey, Resource>,
    /// None for a removal; whether it was sent before does not matter here.
    pending: BTreeMap<ResourceKey, Option<Resource>>,
}

impl Sent {
    /// Wants a resource to be as given.
    pub(super) fn put(&mut self, resource: Resource) {
        self.pending.insert(resource.key(), Some(resource));
    }

    /// Wants a resource to be gone.
    pub(super) fn remove(&mut self, key: ResourceKey) {
        self.pending.insert(key, None);
    }

    /// The ports of a Service that were sent as upstreams.
    pub(super) fn upstreams_of(&self, service: &ObjectKey) -> Vec<UpstreamKey> {
        let key = |port, protocol| {
            ResourceKey::Upstream(UpstreamKey::Service { service: service.clone(), port, protocol })
        };
        let range = key(0, IpProtocol::Tcp)..=key(u16::MAX, IpProtocol::Udp);
        let keys = self.resources.range(range).map(|(key, _)| key);
        keys.filter_map(|key| if let ResourceKey::Upstream(key) = key { Some(key.clone()) } else { None })
            .collect()
    }

    /// The ports of a Service of which endpoints were sent.
    pub(super) fn endpoints_of(&self, service: &ObjectKey) -> Vec<EndpointsKey> {
        let key = |port, protocol| {
            ResourceKey::Endpoints(EndpointsKey { service: service.clone(), port, protocol })
        };
        let range = key(0, IpProtocol::Tcp)..=key(u16::MAX, IpProtocol::Udp);
        let keys = self.resources.range(range).map(|(key, _)| key);
        keys.filter_map(|key| if let ResourceKey::Endpoints(key) = key { Some(key.clone()) } else { None })
            .collect()
    }

    /// The version that was sent last; 0 before the first.
    pub(super) fn version(&self) -> u64 {
        self.version
    }

    /// All resources that are in force, as one delta for somebody who knows nothing.
    pub(super) fn snapshot(&self) -> Delta {
        let upserts = self.resources.values().cloned().collect();
        Delta { version: self.version, upserts, removals: Vec::new() }
    }

    /// What differs from what was sent, in the order of the keys. The first delta is sent even
    /// if it is empty: workers are ready when they have applied it.
    pub(super) fn flush(&mut self) -> Option<Delta> {
        let mut delta = Delta::default();
        for (key, wanted) in std::mem::take(&mut self.pending) {
            match wanted {
                Some(resource) if self.resources.get(&key) != Some(&resource) => {
                    self.resources.insert(key, resource.clone());
                    delta.upserts.push(resource);
                }
                Some(_) => {}
                None => {
                    if self.resources.remove(&key).is_some() {
                        delta.removals.push(key);
                    }
                }
            }
        }
        if delta.upserts.is_empty() && delta.removals.is_empty() && self.version > 0 {
            return None;
        }
        self.version += 1;
        delta.version = self.version;
        Some(delta)
    }
}
