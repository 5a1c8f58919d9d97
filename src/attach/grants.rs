//! References across namespaces.

use super::Options;
use crate::api::Kind;
use crate::api::gateway::ReferenceGrant;
use crate::index::Index;
use crate::model::ObjectKey;

/// Who refers.
#[derive(Clone, Copy, Debug)]
pub(super) struct Referrer<'a> {
    /// Its kind.
    pub(super) kind: Kind,
    /// Its namespace.
    pub(super) namespace: &'a str,
}

/// All that tells whether a reference may be.
#[derive(Clone, Copy)]
pub(super) struct References<'a> {
    pub(super) index: &'a Index,
    pub(super) options: &'a Options,
}

impl References<'_> {
    /// Whether the reference may be, and if not, what is to be done. It says nothing about the
    /// target's existence, so that nobody can find out by asking.
    pub(super) fn permit(&self, from: Referrer<'_>, to_kind: Kind, to: &ObjectKey) -> Result<(), String> {
        // Nobody grants what is nobody's own.
        if !to_kind.namespaced() {
            return Ok(());
        }
        // Also where a grant could be, nobody reads it. Of Tidegate's own namespace some objects
        // are known all the same.
        if from.namespace != &*to.namespace && !self.options.watches(&to.namespace) {
            return Err(format!("{to_kind} {to} is in a namespace that {}", not_watched()));
        }
        if permitted(self.index, from, to_kind, to) { Ok(()) } else { Err(how_to_permit(from, to_kind, to)) }
    }
}

/// Why nothing of a namespace is known.
pub(super) fn not_watched() -> &'static str {
    "Tidegate does not watch: add it to watchNamespaces, or leave that empty to watch all"
}

/// Whether the owner of the target's namespace lets this reference be.
fn permitted(index: &Index, from: Referrer<'_>, to_kind: Kind, to: &ObjectKey) -> bool {
    // The Gateway of an IngressClass has no namespace: it refers for an Ingress, in that one's own.
    from.namespace == &*to.namespace
        || from.namespace.is_empty()
        || index.in_namespace::<ReferenceGrant>(&to.namespace).any(|grant| {
            let lets_from = grant.spec.from.iter().any(|wire| {
                wire.group == from.kind.group()
                    && wire.kind == from.kind.name()
                    && wire.namespace == from.namespace
            });
            let lets_to = grant.spec.to.iter().any(|wire| {
                wire.group == to_kind.group()
                    && wire.kind == to_kind.name()
                    && wire.name.as_deref().is_none_or(|name| *name == *to.name)
            });
            lets_from && lets_to
        })
}

/// What the owner of the target has to do.
fn how_to_permit(from: Referrer<'_>, to_kind: Kind, to: &ObjectKey) -> String {
    format!(
        "{to_kind} {to} is in another namespace: a ReferenceGrant in namespace {:?} must let {} of namespace {:?} refer to it",
        to.namespace, from.kind, from.namespace
    )
}

#[cfg(test)]
mod tests;
