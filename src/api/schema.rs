//! Structural schemas, as the API server holds objects against them at admission: fields, types,
//! limits, defaults and the rules in CEL.
//!
//! What cannot be judged here is reported as such ([`Report::not_judged`]), never taken as right.

mod check;
mod combine;
mod defaults;
mod format;
mod kinds;
mod library;
mod node;
mod path;
mod rules;
mod unknown;

pub(super) use check::excerpt;
pub(super) use kinds::of;
pub use path::FieldError;
pub(super) use path::{Path, Report};
pub(super) use unknown::nearest;
