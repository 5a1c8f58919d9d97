//! How far Gateways and ListenerSets have come, and which state of each object is served.

use super::statuses::{gateway_id, is_gateway};
use super::{Pipeline, Served};
use crate::api::ingress::is_of_class;
use crate::api::{Kind, ObjectId};
use crate::attach::{Changes, Head};
use crate::control::replicas::Standing;
use crate::index::Dirty;
use crate::model::ObjectKey;
use crate::status::{self, Body, Progress, Wanted};
use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// How long the status of a Gateway may wait for the workers, and for its port and its address, before
/// it says that it waits. Without this, each edit would flip `Programmed` to false and back within
/// milliseconds.
pub(super) const PATIENCE: Duration = Duration::from_secs(1);

/// How far a Gateway or a ListenerSet has come.
#[derive(Clone, Debug)]
pub(super) struct Tracked {
    pub(super) head: Head,
    pub(super) version: u64,
    pub(super) since: Instant,
    /// At the other replicas, while this one leads.
    pub(super) standing: Standing,
}

impl Pipeline {
    /// An object has to be served anew if a listener of it or a certificate changed, or its generation
    /// did.
    pub(super) fn track(&mut self, changes: &Changes, compiled: &BTreeSet<ObjectId>, now: Instant) {
        let version = self.compiler.version();
        let has_listeners = |id: &&ObjectId| matches!(id.kind, Kind::Gateway | Kind::ListenerSet);
        let concerned: BTreeSet<_> = changes.objects.iter().filter(has_listeners).chain(compiled).collect();
        for owner in concerned {
            let id = if owner.kind == Kind::Gateway { gateway_id(&owner.key) } else { owner.clone() };
            let Some(head) = self.head(&id).cloned() else {
                self.tracked.remove(&id);
                continue;
            };
            let known = self.tracked.get(&id).filter(|known| known.head == head);
            if known.is_none() || compiled.contains(owner) {
                let standing = known.map_or_else(|| self.first_standing(&id), |known| known.standing.clone());
                self.tracked.insert(id, Tracked { head, version, since: now, standing });
            }
        }
        // What nobody wants any more is no trouble any more.
        let attachments = &self.attachments;
        self.unusable.retain(|socket, _| attachments.wants(*socket));
    }

    pub(super) fn track_served(&mut self, dirty: &Dirty, changes: &Changes) -> Vec<(Arc<str>, Option<i64>)> {
        // Whose a ListenerSet is can change without any change of itself.
        let sets = changes.objects.iter().filter(|id| id.kind == Kind::ListenerSet);
        self.unserved.extend(dirty.objects.iter().chain(sets).cloned());
        // They come with their first Ingress and go with the last.
        self.unserved.extend(changes.of(Kind::Gateway).filter(|key| is_of_class(key)).map(gateway_id));
        let version = self.compiler.version();
        let mut changed = Vec::new();
        for id in std::mem::take(&mut self.unserved) {
            if self.compiler.is_waiting(&id) || self.waits_for_ports(&id) {
                self.unserved.insert(id);
                continue;
            }
            match self.head(&id) {
                None => {
                    let gone = self.served.remove(&id);
                    changed.extend(gone.map(|served| (served.head.uid, None)));
                }
                Some(head) if self.served.get(&id).is_some_and(|served| served.head == *head) => {}
                Some(head) => {
                    let served = Served { head: head.clone(), version };
                    let before = self.served.insert(id, served.clone());
                    // The same name with another uid is another object.
                    let gone = before.filter(|before| before.head.uid != served.head.uid);
                    changed.extend(gone.map(|before| (before.head.uid, None)));
                    changed.push((served.head.uid, Some(served.head.generation)));
                }
            }
        }
        changed.retain(|(uid, _)| !uid.is_empty());
        changed
    }

    /// Whether it will be served once ports of the pods are given.
    fn waits_for_ports(&self, id: &ObjectId) -> bool {
        if id.kind == Kind::Ingress {
            return false;
        }
        let gateway = self.gateway_of(id).and_then(|key| self.attachments.gateways.get(&key));
        let listeners = gateway.map(|gateway| gateway.listeners_in(id)).unwrap_or_default();
        let mut served = listeners.iter().filter_map(|listener| listener.served.as_ref());
        served.any(|served| served.binds.is_empty())
    }

