//! Writing into the cluster: by the leader alone, and only what differs.
//!
//! ```text
//!  Wanted ─► queue ─► read the newest ─► status::merge_json ─► write ─► 409? once more
//!            the latest of each object        equal? done              └─► events, of what became bad
//!
//!  Plan ─► infra: ports of the pods, Services, ServiceAccounts
//! ```

mod events;
mod infra;
mod queue;
mod status;

pub use events::{EventWriter, Events};
pub use infra::InfraWriter;
pub use status::{StatusQueue, StatusWriter};
