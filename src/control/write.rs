//! Writing into the cluster: by the leader alone, and only what differs.
//!
//! ```text
//!  Wanted ─► queue ─► read the newest ─► status::merge_json ─► write ─► 409? once more
//!            the latest of each object        equal? done
//! ```

mod queue;
mod status;

pub use status::{StatusQueue, StatusWriter};
