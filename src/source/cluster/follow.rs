//! One place, listed and watched for ever.

use super::decode;
use super::place::Place;
use super::run::Told;
use crate::api::Object;
use crate::index::{Broken, Event};
use crate::support::backoff::Backoff;
use crate::telemetry::Counter;
use futures::StreamExt;
use kube::core::DynamicObject;
use kube::runtime::watcher;
use kube::{Api, Client};
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::mpsc;

/// Between two attempts while the API server is away or does not know the kind. The longest is
/// short, for it is how stale everything is after the API server came back.
const BACKOFF: Backoff = Backoff::new(Duration::from_millis(200), Duration::from_secs(5));

/// So many times in a row the API server must not know a kind of which there were objects, before
/// they count as gone: one that just started may not know its CRDs yet.
const MISSES: u32 = 3;

/// The most that is asked for in one page, where the API server cannot stream the list.
const PAGE: u32 = 500;

/// Follows the objects of one place.
pub(super) struct Follower {
    number: u64,
    place: Place,
    client: Client,
    told: mpsc::Sender<Told>,
    /// How often a watch of this kind broke.
    restarts: Arc<Counter>,
    /// Which of [`Kind::versions`] is asked for.
    version: usize,
    /// Whether the API server can send the list by the watch itself.
    streams: bool,
    /// Whether the list is being received by a watch.
    receives_list: bool,
    /// What came of the list that is being received.
    listing: Vec<Result<Object, Broken>>,
    known: Known,
    /// Whether it was told what is there.
    answered: bool,
    backoff: Backoff,
    /// What the log has as the present trouble.
    trouble: Option<String>,
}

/// Whether the API server knows the kind.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Known {
    /// It has not answered yet.
    Unsaid,
    Yes,
    /// So many times in a row it did not, but it did before.
    Doubted(u32),
    No,
}

/// What to do after an error.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum After {
    /// The watcher goes on where it was, after a while.
    Wait,
    /// Listed anew, after a while.
    WaitAndRestart,
    /// Listed anew at once.
    Restart,
}

impl Follower {
    /// What it tells it tells under this number.
    pub(super) fn new(
        number: u64,
        place: Place,
        client: Client,
        told: mpsc::Sender<Told>,
        restarts: Arc<Counter>,
    ) -> Self {
        Self {
            number,
            place,
            client,
            told,
            restarts,
            version: 0,
            streams: true,
            receives_list: true,
            listing: Vec::new(),
            known: Known::Unsaid,
            answered: false,
            backoff: BACKOFF,
            trouble: None,
        }
    }

    /// Returns when nobody listens any more.
    pub(super) async fn run(mut self) {
        let told = self.told.clone();
        tokio::select! {
            () = self.follow() => {}
            () = told.closed() => {}
        }
    }

    async fn follow(&mut self) {
        loop {
            let mut stream = pin!(watcher(self.api(), self.config()));
            while let Some(next) = stream.next().await {
                let after = match next {
                    Ok(event) => {
                        let Some(event) = self.event(event) else { continue };
                        self.works();
                        self.tell(event).await;
                        continue;
                    }
                    Err(error) => self.failed(&error).await,
                };
                if after != After::Restart {
                    tokio::time::sleep(self.backoff.wait()).await;
                }
                if after != After::Wait {
                    break;
                }
            }
        }
    }

    fn api(&self) -> Api<DynamicObject> {
        let kind = self.place.kind;
        let (resource, client) = (kind.resource(kind.versions()[self.version]), self.client.clone());
        match &self.place.namespace {
            Some(namespace) => Api::namespaced_with(client, namespace, &resource),
            None => Api::all_with(client, &resource),
        }
    }

    fn config(&self) -> watcher::Config {
        let config = watcher::Config::default();
        let config = if self.streams { config.streaming_lists() } else { config.page_size(PAGE) };
        match self.place.fields() {
            Some(fields) => config.fields(&fields),
            None => config,
        }
    }

    async fn tell(&mut self, event: Event) {
        self.answered |= matches!(event, Event::Reset { .. });
        // Nobody listens any more: that is noticed elsewhere.
        let _ = self.told.send((self.number, event)).await;
    }

    /// These are all objects of the place.
    fn reset(&self, objects: Vec<Result<Object, Broken>>) -> Event {
        Event::Reset { kind: self.place.kind, namespace: self.place.namespace.clone(), objects }
    }

