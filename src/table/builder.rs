//! From deltas to tables, with what a delta does not touch shared between them.

mod certificates;
mod dirty;

use super::Table;
use super::auth::ExternalAuth;
use super::bucket::Bucket;
use super::compile::{CompiledRoute, Compiler};
use super::hosts::Hosts;
use super::listener::{Bind, Listener};
use super::tracing::Tracing;
use crate::model::{
    self, BindAddress, ClientCertificate, Delta, Hostname, ListenerKey, ListenerSettings, ObjectKey,
    Resource, ResourceKey, RouteKey,
};
use crate::telemetry::Metrics;
use crate::upstream::Registry;
use certificates::{Certificates, ListenerTls};
use dirty::Dirty;
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::{Arc, Weak};

/// Keeps what deltas brought, and makes tables of it. Belongs to the one who publishes.
#[derive(Debug)]
pub struct Builder {
    metrics: Arc<Metrics>,
    registry: Registry,
    compiler: Compiler,
    certificates: Certificates,
    routes: HashMap<RouteKey, RouteState>,
    /// Which routes each listener has under each of the routes' own hostnames; also of listeners
    /// that no delta brought yet.
    attached: HashMap<ListenerKey, HashMap<Option<Hostname>, BTreeSet<RouteKey>>>,
    /// In the order of the keys, so that what wins a tie does not hang on chance.
    listeners: BTreeMap<ListenerKey, ListenerState>,
    /// By Gateway.
    tracing: HashMap<ObjectKey, Weak<Tracing>>,
    table: Table,
    work: Work,
}

#[derive(Debug)]
struct RouteState {
    model: model::Route,
    compiled: CompiledRoute,
}

#[derive(Debug)]
struct ListenerState {
    model: model::Listener,
    tls: Option<ListenerTls>,
    buckets: Hosts<Arc<Bucket>>,
    /// `None` until the end of the delta that brought the listener.
    built: Option<Arc<Listener>>,
}

/// How much the last delta had made anew.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Work {
    routes: usize,
    buckets: usize,
    listeners: usize,
    tls: usize,
    binds: usize,
}

impl Builder {
    /// A builder without any resource. Its rules' upstreams are those of `registry`.
    pub fn new(registry: Registry, metrics: Arc<Metrics>) -> Self {
        Self {
            metrics,
            registry,
            compiler: Compiler::default(),
            certificates: Certificates::default(),
            routes: HashMap::new(),
            attached: HashMap::new(),
            listeners: BTreeMap::new(),
            tracing: HashMap::new(),
            table: Table::default(),
            work: Work::default(),
        }
    }

    /// The table with all of the delta's changes.
    pub fn apply(&mut self, delta: Delta) -> Arc<Table> {
        self.work = Work::default();
        let mut dirty = Dirty::default();
        for key in &delta.removals {
            self.remove(key, &mut dirty);
        }
        for resource in delta.upserts {
            self.upsert(resource, &mut dirty);
        }
        self.compiler.sweep();
        self.rebuild(dirty);
        tracing::debug!(version = delta.version, made_anew = ?self.work, "built a table");
        self.table.version = delta.version;
        if let Some(splits) = self.compiler.splits.changes() {
            self.table.splits = Arc::new(splits);
        }
        self.update_upstreams(|_| ())
    }

    /// The table of the same version with what `change` does to the upstreams: for what does not
    /// come by a delta, such as the addresses of a name.
    pub fn update_upstreams(&mut self, change: impl FnOnce(&mut Registry)) -> Arc<Table> {
        change(&mut self.registry);
        self.table.upstreams = self.registry.snapshot();
        Arc::new(self.table.clone())
    }

    /// What the upstreams of the last table were made from.
    pub fn registry(&self) -> &Registry {
        &self.registry
    }

    fn upsert(&mut self, resource: Resource, dirty: &mut Dirty) {
        match resource {
            Resource::Listener(listener) => self.upsert_listener(listener, dirty),
            Resource::Route(route) => self.upsert_route(route, dirty),
            Resource::Certificate(certificate) => {
                let key = certificate.key.clone();
                if self.certificates.upsert(certificate) {
                    self.certificate_changed(&key, dirty);
                }
            }
            Resource::Upstream(upstream) => self.registry.upsert_upstream(upstream),
            Resource::Endpoints(endpoints) => self.registry.upsert_endpoints(endpoints),
        }
    }

