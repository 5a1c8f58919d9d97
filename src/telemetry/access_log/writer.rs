//! The one thread that writes lines out.

use super::{Batch, Output};
use crate::telemetry::Metrics;
use std::fs::File;
use std::io::{self, Write};
use std::os::fd::AsFd;
use std::sync::mpsc::Receiver;

/// Opens an output for appending.
pub(super) fn open(output: &Output) -> io::Result<File> {
    match output {
        // Past the standard library's buffer, which would look for line ends in every batch.
        Output::Stdout => Ok(File::from(io::stdout().as_fd().try_clone_to_owned()?)),
        Output::File(path) => {
            File::options().append(true).create(true).open(path).map_err(|error| {
                io::Error::new(error.kind(), format!("access log {}: {error}", path.display()))
            })
        }
    }
}

/// Writes batches until every sender is gone. A batch that cannot be written is dropped and
/// counted: a full disk takes nothing from the requests.
pub(super) fn run(mut output: impl Write, batches: &Receiver<Batch>, metrics: &Metrics) {
    let mut failing = false;
    for batch in batches {
        match output.write_all(&batch.text) {
            Ok(()) => failing = false,
            Err(error) => {
                metrics.process().access_log_dropped_lines.add(batch.lines);
                if !failing {
                    tracing::error!(%error, "access log cannot be written, its lines are dropped");
                }
                failing = true;
            }
        }
    }
}
