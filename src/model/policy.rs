//! What a rule says of the time that its requests may take, and of further attempts.

use serde::{Deserialize, Serialize};
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
