//! The objects that every Gateway needs in a cluster. Pure: objects and time in, objects out.
//!
//! ```text
//!  who wants which ports ─► ports    listener port → port of the pods, in one ConfigMap
//!  Gateway, its ports ────► objects  its Service in Tidegate's namespace, its ServiceAccount
//!  all Gateways ──────────► plan     all of these, and which of them are there
//!  its Service ───────────► address  by what clients reach it
//!  XBackend ──────────────► selection the Service in its namespace that finds its pods
//! ```
//!
//! A Service is only ever derived and never read back: whatever somebody writes into one, no
//! traffic of another Gateway follows.

mod address;
mod objects;
mod plan;
mod ports;
mod selection;

pub use address::{Address, addresses, cluster_addresses, has_family, is_balanced, is_reached_by_nodes};
#[cfg(test)]
pub(crate) use objects::testing as objects_for_tests;
pub use objects::{Home, other_type, service_name, service_type, without_cluster_ips};
pub use plan::{Member, Plan, mark, plan};
pub use ports::{Allocation, Claim};
pub use selection::{Selection, Wish, is_selecting, selecting};
