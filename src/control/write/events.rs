//! Warnings about objects, for `kubectl describe`.
//!
//! An Event is a courtesy: it is told after its condition was written, waits for nothing, and is
//! dropped where there are too many.

use crate::api::ObjectId;
use crate::source::cluster::Client;
use crate::status::Flip;
use crate::support::backoff::Backoff;
use crate::telemetry::{EventWrite, Metrics};
use k8s_openapi::api::core::v1::ObjectReference;
use k8s_openapi::api::events::v1::Event;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::MicroTime;
use kube::Api;
use kube::api::PostParams;
use kube::core::ObjectMeta;
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::sync::mpsc;
use tokio::time::{Instant, sleep};

/// Events that may wait to be written.
const MAX_WAITING: usize = 1000;

/// Between two writes: a thousand routes that become bad together are no storm.
const BETWEEN: Duration = Duration::from_millis(20);

/// For one object so many may come at once, and then one each [`EACH`].
const BURST: u32 = 10;
const EACH: Duration = Duration::from_secs(60);

/// Objects of which is known how much was told. Of more than that some may have more told.
const MAX_OBJECTS: usize = 4096;

/// While the API server does not answer.
const BACKOFF: Backoff = Backoff::new(Duration::from_millis(200), Duration::from_secs(2));

/// How often one is tried.
const ATTEMPTS: usize = 3;

/// What the API takes in a note, in bytes.
const NOTE_LIMIT: usize = 1024;

/// What Tidegate was about when it noticed; the API demands one.
const ACTION: &str = "Reconcile";

/// What the API takes as name of an instance, in bytes.
const INSTANCE_LIMIT: usize = 128;

/// Where Events about objects without a namespace are.
const CLUSTER: &str = "default";

/// Where Events are told; a clone is the same place.
#[derive(Clone)]
pub struct Events {
    sender: mpsc::Sender<Told>,
    told: Arc<Mutex<Allowance>>,
    metrics: Arc<Metrics>,
}

/// Writes what is told.
pub struct EventWriter {
    client: Client,
    controller_name: Arc<str>,
    instance: Arc<str>,
    receiver: mpsc::Receiver<Told>,
    metrics: Arc<Metrics>,
    trouble: Option<String>,
}

struct Told {
    id: ObjectId,
    uid: Arc<str>,
    flip: Flip,
    time: MicroTime,
}

impl Events {
    /// Says a flip of the object with this uid, unless it said too much already. Returns at once.
    pub(super) fn tell(&self, id: &ObjectId, uid: &Arc<str>, flip: Flip) {
        let may = self.told.lock().unwrap_or_else(PoisonError::into_inner).take(uid, Instant::now());
        let time = MicroTime(jiff::Timestamp::now());
        let told = Told { id: id.clone(), uid: uid.clone(), flip, time };
        if !may || self.sender.try_send(told).is_err() {
            self.metrics.controller().events(EventWrite::Dropped).increment();
        }
    }
}

impl EventWriter {
    /// A writer in the name of a controller and of this instance of it, and where it is told.
    pub fn new(
        client: Client,
        controller_name: Arc<str>,
        instance: &str,
        metrics: Arc<Metrics>,
    ) -> (Self, Events) {
        let (sender, receiver) = mpsc::channel(MAX_WAITING);
        let events = Events { sender, told: Arc::default(), metrics: metrics.clone() };
        let instance = shortened(instance.to_owned(), INSTANCE_LIMIT).into();
        (Self { client, controller_name, instance, receiver, metrics, trouble: None }, events)
    }

    /// Runs until nobody tells any more.
    pub async fn run(mut self) {
        while let Some(told) = self.receiver.recv().await {
            let result = if self.write(told).await { EventWrite::Written } else { EventWrite::Failed };
            self.metrics.controller().events(result).increment();
            sleep(BETWEEN).await;
        }
    }

