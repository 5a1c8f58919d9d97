//! Routes of different kinds on one listener. Their rules are never merged, so a hostname there is of
//! one kind: that of the route which came first.
//!
//! "If a Route (A) of type HTTPRoute or GRPCRoute is attached to a Listener and that listener already
//! has another Route (B) of the other type attached and the intersection of the hostnames of A and B
//! is non-empty, then the implementation MAY reject one of the two routes. An implementation that does
//! so MUST accept exactly one of them": the oldest, then the first by `namespace/name`.

use crate::api::{Kind, ObjectId};
use crate::model::{Attachment, Hostname, ListenerKey};
use std::collections::{BTreeMap, BTreeSet};

/// The listeners that a route does not get, with who has its hostname there.
pub(super) type Losses = BTreeMap<ListenerKey, ObjectId>;

/// All routes with the listeners that let them in.
#[derive(Debug, Default)]
pub(super) struct Rivals {
    on: BTreeMap<ListenerKey, BTreeMap<Place, Claim>>,
    of: BTreeMap<ObjectId, (Place, Vec<Attachment>)>,
    lost: BTreeMap<ObjectId, Losses>,
    /// Listeners of which a route came, went or changed since they were settled.
    touched: BTreeSet<ListenerKey>,
}

/// Who goes first: the older, then the first by `namespace/name`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Place {
    created: i64,
    name: String,
    kind: Kind,
}

impl Place {
    /// Of a route of that age.
    pub(super) fn of(route: &ObjectId, created: i64) -> Self {
        Self { created, name: route.key.to_string(), kind: route.kind }
    }
}

#[derive(Debug)]
struct Claim {
    route: ObjectId,
    /// As [`key`] has them.
    hostnames: Vec<String>,
}

impl Rivals {
    /// Sets where a route would be if there were no other; nothing removes it.
    pub(super) fn set(&mut self, route: &ObjectId, created: i64, wanted: Vec<Attachment>) {
        let place = Place::of(route, created);
        if self.of.get(route).is_some_and(|known| *known == (place.clone(), wanted.clone())) {
            return;
        }
        if let Some((place, before)) = self.of.remove(route) {
            for Attachment { listener, .. } in before {
                let claims = self.on.entry(listener.clone()).or_default();
                claims.remove(&place);
                if claims.is_empty() {
                    self.on.remove(&listener);
                }
                self.touched.insert(listener);
            }
        }
        for Attachment { listener, hostnames } in &wanted {
            let hostnames = match hostnames.as_slice() {
                [] => vec![key(None)],
                some => some.iter().map(|hostname| key(Some(hostname))).collect(),
            };
            let claim = Claim { route: route.clone(), hostnames };
            self.on.entry(listener.clone()).or_default().insert(place.clone(), claim);
            self.touched.insert(listener.clone());
        }
        if !wanted.is_empty() {
            self.of.insert(route.clone(), (place, wanted));
        }
    }

    /// Decides anew where something changed; returns the routes that won or lost something by it.
    pub(super) fn settle(&mut self) -> BTreeSet<ObjectId> {
        let mut changed = BTreeSet::new();
        for listener in std::mem::take(&mut self.touched) {
            let mut losers = self.on.get(&listener).map(losers).unwrap_or_default();
            self.lost.retain(|route, lost| {
                let winner = losers.remove(route);
                if lost.get(&listener) != winner.as_ref() {
                    changed.insert(route.clone());
                }
                match winner {
                    Some(winner) => drop(lost.insert(listener.clone(), winner)),
                    None => drop(lost.remove(&listener)),
                }
                !lost.is_empty()
            });
            for (route, winner) in losers {
                self.lost.entry(route.clone()).or_default().insert(listener.clone(), winner);
                changed.insert(route);
            }
        }
        changed
    }

    /// What a route does not get.
    pub(super) fn losses(&self, route: &ObjectId) -> Option<&Losses> {
        self.lost.get(route)
    }
}

/// The routes of one listener that do not get it, each with one that does.
fn losers(claims: &BTreeMap<Place, Claim>) -> BTreeMap<ObjectId, ObjectId> {
    let mut losers = BTreeMap::new();
    let mut kinds = claims.keys().map(|place| place.kind);
    let first = kinds.next();
    if kinds.all(|kind| Some(kind) == first) {
        return losers;
    }
    let mut taken: BTreeMap<Kind, Hosts<'_>> = BTreeMap::new();
    for Claim { route, hostnames } in claims.values() {
        let others = || taken.iter().filter(|(kind, _)| **kind != route.kind);
        let winner = hostnames.iter().find_map(|host| others().find_map(|(_, hosts)| hosts.overlap(host)));
        match winner {
            Some(winner) => drop(losers.insert(route.clone(), winner.clone())),
            None => taken.entry(route.kind).or_default().take(hostnames, route),
        }
    }
    losers
}

/// Hostnames with who has them. What is below a wildcard begins with its key.
#[derive(Default)]
struct Hosts<'a>(BTreeMap<&'a str, &'a ObjectId>);

impl<'a> Hosts<'a> {
    fn take(&mut self, hostnames: &'a [String], route: &'a ObjectId) {
        for hostname in hostnames {
            self.0.entry(hostname).or_insert(route);
        }
    }

    /// Who has a hostname that shares a host with this one.
    fn overlap(&self, key: &str) -> Option<&'a ObjectId> {
        let ends = std::iter::once(0).chain(key.match_indices('.').map(|(dot, _)| dot + 1));
        let above = ends.filter_map(|end| key.get(..end)).find_map(|wildcard| self.0.get(wildcard));
        let is_wildcard = key.is_empty() || key.ends_with('.');
        let same_or_below = || match self.0.range(key..).next() {
            Some((found, route)) if is_wildcard && found.starts_with(key) || *found == key => Some(route),
            _ => None,
        };
        above.or_else(same_or_below).copied()
    }
}

/// A hostname with its labels from right to left: `com.example.a`, for a wildcard `com.example.`, and
/// empty for every host.
fn key(hostname: Option<&Hostname>) -> String {
    let reversed = |name: &str| name.rsplit('.').collect::<Vec<_>>().join(".");
    match hostname {
        None => String::new(),
        Some(Hostname::Exact(name)) => reversed(name),
        // Begins with a dot, so the key ends with one.
        Some(Hostname::Wildcard(suffix)) => reversed(suffix),
    }
}

#[cfg(test)]
mod tests;
