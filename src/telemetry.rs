//! Metrics, the access log, and what spans are made of.
//!
//! Everything that is looked up by name is looked up once, when a table is published: the request
//! path holds handles ([`RouteMetrics`] …) and adds to atomics. The access log is written by one
//! thread that takes whole batches from the workers.

mod access_log;
mod json;
mod metrics;
pub mod otlp;
mod series;
mod timestamp;
pub mod trace_context;

pub use access_log::{AccessLog, FIELDS, InvalidMode, Mode, Output, Record, Sampler, WorkerLog};
pub use metrics::{
    CONTENT_TYPE, ControllerMetrics, DatagramDrop, DatagramMetrics, EventWrite, ListenerMetrics, Metrics,
    MirrorDrop, MirrorMetrics, ProcessMetrics, RouteMetrics, SpanDrop, StatusWrite, TraceMetrics,
    UpstreamMetrics,
};
pub use series::{Counter, Gauge, Histogram};