    async fn write(&mut self, told: Told) -> bool {
        let (namespace, event) = self.event(told);
        let api: Api<Event> = Api::namespaced(self.client.clone(), &namespace);
        let mut backoff = BACKOFF;
        for _ in 0..ATTEMPTS {
            match api.create(&PostParams::default(), &event).await {
                Ok(_) => {
                    self.trouble = None;
                    return true;
                }
                // The namespace is going, or it may not be written: another attempt ends alike.
                Err(kube::Error::Api(status)) if status.is_forbidden() || status.is_not_found() => {
                    self.say(status.message.clone());
                    return false;
                }
                Err(error) => self.say(error.to_string()),
            }
            sleep(backoff.wait()).await;
        }
        false
    }

    fn event(&self, told: Told) -> (String, Event) {
        let Told { id, uid, flip, time } = told;
        let namespace = if id.kind.namespaced() { id.key.namespace.to_string() } else { CLUSTER.to_owned() };
        // A name has 253 characters at most, and 18 are added.
        let name: String = id.key.name.chars().take(230).collect();
        let name = format!("{name}.{:016x}", fastrand::u64(..));
        let regarding = ObjectReference {
            api_version: Some(id.kind.api_version()),
            kind: Some(id.kind.name().to_owned()),
            namespace: id.kind.namespaced().then(|| id.key.namespace.to_string()),
            name: Some(id.key.name.to_string()),
            uid: Some(uid.to_string()),
            ..ObjectReference::default()
        };
        let event = Event {
            metadata: ObjectMeta {
                namespace: Some(namespace.clone()),
                name: Some(name),
                ..ObjectMeta::default()
            },
            type_: Some("Warning".to_owned()),
            reason: Some(flip.reason.to_owned()),
            note: Some(shortened(flip.message, NOTE_LIMIT)),
            action: Some(ACTION.to_owned()),
            regarding: Some(regarding),
            event_time: Some(time),
            reporting_controller: Some(self.controller_name.to_string()),
            reporting_instance: Some(self.instance.to_string()),
            ..Event::default()
        };
        (namespace, event)
    }

    /// Says a trouble once.
    fn say(&mut self, trouble: String) {
        if self.trouble.as_ref() != Some(&trouble) {
            tracing::warn!("an Event cannot be written: {trouble}");
            self.trouble = Some(trouble);
        }
    }
}

/// At most so many bytes.
fn shortened(mut text: String, limit: usize) -> String {
    if text.len() > limit {
        let end = (0..=limit - '…'.len_utf8()).rev().find(|at| text.is_char_boundary(*at));
        text.truncate(end.unwrap_or_default());
        text.push('…');
    }
    text
}

/// How much may be told of each object, by uid.
#[derive(Debug, Default)]
struct Allowance(BTreeMap<Arc<str>, Bucket>);

#[derive(Clone, Copy, Debug)]
struct Bucket {
    left: u32,
    /// When something was last added to what is left.
    since: Instant,
}

impl Bucket {
    fn refill(&mut self, now: Instant) {
        let more = u32::try_from(now.duration_since(self.since).as_secs() / EACH.as_secs()).unwrap_or(BURST);
        if more > 0 {
            self.left = BURST.min(self.left.saturating_add(more));
            self.since = now;
        }
    }
}

impl Allowance {
    /// Whether one more may be told.
    fn take(&mut self, uid: &Arc<str>, now: Instant) -> bool {
        if self.0.len() >= MAX_OBJECTS && !self.0.contains_key(uid) {
            self.0.values_mut().for_each(|bucket| bucket.refill(now));
            self.0.retain(|_, bucket| bucket.left < BURST);
            if self.0.len() >= MAX_OBJECTS {
                self.0.clear();
            }
        }
        let bucket = self.0.entry(uid.clone()).or_insert(Bucket { left: BURST, since: now });
        bucket.refill(now);
        let may = bucket.left > 0;
        bucket.left = bucket.left.saturating_sub(1);
        may
    }
}

#[cfg(test)]
mod tests;
