//! Telling everyone that the process stops, and waiting until they are done.
//!
//! A drain has phases that only go forward; see [`Phase`]. It is complete when every [`Watch`]
//! was dropped.

use tokio::sync::{mpsc, watch};

/// How far the process is on its way out.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum Phase {
    /// Business as usual.
    #[default]
    Serving,
    /// Everything is served, but each answer asks the client to take another connection.
    Announcing,
    /// Idle connections are closed as well; new ones are still accepted.
    Closing,
    /// What is left is cut.
    Cutting,
}

/// The one that moves the drain forward.
#[derive(Debug)]
pub struct Trigger {
    phase: watch::Sender<Phase>,
    done: mpsc::Receiver<()>,
}

/// Watches the drain, and keeps it from being complete while it lives.
#[derive(Clone, Debug)]
pub struct Watch {
    phase: watch::Receiver<Phase>,
    _done: mpsc::Sender<()>,
}

/// A drain and its first watcher.
pub fn channel() -> (Trigger, Watch) {
    let (phase_sender, phase) = watch::channel(Phase::Serving);
    let (_done, done) = mpsc::channel(1);
    (Trigger { phase: phase_sender, done }, Watch { phase, _done })
}

impl Trigger {
    /// Moves to a later phase; an earlier one is ignored.
    pub fn advance(&self, to: Phase) {
        self.phase.send_if_modified(|phase| {
            let forward = to > *phase;
            if forward {
                *phase = to;
            }
            forward
        });
    }

    /// Returns when no watch is left.
    pub async fn complete(&mut self) {
        // Nobody sends: the channel only tells that the last sender was dropped.
        let _ = self.done.recv().await;
    }
}

impl Watch {
    /// The current phase.
    pub fn phase(&self) -> Phase {
        *self.phase.borrow()
    }

    /// Returns once the phase is at least `wanted`; also when the trigger is gone.
    pub async fn reached(&mut self, wanted: Phase) {
        let _ = self.phase.wait_for(|phase| *phase >= wanted).await;
    }
}
