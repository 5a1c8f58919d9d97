//! From the model's upstreams and endpoints to what the workers see, with live state kept.

use super::budget::RetryBudgets;
use super::endpoint::Endpoint;
use super::readiness::Readiness;
use super::resolved::{Entry, Upstream};
use super::split::{Member, Split};
use crate::model;
use crate::model::{
    BackendProtocol, BindAddress, CertificateKey, EndpointsKey, EntrySource, IpProtocol, OriginateTls,
    Reason, Shown, UpstreamKey,
};
use crate::support::forbidden::TargetPolicy;
use crate::support::stable_hash::stable_hash;
use crate::telemetry::Metrics;
use crate::tls::{self, ClientConfigs, ClientKey};
use std::collections::{BTreeSet, HashMap, HashSet};
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Instant;

/// Where an upstream stands in [`Upstreams`]: given once per identity and never again to
/// another, so that rules which were compiled long ago still mean the same upstream.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Slot(pub(super) u32);

/// All upstreams of one version.
#[derive(Clone, Debug, Default)]
pub struct Upstreams(Arc<[Option<Arc<Upstream>>]>);

impl Upstreams {
    /// The upstream of a slot, if it exists in this version.
    pub fn get(&self, slot: Slot) -> Option<&Arc<Upstream>> {
        self.0.get(slot.0 as usize)?.as_ref()
    }

    /// Whether a split with this identity belongs to an upstream of this version.
    pub fn has_split(&self, id: u64) -> bool {
        u32::try_from(id).is_ok_and(|slot| self.get(Slot(slot)).is_some())
    }

    /// All of them.
    pub fn iter(&self) -> impl Iterator<Item = &Arc<Upstream>> {
        self.0.iter().flatten()
    }
}

/// The publisher's side: takes changes, and makes the next version of what they touch.
#[derive(Debug)]
pub struct Registry {
    policy: TargetPolicy,
    /// For targets of datagrams: other sockets are the process's own.
    udp_policy: TargetPolicy,
    tls: ClientConfigs,
    metrics: Arc<Metrics>,
    slots: HashMap<UpstreamKey, Slot>,
    configured: HashMap<UpstreamKey, model::Upstream>,
    endpoints: HashMap<EndpointsKey, Readiness>,
    resolved: HashMap<(Arc<str>, u16), Vec<SocketAddr>>,
    /// Upstreams by what their entries come from, to find what a change of endpoints touches.
    users: HashMap<EntrySource, BTreeSet<UpstreamKey>>,
    /// Certificates that upstreams show, as far as they were brought.
    certificates: HashMap<CertificateKey, Arc<ClientKey>>,
    live: HashMap<UpstreamKey, HashMap<Identity, Arc<Endpoint>>>,
    budgets: RetryBudgets,
    built: Vec<Option<Arc<Upstream>>>,
    dirty: BTreeSet<UpstreamKey>,
    next_endpoint: u64,
    #[cfg(test)]
    builds: usize,
}

/// What makes two endpoints of one upstream the same: their connections are interchangeable.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Identity {
    address: SocketAddr,
    protocol: BackendProtocol,
    tls: Option<OriginateTls>,
}

impl Registry {
    /// An empty registry.
    pub fn new(policy: TargetPolicy, tls: ClientConfigs, metrics: Arc<Metrics>) -> Self {
        Self {
            udp_policy: policy.clone(),
            policy,
            tls,
            metrics,
            slots: HashMap::new(),
            configured: HashMap::new(),
            endpoints: HashMap::new(),
            resolved: HashMap::new(),
            users: HashMap::new(),
            certificates: HashMap::new(),
            live: HashMap::new(),
            budgets: RetryBudgets::default(),
            built: Vec::new(),
            dirty: BTreeSet::new(),
            next_endpoint: 0,
            #[cfg(test)]
            builds: 0,
        }
    }

    /// The slot of an upstream, also of one that nobody configured yet.
    pub fn slot(&mut self, key: &UpstreamKey) -> Slot {
        if let Some(slot) = self.slots.get(key) {
            return *slot;
        }
        let slot = Slot(u32::try_from(self.built.len()).unwrap_or(u32::MAX));
        self.built.push(None);
        self.slots.insert(key.clone(), slot);
        slot
    }

    /// A new or changed upstream.
    pub fn upsert_upstream(&mut self, upstream: model::Upstream) {
        self.forget_users(&upstream.key);
        for entry in &upstream.entries {
            self.users.entry(entry.source.clone()).or_default().insert(upstream.key.clone());
        }
        self.dirty.insert(upstream.key.clone());
        self.configured.insert(upstream.key.clone(), upstream);
    }

    /// An upstream that is gone.
    pub fn remove_upstream(&mut self, key: &UpstreamKey) {
        self.forget_users(key);
        self.configured.remove(key);
        self.dirty.insert(key.clone());
    }

