//! What all kinds of routes have in common.

use super::{BackendObjectReference, CommonRouteSpec, RouteStatus};

/// A route of any kind, for whoever need not know of which.
pub trait AnyRoute {
    /// What it wants to attach to.
    fn common(&self) -> &CommonRouteSpec;
    /// Everything that it sends traffic to.
    fn backends(&self) -> Vec<&BackendObjectReference>;
    /// What the controllers say.
    fn status(&self) -> Option<&RouteStatus>;
}
