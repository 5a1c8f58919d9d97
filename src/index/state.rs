//! The objects, and what a change of one makes dirty.

use super::references::{self, Dependency};
use super::xbackends::{select_alike, xbackend_of};
use super::{Broken, Dirty, Event};
use crate::api::{EndpointSlice, Kind, Object, ObjectId, Optional, Service, Stored};
use crate::model::ObjectKey;
use crate::support::relation::Relation;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// The label by which an EndpointSlice names its Service.
const SERVICE_NAME: &str = "kubernetes.io/service-name";

/// All objects of all kinds.
#[derive(Clone, Debug, Default)]
pub struct Index {
    /// One map for all kinds, in the order of the kinds: what is done for one kind is done on
    /// its range and leaves the others alone.
    objects: BTreeMap<ObjectId, Object>,
    broken: BTreeMap<ObjectId, Arc<Broken>>,
    listed: BTreeSet<Kind>,
    /// What the API server does not serve.
    pub(super) unserved: BTreeSet<Optional>,
    /// Objects of which nobody has said yet whether they are there.
    awaited: BTreeSet<ObjectId>,
    references: Relation<ObjectId, Dependency>,
    /// EndpointSlice to Service.
    slices: Relation<ObjectKey, ObjectKey>,
    /// Service to the XBackend for which it finds the pods.
    pub(super) selecting: Relation<ObjectKey, ObjectKey>,
    /// Services of which a slice was ever received, until Service and slices are all gone.
    received: BTreeSet<ObjectKey>,
    pub(super) dirty: Dirty,
}

impl Index {
    /// Takes in what a source tells.
    pub fn handle(&mut self, event: Event) {
        match event {
            Event::Apply(object) => self.apply(object),
            Event::Broken(broken) => self.broken(broken),
            Event::Delete(id) => self.delete(&id),
            Event::Reset { kind, namespace, objects } => self.reset(kind, namespace.as_deref(), objects),
            Event::Listed(kind) => {
                self.listed.insert(kind);
            }
            Event::Served { what, served } => self.served(what, served),
        }
    }

    /// The object is new or changed.
    pub fn apply(&mut self, object: Object) {
        let id = object.id();
        self.awaited.remove(&id);
        let was_broken = self.broken.remove(&id).is_some();
        if was_broken {
            self.dirty.statuses.insert(id.clone());
        }
        let new_references = references::of_object(&object);
        let (new_service, xbackend) = (service_of(&object), xbackend_of(&object));
        let old = self.objects.insert(id.clone(), object);
        match (&old, self.objects.get(&id)) {
            (Some(old), Some(new)) if !was_broken && means_the_same(old, new) => {
                if old != new {
                    self.dirty.statuses.insert(id);
                }
            }
            _ => {
                self.references.set(&id, new_references);
                self.touch_slice(&id, new_service);
                self.touch_xbackend(&id, xbackend);
                self.mark(&id);
            }
        }
    }

    /// The object is there but cannot be understood; what was known of it no longer holds.
    pub fn broken(&mut self, broken: Broken) {
        let id = broken.id.clone();
        self.awaited.remove(&id);
        self.objects.remove(&id);
        self.references.set(&id, references::of_broken(&broken));
        if self.broken.get(&id).is_none_or(|known| **known != broken) {
            self.broken.insert(id.clone(), Arc::new(broken));
            self.dirty.statuses.insert(id.clone());
            self.touch_slice(&id, None);
            self.touch_xbackend(&id, None);
            self.dirty.revoked |= grants_or_leads(id.kind);
            self.mark(&id);
        }
    }

    /// The object is gone.
    pub fn delete(&mut self, id: &ObjectId) {
        let known = self.objects.remove(id).is_some() | self.broken.remove(id).is_some();
        if known {
            self.dirty.statuses.insert(id.clone());
            self.references.set(id, BTreeSet::new());
            self.touch_slice(id, None);
            self.touch_xbackend(id, None);
            self.dirty.revoked |= grants_or_leads(id.kind);
            self.mark(id);
            self.forget_received(id);
        } else if self.awaited.remove(id) {
            self.mark(id);
        }
    }

