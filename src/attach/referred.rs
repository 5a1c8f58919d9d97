//! What has to be asked for by name.

use super::Options;
use super::class::{Owner, owner};
use super::grants::{References, Referrer};
use super::ingress_classes::{Classes, Membership};
use crate::api::gateway::Gateway;
use crate::api::ingress::Ingress;
use crate::api::{Kind, ObjectId};
use crate::index::{Dependency, Index};
use std::collections::{BTreeMap, BTreeSet};

/// Whether objects of a kind refer to others that have to be asked for by name.
pub fn refers_by_name(kind: Kind) -> bool {
    matches!(kind, Kind::Gateway | Kind::BackendTlsPolicy | Kind::Ingress | Kind::IngressClass)
}

/// The Secrets and ConfigMaps to which Gateways and Ingresses of this controller refer, and may: nobody
/// else decides what of a namespace is read. Also of those that are refused, so that they do not lose them for a moment.
/// And the ConfigMaps and Secrets of their own namespace to which BackendTLSPolicies refer.
pub fn referred(index: &Index, options: &Options) -> BTreeSet<ObjectId> {
    let references = References { index, options };
    let mut classes = BTreeMap::new();
    let mut is_ours = |gateway: &ObjectId| {
        index.get::<Gateway>(&gateway.key).is_some_and(|gateway| {
            let class = gateway.spec.gateway_class_name.as_str();
            *classes.entry(class).or_insert_with(|| !matches!(owner(index, options, class), Owner::NotUs(_)))
        })
    };
    let ingress_classes = Classes::new(index, options);
    let is_ours_by_class = |ingress: &ObjectId| {
        let ingress = index.get::<Ingress>(&ingress.key);
        ingress.is_some_and(|ingress| matches!(ingress_classes.of(ingress), Membership::Ours(_)))
    };
    let mut is_wanted = |wanted: &ObjectId| {
        index.referrers(&Dependency::Object(wanted.clone())).any(|by| {
            let from = Referrer { kind: by.kind, namespace: &by.key.namespace };
            let may = match by.kind {
                Kind::BackendTlsPolicy => true,
                Kind::Ingress => is_ours_by_class(by),
                _ => is_ours(by),
            };
            may && references.permit(from, wanted.kind, &wanted.key).is_ok()
        })
    };
    let referred = index.referred(Kind::Secret).chain(index.referred(Kind::ConfigMap));
    referred.filter(|id| is_wanted(id)).cloned().collect()
}

#[cfg(test)]
mod tests;
