//! Rules, ready to be applied.

use super::SessionPersistence;
use super::conditions::Conditions;
use super::filter::Filters;
use crate::model::{self, PathMatch, Pattern, Reason, Retry, RouteKey, RuleHost, RuleKey, Timeouts};
use crate::telemetry::RouteMetrics;
use crate::upstream::{Slot, Split};
use std::sync::Arc;

/// What happens to requests that one of the matches chose.
#[derive(Debug)]
pub struct Rule {
    /// The route it is of.
    pub route: RouteKey,
    /// Its identity within the route.
    pub key: RuleKey,
    /// The route as the access log writes it.
    pub route_name: Arc<str>,
    /// The rule as the access log writes it.
    pub name: Arc<str>,
    /// The route's counters.
    pub metrics: Arc<RouteMetrics>,
    /// Of the route's hostnames only this one, if it is for one.
    pub host: Option<RuleHost>,
    /// Any of them is enough.
    pub matches: Box<[Match]>,
    /// Applied before those of the backend.
    pub filters: Filters,
    /// Where requests go; a member of `split` each, in its order.
    pub backends: Box<[Backend]>,
    /// The choice among the backends, by weight.
    pub split: Split,
    /// What each worker's cursor of `split` hangs on: the same over all versions of the rule,
    /// and of no other rule or upstream in the life of the process.
    pub split_id: u64,
    /// How long a request may take.
    pub timeouts: Timeouts,
    /// When a request is sent again, where the route says it.
    pub retry: Option<Retry>,
    /// Bytes of a request's body that any of its filters may look at before the request goes on.
    pub body_before: usize,
}

/// One weighted backend.
#[derive(Debug)]
pub struct Backend {
    /// What the backendRef points at, as the access log writes it.
    pub name: Arc<str>,
    /// Where its share goes.
    pub target: Target,
    /// Applied after those of the rule.
    pub filters: Filters,
    /// Whether its requests of one session go to one endpoint.
    pub session: Option<Arc<SessionPersistence>>,
}

/// Where a backend's share goes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Target {
    /// To an upstream; it may be missing in [`super::Table::upstreams`].
    Upstream(Slot),
    /// Nowhere: it is answered with this reason.
    Broken(Reason),
}

/// One match of a rule.
#[derive(Debug)]
pub struct Match {
    pub(super) model: model::Match,
    /// Of a path that is an expression.
    pub(super) pattern: Option<Arc<Pattern>>,
    pub(super) conditions: Conditions,
}

impl Match {
    /// How the path is matched; what a prefix matched is what a rewrite replaces.
    pub fn path(&self) -> &PathMatch {
        &self.model.path
    }
}
