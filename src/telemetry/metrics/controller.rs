//! What the control half counts in a cluster.

use crate::telemetry::series::{Counter, Gauge, Live};
use std::sync::Arc;

/// How an attempt to write a status ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum StatusWrite {
    /// It is written.
    Written,
    /// Somebody else wrote meanwhile: it is tried again.
    Conflict,
    /// The API server did not take it or did not answer: it is tried again.
    Failed,
}

/// What became of an Event.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum EventWrite {
    /// It is written.
    Written,
    /// The API server did not take it.
    Failed,
    /// There were too many.
    Dropped,
}

/// What the control half counts in a cluster.
#[derive(Debug)]
pub struct ControllerMetrics {
    pub(super) status_writes: Live<(&'static str, StatusWrite), Counter>,
    events: [Counter; EventWrite::ALL.len()],
    pub(super) watch_restarts: Live<&'static str, Counter>,
    /// 1 while this process writes statuses, else 0.
    pub leader: Gauge,
}

impl StatusWrite {
    pub(super) fn as_str(self) -> &'static str {
        match self {
            Self::Written => "written",
            Self::Conflict => "conflict",
            Self::Failed => "failed",
        }
    }
}

impl EventWrite {
    pub(super) const ALL: [Self; 3] = [Self::Written, Self::Failed, Self::Dropped];

    pub(super) fn as_str(self) -> &'static str {
        match self {
            Self::Written => "written",
            Self::Failed => "failed",
            Self::Dropped => "dropped",
        }
    }
}

impl ControllerMetrics {
    pub(super) fn new() -> Self {
        Self {
            status_writes: Live::new(),
            events: Default::default(),
            watch_restarts: Live::new(),
            leader: Gauge::default(),
        }
    }

    /// The attempts to write statuses of this kind that ended like this.
    pub fn status_writes(&self, kind: &'static str, result: StatusWrite) -> Arc<Counter> {
        self.status_writes.resolve(&(kind, result))
    }

    /// The Events that this became of.
    pub fn events(&self, result: EventWrite) -> &Counter {
        &self.events[result as usize]
    }

    /// How often a watch of this kind broke and was begun anew.
    pub fn watch_restarts(&self, kind: &'static str) -> Arc<Counter> {
        self.watch_restarts.resolve(&kind)
    }
}
