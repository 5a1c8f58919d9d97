//! What is counted of copies of requests.

use crate::telemetry::series::Counter;

/// Why a copy of a request did not arrive.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum MirrorDrop {
    /// The request's body is over the limit.
    BodyTooLarge,
    /// The request's body did not come in whole: the client went away, or the backend answered
    /// without it.
    Incomplete,
    /// The worker has as many copies under way as it may.
    TooMany,
    /// The request asks for another protocol.
    Upgrade,
    /// No endpoint is ready, or none that may be connected to.
    NoReadyTargets,
    /// No connection could be made.
    ConnectFailed,
    /// No answer within the limit.
    Timeout,
    /// The connection broke before an answer came.
    Reset,
}

/// What is counted of copies.
#[derive(Debug, Default)]
pub struct MirrorMetrics {
    /// Copies that were answered.
    pub answered: Counter,
    dropped: [Counter; MirrorDrop::ALL.len()],
}

impl MirrorDrop {
    pub(super) const ALL: [Self; 8] = [
        Self::BodyTooLarge,
        Self::Incomplete,
        Self::TooMany,
        Self::Upgrade,
        Self::NoReadyTargets,
        Self::ConnectFailed,
        Self::Timeout,
        Self::Reset,
    ];

    /// The name in metrics.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::BodyTooLarge => "BodyTooLarge",
            Self::Incomplete => "Incomplete",
            Self::TooMany => "TooMany",
            Self::Upgrade => "Upgrade",
            Self::NoReadyTargets => "NoReadyTargets",
            Self::ConnectFailed => "ConnectFailed",
            Self::Timeout => "Timeout",
            Self::Reset => "Reset",
        }
    }
}

impl MirrorMetrics {
    /// Copies that did not arrive for this reason.
    pub fn dropped(&self, reason: MirrorDrop) -> &Counter {
        &self.dropped[reason as usize]
    }
}
