//! One client's datagrams, from its first one until it is silent.

use super::batch::Client;
use super::flow::{Flow, Way};
use crate::model::{ListenerKey, Reason};
use crate::proxy::worker::Worker;
use crate::support::drain::Hold;
use crate::table::Table;
use crate::telemetry::{self, DatagramDrop, ListenerMetrics};
use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Instant;
use tokio::net::UdpSocket;

/// For which replies of an endpoint are still passed on after the session has moved to another.
const LINGER_MILLIS: u64 = 5_000;
/// Endpoints that refused are passed over; of a long session only the last ones.
const MAX_TRIED: usize = 16;
/// So many of the reasons why it moved are in its line.
const MAX_REASONS: usize = 8;

/// What a session is made for, and all that it needs of that.
pub(super) struct Session {
    pub(super) client: Client,
    /// The listener that it began on.
    pub(super) listener: ListenerKey,
    metrics: Arc<ListenerMetrics>,
    flow: RefCell<Option<Flow>>,
    /// With the milliseconds of the worker's clock at which they end.
    left: RefCell<Vec<(Flow, u64)>>,
    tried: RefCell<Vec<u64>>,
    /// Milliseconds of the worker's clock.
    active: Cell<u64>,
    note: RefCell<Note>,
    received: Cell<Count>,
    sent: Cell<Count>,
    _hold: Hold,
}

/// Datagrams, and the bytes in them.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Count {
    pub(super) datagrams: u64,
    pub(super) bytes: u64,
}

/// What its line in the access log tells.
struct Note {
    is_logged: bool,
    started: Instant,
    listener: Arc<str>,
    route: Arc<str>,
    rule: Arc<str>,
    backend: Box<str>,
    endpoint: std::net::SocketAddr,
    attempts: u32,
    reasons: Vec<&'static str>,
}

impl Count {
    fn add(cell: &Cell<Self>, more: Self) {
        let known = cell.get();
        cell.set(Self { datagrams: known.datagrams + more.datagrams, bytes: known.bytes + more.bytes });
    }
}

impl Session {
    /// A session for a client's first datagram; none if there is no endpoint for it.
    pub(super) fn begin(
        worker: &Worker,
        table: &Table,
        way: &Way<'_>,
        client: Client,
        is_logged: impl FnOnce() -> bool,
    ) -> Result<Self, DatagramDrop> {
        let mut tried = Vec::new();
        let flow = Flow::open(worker, table, way, &mut tried)?;
        let metrics = way.listener.metrics.clone();
        metrics.sessions.increment();
        metrics.active_sessions.increment();
        let note = Note {
            is_logged: is_logged(),
            started: Instant::now(),
            listener: way.listener.name.clone(),
            route: way.rule.route_name.clone(),
            rule: way.rule.name.clone(),
            backend: flow.upstream.label.clone(),
            endpoint: flow.in_flight.endpoint().address,
            attempts: 1 + tried.len() as u32,
            reasons: tried.iter().map(|_| Reason::ConnectFailed.as_str()).collect(),
        };
        Ok(Self {
            client,
            listener: way.listener.key.clone(),
            metrics,
            flow: RefCell::new(Some(flow)),
            left: RefCell::default(),
            tried: RefCell::new(tried),
            active: Cell::new(now(worker)),
            note: RefCell::new(note),
            received: Cell::default(),
            sent: Cell::default(),
            _hold: worker.drain.hold(),
        })
    }

