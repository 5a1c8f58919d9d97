//! The loop: events in, versions out, and back what the workers make of them.

use super::announce::{self, Sockets};
use super::batch::Batch;
use super::pipeline::{Options, Pipeline};
use super::replicas::Peers;
use super::replicas::poll::{self, Answer, Link};
use super::statuses::Statuses;
use super::view::{Ask, View};
use super::write::StatusQueue;
use crate::api::Time;
use crate::index::Event;
use crate::infra::Plan;
use crate::model::{BindAddress, Delta, Resource};
use crate::proxy::{BindFailures, Proxy, WorkerState};
use crate::source::Source;
use crate::source::cluster::Referred;
use crate::status::Wanted;
use crate::telemetry::Metrics;
use std::collections::BTreeSet;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::sync::{mpsc, watch};
use tokio::time::{MissedTickBehavior, interval};

/// How often the workers are looked after, and how exactly one that hangs is noticed.
const LOOK_AFTER: Duration = Duration::from_secs(1);

/// How often an address that cannot be listened on is tried again.
const RETRY_BINDS: Duration = Duration::from_secs(5);

/// The part of the proxy that the loop needs.
pub trait DataPlane: Send + Sync + 'static {
    /// Serves a delta.
    fn publish(&self, delta: Delta);
    /// The version that every worker serves.
    fn acknowledged(&self) -> watch::Receiver<u64>;
    /// The addresses that cannot be listened on, and why; up to date when `publish` returns.
    fn bind_failures(&self) -> watch::Receiver<BindFailures>;
    /// Tries those again.
    fn retry_binds(&self);
    /// How the workers are.
    fn workers(&self) -> Vec<WorkerState>;
}

impl DataPlane for Proxy {
    fn publish(&self, delta: Delta) {
        self.publish(delta);
    }

    fn acknowledged(&self) -> watch::Receiver<u64> {
        self.acknowledged()
    }

    fn bind_failures(&self) -> watch::Receiver<BindFailures> {
        self.bind_failures()
    }

    fn retry_binds(&self) {
        self.retry_binds();
    }

    fn workers(&self) -> Vec<WorkerState> {
        self.workers()
    }
}

/// Why the loop ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum End {
    /// At the start these addresses could not be listened on: others listen there, or none was left.
    CannotListen(BindFailures),
    /// This worker hangs and will not come back.
    WorkerLost(String),
}

/// The control loop.
pub struct Control {
    pipeline: Pipeline,
    batch: Batch,
    /// Ends when nothing more will come.
    events: Option<mpsc::Receiver<Vec<Event>>>,
    plane: Arc<dyn DataPlane>,
    acknowledged: watch::Receiver<u64>,
    failures: watch::Receiver<BindFailures>,
    /// Those that the pipeline knows of.
    told_failures: BindFailures,
    sockets: Sockets,
    said_ready: bool,
    step_deadline: Option<Instant>,
    asks: mpsc::Receiver<Ask>,
    metrics: Arc<Metrics>,
    view: Arc<View>,
    /// Where the source is told what to follow by name.
    referred: Option<watch::Sender<Referred>>,
    writing: Option<Writing>,
}

/// Where that goes which is written into a cluster.
struct Writing {
    queue: StatusQueue,
    plans: watch::Sender<Option<Arc<Plan>>>,
    /// Whether this process leads.
    leads: watch::Receiver<bool>,
    /// By what the other replicas are found, whom a leader asks what they serve.
    peers: Peers,
    link: Link,
}

impl Control {
    /// A loop that serves what the source tells, by the proxy.
    pub fn new(source: Source, plane: Arc<dyn DataPlane>, options: Options, metrics: Arc<Metrics>) -> Self {
        let (asks_sender, asks) = mpsc::channel(1);
        let statuses = Statuses::new(options.decisions.controller_name.clone());
        let view = View::new(statuses, plane.clone(), source.problems, asks_sender);
        let mut pipeline = Pipeline::new(options);
        if source.referred.is_some() {
            pipeline.ask_by_name();
        }
        Self {
            pipeline,
            batch: Batch::default(),
            events: Some(source.events),
            acknowledged: plane.acknowledged(),
            failures: plane.bind_failures(),
            plane,
            told_failures: BindFailures::new(),
            sockets: Sockets::default(),
            said_ready: false,
            step_deadline: None,
            asks,
            metrics,
            view: Arc::new(view),
            referred: source.referred,
            writing: None,
        }
    }

