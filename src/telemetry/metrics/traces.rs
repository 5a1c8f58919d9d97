//! What is counted of spans.

use crate::telemetry::series::Counter;

/// Why a span did not reach its collector.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum SpanDrop {
    /// The worker keeps as many for the collector as it may.
    QueueFull,
    /// The collector could not be reached, or gave no answer that it took them, until the last attempt.
    ExportFailed,
    /// The collector said that it does not take them.
    Rejected,
    /// The process ended before they were sent.
    Shutdown,
}

/// What is counted of spans.
#[derive(Debug, Default)]
pub struct TraceMetrics {
    /// Spans that a collector has taken.
    pub exported: Counter,
    /// Requests to collectors that failed and were made again.
    pub export_retries: Counter,
    dropped: [Counter; SpanDrop::ALL.len()],
}

impl SpanDrop {
    pub(super) const ALL: [Self; 4] = [Self::QueueFull, Self::ExportFailed, Self::Rejected, Self::Shutdown];

    /// The name in metrics.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::QueueFull => "QueueFull",
            Self::ExportFailed => "ExportFailed",
            Self::Rejected => "Rejected",
            Self::Shutdown => "Shutdown",
        }
    }
}

impl TraceMetrics {
    /// Spans that did not arrive for this reason.
    pub fn dropped(&self, reason: SpanDrop) -> &Counter {
        &self.dropped[reason as usize]
    }
}
