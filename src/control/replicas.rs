//! What the other replicas serve, as far as they told. Pure; [`poll`] asks them.

pub(super) mod poll;

use super::served::Report;
use crate::api::EndpointSlice;
use crate::index::Index;
use crate::model::ObjectKey;
use std::collections::{BTreeMap, BTreeSet};
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::{Duration, Instant};

/// A replica that does not answer for this long is not waited for.
const SILENT: Duration = Duration::from_secs(10);

/// The port at which replicas tell what they serve, by its name in the Service.
const PORT: &str = "health";

/// The most replicas that a message names.
const NAMED: usize = 5;

/// By what the replicas find each other.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Peers {
    /// The headless Service that has all of them.
    pub service: ObjectKey,
    /// The pod that this one is.
    pub own: Arc<str>,
}

/// The other replicas that are ready, by pod.
#[derive(Clone, Debug, Default)]
pub(super) struct Replicas(BTreeMap<Arc<str>, Replica>);

#[derive(Clone, Debug)]
struct Replica {
    address: SocketAddr,
    /// Generation by uid.
    objects: BTreeMap<Arc<str>, i64>,
    /// The addresses of its node, once it answered.
    nodes: Option<BTreeSet<IpAddr>>,
    /// When it answered last, or was first known.
    heard: Instant,
}

/// How far a generation of an object has come.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Standing {
    /// Not served by these.
    Behind(BTreeSet<Arc<str>>),
    /// Served by all but these, which did not answer.
    Served(BTreeSet<Arc<str>>),
}

impl Replicas {
    /// These are ready from now on. What was known of those that stay is still known.
    pub(super) fn follow(&mut self, ready: BTreeMap<Arc<str>, SocketAddr>, now: Instant) {
        self.0.retain(|name, replica| ready.get(name) == Some(&replica.address));
        for (name, address) in ready {
            self.0.entry(name).or_insert_with(|| Replica {
                address,
                objects: BTreeMap::new(),
                nodes: None,
                heard: now,
            });
        }
    }

    /// Where to ask.
    pub(super) fn addresses(&self) -> BTreeMap<Arc<str>, SocketAddr> {
        self.0.iter().map(|(name, replica)| (name.clone(), replica.address)).collect()
    }

    /// A replica answered.
    pub(super) fn answered(&mut self, name: &str, report: Report, now: Instant) {
        let Some(replica) = self.0.get_mut(name) else { return };
        replica.heard = now;
        replica.nodes = Some(report.nodes);
        if report.complete {
            replica.objects = report.objects;
        } else {
            replica.objects.extend(report.objects);
            for uid in &report.gone {
                replica.objects.remove(uid);
            }
        }
    }

    /// The addresses of the nodes of all; none as long as one may still tell its own.
    pub(super) fn nodes(&self, now: Instant) -> Option<BTreeSet<IpAddr>> {
        let mut all = BTreeSet::new();
        for replica in self.0.values() {
            match &replica.nodes {
                Some(nodes) => all.extend(nodes),
                None if replica.is_silent(now) => {}
                None => return None,
            }
        }
        Some(all)
    }

    /// How far this generation has come.
    pub(super) fn standing(&self, uid: &str, generation: i64, now: Instant) -> Standing {
        let behind = self.0.iter().filter(|(_, replica)| !replica.serves(uid, generation));
        let (silent, waiting): (BTreeSet<_>, BTreeSet<_>) = behind
            .map(|(name, replica)| (name.clone(), replica.is_silent(now)))
            .partition(|(_, silent)| *silent);
        let names = |some: BTreeSet<(Arc<str>, bool)>| some.into_iter().map(|(name, _)| name).collect();
        if waiting.is_empty() { Standing::Served(names(silent)) } else { Standing::Behind(names(waiting)) }
    }

    /// Those of them that are still there and still do not serve it.
    pub(super) fn still_behind(
        &self,
        names: &BTreeSet<Arc<str>>,
        uid: &str,
        generation: i64,
    ) -> BTreeSet<Arc<str>> {
        let behind = |name: &Arc<str>| self.0.get(name).is_some_and(|one| !one.serves(uid, generation));
        names.iter().filter(|name| behind(name)).cloned().collect()
    }

    /// When the next one has not answered for so long that nobody waits for it.
    pub(super) fn next_silent(&self, now: Instant) -> Option<Instant> {
        self.0.values().map(|replica| replica.heard + SILENT).filter(|at| *at > now).min()
    }
}

impl Replica {
    fn serves(&self, uid: &str, generation: i64) -> bool {
        self.objects.get(uid).is_some_and(|served| *served >= generation)
    }

    fn is_silent(&self, now: Instant) -> bool {
        now.saturating_duration_since(self.heard) >= SILENT
    }
}

impl Standing {
    /// Whether nobody is waited for.
    pub(super) fn is_served(&self) -> bool {
        matches!(self, Self::Served(_))
    }

    /// What there is to say; empty if all serve it.
    pub(super) fn message(&self) -> String {
        match self {
            Self::Served(silent) if silent.is_empty() => String::new(),
            Self::Served(silent) => format!(
                "whether {} serves it is not known: it gives no answer at its health port",
                name_some(silent)
            ),
            Self::Behind(names) => format!("not yet served by {}", name_some(names)),
        }
    }
}

fn name_some(names: &BTreeSet<Arc<str>>) -> String {
    let named: Vec<_> = names.iter().take(NAMED).map(|name| &**name).collect();
    match names.len().checked_sub(NAMED).filter(|more| *more > 0) {
        Some(more) => format!("replica {} and {more} more", named.join(", ")),
        None => format!("replica {}", named.join(", ")),
    }
}

/// The other replicas that are ready, by the EndpointSlices of their Service.
pub(super) fn ready(index: &Index, peers: &Peers) -> BTreeMap<Arc<str>, SocketAddr> {
    let mut found = BTreeMap::<Arc<str>, SocketAddr>::new();
    for (name, address) in index.slices_of(&peers.service).flat_map(|slice| ready_in(slice)) {
        if name != peers.own {
            // One pod can have an address of each family: the same one each time.
            found.entry(name).and_modify(|known| *known = address.min(*known)).or_insert(address);
        }
    }
    found
}

fn ready_in(slice: &EndpointSlice) -> Vec<(Arc<str>, SocketAddr)> {
    let mut ports = slice.ports.iter().flatten();
    let port = ports.find(|port| port.name.as_deref() == Some(PORT)).and_then(|port| port.port);
    let Some(port) = port.and_then(|port| u16::try_from(port).ok()) else { return Vec::new() };
    let endpoints = slice.endpoints.iter().flatten();
    let ready = endpoints.filter(|one| one.conditions.as_ref().and_then(|known| known.ready).unwrap_or(true));
    let each = ready.filter_map(|endpoint| {
        let address = endpoint.addresses.first()?;
        let ip: IpAddr = address.parse().ok()?;
        let pod = endpoint.target_ref.as_ref().and_then(|pod| pod.name.as_deref());
        Some((pod.unwrap_or(address).into(), SocketAddr::new(ip, port)))
    });
    each.collect()
}

#[cfg(test)]
mod tests;