    /// The state of an object that was judged.
    fn head(&self, id: &ObjectId) -> Option<&Head> {
        let found = &self.attachments;
        match id.kind {
            Kind::GatewayClass => found.classes.get(&id.key).map(|class| &class.head),
            Kind::Gateway | Kind::IngressClass => found.gateways.get(&id.key).map(|gateway| &gateway.head),
            Kind::ListenerSet => found.listener_set(&id.key).map(|(_, set)| &set.head),
            kind if kind.is_route() => found.routes.get(id).map(|route| &route.head),
            Kind::Upstream => found.upstreams.get(&id.key).map(|upstream| &upstream.head),
            kind if kind.is_policy() => found.policy(id).map(|policy| &policy.head),
            Kind::XBackend => found.xbackends().get(&id.key).map(|xbackend| &xbackend.head),
            _ => None,
        }
    }

    /// The Gateway on whose state the status rests.
    fn gateway_of(&self, id: &ObjectId) -> Option<ObjectKey> {
        match id.kind {
            kind if is_gateway(kind) => Some(id.key.clone()),
            Kind::ListenerSet => self.attachments.sets.get(&id.key).cloned(),
            Kind::Ingress => self.attachments.gateway_of_ingress(&id.key).cloned(),
            _ => None,
        }
    }

    /// Looks again at the object, and if it is a Gateway at all that is on it.
    pub(super) fn restate_all_on(&mut self, id: ObjectId) {
        if let Some(gateway) = self.attachments.gateways.get(&id.key).filter(|_| id.kind == Kind::Gateway) {
            let sets = gateway.sets.keys();
            self.restate.extend(sets.map(|key| ObjectId { kind: Kind::ListenerSet, key: key.clone() }));
        }
        self.restate.insert(id);
    }

    fn is_served(&self, id: &ObjectId) -> bool {
        let here = |tracked: &Tracked| tracked.version <= self.acknowledged;
        self.tracked.get(id).is_some_and(|tracked| here(tracked) && tracked.standing.is_served())
    }

    /// Whether it is too early to tell of the object: more is about to come.
    pub(super) fn holds_back(&self, id: &ObjectId, now: Instant) -> bool {
        let Some(gateway) = self.gateway_of(id) else { return false };
        self.patient_until(id).is_some_and(|until| now < until) || self.waits_for_nodes(&gateway, now)
    }

    /// Until when a status waits for what is on its way; that of a ListenerSet also for its Gateway.
    fn patient_until(&self, id: &ObjectId) -> Option<Instant> {
        let key = self.gateway_of(id)?;
        let found = self.attachments.gateways.get(&key)?;
        let gateway = gateway_id(&key);
        let waits = |id: &ObjectId| {
            let tracked = self.tracked.get(id)?;
            let has_listeners = found.listeners_in(id).iter().any(|listener| listener.is_usable());
            let is_coming = self.is_patient && is_gateway(id.kind) && found.reached.is_on_its_way();
            (has_listeners && !self.is_served(id) || is_coming).then(|| tracked.since + PATIENCE)
        };
        waits(id).max(waits(&gateway))
    }

    pub(super) fn deadline(&self, now: Instant) -> Option<Instant> {
        let patience = self.restate.iter().filter_map(|id| self.patient_until(id));
        let patience = patience.filter(|until| *until > now);
        patience.chain(self.compiler.deadline()).chain(self.next_silent(now)).min()
    }

    /// Of a Gateway, or of the IngressClass whose it is.
    pub(super) fn wanted_of_gateway(&self, id: &ObjectId) -> Option<Wanted> {
        let (key, found) = (&id.key, &self.attachments);
        let gateway = found.gateways.get(key)?;
        let replicas = self.of_replicas(id);
        let progress = Progress { served: self.is_served(id), replicas: &replicas, unusable: &self.unusable };
        Some(match id.kind {
            Kind::IngressClass => status::ingress_class(key, gateway, progress),
            _ => status::gateway(key, gateway, |listener| found.count_routes(listener), progress),
        })
    }

    pub(super) fn wanted_of_set(&self, id: &ObjectId) -> Option<Wanted> {
        let found = &self.attachments;
        let Some((gateway, set)) = found.listener_set(&id.key) else {
            let was_ours = || matches!(self.wanted.get(id)?.body, Body::ListenerSet { .. }).then_some(());
            let (head, why) = found.orphaned_set(&self.index, &id.key)?;
            return was_ours().map(|()| status::orphaned_listener_set(&id.key, &head, why));
        };
        let gateway_id = gateway_id(&self.gateway_of(id)?);
        let (of_gateway, of_set) = (self.of_replicas(&gateway_id), self.of_replicas(id));
        let progress = |served, replicas| Progress { served, replicas, unusable: &self.unusable };
        let of_gateway = progress(self.is_served(&gateway_id), &*of_gateway);
        let of_set = progress(self.is_served(id), &*of_set);
        let attached = |listener: &_| found.count_routes(listener);
        Some(status::listener_set(&id.key, set, gateway, attached, (of_gateway, of_set)))
    }
}