    /// Has statuses and what Gateways need written into a cluster, whenever this process leads. Runs
    /// tasks in the current runtime.
    pub fn writing(
        mut self,
        queue: StatusQueue,
        plans: watch::Sender<Option<Arc<Plan>>>,
        leads: watch::Receiver<bool>,
        peers: Peers,
    ) -> Self {
        let link = poll::start();
        self.writing = Some(Writing { queue, plans, leads, peers, link });
        self
    }

    /// Says on which addresses the node of this pod is reached.
    pub fn on_node(mut self, addresses: BTreeSet<IpAddr>) -> Self {
        self.view.state().served.nodes.clone_from(&addresses);
        self.pipeline.set_nodes(addresses);
        self
    }

    /// What others may see of it.
    pub fn view(&self) -> Arc<View> {
        self.view.clone()
    }

    /// Runs until something cannot be mended.
    pub async fn run(mut self) -> End {
        let mut look_after = interval(LOOK_AFTER);
        look_after.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut retry_binds = interval(RETRY_BINDS);
        retry_binds.set_missed_tick_behavior(MissedTickBehavior::Delay);
        self.lead();
        loop {
            let wake = self.batch.due().into_iter().chain(self.step_deadline).min();
            let mut acted = true;
            tokio::select! {
                events = next(&mut self.events) => {
                    self.batch.add(events, now());
                    acted = false;
                }
                _ = self.acknowledged.changed() => self.take_acknowledged(),
                _ = self.failures.changed() => self.take_failures(),
                () = sleep_until(wake) => acted = false,
                Some(ask) = self.asks.recv() => {
                    let _ = ask.send(self.pipeline.snapshot());
                    acted = false;
                }
                other = of_others(&mut self.writing) => match other {
                    Other::Leads => self.lead(),
                    Other::Serves((name, report)) => self.pipeline.replica_answered(&name, report, now()),
                },
                _ = look_after.tick() => {
                    if let Some(worker) = self.view.facts().lost_worker() {
                        return End::WorkerLost(worker.name.clone());
                    }
                    acted = false;
                }
                _ = retry_binds.tick(), if !self.told_failures.is_empty() => {
                    self.plane.retry_binds();
                    acted = false;
                }
            }
            let now = now();
            let due = self.batch.take_due(now);
            if (acted || due.is_some() || self.step_deadline.is_some_and(|deadline| deadline <= now))
                && let Some(end) = self.step(due.unwrap_or_default(), now)
            {
                return end;
            }
        }
    }

    fn step(&mut self, events: Vec<Event>, now: Instant) -> Option<End> {
        let step = self.pipeline.step(events, now);
        self.step_deadline = step.next_deadline;
        self.refer();
        self.write(&step.statuses);
        if let Some(writing) = &self.writing {
            step.gone.iter().for_each(|id| writing.queue.remove(id));
            if let Some(plan) = step.plan {
                writing.plans.send_replace(Some(plan));
            }
            let poll = self.pipeline.poll(now);
            writing.link.plan.send_if_modified(|known| {
                let differs = *known != poll;
                *known = poll;
                differs
            });
        }
        let version = self.pipeline.version();
        let is_first = self.pipeline.is_listed() && self.view.state().first_version.is_none();
        let (time, view) = (Time(jiff::Timestamp::now()), self.view.clone());
        let lines = {
            let mut state = view.state();
            state.served.published(version, step.served);
            if is_first {
                state.first_version = Some(version);
            }
            state.statuses.update(step.statuses, &step.gone, &time)
        };
        for line in lines {
            if line.bad {
                tracing::warn!("{}", line.text);
            } else {
                tracing::info!("{}", line.text);
            }
        }
        let delta = step.delta?;
        tracing::info!(version, "{}", announce::describe(&delta));
        let sockets = self.sockets.follow(&delta);
        let wanted = wanted_sockets(&delta);
        self.plane.publish(delta);
        let failures = self.failures.borrow();
        if is_first && keeps_from_starting(&failures, &wanted) {
            return Some(End::CannotListen(failures.clone()));
        }
        sockets.iter().for_each(|line| tracing::info!("{line}"));
        None
    }

