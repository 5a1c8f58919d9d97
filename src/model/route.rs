//! A route as the data plane sees it: where it is attached, and its rules.

use super::{
    Filters, Hostname, ListenerKey, Match, Reason, Retry, RouteKey, RuleKey, SessionPersistence, Timeouts,
    UpstreamKey,
};
use serde::{Deserialize, Serialize};
use std::sync::Arc;

/// A route with everything resolved but the lookup of its upstreams.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Route {
    /// Its identity; also the last tie-breaker of precedence.
    pub key: RouteKey,
    /// Creation time in seconds since the epoch: the older route wins a tie.
    pub created: i64,
    /// The listeners that serve it.
    pub attachments: Vec<Attachment>,
    /// In the order of the object.
    pub rules: Vec<Rule>,
}

impl Route {
    /// Everything that requests, copies of them and questions about them are sent to.
    pub fn upstreams(&self) -> impl Iterator<Item = &UpstreamKey> {
        let backends = || self.rules.iter().flat_map(|rule| &rule.backends);
        let filters = || {
            let of_rules = self.rules.iter().map(|rule| &rule.filters);
            of_rules.chain(backends().map(|backend| &backend.filters))
        };
        let targets = backends().map(|backend| &backend.target);
        let asked = filters().filter_map(|filters| Some(&filters.auth.as_ref()?.target));
        let targets = targets.chain(asked).filter_map(|target| match target {
            BackendTarget::Upstream(key) => Some(key),
            BackendTarget::Broken { .. } => None,
        });
        targets.chain(filters().flat_map(|filters| &filters.mirrors).map(|mirror| &mirror.upstream))
    }
}

/// One listener that serves a route.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Attachment {
    /// The listener.
    pub listener: ListenerKey,
    /// The route's own hostnames, only those that intersect the listener's; empty stands for a
    /// route without hostnames, which takes every host of the listener. Precedence goes by
    /// these and not by the intersection.
    pub hostnames: Vec<Hostname>,
}

/// Matches, and what happens to a request that one of them matched.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Rule {
    /// Identity within the route.
    pub key: RuleKey,
    /// Of the route's hostnames only this one, if it is for one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub host: Option<RuleHost>,
    /// At least one; any of them is enough.
    pub matches: Vec<Match>,
    /// Applied before those of the backend.
    pub filters: Filters,
    /// Where requests go, by weight; empty answers 500 (unless `filters.redirect` is set).
    pub backends: Vec<Backend>,
    /// How long a request may take.
    pub timeouts: Timeouts,
    /// When a request is sent again, where the route says it.
    pub retry: Option<Retry>,
}

/// The one host that a rule of an Ingress is for.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum RuleHost {
    /// Every host, as of a route without hostnames.
    Every,
    /// This one. Here a wildcard stands for exactly one label.
    Named(Hostname),
}

impl RuleHost {
    /// Its hostname, if it has one.
    pub fn hostname(&self) -> Option<&Hostname> {
        match self {
            Self::Every => None,
            Self::Named(hostname) => Some(hostname),
        }
    }
}

/// One weighted backend of a rule.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Backend {
    /// Share of the rule's requests; 0 gets none.
    pub weight: u32,
    /// Where they go.
    pub target: BackendTarget,
    /// Applied after those of the rule.
    pub filters: Filters,
    /// Whether its requests of one session go to one endpoint. The choice among backends does not
    /// heed it.
    pub session: Option<SessionPersistence>,
}

/// Where a backend's share goes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum BackendTarget {
    /// To an upstream that the same or an earlier delta brought.
    Upstream(UpstreamKey),
    /// Nowhere: the reference is broken, and its share is answered with 500.
    Broken {
        /// The reason for log and metrics.
        reason: Reason,
        /// The reference as the user wrote it, for the log.
        reference: Arc<str>,
    },
}
