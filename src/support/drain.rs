//! Telling everyone that the process stops, and waiting until they are done.
//!
//! A drain has phases that only go forward; see [`Phase`]. It is complete when every [`Hold`]
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
    /// Kept until somebody waits for the end, so that holds can be taken.
    alive: Option<mpsc::Sender<()>>,
    ended: mpsc::Receiver<()>,
}

/// Watches the drain without holding it up.
#[derive(Clone, Debug)]
pub struct Watch {
    phase: watch::Receiver<Phase>,
    alive: mpsc::WeakSender<()>,
}

/// Keeps the drain from being complete while it lives.
#[derive(Clone, Debug)]
pub struct Hold {
    _alive: Option<mpsc::Sender<()>>,
}

/// A drain and its first watcher.
pub fn channel() -> (Trigger, Watch) {
    let (phase_sender, phase) = watch::channel(Phase::Serving);
    let (sender, ended) = mpsc::channel(1);
    let alive = sender.downgrade();
    (Trigger { phase: phase_sender, alive: Some(sender), ended }, Watch { phase, alive })
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

    /// Returns when no hold is left. None that is taken later counts.
    pub async fn complete(&mut self) {
        self.alive = None;
        // Nobody sends: the channel only tells that the last sender was dropped.
        let _ = self.ended.recv().await;
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

    /// Keeps the drain from being complete.
    pub fn hold(&self) -> Hold {
        Hold { _alive: self.alive.upgrade() }
    }
}

#[cfg(test)]
mod tests;
