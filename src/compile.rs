//! From attachments to [`crate::model::Delta`]: what changed against what was sent.
//!
//! ```text
//!  Changes ─► listeners ─► certificates        each resource is sent while something uses it:
//!         └─► routes ─► upstreams ─► endpoints  listeners and routes their upstreams, these their endpoints
//! ```

mod hold;
mod run;
mod sent;

pub use run::{Compiled, Compiler, Input};
