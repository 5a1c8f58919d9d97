//! What a route asks for and does not get, since others go before it. That is legal, and mostly a
//! mistake.
//!
//! Of two matches that are the same for the same hostname of the same listener one gets all requests:
//! that of the older route, then of the first by `namespace/name`, then the first in the route. For
//! hostnames see [`super::isolation`].

use super::isolation::Isolation;
use super::list_problems;
use super::parents::Parent;
use super::rivals::Place;
use super::route::Route;
use super::verdict::{RouteShadowed, Verdict};
use crate::api::ObjectId;
use crate::model::{self, Hostname, ListenerKey, Match, RouteKind};
use std::collections::hash_map::DefaultHasher;
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::hash::{Hash, Hasher};
use std::sync::Arc;

/// What a route does not get where it is attached, in words.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Shadowed {
    /// Of its hostnames, since another listener gets them.
    pub(super) hostnames: BTreeMap<ListenerKey, Vec<String>>,
    /// Of its matches, since another goes before.
    matches: BTreeMap<ListenerKey, Vec<String>>,
}

/// The matches of all routes.
#[derive(Debug, Default)]
pub(super) struct Shadows {
    seats: HashMap<Spot, Vec<Seat>>,
    of: BTreeMap<ObjectId, Held>,
    /// Routes for which something may have changed since they were settled.
    touched: BTreeSet<ObjectId>,
}

/// A listener, a hostname and a match, as a hash: there may be very many, and it is not likely that
/// two ever have the same one of 128 bits.
type Spot = u128;

/// The places of a rule and of its match.
type At = (usize, usize);

#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Owner {
    place: Place,
    route: ObjectId,
}

/// All that a route has.
#[derive(Debug, PartialEq, Eq)]
struct Held {
    owner: Arc<Owner>,
    spots: Vec<(Spot, At)>,
}

/// Who goes first is the least.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Seat {
    owner: Arc<Owner>,
    at: At,
}

impl Shadows {
    /// Sets where a route is served; with none it is not.
    pub(super) fn set(&mut self, id: &ObjectId, route: Option<&model::Route>) {
        let spots = route.into_iter().flat_map(spots).map(|(spot, at, ..)| (spot, at)).collect();
        let place = Place::of(id, route.map_or(0, |route| route.created));
        let held = Held { owner: Arc::new(Owner { place, route: id.clone() }), spots };
        if self.of.get(id) == Some(&held) {
            return;
        }
        for (spot, _) in self.of.remove(id).into_iter().flat_map(|before| before.spots) {
            if let Some(seats) = self.seats.get_mut(&spot) {
                let was_first = seats.first().is_some_and(|first| first.owner.route == *id);
                seats.retain(|seat| seat.owner.route != *id);
                // The others are only told who goes first.
                if was_first {
                    self.touched.extend(seats.iter().map(|seat| seat.owner.route.clone()));
                }
                if seats.is_empty() {
                    self.seats.remove(&spot);
                }
            }
        }
        for (spot, at) in &held.spots {
            let seats = self.seats.entry(*spot).or_default();
            let seat = Seat { owner: held.owner.clone(), at: *at };
            let place = seats.partition_point(|other| *other < seat);
            if place == 0 {
                self.touched.extend(seats.iter().map(|seat| seat.owner.route.clone()));
            }
            if seats.is_empty() {
                // Mostly it is the only one.
                seats.reserve_exact(1);
            }
            seats.insert(place, seat);
        }
        self.touched.insert(id.clone());
        if !held.spots.is_empty() {
            self.of.insert(id.clone(), held);
        }
    }

    /// Something else changed of what is told of routes.
    pub(super) fn touch(&mut self, routes: impl Iterator<Item = ObjectId>) {
        self.touched.extend(routes);
    }

    /// What is to be told of the routes for which it may have changed.
    pub(super) fn settle<'a>(
        &mut self,
        mut isolation: Isolation<'_>,
        served: impl Fn(&ObjectId) -> Option<&'a model::Route>,
    ) -> Vec<(ObjectId, Shadowed)> {
        let touched = std::mem::take(&mut self.touched).into_iter();
        let mut shadowed = |id: &ObjectId| match served(id) {
            Some(route) => {
                Shadowed { hostnames: isolation.taken(route), matches: self.shadowed_matches(id, route) }
            }
            None => Shadowed::default(),
        };
        touched.map(|id| (shadowed(&id), id)).map(|(shadowed, id)| (id, shadowed)).collect()
    }

    fn shadowed_matches(&self, id: &ObjectId, route: &model::Route) -> BTreeMap<ListenerKey, Vec<String>> {
        let mut shadowed = BTreeMap::<_, Vec<_>>::new();
        for (spot, at, listener, hostname) in spots(route) {
            let Some(first) = self.seats.get(&spot).and_then(|seats| seats.first()) else { continue };
            if first.owner.route == *id && first.at == at {
                continue;
            }
            let told = shadowed.entry(listener.clone()).or_default();
            told.push(tell(
                route,
                at,
                hostname,
                (first.owner.route != *id).then_some(&*first.owner),
                first.at,
            ));
        }
        shadowed
    }
}

