//! A worker's part of the access log.

use super::{Batch, Record};
use crate::telemetry::Metrics;
use crate::telemetry::timestamp::Timestamp;
use std::cell::{Cell, RefCell};
use std::sync::Arc;
use std::sync::mpsc::SyncSender;
use std::time::SystemTime;

/// A buffer of this size is handed over: large enough that a hand-over costs nothing per line.
const FULL: usize = 32 * 1024;
/// Room for the line that makes a buffer full, so that it seldom grows.
const CAPACITY: usize = FULL + 2 * 1024;

/// Takes the lines of one worker.
#[derive(Debug)]
pub struct WorkerLog {
    buffer: RefCell<Buffer>,
    lines: Cell<u64>,
    batches: Option<SyncSender<Batch>>,
    metrics: Arc<Metrics>,
}

#[derive(Debug)]
struct Buffer {
    text: Vec<u8>,
    now: Timestamp,
}

impl WorkerLog {
    pub(super) fn new(batches: Option<SyncSender<Batch>>, metrics: Arc<Metrics>) -> Self {
        Self {
            buffer: RefCell::new(Buffer { text: Vec::new(), now: Timestamp::new() }),
            lines: Cell::new(0),
            batches,
            metrics,
        }
    }

    /// Takes one line.
    pub fn write(&self, record: &Record<'_>) {
        self.write_at(record, SystemTime::now());
    }

    fn write_at(&self, record: &Record<'_>, now: SystemTime) {
        let full = {
            let buffer = &mut *self.buffer.borrow_mut();
            buffer.text.reserve(if buffer.text.capacity() == 0 { CAPACITY } else { 0 });
            record.write(&mut buffer.text, buffer.now.at(now));
            buffer.text.len() >= FULL
        };
        self.lines.set(self.lines.get() + 1);
        if full {
            self.flush();
        }
    }

    /// Hands over what there is, without waiting; to be called about every 200 ms.
    pub fn flush(&self) {
        let lines = self.lines.take();
        if lines == 0 {
            return;
        }
        let text = std::mem::take(&mut self.buffer.borrow_mut().text);
        let sent =
            self.batches.as_ref().is_some_and(|batches| batches.try_send(Batch { lines, text }).is_ok());
        if !sent {
            self.metrics.process().access_log_dropped_lines.add(lines);
        }
    }
}

/// The lines since the last tick are not lost when a worker ends.
impl Drop for WorkerLog {
    fn drop(&mut self) {
        self.flush();
    }
}