    /// It is being asked whether these objects are there; an event of each will tell.
    pub fn expect(&mut self, ids: impl Iterator<Item = ObjectId>) {
        let unknown = ids.filter(|id| !self.objects.contains_key(id) && !self.broken.contains_key(id));
        self.awaited.extend(unknown.collect::<Vec<_>>());
    }

    /// Whether it is not known yet if the object is there.
    pub fn is_awaited(&self, id: &ObjectId) -> bool {
        self.awaited.contains(id)
    }

    /// These are all objects of the kind, or of the kind in a namespace.
    pub fn reset(&mut self, kind: Kind, namespace: Option<&str>, objects: Vec<Result<Object, Broken>>) {
        let id_of = |object: &Result<Object, Broken>| match object {
            Ok(object) => object.id(),
            Err(broken) => broken.id.clone(),
        };
        let there: BTreeSet<ObjectId> = objects.iter().map(id_of).collect();
        let inside = |id: &&ObjectId| namespace.is_none_or(|namespace| *id.key.namespace == *namespace);
        let known = self.ids(kind).filter(inside).cloned().collect::<Vec<_>>();
        for gone in known.iter().filter(|id| !there.contains(*id)) {
            self.delete(gone);
        }
        for object in objects {
            match object {
                Ok(object) => self.apply(object),
                Err(broken) => self.broken(broken),
            }
        }
        if namespace.is_none() {
            self.listed.insert(kind);
        }
    }

    /// Whether every kind was listed once: until then nothing can be said of any object.
    pub fn all_listed(&self) -> bool {
        Kind::ALL.iter().all(|kind| self.listed.contains(kind))
    }

    /// Whether every kind was listed of which objects can refer to others that are asked for by name.
    pub fn referrers_listed(&self) -> bool {
        let by_name = |kind: &Kind| matches!(kind, Kind::Secret | Kind::ConfigMap);
        Kind::ALL.iter().all(|kind| by_name(kind) || self.listed.contains(kind))
    }

    /// Whether this kind was listed once.
    pub fn is_listed(&self, kind: Kind) -> bool {
        self.listed.contains(&kind)
    }

    /// What must be looked at again since the last call.
    pub fn take_dirty(&mut self) -> Dirty {
        std::mem::take(&mut self.dirty)
    }

    /// The object, unless it is broken or not there.
    pub fn get<T: Stored>(&self, key: &ObjectKey) -> Option<&Arc<T>> {
        self.objects.get(&ObjectId { kind: T::KIND, key: key.clone() }).and_then(T::of)
    }

