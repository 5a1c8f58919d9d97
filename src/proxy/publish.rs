//! From deltas to what each worker serves, and back: who serves which version.

use super::listen;
use super::worker::Status;
use crate::model::BindAddress;
use crate::table::{Builder, Table};
use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex, PoisonError};
use tokio::sync::watch;

/// One version, on its way to the workers. Only the newest counts: a worker that was busy skips
/// what came between, as each version is whole.
#[derive(Clone, Default)]
pub(super) struct Published {
    pub(super) table: Arc<Table>,
    /// Where to listen: all of the table's addresses but those that cannot be had.
    pub(super) open: Arc<BTreeSet<BindAddress>>,
    acknowledged: Arc<Acknowledged>,
}

/// The version that every worker serves.
pub(super) struct Acknowledged {
    workers: Vec<Arc<Status>>,
    version: watch::Sender<u64>,
}

impl Default for Acknowledged {
    fn default() -> Self {
        Self { workers: Vec::new(), version: watch::Sender::new(0) }
    }
}

impl Published {
    /// A worker serves this version from now on.
    pub(super) fn acknowledge(&self, worker: &Status) {
        worker.version.store(self.table.version, Ordering::SeqCst);
        let all = self.acknowledged.workers.iter();
        let oldest = all.map(|worker| worker.version.load(Ordering::SeqCst)).min().unwrap_or(0);
        self.acknowledged.version.send_if_modified(|version| {
            let newer = oldest > *version;
            if newer {
                *version = oldest;
            }
            newer
        });
    }
}

/// Why an address cannot be listened on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BindFailure {
    /// Somebody else listens there.
    pub in_use: bool,
    /// The system's words.
    pub why: String,
}

/// The addresses that cannot be listened on.
pub type BindFailures = BTreeMap<BindAddress, BindFailure>;

/// Takes deltas and hands tables out.
pub(super) struct Publisher {
    state: Mutex<State>,
    published: watch::Sender<Published>,
    acknowledged: Arc<Acknowledged>,
    bind_failures: watch::Sender<BindFailures>,
    names: watch::Sender<HashSet<(Arc<str>, u16)>>,
    max_sockets: usize,
    /// Listened on by other parts of the process: no target for anyone.
    reserved: Vec<BindAddress>,
}

struct State {
    builder: Builder,
    open: BTreeSet<BindAddress>,
}

impl Publisher {
    pub(super) fn new(
        builder: Builder,
        workers: Vec<Arc<Status>>,
        reserved: Vec<BindAddress>,
        max_sockets: usize,
    ) -> Self {
        let acknowledged = Arc::new(Acknowledged { workers, version: watch::Sender::new(0) });
        Self {
            state: Mutex::new(State { builder, open: BTreeSet::new() }),
            published: watch::Sender::new(Published {
                acknowledged: acknowledged.clone(),
                ..Published::default()
            }),
            acknowledged,
            bind_failures: watch::Sender::new(BTreeMap::new()),
            names: watch::Sender::new(HashSet::new()),
            max_sockets,
            reserved,
        }
    }

    pub(super) fn subscribe(&self) -> watch::Receiver<Published> {
        self.published.subscribe()
    }

    pub(super) fn acknowledged(&self) -> watch::Receiver<u64> {
        self.acknowledged.version.subscribe()
    }

    pub(super) fn bind_failures(&self) -> watch::Receiver<BindFailures> {
        self.bind_failures.subscribe()
    }

    pub(super) fn names(&self) -> watch::Receiver<HashSet<(Arc<str>, u16)>> {
        self.names.subscribe()
    }

    /// Makes the next table with `change` and hands it out.
    pub(super) fn publish(&self, change: impl FnOnce(&mut Builder) -> Arc<Table>) {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let state = &mut *state;
        let mut table = change(&mut state.builder);
        let wanted: BTreeSet<BindAddress> = table.binds().map(|bind| bind.address).collect();
        if let Some(open) = self.open(&state.open, &wanted) {
            state.open = open;
            let own = state.open.iter().chain(&self.reserved).copied();
            table = state.builder.update_upstreams(|registry| registry.set_own_addresses(own));
        }
        // Sent under the lock, or an older version could come last.
        self.published.send_replace(Published {
            table,
            open: Arc::new(state.open.clone()),
            acknowledged: self.acknowledged.clone(),
        });
        let names = state.builder.registry().names();
        self.names.send_if_modified(|known| {
            let changed = *known != names;
            *known = names;
            changed
        });
    }

    /// The addresses to listen on, if they change; tells of those that cannot be had. One that
    /// failed is tried again with each publication.
    fn open(
        &self,
        now: &BTreeSet<BindAddress>,
        wanted: &BTreeSet<BindAddress>,
    ) -> Option<BTreeSet<BindAddress>> {
        let mut open: BTreeSet<BindAddress> = now.intersection(wanted).copied().collect();
        let mut failures = BTreeMap::new();
        for address in wanted.difference(now) {
            match self.probe(*address, open.len()) {
                Ok(()) => {
                    open.insert(*address);
                }
                Err(error) => {
                    failures.insert(*address, error);
                }
            }
        }
        self.bind_failures.send_if_modified(|known| {
            let changed = *known != failures;
            if changed {
                *known = failures;
            }
            changed
        });
        (open != *now).then_some(open)
    }

    /// Why an address cannot be listened on beside `others`, if so.
    fn probe(&self, address: BindAddress, others: usize) -> Result<(), BindFailure> {
        let workers = self.acknowledged.workers.len();
        let sockets = (others + 1) * workers;
        if sockets > self.max_sockets {
            let why = format!(
                "{sockets} listening sockets ({} addresses with {workers} workers each) are more than the {} \
                 that the limit of open files allows; raise it or use fewer workers",
                others + 1,
                self.max_sockets
            );
            return Err(BindFailure { in_use: false, why });
        }
        listen::probe(address).map_err(|error| BindFailure {
            in_use: error.kind() == std::io::ErrorKind::AddrInUse,
            why: error.to_string(),
        })
    }
}
