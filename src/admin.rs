//! Health, readiness, metrics and dumps over HTTP.

mod pages;
mod server;

pub use server::{ListenError, Socket};

use crate::control::View;
use crate::telemetry::Metrics;
use pages::{Debug, Health};
use std::sync::Arc;

/// Answers `/healthz`, `/readyz`, `/metrics` and `/served` for ever.
pub async fn serve_health(socket: Socket, view: Arc<View>, metrics: Arc<Metrics>) {
    socket.serve(Arc::new(Health { view, metrics })).await;
}

/// Answers `/debug/config` and `/debug/status` for ever. What they show is for operators only.
pub async fn serve_debug(socket: Socket, view: Arc<View>) {
    socket.serve(Arc::new(Debug { view })).await;
}
