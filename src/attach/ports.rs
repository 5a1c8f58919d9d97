//! The ports of the pods, as every replica reads them from one ConfigMap.

use super::gateway::Gateway;
use super::options::{Options, Place};
use crate::api::ConfigMap;
use crate::api::gateway::Gateway as WireGateway;
use crate::index::{Dirty, Index};
use crate::infra::{self, Allocation};
use crate::model::ObjectKey;
use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;
use std::sync::Arc;

/// What was read of them.
#[derive(Debug, Default)]
pub(super) struct Ports {
    read: Option<Arc<ConfigMap>>,
    allocation: Allocation,
    /// The Service of each Gateway, by which it is reached.
    services: BTreeMap<ObjectKey, ObjectKey>,
    /// The addresses of the nodes with pods that are ready.
    nodes: BTreeSet<IpAddr>,
    nodes_changed: bool,
}

impl Ports {
    pub(super) fn allocation(&self) -> &Allocation {
        &self.allocation
    }

    pub(super) fn nodes(&self) -> &BTreeSet<IpAddr> {
        &self.nodes
    }

    /// Pods are ready on the nodes with these addresses.
    pub(super) fn set_nodes(&mut self, nodes: BTreeSet<IpAddr>) {
        self.nodes_changed |= self.nodes != nodes;
        self.nodes = nodes;
    }

    /// Reads the newest ports; returns the Gateways that have others now or whose Service changed.
    pub(super) fn follow(
        &mut self,
        index: &Index,
        dirty: &Dirty,
        options: &Options,
        gateways: &BTreeMap<ObjectKey, Gateway>,
    ) -> BTreeSet<ObjectKey> {
        let Place::Pods(pods) = &options.place else { return BTreeSet::new() };
        let services = dirty.services.iter().filter_map(|service| self.services.get(service));
        let mut touched: BTreeSet<_> = services.cloned().collect();
        if std::mem::take(&mut self.nodes_changed) {
            touched.extend(gateways.keys().cloned());
        }
        let newest = index.get::<ConfigMap>(&pods.ports);
        if newest.map(Arc::as_ptr) == self.read.as_ref().map(Arc::as_ptr) {
            return touched;
        }
        self.read = newest.cloned();
        let data = newest.and_then(|ports| ports.data.clone()).unwrap_or_default();
        // Who writes it tells what is wrong with it.
        let (allocation, _) = Allocation::read(&data);
        let changed = self.allocation.differences(&allocation);
        self.allocation = allocation;
        let others = gateways.iter().filter(|(_, gateway)| changed.contains(&gateway.head.uid));
        touched.extend(others.map(|(key, _)| key.clone()));
        // A Gateway that waits for a port is told when there is none left.
        let waiting = gateways.iter().filter(|(_, gateway)| gateway.reached.waits_for_ports());
        touched.extend(waiting.map(|(key, _)| key.clone()));
        touched
    }

    /// Which Service a Gateway is reached by.
    pub(super) fn set_service(&mut self, options: &Options, gateway: &ObjectKey, wire: Option<&WireGateway>) {
        let Place::Pods(pods) = &options.place else { return };
        self.services.retain(|_, owner| owner != gateway);
        if let Some(wire) = wire {
            let service = ObjectKey::new(&*pods.home.namespace, infra::service_name(wire));
            self.services.insert(service, gateway.clone());
        }
    }
}
