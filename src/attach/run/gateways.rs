//! Gateways and the ListenerSets on them.

use super::{Attachments, Changes, Head, referring_routes, replace};
use crate::api::{Kind, ObjectId};
use crate::attach::backends::Known;
use crate::attach::gateway::{self, Gateway, Judged};
use crate::attach::grants::not_watched;
use crate::attach::isolation::Faces;
use crate::attach::parents::Admission;
use crate::attach::sets;
use crate::index::{Dependency, Index};
use crate::model::ObjectKey;
use std::collections::{BTreeMap, BTreeSet, HashSet};

impl Attachments {
    /// Returns the routes for which something changed.
    pub(super) fn update_gateways(
        &mut self,
        index: &Index,
        dirty: &BTreeSet<ObjectKey>,
        mut sets: BTreeSet<ObjectKey>,
        changes: &mut Changes,
    ) -> BTreeSet<ObjectId> {
        let mut unsettled = BTreeSet::new();
        let mut routes = BTreeSet::new();
        for key in dirty {
            if self.awaits(index, key) {
                // What was decided before goes on until it is known, which takes some milliseconds.
                continue;
            }
            changes.work.gateways += 1;
            let read = (&mut self.certificates, &mut self.bundles);
            let known = Known { upstreams: &self.upstreams, xbackends: &self.xbackends.found };
            let known = (&self.ingress_classes, known);
            let judged = gateway::judge(index, &self.options, &self.ports, read, known, key);
            let (ours, foreign) = match judged {
                Judged::Ours(gateway) => (Some(*gateway), None),
                Judged::Foreign(why) => (None, Some(why)),
                Judged::Gone => (None, None),
            };
            let wire =
                self.ingress_classes.gateway(key).or_else(|| index.get(key)).filter(|_| ours.is_some());
            self.ports.set_service(&self.options, key, wire.map(|wire| &**wire));
            let id = ObjectId { kind: Kind::Gateway, key: key.clone() };
            if replace(&mut self.foreign, &id, foreign).is_some() {
                routes.extend(referring_routes(index, &id));
                changes.objects.insert(id.clone());
            }
            let naming = index.referrers_of_kind(&Dependency::Object(id), Kind::ListenerSet);
            sets.extend(naming.map(|id| id.key.clone()));
            let sockets = ours.as_ref().map(Gateway::wanted_sockets).unwrap_or_default();
            let addresses = ours.as_ref().map(Gateway::wanted_addresses).unwrap_or_default();
            unsettled.extend(self.sockets.set(key, sockets));
            unsettled.extend(self.addresses.set(key, addresses));
            unsettled.insert(key.clone());
            replace(&mut self.unsettled, key, ours);
        }
        for key in &unsettled {
            let unsettled = self.unsettled.get(key).cloned();
            let settled = unsettled.map(|gateway| gateway.settle(key, &self.sockets, &self.addresses));
            let Some(before) = replace(&mut self.gateways, key, settled) else { continue };
            let after = self.gateways.get(key);
            let faces = [before.as_ref(), after].map(|gateway| gateway.map(Faces::new).unwrap_or_default());
            if faces[0] != faces[1] {
                let listeners = faces.iter().flat_map(Faces::listeners);
                let routes = listeners.flat_map(|listener| self.attached.users_of(listener));
                self.shadows.touch(routes.cloned());
            }
            let (before, after) = (doors(key, before.as_ref()), doors(key, after));
            for owner in before.keys().chain(after.keys()) {
                if before.get(owner) != after.get(owner) {
                    routes.extend(referring_routes(index, owner));
                }
                changes.objects.insert(owner.clone());
            }
        }
        for key in &sets {
            routes.extend(self.place_set(index, key, changes));
        }
        routes
    }

    /// Judges again the Gateways with filters for which something changed of an Upstream or a policy, as
    /// these are known only after the sockets that Gateways have. Returns the routes that are to be judged.
    pub(super) fn update_referring(
        &mut self,
        index: &Index,
        referring: BTreeSet<ObjectId>,
        changes: &mut Changes,
    ) -> BTreeSet<ObjectId> {
        let of = |kind: Kind| referring.iter().filter(move |id| id.kind == kind).map(|id| id.key.clone());
        let sets = of(Kind::ListenerSet).collect();
        let mut gateways: BTreeSet<_> = of(Kind::Gateway).collect();
        gateways.extend(self.gateways_of(index, &sets));
        let mut routes = match gateways.is_empty() {
            true => BTreeSet::new(),
            false => self.update_gateways(index, &gateways, sets, changes),
        };
        routes.extend(referring.into_iter().filter(|id| id.kind.is_route()));
        routes
    }

