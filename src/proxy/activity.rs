//! What a client's connection is doing: what its limits of time and its closing go by.
//!
//! There is no timer per connection. The connection notes what it does and since when; once a
//! tick the worker looks at all of them. That is exact enough for limits of seconds, and costs
//! a request two stores.

use super::limits::Limits;
use crate::support::drain::Phase;
use std::cell::{Cell, RefCell};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering};
use std::task::Waker;
use std::time::Duration;

/// After the process began to close connections, one without a request for this long goes. Less
/// could cut a request that is on its way.
const QUIET: Duration = Duration::from_secs(1);
/// For a client to see that its connection ends, and to stop sending.
const PARTING: Duration = Duration::from_secs(5);

/// Noted by the stream and the requests of a connection. The stream must be `Send` for hyper's
/// upgrades: hence the atomics, although one thread uses them.
#[derive(Debug)]
pub(super) struct Activity {
    requests: AtomicU32,
    reading_head: AtomicBool,
    /// HTTP/2: frames come and go without any head.
    multiplexed: AtomicBool,
    /// A request came.
    served: AtomicBool,
    /// The last request has a body, which may never be read to its end.
    has_body: AtomicBool,
    /// The bytes are no HTTP any more.
    tunnel: AtomicBool,
    /// The connection is no HTTP: bytes go both ways at any time.
    stream: AtomicBool,
    /// Nothing more is sent: what comes is read until the client closes as well.
    parting: AtomicBool,
    /// Milliseconds of the worker's clock.
    since: AtomicU64,
    lengths: AtomicU32,
    clock: Arc<AtomicU64>,
}

/// One client's connection, as its worker sees it.
#[derive(Debug)]
pub(super) struct Handle {
    pub(super) activity: Arc<Activity>,
    /// HTTP/2 that served a request: an answer's head cannot ask its client to go. (hyper cuts a
    /// connection that is told to finish before its first request.)
    pub(super) needs_goaway: Cell<bool>,
    command: Cell<Command>,
    /// Milliseconds of the worker's clock.
    told: Cell<u64>,
    waker: RefCell<Option<Waker>>,
}

/// What the connection's task shall do.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Command {
    /// Go on.
    #[default]
    Serve,
    /// Serve what is under way, then close.
    Finish,
    /// The same, and by now the client has heard of it: nothing new is taken.
    Settle,
    /// Close now.
    Close,
}

impl Activity {
    /// Of a connection that was just accepted: its first head is awaited.
    pub(super) fn new(clock: Arc<AtomicU64>) -> Self {
        let now = clock.load(Ordering::Relaxed);
        Self {
            requests: AtomicU32::new(0),
            reading_head: AtomicBool::new(true),
            multiplexed: AtomicBool::new(false),
            served: AtomicBool::new(false),
            has_body: AtomicBool::new(false),
            tunnel: AtomicBool::new(false),
            stream: AtomicBool::new(false),
            parting: AtomicBool::new(false),
            since: AtomicU64::new(now),
            lengths: AtomicU32::new(0),
            clock,
        }
    }

    fn stamp(&self) {
        self.since.store(self.clock.load(Ordering::Relaxed), Ordering::Relaxed);
    }

    /// The first head is awaited from now on: TLS took its own time.
    pub(super) fn restart(&self) {
        self.stamp();
    }

    /// The connection is no HTTP.
    pub(super) fn set_stream(&self) {
        self.stream.store(true, Ordering::Relaxed);
        self.stamp();
    }

    /// Bytes went one way or the other on a connection that is no HTTP.
    pub(super) fn moved(&self) {
        self.stamp();
    }

    /// The connection speaks HTTP/2.
    pub(super) fn set_multiplexed(&self) {
        self.multiplexed.store(true, Ordering::Relaxed);
        self.reading_head.store(false, Ordering::Relaxed);
        self.stamp();
    }

    /// Bytes came; `lengths` is how many of their lines look like a Content-Length.
    pub(super) fn received(&self, lengths: u32) {
        if lengths > 0 {
            self.lengths.fetch_add(lengths, Ordering::Relaxed);
        }
        if self.is_idle()
            && !self.multiplexed.load(Ordering::Relaxed)
            && !self.reading_head.swap(true, Ordering::Relaxed)
        {
            self.stamp();
        }
    }

    /// A request's head is complete.
    pub(super) fn begin(&self) {
        self.requests.fetch_add(1, Ordering::Relaxed);
        self.served.store(true, Ordering::Relaxed);
        self.reading_head.store(false, Ordering::Relaxed);
    }

