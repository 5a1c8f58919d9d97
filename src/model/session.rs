//! Sessions: requests of one client that go to one endpoint.

use serde::{Deserialize, Serialize};
use std::sync::Arc;
use std::time::Duration;

/// How the requests of a session are held together.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SessionPersistence {
    /// What carries it.
    pub carrier: SessionCarrier,
    /// When a session ends, counted from its first request; none: when the client forgets it.
    pub absolute_timeout: Option<Duration>,
}

/// What carries a session from an answer to the client's next request.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum SessionCarrier {
    /// A cookie.
    Cookie {
        /// Its name.
        name: Arc<str>,
        /// Its `Path` attribute.
        path: Arc<str>,
        /// The client keeps it until the absolute timeout, which there must be then; else until its
        /// own session ends.
        permanent: bool,
    },
    /// A field of the heads of answers and requests.
    Header {
        /// Its name.
        name: Arc<str>,
    },
}
