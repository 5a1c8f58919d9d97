//! One step: from what changed to a delta.

use super::hold::{Holds, endpoints_of};
use super::sent::Sent;
use crate::api::{Kind, ObjectId};
use crate::attach::{Attachments, Changes, owner_of};
use crate::index::{Dirty, Index};
use crate::model::{
    self, Delta, EndpointsKey, ListenerKey, ObjectKey, Resource, ResourceKey, RouteKey, UpstreamKey,
};
use crate::support::relation::Relation;
use std::collections::{BTreeMap, BTreeSet};
use std::time::Instant;

/// Turns attachments into deltas.
#[derive(Clone, Debug, Default)]
pub struct Compiler {
    sent: Sent,
    holds: BTreeMap<ObjectId, Holds>,
    /// Routes of which a rule waits.
    waiting: BTreeSet<ObjectId>,
    /// Listeners that are served, by Gateway.
    listeners: BTreeMap<ObjectKey, BTreeSet<ListenerKey>>,
    uses: Relation<ResourceKey, ResourceKey>,
}

/// What one step is made from.
#[derive(Clone, Copy)]
pub struct Input<'a> {
    /// All objects.
    pub index: &'a Index,
    /// All decisions.
    pub attachments: &'a Attachments,
    /// What changed among them.
    pub changes: &'a Changes,
    /// What is dirty of Services; whether something was taken away, so that nothing waits.
    pub dirty: &'a Dirty,
    /// The time.
    pub now: Instant,
}

/// What came of one step.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Compiled {
    /// None if nothing changed for the data plane.
    pub delta: Option<Delta>,
    /// Gateways and ListenerSets of which a listener or certificate is in the delta.
    pub owners: BTreeSet<ObjectId>,
    /// How many resources were made anew, changed or not.
    pub compiled: usize,
}

impl Compiler {
    /// Compiles what changed.
    pub fn compile(&mut self, input: Input<'_>) -> Compiled {
        let mut step = Step { compiler: self, input, upstreams: BTreeSet::new(), compiled: 0 };
        for key in input.changes.of(Kind::Gateway) {
            step.gateway(key);
        }
        for id in step.routes_to_compile() {
            step.route(&id);
        }
        step.collect_upstreams();
        step.upstreams();
        for service in &input.dirty.endpoints {
            step.endpoints_of_service(service);
        }
        let compiled = step.compiled;
        let delta = self.sent.flush();
        let owners = delta.as_ref().map(|delta| self.owners_in(delta)).unwrap_or_default();
        Compiled { delta, owners, compiled }
    }

    /// When to call again although nothing changed: a rule has waited long enough then.
    pub fn deadline(&self) -> Option<Instant> {
        self.waiting.iter().filter_map(|route| self.holds.get(route)?.deadline()).min()
    }

    /// Whether a rule of the route still has its previous backends.
    pub fn is_waiting(&self, route: &ObjectId) -> bool {
        self.waiting.contains(route)
    }

    /// The version of the last delta; 0 before the first.
    pub fn version(&self) -> u64 {
        self.sent.version()
    }

    /// All that is in force, as one delta for somebody who knows nothing.
    pub fn snapshot(&self) -> Delta {
        self.sent.snapshot()
    }

    fn owners_in(&self, delta: &Delta) -> BTreeSet<ObjectId> {
        let upserts = delta.upserts.iter().map(Resource::key);
        let mut owners = BTreeSet::new();
        for key in upserts.chain(delta.removals.iter().cloned()) {
            match key {
                ResourceKey::Listener(listener) => {
                    owners.insert(owner_of(&listener));
                }
                ResourceKey::Certificate(_) => {
                    for user in self.uses.users_of(&key) {
                        if let ResourceKey::Listener(listener) = user {
                            owners.insert(owner_of(listener));
                        }
                    }
                }
                ResourceKey::Route(_) | ResourceKey::Upstream(_) | ResourceKey::Endpoints(_) => {}
            }
        }
        owners
    }
}

/// One call of [`Compiler::compile`].
struct Step<'a> {
    compiler: &'a mut Compiler,
    input: Input<'a>,
    /// Upstreams to make anew.
    upstreams: BTreeSet<UpstreamKey>,
    compiled: usize,
}

