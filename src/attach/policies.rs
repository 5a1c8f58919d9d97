//! Policies of any kind: what they are attached to, which of several holds, and for which
//! Gateways it makes a difference.
//!
//! Of two policies of one kind with the same target the older holds, then the first by namespace
//! and name. One for a section comes before one for the whole object, and both are good.

mod all;

use super::gateway::created;
use super::grants::{References, Referrer};
use super::list_problems;
use super::verdict::{PolicyAccepted, Verdict};
use crate::api::gateway::LocalPolicyTargetReferenceWithSectionName;
use crate::api::{Kind, ObjectId};
use crate::index::{Dependency, Index};
use crate::model::ObjectKey;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

pub use all::Policy;
pub(super) use all::{Attachable, Judged, Policies, Touched};

/// One target of a policy.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Target {
    /// For example `spec.targetRefs[0]`.
    pub(super) field: String,
    /// The object, if it is of a kind that is known here.
    pub(super) object: Option<ObjectId>,
    /// The part of it; all of it otherwise.
    pub(super) section: Option<Arc<str>>,
    /// The kind, for people.
    pub(super) kind: String,
}

/// A policy as far as its object says where it belongs, understood in full or not.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Attached {
    /// Creation time in seconds.
    pub(super) created: i64,
    pub(super) targets: Vec<Target>,
}

/// What was found of one target: nothing bad, perhaps with a warning, or why the policy does not
/// hold there.
pub(super) type Standing = Result<Option<String>, Verdict<PolicyAccepted>>;

/// A Gateway by which requests reach what a policy is attached to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ancestor {
    /// The Gateway.
    pub gateway: ObjectKey,
    /// Whether the policy holds for these requests.
    pub accepted: Verdict<PolicyAccepted>,
}

/// Where a policy belongs; none if it is gone.
pub(super) fn attached(index: &Index, policy: &ObjectId) -> Option<Attached> {
    let (created, references) = match (index.object(policy), index.why_broken(policy)) {
        (Some(object), _) => (created(object.metadata()), object.target_refs()?.to_vec()),
        (_, Some(broken)) => {
            (broken.created().map_or(0, |created| created.0.as_second()), broken.target_refs())
        }
        _ => return None,
    };
    let targets = references.iter().enumerate();
    let targets = targets.map(|(index, reference)| target(&policy.key.namespace, index, reference));
    Some(Attached { created, targets: targets.collect() })
}

fn target(
    namespace: &Arc<str>,
    index: usize,
    reference: &LocalPolicyTargetReferenceWithSectionName,
) -> Target {
    let kind = Kind::find(&reference.group, &reference.kind);
    let key = || ObjectKey::new(namespace.clone(), reference.name.as_str());
    Target {
        field: format!("spec.targetRefs[{index}]"),
        object: kind.map(|kind| ObjectId { kind, key: key() }),
        section: reference.section_name.as_deref().filter(|name| !name.is_empty()).map(Into::into),
        kind: format!("kind {:?} of group {:?}", reference.kind, reference.group),
    }
}

/// All policies of a kind that are attached to an object or a section of it.
pub(super) fn attached_to<'a>(
    index: &'a Index,
    kind: Kind,
    object: &ObjectId,
) -> impl Iterator<Item = &'a ObjectKey> + use<'a> {
    index.referrers_of_kind(&Dependency::Object(object.clone()), kind).map(|policy| &policy.key)
}

/// The policy of a kind that holds for a section of an object.
pub(super) fn in_force(index: &Index, kind: Kind, object: &ObjectId, section: &str) -> Option<ObjectKey> {
    let section = Some(section).filter(|section| !section.is_empty());
    let of_section = section.and_then(|section| first(index, kind, object, Some(section)));
    of_section.or_else(|| first(index, kind, object, None))
}

/// The policy of a kind that comes first among those with exactly this target.
pub(super) fn first(
    index: &Index,
    kind: Kind,
    object: &ObjectId,
    section: Option<&str>,
) -> Option<ObjectKey> {
    let all = attached_to(index, kind, object).filter_map(|key| {
        let attached = attached(index, &ObjectId { kind, key: key.clone() })?;
        let is_it =
            |target: &Target| target.object.as_ref() == Some(object) && target.section.as_deref() == section;
        attached.targets.iter().any(is_it).then_some((attached.created, key))
    });
    all.min().map(|(_, key)| key.clone())
}

/// Why a policy does not hold for a target: another comes first.
fn conflict(index: &Index, policy: &ObjectId, target: &Target) -> Option<Verdict<PolicyAccepted>> {
    let Target { field, section, object, .. } = target;
    let object = object.as_ref()?;
    let first = first(index, policy.kind, object, section.as_deref())?;
    let part = section.as_ref().map(|name| format!("port {name:?} of ")).unwrap_or_default();
    let message = || {
        format!(
            "{field}: {} {first} holds for {part}{object}: of several the oldest does, then the first by name",
            policy.kind
        )
    };
    (first != policy.key).then(|| Verdict::new(PolicyAccepted::Conflicted, message()))
}

