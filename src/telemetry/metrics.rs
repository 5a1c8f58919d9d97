//! What is counted, by what, and under which name.

mod controller;
mod datagram;
mod encode;
mod mirror;
mod traces;

use super::series::{Counter, Gauge, Histogram, Live};
use crate::model::{ListenerKey, Reason, RouteKey, UpstreamKey};
use http::StatusCode;
use std::sync::Arc;
use std::time::SystemTime;

pub use controller::{ControllerMetrics, EventWrite, StatusWrite};
pub use datagram::{DatagramDrop, DatagramMetrics};
pub use mirror::{MirrorDrop, MirrorMetrics};
pub use traces::{SpanDrop, TraceMetrics};

/// The media type of [`Metrics::encode`].
pub const CONTENT_TYPE: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

/// Everything that is counted, shared by all workers.
///
/// `route`, `listener` and `upstream` take a lock and hash: they are for the one who publishes a
/// table, never for a request. Their series are exported until `forget_*` is called, whoever
/// still holds the handle.
#[derive(Debug)]
pub struct Metrics {
    routes: Live<RouteKey, RouteMetrics>,
    listeners: Live<ListenerKey, ListenerMetrics>,
    upstreams: Live<UpstreamKey, UpstreamMetrics>,
    process: ProcessMetrics,
    controller: ControllerMetrics,
}

/// What one route counts: five series, one a status class.
///
/// Aligned to two cache lines, which processors fetch in pairs: two routes never share one.
#[derive(Debug, Default)]
#[repr(align(128))]
pub struct RouteMetrics {
    requests: [Counter; 5],
}

/// What one listener counts.
#[derive(Debug, Default)]
#[repr(align(128))]
pub struct ListenerMetrics {
    /// Open connections of clients. On a TLS listener from the ClientHello on; otherwise a
    /// connection counts with the listener of its first request.
    pub active_connections: Gauge,
    /// Connections of clients that were opened.
    pub connections: Counter,
    /// UDP sessions with clients.
    pub active_sessions: Gauge,
    /// UDP sessions that were begun.
    pub sessions: Counter,
    /// TLS handshakes that failed or took too long after the listener was chosen.
    pub tls_handshake_failures: Counter,
    /// From the request's head to the end of the answer.
    pub request_duration: Histogram,
}

/// What one upstream counts, over all of its endpoints.
#[derive(Debug, Default)]
#[repr(align(128))]
pub struct UpstreamMetrics {
    /// Requests under way.
    pub active_requests: Gauge,
    /// Tries, first ones and retries.
    pub attempts: Counter,
    /// Tries after a first one failed.
    pub retries: Counter,
    /// Further tries that were not made, as the backend's budget for them was used up.
    pub refused_retries: Counter,
    /// Connections that were opened.
    pub connections: Counter,
    /// Connections that could not be opened: refused, timed out, or TLS failed.
    pub connect_failures: Counter,
    /// Tries whose connection broke before an answer came.
    pub resets: Counter,
    /// Tries that took longer than the rule allows.
    pub timeouts: Counter,
}

/// What the process counts.
#[derive(Debug)]
pub struct ProcessMetrics {
    answers: [Counter; Reason::ALL.len()],
    /// Copies of requests.
    pub mirrors: MirrorMetrics,
    /// Spans of requests.
    pub traces: TraceMetrics,
    /// Datagrams of UDP listeners.
    pub datagrams: DatagramMetrics,
    /// The configuration version that every worker serves.
    pub config_version: Gauge,
    /// Worker threads.
    pub workers: Gauge,
    /// Listening sockets over all workers.
    pub listening_sockets: Gauge,
    /// Connections that were closed before a listener could be chosen: no listener has the name
    /// that the TLS client asked for, or no ClientHello came.
    pub unrecognized_names: Counter,
    /// Connections that were closed as they did not begin as the PROXY protocol demands.
    pub proxy_protocol_failures: Counter,
    /// Access-log lines that were not written because the writer could not keep up or failed.
    pub access_log_dropped_lines: Counter,
    /// How many files the process may have open.
    pub open_files_limit: Gauge,
    started: SystemTime,
}

impl Metrics {
    /// With every count at zero; the process counts as started now.
    pub fn new() -> Arc<Self> {
        Self::started_at(SystemTime::now())
    }

    fn started_at(started: SystemTime) -> Arc<Self> {
        Arc::new(Self {
            routes: Live::new(),
            listeners: Live::new(),
            upstreams: Live::new(),
            process: ProcessMetrics {
                answers: std::array::from_fn(|_| Counter::default()),
                mirrors: MirrorMetrics::default(),
                traces: TraceMetrics::default(),
                datagrams: DatagramMetrics::default(),
                config_version: Gauge::default(),
                workers: Gauge::default(),
                listening_sockets: Gauge::default(),
                unrecognized_names: Counter::default(),
                proxy_protocol_failures: Counter::default(),
                access_log_dropped_lines: Counter::default(),
                open_files_limit: Gauge::default(),
                started,
            },
            controller: ControllerMetrics::new(),
        })
    }

    /// The handle of a route, made on the first call.
    pub fn route(&self, key: &RouteKey) -> Arc<RouteMetrics> {
        self.routes.resolve(key)
    }

    /// The handle of a listener, made on the first call.
    pub fn listener(&self, key: &ListenerKey) -> Arc<ListenerMetrics> {
        self.listeners.resolve(key)
    }

    /// The handle of an upstream, made on the first call.
    pub fn upstream(&self, key: &UpstreamKey) -> Arc<UpstreamMetrics> {
        self.upstreams.resolve(key)
    }

    /// Ends a route's series.
    pub fn forget_route(&self, key: &RouteKey) {
        self.routes.forget(key);
    }

    /// Ends a listener's series.
    pub fn forget_listener(&self, key: &ListenerKey) {
        self.listeners.forget(key);
    }

    /// Ends an upstream's series.
    pub fn forget_upstream(&self, key: &UpstreamKey) {
        self.upstreams.forget(key);
    }

    /// What belongs to no object.
    pub fn process(&self) -> &ProcessMetrics {
        &self.process
    }

    /// What the control half counts in a cluster.
    pub fn controller(&self) -> &ControllerMetrics {
        &self.controller
    }
}

impl RouteMetrics {
    /// Counts a request by the class of the answer's status.
    pub fn count(&self, status: StatusCode) {
        // `StatusCode` goes up to 999; what has no class counts as the server's fault.
        let class = usize::from(status.as_u16() / 100).clamp(1, self.requests.len());
        self.requests[class - 1].increment();
    }

    /// How many requests were answered with a status of `class` (1 to 5).
    pub fn requests(&self, class: usize) -> u64 {
        self.requests.get(class.wrapping_sub(1)).map_or(0, Counter::get)
    }
}

impl ProcessMetrics {
    /// Counts an answer that Tidegate made itself.
    pub fn count_answer(&self, reason: Reason) {
        self.answers[reason as usize].increment();
    }

    /// How many answers were made for `reason`.
    pub fn answers(&self, reason: Reason) -> u64 {
        self.answers[reason as usize].get()
    }
}

#[cfg(test)]
mod tests;