impl Step<'_> {
    fn put(&mut self, resource: Resource) {
        self.compiled += 1;
        self.compiler.sent.put(resource);
    }

    /// Removes a resource, and with it what only it used.
    fn remove(&mut self, key: ResourceKey) {
        self.set_uses(&key, BTreeSet::new());
        self.compiler.sent.remove(key);
    }

    /// Sets what a resource uses; what nothing uses any more goes.
    fn set_uses(&mut self, user: &ResourceKey, used: BTreeSet<ResourceKey>) {
        let change = self.compiler.uses.set(user, used);
        for key in change.added {
            match key {
                ResourceKey::Upstream(key) => {
                    self.upstreams.insert(key);
                }
                ResourceKey::Endpoints(key) => self.endpoints(&key),
                // These come with what uses them.
                ResourceKey::Certificate(_) | ResourceKey::Listener(_) | ResourceKey::Route(_) => {}
            }
        }
        for key in change.removed {
            if !self.compiler.uses.is_used(&key) {
                self.remove(key);
            }
        }
    }

    fn gateway(&mut self, key: &ObjectKey) {
        let gateway = self.input.attachments.gateways.get(key);
        let tracing = self.input.attachments.tracing(key);
        let mut served = BTreeSet::new();
        for listener in gateway.into_iter().flat_map(|gateway| &gateway.listeners) {
            let Some(resource) = &listener.served else { continue };
            served.insert(resource.key.clone());
            let shown = gateway.and_then(|gateway| gateway.client_certificate.as_ref());
            let mut used = BTreeSet::new();
            for certificate in listener.certificates.iter().chain(shown) {
                self.put(Resource::Certificate((**certificate).clone()));
                used.insert(ResourceKey::Certificate(certificate.key.clone()));
            }
            used.extend(resource.upstreams().cloned().map(ResourceKey::Upstream));
            used.extend(tracing.map(|tracing| ResourceKey::Upstream(tracing.collector.clone())));
            self.set_uses(&ResourceKey::Listener(resource.key.clone()), used);
            let listener = model::Listener { tracing: tracing.cloned(), ..resource.clone() };
            self.put(Resource::Listener(listener));
        }
        let before = if served.is_empty() {
            self.compiler.listeners.remove(key)
        } else {
            self.compiler.listeners.insert(key.clone(), served.clone())
        };
        for gone in before.unwrap_or_default().difference(&served) {
            self.remove(ResourceKey::Listener(gone.clone()));
        }
    }

    /// Routes that changed, and those of which a rule has waited long enough.
    fn routes_to_compile(&mut self) -> BTreeSet<ObjectId> {
        let mut routes: BTreeSet<_> = self.input.changes.routes().cloned().collect();
        let Input { index, dirty, now, .. } = self.input;
        let Compiler { waiting, holds, .. } = &mut *self.compiler;
        for id in waiting.iter() {
            let Some(holds) = holds.get_mut(id) else { continue };
            let Some(deadline) = holds.deadline() else { continue };
            if dirty.revoked {
                holds.release();
            }
            let arrived = dirty.endpoints.iter().any(|service| holds.awaits(index, service));
            if dirty.revoked || deadline <= now || arrived {
                routes.insert(id.clone());
            }
        }
        routes
    }

    fn route(&mut self, id: &ObjectId) {
        let Some(kind) = id.kind.route() else { return };
        let resource_key = ResourceKey::Route(RouteKey { kind, object: id.key.clone() });
        let route = self.input.attachments.routes.get(id);
        let holds = self.compiler.holds.entry(id.clone()).or_default();
        let served = route.and_then(|route| holds.apply(self.input.index, route, self.input.now));
        let waits = served.is_some() && holds.deadline().is_some();
        if waits {
            self.compiler.waiting.insert(id.clone());
        } else {
            self.compiler.waiting.remove(id);
        }
        let Some(served) = served else {
            self.compiler.holds.remove(id);
            return self.remove(resource_key);
        };
        let used = served.upstreams().cloned().map(ResourceKey::Upstream).collect();
        self.set_uses(&resource_key, used);
        self.put(Resource::Route(served));
    }

    /// Adds the upstreams that changed to those that are newly used.
    fn collect_upstreams(&mut self) {
        let uses = &self.compiler.uses;
        let is_used = |key: &UpstreamKey| uses.is_used(&ResourceKey::Upstream(key.clone()));
        let changed = self.input.changes.of(Kind::Upstream);
        let changed = changed
            .flat_map(|key| [UpstreamKey::Upstream(key.clone()), UpstreamKey::UdpUpstream(key.clone())]);
        let xbackends = self.input.changes.of(Kind::XBackend).cloned().map(UpstreamKey::XBackend);
        self.upstreams.extend(changed.chain(xbackends).filter(is_used));
        for service in self.input.dirty.services.union(&self.input.changes.services) {
            let ports = self.compiler.sent.upstreams_of(service);
            self.upstreams.extend(ports.into_iter().filter(is_used));
        }
    }

    fn upstreams(&mut self) {
        for key in std::mem::take(&mut self.upstreams) {
            let mut shown = None;
            let resource_key = ResourceKey::Upstream(key.clone());
            let upstream = match &key {
                UpstreamKey::Service { service, port, protocol } => {
                    self.input.attachments.service_upstream(self.input.index, service, (*protocol, *port))
                }
                UpstreamKey::Upstream(object) | UpstreamKey::UdpUpstream(object) => {
                    let upstream = self.input.attachments.upstreams.get(object);
                    let served = upstream.and_then(|upstream| upstream.served.clone());
                    served.map(|served| model::Upstream { key: key.clone(), ..served })
                }
                UpstreamKey::XBackend(object) => {
                    let xbackend = self.input.attachments.xbackends().get(object);
                    shown = xbackend.and_then(|xbackend| xbackend.certificate.clone());
                    xbackend.and_then(|xbackend| xbackend.served.clone())
                }
            };
            // It may have lost its last user in this very step.
            let Some(upstream) = upstream.filter(|_| self.compiler.uses.is_used(&resource_key)) else {
                self.remove(resource_key);
                continue;
            };
            let endpoints = upstream.entries.iter().filter_map(|entry| endpoints_of(&entry.source));
            let certificate = shown.iter().map(|shown| ResourceKey::Certificate(shown.key.clone()));
            let used = endpoints.map(ResourceKey::Endpoints).chain(certificate).collect();
            self.set_uses(&resource_key, used);
            if let Some(shown) = shown {
                self.put(Resource::Certificate((*shown).clone()));
            }
            self.put(Resource::Upstream(upstream));
        }
    }

    fn endpoints(&mut self, key: &EndpointsKey) {
        let endpoints = self.input.index.endpoints(key);
        self.put(Resource::Endpoints(endpoints));
    }

    fn endpoints_of_service(&mut self, service: &ObjectKey) {
        for key in self.compiler.sent.endpoints_of(service) {
            if self.compiler.uses.is_used(&ResourceKey::Endpoints(key.clone())) {
                self.endpoints(&key);
            }
        }
    }
}
