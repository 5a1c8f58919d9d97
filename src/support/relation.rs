//! Who refers to whom, readable from both ends.

use std::collections::{BTreeMap, BTreeSet};

/// A many-to-many relation between users and what they use.
#[derive(Clone, Debug)]
pub struct Relation<User, Used> {
    forward: BTreeMap<User, BTreeSet<Used>>,
    backward: BTreeMap<Used, BTreeSet<User>>,
}

/// What a call of [`Relation::set`] changed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RelationChange<Used> {
    /// Used by this user since now.
    pub added: BTreeSet<Used>,
    /// Not used by this user any more.
    pub removed: BTreeSet<Used>,
}

impl<User, Used> Default for Relation<User, Used> {
    fn default() -> Self {
        Self { forward: BTreeMap::new(), backward: BTreeMap::new() }
    }
}

impl<User: Ord + Clone, Used: Ord + Clone> Relation<User, Used> {
    /// Sets all that a user uses; nothing removes the user.
    pub fn set(&mut self, user: &User, used: BTreeSet<Used>) -> RelationChange<Used> {
        let before = if used.is_empty() {
            self.forward.remove(user)
        } else {
            self.forward.insert(user.clone(), used.clone())
        }
        .unwrap_or_default();
        let change = RelationChange {
            added: used.difference(&before).cloned().collect(),
            removed: before.difference(&used).cloned().collect(),
        };
        for gone in &change.removed {
            if let Some(users) = self.backward.get_mut(gone) {
                users.remove(user);
                if users.is_empty() {
                    self.backward.remove(gone);
                }
            }
        }
        for new in &change.added {
            self.backward.entry(new.clone()).or_default().insert(user.clone());
        }
        change
    }

    /// Everything that a user uses.
    pub fn used_by(&self, user: &User) -> impl Iterator<Item = &Used> {
        self.forward.get(user).into_iter().flatten()
    }

    /// Everyone who uses this.
    pub fn users_of(&self, used: &Used) -> impl Iterator<Item = &User> {
        self.backward.get(used).into_iter().flatten()
    }

    /// Everyone who uses this, in order, from `first` on.
    pub fn users_from<'a>(
        &'a self,
        used: &Used,
        first: User,
    ) -> impl Iterator<Item = &'a User> + use<'a, User, Used> {
        self.backward.get(used).map(|users| users.range(first..)).into_iter().flatten()
    }

    /// Everything that anyone uses, in order, from `first` on.
    pub fn all_used_from(&self, first: Used) -> impl Iterator<Item = &Used> {
        self.backward.range(first..).map(|(used, _)| used)
    }

    /// How many use this.
    pub fn count_users(&self, used: &Used) -> usize {
        self.backward.get(used).map_or(0, BTreeSet::len)
    }

    /// Whether anyone uses this.
    pub fn is_used(&self, used: &Used) -> bool {
        self.backward.contains_key(used)
    }
}

#[cfg(test)]
mod tests;