    /// New or changed endpoints.
    pub fn upsert_endpoints(&mut self, endpoints: model::Endpoints) {
        let model::Endpoints { key, endpoints } = endpoints;
        self.touch(&EntrySource::Endpoints(key.clone()));
        let readiness = self.endpoints.entry(key.clone()).or_default();
        let was_held = !readiness.held().is_empty();
        readiness.update(endpoints, Instant::now());
        let held = readiness.held().len();
        if held > 0 && !was_held {
            tracing::warn!(
                service = %key.service,
                port = key.port,
                endpoints = held,
                "all endpoints turned NotReady at once, as when their node or the API server is away: they go on \
                 getting requests until one is ready again"
            );
        }
    }

    /// Endpoints of a Service port that is gone.
    pub fn remove_endpoints(&mut self, key: &EndpointsKey) {
        self.touch(&EntrySource::Endpoints(key.clone()));
        self.endpoints.remove(key);
    }

    /// A certificate is new or changed, or gone.
    pub fn set_certificate(&mut self, key: &CertificateKey, certificate: Option<Arc<ClientKey>>) {
        match certificate {
            Some(certificate) => drop(self.certificates.insert(key.clone(), certificate)),
            None => drop(self.certificates.remove(key)),
        }
        let shows = |upstream: &model::Upstream| upstream.entries.iter().any(|entry| own(entry) == Some(key));
        let users = self.configured.iter().filter(|(_, upstream)| shows(upstream));
        self.dirty.extend(users.map(|(user, _)| user.clone()));
    }

    /// What an entry's endpoints are shown, where that does not hang on the Gateway.
    fn shown(&self, tls: &OriginateTls) -> Option<tls::Identity> {
        match &tls.shown {
            Shown::OfGateway => None,
            Shown::Nothing => Some(tls::Identity::Anonymous),
            Shown::Own(key) => {
                let known = self.certificates.get(key).cloned();
                Some(known.map_or(tls::Identity::Missing, tls::Identity::Known))
            }
        }
    }

    /// What DNS said of a name.
    pub fn resolved(&mut self, host: &Arc<str>, port: u16, addresses: Vec<SocketAddr>) {
        self.touch(&EntrySource::Dns { host: host.clone(), port });
        self.resolved.insert((host.clone(), port), addresses);
    }

    /// The process's own listening addresses.
    pub fn set_own_addresses(&mut self, own: impl IntoIterator<Item = BindAddress>) {
        let (tcp, udp): (Vec<_>, Vec<_>) = own.into_iter().partition(|own| own.protocol.is_tcp());
        self.policy.set_own(tcp.into_iter().map(|own| own.address).collect());
        self.udp_policy.set_own(udp.into_iter().map(|own| own.address).collect());
        self.dirty.extend(self.configured.keys().cloned());
    }

    /// The names that have to be resolved.
    pub fn names(&self) -> HashSet<(Arc<str>, u16)> {
        let named = self.users.keys().filter_map(|source| match source {
            EntrySource::Dns { host, port } => Some((host.clone(), *port)),
            EntrySource::Endpoints(_)
            | EntrySource::Address(_)
            | EntrySource::Broken
            | EntrySource::Closed(_) => None,
        });
        named.collect()
    }

    /// The next version, in which only what was touched is made anew.
    pub fn snapshot(&mut self) -> Upstreams {
        self.budgets.forget_gone();
        for key in std::mem::take(&mut self.dirty) {
            let slot = self.slot(&key);
            self.built[slot.0 as usize] = match self.configured.remove(&key) {
                Some(upstream) => {
                    let built = self.build(slot, &upstream);
                    self.configured.insert(key, upstream);
                    Some(Arc::new(built))
                }
                None => {
                    self.keep_live(&key, HashMap::new());
                    None
                }
            };
        }
        Upstreams(self.built.clone().into())
    }

    fn touch(&mut self, source: &EntrySource) {
        if let Some(users) = self.users.get(source) {
            self.dirty.extend(users.iter().cloned());
        }
    }

    fn forget_users(&mut self, key: &UpstreamKey) {
        let Some(old) = self.configured.get(key) else { return };
        for entry in &old.entries {
            if let Some(users) = self.users.get_mut(&entry.source) {
                users.remove(key);
                if users.is_empty() {
                    self.users.remove(&entry.source);
                }
            }
        }
    }

