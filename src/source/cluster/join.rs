//! What all watches tell together. Pure: what a watch told in, events and watches out.
//!
//! A Secret can be told by two watches: by that of all Secrets with certificates, and by one of its
//! own name. The first one counts, and the second ends as soon as the first has the Secret, so what
//! one takes away is never what the other told.

use super::place::Place;
use super::probe::{OPTIONAL, Served};
use super::{Referred, Scope};
use crate::api::{Kind, Object, ObjectId, Optional};
use crate::index::{Broken, Event};
use std::collections::btree_map::Entry;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// Of these kinds single objects are followed by name.
const BY_NAME: [Kind; 2] = [Kind::Secret, Kind::ConfigMap];

/// Watches of single objects in one namespace. Each is a connection to the API server, and whoever
/// may write Gateways or policies there chooses how many names they refer to.
pub(super) const MAX_NAMED: usize = 256;

/// What was told, by which watches.
#[derive(Debug, Default)]
pub(super) struct Join {
    /// Followed by name whether referred to or not.
    always: BTreeSet<ObjectId>,
    referred: Referred,
    /// By number; a place that is watched again later has another one.
    watches: BTreeMap<u64, Watch>,
    named: BTreeMap<ObjectId, u64>,
    next: u64,
    /// Which kind of watch told those objects of [`BY_NAME`] that are known.
    told: BTreeMap<ObjectId, By>,
    /// Kinds of which not everything that was there at the start has been told.
    unlisted: BTreeSet<Kind>,
    /// What the API server serves of that which it need not serve, if it is known.
    serves: Option<Served>,
    /// What is referred to and not followed, as too much is in its namespace.
    refused: BTreeSet<ObjectId>,
}

#[derive(Clone, Debug)]
struct Watch {
    place: Place,
    /// Whether it told what is there.
    answered: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum By {
    Kind,
    Name,
}

/// Watches to begin and to end.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Changes {
    pub(super) begin: Vec<(u64, Place)>,
    pub(super) end: Vec<u64>,
}

impl Join {
    /// With the watches that run for ever.
    pub(super) fn new(scope: &Scope) -> (Self, Changes) {
        let mut join = Self {
            always: scope.named.clone(),
            unlisted: Kind::ALL.into_iter().collect(),
            ..Self::default()
        };
        let mut changes = Changes::default();
        for place in Place::all(scope) {
            join.begin(place, &mut changes);
        }
        join.follow_names(&mut changes);
        (join, changes)
    }

    /// What a watch tells.
    pub(super) fn told(&mut self, number: u64, event: Event) -> (Vec<Event>, Changes) {
        let mut changes = Changes::default();
        // One that was ended may still have had something under way.
        let Some(watch) = self.watches.get_mut(&number) else { return (Vec::new(), changes) };
        watch.answered |= matches!(event, Event::Reset { .. });
        let place = watch.place.clone();
        let mut events = match (place.id(), BY_NAME.contains(&place.kind)) {
            (Some(id), _) => self.told_by_name(id, event),
            (None, true) => self.told_by_kind(&place, event),
            (None, false) => vec![event],
        };
        if BY_NAME.contains(&place.kind) {
            events.extend(self.follow_names(&mut changes));
        }
        events.extend(self.newly_listed());
        (events, changes)
    }

    /// What the API server serves from now on of that which it need not serve: [`OPTIONAL`] is followed
    /// while it does.
    pub(super) fn serves(&mut self, served: Served) -> (Vec<Event>, Changes) {
        let mut changes = Changes::default();
        let before = self.serves.replace(served.clone());
        let is_news = |what: &Optional| {
            before.as_ref().is_none_or(|before| before.contains(what) != served.contains(what))
        };
        let all = std::iter::once(Optional::TRUST_BUNDLES).chain(Optional::FIELDS);
        let mut events: Vec<_> =
            all.filter(is_news).map(|what| Event::Served { what, served: served.contains(&what) }).collect();
        if is_news(&Optional::TRUST_BUNDLES) {
            if served.contains(&Optional::TRUST_BUNDLES) {
                self.begin(Place::all_of(OPTIONAL), &mut changes);
            } else {
                let ended = self.watches.extract_if(.., |_, watch| watch.place.kind == OPTIONAL);
                changes.end.extend(ended.map(|(number, _)| number));
                events.push(Event::Reset { kind: OPTIONAL, namespace: None, objects: Vec::new() });
            }
        }
        events.extend(self.newly_listed());
        (events, changes)
    }

    /// What is referred to from now on.
    pub(super) fn refer(&mut self, referred: Referred) -> (Vec<Event>, Changes) {
        let mut changes = Changes::default();
        self.referred = referred;
        let mut events = Vec::new();
        self.told.retain(|id, by| {
            let kept = *by == By::Kind || self.always.contains(id) || self.referred.ids.contains(id);
            if !kept {
                events.push(Event::Delete(id.clone()));
            }
            kept
        });
        events.extend(self.follow_names(&mut changes));
        events.extend(self.newly_listed());
        (events, changes)
    }

