//! What Ingresses add to the Gateways and routes that are judged.

use super::Attachments;
use crate::api::{Kind, ObjectId};
use crate::attach::IngressPart;
use crate::attach::route::Judged as JudgedRoute;
use crate::index::{Dependency, Index};
use crate::model::ObjectKey;
use std::collections::{BTreeMap, BTreeSet};

impl Attachments {
    /// The Gateway by which an Ingress is served, if it is of this controller's class.
    pub fn gateway_of_ingress(&self, ingress: &ObjectKey) -> Option<&ObjectKey> {
        self.ingress_classes.gateway_of(ingress)
    }

    /// The Ingresses that the Gateway of a class serves.
    pub fn ingresses_of(&self, gateway: &ObjectKey) -> impl Iterator<Item = &ObjectKey> {
        self.ingress_classes.members(gateway)
    }

    /// Says which hosts and paths Ingresses want; returns those that may have won or lost one.
    pub(super) fn claim_paths(
        &mut self,
        judged: &BTreeMap<ObjectId, Option<JudgedRoute>>,
    ) -> BTreeSet<ObjectId> {
        let mut touched = BTreeSet::new();
        for (id, found) in judged.iter().filter(|(id, _)| id.kind == Kind::Ingress) {
            let route = found.as_ref().map(|found| &found.route).filter(|route| route.served.is_some());
            let part = route.and_then(|route| route.ingress.as_ref());
            let wanted = part.map(IngressPart::wanted).unwrap_or_default();
            touched.extend(self.ingress_classes.paths.set(&id.key, wanted));
        }
        touched.into_iter().map(|key| ObjectId { kind: Kind::Ingress, key }).collect()
    }

    /// Whether it is not known yet if something is there that the Gateway refers to, or that an Ingress
    /// does for it.
    pub(super) fn awaits(&self, index: &Index, gateway: &ObjectKey) -> bool {
        let ingresses = self.ingress_classes.members(gateway);
        let mut ingresses = ingresses.map(|key| ObjectId { kind: Kind::Ingress, key: key.clone() });
        let id = ObjectId { kind: Kind::Gateway, key: gateway.clone() };
        let mut sets = index.referrers_of_kind(&Dependency::Object(id.clone()), Kind::ListenerSet);
        ingresses.any(|id| awaits(index, &id)) || awaits(index, &id) || sets.any(|id| awaits(index, id))
    }
}

/// Whether it is not known yet if something that a Gateway refers to is there.
fn awaits(index: &Index, id: &ObjectId) -> bool {
    index.dependencies(id).any(|dependency| match dependency {
        Dependency::Object(id) => index.is_awaited(id),
        Dependency::GrantsIn(_) => false,
    })
}
