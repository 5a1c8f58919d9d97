//! What must be looked at again.

use crate::api::ObjectId;
use crate::model::ObjectKey;
use std::collections::BTreeSet;

/// Keys of what changed since the last look.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Dirty {
    /// GatewayClasses, Gateways, routes, policies and Upstreams that changed or refer to what changed.
    /// Not among them: the routes of a Gateway or an Upstream, as only a look at these can tell
    /// whether anything changed for their routes.
    pub objects: BTreeSet<ObjectId>,
    /// Services that changed themselves, their ports for example.
    pub services: BTreeSet<ObjectKey>,
    /// Services whose endpoints must be joined anew.
    pub endpoints: BTreeSet<ObjectKey>,
    /// Objects of any kind of which the status or the metadata changed, or which became broken,
    /// whole or gone: to be compared with the verdict.
    pub statuses: BTreeSet<ObjectId>,
    /// Something was taken away (a grant, a Service, an Upstream): that holds at once.
    pub revoked: bool,
}

impl Dirty {
    /// Whether there is nothing to look at.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}
