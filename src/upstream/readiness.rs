//! Which endpoints of a Service port get requests.

use crate::model::Endpoint;
use std::collections::HashMap;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

/// Endpoints that turn NotReady within this time did so at once. Kubernetes tells of the pods of a node
/// that it no longer hears one by one, in well under this time; the probes of pods that fail one after
/// another are spread over their period, which is 10 s by default.
const AT_ONCE: Duration = Duration::from_secs(5);

/// The endpoints of a Service port, with the memory of which were ready.
#[derive(Debug, Default)]
pub(super) struct Readiness {
    endpoints: Vec<Endpoint>,
    /// When those that were ready turned NotReady.
    turned: HashMap<SocketAddr, Instant>,
    /// Those that turned NotReady at once, while none is ready.
    held: Vec<SocketAddr>,
}

impl Readiness {
    /// What Kubernetes says now.
    pub(super) fn update(&mut self, endpoints: Vec<Endpoint>, now: Instant) {
        let before = std::mem::replace(&mut self.endpoints, endpoints);
        for endpoint in before.iter().filter(|endpoint| is_ready(endpoint)) {
            self.turned.insert(endpoint.address, now);
        }
        let unready: Vec<_> =
            self.endpoints.iter().filter(|e| !e.ready && !e.terminating).map(|e| e.address).collect();
        self.turned.retain(|address, _| unready.contains(address));
        if self.endpoints.iter().any(is_ready) {
            self.held.clear();
        } else if before.iter().any(is_ready) {
            let at_once = |address: &SocketAddr| {
                self.turned.get(address).is_some_and(|turned| now.duration_since(*turned) <= AT_ONCE)
            };
            self.held = unready.into_iter().filter(at_once).collect();
            // That one pod is not ready is said of this pod. It may have an address of each family.
            let v4 = self.held.iter().filter(|address| address.is_ipv4()).count();
            if v4.max(self.held.len() - v4) < 2 {
                self.held.clear();
            }
        } else {
            self.held.retain(|address| unready.contains(address));
        }
    }

    /// Those that are ready; if there is none, those that still serve while they terminate.
    pub(super) fn usable(&self) -> Vec<SocketAddr> {
        let of = |wanted: fn(&Endpoint) -> bool| {
            self.endpoints.iter().filter(|e| wanted(e)).map(|e| e.address).collect::<Vec<_>>()
        };
        let ready = of(is_ready);
        if ready.is_empty() { of(|e| e.serving && e.terminating) } else { ready }
    }

    /// Where nothing is usable: those that turned NotReady at once, as when the API server or their node
    /// was not heard. They are far more often alive than all broken in the same moment, and where they
    /// are broken the client gets an error in either case.
    pub(super) fn held(&self) -> &[SocketAddr] {
        &self.held
    }
}

fn is_ready(endpoint: &Endpoint) -> bool {
    endpoint.ready && !endpoint.terminating
}

#[cfg(test)]
mod tests;
