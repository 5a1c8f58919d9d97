//! Writing into the cluster: by the leader alone, and only what differs.
//!
//! ```text
//!  Wanted ─► queue ─► read the newest ─► status::merge_json ─► write ─► 409? once more
//!            the latest of each object        equal? done              └─► events, of what became bad
//!
//!  Plan ─► infra: ports of the pods, Services, ServiceAccounts
//!      └─► selections: the Services of XBackends; what is refused ─► events
//! ```

mod events;
mod infra;
mod objects;
mod queue;
mod selections;
mod status;

pub use events::{EventWriter, Events};
pub use infra::InfraWriter;
pub use selections::SelectionWriter;
pub use status::{StatusQueue, StatusWriter};