    /// The Gateways that have something to do with ListenerSets, before or from now on.
    pub(super) fn gateways_of(&self, index: &Index, sets: &BTreeSet<ObjectKey>) -> BTreeSet<ObjectKey> {
        let before = sets.iter().filter_map(|set| self.sets.get(set).cloned());
        let named = sets.iter().filter_map(|set| sets::parent(index, set)?.ok());
        before.chain(named).collect()
    }

    /// A ListenerSet that names a Gateway which is not there, and so can be nobody's; with the reason.
    pub fn orphaned_set(&self, index: &Index, key: &ObjectKey) -> Option<(Head, &str)> {
        let id = ObjectId { kind: Kind::Gateway, key: sets::parent(index, key)?.ok()? };
        let is_there = index.object(&id).is_some() || index.why_broken(&id).is_some();
        let set = ObjectId { kind: Kind::ListenerSet, key: key.clone() };
        let why = self.foreign.get(&set).filter(|_| !is_there)?;
        let head = match index.object(&set) {
            Some(object) => Head::of(object.metadata()),
            None => Head::of_broken(index.why_broken(&set)?),
        };
        Some((head, why))
    }

    /// Notes whose a ListenerSet is, once the Gateways are known; returns the routes for which that
    /// changed.
    fn place_set(&mut self, index: &Index, key: &ObjectKey, changes: &mut Changes) -> Vec<ObjectId> {
        let (ours, foreign) = match sets::parent(index, key) {
            None => (None, None),
            Some(Err(why)) => (None, Some(why)),
            Some(Ok(gateway)) if self.gateways.contains_key(&gateway) => (Some(gateway), None),
            Some(Ok(gateway)) => {
                let id = ObjectId { kind: Kind::Gateway, key: gateway };
                let why = match self.foreign.get(&id) {
                    Some(why) => format!("{id} is not served: {why}"),
                    None if !self.options.watches(&id.key.namespace) => {
                        format!("{id} is in a namespace that {}", not_watched())
                    }
                    None => format!("{id} does not exist"),
                };
                (None, Some(why))
            }
        };
        let id = ObjectId { kind: Kind::ListenerSet, key: key.clone() };
        let moved = replace(&mut self.sets, key, ours).is_some();
        let changed = replace(&mut self.foreign, &id, foreign).is_some() || moved;
        let routes = if changed { referring_routes(index, &id) } else { Vec::new() };
        if changed {
            changes.objects.insert(id);
        }
        routes
    }

    pub(super) fn update_own_sockets(&mut self) -> bool {
        // Those of UDP are no targets for datagrams, which only the data plane looks at.
        let tcp = self.sockets.all().filter(|bind| bind.protocol.is_tcp());
        let own: HashSet<_> = tcp.map(|bind| bind.address).collect();
        let changed = own != self.own_sockets;
        if changed {
            self.options.targets.set_own(own.clone());
            self.own_sockets = own;
        }
        changed
    }
}

/// All that routes see of a Gateway and of the ListenerSets on it: what they have of listeners, and why
/// if they have none.
type Doors = BTreeMap<ObjectId, (Vec<Admission>, Option<String>)>;

fn doors(key: &ObjectKey, gateway: Option<&Gateway>) -> Doors {
    let Some(gateway) = gateway else { return Doors::new() };
    let sets = gateway.sets.keys().map(|set| ObjectId { kind: Kind::ListenerSet, key: set.clone() });
    let owners = std::iter::once(ObjectId { kind: Kind::Gateway, key: key.clone() }).chain(sets);
    let each = owners.map(|owner| {
        let listeners = gateway.listeners_in(&owner).iter().map(|listener| listener.admission.clone());
        let listeners: Vec<_> = listeners.collect();
        let set = gateway.sets.get(&owner.key).filter(|_| owner.kind == Kind::ListenerSet);
        let why = set.filter(|_| listeners.is_empty()).map(|set| set.accepted.message.clone());
        (owner, (listeners, why))
    });
    each.collect()
}
