//! Nobody's request is lost while something changes.
//!
//! Each test disturbs one thing under load; with `LONG` set, for a minute each.
#![allow(missing_docs, unreachable_pub, reason = "a program of its own: nobody links to it")]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test ends by panicking")]

#[path = "../common/mod.rs"]
mod common;

mod bad_objects;
mod changes;
mod endpoints;
mod harness;
mod shutdown;
mod world;
