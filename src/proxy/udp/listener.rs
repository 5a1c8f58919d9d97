//! One worker's socket of a UDP listener.

use super::batch::{BATCH, Batch, Client};
use super::flow::Way;
use super::session::{Count, Session, now};
use crate::model::{BindAddress, Reason};
use crate::proxy::settings::Socket;
use crate::proxy::worker::Worker;
use crate::support::drain::Phase;
use crate::telemetry::DatagramDrop;
use std::cell::RefCell;
use std::collections::HashMap;
use std::io;
use std::ops::Range;
use std::pin::pin;
use std::rc::Rc;
use std::time::Duration;
use tokio::io::{Interest, Ready};
use tokio::net::UdpSocket;
use tokio::sync::oneshot;
use tokio::time::MissedTickBehavior;

/// How exact the end of silent sessions is.
const TICK: Duration = Duration::from_millis(200);
/// Long enough not to spin when the socket has an error.
const PAUSE: Duration = Duration::from_millis(50);
/// Endpoints that refuse while one datagram is sent.
const TRIES: usize = 3;

/// The socket with its sessions.
struct Listener {
    worker: Rc<Worker>,
    bind: BindAddress,
    socket: UdpSocket,
    sessions: RefCell<HashMap<Client, Rc<Session>>>,
}

/// Passes datagrams on until the socket is listened on no more, or the drain ends.
pub(in crate::proxy) async fn serve(
    worker: Rc<Worker>,
    bind: BindAddress,
    socket: UdpSocket,
    mut stopped: oneshot::Receiver<()>,
) {
    let listener = Rc::new(Listener { worker, bind, socket, sessions: RefCell::default() });
    let mut drain = listener.worker.drain.clone();
    let mut cutting = pin!(drain.reached(Phase::Cutting));
    let mut ticks = tokio::time::interval(TICK);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let reason = loop {
        tokio::select! {
            biased;
            _ = &mut stopped => break Reason::NoRoute,
            () = &mut cutting => break Reason::Draining,
            _ = ticks.tick(), if listener.has_sessions() => listener.end_silent(),
            _ = listener.socket.readable() => match listener.take_in() {
                // The others of the worker have their turn.
                Ok(BATCH) => tokio::task::yield_now().await,
                Ok(_) => {}
                Err(error) => {
                    tracing::warn!(%bind, %error, "cannot receive; will try again");
                    tokio::time::sleep(PAUSE).await;
                }
            }
        }
    };
    listener.end_all(reason);
    listener.worker.metrics.process().listening_sockets.decrement();
}

/// Passes the replies of one endpoint back, until it refuses or the session lets it go.
async fn replies(listener: Rc<Listener>, session: Rc<Session>, socket: Rc<UdpSocket>) {
    while let Ok(ready) = socket.ready(Interest::READABLE | Interest::ERROR).await {
        match listener.pass_back(&session, &socket, ready) {
            Ok(BATCH) => tokio::task::yield_now().await,
            Ok(_) => {}
            Err(error) => {
                tracing::debug!(client = %session.client.address, %error, "an endpoint takes no datagrams");
                return session.refused(&socket);
            }
        }
    }
}

/// How many came; none may be there although the socket looked like it.
fn count(received: io::Result<usize>) -> io::Result<usize> {
    match received {
        Err(error) if error.kind() == io::ErrorKind::WouldBlock => Ok(0),
        other => other,
    }
}

fn dropped(error: &io::Error) -> DatagramDrop {
    match error.raw_os_error() {
        Some(nix::libc::EAGAIN | nix::libc::ENOBUFS) => DatagramDrop::BufferFull,
        Some(nix::libc::EMSGSIZE) => DatagramDrop::TooLarge,
        _ => DatagramDrop::SendFailed,
    }
}

impl Listener {
    fn has_sessions(&self) -> bool {
        !self.sessions.borrow().is_empty()
    }

    fn count_dropped(&self, why: DatagramDrop, datagrams: usize) {
        self.worker.metrics.process().datagrams.dropped(why).add(datagrams as u64);
    }

    /// Takes a batch of datagrams in and passes them on; returns how many there were.
    fn take_in(self: &Rc<Self>) -> io::Result<usize> {
        let batch = &mut *self.worker.batch.borrow_mut();
        let batch = batch.get_or_insert_with(Batch::new);
        let received = count(batch.receive_from_clients(&self.socket, self.bind.address.is_ipv6()))?;
        let mut next = 0;
        while let Some((client, same)) = batch.run(next) {
            let range = next..next + same;
            next = range.end;
            if let Err((why, datagrams)) = self.pass_on(batch, range, client) {
                self.count_dropped(why, datagrams);
            }
        }
        Ok(received)
    }

