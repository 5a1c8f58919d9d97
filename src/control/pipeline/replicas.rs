//! Gateways and ListenerSets wait for the other replicas while this one leads.

use super::Pipeline;
use super::statuses::is_gateway;
use super::tracking::Tracked;
use crate::api::{Condition, Object, ObjectId};
use crate::control::replicas::poll::Plan;
use crate::control::replicas::{Peers, Replicas, Standing, ready};
use crate::control::served::Report;
use crate::index::Dirty;
use crate::model::ObjectKey;
use crate::status::Wanted;
use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// How often the replicas are asked while a Gateway waits for one of them …
const WAITING: Duration = Duration::from_millis(100);
/// … once it has waited for longer than this …
const LONG: Duration = Duration::from_secs(10);
/// … and then.
const WAITING_LONG: Duration = Duration::from_secs(1);
/// And while nothing waits, so that it is known beforehand who does not answer.
const IDLE: Duration = Duration::from_secs(5);

/// What a leader knows of the others.
#[derive(Debug)]
pub(super) struct Leading {
    peers: Peers,
    replicas: Replicas,
}

impl Pipeline {
    /// From now on this process leads (with whom it shares the work), or does no longer. Call
    /// [`Self::step`] afterwards.
    pub(in crate::control) fn lead(&mut self, peers: Option<Peers>, now: Instant) {
        self.leading = peers.map(|peers| {
            let mut replicas = Replicas::default();
            replicas.follow(ready(&self.index, &peers), now);
            Leading { peers, replicas }
        });
        let ids: Vec<_> = self.tracked.keys().cloned().collect();
        for id in ids {
            let standing = self.first_standing(&id);
            let Some(tracked) = self.tracked.get_mut(&id) else { continue };
            if !standing.is_served() {
                tracked.since = now;
            }
            let gateway = self.attachments.gateways.get(&id.key).filter(|_| is_gateway(id.kind));
            let by_nodes = gateway.is_some_and(|found| found.reached.by_nodes);
            if tracked.standing != standing || by_nodes {
                tracked.standing = standing;
                // What the others serve may be what was written already, but nobody did.
                self.rewrite.insert(id.clone());
                self.restate_all_on(id);
            }
        }
    }

    /// What is wanted of every object, but of those that are still to be looked at.
    pub(in crate::control) fn settled(&self) -> impl Iterator<Item = &Arc<Wanted>> {
        self.statuses().filter(|wanted| !self.restate.contains(&wanted.id))
    }

    /// A replica told what it serves. Call [`Self::step`] afterwards.
    pub(in crate::control) fn replica_answered(&mut self, name: &str, report: Report, now: Instant) {
        if let Some(leading) = &mut self.leading {
            leading.replicas.answered(name, report, now);
        }
        self.update_nodes(now);
    }

    /// Gateways that are reached by nodes are so by those of all replicas.
    pub(super) fn update_nodes(&mut self, now: Instant) {
        let others = match &self.leading {
            Some(leading) => leading.replicas.nodes(now),
            None => Some(BTreeSet::new()),
        };
        if let Some(others) = others {
            self.attachments.set_nodes(others.union(&self.own_nodes).copied().collect());
        }
    }

    /// Which replicas are to be asked, and how often; none while another leads.
    pub(in crate::control) fn poll(&self, now: Instant) -> Plan {
        let replicas = self.leading.as_ref().map(|leading| leading.replicas.addresses()).unwrap_or_default();
        let waiting = self.tracked.values().filter(|tracked| !tracked.standing.is_served());
        let every = match waiting.map(|tracked| tracked.since).max() {
            None => IDLE,
            Some(since) if now < since + LONG => WAITING,
            Some(_) => WAITING_LONG,
        };
        Plan { replicas, every }
    }

    /// How far an object that is new, or new in this generation, has come at the others. If it was
    /// written that they serve it they do, whoever wrote it: a replica that is ready serves
    /// everything that was there when it started.
    pub(super) fn first_standing(&self, id: &ObjectId) -> Standing {
        let is_known = || self.index.object(id).is_some_and(was_programmed);
        if self.leading.is_none() || is_known() {
            Standing::Served(BTreeSet::new())
        } else {
            Standing::Behind(BTreeSet::new())
        }
    }

    /// Learns which replicas are ready.
    pub(super) fn follow_replicas(&mut self, dirty: &Dirty, now: Instant) {
        let Some(Leading { peers, replicas }) = &mut self.leading else { return };
        if dirty.endpoints.contains(&peers.service) {
            replicas.follow(ready(&self.index, peers), now);
        }
        // Also without any news: who is silent for long is not waited for.
        self.update_nodes(now);
    }

    /// Whether the addresses of a Gateway are those of nodes, and one of these may be missing.
    pub(super) fn waits_for_nodes(&self, gateway: &ObjectKey, now: Instant) -> bool {
        let by_nodes = self.attachments.gateways.get(gateway).is_some_and(|found| found.reached.by_nodes);
        let Some(leading) = self.leading.as_ref().filter(|_| by_nodes) else { return false };
        leading.replicas.nodes(now).is_none()
    }

    /// Looks again at all that waits for other replicas.
    pub(super) fn assess(&mut self, now: Instant) {
        let Some(Leading { replicas, .. }) = &mut self.leading else { return };
        let mut changed = Vec::new();
        for (id, tracked) in &mut self.tracked {
            let (uid, generation) = (&tracked.head.uid, tracked.head.generation);
            let standing = match &tracked.standing {
                Standing::Served(silent) if silent.is_empty() => continue,
                // Once it is said to be served it stays so: only who was left out is looked after.
                Standing::Served(silent) => Standing::Served(replicas.still_behind(silent, uid, generation)),
                Standing::Behind(_) => replicas.standing(uid, generation, now),
            };
            if tracked.standing != standing {
                tracked.standing = standing;
                changed.push(id.clone());
            }
        }
        changed.into_iter().for_each(|id| self.restate_all_on(id));
    }

    /// When somebody has been waited for long enough.
    pub(super) fn next_silent(&self, now: Instant) -> Option<Instant> {
        let waits = self
            .tracked
            .iter()
            .any(|(id, tracked)| !tracked.standing.is_served() || self.restate.contains(id));
        self.leading.as_ref().filter(|_| waits)?.replicas.next_silent(now)
    }

    /// What there is to say of the other replicas, once the workers here are done.
    pub(super) fn of_replicas(&self, id: &ObjectId) -> String {
        let here = |tracked: &&Tracked| tracked.version <= self.acknowledged;
        self.tracked.get(id).filter(here).map_or_else(String::new, |one| one.standing.message())
    }
}

/// Whether it came with the status that this generation is served.
fn was_programmed(object: &Object) -> bool {
    let generation = object.metadata().generation;
    let programmed = |condition: &Condition| {
        condition.type_ == "Programmed"
            && condition.status == "True"
            && condition.observed_generation >= generation
    };
    match object {
        Object::Gateway(gateway) => {
            gateway.status.iter().flat_map(|status| &status.conditions).any(programmed)
        }
        Object::ListenerSet(set) => set.status.iter().flat_map(|status| &status.conditions).any(programmed),
        _ => false,
    }
}

#[cfg(test)]
mod tests;
