//! One thread that serves: its table, its connections to both sides, and its tick.

use super::activity::{Command, Handle, Overdue};
use super::limits::Limits;
use super::listen::{self, Listening};
use super::mirror::Places;
use super::publish::Published;
use super::request_body::RequestBody;
use super::session::Tokens;
use super::settings::{Settings, Socket};
use super::trace::Exporter;
use super::udp::Batch;
use crate::model::{BindAddress, Reason};
use crate::support::drain::{Phase, Watch};
use crate::table::Table;
use crate::telemetry::{Metrics, WorkerLog};
use crate::upstream::{Connector, Pool, Splits};
use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};
use tokio::sync::{Notify, watch};
use tokio::time::MissedTickBehavior;

/// How exact the limits of time are, how long a line waits for the access log's writer, and how
/// soon a worker that hangs can be noticed.
const TICK: Duration = Duration::from_millis(200);

/// What a worker is made of; crosses to its thread.
pub(super) struct Setup {
    pub(super) settings: Settings,
    pub(super) metrics: Arc<Metrics>,
    pub(super) log: WorkerLog,
    pub(super) connector: Connector,
    pub(super) drain: Watch,
    pub(super) published: watch::Receiver<Published>,
    pub(super) status: Arc<Status>,
    pub(super) max_connections: usize,
    pub(super) tokens: Arc<Tokens>,
    pub(super) max_udp_sessions: usize,
}

/// What the rest of the process sees of a worker.
#[derive(Debug)]
pub(super) struct Status {
    pub(super) name: String,
    started: Instant,
    /// Milliseconds after `started`.
    ticked: AtomicU64,
    pub(super) version: AtomicU64,
}

/// A client's connection, and the socket that it came in by.
type Connection = (Rc<Socket>, Rc<Handle>);

/// The worker's state; of its thread only.
pub(super) struct Worker {
    pub(super) metrics: Arc<Metrics>,
    pub(super) log: WorkerLog,
    pub(super) connector: Connector,
    pub(super) pool: RefCell<Pool<RequestBody>>,
    /// Those of sessions.
    pub(super) tokens: Arc<Tokens>,
    /// Where the splits of rules and of upstreams stand.
    pub(super) splits: RefCell<Splits>,
    /// Copies of requests under way.
    pub(super) mirrors: Places,
    /// What was recorded of requests.
    pub(super) exporter: Exporter,
    /// Room for datagrams, made for the first of them.
    pub(super) batch: RefCell<Option<Batch>>,
    /// Sessions of all UDP listeners.
    pub(super) udp_sessions: Cell<usize>,
    pub(super) max_udp_sessions: usize,
    /// Milliseconds since the worker began, as of its last tick.
    pub(super) clock: Arc<AtomicU64>,
    pub(super) drain: Watch,
    /// Answers ask their clients to take another connection.
    pub(super) announcing: Cell<bool>,
    /// What holds where a listener says nothing else.
    defaults: Settings,
    table: RefCell<Rc<Table>>,
    /// Those of the table.
    sockets: RefCell<HashMap<BindAddress, Rc<Socket>>>,
    connections: RefCell<HashMap<u64, Connection>>,
    next_connection: Cell<u64>,
    max_connections: usize,
    room: Notify,
    started: Instant,
}

/// Keeps a connection on its worker's list.
pub(super) struct Registered {
    worker: Rc<Worker>,
    id: u64,
}

impl Status {
    pub(super) fn new(name: String) -> Self {
        Self { name, started: Instant::now(), ticked: AtomicU64::new(0), version: AtomicU64::new(0) }
    }

    pub(super) fn version(&self) -> u64 {
        self.version.load(Ordering::SeqCst)
    }

    fn tick(&self) {
        self.ticked.store(millis(self.started), Ordering::Relaxed);
    }

    /// How long ago the worker's last tick was.
    pub(super) fn since_tick(&self) -> Duration {
        let ticked = Duration::from_millis(self.ticked.load(Ordering::Relaxed));
        self.started.elapsed().saturating_sub(ticked)
    }
}

fn millis(since: Instant) -> u64 {
    u64::try_from(since.elapsed().as_millis()).unwrap_or(u64::MAX)
}

/// A worker's life: until the drain is over or the proxy is dropped.
pub(super) async fn run(setup: Setup) {
    let (mut published, status) = (setup.published.clone(), setup.status.clone());
    let worker = Rc::new(Worker::new(setup));
    let mut listening: HashMap<BindAddress, Listening> = HashMap::new();
    let mut ticks = tokio::time::interval(TICK);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut drain = worker.drain.clone();
    let mut next_phase = Some(Phase::Announcing);
    loop {
        tokio::select! {
            biased;
            changed = published.changed() => {
                if changed.is_err() {
                    break;
                }
                let newest = published.borrow_and_update().clone();
                listen::apply(&worker, &newest, &mut listening);
                newest.acknowledge(&status);
            }
            () = drain.reached(next_phase.unwrap_or_default()), if next_phase.is_some() => {
                next_phase = worker.enter(drain.phase());
            }
            _ = ticks.tick() => {
                worker.tick();
                status.tick();
            }
        }
    }
}

