//! The heart of the control half, without any task, clock or lock: events in; what the data
//! plane is told and what is to be written into statuses out. `serve`, `check` and the golden
//! tests all run this.
//!
//! ```text
//!  events ─► index ─► attach ─► compile ─► Step::delta ──► workers ─┐
//!                        └────► status ──► Step::statuses           │
//!                                 ▲─── acknowledged, bind_failed ◄──┘
//! ```

mod replicas;
mod statuses;
mod tracking;

use crate::api::{Kind, ObjectId};
use crate::attach::{self, Attachments, Changes, Head, Work};
use crate::compile::{Compiler, Input};
use crate::index::{Dirty, Event, Index};
use crate::infra::Plan;
use crate::model::{BindAddress, Delta};
use crate::status::{Status, Wanted};
use replicas::Leading;
use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Instant;
use tracking::Tracked;

/// Settings.
#[derive(Clone, Debug)]
pub struct Options {
    /// Those of the decisions.
    pub decisions: attach::Options,
    /// Whether [`Pipeline::acknowledged`] will be called. Where nothing is served (`check`), all
    /// counts as served.
    pub acknowledgements: bool,
}

/// What came of one step.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Step {
    /// To be applied by every worker; none if nothing changed for them. The first one comes as
    /// soon as every kind was listed, even if it is empty.
    pub delta: Option<Delta>,
    /// Objects of which another status is wanted than before, or of which somebody changed the
    /// status. What is there is to be read and merged with [`status::merge`].
    pub statuses: Vec<Arc<Wanted>>,
    /// Objects of which nothing is wanted any more: they are gone.
    pub gone: Vec<ObjectId>,
    /// Objects by uid of which another generation is served from [`Pipeline::version`] on than
    /// before, or nothing because they are gone.
    pub served: Vec<(Arc<str>, Option<i64>)>,
    /// What is to be there for all Gateways and XBackends, if that may have changed; none without pods.
    pub plan: Option<Arc<Plan>>,
    /// Call [`Pipeline::step`] again by then, even without events.
    pub next_deadline: Option<Instant>,
    /// What it took.
    pub work: Work,
    /// How many resources were compiled, changed or not.
    pub compiled: usize,
}

/// What is served of an object.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Served {
    /// The state of the object.
    pub head: Head,
    /// The version of the delta from which on it is served.
    pub version: u64,
}

/// All state of the control half.
#[derive(Debug)]
pub struct Pipeline {
    index: Index,
    attachments: Attachments,
    compiler: Compiler,
    acknowledged: u64,
    /// Whether something is served, which takes its time.
    is_patient: bool,
    own_nodes: BTreeSet<IpAddr>,
    unusable: BTreeMap<BindAddress, String>,
    /// Gateways and ListenerSets.
    tracked: BTreeMap<ObjectId, Tracked>,
    /// Whether what is referred to is asked for by name, which takes its time.
    asks_by_name: bool,
    /// What has to be asked for by name, once that is known.
    referred: Option<BTreeSet<ObjectId>>,
    wanted: BTreeMap<ObjectId, Arc<Wanted>>,
    /// Objects whose status is to be looked at in the next step.
    restate: BTreeSet<ObjectId>,
    /// Of these what is wanted is told again even if it is the same.
    rewrite: BTreeSet<ObjectId>,
    served: BTreeMap<ObjectId, Served>,
    /// Objects of which the newest generation is not served yet.
    unserved: BTreeSet<ObjectId>,
    plan: Option<Arc<Plan>>,
    /// While this process leads.
    leading: Option<Leading>,
}

impl Pipeline {
    /// Nothing is known yet.
    pub fn new(options: Options) -> Self {
        Self {
            index: Index::default(),
            attachments: Attachments::new(options.decisions),
            compiler: Compiler::default(),
            is_patient: options.acknowledgements,
            own_nodes: BTreeSet::new(),
            acknowledged: if options.acknowledgements { 0 } else { u64::MAX },
            unusable: BTreeMap::new(),
            tracked: BTreeMap::new(),
            asks_by_name: false,
            referred: None,
            wanted: BTreeMap::new(),
            restate: BTreeSet::new(),
            rewrite: BTreeSet::new(),
            served: BTreeMap::new(),
            unserved: BTreeSet::new(),
            plan: None,
            leading: None,
        }
    }

    /// Takes in events, and whatever was told since the last step, all at once.
    pub fn step(&mut self, events: impl IntoIterator<Item = Event>, now: Instant) -> Step {
        for event in events {
            self.index.handle(event);
        }
        if !self.index.all_listed() {
            if self.index.referrers_listed() {
                self.look_for_referred();
            }
            return Step::default();
        }
        let dirty = self.index.take_dirty();
        if self.referred.is_none() || dirty.objects.iter().any(|id| attach::refers_by_name(id.kind)) {
            self.look_for_referred();
        }
        self.follow_replicas(&dirty, now);
        let changes = self.attachments.update(&self.index, &dirty);
        let compiled = self.compiler.compile(Input {
            index: &self.index,
            attachments: &self.attachments,
            changes: &changes,
            dirty: &dirty,
            now,
        });
        self.track(&changes, &compiled.owners, now);
        self.assess(now);
        let served = self.track_served(&dirty, &changes);
        let plan = self.plan(&dirty, &changes);
        let (statuses, gone) = self.restate(&dirty, &changes, now);
        Step {
            delta: compiled.delta,
            statuses,
            gone,
            served,
            plan,
            next_deadline: self.deadline(now),
            work: changes.work,
            compiled: compiled.compiled,
        }
    }