    /// The socket to the endpoint; to another one if that has left, has refused, or is no backend any
    /// more. `follow` starts the task that takes its replies.
    pub(super) fn socket(
        self: &Rc<Self>,
        worker: &Worker,
        table: &Table,
        way: &Way<'_>,
        follow: impl FnOnce(&Rc<UdpSocket>) -> tokio::task::AbortHandle,
    ) -> Result<Rc<UdpSocket>, DatagramDrop> {
        let current = &mut *self.flow.borrow_mut();
        if let Some(flow) = current.take_if(|flow| !flow.is_right(table, way)) {
            self.note.borrow_mut().moved(Reason::NoReadyTargets);
            self.left.borrow_mut().push((flow, now(worker) + LINGER_MILLIS));
        }
        let flow = match current {
            Some(flow) => flow,
            None => {
                let flow = Flow::open(worker, table, way, &mut self.tried.borrow_mut())?;
                self.note.borrow_mut().goes_to(&flow, way);
                current.insert(flow)
            }
        };
        if flow.replies.is_none() {
            flow.replies = Some(follow(&flow.socket));
        }
        Ok(flow.socket.clone())
    }

    /// An endpoint does not take datagrams: the next one goes to another.
    pub(super) fn refused(&self, socket: &Rc<UdpSocket>) {
        let refused = self.flow.borrow_mut().take_if(|flow| Rc::ptr_eq(&flow.socket, socket));
        let Some(flow) = refused else {
            // One that it has moved away from.
            return self.left.borrow_mut().retain(|(flow, _)| !Rc::ptr_eq(&flow.socket, socket));
        };
        flow.upstream.metrics.connect_failures.increment();
        let mut tried = self.tried.borrow_mut();
        if tried.len() >= MAX_TRIED {
            tried.remove(0);
        }
        tried.push(flow.in_flight.endpoint().id);
        self.note.borrow_mut().moved(Reason::ConnectFailed);
    }

    /// Datagrams of the client were passed on.
    pub(super) fn count_received(&self, worker: &Worker, count: Count) {
        Count::add(&self.received, count);
        self.active.set(now(worker));
    }

    /// Datagrams were passed back to the client.
    pub(super) fn count_sent(&self, worker: &Worker, count: Count) {
        Count::add(&self.sent, count);
        self.active.set(now(worker));
        // Who answers is none of those that refused.
        if !self.tried.borrow().is_empty() {
            self.tried.borrow_mut().clear();
        }
    }

    /// Whether nothing went either way for so many milliseconds. Ways that are left end in time.
    pub(super) fn is_silent(&self, now: u64, limit: u64) -> bool {
        self.left.borrow_mut().retain(|(_, until)| now < *until);
        now.saturating_sub(self.active.get()) > limit
    }

    /// Ends it, and with it the tasks that hold it.
    pub(super) fn end(&self, worker: &Worker, reason: Reason) {
        self.flow.take();
        self.left.take();
        self.metrics.active_sessions.decrement();
        let note = self.note.borrow();
        if !note.is_logged {
            return;
        }
        let (received, sent) = (self.received.get(), self.sent.get());
        worker.log.write(&telemetry::Record {
            listener: Some(&note.listener),
            route: Some(&note.route),
            rule: Some(&note.rule),
            backend: Some(&note.backend),
            endpoint: Some(note.endpoint),
            attempts: note.attempts,
            retry_reasons: &note.reasons,
            reason: Some(reason),
            client_address: self.client.address.ip(),
            peer_address: self.client.address,
            protocol: "UDP",
            method: None,
            host: None,
            path: None,
            status: None,
            request_id: None,
            trace_id: None,
            user_agent: None,
            bytes_received: received.bytes,
            bytes_sent: sent.bytes,
            datagrams: Some((received.datagrams, sent.datagrams)),
            duration: note.started.elapsed(),
        });
    }
}

impl Note {
    fn moved(&mut self, reason: Reason) {
        if self.reasons.len() < MAX_REASONS {
            self.reasons.push(reason.as_str());
        }
    }

    fn goes_to(&mut self, flow: &Flow, way: &Way<'_>) {
        self.attempts += 1;
        self.route = way.rule.route_name.clone();
        self.rule = way.rule.name.clone();
        self.backend = flow.upstream.label.clone();
        self.endpoint = flow.in_flight.endpoint().address;
    }
}

/// Milliseconds of the worker's clock.
pub(super) fn now(worker: &Worker) -> u64 {
    worker.clock.load(Ordering::Relaxed)
}
