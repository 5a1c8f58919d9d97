//! What the rest of the process sees of the control loop.

use super::dump;
use super::readiness::{Facts, NotReady};
use super::run::DataPlane;
use super::served::{Report, Served};
use super::statuses::{Known, Statuses};
use crate::model::Delta;
use crate::proxy::{BindFailures, WorkerState};
use crate::source::Problem;
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use tokio::sync::{mpsc, oneshot, watch};

/// Asks the loop for everything that is in force.
pub(super) type Ask = oneshot::Sender<Delta>;

/// Readiness, statuses and what is served, at any time and from any thread.
pub struct View {
    pub(super) state: Mutex<State>,
    draining: AtomicBool,
    plane: Arc<dyn DataPlane>,
    problems: watch::Receiver<Arc<BTreeSet<Problem>>>,
    failures: watch::Receiver<BindFailures>,
    asks: mpsc::Sender<Ask>,
}

/// What the loop keeps up to date.
pub(super) struct State {
    pub(super) served: Served,
    pub(super) statuses: Statuses,
    pub(super) first_version: Option<u64>,
}

impl View {
    pub(super) fn new(
        statuses: Statuses,
        plane: Arc<dyn DataPlane>,
        problems: watch::Receiver<Arc<BTreeSet<Problem>>>,
        asks: mpsc::Sender<Ask>,
    ) -> Self {
        let state = State { served: Served::default(), statuses, first_version: None };
        let failures = plane.bind_failures();
        Self { state: Mutex::new(state), draining: AtomicBool::new(false), plane, problems, failures, asks }
    }

    pub(super) fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn facts(&self) -> Facts {
        let state = self.state();
        Facts {
            first_version: state.first_version,
            acknowledged: state.served.version(),
            workers: self.plane.workers(),
            draining: self.draining.load(Ordering::Relaxed),
        }
    }

    /// Every reason not to send requests here; none if ready.
    pub fn not_ready(&self) -> Vec<NotReady> {
        self.facts().judge()
    }

    /// The process is on its way out: not ready from now on.
    pub fn begin_drain(&self) {
        self.draining.store(true, Ordering::Relaxed);
    }

    /// What changed since `cursor` in what every worker serves. A cursor of another `process` counts
    /// for nothing.
    pub fn served(&self, cursor: u64, process: Option<&str>) -> Report {
        self.state().served.since(cursor, process)
    }

    /// Everything that is in force, without private keys. `None` while the process ends.
    pub async fn config(&self) -> Option<Value> {
        let (ask, answer) = oneshot::channel();
        self.asks.send(ask).await.ok()?;
        let snapshot = answer.await.ok()?;
        tokio::task::spawn_blocking(move || dump::redacted(&snapshot)).await.ok()
    }

    /// The status of every object, and what is wrong beside that. Takes its time, but keeps the
    /// loop waiting only for a moment.
    pub fn status(&self) -> Value {
        let not_ready: Vec<_> = self.not_ready().iter().map(ToString::to_string).collect();
        let failures: BTreeMap<_, _> = self
            .failures
            .borrow()
            .iter()
            .map(|(at, failure)| (at.to_string(), failure.why.clone()))
            .collect();
        let problems = self.problems.borrow().clone();
        let workers: Vec<_> = self.plane.workers().iter().map(worker).collect();
        let (version, objects): (_, Vec<_>) = {
            let state = self.state();
            let served = |known: &Known| state.served.generation(&known.wanted.head.uid);
            let objects = state.statuses.all().map(|known| (known.clone(), served(known))).collect();
            (state.served.version(), objects)
        };
        let objects: Vec<_> = objects.iter().map(|(known, served)| known.to_json(*served)).collect();
        json!({
            "not_ready": not_ready,
            "version": version,
            "workers": workers,
            "objects": objects,
            "source_problems": &*problems,
            "cannot_listen": failures,
        })
    }
}

fn worker(worker: &WorkerState) -> Value {
    json!({
        "name": worker.name,
        "version": worker.version,
        "milliseconds_since_tick": worker.since_tick.as_millis(),
    })
}
