//! Which Gateway, or which Ingress, has what only one can have.

use crate::model::ObjectKey;
use std::collections::{BTreeMap, BTreeSet};

/// Before whom a claim comes: who has a thing already before who asks for it, then the older.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Rank {
    /// It has it, or nobody else can say who has; created at this time.
    Has(i64),
    /// It asks for it; created at this time.
    Asks(i64),
}

/// The things that Gateways want, each for one Gateway only: sockets, addresses.
#[derive(Debug)]
pub(super) struct Claims<T> {
    /// The least claim has the thing; of two with the same rank the name decides.
    claims: BTreeMap<T, BTreeSet<(Rank, ObjectKey)>>,
    wanted: BTreeMap<ObjectKey, BTreeMap<T, Rank>>,
}

impl<T> Default for Claims<T> {
    fn default() -> Self {
        Self { claims: BTreeMap::new(), wanted: BTreeMap::new() }
    }
}

impl<T: Ord + Clone> Claims<T> {
    /// Sets what a Gateway wants, and returns the Gateways that may have won or lost something.
    pub(super) fn set(&mut self, gateway: &ObjectKey, wanted: BTreeMap<T, Rank>) -> BTreeSet<ObjectKey> {
        let before = self.wanted.get(gateway).cloned().unwrap_or_default();
        if before == wanted {
            return BTreeSet::new();
        }
        let mut touched = BTreeSet::new();
        for (thing, rank) in before {
            if let Some(claims) = self.claims.get_mut(&thing) {
                claims.remove(&(rank, gateway.clone()));
                touched.extend(claims.iter().map(|(_, key)| key.clone()));
                if claims.is_empty() {
                    self.claims.remove(&thing);
                }
            }
        }
        for (thing, rank) in &wanted {
            let claims = self.claims.entry(thing.clone()).or_default();
            touched.extend(claims.iter().map(|(_, key)| key.clone()));
            claims.insert((*rank, gateway.clone()));
        }
        if wanted.is_empty() {
            self.wanted.remove(gateway);
        } else {
            self.wanted.insert(gateway.clone(), wanted);
        }
        touched
    }

    /// Who has a thing, and by which claim.
    pub(super) fn first(&self, thing: &T) -> Option<&(Rank, ObjectKey)> {
        self.claims.get(thing)?.first()
    }

    /// The Gateway that has a thing.
    pub(super) fn owner(&self, thing: &T) -> Option<&ObjectKey> {
        self.claims.get(thing)?.first().map(|(_, key)| key)
    }

    /// Everything that some Gateway has.
    pub(super) fn all(&self) -> impl Iterator<Item = &T> {
        self.claims.keys()
    }
}

#[cfg(test)]
mod tests;
