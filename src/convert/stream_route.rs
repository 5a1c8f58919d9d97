//! TLSRoutes, TCPRoutes and UDPRoutes: rules that hold for everything.

use super::route::{self, Route, WireRule};
use crate::api::Kind;
use crate::api::gateway::StreamRouteSpec;
use crate::model::{Match, PathMatch};
use serde::Serialize;

/// Converts a route of one of these kinds.
pub(super) fn convert(
    kind: Kind,
    route: &impl Serialize,
    namespace: Option<&str>,
    spec: &StreamRouteSpec,
) -> Route {
    let rules = spec.rules.iter().map(|rule| WireRule {
        name: rule.name.as_deref(),
        matches: Ok(vec![every_connection()]),
        filters: &[],
        backend_refs: &rule.backend_refs,
        timeouts: None,
        retry: None,
        session: Ok(None),
    });
    route::convert(kind, route, namespace, &spec.hostnames, rules)
}

/// A connection has no path: the one that stands for it is matched by every prefix of none.
fn every_connection() -> Match {
    let path = PathMatch::Prefix("".into());
    Match { path, method: None, headers: Vec::new(), queries: Vec::new(), rpc: None }
}
