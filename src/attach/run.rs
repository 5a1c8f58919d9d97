//! From what is dirty to what changed.

mod gateways;
mod ingresses;
mod telemetry;
mod upstreams;

use super::addresses::host_ports;
use super::authorities::Bundles;
use super::backend_tls::{self, BackendTlsPolicies};
use super::backend_traffic::{self, BackendTrafficPolicies};
use super::backends::{self, BackendPolicies, Known};
use super::certificates::Certificates;
use super::claims::Claims;
use super::gateway::Gateway;
use super::grants::References;
use super::ingress::settle;
use super::ingress_classes::IngressClasses;
use super::isolation::Isolation;
use super::options::Place;
use super::policies::{self, Policy};
use super::ports::Ports;
use super::rivals::Rivals;
use super::route::{self, Converted, Judged as JudgedRoute, Route};
use super::sets::ListenerSet;
use super::shadows::Shadows;
use super::telemetry::TelemetryPolicies;
use super::upstream::Upstream;
use super::xbackend::XBackends;
use super::{Class, Options, class};
use crate::api::gateway::GatewayClass;
use crate::api::ingress::{gateway_of_class, is_of_class};
use crate::api::{Kind, ObjectId, ObjectMeta, Service};
use crate::index::{Broken, Dependency, Dirty, Index};
use crate::infra::{self, Address, Member, Plan};
use crate::model::{self, BindAddress, IpProtocol, ListenerKey, ObjectKey};
use crate::support::relation::Relation;
use std::collections::btree_map::Entry;
use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use upstreams::follow_policies;

/// Which state of an object something is about.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Head {
    /// `metadata.uid`; empty without a cluster.
    pub uid: Arc<str>,
    /// `metadata.generation`; 0 without a cluster.
    pub generation: i64,
}

impl Head {
    pub(super) fn of(metadata: &ObjectMeta) -> Self {
        Self {
            uid: metadata.uid.as_deref().unwrap_or_default().into(),
            generation: metadata.generation.unwrap_or_default(),
        }
    }

    pub(super) fn of_broken(broken: &Broken) -> Self {
        Self {
            uid: broken.uid().unwrap_or_default().into(),
            generation: broken.generation().unwrap_or_default(),
        }
    }
}

/// Everything that was decided.
#[derive(Debug)]
pub struct Attachments {
    options: Options,
    /// GatewayClasses of this controller.
    pub classes: BTreeMap<ObjectKey, Class>,
    /// Gateways of this controller.
    pub gateways: BTreeMap<ObjectKey, Gateway>,
    /// The Gateways of this controller that ListenerSets name.
    pub sets: BTreeMap<ObjectKey, ObjectKey>,
    /// Gateways and ListenerSets that are not this controller's, and why.
    pub foreign: BTreeMap<ObjectId, String>,
    /// All routes, of every kind.
    pub routes: BTreeMap<ObjectId, Route>,
    /// All Upstreams.
    pub upstreams: BTreeMap<ObjectKey, Upstream>,
    ingress_classes: IngressClasses,
    backend_tls: BackendTlsPolicies,
    xbackends: XBackends,
    backend_traffic: BackendTrafficPolicies,
    telemetry: TelemetryPolicies,
    tracing: telemetry::Tracing,
    /// Gateways before they know which sockets they get.
    unsettled: BTreeMap<ObjectKey, Gateway>,
    converted: BTreeMap<ObjectId, Option<Converted>>,
    rivals: Rivals,
    shadows: Shadows,
    sockets: Claims<BindAddress>,
    addresses: Claims<Address>,
    own_sockets: HashSet<SocketAddr>,
    certificates: Certificates,
    bundles: Bundles,
    ports: Ports,
    /// Accepted routes on listeners.
    attached: Relation<ObjectId, ListenerKey>,
}

/// Objects of which something changed, gone ones too.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Changes {
    /// Everything that changed.
    pub objects: BTreeSet<ObjectId>,
    /// Services of which policies say something else.
    pub services: BTreeSet<ObjectKey>,
    /// What it took.
    pub work: Work,
}

/// How often something was judged.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Work {
    /// Gateways.
    pub gateways: usize,
    /// Routes.
    pub routes: usize,
    /// Upstreams.
    pub upstreams: usize,
}

impl Changes {
    /// The routes, of every kind.
    pub fn routes(&self) -> impl Iterator<Item = &ObjectId> {
        self.objects.iter().filter(|id| id.kind.is_route())
    }

    /// The keys of one kind.
    pub fn of(&self, kind: Kind) -> impl Iterator<Item = &ObjectKey> {
        self.objects.iter().filter(move |id| id.kind == kind).map(|id| &id.key)
    }

    fn add(&mut self, kind: Kind, key: &ObjectKey) {
        self.objects.insert(ObjectId { kind, key: key.clone() });
    }
}