    /// All objects of a kind that could be decoded, by key.
    pub fn all<T: Stored + 'static>(&self) -> impl Iterator<Item = &Arc<T>> {
        of_kind(&self.objects, T::KIND).filter_map(|(_, object)| T::of(object))
    }

    /// The same of one namespace.
    pub fn in_namespace<T: Stored + 'static>(&self, namespace: &str) -> impl Iterator<Item = &Arc<T>> {
        let first = ObjectId { kind: T::KIND, key: ObjectKey::new(namespace, "") };
        let here = first.key.namespace.clone();
        let inside = move |id: &ObjectId| id.kind == T::KIND && id.key.namespace == here;
        self.objects
            .range(first..)
            .take_while(move |(id, _)| inside(id))
            .filter_map(|(_, object)| T::of(object))
    }

    /// The object of any kind.
    pub fn object(&self, id: &ObjectId) -> Option<&Object> {
        self.objects.get(id)
    }

    /// Why an object could not be decoded, if so.
    pub fn why_broken(&self, id: &ObjectId) -> Option<&Arc<Broken>> {
        self.broken.get(id)
    }

    /// All objects that could not be decoded.
    pub fn all_broken(&self) -> impl Iterator<Item = &Arc<Broken>> {
        self.broken.values()
    }

    /// The keys of all objects of a kind, broken ones too.
    pub fn ids(&self, kind: Kind) -> impl Iterator<Item = &ObjectId> {
        of_kind(&self.objects, kind).map(|(id, _)| id).chain(of_kind(&self.broken, kind).map(|(id, _)| id))
    }

    /// Who must be looked at when this changes.
    pub fn referrers(&self, dependency: &Dependency) -> impl Iterator<Item = &ObjectId> {
        self.references.users_of(dependency)
    }

    /// Those of one kind.
    pub fn referrers_of_kind<'a>(
        &'a self,
        dependency: &Dependency,
        kind: Kind,
    ) -> impl Iterator<Item = &'a ObjectId> + use<'a> {
        let first = ObjectId { kind, key: ObjectKey::new("", "") };
        self.references.users_from(dependency, first).take_while(move |id| id.kind == kind)
    }

    /// Everything that the verdict on an object rests on.
    pub fn dependencies(&self, id: &ObjectId) -> impl Iterator<Item = &Dependency> {
        self.references.used_by(id)
    }

    /// Every object of a kind, there or not, that something refers to.
    pub fn referred(&self, kind: Kind) -> impl Iterator<Item = &ObjectId> {
        let first = Dependency::Object(ObjectId { kind, key: ObjectKey::new("", "") });
        let ids = self.references.all_used_from(first).map_while(|dependency| match dependency {
            Dependency::Object(id) => Some(id),
            Dependency::GrantsIn(_) => None,
        });
        ids.take_while(move |id| id.kind == kind)
    }

    /// The EndpointSlices of a Service.
    pub fn slices_of(&self, service: &ObjectKey) -> impl Iterator<Item = &Arc<EndpointSlice>> {
        self.slices.users_of(service).filter_map(|slice| self.get::<EndpointSlice>(slice))
    }

    /// Whether an EndpointSlice of the Service was ever received, even one without endpoints.
    pub fn slices_received(&self, service: &ObjectKey) -> bool {
        self.received.contains(service)
    }

    fn mark(&mut self, id: &ObjectId) {
        match id.kind {
            Kind::GatewayClass
            | Kind::Secret
            | Kind::ConfigMap
            | Kind::ClusterTrustBundle
            | Kind::Namespace => self.mark_referrers(id),
            Kind::Service => {
                self.dirty.services.insert(id.key.clone());
                self.dirty.endpoints.insert(id.key.clone());
                self.mark_referrers(id);
            }
            Kind::GatewayParameters => {
                let parameters = Dependency::Object(id.clone());
                let referrers: Vec<_> = self.references.users_of(&parameters).cloned().collect();
                // What a class says goes for its Gateways, which refer to the class alone.
                for class in referrers.iter().filter(|id| id.kind == Kind::GatewayClass) {
                    self.mark_referrers(class);
                }
                self.dirty.objects.extend(referrers);
            }
            Kind::ReferenceGrant => {
                self.dirty.revoked = true;
                let grants = Dependency::GrantsIn(id.key.namespace.clone());
                self.dirty.objects.extend(self.references.users_of(&grants).cloned());
            }
            // Nobody rests on a route, and who rests on the others is found when they are judged.
            _ => {}
        }
        if id.kind.is_route() || is_judged(id.kind) {
            self.dirty.objects.insert(id.clone());
        }
    }

    pub(super) fn mark_referrers(&mut self, id: &ObjectId) {
        let dependency = Dependency::Object(id.clone());
        self.dirty.objects.extend(self.references.users_of(&dependency).cloned());
    }

    /// Joins an EndpointSlice to its Service, or parts them.
    fn touch_slice(&mut self, id: &ObjectId, service: Option<ObjectKey>) {
        if id.kind != Kind::EndpointSlice {
            return;
        }
        let before = self.slices.used_by(&id.key).cloned().collect::<Vec<_>>();
        self.received.extend(service.clone());
        self.dirty.endpoints.extend(before.into_iter().chain(service.clone()));
        self.slices.set(&id.key, service.into_iter().collect());
    }

    /// A Service that comes again later is a new one.
    fn forget_received(&mut self, id: &ObjectId) {
        let gone = |service: &ObjectKey| {
            let service_id = ObjectId { kind: Kind::Service, key: service.clone() };
            !self.slices.is_used(service) && !self.objects.contains_key(&service_id)
        };
        match id.kind {
            Kind::Service if gone(&id.key) => {
                self.received.remove(&id.key);
            }
            Kind::EndpointSlice => {
                let forgotten: Vec<_> =
                    self.dirty.endpoints.iter().filter(|service| gone(service)).cloned().collect();
                for service in forgotten {
                    self.received.remove(&service);
                }
            }
            _ => {}
        }
    }
}

