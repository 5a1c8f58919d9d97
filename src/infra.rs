//! The objects that every Gateway needs in a cluster. Pure: objects and time in, objects out.
//!
//! ```text
//!  who wants which ports ─► ports    listener port → port of the pods, in one ConfigMap
//!  Gateway, its ports ────► objects  its Service in Tidegate's namespace, its ServiceAccount
//! ```
//!
//! A Service is only ever derived and never read back: whatever somebody writes into one, no
//! traffic of another Gateway follows.

mod objects;
mod ports;

pub use objects::{Home, Owned, service, service_account};
pub use ports::{Allocation, Claim, Given, Protocol};