impl Worker {
    fn new(setup: Setup) -> Self {
        Self {
            pool: RefCell::new(Pool::new(setup.settings.limits.pool())),
            metrics: setup.metrics,
            log: setup.log,
            connector: setup.connector,
            tokens: setup.tokens,
            splits: RefCell::default(),
            mirrors: Places::default(),
            exporter: Exporter::default(),
            batch: RefCell::default(),
            udp_sessions: Cell::new(0),
            max_udp_sessions: setup.max_udp_sessions,
            clock: Arc::default(),
            announcing: Cell::new(setup.drain.phase() >= Phase::Announcing),
            drain: setup.drain,
            defaults: setup.settings,
            table: RefCell::default(),
            sockets: RefCell::default(),
            connections: RefCell::default(),
            next_connection: Cell::new(0),
            max_connections: setup.max_connections,
            room: Notify::new(),
            started: Instant::now(),
        }
    }

    /// Those that hold where a listener says nothing else.
    pub(super) fn limits(&self) -> &Limits {
        &self.defaults.limits
    }

    /// The newest table; a request keeps the one that it began with.
    pub(super) fn table(&self) -> Rc<Table> {
        self.table.borrow().clone()
    }

    /// Serves a new table from the next request on, and drops what belongs to no table any more.
    pub(super) fn set_table(&self, table: &Table) {
        self.splits.borrow_mut().retain(|id| table.has_split(id));
        let sockets = &mut *self.sockets.borrow_mut();
        sockets.retain(|address, _| table.bind(*address).is_some());
        for bind in table.binds() {
            sockets
                .entry(bind.address)
                .and_modify(|socket| socket.update(&bind.settings, &self.defaults))
                .or_insert_with(|| Rc::new(Socket::new(bind.address, &bind.settings, &self.defaults)));
        }
        // A table is a handful of pointers; with a count of its own thread's, taking it costs nothing.
        *self.table.borrow_mut() = Rc::new(table.clone());
        self.exporter.retire(table);
        self.pool.borrow_mut().sweep();
    }

    /// What holds on a socket of the newest table.
    pub(super) fn socket(&self, address: BindAddress) -> Option<Rc<Socket>> {
        self.sockets.borrow().get(&address).cloned()
    }

    /// Puts a connection on the list.
    pub(super) fn register(self: &Rc<Self>, socket: &Rc<Socket>, handle: &Rc<Handle>) -> Registered {
        let id = self.next_connection.get();
        self.next_connection.set(id + 1);
        self.connections.borrow_mut().insert(id, (socket.clone(), handle.clone()));
        Registered { worker: self.clone(), id }
    }

    /// Returns when one more connection may be accepted.
    pub(super) async fn room(&self) {
        while self.connections.borrow().len() >= self.max_connections {
            self.room.notified().await;
        }
    }

    /// Closes the connections of a socket that is no longer listened on, each after the request
    /// that is under way.
    pub(super) fn finish_connections_of(&self, bind: BindAddress) {
        self.tell(Command::Finish, |of, _| of == bind);
    }

    fn tell(&self, command: Command, whom: impl Fn(BindAddress, &Handle) -> bool) -> usize {
        // Telling wakes, and waking must not find the list borrowed.
        let told: Vec<Rc<Handle>> = {
            let connections = self.connections.borrow();
            connections
                .values()
                .filter(|(socket, handle)| whom(socket.address, handle))
                .map(|(_, handle)| handle.clone())
                .collect()
        };
        for handle in &told {
            handle.tell(command);
        }
        told.len()
    }

    /// Does what a phase of the drain asks for; returns the next one to wait for.
    fn enter(&self, phase: Phase) -> Option<Phase> {
        match phase {
            Phase::Serving => Some(Phase::Announcing),
            Phase::Announcing => {
                self.announcing.set(true);
                self.tell(Command::Finish, |_, handle| handle.needs_goaway.get());
                Some(Phase::Closing)
            }
            Phase::Closing => {
                self.announcing.set(true);
                // The answer to what has just come, or is coming, says itself that it is the last.
                self.tell(Command::Finish, |_, handle| handle.activity.has_served());
                Some(Phase::Cutting)
            }
            Phase::Cutting => {
                let cut = self.tell(Command::Close, |_, _| true);
                if cut > 0 {
                    tracing::warn!(connections = cut, "cut connections at the end of the drain");
                }
                None
            }
        }
    }

    fn tick(&self) {
        self.clock.store(millis(self.started), Ordering::Relaxed);
        self.log.flush();
        self.pool.borrow_mut().sweep();
        self.tell(Command::Settle, |_, handle| handle.is_to_settle());
        let phase = self.drain.phase();
        let overdue: Vec<(Overdue, Rc<Handle>)> = {
            let connections = self.connections.borrow();
            let overdue = |(socket, handle): &Connection| {
                Some((handle.activity.is_overdue(&socket.settings().limits, phase)?, handle.clone()))
            };
            connections.values().filter_map(overdue).collect()
        };
        for (overdue, handle) in overdue {
            match overdue {
                Overdue::Head => {
                    self.metrics.process().count_answer(Reason::RequestTimeout);
                    handle.tell(Command::Close);
                }
                Overdue::Parting => handle.tell(Command::Close),
                Overdue::Idle => handle.tell(Command::Finish),
            }
        }
    }
}

impl Drop for Registered {
    fn drop(&mut self) {
        self.worker.connections.borrow_mut().remove(&self.id);
        self.worker.room.notify_one();
    }
}
