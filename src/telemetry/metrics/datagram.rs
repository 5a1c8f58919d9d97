//! What is counted of datagrams.

use crate::telemetry::series::Counter;

/// Why a datagram was not passed on, or a reply not passed back.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum DatagramDrop {
    /// The listener has no route.
    NoRoute,
    /// The backend whose turn it was does not exist or may not be used, or there is none.
    NoBackend,
    /// No endpoint is ready, or none that may be sent to.
    NoReadyTargets,
    /// The datagram is of a new client, and the worker has as many sessions as it may.
    TooManySessions,
    /// No socket to an endpoint could be made.
    NoSocket,
    /// The network takes none of this length.
    TooLarge,
    /// The socket has no room for it at the moment.
    BufferFull,
    /// The endpoints refuse, or the network does.
    SendFailed,
}

/// What is counted of datagrams.
#[derive(Debug, Default)]
pub struct DatagramMetrics {
    dropped: [Counter; DatagramDrop::ALL.len()],
}

impl DatagramDrop {
    pub(super) const ALL: [Self; 8] = [
        Self::NoRoute,
        Self::NoBackend,
        Self::NoReadyTargets,
        Self::TooManySessions,
        Self::NoSocket,
        Self::TooLarge,
        Self::BufferFull,
        Self::SendFailed,
    ];

    /// The name in metrics.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::NoRoute => "NoRoute",
            Self::NoBackend => "NoBackend",
            Self::NoReadyTargets => "NoReadyTargets",
            Self::TooManySessions => "TooManySessions",
            Self::NoSocket => "NoSocket",
            Self::TooLarge => "TooLarge",
            Self::BufferFull => "BufferFull",
            Self::SendFailed => "SendFailed",
        }
    }
}

impl DatagramMetrics {
    /// Datagrams that were dropped for this reason.
    pub fn dropped(&self, reason: DatagramDrop) -> &Counter {
        &self.dropped[reason as usize]
    }
}