    fn build(&mut self, slot: Slot, upstream: &model::Upstream) -> Upstream {
        #[cfg(test)]
        {
            self.builds += 1;
        }
        let label = upstream.key.to_string();
        let sources = self.sources(upstream);
        let mut live = HashMap::new();
        let mut forbidden = false;
        let mut entries = Vec::with_capacity(upstream.entries.len());
        for (entry, addresses) in upstream.entries.iter().zip(sources) {
            let policy = self.policy_of(upstream.key.ip_protocol());
            let (permitted, refused): (Vec<_>, Vec<_>) =
                addresses.into_iter().partition(|address| policy.permits(*address));
            forbidden |= !refused.is_empty();
            let now = Instant::now();
            let budgets = entry.retry_budgets.iter().map(|budget| self.budgets.get(budget, now)).collect();
            let endpoints =
                permitted.into_iter().map(|address| self.endpoint(&upstream.key, entry, address, &mut live));
            entries.push(Entry {
                identity: stable_hash([&*label, &entry.name]),
                name: entry.name.clone(),
                protocol: entry.protocol,
                endpoints: endpoints.collect(),
                shown: entry.tls.as_ref().and_then(|tls| self.shown(tls)),
                tls: entry.tls.as_ref().map(|tls| self.tls.get(tls)),
                base_path: entry.base_path.clone(),
                budgets,
            });
        }
        self.keep_live(&upstream.key, live);
        let split = Split::new(upstream.entries.iter().zip(&entries).map(|(configured, entry)| Member {
            name: entry.name.clone(),
            weight: if entry.endpoints.is_empty() { 0 } else { configured.weight },
        }));
        Upstream {
            label: label.into(),
            metrics: self.metrics.upstream(&upstream.key),
            key: upstream.key.clone(),
            retries: upstream.retries,
            slot,
            entries: entries.into(),
            split,
            unavailable: if forbidden { Reason::ForbiddenTarget } else { why_empty(upstream) },
        }
    }

    fn policy_of(&self, protocol: IpProtocol) -> &TargetPolicy {
        match protocol {
            IpProtocol::Tcp => &self.policy,
            IpProtocol::Udp => &self.udp_policy,
        }
    }

    /// The addresses of each entry. Endpoints that turned NotReady at once count only where no entry that
    /// gets requests has any other.
    fn sources(&self, upstream: &model::Upstream) -> Vec<Vec<SocketAddr>> {
        let of_all = |addresses: fn(&Self, &EntrySource) -> Vec<SocketAddr>| -> Vec<_> {
            upstream.entries.iter().map(|entry| addresses(self, &entry.source)).collect()
        };
        let usable = of_all(Self::usable);
        let mut served = upstream.entries.iter().zip(&usable).filter(|(entry, _)| entry.weight > 0);
        if served.all(|(_, addresses)| addresses.is_empty()) { of_all(Self::usable_or_held) } else { usable }
    }

    fn usable(&self, source: &EntrySource) -> Vec<SocketAddr> {
        match source {
            EntrySource::Address(address) => vec![*address],
            EntrySource::Broken | EntrySource::Closed(_) => Vec::new(),
            EntrySource::Dns { host, port } => {
                self.resolved.get(&(host.clone(), *port)).cloned().unwrap_or_default()
            }
            EntrySource::Endpoints(key) => self.endpoints.get(key).map(Readiness::usable).unwrap_or_default(),
        }
    }

    fn usable_or_held(&self, source: &EntrySource) -> Vec<SocketAddr> {
        let usable = self.usable(source);
        match source {
            EntrySource::Endpoints(key) if usable.is_empty() => {
                self.endpoints.get(key).map(|readiness| readiness.held().to_vec()).unwrap_or_default()
            }
            _ => usable,
        }
    }

    fn endpoint(
        &mut self,
        upstream: &UpstreamKey,
        entry: &model::Entry,
        address: SocketAddr,
        live: &mut HashMap<Identity, Arc<Endpoint>>,
    ) -> Arc<Endpoint> {
        let identity = Identity { address, protocol: entry.protocol, tls: entry.tls.clone() };
        let known = live.get(&identity).or_else(|| self.live.get(upstream)?.get(&identity)).cloned();
        let endpoint = known.unwrap_or_else(|| {
            self.next_endpoint += 1;
            Arc::new(Endpoint::new(self.next_endpoint, address))
        });
        live.insert(identity, endpoint.clone());
        endpoint
    }

    /// Replaces the live endpoints of an upstream and tells those that left.
    fn keep_live(&mut self, key: &UpstreamKey, live: HashMap<Identity, Arc<Endpoint>>) {
        let old =
            if live.is_empty() { self.live.remove(key) } else { self.live.insert(key.clone(), live.clone()) };
        for (identity, endpoint) in old.unwrap_or_default() {
            if !live.contains_key(&identity) {
                endpoint.set_left(true);
            }
        }
    }
}

/// The certificate of its own that an entry shows.
fn own(entry: &model::Entry) -> Option<&CertificateKey> {
    match &entry.tls.as_ref()?.shown {
        Shown::Own(key) => Some(key),
        Shown::OfGateway | Shown::Nothing => None,
    }
}

/// The reason where there is nothing to pick, although every address is permitted.
fn why_empty(upstream: &model::Upstream) -> Reason {
    let closed = upstream.entries.iter().find_map(|entry| match entry.source {
        EntrySource::Closed(reason) => Some(reason),
        _ => None,
    });
    closed.unwrap_or(Reason::NoReadyTargets)
}

#[cfg(test)]
mod tests;
