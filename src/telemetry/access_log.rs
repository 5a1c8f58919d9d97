//! One JSON line a request: which of Tidegate's objects served it, how, and how long it took.
//!
//! A worker writes lines into a buffer of its own and hands it over, full or with its next tick,
//! to the one thread that writes them out. No worker ever waits for a slow disk or reader: when
//! the thread cannot keep up, whole buffers are dropped and their lines counted.

mod mode;
mod record;
mod worker;
mod writer;

pub use mode::{InvalidMode, Mode, Sampler};
pub use record::{FIELDS, Record};
pub use worker::WorkerLog;

use crate::telemetry::Metrics;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel};
use std::time::Duration;

/// How many full buffers may wait for the writer: about 2 MiB, a fraction of a second at full load.
const WAITING_BATCHES: usize = 64;

/// Where the lines go.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Output {
    /// Standard output.
    Stdout,
    /// A file, made if it is not there and appended to.
    File(PathBuf),
}

/// Lines on their way to the writer.
#[derive(Debug)]
struct Batch {
    lines: u64,
    text: Vec<u8>,
}

/// The access log of the process. Dropping it does not lose lines that workers handed over, but
/// only [`AccessLog::close`] waits until they are written.
#[derive(Debug)]
pub struct AccessLog {
    metrics: Arc<Metrics>,
    /// `None` for a log that takes no line: then there is no writer.
    batches: Option<SyncSender<Batch>>,
    /// Disconnected when the writer has ended.
    ended: Receiver<()>,
}

impl AccessLog {
    /// Opens the output and starts the writer.
    ///
    /// # Errors
    /// The output cannot be opened, or no thread can be started.
    pub fn start(output: &Output, metrics: Arc<Metrics>) -> std::io::Result<Self> {
        Self::write_to(writer::open(output)?, metrics)
    }

    /// A log that takes no line.
    pub fn off(metrics: Arc<Metrics>) -> Self {
        let (_, ended) = sync_channel(0);
        Self { metrics, batches: None, ended }
    }

    fn write_to(
        output: impl std::io::Write + Send + 'static,
        metrics: Arc<Metrics>,
    ) -> std::io::Result<Self> {
        let (batches, received) = sync_channel(WAITING_BATCHES);
        let (end, ended) = sync_channel(0);
        let counted = metrics.clone();
        std::thread::Builder::new().name("access-log".to_owned()).spawn(move || {
            writer::run(output, &received, &counted);
            drop(end);
        })?;
        Ok(Self { metrics, batches: Some(batches), ended })
    }

    /// The part of one worker, to be made on its thread or moved there.
    pub fn worker(&self) -> WorkerLog {
        WorkerLog::new(self.batches.clone(), self.metrics.clone())
    }

    /// Waits until everything that was handed over is written, at most `limit`. Every
    /// [`WorkerLog`] must have been dropped before: the writer ends with the last of them.
    /// Tells whether it ended in time.
    pub fn close(self, limit: Duration) -> bool {
        drop(self.batches);
        self.ended.recv_timeout(limit) != Err(RecvTimeoutError::Timeout)
    }
}

#[cfg(test)]
mod tests;