/// Puts what was found in place; tells what was there if it differs.
fn replace<K: Ord + Clone, T: PartialEq>(
    map: &mut BTreeMap<K, T>,
    key: &K,
    new: Option<T>,
) -> Option<Option<T>> {
    if map.get(key) == new.as_ref() {
        return None;
    }
    Some(match new {
        Some(new) => map.insert(key.clone(), new),
        None => map.remove(key),
    })
}

impl Attachments {
    /// Nothing is known yet.
    pub fn new(options: Options) -> Self {
        Self {
            options,
            classes: BTreeMap::new(),
            gateways: BTreeMap::new(),
            sets: BTreeMap::new(),
            foreign: BTreeMap::new(),
            routes: BTreeMap::new(),
            upstreams: BTreeMap::new(),
            ingress_classes: IngressClasses::default(),
            backend_tls: BackendTlsPolicies::default(),
            xbackends: XBackends::default(),
            backend_traffic: BackendTrafficPolicies::default(),
            telemetry: TelemetryPolicies::default(),
            tracing: BTreeMap::new(),
            unsettled: BTreeMap::new(),
            converted: BTreeMap::new(),
            rivals: Rivals::default(),
            shadows: Shadows::default(),
            sockets: Claims::default(),
            addresses: Claims::default(),
            own_sockets: HashSet::new(),
            certificates: Certificates::default(),
            bundles: Bundles::default(),
            ports: Ports::default(),
            attached: Relation::default(),
        }
    }

    /// The settings.
    pub fn options(&self) -> &Options {
        &self.options
    }

    /// A policy of any kind.
    pub fn policy(&self, id: &ObjectId) -> Option<&Policy> {
        match id.kind {
            Kind::BackendTlsPolicy => self.backend_tls.found.get(&id.key),
            Kind::XBackendTrafficPolicy => self.backend_traffic.found.get(&id.key),
            Kind::XTelemetryPolicy => self.telemetry.found.get(&id.key),
            _ => None,
        }
    }

    /// A Service's port as the data plane is told; none if it cannot take requests.
    pub fn service_upstream(
        &self,
        index: &Index,
        service: &ObjectKey,
        port: (IpProtocol, u16),
    ) -> Option<model::Upstream> {
        backends::service_upstream(index, self.backend_policies(), service, port)
    }

