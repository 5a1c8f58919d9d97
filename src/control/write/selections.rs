//! The Services that find the pods of XBackends.
//!
//! They are in namespaces of tenants, and a quota, an admission webhook or a role there can refuse one
//! for ever. So Gateways wait for none of them, each waits for its own next attempt, and who made the
//! XBackend is told.

use super::events::Events;
use super::objects::{ObjectWriter, is_going, place};
use crate::api::{Kind, ObjectId, Service};
use crate::infra::{Home, Plan, Selection, Wish, is_selecting};
use crate::source::cluster::Client;
use crate::status::Flip;
use crate::support::backoff::Backoff;
use kube::Api;
use kube::api::{ListParams, PostParams};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::watch;
use tokio::time::{Instant, sleep_until};

/// What was refused is most often refused again.
const REFUSED: Backoff = Backoff::new(Duration::from_secs(1), Duration::from_secs(120));

/// That the API server does not answer is nobody's fault: it is not waited for longer and longer.
const UNANSWERED: Duration = Duration::from_secs(2);

/// The API server forgets an Event after an hour, unless it is told otherwise.
const TOLD_AGAIN: Duration = Duration::from_secs(50 * 60);

const WHAT_TO_DO: &str =
    "It is tried again; mend the quota, the admission webhook or the role that the API server names";

/// Writes what XBackends want by the newest plan, as long as this process leads.
pub struct SelectionWriter {
    objects: ObjectWriter,
    plans: watch::Receiver<Option<Arc<Plan>>>,
    events: Events,
    /// By uid of the XBackend.
    failures: BTreeMap<Arc<str>, Failure>,
    /// Why the API server did not answer, as the log has it.
    unanswered: Option<String>,
}

/// What could not be written for an XBackend.
struct Failure {
    /// What it was to be: anything else is tried at once.
    wish: Wish,
    backoff: Backoff,
    again: Instant,
    /// What was told, and when its Event was.
    told: Option<(Refusal, Instant)>,
}

/// What the API server does not let be done.
#[derive(Clone, Debug, PartialEq)]
struct Refusal {
    reason: &'static str,
    message: String,
}

/// Why something is not written.
enum Trouble {
    Refused(Refusal),
    Unanswered(String),
}

impl SelectionWriter {
    /// A writer for the pods at home, which says in Events what is refused.
    pub fn new(
        client: Client,
        home: Home,
        plans: watch::Receiver<Option<Arc<Plan>>>,
        leads: watch::Receiver<bool>,
        events: Events,
    ) -> Self {
        let objects = ObjectWriter::new(client, home, leads);
        Self { objects, plans, events, failures: BTreeMap::new(), unanswered: None }
    }

    /// Runs until nobody plans any more.
    pub async fn run(mut self) {
        loop {
            let next = self.failures.values().map(|failure| failure.again).min();
            let pause = async {
                match next {
                    Some(next) => sleep_until(next).await,
                    None => std::future::pending().await,
                }
            };
            tokio::select! {
                changed = self.plans.changed() => if changed.is_err() { return },
                changed = self.objects.leads.changed() => if changed.is_err() { return },
                () = pause => {}
            }
            if !*self.objects.leads.borrow_and_update() {
                self.objects.written.clear();
                self.failures.clear();
                continue;
            }
            let Some(plan) = self.plans.borrow_and_update().clone() else { continue };
            self.write(&plan).await;
        }
    }

    /// Once one of a namespace failed, the others of that namespace come last: however many they are,
    /// another namespace waits for one attempt only.
    async fn write(&mut self, plan: &Plan) {
        self.forget(plan);
        let failed = |selection: &&Selection| self.failures.contains_key(&selection.uid);
        let mut refusing: BTreeSet<_> =
            plan.selections.iter().filter(failed).map(|selection| &selection.xbackend.namespace).collect();
        let mut last = Vec::new();
        for selection in &plan.selections {
            if refusing.contains(&selection.xbackend.namespace) {
                last.push(selection);
                continue;
            }
            if !self.is_current() {
                return;
            }
            if !self.attempt(selection).await {
                refusing.insert(&selection.xbackend.namespace);
            }
        }
        last.sort_by_key(|selection| self.failures.contains_key(&selection.uid));
        for selection in last {
            if !self.is_current() {
                return;
            }
            self.attempt(selection).await;
        }
        if self.failures.is_empty() {
            self.unanswered = None;
        }
    }

    /// Whether nobody planned anew since, and this process leads.
    fn is_current(&self) -> bool {
        matches!(self.plans.has_changed(), Ok(false)) && *self.objects.leads.borrow()
    }

    /// Writes what one XBackend wants, unless its time has not come. Returns whether nothing failed.
    async fn attempt(&mut self, selection: &Selection) -> bool {
        if self.failures.get(&selection.uid).is_some_and(|failure| failure.again > Instant::now()) {
            return false;
        }
        match self.select(selection).await {
            Ok(()) => {
                self.failures.remove(&selection.uid);
                true
            }
            Err(trouble) => {
                self.fail(selection, trouble);
                false
            }
        }
    }

