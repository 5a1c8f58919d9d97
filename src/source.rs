//! A directory of YAML, or a [`cluster`], as a stream of events.
//!
//! ```text
//!  inotify ─► watch ─► reads    when is a file read? (its writer closed or moved it)
//!               ├────► tree     which files are there? (links followed, each once)
//!               └────► yaml ─► manifest ─► files ─► decode ─► index::Event
//!                                          what do all files define together?
//! ```
//!
//! `yaml`, `manifest`, `files` and `reads` are pure: contents and time are passed in. A file that
//! no longer parses keeps its last good objects; one that loses most of them in place is given a
//! second; of two definitions of an object the first path in order counts.

pub mod cluster;
mod decode;
mod files;
mod follow;
mod manifest;
mod problem;
mod reads;
mod tree;
mod watch;
mod yaml;

pub use decode::{NotJudged, Reading, read};
pub use follow::{Source, follow};
pub use problem::{FilePath, Problem, ProblemKind};
