//! The statuses.

use super::events::Events;
use super::queue::Queue;
use crate::api::gateway::ParentReference;
use crate::api::{Kind, ObjectId, Time};
use crate::source::cluster::Client;
use crate::status::{self, Body, Flip, Wanted};
use crate::support::backoff::Backoff;
use crate::telemetry::{Metrics, StatusWrite};
use futures::StreamExt;
use futures::stream::FuturesUnordered;
use kube::Api;
use kube::api::{Patch, PatchParams, PostParams};
use kube::core::DynamicObject;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};
use tokio::sync::{Notify, watch};
use tokio::time::sleep_until;

/// Objects that are written at the same time: enough that a slow answer holds nobody up, few
/// enough that a thousand routes are no storm.
const AT_ONCE: usize = 8;

/// After somebody else wrote first, or the API server did not answer.
const BACKOFF: Backoff = Backoff::new(Duration::from_millis(50), Duration::from_secs(10));

/// Objects without room in their status of which it is remembered that this was said.
const MAX_FULL: usize = 1024;

/// The owner of what is written by server-side apply.
const FIELD_MANAGER: &str = "tidegate";

/// What is to be written; a clone is the same queue.
#[derive(Clone)]
pub struct StatusQueue(Arc<Shared>);

struct Shared {
    queue: Mutex<Queue>,
    changed: Notify,
}

/// Writes what is in its queue, as long as this process leads.
pub struct StatusWriter {
    client: Client,
    controller_name: Arc<str>,
    leads: watch::Receiver<bool>,
    queue: StatusQueue,
    events: Events,
    metrics: Arc<Metrics>,
    /// Routes and policies by uid in whose status there is no room for all entries, with those that
    /// are left out.
    full: Mutex<BTreeMap<Arc<str>, Vec<ParentReference>>>,
    /// What was said of Ingresses, by uid.
    told: Mutex<BTreeMap<Arc<str>, Vec<Flip>>>,
}

/// What came of one attempt.
enum Outcome {
    /// There is nothing to write.
    Done,
    /// It is written.
    Written,
    /// Somebody else wrote meanwhile.
    Conflict,
    /// It may work later.
    Trouble(String),
}

impl StatusQueue {
    /// This status is wanted, and none that was wanted of the object before.
    pub fn put(&self, wanted: Arc<Wanted>) {
        self.lock().put(wanted);
        self.0.changed.notify_one();
    }

    /// Nothing is to be written for the object any more: it is gone, or has what is wanted.
    pub fn remove(&self, id: &ObjectId) {
        self.lock().remove(id);
    }

