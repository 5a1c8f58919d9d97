//! HTTPRoutes.

use super::route::{self, Route, WireRule};
use super::{matches, session};
use crate::api::Kind;
use crate::api::gateway::HttpRoute;

pub(super) fn convert(route: &HttpRoute) -> Route {
    let spec = &route.spec;
    let rules = spec.rules.iter().enumerate().map(|(index, rule)| WireRule {
        name: rule.name.as_deref(),
        matches: matches::matches(&rule.matches, &format!("spec.rules[{index}]")),
        filters: &rule.filters,
        backend_refs: &rule.backend_refs,
        timeouts: rule.timeouts.as_ref(),
        retry: rule.retry.as_ref(),
        session: session::session(
            rule.session_persistence.as_ref(),
            Kind::HttpRoute,
            &route.metadata,
            &format!("spec.rules[{index}]"),
        ),
    });
    route::convert(Kind::HttpRoute, route, route.metadata.namespace.as_deref(), &spec.hostnames, rules)
}