    /// Passes datagrams of one client on; returns how many of the last ones were not sent.
    fn pass_on(
        self: &Rc<Self>,
        batch: &mut Batch,
        range: Range<usize>,
        client: Client,
    ) -> Result<(), (DatagramDrop, usize)> {
        let table = self.worker.table();
        let Range { start: mut next, end } = range;
        let listener = table.bind(self.bind).and_then(|bind| bind.listener_for_sni(None));
        let Some(way) = listener.and_then(Way::of) else {
            self.end(&client, Reason::NoRoute);
            return Err((DatagramDrop::NoRoute, end - next));
        };
        let mut refused = 0;
        while next < end {
            let all = |why| (why, end - next);
            let session = self.session(client, &table, &way).map_err(all)?;
            let follow = |socket: &Rc<UdpSocket>| {
                let replies = replies(self.clone(), session.clone(), socket.clone());
                tokio::task::spawn_local(replies).abort_handle()
            };
            let socket = session.socket(&self.worker, &table, &way, follow).map_err(all)?;
            match batch.send(&socket, next..end) {
                Ok(sent) => {
                    let bytes = batch.bytes(next..next + sent);
                    session.count_received(&self.worker, Count { datagrams: sent as u64, bytes });
                    next += sent;
                }
                Err(error) => match dropped(&error) {
                    why @ DatagramDrop::BufferFull => return Err(all(why)),
                    why @ DatagramDrop::TooLarge => {
                        self.count_dropped(why, 1);
                        next += 1;
                    }
                    why => {
                        // It was about one that went before: this one was not sent.
                        session.refused(&socket);
                        refused += 1;
                        if refused >= TRIES {
                            return Err(all(why));
                        }
                    }
                },
            }
        }
        Ok(())
    }

    /// The client's session, a new one if need be.
    fn session(
        &self,
        client: Client,
        table: &crate::table::Table,
        way: &Way<'_>,
    ) -> Result<Rc<Session>, DatagramDrop> {
        let known = self.sessions.borrow().get(&client).cloned();
        match known {
            Some(session) if session.listener == way.listener.key => return Ok(session),
            // The socket is another Gateway's now.
            Some(_) => self.end(&client, Reason::NoRoute),
            None => {}
        }
        let worker = &self.worker;
        let socket = worker.socket(self.bind);
        let most = socket.as_ref().map_or(0, |socket| socket.settings().limits.udp_sessions);
        if self.sessions.borrow().len() >= most || worker.udp_sessions.get() >= worker.max_udp_sessions {
            return Err(DatagramDrop::TooManySessions);
        }
        let is_logged = || socket.is_some_and(|socket: Rc<Socket>| socket.sampler.take());
        let session = Rc::new(Session::begin(worker, table, way, client, is_logged)?);
        worker.udp_sessions.set(worker.udp_sessions.get() + 1);
        self.sessions.borrow_mut().insert(client, session.clone());
        Ok(session)
    }

    /// Passes a batch of replies back; returns how many there were.
    fn pass_back(&self, session: &Session, socket: &UdpSocket, ready: Ready) -> io::Result<usize> {
        let batch = &mut *self.worker.batch.borrow_mut();
        let batch = batch.get_or_insert_with(Batch::new);
        let received = count(batch.receive(socket, ready))?;
        for index in 0..received {
            match batch.reply(&self.socket, index, &session.client) {
                Ok(()) => {
                    let count = Count { datagrams: 1, bytes: batch.bytes(index..index + 1) };
                    session.count_sent(&self.worker, count);
                }
                Err(error) => self.count_dropped(dropped(&error), 1),
            }
        }
        Ok(received)
    }

    fn end(&self, client: &Client, reason: Reason) {
        let session = self.sessions.borrow_mut().remove(client);
        if let Some(session) = session {
            self.ended(&session, reason);
        }
    }

    fn ended(&self, session: &Session, reason: Reason) {
        session.end(&self.worker, reason);
        self.worker.udp_sessions.set(self.worker.udp_sessions.get() - 1);
    }

    fn end_silent(&self) {
        let Some(socket) = self.worker.socket(self.bind) else { return };
        let limit = u64::try_from(socket.settings().limits.udp_idle.as_millis()).unwrap_or(u64::MAX);
        let now = now(&self.worker);
        let silent: Vec<_> =
            self.sessions.borrow_mut().extract_if(|_, session| session.is_silent(now, limit)).collect();
        for (_, session) in silent {
            self.ended(&session, Reason::StreamIdle);
        }
    }

    fn end_all(&self, reason: Reason) {
        let sessions = self.sessions.take();
        if reason == Reason::Draining && !sessions.is_empty() {
            tracing::warn!(bind = %self.bind, sessions = sessions.len(), "cut UDP sessions at the end of the drain");
        }
        for session in sessions.values() {
            self.ended(session, reason);
        }
    }
}
