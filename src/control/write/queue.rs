//! What is to be written: of each object the latest, one write of it at a time.
//!
//! Objects that count routes go before those routes, so that a burst does not keep them waiting, and
//! are written again only after a rest, so that it does not cost a write of them for each route.

use crate::api::{Kind, ObjectId};
use crate::status::Wanted;
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;
use std::time::{Duration, Instant};

/// From one write of an object that counts routes to the next: late enough that a thousand routes,
/// which take some seconds to be made, are a few dozen writes; soon enough for whoever waits.
const REST: Duration = Duration::from_millis(250);

/// In the order in which the objects came.
#[derive(Debug, Default)]
pub(super) struct Queue {
    latest: BTreeMap<ObjectId, Arc<Wanted>>,
    counting: VecDeque<ObjectId>,
    others: VecDeque<ObjectId>,
    under_way: BTreeSet<ObjectId>,
    /// Until when those that were written of late are not again.
    resting: BTreeMap<ObjectId, Instant>,
}

impl Queue {
    /// This is wanted, and nothing that was wanted of the object before.
    pub(super) fn put(&mut self, wanted: Arc<Wanted>) {
        let id = wanted.id.clone();
        let waits = self.latest.insert(id.clone(), wanted).is_some();
        if !waits && !self.under_way.contains(&id) {
            self.line(id.kind).push_back(id);
        }
    }

    /// Nothing is wanted of the object any more.
    pub(super) fn remove(&mut self, id: &ObjectId) {
        self.latest.remove(id);
        self.line(id.kind).retain(|waiting| waiting != id);
    }

    /// The next to be written. The object is under way until [`Self::done`].
    pub(super) fn take(&mut self, now: Instant) -> Option<Arc<Wanted>> {
        self.resting.retain(|_, until| *until > now);
        let rested = self.counting.iter().position(|id| !self.resting.contains_key(id));
        let id = rested.and_then(|place| self.counting.remove(place)).or_else(|| self.others.pop_front())?;
        let wanted = self.latest.remove(&id)?;
        self.under_way.insert(id);
        Some(wanted)
    }

    /// When [`Self::take`] has one that it does not have now, if none comes before.
    pub(super) fn next(&self) -> Option<Instant> {
        self.counting.iter().filter_map(|id| self.resting.get(id)).min().copied()
    }

    /// What came for an object that is under way.
    pub(super) fn newer(&mut self, id: &ObjectId) -> Option<Arc<Wanted>> {
        self.latest.remove(id)
    }

    /// The object is no longer under way.
    pub(super) fn done(&mut self, id: &ObjectId, now: Instant) {
        self.under_way.remove(id);
        if counts_routes(id.kind) {
            self.resting.insert(id.clone(), now + REST);
        }
        if self.latest.contains_key(id) {
            self.line(id.kind).push_back(id.clone());
        }
    }

    fn line(&mut self, kind: Kind) -> &mut VecDeque<ObjectId> {
        if counts_routes(kind) { &mut self.counting } else { &mut self.others }
    }
}

fn counts_routes(kind: Kind) -> bool {
    matches!(kind, Kind::Gateway | Kind::ListenerSet)
}

#[cfg(test)]
mod tests;
