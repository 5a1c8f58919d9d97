//! The commands.

pub mod echo;
