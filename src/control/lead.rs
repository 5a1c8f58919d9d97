//! Which replica leads: one that holds a Lease, as everywhere in Kubernetes.
//!
//! Clocks of different machines are never compared: who waits measures by its own clock for how
//! long a Lease has not changed, who leads for how long it has not renewed.

use crate::source::cluster::Client;
use crate::support::backoff::Backoff;
use crate::telemetry::Metrics;
use k8s_openapi::api::coordination::v1::{Lease, LeaseSpec};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{MicroTime, OwnerReference};
use kube::Api;
use kube::api::PostParams;
use kube::core::ObjectMeta;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::watch;
use tokio::time::{Instant, sleep, timeout};

/// A Lease that did not change for this long is nobody's any more.
const DURATION: Duration = Duration::from_secs(15);

/// Who could not renew for this long leads no more. Shorter than [`DURATION`] by enough that no
/// write that was begun before can arrive after somebody else began to lead.
const RENEW_WITHIN: Duration = Duration::from_secs(10);

/// Between two attempts to renew or to take the Lease.
const RETRY: Duration = Duration::from_secs(2);

/// For giving the Lease back.
const RELEASE: Duration = Duration::from_secs(2);

/// Takes part in the election.
pub struct Elector {
    api: Api<Lease>,
    name: String,
    identity: String,
    owner: Option<OwnerReference>,
    leads: watch::Sender<bool>,
    /// The Lease as it was last read, and since when it is like that.
    seen: Option<(LeaseSpec, Instant)>,
    /// When the last write that made or kept this the leader was begun.
    renewed: Option<Instant>,
    trouble: Option<Arc<str>>,
    metrics: Arc<Metrics>,
}

impl Elector {
    /// One who is for election under `identity`, which no other process may have. The receiver
    /// says at any time whether it leads.
    pub fn new(
        client: Client,
        namespace: &str,
        name: &str,
        identity: &str,
        metrics: Arc<Metrics>,
    ) -> (Self, watch::Receiver<bool>) {
        let (leads, receiver) = watch::channel(false);
        let elector = Self {
            api: Api::namespaced(client, namespace),
            name: name.to_owned(),
            identity: identity.to_owned(),
            owner: None,
            leads,
            seen: None,
            renewed: None,
            trouble: None,
            metrics,
        };
        (elector, receiver)
    }

    /// The Lease goes when this owner does: otherwise it would outlive an uninstalled release, whose
    /// pods may not give it back any more, and keep the next one's leader waiting.
    pub fn owned_by(mut self, owner: OwnerReference) -> Self {
        self.owner = Some(owner);
        self
    }

    /// Runs until `stop`, then gives the Lease back, so that another can lead at once.
    pub async fn run(mut self, stop: impl Future<Output = ()>) {
        let mut stop = pin!(stop);
        // One and the same time, but at random: replicas that start together come apart.
        let mut between = Backoff::new(RETRY, RETRY);
        loop {
            tokio::select! {
                () = &mut stop => break,
                () = self.turn() => {}
            }
            let wait = match self.renewed {
                Some(renewed) => between.wait().min((renewed + RENEW_WITHIN).duration_since(Instant::now())),
                None => between.wait(),
            };
            tokio::select! {
                () = &mut stop => break,
                () = sleep(wait) => {}
            }
        }
        let led = self.set(false);
        if led && !matches!(timeout(RELEASE, self.release()).await, Ok(Ok(()))) {
            tracing::warn!("the Lease {} could not be given back; it runs out by itself", self.name);
        }
    }

    async fn turn(&mut self) {
        let begun = Instant::now();
        // While it leads, an answer that comes later than this is of no use.
        let until = self.renewed.unwrap_or(begun) + RENEW_WITHIN;
        let trouble = match timeout(until.duration_since(begun), self.attempt()).await {
            Ok(Ok(leads)) => {
                self.renewed = leads.then_some(begun);
                None
            }
            Ok(Err(error)) => Some(error.to_string()),
            Err(_) => Some("the API server does not answer".to_owned()),
        };
        if self.renewed.is_some_and(|renewed| renewed.elapsed() >= RENEW_WITHIN) {
            self.renewed = None;
        }
        self.say(trouble.as_deref());
        let leads = self.renewed.is_some();
        if self.set(leads) != leads {
            tracing::info!("{} the leader", if leads { "is" } else { "is no longer" });
        }
    }

