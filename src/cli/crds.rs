//! `tidegate crds`: what a cluster must know of Tidegate's own kinds.

use super::output;
use crate::api;
use std::process::ExitCode;

/// Prints the definitions, to be piped into `kubectl apply --server-side -f -`.
pub(super) fn run() -> Result<ExitCode, String> {
    let definitions = api::crds().map_err(|error| format!("cannot write the definitions: {error}"))?;
    let documents: Vec<_> = definitions.into_iter().map(|(_, yaml)| yaml).collect();
    output::print(&documents.join("---\n"))?;
    Ok(ExitCode::SUCCESS)
}