    fn lock(&self) -> MutexGuard<'_, Queue> {
        self.0.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl StatusWriter {
    /// A writer and its queue. While `leads` is false, what comes is dropped: every replica knows
    /// what is wanted, and whoever begins to lead puts it into the queue.
    pub fn new(
        client: Client,
        controller_name: Arc<str>,
        leads: watch::Receiver<bool>,
        events: Events,
        metrics: Arc<Metrics>,
    ) -> (Self, StatusQueue) {
        let shared = Shared { queue: Mutex::default(), changed: Notify::new() };
        let queue = StatusQueue(Arc::new(shared));
        let writer = Self {
            client,
            controller_name,
            leads,
            queue: queue.clone(),
            events,
            metrics,
            full: Mutex::default(),
            told: Mutex::default(),
        };
        (writer, queue)
    }

    /// Runs for ever.
    pub async fn run(self) {
        let mut writes = FuturesUnordered::new();
        loop {
            while writes.len() < AT_ONCE {
                let Some(wanted) = self.queue.lock().take(Instant::now()) else { break };
                writes.push(self.write(wanted));
            }
            let next = self.queue.lock().next();
            let rested = async {
                sleep_until(next?.into()).await;
                Some(())
            };
            tokio::select! {
                Some(id) = writes.next() => self.queue.lock().done(&id, Instant::now()),
                () = self.queue.0.changed.notified() => {}
                Some(()) = rested => {}
            }
        }
    }

    /// Attempts until it is done, each time what is wanted by then.
    async fn write(&self, mut wanted: Arc<Wanted>) -> ObjectId {
        let id = wanted.id.clone();
        let mut backoff = BACKOFF;
        let mut told = None;
        loop {
            match self.attempt(&wanted).await {
                Outcome::Done => return id,
                Outcome::Written => {
                    self.count(&id, StatusWrite::Written);
                    return id;
                }
                Outcome::Conflict => {
                    self.count(&id, StatusWrite::Conflict);
                    tracing::debug!("{id}: somebody else wrote at the same time");
                }
                Outcome::Trouble(why) => {
                    self.count(&id, StatusWrite::Failed);
                    if told.as_ref() != Some(&why) {
                        tracing::warn!("{id}: its status cannot be written, tried again: {why}");
                        told = Some(why);
                    }
                }
            }
            tokio::time::sleep(backoff.wait()).await;
            if let Some(newer) = self.queue.lock().newer(&id) {
                wanted = newer;
            }
        }
    }

    async fn attempt(&self, wanted: &Wanted) -> Outcome {
        if !self.leads() {
            return Outcome::Done;
        }
        let api = self.api(&wanted.id);
        let name = &*wanted.id.key.name;
        let object = match api.get_opt(name).await {
            Ok(Some(object)) => object,
            Ok(None) => return Outcome::Done,
            Err(error) => return Outcome::Trouble(error.to_string()),
        };
        // Of another object by that name, or of a newer state of this one, there will be another
        // verdict.
        let is_this = object.metadata.uid.as_deref() == Some(&*wanted.head.uid);
        if !is_this || object.metadata.generation > Some(wanted.head.generation) {
            return Outcome::Done;
        }
        let now = Time(jiff::Timestamp::now());
        let live = object.data.get("status").filter(|status| !status.is_null());
        let merged = match status::merge_json(wanted, live, &self.controller_name, &now) {
            Ok(Some(merged)) => merged,
            Ok(None) => return Outcome::Done,
            Err(error) => {
                tracing::warn!("{}: its status is left as it is, for it cannot be read: {error}", wanted.id);
                return Outcome::Done;
            }
        };
        self.tell_left_out(wanted, merged.left_out);
        let flips = match wanted.body.told() {
            [] => merged.flips,
            _ => {
                self.tell_news(wanted, merged.flips);
                Vec::new()
            }
        };
        if !merged.changed {
            return Outcome::Done;
        }
        // The answer may have taken long.
        if !self.leads() {
            return Outcome::Done;
        }
        match self.send(&api, wanted, object, merged.status).await {
            Ok(()) => {
                for flip in flips {
                    self.events.tell(&wanted.id, &wanted.head.uid, flip);
                }
                Outcome::Written
            }
            Err(kube::Error::Api(status)) if status.code == 409 => Outcome::Conflict,
            Err(kube::Error::Api(status)) if status.code == 404 => Outcome::Done,
            Err(error) => Outcome::Trouble(error.to_string()),
        }
    }

    /// Says what was not said before of an object whose status has no place for it.
    fn tell_news(&self, wanted: &Wanted, flips: Vec<Flip>) {
        let mut told = self.told.lock().unwrap_or_else(PoisonError::into_inner);
        // Those that are gone are not taken out one by one.
        if told.len() >= MAX_FULL {
            told.clear();
        }
        let uid = &wanted.head.uid;
        let before =
            if flips.is_empty() { told.remove(uid) } else { told.insert(uid.clone(), flips.clone()) };
        let before = before.unwrap_or_default();
        for flip in flips.into_iter().filter(|flip| !before.contains(flip)) {
            self.events.tell(&wanted.id, uid, flip);
        }
    }

    /// Says once for which parents a status has no room.
    fn tell_left_out(&self, wanted: &Wanted, left_out: Vec<ParentReference>) {
        let mut full = self.full.lock().unwrap_or_else(PoisonError::into_inner);
        if left_out.is_empty() {
            full.remove(&wanted.head.uid);
            return;
        }
        if full.get(&wanted.head.uid) == Some(&left_out) {
            return;
        }
        // Those that are gone are not taken out one by one.
        if full.len() >= MAX_FULL {
            full.clear();
        }
        let (list, entries) = match wanted.body {
            Body::Policy(_) => ("ancestors", "Gateways"),
            _ => ("parents", "parents"),
        };
        let message = format!(
            "status.{list} takes no more entries: {} of the {entries} that are Tidegate's are not in it",
            left_out.len()
        );
        full.insert(wanted.head.uid.clone(), left_out);
        tracing::warn!("{}: {message}", wanted.id);
        self.events.tell(&wanted.id, &wanted.head.uid, Flip { reason: "StatusFull", message });
    }

    fn count(&self, id: &ObjectId, result: StatusWrite) {
        self.metrics.controller().status_writes(id.kind.name(), result).increment();
    }

    /// Gateway API's lists are atomic, so the whole status is written, with the version that was
    /// read. Tidegate's own kinds have no other writer.
    async fn send(
        &self,
        api: &Api<DynamicObject>,
        wanted: &Wanted,
        mut object: DynamicObject,
        status: Value,
    ) -> Result<(), kube::Error> {
        let (kind, key) = (wanted.id.kind, &wanted.id.key);
        if kind == Kind::Upstream {
            let apply = json!({
                "apiVersion": kind.api_version(),
                "kind": kind.name(),
                // With the uid it is refused for a new object by the same name.
                "metadata": { "name": &*key.name, "namespace": &*key.namespace, "uid": &*wanted.head.uid },
                "status": status,
            });
            let parameters = PatchParams::apply(FIELD_MANAGER).force();
            return api.patch_status(&key.name, &parameters, &Patch::Apply(apply)).await.map(drop);
        }
        object.data["status"] = status;
        api.replace_status(&key.name, &PostParams::default(), &object).await.map(drop)
    }

    fn api(&self, id: &ObjectId) -> Api<DynamicObject> {
        let (resource, client) = (id.kind.resource(id.kind.version()), self.client.clone());
        if id.kind.namespaced() {
            Api::namespaced_with(client, &id.key.namespace, &resource)
        } else {
            Api::all_with(client, &resource)
        }
    }

    fn leads(&self) -> bool {
        *self.leads.borrow()
    }
}

#[cfg(test)]
mod tests;