    fn backend_policies(&self) -> BackendPolicies<'_> {
        BackendPolicies { tls: &self.backend_tls, traffic: &self.backend_traffic }
    }

    /// How many accepted routes are on a listener.
    pub fn count_routes(&self, listener: &ListenerKey) -> usize {
        self.attached.count_users(listener)
    }

    /// A ListenerSet that names a Gateway of this controller, and that Gateway.
    pub fn listener_set(&self, key: &ObjectKey) -> Option<(&Gateway, &ListenerSet)> {
        let gateway = self.gateways.get(self.sets.get(key)?)?;
        Some((gateway, gateway.sets.get(key)?))
    }

    /// Whether a Gateway has this socket.
    pub fn wants(&self, socket: BindAddress) -> bool {
        self.sockets.owner(&socket).is_some()
    }

    /// Pods are ready on the nodes with these addresses. Call [`Self::update`] afterwards.
    pub fn set_nodes(&mut self, nodes: BTreeSet<IpAddr>) {
        self.ports.set_nodes(nodes);
    }

    /// What is to be there for all Gateways, and what is; none without pods.
    pub fn plan(&self, index: &Index) -> Option<Plan> {
        let Place::Pods(pods) = &self.options.place else { return None };
        let members = self.gateways.iter().filter_map(|(key, gateway)| {
            let wire = self.ingress_classes.gateway(key).or_else(|| index.get(key))?;
            let class = index.get::<GatewayClass>(&ObjectKey::new("", &*wire.spec.gateway_class_name));
            Some(Member {
                gateway: wire,
                class_uid: class
                    .filter(|_| !is_of_class(key))
                    .and_then(|class| class.metadata.uid.as_deref()),
                claims: &gateway.claims,
                created: gateway.created,
                accepted: gateway.accepted.holds(),
                address: gateway.requested.usual,
                cluster_ips: &gateway.requested.cluster,
                cluster_count: gateway.requested.cluster_count,
                usual_count: gateway.requested.usual_count,
                internal: gateway.requested.internal,
                by_host: host_ports(pods, key, &gateway.asked).is_some(),
                settings: &gateway.parameters.service,
            })
        });
        let services = index.in_namespace::<Service>(&pods.home.namespace);
        let mut plan = infra::plan(&pods.home, self.ports.allocation(), members, services);
        let references = References { index, options: &self.options };
        plan.selections = self.xbackends.selections(references, &pods.home);
        Some(plan)
    }

    /// Judges again what is dirty.
    pub fn update(&mut self, index: &Index, dirty: &Dirty) -> Changes {
        let mut changes = Changes::default();
        if !dirty.objects.is_empty() {
            self.certificates.forget_gone(index);
            self.bundles.forget_gone(index);
        }
        let dirty_of = |kind: Kind| dirty.objects.iter().filter(move |id| id.kind == kind).map(|id| &id.key);
        for key in dirty_of(Kind::GatewayClass) {
            if replace(&mut self.classes, key, class::judge(index, &self.options, key)).is_some() {
                changes.add(Kind::GatewayClass, key);
            }
        }
        let mut routes: BTreeSet<_> = dirty.objects.iter().filter(|id| id.kind.is_route()).cloned().collect();
        let mut upstreams: BTreeSet<_> = dirty_of(Kind::Upstream).cloned().collect();
        let mut gateways: BTreeSet<_> = dirty_of(Kind::Gateway).cloned().collect();
        let touched = self.ingress_classes.follow(index, &self.options, dirty);
        routes.extend(touched.ingresses);
        gateways.extend(touched.gateways);
        gateways.extend(self.ports.follow(index, dirty, &self.options, &self.unsettled));
        let sets: BTreeSet<_> = dirty_of(Kind::ListenerSet).cloned().collect();
        gateways.extend(self.gateways_of(index, &sets));
        if !gateways.is_empty() || !sets.is_empty() {
            routes.extend(self.update_gateways(index, &gateways, sets, &mut changes));
            if self.update_own_sockets() {
                upstreams.extend(self.upstreams.keys().cloned());
            }
        }
        let bundles = &mut self.bundles;
        let touched = self
            .backend_tls
            .judge(index, dirty_of(Kind::BackendTlsPolicy), |key| backend_tls::judge(index, bundles, key));
        let attached = touched.attached.iter().map(|object| Dependency::Object(object.clone()));
        let mut referring: BTreeSet<_> =
            attached.flat_map(|object| index.referrers(&object).cloned().collect::<Vec<_>>()).collect();
        follow_policies(index, touched, &mut upstreams, &mut changes);
        let touched = self
            .backend_traffic
            .judge(index, dirty_of(Kind::XBackendTrafficPolicy), |key| backend_traffic::judge(index, key));
        // Sessions are of the routes' backends.
        let sessions = touched.objects.iter().map(|object| Dependency::Object(object.clone()));
        let by =
            |object| index.referrers(&object).filter(|id| id.kind.is_route()).cloned().collect::<Vec<_>>();
        routes.extend(sessions.flat_map(by));
        let told = touched.objects.iter().filter(|id| id.kind == Kind::XBackend).map(|id| &id.key);
        let xbackends: BTreeSet<_> = dirty_of(Kind::XBackend).chain(told).cloned().collect();
        follow_policies(index, touched, &mut upstreams, &mut changes);
        referring.extend(self.update_upstreams(index, &upstreams, &mut changes));
        referring.extend(self.update_xbackends(index, xbackends.iter(), &mut changes));
        let telemetry = referring.iter().chain(&dirty.objects).filter(|id| id.kind == Kind::XTelemetryPolicy);
        let telemetry = telemetry.map(|id| id.key.clone()).collect();
        routes.extend(self.update_referring(index, referring, &mut changes));
        let telemetry = self.update_telemetry(index, telemetry, &mut changes);
        self.update_routes(index, &routes, &mut changes);
        routes.extend(telemetry);
        self.settle_policies(index, &routes, &upstreams, &gateways, &mut changes);
        changes
    }

    fn update_routes(&mut self, index: &Index, dirty: &BTreeSet<ObjectId>, changes: &mut Changes) {
        let mut judged = BTreeMap::new();
        for id in dirty {
            let found = self.judge_route(index, id, changes);
            let (created, wanted) =
                found.as_ref().map(|found| (found.created, found.wanted.clone())).unwrap_or_default();
            self.rivals.set(id, created, wanted);
            judged.insert(id.clone(), found);
        }
        for id in self.rivals.settle() {
            if let Entry::Vacant(place) = judged.entry(id) {
                let found = self.judge_route(index, place.key(), changes);
                place.insert(found);
            }
        }
        for id in self.claim_paths(&judged) {
            if let Entry::Vacant(place) = judged.entry(id) {
                let found = self.judge_route(index, place.key(), changes);
                place.insert(found);
            }
        }
        for (id, found) in judged {
            self.settle_route(&id, found.map(|found| found.route), changes);
        }
        let served = |id: &ObjectId| self.routes.get(id)?.served.as_ref();
        for (id, shadowed) in self.shadows.settle(Isolation::new(&self.gateways), served) {
            if let Some(route) = self.routes.get_mut(&id).filter(|route| route.shadowed != shadowed) {
                route.shadowed = shadowed;
                changes.objects.insert(id);
            }
        }
    }

    fn judge_route(&mut self, index: &Index, id: &ObjectId, changes: &mut Changes) -> Option<JudgedRoute> {
        changes.work.routes += 1;
        let context = route::Context {
            references: References { index, options: &self.options },
            gateways: &self.gateways,
            ingress_classes: &self.ingress_classes,
            sets: &self.sets,
            foreign: &self.foreign,
            known: Known { upstreams: &self.upstreams, xbackends: &self.xbackends.found },
            traffic: &self.backend_traffic,
        };
        let memo = self.converted.entry(id.clone()).or_default();
        let judged = route::judge(&context, id, memo);
        if judged.is_none() {
            self.converted.remove(id);
        }
        judged
    }

    fn settle_route(&mut self, id: &ObjectId, mut route: Option<Route>, changes: &mut Changes) {
        if let (Some(route), Some(lost)) = (&mut route, self.rivals.losses(id)) {
            route.lose(lost);
        }
        if let Some(route) = &mut route {
            settle(&self.ingress_classes, &id.key, route);
        }
        let accepted = route.iter().flat_map(|route| &route.parents).filter(|p| p.accepted.holds());
        let listeners = accepted.flat_map(|parent| parent.listeners.iter().cloned()).collect();
        let counted = self.attached.set(id, listeners);
        for listener in counted.added.iter().chain(&counted.removed) {
            changes.objects.insert(owner_of(listener));
        }
        self.shadows.set(id, route.as_ref().and_then(|route| route.served.as_ref()));
        if let (Some(route), Some(known)) = (&mut route, self.routes.get(id)) {
            route.shadowed.clone_from(&known.shadowed);
        }
        if replace(&mut self.routes, id, route).is_some() {
            changes.objects.insert(id.clone());
        }
    }

    /// Looks for the Gateways of which policies tell, once it is known what routes lead to.
    fn settle_policies(
        &mut self,
        index: &Index,
        routes: &BTreeSet<ObjectId>,
        upstreams: &BTreeSet<ObjectKey>,
        gateways: &BTreeSet<ObjectKey>,
        changes: &mut Changes,
    ) {
        let upstreams = upstreams.iter().map(|key| ObjectId { kind: Kind::Upstream, key: key.clone() });
        let gateways = gateways.iter().map(|key| ObjectId { kind: Kind::Gateway, key: key.clone() });
        // One that was not dirty can lose a listener to another, or win it.
        let changed = changes.objects.iter().filter(|id| policies::sends(id.kind));
        let routes = routes.iter().chain(changed).cloned();
        let judged: BTreeSet<_> = routes.chain(upstreams).chain(gateways).collect();
        let references = References { index, options: &self.options };
        let tracing = &self.tracing;
        let (attached, gateways, sets) = (&self.attached, &self.gateways, &self.sets);
        let gateways_of = |id: &ObjectId| match id.kind {
            Kind::Gateway => {
                Some(&id.key).filter(|key| gateways.contains_key(key)).cloned().into_iter().collect()
            }
            Kind::ListenerSet => {
                let gateway = sets.get(&id.key).filter(|key| {
                    gateways.get(key).is_some_and(|gateway| !gateway.listeners_in(id).is_empty())
                });
                gateway.cloned().into_iter().collect()
            }
            Kind::XTelemetryPolicy => telemetry::traced_by(tracing, &id.key),
            _ => attached.used_by(id).map(|listener| listener.gateway.clone()).collect(),
        };
        changes.objects.extend(self.backend_tls.settle(references, judged.iter(), gateways_of));
        let routes = judged.iter().filter(|id| policies::sends(id.kind));
        for key in &self.xbackends.settle(references, routes, gateways_of) {
            changes.add(Kind::XBackend, key);
        }
        changes.objects.extend(self.backend_traffic.settle(references, judged.iter(), gateways_of));
        changes.objects.extend(self.telemetry.settle(references, judged.iter(), gateways_of));
    }
}

/// The object that has a listener.
pub fn owner_of(listener: &ListenerKey) -> ObjectId {
    match &listener.set {
        Some(set) => ObjectId { kind: Kind::ListenerSet, key: set.clone() },
        None => ObjectId { kind: Kind::Gateway, key: listener.gateway.clone() },
    }
}

fn referring_routes(index: &Index, id: &ObjectId) -> Vec<ObjectId> {
    let dependency = Dependency::Object(id.clone());
    let mut routes: Vec<_> = index.referrers(&dependency).cloned().collect();
    if id.kind == Kind::Gateway && is_of_class(&id.key) {
        // It may be that of the default class.
        let default = ObjectId { kind: Kind::Gateway, key: gateway_of_class("") };
        routes.extend(index.referrers(&Dependency::Object(default)).cloned());
    }
    routes.retain(|id| id.kind.is_route());
    routes
}
