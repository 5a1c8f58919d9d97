//! Writing into the cluster: by the leader alone, and only what differs.
//!
//! ```text
//!  Wanted ─► queue ─► read the newest ─► status::merge_json ─► write ─► 409? once more
//!            the latest of each object        equal? done
//!
//!  Plan ─► infra: ports of the pods, Services, ServiceAccounts
//! ```

mod infra;
mod queue;
mod status;

pub use infra::InfraWriter;
pub use status::{StatusQueue, StatusWriter};
