//! TLSRoutes and TCPRoutes: rules that hold for every connection.

use super::route::{self, Route, WireRule};
use crate::api::Kind;
use crate::api::gateway::{StreamRouteRule, TcpRoute, TlsRoute};
use crate::model::{Match, PathMatch};

pub(super) fn convert_tls(route: &TlsRoute) -> Route {
    let namespace = route.metadata.namespace.as_deref();
    route::convert(Kind::TlsRoute, route, namespace, &route.spec.hostnames, rules(&route.spec.rules))
}

pub(super) fn convert_tcp(route: &TcpRoute) -> Route {
    let namespace = route.metadata.namespace.as_deref();
    route::convert(Kind::TcpRoute, route, namespace, &[], rules(&route.spec.rules))
}

fn rules(wire: &[StreamRouteRule]) -> impl Iterator<Item = WireRule<'_>> {
    wire.iter().map(|rule| WireRule {
        name: rule.name.as_deref(),
        matches: Ok(vec![every_connection()]),
        filters: &[],
        backend_refs: &rule.backend_refs,
        timeouts: None,
        retry: None,
    })
}

/// A connection has no path: the one that stands for it is matched by every prefix of none.
fn every_connection() -> Match {
    let path = PathMatch::Prefix("".into());
    Match { path, method: None, headers: Vec::new(), queries: Vec::new(), rpc: None }
}