    fn remove(&mut self, key: &ResourceKey, dirty: &mut Dirty) {
        match key {
            ResourceKey::Listener(key) => {
                if let Some(old) = self.listeners.remove(key) {
                    dirty.binds.extend(old.model.binds);
                    self.metrics.forget_listener(key);
                }
            }
            ResourceKey::Route(key) => {
                if let Some(old) = self.routes.remove(key) {
                    self.detach(&old.model, dirty);
                    self.compiler.splits.forget(key);
                    self.metrics.forget_route(key);
                }
            }
            ResourceKey::Certificate(key) => {
                if self.certificates.remove(key) {
                    self.certificate_changed(key, dirty);
                }
            }
            ResourceKey::Upstream(key) => {
                self.registry.remove_upstream(key);
                self.metrics.forget_upstream(key);
            }
            ResourceKey::Endpoints(key) => self.registry.remove_endpoints(key),
        }
    }

    fn upsert_listener(&mut self, listener: model::Listener, dirty: &mut Dirty) {
        dirty.binds.extend(&listener.binds);
        dirty.listeners.insert(listener.key.clone());
        match self.listeners.get_mut(&listener.key) {
            Some(state) => {
                dirty.binds.extend(&state.model.binds);
                state.model = listener;
            }
            None => {
                let waiting = self.attached.get(&listener.key).into_iter().flat_map(HashMap::keys);
                dirty.buckets.entry(listener.key.clone()).or_default().extend(waiting.cloned());
                let state =
                    ListenerState { model: listener, tls: None, buckets: Hosts::default(), built: None };
                self.listeners.insert(state.model.key.clone(), state);
            }
        }
    }

    fn certificate_changed(&mut self, key: &model::CertificateKey, dirty: &mut Dirty) {
        self.registry.set_certificate(key, self.certificates.client_key(key));
        let shows = |listener: &model::Listener| matches!(&listener.client_certificate, Some(ClientCertificate::Shown(shown)) if shown == key);
        let uses = |listener: &model::Listener| listener.certificates.contains(key) || shows(listener);
        let users = self.listeners.values().filter(|state| uses(&state.model));
        dirty.listeners.extend(users.map(|state| state.model.key.clone()));
    }

    fn upsert_route(&mut self, route: model::Route, dirty: &mut Dirty) {
        let old = self.routes.remove(&route.key);
        let compiled = match old {
            Some(old) if old.model == route => {
                self.routes.insert(route.key.clone(), old);
                return;
            }
            Some(old) => {
                self.detach(&old.model, dirty);
                // Only attached elsewhere, or with another age: the rules are what they were.
                (old.model.rules == route.rules)
                    .then_some(CompiledRoute { created: route.created, ..old.compiled })
            }
            None => None,
        };
        let compiled = compiled.unwrap_or_else(|| {
            self.work.routes += 1;
            self.compiler.route(&route, &mut self.registry, &self.metrics)
        });
        for (listener, hostname) in placements(&route) {
            let by_host = self.attached.entry(listener.clone()).or_default();
            by_host.entry(hostname.cloned()).or_default().insert(route.key.clone());
            dirty.buckets.entry(listener.clone()).or_default().insert(hostname.cloned());
        }
        self.routes.insert(route.key.clone(), RouteState { model: route, compiled });
    }

    fn detach(&mut self, route: &model::Route, dirty: &mut Dirty) {
        for (listener, hostname) in placements(route) {
            dirty.buckets.entry(listener.clone()).or_default().insert(hostname.cloned());
            let Some(by_host) = self.attached.get_mut(listener) else { continue };
            let hostname = hostname.cloned();
            if let Some(routes) = by_host.get_mut(&hostname) {
                routes.remove(&route.key);
                if routes.is_empty() {
                    by_host.remove(&hostname);
                }
            }
            if by_host.is_empty() {
                self.attached.remove(listener);
            }
        }
    }

    fn rebuild(&mut self, mut dirty: Dirty) {
        for (listener, hostnames) in std::mem::take(&mut dirty.buckets) {
            for hostname in hostnames {
                self.rebuild_bucket(&listener, hostname.as_ref());
            }
            dirty.listeners.insert(listener);
        }
        for listener in std::mem::take(&mut dirty.listeners) {
            self.rebuild_listener(&listener, &mut dirty);
        }
        if dirty.binds.is_empty() {
            return;
        }
        let mut binds = HashMap::clone(&self.table.binds);
        for address in dirty.binds {
            match self.build_bind(address) {
                Some(bind) => drop(binds.insert(address, Arc::new(bind))),
                None => drop(binds.remove(&address)),
            }
        }
        self.table.binds = Arc::new(binds);
        self.tracing.retain(|_, tracing| tracing.strong_count() > 0);
    }

