//! What has to be asked for by name.

use super::Options;
use super::class::{Owner, owner};
use super::grants::{References, Referrer};
use crate::api::gateway::Gateway;
use crate::api::{Kind, ObjectId};
use crate::index::{Dependency, Index};
use std::collections::{BTreeMap, BTreeSet};

/// The Secrets to which Gateways of this controller refer, and may: nobody else decides what of a
/// namespace is read. Also of those that are refused, so that they do not lose them for a moment.
pub fn referred(index: &Index, options: &Options) -> BTreeSet<ObjectId> {
    let references = References { index, options };
    let mut classes = BTreeMap::new();
    let mut is_ours = |gateway: &ObjectId| {
        index.get::<Gateway>(&gateway.key).is_some_and(|gateway| {
            let class = gateway.spec.gateway_class_name.as_str();
            *classes.entry(class).or_insert_with(|| !matches!(owner(index, options, class), Owner::NotUs(_)))
        })
    };
    let mut is_wanted = |secret: &ObjectId| {
        index.referrers(&Dependency::Object(secret.clone())).any(|by| {
            let from = Referrer { kind: by.kind, namespace: &by.key.namespace };
            is_ours(by) && references.permit(from, secret.kind, &secret.key).is_ok()
        })
    };
    index.referred(Kind::Secret).filter(|secret| is_wanted(secret)).cloned().collect()
}

#[cfg(test)]
mod tests;
