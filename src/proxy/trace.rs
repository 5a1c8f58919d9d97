//! The trace of one request: its place in it from the fields that came, the fields that go on, and
//! what is recorded of it.
//!
//! A request of a Gateway without a policy has none: that is one look at an option of the socket.
//! With one, a request that is not recorded costs two random numbers and a field.

mod export;
mod span;

pub(super) use export::Exporter;
use span::Recorded;
pub(super) use span::{Ending, Seen};

use super::worker::Worker;
use crate::table::{Found, Tracing};
use crate::telemetry::trace_context::{TRACEPARENT, TRACESTATE, TraceContext};
use http::header::{HeaderMap, HeaderValue};
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Instant;

/// The trace of one request.
pub(super) struct Trace {
    tracing: Arc<Tracing>,
    /// The span of the request that came.
    context: TraceContext,
    /// Whether what vendors say of the trace goes on.
    keeps_state: bool,
    recorded: Option<Box<Recorded>>,
}

impl Trace {
    /// Of a request whose head came as it is seen.
    pub(super) fn begin(tracing: &Arc<Tracing>, seen: &Seen<'_>, started: Instant) -> Self {
        let parent = TraceContext::read(&seen.head.headers);
        let sampled = tracing.records(parent.map(|parent| parent.sampled), |below| fastrand::u32(0..below));
        let context = TraceContext {
            trace_id: parent.map_or_else(|| fastrand::u128(1..), |parent| parent.trace_id),
            span_id: fastrand::u64(1..),
            sampled,
        };
        let recorded = sampled
            .then(|| Box::new(Recorded::new(tracing, seen, parent.map(|parent| parent.span_id), started)));
        Self { tracing: tracing.clone(), context, keeps_state: parent.is_some(), recorded }
    }

    /// Says in a head that is to go on where the request is in its trace.
    pub(super) fn mark(&self, headers: &mut HeaderMap) {
        headers.insert(TRACEPARENT, self.context.header());
        if !self.keeps_state {
            headers.remove(TRACESTATE);
        }
    }

    /// The trace, as 32 digits.
    pub(super) fn id(&self) -> String {
        format!("{:032x}", self.context.trace_id)
    }

    /// The rule that matched, and by what.
    pub(super) fn found(&mut self, found: &Found<'_>) {
        if let Some(recorded) = &mut self.recorded {
            recorded.found(found);
        }
    }

    /// An attempt at an endpoint begins.
    pub(super) fn attempt(&mut self, endpoint: SocketAddr) {
        if let Some(recorded) = &mut self.recorded {
            recorded.attempt(fastrand::u64(1..), endpoint);
        }
    }

    /// What a backend is told of the attempt that is under way. A filter that takes the field away has
    /// the last word.
    pub(super) fn mark_attempt(&self, headers: &mut HeaderMap) {
        let attempt = self.recorded.as_ref().and_then(|recorded| recorded.span_of_attempt());
        if let (Some(span_id), Some(field)) = (attempt, headers.get_mut(TRACEPARENT)) {
            *field = TraceContext { span_id, ..self.context }.header();
        }
    }

    /// The attempt is over, and there will be another.
    pub(super) fn attempt_failed(&mut self, why: &str) {
        if let Some(recorded) = &mut self.recorded {
            recorded.attempt_failed(why);
        }
    }

    /// The head of an answer, of a backend's or of the gateway's own.
    pub(super) fn answer(&mut self, headers: &HeaderMap) {
        if let Some(recorded) = &mut self.recorded {
            recorded.answer(&self.tracing, headers);
        }
    }

    /// What came behind the answer's body.
    pub(super) fn trailers(&mut self, trailers: &HeaderMap) {
        if let Some(recorded) = &mut self.recorded {
            recorded.trailers(trailers);
        }
    }

    /// Hands on what was recorded, at the end of the answer.
    pub(super) fn end(self, worker: &std::rc::Rc<Worker>, ending: &Ending<'_>) {
        if let Some(recorded) = self.recorded {
            let spans = recorded.into_spans(&self.tracing, self.context, ending);
            worker.exporter.export(worker, &self.tracing, spans);
        }
    }
}

/// What marks a request that is in no trace: whoever is asked to record what is in none is not to
/// begin one.
fn untraced() -> HeaderValue {
    TraceContext { trace_id: fastrand::u128(1..), span_id: fastrand::u64(1..), sampled: false }.header()
}

#[cfg(test)]
mod tests;