/// Whether verdicts are passed on objects of the kind, beside routes.
fn is_judged(kind: Kind) -> bool {
    use Kind::{Gateway, GatewayClass, IngressClass, ListenerSet, Upstream, XBackend};
    kind.is_policy()
        || matches!(kind, GatewayClass | Gateway | ListenerSet | IngressClass | Upstream | XBackend)
}

/// Whether a route that goes on as before could use something that is gone.
fn grants_or_leads(kind: Kind) -> bool {
    matches!(kind, Kind::ReferenceGrant | Kind::Service | Kind::Upstream | Kind::XBackend)
}

fn of_kind<T>(map: &BTreeMap<ObjectId, T>, kind: Kind) -> impl Iterator<Item = (&ObjectId, &T)> {
    let first = ObjectId { kind, key: ObjectKey::new("", "") };
    map.range(first..).take_while(move |(id, _)| id.kind == kind)
}

fn service_of(object: &Object) -> Option<ObjectKey> {
    let Object::EndpointSlice(slice) = object else { return None };
    let name = slice.metadata.labels.as_ref()?.get(SERVICE_NAME)?;
    Some(ObjectKey::new(slice.metadata.namespace.as_deref().unwrap_or_default(), name.as_str()))
}

/// Whether no verdict and no traffic can differ between the two: a heartbeat, a status written
/// by anyone, another label.
fn means_the_same(old: &Object, new: &Object) -> bool {
    let (a, b) = (old.metadata(), new.metadata());
    let head = (&a.uid, a.generation, &a.creation_timestamp) == (&b.uid, b.generation, &b.creation_timestamp);
    head && match (old, new) {
        (Object::Service(a), Object::Service(b)) => {
            let balancer = |service: &Service| service.status.clone().unwrap_or_default().load_balancer;
            a.spec == b.spec && balancer(a) == balancer(b) && select_alike(a, b)
        }
        (Object::Secret(a), Object::Secret(b)) => {
            (&a.data, &a.string_data, &a.type_) == (&b.data, &b.string_data, &b.type_)
        }
        (Object::ConfigMap(a), Object::ConfigMap(b)) => {
            (&a.data, &a.binary_data) == (&b.data, &b.binary_data)
        }
        (Object::Namespace(a), Object::Namespace(b)) => a.metadata.labels == b.metadata.labels,
        (Object::EndpointSlice(a), Object::EndpointSlice(b)) => {
            (&a.address_type, &a.endpoints, &a.ports) == (&b.address_type, &b.endpoints, &b.ports)
                && service_of(old) == service_of(new)
        }
        // What their annotations say counts as much.
        (Object::Ingress(a), Object::Ingress(b)) => {
            a.spec == b.spec && a.metadata.annotations == b.metadata.annotations
        }
        (Object::IngressClass(a), Object::IngressClass(b)) => {
            a.spec == b.spec && a.metadata.annotations == b.metadata.annotations
        }
        _ => old.has_spec_of(new),
    }
}

#[cfg(test)]
mod tests;
