//! What has to be asked for by name.

use super::Options;
use super::class::{Owner, owner};
use super::grants::{References, Referrer};
use super::ingress_classes::{Classes, Membership};
use super::sets::{self, Door};
use crate::api::gateway::Gateway;
use crate::api::ingress::Ingress;
use crate::api::{Kind, ObjectId};
use crate::index::{Dependency, Index};
use crate::model::ObjectKey;
use std::collections::{BTreeMap, BTreeSet};

/// Whether objects of a kind refer to others that have to be asked for by name.
pub fn refers_by_name(kind: Kind) -> bool {
    use Kind::{BackendTlsPolicy, Gateway, Ingress, IngressClass, ListenerSet, XBackend};
    matches!(kind, Gateway | ListenerSet | BackendTlsPolicy | XBackend | Ingress | IngressClass)
}

/// The Secrets and ConfigMaps to which Gateways of this controller, the ListenerSets that they take and
/// its Ingresses refer, and may: nobody else decides what of a namespace is read. Also of those that are
/// refused, so that they do not lose them for a moment.
/// And the ConfigMaps and Secrets of their own namespace to which BackendTLSPolicies and XBackends refer.
pub fn referred(index: &Index, options: &Options) -> BTreeSet<ObjectId> {
    let references = References { index, options };
    let mut classes = BTreeMap::new();
    let mut is_ours = |gateway: &ObjectKey| {
        index.get::<Gateway>(gateway).is_some_and(|gateway| {
            let class = gateway.spec.gateway_class_name.as_str();
            *classes.entry(class).or_insert_with(|| !matches!(owner(index, options, class), Owner::NotUs(_)))
        })
    };
    let ingress_classes = Classes::new(index, options);
    let is_ours_by_class = |ingress: &ObjectId| {
        let ingress = index.get::<Ingress>(&ingress.key);
        ingress.is_some_and(|ingress| matches!(ingress_classes.of(ingress), Membership::Ours(_)))
    };
    let mut may = |by: &ObjectId| match by.kind {
        Kind::BackendTlsPolicy | Kind::XBackend => true,
        Kind::Ingress => is_ours_by_class(by),
        Kind::ListenerSet => {
            let gateway = sets::parent(index, &by.key).and_then(Result::ok);
            gateway.is_some_and(|gateway| is_ours(&gateway) && takes(index, &gateway, &by.key.namespace))
        }
        _ => is_ours(&by.key),
    };
    let mut is_wanted = |wanted: &ObjectId| {
        index.referrers(&Dependency::Object(wanted.clone())).any(|by| {
            let from = Referrer { kind: by.kind, namespace: &by.key.namespace };
            may(by) && references.permit(from, wanted.kind, &wanted.key).is_ok()
        })
    };
    let referred = index.referred(Kind::Secret).chain(index.referred(Kind::ConfigMap));
    referred.filter(|id| is_wanted(id)).cloned().collect()
}

/// Whether a Gateway takes ListenerSets of a namespace.
fn takes(index: &Index, key: &ObjectKey, namespace: &str) -> bool {
    let gateway = index.get::<Gateway>(key);
    gateway.is_some_and(|gateway| Door::new(index, key, &gateway.spec).refuses(namespace).is_none())
}

#[cfg(test)]
mod tests;
