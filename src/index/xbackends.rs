//! Services that find the pods of XBackends.

use super::Index;
use crate::api::gateway::{EXPERIMENTAL_GROUP, XBACKEND_LABEL};
use crate::api::{Kind, Object, ObjectId, Service};
use crate::model::ObjectKey;
use std::sync::Arc;

/// The XBackend for which a Service finds the pods: its owner, where it has one, as a label is too
/// short for some names.
pub(super) fn xbackend_of(object: &Object) -> Option<ObjectKey> {
    let Object::Service(service) = object else { return None };
    let metadata = &service.metadata;
    let label = metadata.labels.as_ref()?.get(XBACKEND_LABEL)?;
    let owners = metadata.owner_references.iter().flatten();
    let mut owners = owners.filter(|owner| {
        owner.api_version.starts_with(EXPERIMENTAL_GROUP) && owner.kind == Kind::XBackend.name()
    });
    let name = owners.next().map_or(label, |owner| &owner.name);
    Some(ObjectKey::new(metadata.namespace.as_deref().unwrap_or_default(), name.as_str()))
}

/// Whether both find the pods of the same XBackend, or none, in the same name.
pub(super) fn select_alike(one: &Service, other: &Service) -> bool {
    let head =
        |service: &Service| (service.metadata.labels.clone(), service.metadata.owner_references.clone());
    let has_label = |service: &Service| {
        service.metadata.labels.as_ref().is_some_and(|labels| labels.contains_key(XBACKEND_LABEL))
    };
    !(has_label(one) || has_label(other)) || head(one) == head(other)
}

impl Index {
    /// The Services that say that they find the pods of an XBackend.
    pub fn services_of_xbackend(&self, xbackend: &ObjectKey) -> impl Iterator<Item = &Arc<Service>> {
        self.selecting.users_of(xbackend).filter_map(|service| self.get::<Service>(service))
    }

    /// Joins a Service to the XBackend for which it finds the pods, or parts them.
    pub(super) fn touch_xbackend(&mut self, id: &ObjectId, xbackend: Option<ObjectKey>) {
        if id.kind != Kind::Service {
            return;
        }
        let before = self.selecting.used_by(&id.key).cloned().collect::<Vec<_>>();
        let touched = before.into_iter().chain(xbackend.clone());
        self.dirty.objects.extend(touched.map(|key| ObjectId { kind: Kind::XBackend, key }));
        self.selecting.set(&id.key, xbackend.into_iter().collect());
    }
}
