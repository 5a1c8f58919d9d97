//! Tidegate: a Kubernetes Gateway API controller with an embedded hyper data plane.
//!
//! ```text
//!  kube watch ─┐                       ┌─► status (verdicts → conditions)
//!  directory ──┴► source ─► index ─► attach
//!                  events   objects  who joins whom, with verdicts
//!                                      └─► compile ─► model::Delta ═══► table ─► proxy ─► upstream ─► pod
//!                                                      THE SEAM          ▲ discovery (DNS)
//! ```
//!
//! The modules stand in the order of their dependencies: each uses only modules above it, and
//! `tests/layers.rs` holds them to it. `ARCHITECTURE.md` tells the whole.

pub mod support;

pub mod model;

pub mod api;

pub mod convert;

pub mod index;

pub mod infra;

pub mod attach;

pub mod compile;

pub mod status;

pub mod telemetry;

pub mod tls;

pub mod upstream;

pub mod discovery;

pub mod table;

pub mod proxy;

pub mod source;

pub mod control;

pub mod admin;

pub mod cli;