    fn told_by_kind(&mut self, place: &Place, event: Event) -> Vec<Event> {
        match event {
            Event::Apply(object) => vec![self.applied_by_kind(Ok(object))],
            Event::Broken(broken) => vec![self.applied_by_kind(Err(broken))],
            Event::Delete(id) => self.forget(&id, By::Kind).into_iter().collect(),
            Event::Reset { objects, .. } => {
                // In single events: what was told by name stays.
                let there: BTreeSet<_> = objects.iter().map(id_of).collect();
                let inside = |id: &ObjectId| {
                    id.kind == place.kind
                        && place.namespace.as_ref().is_none_or(|namespace| *namespace == id.key.namespace)
                };
                let gone: Vec<_> =
                    self.told.keys().filter(|id| inside(id) && !there.contains(*id)).cloned().collect();
                let gone = gone.iter().filter_map(|id| self.forget(id, By::Kind)).collect::<Vec<_>>();
                gone.into_iter()
                    .chain(objects.into_iter().map(|object| self.applied_by_kind(object)))
                    .collect()
            }
            Event::Listed(_) | Event::Served { .. } => Vec::new(),
        }
    }

    fn applied_by_kind(&mut self, object: Result<Object, Broken>) -> Event {
        self.told.insert(id_of(&object), By::Kind);
        apply(object)
    }

    fn told_by_name(&mut self, id: ObjectId, event: Event) -> Vec<Event> {
        let object = match event {
            Event::Apply(object) => Some(Ok(object)),
            Event::Broken(broken) => Some(Err(broken)),
            Event::Reset { objects, .. } => objects.into_iter().find(|object| id_of(object) == id),
            Event::Delete(_) | Event::Listed(_) | Event::Served { .. } => None,
        };
        match object {
            Some(object) => match self.told.entry(id) {
                Entry::Occupied(known) if *known.get() == By::Kind => Vec::new(),
                entry => {
                    entry.insert_entry(By::Name);
                    vec![apply(object)]
                }
            },
            None => match self.told.get(&id) {
                Some(By::Kind) => Vec::new(),
                _ => {
                    self.told.remove(&id);
                    // Also where it never was: somebody waits for an answer.
                    vec![Event::Delete(id)]
                }
            },
        }
    }

    /// The object is gone for a watch; for the index it is if that watch told it.
    fn forget(&mut self, id: &ObjectId, by: By) -> Option<Event> {
        (self.told.get(id) == Some(&by)).then(|| {
            self.told.remove(id);
            Event::Delete(id.clone())
        })
    }

    /// Begins the watches of what is to be followed by name, and ends the others. What is refused one
    /// counts as not there.
    fn follow_names(&mut self, changes: &mut Changes) -> Vec<Event> {
        // Before that each would be watched by name that is about to be told anyway.
        let secrets = self.referred.complete
            && self.all_answered(|place| place.kind == Kind::Secret && place.name.is_none());
        let wanted: BTreeSet<_> = self
            .always
            .union(&self.referred.ids)
            .filter(|id| id.kind != Kind::Secret || secrets)
            .filter(|id| self.told.get(*id) != Some(&By::Kind))
            .cloned()
            .collect();
        let ended: Vec<_> = self.named.extract_if(.., |id, _| !wanted.contains(id)).collect();
        for (_, number) in ended {
            self.watches.remove(&number);
            changes.end.push(number);
        }
        let mut counts = BTreeMap::<Arc<str>, usize>::new();
        for id in self.named.keys() {
            *counts.entry(id.key.namespace.clone()).or_default() += 1;
        }
        let mut refused = BTreeSet::new();
        for id in wanted {
            if self.named.contains_key(&id) {
                continue;
            }
            let count = counts.entry(id.key.namespace.clone()).or_default();
            if *count >= MAX_NAMED && !self.always.contains(&id) {
                refused.insert(id);
                continue;
            }
            *count += 1;
            let number = self.begin(Place::named(&id), changes);
            self.named.insert(id, number);
        }
        let namespaces =
            |ids: &BTreeSet<ObjectId>| ids.iter().map(|id| id.key.namespace.clone()).collect::<BTreeSet<_>>();
        for namespace in namespaces(&refused).difference(&namespaces(&self.refused)) {
            tracing::warn!(
                "namespace {namespace}: more than {MAX_NAMED} ConfigMaps, and Secrets that are not there or not of \
                 type kubernetes.io/tls, are referred to; what is more than that is not looked for"
            );
        }
        let new = refused.difference(&self.refused).cloned().map(Event::Delete).collect();
        self.refused = refused;
        new
    }

    fn begin(&mut self, place: Place, changes: &mut Changes) -> u64 {
        let number = self.next;
        self.next += 1;
        self.watches.insert(number, Watch { place: place.clone(), answered: false });
        changes.begin.push((number, place));
        number
    }

    fn all_answered(&self, of: impl Fn(&Place) -> bool) -> bool {
        self.watches.values().all(|watch| watch.answered || !of(&watch.place))
    }

    /// Kinds of which now everything that was there at the start has been told.
    fn newly_listed(&mut self) -> Vec<Event> {
        let listed = |kind: &Kind| {
            (self.referred.complete || !BY_NAME.contains(kind))
                && (self.serves.is_some() || *kind != OPTIONAL)
                && self.all_answered(|place| place.kind == *kind)
        };
        let new: Vec<_> = self.unlisted.iter().copied().filter(listed).collect();
        self.unlisted.retain(|kind| !new.contains(kind));
        new.into_iter().map(Event::Listed).collect()
    }
}

fn id_of(object: &Result<Object, Broken>) -> ObjectId {
    match object {
        Ok(object) => object.id(),
        Err(broken) => broken.id.clone(),
    }
}

fn apply(object: Result<Object, Broken>) -> Event {
    match object {
        Ok(object) => Event::Apply(object),
        Err(broken) => Event::Broken(broken),
    }
}

#[cfg(test)]
mod tests;
