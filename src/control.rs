//! Batches events, runs them through the [`pipeline`], and publishes what comes of it.
//!
//! ```text
//!  source ─► batch ─► pipeline ─► delta ─► data plane
//!                        │ ▲                  │
//!                        │ └── acknowledged ──┘
//!                        └──► statuses, served ─► view (health, dumps)
//! ```

mod announce;
mod batch;
mod dump;
mod lead;
pub mod pipeline;
mod readiness;
mod replicas;
mod run;
mod served;
mod statuses;
mod view;
mod write;

pub use lead::Elector;
pub use readiness::NotReady;
pub use replicas::Peers;
pub use run::{Control, DataPlane, End};
pub use served::Report;
pub use view::View;
pub use write::{EventWriter, Events, InfraWriter, SelectionWriter, StatusQueue, StatusWriter};
