//! Gateways wait for the other replicas while this one leads.

use super::statuses::gateway_id;
use super::{GatewayVersion, Pipeline};
use crate::api::gateway::Gateway;
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
        let keys: Vec<_> = self.gateways.keys().cloned().collect();
        for key in keys {
            let standing = self.first_standing(&key);
            let Some(gateway) = self.gateways.get_mut(&key) else { continue };
            if !standing.is_served() {
                gateway.since = now;
            }
            let by_nodes = self.attachments.gateways.get(&key).is_some_and(|found| found.reached.by_nodes);
            if gateway.standing != standing || by_nodes {
                gateway.standing = standing;
                self.restate.insert(gateway_id(&key));
                // What the others serve may be what was written already, but nobody did.
                self.rewrite.insert(gateway_id(&key));
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
        let waiting = self.gateways.values().filter(|gateway| !gateway.standing.is_served());
        let every = match waiting.map(|gateway| gateway.since).max() {
            None => IDLE,
            Some(since) if now < since + LONG => WAITING,
            Some(_) => WAITING_LONG,
        };
        Plan { replicas, every }
    }

    /// How far a Gateway that is new, or new in this generation, has come at the others. If it was
    /// written that they serve it they do, whoever wrote it: a replica that is ready serves
    /// everything that was there when it started.
    pub(super) fn first_standing(&self, key: &ObjectKey) -> Standing {
        let is_known = || self.index.get::<Gateway>(key).is_some_and(|gateway| was_programmed(gateway));
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
        for (key, gateway) in &mut self.gateways {
            let (uid, generation) = (&gateway.head.uid, gateway.head.generation);
            let standing = match &gateway.standing {
                Standing::Served(silent) if silent.is_empty() => continue,
                // Once it is said to be served it stays so: only who was left out is looked after.
                Standing::Served(silent) => Standing::Served(replicas.still_behind(silent, uid, generation)),
                Standing::Behind(_) => replicas.standing(uid, generation, now),
            };
            if gateway.standing != standing {
                gateway.standing = standing;
                self.restate.insert(gateway_id(key));
            }
        }
    }

    /// When somebody has been waited for long enough.
    pub(super) fn next_silent(&self, now: Instant) -> Option<Instant> {
        let waits = self
            .gateways
            .iter()
            .any(|(key, gateway)| !gateway.standing.is_served() || self.restate.contains(&gateway_id(key)));
        self.leading.as_ref().filter(|_| waits)?.replicas.next_silent(now)
    }

    /// What there is to say of the other replicas, once the workers here are done.
    pub(super) fn of_replicas(&self, gateway: &ObjectKey) -> String {
        let here = |gateway: &&GatewayVersion| gateway.version <= self.acknowledged;
        self.gateways.get(gateway).filter(here).map_or_else(String::new, |one| one.standing.message())
    }
}

/// Whether it came with the status that this generation is served.
fn was_programmed(gateway: &Gateway) -> bool {
    let conditions = gateway.status.iter().flat_map(|status| &status.conditions);
    let generation = gateway.metadata.generation;
    conditions.into_iter().any(|condition| {
        condition.type_ == "Programmed"
            && condition.status == "True"
            && condition.observed_generation >= generation
    })
}

#[cfg(test)]
mod tests;