    fn rebuild_bucket(&mut self, listener: &ListenerKey, hostname: Option<&Hostname>) {
        let Some(state) = self.listeners.get_mut(listener) else { return };
        let attached = self.attached.get(listener).and_then(|by_host| by_host.get(&hostname.cloned()));
        let routes = attached.into_iter().flatten().filter_map(|key| Some(&self.routes.get(key)?.compiled));
        match attached {
            Some(_) => drop(state.buckets.insert(hostname, Arc::new(Bucket::new(hostname, routes)))),
            None => state.buckets.remove(hostname),
        }
        self.work.buckets += 1;
    }

    fn rebuild_listener(&mut self, key: &ListenerKey, dirty: &mut Dirty) {
        let Some(state) = self.listeners.get_mut(key) else { return };
        self.work.tls += usize::from(self.certificates.renew(&state.model, &mut state.tls));
        let listener = &state.model;
        state.built = Some(Arc::new(Listener {
            key: key.clone(),
            name: key.to_string().into(),
            port: listener.port,
            protocol: listener.protocol,
            hostname: listener.hostname.clone(),
            tls: state.tls.as_ref().map(|tls| tls.config.clone()),
            identity: self.certificates.identity(listener.client_certificate.as_ref()),
            metrics: self.metrics.listener(key),
            filters: ExternalAuth::compile_all(&listener.filters, &mut self.registry),
            buckets: state.buckets.clone(),
        }));
        dirty.binds.extend(&listener.binds);
        self.work.listeners += 1;
    }

    /// The settings that the socket has already, if they are the same: whoever holds them need not
    /// compare them again.
    fn kept_settings(&self, address: BindAddress, new: Arc<ListenerSettings>) -> Arc<ListenerSettings> {
        let old = self.table.binds.get(&address).map(|bind| &bind.settings);
        old.filter(|old| **old == new).cloned().unwrap_or(new)
    }

    /// All listeners of a socket; none if nothing listens there any more.
    fn build_bind(&mut self, address: BindAddress) -> Option<Bind> {
        let on_bind = self.listeners.values().filter(|state| state.model.binds.contains(&address));
        let mut built = on_bind.filter_map(|state| state.built.as_ref());
        let first = built.next()?;
        let settings = self.listeners.get(&first.key).map(|state| &state.model.settings);
        let settings = self.kept_settings(address, settings.cloned().unwrap_or_default());
        let tracing = self.listeners.get(&first.key).and_then(|state| state.model.tracing.as_ref());
        let tracing = tracing.and_then(|tracing| {
            // Its spans go out together, from all sockets of the Gateway.
            let known = self.tracing.get(&tracing.gateway).and_then(Weak::upgrade);
            let kept = Tracing::keep_or_compile(known, tracing, &first.identity, &mut self.registry)?;
            self.tracing.insert(tracing.gateway.clone(), Arc::downgrade(&kept));
            Some(kept)
        });
        let transport = first.protocol.transport();
        let mut bind = Bind { address, transport, settings, tracing, listeners: Hosts::default() };
        for listener in std::iter::once(first).chain(built) {
            // The control plane lets no two such listeners through; should it, the socket still
            // does one thing, and always the same.
            let hostname = listener.hostname.as_ref();
            if listener.protocol.transport() != bind.transport || bind.listeners.get(hostname).is_some() {
                tracing::error!(listener = %listener.key, %address, "conflicts with another listener and is left out");
                continue;
            }
            bind.listeners.insert(hostname, listener.clone());
        }
        self.work.binds += 1;
        Some(bind)
    }
}

/// Where a route stands: under which listener and which of its own hostnames.
fn placements(route: &model::Route) -> impl Iterator<Item = (&ListenerKey, Option<&Hostname>)> {
    route.attachments.iter().flat_map(|attachment| {
        let every = attachment.hostnames.is_empty().then_some(None);
        let hostnames = attachment.hostnames.iter().map(Some).chain(every);
        hostnames.map(|hostname| (&attachment.listener, hostname))
    })
}

#[cfg(test)]
mod tests;