    /// This process is on the node with these addresses. Call [`Self::step`] afterwards.
    pub fn set_nodes(&mut self, nodes: BTreeSet<IpAddr>) {
        self.own_nodes.clone_from(&nodes);
        self.attachments.set_nodes(nodes);
    }

    /// Every worker has applied this version. Call [`Self::step`] afterwards.
    pub fn acknowledged(&mut self, version: u64) {
        if version > self.acknowledged {
            let before = std::mem::replace(&mut self.acknowledged, version);
            let waiting = self.tracked.iter().filter(|(_, tracked)| tracked.version > before);
            let waiting: Vec<_> = waiting.map(|(id, _)| id.clone()).collect();
            waiting.into_iter().for_each(|id| self.restate_all_on(id));
        }
    }

    /// A socket cannot be opened. Call [`Self::step`] afterwards.
    pub fn bind_failed(&mut self, socket: BindAddress, error: impl Into<String>) {
        let error = error.into();
        if self.unusable.insert(socket, error.clone()).as_ref() != Some(&error) {
            self.restate.extend(self.tracked.keys().cloned());
        }
    }

    /// A socket is open, perhaps after it could not be. Call [`Self::step`] afterwards.
    pub fn bound(&mut self, socket: BindAddress) {
        if self.unusable.remove(&socket).is_some() {
            self.restate.extend(self.tracked.keys().cloned());
        }
    }

    /// Whether every kind was listed, so that steps have results.
    pub fn is_listed(&self) -> bool {
        self.index.all_listed()
    }

    /// [`Self::referred`] is asked for from now on, and each object of it is answered by an event.
    pub fn ask_by_name(&mut self) {
        self.asks_by_name = true;
    }

    /// The objects that are to be asked for by name, where not everything is read: those to which
    /// others refer. None before it is known what there was at the start.
    pub fn referred(&self) -> Option<&BTreeSet<ObjectId>> {
        self.referred.as_ref()
    }

    /// The version that every worker has applied; all of them where nothing is served.
    pub fn acknowledged_version(&self) -> u64 {
        self.acknowledged
    }

    /// The version of the last delta; 0 before the first.
    pub fn version(&self) -> u64 {
        self.compiler.version()
    }

    /// All that is in force, as one delta for somebody who knows nothing.
    pub fn snapshot(&self) -> Delta {
        self.compiler.snapshot()
    }

    /// What is wanted of every object, whenever it was told.
    pub fn statuses(&self) -> impl Iterator<Item = &Arc<Wanted>> {
        self.wanted.values()
    }

    /// Whether the object came with the status that is wanted. If that changes, a later
    /// [`Step::statuses`] has it again.
    pub fn is_written(&self, wanted: &Wanted) -> bool {
        let live = self.index.object(&wanted.id).and_then(Status::of);
        let merged = self.merged(wanted, live.as_ref());
        // What has no room in it is to be told.
        let is_told = wanted.body.told().iter().any(|condition| condition.bad);
        !is_told && merged.is_some_and(|merged| !merged.changed && merged.left_out.is_empty())
    }

    /// Which state of every object with a status is served since which version; it is served by all
    /// workers once that version is acknowledged.
    pub fn served(&self) -> impl Iterator<Item = (&ObjectId, &Served)> {
        self.served.iter()
    }

    /// The objects, for a dump and for the status that an object came with.
    pub fn index(&self) -> &Index {
        &self.index
    }

    fn look_for_referred(&mut self) {
        let referred = attach::referred(&self.index, self.attachments.options());
        // What there was at the start counts as listed only when all of that was answered.
        if let Some(known) = self.referred.as_ref().filter(|_| self.asks_by_name) {
            self.index.expect(referred.difference(known).cloned());
        }
        self.referred = Some(referred);
    }

    /// Made anew when a Gateway, an XBackend, a class or any Service changed: one that was made for a Gateway may
    /// be among them, and a class may have gone and come again at once.
    fn plan(&mut self, dirty: &Dirty, changes: &Changes) -> Option<Arc<Plan>> {
        let is_first = self.plan.is_none();
        let classes = dirty.objects.iter().any(|id| id.kind == Kind::GatewayClass);
        let mut members = changes.of(Kind::Gateway).chain(changes.of(Kind::XBackend));
        if !is_first && !classes && dirty.services.is_empty() && members.next().is_none() {
            return None;
        }
        let plan = Arc::new(self.attachments.plan(&self.index)?);
        let changed = self.plan.as_ref() != Some(&plan);
        self.plan = Some(plan.clone());
        changed.then_some(plan)
    }
}

#[cfg(test)]
mod tests;