impl Route {
    /// Set while hostnames or matches of it get no requests from a parent's listeners.
    pub fn shadowed(&self, parent: &Parent) -> Option<Verdict<RouteShadowed>> {
        let Shadowed { hostnames, matches } = &self.shadowed;
        let told = |by_listener: &BTreeMap<_, Vec<String>>| {
            let told = parent.listeners.iter().filter_map(|listener| by_listener.get(listener)).flatten();
            let mut known = BTreeSet::new();
            told.filter(|text| known.insert(*text)).cloned().collect::<Vec<_>>()
        };
        let (hostnames, matches) = (told(hostnames), told(matches));
        let reason = match hostnames.is_empty() {
            true => RouteShadowed::MatchTaken,
            false => RouteShadowed::HostnameTaken,
        };
        let all = [hostnames, matches].concat();
        (!all.is_empty()).then(|| Verdict::new(reason, list_problems(&all)))
    }
}

fn tell(
    route: &model::Route,
    at: At,
    hostname: Option<&Hostname>,
    winner: Option<&Owner>,
    first: At,
) -> String {
    let host = hostname.map(|hostname| format!(" for {hostname}")).unwrap_or_default();
    let rule = |(rule, _): At| route.rules.get(rule).map(|rule| rule.key.to_string()).unwrap_or_default();
    let (title, gets) = match route.key.kind {
        RouteKind::Http | RouteKind::Grpc | RouteKind::Ingress => {
            let title = format!("rule {}, match {}{host}", rule(at), at.1);
            (title, "has the same one and gets the requests")
        }
        RouteKind::Tls | RouteKind::Tcp => (format!("all connections{host}"), "gets them"),
        RouteKind::Udp => ("all datagrams".to_owned(), "gets them"),
    };
    let Some(winner) = winner else {
        return format!(
            "{title}: rule {}, match {} of this route is the same and goes first",
            rule(first),
            first.1
        );
    };
    format!("{title}: {}, which is older or first by name, {gets}", winner.route)
}

/// All matches of a route, everywhere that it is served.
fn spots(route: &model::Route) -> impl Iterator<Item = (Spot, At, &ListenerKey, Option<&Hostname>)> {
    route.attachments.iter().flat_map(move |attachment| {
        let every = attachment.hostnames.is_empty().then_some(None);
        let hostnames = attachment.hostnames.iter().map(Some).chain(every);
        hostnames.flat_map(move |hostname| {
            // Of an Ingress each rule is for one of the hosts.
            let is_for =
                move |rule: &model::Rule| rule.host.as_ref().is_none_or(|host| host.hostname() == hostname);
            let rules = route.rules.iter().enumerate().filter(move |(_, rule)| is_for(rule));
            let matches = rules.flat_map(|(rule, configured)| {
                configured.matches.iter().enumerate().map(move |(number, each)| ((rule, number), each))
            });
            matches.map(move |(at, each)| {
                (spot(&attachment.listener, hostname, each), at, &attachment.listener, hostname)
            })
        })
    })
}

fn spot(listener: &ListenerKey, hostname: Option<&Hostname>, each: &Match) -> Spot {
    let half = |seed: u8| {
        let mut hasher = DefaultHasher::new();
        (seed, listener, hostname, &each.path, &each.method).hash(&mut hasher);
        unordered(seed, &each.headers).hash(&mut hasher);
        unordered(seed, &each.queries).hash(&mut hasher);
        u128::from(hasher.finish())
    };
    half(0) << 64 | half(1)
}

/// Conditions are the same in any order.
fn unordered(seed: u8, conditions: &[impl Hash]) -> Vec<u64> {
    let each = conditions.iter().map(|condition| {
        let mut hasher = DefaultHasher::new();
        (seed, condition).hash(&mut hasher);
        hasher.finish()
    });
    let mut all: Vec<_> = each.collect();
    all.sort_unstable();
    all
}

#[cfg(test)]
mod tests;
