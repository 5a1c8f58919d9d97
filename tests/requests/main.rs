//! Requests over the wire: what reaches the backend, and what comes back.
#![allow(missing_docs, unreachable_pub, reason = "a program of its own: nobody links to it")]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test ends by panicking")]

#[path = "../common/mod.rs"]
mod common;

mod answering;
mod backend_certificates;
mod backend_tls;
mod bodies;
mod client_certificates;
mod cors;
mod datagrams;
mod external_auth;
mod failures;
mod filters;
mod grpc;
mod headers;
mod hostile_http1;
mod hostile_http2;
mod ingress;
mod limits;
mod listener_filters;
mod listener_sets;
mod mirrors;
mod parameters;
mod paths;
mod retries;
mod retry_budgets;
mod routing;
mod sessions;
mod streams;
mod telemetry;
mod timeouts;
mod tls;
mod tracing;
mod upgrades;
mod weights;
mod xbackends;
