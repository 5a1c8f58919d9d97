//! The watches that run, as [`Join`] wants them.

use super::follow::Follower;
use super::join::{Changes, Join};
use super::{MAX_WAITING, Referred, Scope, probe};
use crate::index::Event;
use crate::telemetry::Metrics;
use kube::Client;
use std::collections::BTreeMap;
use std::sync::Arc;
use tokio::sync::{mpsc, watch};
use tokio::task::AbortHandle;

/// What a watch told, with its number.
pub(super) type Told = (u64, Event);

/// Runs until nobody listens any more.
pub(super) async fn run(
    client: Client,
    scope: Scope,
    mut referred: watch::Receiver<Referred>,
    events: mpsc::Sender<Vec<Event>>,
    metrics: Arc<Metrics>,
) {
    let (told, mut receiver) = mpsc::channel(MAX_WAITING);
    let mut watches = Watches { client, told, metrics, running: BTreeMap::new() };
    let (mut join, changes) = Join::new(&scope);
    let (asked, mut served) = watch::channel(None);
    // It ends when `served` is dropped.
    tokio::spawn(probe::run(watches.client.clone(), asked));
    watches.follow(changes);
    loop {
        let (new, changes) = tokio::select! {
            () = events.closed() => return,
            // `watches` holds a sender: this never ends.
            Some((number, event)) = receiver.recv() => join.told(number, event),
            Ok(()) = served.changed() => match served.borrow_and_update().clone() {
                Some(served) => join.serves(served),
                None => continue,
            },
            Ok(()) = referred.changed() => join.refer(referred.borrow_and_update().clone()),
        };
        watches.follow(changes);
        if !new.is_empty() && events.send(new).await.is_err() {
            return;
        }
    }
}

/// One task a watch; all of them end with this.
struct Watches {
    client: Client,
    told: mpsc::Sender<Told>,
    metrics: Arc<Metrics>,
    running: BTreeMap<u64, AbortHandle>,
}

impl Watches {
    fn follow(&mut self, changes: Changes) {
        for number in changes.end {
            if let Some(task) = self.running.remove(&number) {
                task.abort();
            }
        }
        for (number, place) in changes.begin {
            let restarts = self.metrics.controller().watch_restarts(place.kind.name());
            let follower = Follower::new(number, place, self.client.clone(), self.told.clone(), restarts);
            self.running.insert(number, tokio::spawn(follower.run()).abort_handle());
        }
    }
}

impl Drop for Watches {
    fn drop(&mut self) {
        self.running.values().for_each(AbortHandle::abort);
    }
}
