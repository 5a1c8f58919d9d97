//! Entries of lists that several controllers share: a route's parents, a policy's ancestors.

use crate::api::Condition;
use crate::api::gateway::{ParentReference, PolicyAncestorStatus, RouteParentStatus};

/// So many parents of a route the API takes.
pub(super) const PARENTS: usize = 32;

/// So many ancestors of a policy.
pub(super) const POLICY_ANCESTORS: usize = 16;

/// So many ancestors of an XBackend.
pub(super) const BACKEND_ANCESTORS: usize = 32;

/// What one controller says of an object in connection with another.
pub(super) trait SharedEntry: Clone {
    /// An entry.
    fn new(reference: ParentReference, controller_name: String, conditions: Vec<Condition>) -> Self;
    /// The other object.
    fn reference(&self) -> &ParentReference;
    /// The controller.
    fn controller_name(&self) -> &str;
    /// What it says.
    fn conditions(&self) -> &[Condition];
}

macro_rules! shared_entry {
    ($type:ident, $reference:ident) => {
        impl SharedEntry for $type {
            fn new($reference: ParentReference, controller_name: String, conditions: Vec<Condition>) -> Self {
                Self { $reference, controller_name, conditions }
            }

            fn reference(&self) -> &ParentReference {
                &self.$reference
            }

            fn controller_name(&self) -> &str {
                &self.controller_name
            }

            fn conditions(&self) -> &[Condition] {
                &self.conditions
            }
        }
    };
}

shared_entry!(RouteParentStatus, parent_ref);
shared_entry!(PolicyAncestorStatus, ancestor_ref);