    /// A request is done.
    pub(super) fn end(&self) {
        self.requests.fetch_sub(1, Ordering::Relaxed);
        self.stamp();
    }

    /// Whether the request that just came has a body.
    pub(super) fn set_body(&self, has_body: bool) {
        self.has_body.store(has_body, Ordering::Relaxed);
    }

    /// The connection carries another protocol from now on.
    pub(super) fn set_tunnel(&self) {
        self.tunnel.store(true, Ordering::Relaxed);
    }

    /// Whether bytes of the client may be left unread when the connection ends: closing then
    /// would reset it, and the client lose what it was sent last.
    pub(super) fn leaves_unread(&self) -> bool {
        let flags = [&self.multiplexed, &self.has_body, &self.reading_head];
        !self.tunnel.load(Ordering::Relaxed) && flags.iter().any(|flag| flag.load(Ordering::Relaxed))
    }

    /// The last byte was sent.
    pub(super) fn part(&self) {
        if !self.parting.swap(true, Ordering::Relaxed) {
            self.stamp();
        }
    }

    /// Whether it is between two requests, or in one: not one that has just come, nor one whose
    /// head is on its way.
    pub(super) fn has_served(&self) -> bool {
        self.served.load(Ordering::Relaxed) && !self.reading_head.load(Ordering::Relaxed)
    }

    /// No request is under way.
    pub(super) fn is_idle(&self) -> bool {
        self.requests.load(Ordering::Relaxed) == 0
    }

    /// Whether a length came beside a chunked body. hyper drops the length without a word; here
    /// the lines that came are counted against the requests that have one. Whatever else looks
    /// like such a line makes the answer "yes", which only costs a connection.
    pub(super) fn had_two_lengths(&self, has_length: bool) -> bool {
        if has_length {
            // One thread uses it, so nothing comes between.
            let left = self.lengths.load(Ordering::Relaxed).saturating_sub(1);
            self.lengths.store(left, Ordering::Relaxed);
            return false;
        }
        self.lengths.load(Ordering::Relaxed) > 0
    }

    /// Whether the connection waits for longer than it may.
    pub(super) fn is_overdue(&self, limits: &Limits, phase: Phase) -> Option<Overdue> {
        let now = self.clock.load(Ordering::Relaxed);
        let waited = Duration::from_millis(now.saturating_sub(self.since.load(Ordering::Relaxed)));
        if self.parting.load(Ordering::Relaxed) {
            return (waited > PARTING).then_some(Overdue::Parting);
        }
        if self.stream.load(Ordering::Relaxed) {
            return (waited > limits.stream_idle).then_some(Overdue::Parting);
        }
        if !self.is_idle() {
            return None;
        }
        if self.reading_head.load(Ordering::Relaxed) {
            return (waited > limits.head_time).then_some(Overdue::Head);
        }
        let idle = if phase < Phase::Closing { limits.idle } else { QUIET };
        // An HTTP/2 client may never answer the PING that its last GOAWAY waits for.
        let ignored = self.multiplexed.load(Ordering::Relaxed) && waited > idle * 2 + PARTING;
        (waited > idle).then_some(if ignored { Overdue::Parting } else { Overdue::Idle })
    }
}

/// Which limit of time was passed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Overdue {
    /// A head that does not get complete.
    Head,
    /// No request came.
    Idle,
    /// The client does not close although nothing more comes.
    Parting,
}

impl Handle {
    pub(super) fn new(activity: Arc<Activity>) -> Self {
        Self {
            activity,
            needs_goaway: Cell::new(false),
            command: Cell::new(Command::Serve),
            told: Cell::new(0),
            waker: RefCell::new(None),
        }
    }

    /// Tells the connection's task what to do; a weaker command than one before is ignored.
    pub(super) fn tell(&self, command: Command) {
        if command > self.command.get() {
            self.command.set(command);
            self.told.set(self.activity.clock.load(Ordering::Relaxed));
            if let Some(waker) = &*self.waker.borrow() {
                waker.wake_by_ref();
            }
        }
    }

    /// Whether the client was asked to go long enough ago to have heard of it.
    pub(super) fn is_to_settle(&self) -> bool {
        let now = self.activity.clock.load(Ordering::Relaxed);
        let ago = Duration::from_millis(now.saturating_sub(self.told.get()));
        self.command.get() == Command::Finish && ago >= QUIET
    }

    /// The task's side: what to do, and who is to be woken when that changes.
    pub(super) fn command(&self, waker: &Waker) -> Command {
        let mut known = self.waker.borrow_mut();
        match &mut *known {
            Some(known) => known.clone_from(waker),
            None => *known = Some(waker.clone()),
        }
        self.command.get()
    }
}