/// Why an object is not there.
pub(super) fn missing(index: &Index, object: &ObjectId) -> Option<String> {
    match (index.object(object), index.why_broken(object)) {
        (Some(_), _) => None,
        (None, Some(broken)) => Some(format!("{object} cannot be read: {}", broken.message())),
        (None, None) => Some(format!("{object} does not exist")),
    }
}

/// Everything that requests of a route or a filter, or to an Upstream, can lead to, and a Gateway itself.
pub(super) fn led_to(index: &Index, id: &ObjectId) -> BTreeSet<ObjectId> {
    let objects = |id: &ObjectId| {
        let objects = index.dependencies(id).filter_map(|dependency| match dependency {
            Dependency::Object(object) => Some(object),
            Dependency::GrantsIn(_) => None,
        });
        let backends = objects.filter(|object| object.kind.is_backend());
        backends.cloned().collect::<BTreeSet<_>>()
    };
    let mut found = objects(id);
    for upstream in found.clone().iter().filter(|object| object.kind == Kind::Upstream) {
        found.extend(objects(upstream));
    }
    if matches!(id.kind, Kind::Upstream | Kind::Gateway) {
        found.insert(id.clone());
    }
    found
}

/// The objects of a kind that another refers to.
pub(super) fn referred_of_kind(index: &Index, id: &ObjectId, kind: Kind) -> impl Iterator<Item = ObjectKey> {
    index.dependencies(id).filter_map(move |dependency| match dependency {
        Dependency::Object(object) if object.kind == kind => Some(object.key.clone()),
        _ => None,
    })
}

/// The routes, filters of listeners and policies by which requests get to an object, where they may: also
/// by an Upstream. All that come to a Gateway come by itself.
pub(super) fn routes_to(references: References<'_>, object: &ObjectId) -> BTreeSet<ObjectId> {
    if object.kind == Kind::Gateway {
        return [object.clone()].into();
    }
    let mut routes: BTreeSet<_> = referring_routes(references, object).collect();
    for upstream in referring(references, object, Kind::Upstream) {
        routes.extend(referring_routes(references, upstream));
    }
    routes
}

/// The routes, Gateways, ListenerSets and policies for Gateways that refer to an object, and may.
pub(super) fn referring_routes(
    references: References<'_>,
    object: &ObjectId,
) -> impl Iterator<Item = ObjectId> {
    let kinds = Kind::ALL.into_iter().filter(|kind| sends(*kind));
    kinds.flat_map(move |kind| referring(references, object, kind).cloned())
}

/// Whether requests get to what objects of the kind refer to: by a route, by a filter of a listener,
/// or as the Gateway's own.
pub(super) fn sends(kind: Kind) -> bool {
    kind.is_route() || matches!(kind, Kind::Gateway | Kind::ListenerSet | Kind::XTelemetryPolicy)
}

fn referring<'a>(
    references: References<'a>,
    object: &ObjectId,
    kind: Kind,
) -> impl Iterator<Item = &'a ObjectId> {
    let dependency = Dependency::Object(object.clone());
    references.index.referrers_of_kind(&dependency, kind).filter(move |by| {
        let from = Referrer { kind: by.kind, namespace: &by.key.namespace };
        references.permit(from, object.kind, &object.key).is_ok()
    })
}

/// The verdict for each Gateway by which requests reach a target. With several targets a policy
/// that holds for one of them is accepted, and the message has the others.
pub(super) fn ancestors(
    reached: BTreeMap<ObjectKey, BTreeSet<usize>>,
    standings: &[Standing],
) -> Vec<Ancestor> {
    let elsewhere: BTreeSet<usize> = reached.values().flatten().copied().collect();
    let each = reached.into_iter().map(|(gateway, targets)| {
        // What no Gateway reaches is told to all of them: nobody else would.
        let told = standings.iter().enumerate();
        let told = told.filter(|(at, _)| targets.contains(at) || !elsewhere.contains(at));
        let messages: Vec<String> = told
            .filter_map(|(_, standing)| match standing {
                Ok(warning) => warning.clone(),
                Err(bad) => Some(bad.message.clone()),
            })
            .collect();
        let mut here = targets.iter().filter_map(|at| standings.get(*at));
        let bad = here.clone().find_map(|standing| standing.as_ref().err());
        let reason = match bad {
            Some(bad) if here.all(Result::is_err) => bad.reason,
            _ => PolicyAccepted::Accepted,
        };
        Ancestor { gateway, accepted: Verdict::new(reason, list_problems(&messages)) }
    });
    each.collect()
}

#[cfg(test)]
mod tests;
