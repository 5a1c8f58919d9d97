//! What a client's connection is doing: what its limits of time and its closing go by.
//!
//! There is no timer per connection. The connection notes what it does and since when; once a
//! tick the worker looks at all of them. That is exact enough for limits of seconds, and costs
//! a request two stores.

use super::limits::Limits;
use std::cell::{Cell, RefCell};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering};
use std::task::Waker;
use std::time::Duration;

/// Noted by the stream and the requests of a connection. The stream must be `Send` for hyper's
/// upgrades: hence the atomics, although one thread uses them.
#[derive(Debug)]
pub(super) struct Activity {
    requests: AtomicU32,
    reading_head: AtomicBool,
    /// HTTP/2: frames come and go without any head.
    multiplexed: AtomicBool,
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
        self.reading_head.store(false, Ordering::Relaxed);
    }

    /// A request is done.
    pub(super) fn end(&self) {
        self.requests.fetch_sub(1, Ordering::Relaxed);
        self.stamp();
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
            let _ = self
                .lengths
                .fetch_update(Ordering::Relaxed, Ordering::Relaxed, |n| Some(n.saturating_sub(1)));
            return false;
        }
        self.lengths.load(Ordering::Relaxed) > 0
    }

    /// Whether the connection waits for longer than it may.
    pub(super) fn is_overdue(&self, limits: &Limits) -> Option<Overdue> {
        if !self.is_idle() {
            return None;
        }
        let now = self.clock.load(Ordering::Relaxed);
        let waited = Duration::from_millis(now.saturating_sub(self.since.load(Ordering::Relaxed)));
        if self.reading_head.load(Ordering::Relaxed) {
            (waited > limits.head_time).then_some(Overdue::Head)
        } else {
            (waited > limits.idle).then_some(Overdue::Idle)
        }
    }
}

/// Which limit of time was passed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Overdue {
    /// A head that does not get complete.
    Head,
    /// No request came.
    Idle,
}

impl Handle {
    pub(super) fn new(activity: Arc<Activity>) -> Self {
        Self {
            activity,
            needs_goaway: Cell::new(false),
            command: Cell::new(Command::Serve),
            waker: RefCell::new(None),
        }
    }

    /// Tells the connection's task what to do; a weaker command than one before is ignored.
    pub(super) fn tell(&self, command: Command) {
        if command > self.command.get() {
            self.command.set(command);
            if let Some(waker) = &*self.waker.borrow() {
                waker.wake_by_ref();
            }
        }
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