    /// What the index is told. A list is told as a whole: who is not in it is gone.
    fn event(&mut self, event: watcher::Event<DynamicObject>) -> Option<Event> {
        let kind = self.place.kind;
        match event {
            watcher::Event::Init => {
                self.receives_list = true;
                self.listing.clear();
                None
            }
            watcher::Event::InitApply(object) => {
                self.listing.push(decode::object(kind, object));
                None
            }
            watcher::Event::InitDone => {
                self.receives_list = false;
                let objects = std::mem::take(&mut self.listing);
                Some(self.reset(objects))
            }
            watcher::Event::Apply(object) => Some(match decode::object(kind, object) {
                Ok(object) => Event::Apply(object),
                Err(broken) => Event::Broken(broken),
            }),
            // By its name alone: whether it can be understood does not matter any more.
            watcher::Event::Delete(object) => Some(Event::Delete(decode::id(kind, &object))),
        }
    }

    fn works(&mut self) {
        self.backoff.reset();
        if self.trouble.take().is_some() {
            let again = if self.known == Known::No { "" } else { " again" };
            tracing::info!("{} is followed{again}", self.place);
        }
        self.known = Known::Yes;
    }

    async fn failed(&mut self, error: &watcher::Error) -> After {
        use watcher::Error::{InitialListFailed, WatchError, WatchStartFailed};
        let (code, starting) = match error {
            InitialListFailed(kube::Error::Api(status)) | WatchStartFailed(kube::Error::Api(status)) => {
                (status.code, true)
            }
            WatchError(status) => (status.code, self.receives_list),
            _ => (0, false),
        };
        match code {
            404 if starting => return self.unknown().await,
            // "sendInitialEvents is forbidden": before Kubernetes 1.34 it may be switched off. Where
            // the storage cannot do its part (etcd 3.4), the watch itself ends with 500.
            400 | 422 | 500 if starting && self.streams => {
                self.streams = false;
                return After::Restart;
            }
            _ => self.restarts.increment(),
        }
        match code {
            403 => {
                self.says(format!(
                    "not permitted to list and watch {}: {}",
                    self.resource(),
                    sentence(error)
                ));
                // A role may leave out this one name, or this one kind: that keeps nothing else waiting.
                if (self.place.name.is_some() || self.place.kind.is_optional()) && !self.answered {
                    self.tell(self.reset(Vec::new())).await;
                }
            }
            _ => self.says(sentence(error)),
        }
        // The watcher begins anew by itself where the API server ends a watch like this, but not
        // where it does not even begin one.
        if code == 410 && starting { After::WaitAndRestart } else { After::Wait }
    }

    /// The API server does not know the kind, at least not in this version.
    async fn unknown(&mut self) -> After {
        self.version = (self.version + 1) % self.place.kind.versions().len();
        if self.version != 0 {
            return After::Restart;
        }
        let before = self.known;
        self.known = match before {
            Known::Unsaid | Known::No => Known::No,
            Known::Yes => Known::Doubted(1),
            Known::Doubted(times) if times + 1 < MISSES => Known::Doubted(times + 1),
            Known::Doubted(_) => Known::No,
        };
        self.says(format!(
            "the API server does not know {}: its CRD is not installed; looked for again every few seconds",
            self.resource()
        ));
        if self.known == Known::No && before != Known::No {
            self.tell(self.reset(Vec::new())).await;
        }
        After::WaitAndRestart
    }

    fn resource(&self) -> String {
        let (plural, group) = (self.place.kind.plural(), self.place.kind.group());
        if group.is_empty() { plural.to_owned() } else { format!("{plural}.{group}") }
    }

    /// Says a trouble once.
    fn says(&mut self, trouble: String) {
        if self.trouble.as_ref() != Some(&trouble) {
            tracing::warn!("{}: {trouble}", self.place);
            self.trouble = Some(trouble);
        }
    }
}

fn sentence(error: &watcher::Error) -> String {
    match error {
        watcher::Error::WatchError(status) => status.message.clone(),
        watcher::Error::InitialListFailed(kube::Error::Api(status))
        | watcher::Error::WatchStartFailed(kube::Error::Api(status)) => status.message.clone(),
        other => other.to_string(),
    }
}