    fn refer(&self) {
        let (Some(sender), Some(ids)) = (&self.referred, self.pipeline.referred()) else { return };
        sender.send_if_modified(|known| {
            let differs = !known.complete || known.ids != *ids;
            if differs {
                *known = Referred { ids: ids.clone(), complete: true };
            }
            differs
        });
    }

    /// Another process leads from now on, perhaps this one.
    fn lead(&mut self) {
        let Some(writing) = &mut self.writing else { return };
        let leads = *writing.leads.borrow_and_update();
        self.pipeline.lead(leads.then(|| writing.peers.clone()), now());
        if leads {
            self.write(self.pipeline.settled());
        }
    }

    /// Has those written that are not there already. What others know to be there is never read:
    /// a leader that is new in a cluster where nothing changed asks nothing.
    fn write<'a>(&self, statuses: impl IntoIterator<Item = &'a Arc<Wanted>>) {
        let Some(Writing { queue, .. }) = &self.writing else { return };
        for wanted in statuses {
            if !wanted.body.is_written() || self.pipeline.is_written(wanted) {
                queue.remove(&wanted.id);
            } else {
                queue.put(wanted.clone());
            }
        }
    }

    fn take_acknowledged(&mut self) {
        let version = *self.acknowledged.borrow_and_update();
        self.pipeline.acknowledged(version);
        self.view.state().served.acknowledged(version);
        self.metrics.process().config_version.set(version);
        tracing::debug!(version, "served by every worker");
        if !std::mem::replace(&mut self.said_ready, true) {
            tracing::info!(version, "ready: every worker serves what was there at the start");
        }
    }

    fn take_failures(&mut self) {
        let failures = self.failures.borrow_and_update().clone();
        for (address, failure) in &failures {
            if self.told_failures.get(address) != Some(failure) {
                tracing::error!(
                    "cannot listen on {address}: {}; tried again every {} s",
                    failure.why,
                    RETRY_BINDS.as_secs()
                );
                self.pipeline.bind_failed(*address, failure.why.as_str());
            }
        }
        for address in self.told_failures.keys().filter(|address| !failures.contains_key(address)) {
            tracing::info!("no longer in the way of listening on {address}");
            self.pipeline.bound(*address);
        }
        self.told_failures = failures;
    }
}

fn wanted_sockets(delta: &Delta) -> BTreeSet<BindAddress> {
    let listeners = delta.upserts.iter().filter_map(|resource| match resource {
        Resource::Listener(listener) => Some(listener),
        _ => None,
    });
    listeners.flat_map(|listener| listener.binds.iter().copied()).collect()
}

/// A second instance must not run beside the first, nor one that serves nobody. An address that
/// this machine does not have is one Gateway's trouble: the others are served.
fn keeps_from_starting(failures: &BindFailures, wanted: &BTreeSet<BindAddress>) -> bool {
    let none_left = !failures.is_empty() && wanted.iter().all(|address| failures.contains_key(address));
    none_left || failures.values().any(|failure| failure.in_use)
}

fn now() -> Instant {
    tokio::time::Instant::now().into_std()
}

async fn sleep_until(time: Option<Instant>) {
    match time {
        Some(time) => tokio::time::sleep_until(time.into()).await,
        None => std::future::pending().await,
    }
}

/// News of the other replicas.
enum Other {
    /// One of them leads now, or none does.
    Leads,
    /// What one of them serves.
    Serves(Answer),
}

async fn of_others(writing: &mut Option<Writing>) -> Other {
    let Some(Writing { leads, link, .. }) = writing else { return std::future::pending().await };
    tokio::select! {
        Ok(()) = leads.changed() => Other::Leads,
        Some(answer) = link.answers.recv() => Other::Serves(answer),
        else => std::future::pending().await,
    }
}

/// The next events. Once there will be none, what is served stays.
async fn next(events: &mut Option<mpsc::Receiver<Vec<Event>>>) -> Vec<Event> {
    if let Some(receiver) = events {
        if let Some(events) = receiver.recv().await {
            return events;
        }
        tracing::error!("no more changes will be noticed; what is served stays");
        *events = None;
    }
    std::future::pending().await
}

#[cfg(test)]
mod tests;
