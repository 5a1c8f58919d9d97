//! Every object by its key, who refers to whom, and who must be looked at again.
//!
//! ```text
//!  Event ─► Index ─► Dirty
//!            ├ objects by kind and key, and those that could not be decoded
//!            ├ references: a Gateway's Secrets, a route's Services, grants by namespace …
//!            ├ EndpointSlices by Service
//!            └ Services by the XBackend for which they find the pods
//! ```
//!
//! Pure and synchronous: no client, task, clock or lock. Kinds arrive in any order; the state
//! after a set of events does not depend on it.

mod dirty;
mod endpoints;
mod event;
mod references;
mod served;
mod state;
#[cfg(test)]
pub(crate) mod testing;
mod xbackends;

pub use dirty::Dirty;
pub use event::{Broken, Event};
pub use references::Dependency;
pub use state::Index;
