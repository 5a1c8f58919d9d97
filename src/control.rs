//! Batches events, runs them through the [`pipeline`], and publishes what comes of it.

pub mod pipeline;
