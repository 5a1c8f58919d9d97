//! An upstream as the workers see it, and the choice of an endpoint for a request.

use super::budget::RetryBudget;
use super::split::{Split, Splits};
use super::{Endpoint, Slot};
use crate::model::{BackendProtocol, Reason, UpstreamKey};
use crate::telemetry::UpstreamMetrics;
use crate::tls::{ClientTls, Identity};
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Instant;

/// One version of an upstream; immutable but for the live state behind its endpoints.
#[derive(Debug)]
pub struct Upstream {
    /// Its identity.
    pub key: UpstreamKey,
    /// The key as the access log writes it.
    pub label: Box<str>,
    /// Its counters.
    pub metrics: Arc<UpstreamMetrics>,
    /// How often a request is sent again at most, where the Upstream says it.
    pub retries: Option<u32>,
    /// Where its newest version stands.
    pub slot: Slot,
    pub(super) entries: Box<[Entry]>,
    /// Over the entries that have endpoints; the others weigh nothing in it.
    pub(super) split: Split,
    /// Why nothing can be picked, where that is so.
    pub(super) unavailable: Reason,
}

/// One weighted target of an upstream.
#[derive(Debug)]
pub struct Entry {
    /// Unique within the upstream.
    pub name: Arc<str>,
    /// Stands for it outside of the process: the same in all versions, processes and releases.
    pub identity: u64,
    /// What is spoken to its endpoints.
    pub protocol: BackendProtocol,
    /// TLS towards its endpoints.
    pub tls: Option<ClientTls>,
    /// What they are shown, where that does not hang on the Gateway.
    pub shown: Option<Identity>,
    /// Put before the request's path; without trailing slash.
    pub base_path: Arc<str>,
    /// Those that may get requests now.
    pub endpoints: Box<[Arc<Endpoint>]>,
    /// All have to have room for a request that is sent again.
    pub(super) budgets: Box<[RetryBudget]>,
}

/// Where a request goes.
#[derive(Clone, Copy, Debug)]
pub struct Pick<'a> {
    /// The entry, for protocol, TLS and base path.
    pub entry: &'a Entry,
    /// The endpoint.
    pub endpoint: &'a Arc<Endpoint>,
}

impl<'a> Pick<'a> {
    /// What the endpoint is shown of the gateway, where its Gateway has this for all.
    pub fn identity(&self, of_gateway: &'a Identity) -> &'a Identity {
        self.entry.shown.as_ref().unwrap_or(of_gateway)
    }
}

/// What a request asks of the connection that carries it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wants {
    /// Nothing.
    Anything,
    /// HTTP/1.1, which alone has upgrades.
    Http1,
    /// HTTP/2, for gRPC.
    Http2,
}

/// Which HTTP a connection speaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Speaks {
    /// HTTP/1.1.
    Http1,
    /// HTTP/2 by prior knowledge.
    Http2,
    /// What the target chooses in the TLS handshake.
    Agreed,
}

impl Upstream {
    /// Picks an endpoint: an entry by weight, then within it the less loaded of two at random.
    /// Endpoints in `tried` are taken only when nothing else is left.
    pub fn pick(&self, splits: &mut Splits, tried: &[u64]) -> Result<Pick<'_>, Reason> {
        let first = match self.split.single() {
            Some(index) => index,
            None => splits.next(u64::from(self.slot.0), &self.split).ok_or(self.unavailable)?,
        };
        let fresh = |endpoint: &Endpoint| !tried.contains(&endpoint.id);
        let weighted = std::iter::once(first).chain(self.split.others(first));
        for entry in weighted.map(|index| &self.entries[index]) {
            if let Some(endpoint) = entry.pick(fresh) {
                return Ok(Pick { entry, endpoint });
            }
        }
        let entry = &self.entries[first];
        entry.pick(|_| true).map(|endpoint| Pick { entry, endpoint }).ok_or(self.unavailable)
    }

    /// The endpoint of that address in the entry of that identity, if it gets requests now.
    pub fn find(&self, entry: u64, address: SocketAddr) -> Option<Pick<'_>> {
        let (index, entry) = self.entries.iter().enumerate().find(|(_, known)| known.identity == entry)?;
        let endpoint = entry.endpoints.iter().find(|endpoint| endpoint.address == address)?;
        let is_used = self.split.has_weight(index) && !endpoint.has_left();
        is_used.then_some(Pick { entry, endpoint })
    }

    /// Whether one of its entries has that identity.
    pub fn has_entry(&self, identity: u64) -> bool {
        self.entries.iter().any(|entry| entry.identity == identity)
    }
}

impl Entry {
    /// Counts a request that is sent to it for the first time.
    pub fn count_request(&self, now: Instant) {
        self.budgets.iter().for_each(|budget| budget.count_request(now));
    }

    /// Counts a request that is sent to it again, if that is not too many.
    pub fn admits_retry(&self, now: impl FnOnce() -> Instant) -> bool {
        if self.budgets.is_empty() {
            return true;
        }
        let now = now();
        let has_room = self.budgets.iter().all(|budget| budget.has_room(now));
        if has_room {
            self.budgets.iter().for_each(|budget| budget.count_retry(now));
        }
        has_room
    }

    /// What is spoken to its endpoints for a request.
    pub fn speaks(&self, wants: Wants) -> Speaks {
        match (&self.tls, self.protocol, wants) {
            (_, BackendProtocol::H2c, _) | (_, BackendProtocol::Http, Wants::Http2) => Speaks::Http2,
            (_, BackendProtocol::Http1Only, _) | (None, _, _) | (Some(_), _, Wants::Http1) => Speaks::Http1,
            (Some(_), _, Wants::Anything | Wants::Http2) => Speaks::Agreed,
        }
    }

    /// Power of two choices by requests in flight. Those that left since this version was made
    /// come last: a stream may pin an old version.
    fn pick(&self, allowed: impl Fn(&Endpoint) -> bool) -> Option<&Arc<Endpoint>> {
        let count = self.endpoints.len();
        let good = |endpoint: &&Arc<Endpoint>| allowed(endpoint) && !endpoint.has_left();
        if count > 1 {
            let a = fastrand::usize(0..count);
            let b = (a + fastrand::usize(1..count)) % count;
            let pair = [&self.endpoints[a], &self.endpoints[b]];
            if let Some(best) = pair.into_iter().filter(good).min_by_key(|endpoint| endpoint.in_flight()) {
                return Some(best);
            }
        }
        self.endpoints
            .iter()
            .filter(good)
            .min_by_key(|endpoint| endpoint.in_flight())
            .or_else(|| self.endpoints.iter().find(|endpoint| allowed(endpoint)))
    }
}

#[cfg(test)]
mod tests;
