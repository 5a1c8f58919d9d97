//! Whether requests may be sent here, and if not, why not.

use crate::proxy::WorkerState;
use std::fmt;
use std::time::Duration;

/// A worker that was not heard of for this long makes the process not ready: its share of the
/// new connections is not served.
pub(super) const WORKER_LATE: Duration = Duration::from_secs(5);

/// After this long it will not come back, and only a new process helps.
pub(super) const WORKER_LOST: Duration = Duration::from_secs(30);

/// One reason not to be ready.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum NotReady {
    /// Not every object that is there has been seen.
    NotListed,
    /// A worker does not yet serve what was there at the start.
    NotServed,
    /// A worker hangs.
    WorkerLate(String),
    /// The process is on its way out.
    Draining,
}

impl fmt::Display for NotReady {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotListed => f.write_str("not every kind of object has been listed"),
            Self::NotServed => f.write_str("not every worker serves what was listed"),
            Self::WorkerLate(name) => {
                write!(f, "{name} has not been heard of for more than {} s", WORKER_LATE.as_secs())
            }
            Self::Draining => f.write_str("draining"),
        }
    }
}

/// What readiness depends on.
#[derive(Clone, Debug, Default)]
pub(super) struct Facts {
    /// The version that held everything that was there at the start, once every kind was listed.
    pub(super) first_version: Option<u64>,
    /// The version that every worker serves.
    pub(super) acknowledged: u64,
    /// The workers.
    pub(super) workers: Vec<WorkerState>,
    /// Whether the drain has begun.
    pub(super) draining: bool,
}

impl Facts {
    /// Every reason not to be ready; none if ready.
    pub(super) fn judge(&self) -> Vec<NotReady> {
        let mut reasons = Vec::new();
        match self.first_version {
            None => reasons.push(NotReady::NotListed),
            // A later version on its way is no reason: what is served meanwhile is no worse.
            Some(first) if first > self.acknowledged => reasons.push(NotReady::NotServed),
            Some(_) => {}
        }
        let late = self.workers.iter().filter(|worker| worker.since_tick > WORKER_LATE);
        reasons.extend(late.map(|worker| NotReady::WorkerLate(worker.name.clone())));
        if self.draining {
            reasons.push(NotReady::Draining);
        }
        reasons
    }

    /// A worker that is lost for good.
    pub(super) fn lost_worker(&self) -> Option<&WorkerState> {
        self.workers.iter().find(|worker| worker.since_tick > WORKER_LOST)
    }
}

#[cfg(test)]
mod tests;