    /// Forgets XBackends that are gone or want something else, and Services that are gone: names are
    /// new ones each time, and would become more and more.
    fn forget(&mut self, plan: &Plan) {
        let wishes: BTreeMap<_, _> =
            plan.selections.iter().map(|selection| (&*selection.uid, &selection.wish)).collect();
        self.failures.retain(|uid, failure| wishes.get(&**uid) == Some(&&failure.wish));
        let there = plan.selections.iter().flat_map(|selection| &selection.there);
        let there: BTreeSet<_> = there.map(|service| place(&**service)).collect();
        self.objects.written.retain(|place, _| there.contains(place));
    }

    fn fail(&mut self, selection: &Selection, trouble: Trouble) {
        let now = Instant::now();
        let failure = self.failures.entry(selection.uid.clone()).or_insert_with(|| Failure {
            wish: selection.wish.clone(),
            backoff: REFUSED,
            again: now,
            told: None,
        });
        let refusal = match trouble {
            Trouble::Refused(refusal) => refusal,
            Trouble::Unanswered(why) => {
                failure.again = now + UNANSWERED;
                if self.unanswered.as_ref() != Some(&why) {
                    tracing::warn!("what XBackends need cannot be written, tried again: {why}");
                    self.unanswered = Some(why);
                }
                return;
            }
        };
        failure.again = now + failure.backoff.wait();
        let before = failure.told.as_ref().filter(|(before, _)| *before == refusal);
        if before.is_none() {
            tracing::warn!("XBackend {}: {}", selection.xbackend, refusal.message);
        }
        if before.is_none_or(|(_, when)| now.duration_since(*when) >= TOLD_AGAIN) {
            let id = ObjectId { kind: Kind::XBackend, key: selection.xbackend.clone() };
            let flip = Flip { reason: refusal.reason, message: refusal.message.clone() };
            self.events.tell(&id, &selection.uid, flip);
            failure.told = Some((refusal, now));
        }
    }

    /// Makes what is there as it is wanted.
    async fn select(&mut self, selection: &Selection) -> Result<(), Trouble> {
        if let Some(edited) = selection.edit() {
            let edit = self.objects.apply(&edited).await;
            edit.map_err(|error| {
                let what =
                    format!("Its Service {} cannot be edited, and requests go where it leads", name(&edited));
                trouble("ServiceNotEdited", &what, &error)
            })?;
        } else if let Some(there) = selection.there.first().filter(|_| selection.wish != Wish::Nothing) {
            // Should somebody bend it, it is straightened again.
            self.objects.written.remove(&place(&**there));
        }
        if let Some(missing) = selection.missing() {
            self.make(missing, &selection.uid).await.map_err(|error| {
                let what = "The Service that finds its pods cannot be made, and until then requests get 503";
                trouble("ServiceNotMade", what, &error).about(name(missing))
            })?;
        }
        for surplus in selection.surplus() {
            self.objects.delete(&**surplus).await.map_err(|error| {
                let what =
                    format!("The Service {}, which it does not need, cannot be deleted", name(surplus));
                trouble("ServiceNotDeleted", &what, &error)
            })?;
        }
        Ok(())
    }

    /// Makes a Service with a name that the API server chooses. One can be there of which no watch has
    /// told yet, made by this process or by who led before: so it is asked for first.
    async fn make(&self, wanted: &Service, uid: &str) -> Result<(), kube::Error> {
        if !*self.objects.leads.borrow() {
            return Ok(());
        }
        let home = &self.objects.home;
        let metadata = &wanted.metadata;
        let namespace = metadata.namespace.as_deref().unwrap_or_default();
        let api: Api<Service> = Api::namespaced(self.objects.client.clone(), namespace);
        let labels = metadata.labels.iter().flatten().map(|(key, value)| format!("{key}={value}"));
        let ours = ListParams::default().labels(&labels.collect::<Vec<_>>().join(","));
        let there = api.list_metadata(&ours).await?;
        if there.iter().any(|one| is_selecting(home, &one.metadata, uid)) {
            return Ok(());
        }
        let parameters = PostParams { field_manager: Some(home.managed_by.clone()), ..PostParams::default() };
        match api.create(&parameters, wanted).await {
            Ok(_) => Ok(()),
            Err(kube::Error::Api(status)) if status.code == 404 || is_going(&status) => Ok(()),
            Err(error) => Err(error),
        }
    }
}

impl Trouble {
    /// In a refusal the API server has put something behind this beginning of a name, each time
    /// something else. Without that it is the same refusal each time.
    fn about(self, beginning: &str) -> Self {
        let Self::Refused(mut refusal) = self else { return self };
        let chosen = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit();
        let mut parts = refusal.message.split(beginning);
        let first = parts.next().unwrap_or_default().to_owned();
        refusal.message = parts.fold(first, |text, part| text + beginning + part.trim_start_matches(chosen));
        Self::Refused(refusal)
    }
}

fn trouble(reason: &'static str, what: &str, error: &kube::Error) -> Trouble {
    match error {
        kube::Error::Api(status) => {
            let message = format!("{what}. {WHAT_TO_DO}: {}", status.message);
            Trouble::Refused(Refusal { reason, message })
        }
        other => Trouble::Unanswered(other.to_string()),
    }
}

/// The name of a Service, or how it is to begin.
fn name(service: &Service) -> &str {
    let metadata = &service.metadata;
    metadata.name.as_deref().or(metadata.generate_name.as_deref()).unwrap_or_default()
}

#[cfg(test)]
mod tests;
