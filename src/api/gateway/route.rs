//! What all kinds of routes have in common.

use super::{BackendObjectReference, CommonRouteSpec, HttpBackendRef, HttpRouteFilter, RouteStatus};

/// A route of any kind, for whoever need not know of which.
pub trait AnyRoute {
    /// What it wants to attach to.
    fn common(&self) -> &CommonRouteSpec;
    /// Everything that it sends traffic to.
    fn backends(&self) -> Vec<&BackendObjectReference>;
    /// What the controllers say.
    fn status(&self) -> Option<&RouteStatus>;
}

/// What rules with these filters and backends send requests to, copies of them, and questions whether
/// they may go on.
pub(super) fn backends_of<'a>(
    rules: impl Iterator<Item = (&'a [HttpRouteFilter], &'a [HttpBackendRef])>,
) -> Vec<&'a BackendObjectReference> {
    let mut all = Vec::new();
    for (filters, backends) in rules {
        all.extend(backends.iter().map(|backend| &backend.backend.object));
        let filters = filters.iter().chain(backends.iter().flat_map(|backend| &backend.filters));
        for filter in filters {
            all.extend(filter.request_mirror.as_ref().map(|mirror| &mirror.backend_ref));
            all.extend(filter.external_auth.as_ref().map(|auth| &auth.backend_ref));
        }
    }
    all
}