    /// Tells whether it leads, and returns whether it did.
    fn set(&self, leads: bool) -> bool {
        self.metrics.controller().leader.set(leads.into());
        // Who waits for a change is not woken by every renewal.
        let changed = self.leads.send_if_modified(|led| std::mem::replace(led, leads) != leads);
        if changed { !leads } else { leads }
    }

    /// Renews or takes the Lease, if it may be taken; whether it is held now.
    async fn attempt(&mut self) -> Result<bool, kube::Error> {
        let Some(mut lease) = self.api.get_opt(&self.name).await? else {
            let metadata = ObjectMeta { name: Some(self.name.clone()), ..ObjectMeta::default() };
            let lease = self.owned(Lease { metadata, spec: Some(self.claim(None)) });
            return won(self.api.create(&PostParams::default(), &lease).await);
        };
        let spec = lease.spec.take().unwrap_or_default();
        let now = Instant::now();
        let since = match &self.seen {
            Some((seen, since)) if *seen == spec => *since,
            _ => now,
        };
        self.seen = Some((spec.clone(), since));
        let lasts = spec.lease_duration_seconds.map_or(DURATION, seconds);
        let is_held = spec.holder_identity.as_ref().is_some_and(|holder| !holder.is_empty());
        if is_held && !self.holds(&spec) && now.duration_since(since) < lasts {
            return Ok(false);
        }
        lease.spec = Some(self.claim(Some(&spec)));
        // One that a former owner has left goes soon, if it is not this one's by then.
        let lease = self.owned(lease);
        // With the version that was read: of two who try, one wins.
        won(self.api.replace(&self.name, &PostParams::default(), &lease).await)
    }

    fn owned(&self, mut lease: Lease) -> Lease {
        if let Some(owner) = &self.owner {
            lease.metadata.owner_references = Some(vec![owner.clone()]);
        }
        lease
    }

    fn holds(&self, spec: &LeaseSpec) -> bool {
        spec.holder_identity.as_ref() == Some(&self.identity)
    }

    /// The Lease in this one's hands.
    fn claim(&self, before: Option<&LeaseSpec>) -> LeaseSpec {
        let now = MicroTime(jiff::Timestamp::now());
        let kept = before.filter(|before| self.holds(before));
        let transitions = before.and_then(|before| before.lease_transitions).unwrap_or(0);
        LeaseSpec {
            holder_identity: Some(self.identity.clone()),
            lease_duration_seconds: i32::try_from(DURATION.as_secs()).ok(),
            acquire_time: kept.and_then(|kept| kept.acquire_time.clone()).or_else(|| Some(now.clone())),
            renew_time: Some(now),
            lease_transitions: Some(transitions + i32::from(before.is_some() && kept.is_none())),
            ..LeaseSpec::default()
        }
    }

    async fn release(&self) -> Result<(), kube::Error> {
        let Some(mut lease) = self.api.get_opt(&self.name).await? else { return Ok(()) };
        if let Some(spec) = lease.spec.as_mut().filter(|spec| self.holds(spec)) {
            spec.holder_identity = Some(String::new());
            spec.lease_duration_seconds = Some(1);
            spec.renew_time = Some(MicroTime(jiff::Timestamp::now()));
            self.api.replace(&self.name, &PostParams::default(), &lease).await?;
        }
        Ok(())
    }

    /// Says a trouble once.
    fn say(&mut self, trouble: Option<&str>) {
        if let Some(why) = trouble
            && self.trouble.as_deref() != Some(why)
        {
            tracing::warn!("the Lease {} cannot be read or written: {why}", self.name);
        }
        self.trouble = trouble.map(Arc::from);
    }
}

/// Whether a write of the Lease was the first.
fn won(written: Result<Lease, kube::Error>) -> Result<bool, kube::Error> {
    match written {
        Ok(_) => Ok(true),
        Err(kube::Error::Api(status)) if status.code == 409 => Ok(false),
        Err(error) => Err(error),
    }
}

fn seconds(number: i32) -> Duration {
    Duration::from_secs(u64::try_from(number).unwrap_or(0))
}

#[cfg(test)]
mod tests;
