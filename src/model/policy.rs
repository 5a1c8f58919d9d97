//! How long requests may take, and when they are sent again: what rules and backends say of it.

use serde::{Deserialize, Serialize};
use std::sync::Arc;
use std::time::Duration;

/// How long a request may take; what is none has no limit.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Timeouts {
    /// From the request's head to the end of the answer, with all attempts and pauses.
    pub request: Option<Duration>,
    /// One attempt, from connecting to the end of the answer.
    pub backend_request: Option<Duration>,
}

/// When a request is sent again.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Retry {
    /// Statuses by which a backend rejects a request: any request may be sent again then.
    pub codes: Vec<u16>,
    /// How often at most beyond the first time; 0 switches off even what is always safe.
    pub attempts: u32,
    /// Least pause before another attempt.
    pub backoff: Option<Duration>,
}

impl Retry {
    /// More attempts are not made, whatever a rule says. Enough to meet each of many endpoints;
    /// without an end, one request could hold its client and its share of a failing backend for
    /// ever.
    pub const MAX_ATTEMPTS: u32 = 100;
}

/// How many of the requests to a backend may be ones that are sent again.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RetryBudget {
    /// The object that they are counted for, however they reach it.
    pub backend: Arc<str>,
    /// How many.
    pub constraint: RetryConstraint,
}

/// A share of all requests that are sent, and a number that is allowed whatever the share.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RetryConstraint {
    /// The share, from 0 to 100.
    pub percent: u32,
    /// The time over which it is measured.
    pub interval: Duration,
    /// That many are allowed in each `min_interval`.
    pub min_retries: u32,
    /// More than 0.
    pub min_interval: Duration,
}
