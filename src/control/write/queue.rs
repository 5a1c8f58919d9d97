//! What is to be written: of each object the latest, one write of it at a time.

use crate::api::ObjectId;
use crate::status::Wanted;
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;

/// In the order in which the objects came.
#[derive(Debug, Default)]
pub(super) struct Queue {
    latest: BTreeMap<ObjectId, Arc<Wanted>>,
    order: VecDeque<ObjectId>,
    under_way: BTreeSet<ObjectId>,
}

impl Queue {
    /// This is wanted, and nothing that was wanted of the object before.
    pub(super) fn put(&mut self, wanted: Arc<Wanted>) {
        let id = wanted.id.clone();
        let waits = self.latest.insert(id.clone(), wanted).is_some();
        if !waits && !self.under_way.contains(&id) {
            self.order.push_back(id);
        }
    }

    /// Nothing is wanted of the object any more.
    pub(super) fn remove(&mut self, id: &ObjectId) {
        self.latest.remove(id);
        self.order.retain(|waiting| waiting != id);
    }

    /// The next to be written. The object is under way until [`Self::done`].
    pub(super) fn take(&mut self) -> Option<Arc<Wanted>> {
        let id = self.order.pop_front()?;
        let wanted = self.latest.remove(&id)?;
        self.under_way.insert(id);
        Some(wanted)
    }

    /// What came for an object that is under way.
    pub(super) fn newer(&mut self, id: &ObjectId) -> Option<Arc<Wanted>> {
        self.latest.remove(id)
    }

    /// The object is no longer under way.
    pub(super) fn done(&mut self, id: &ObjectId) {
        self.under_way.remove(id);
        if self.latest.contains_key(id) {
            self.order.push_back(id.clone());
        }
    }
}

#[cfg(test)]
mod tests;
