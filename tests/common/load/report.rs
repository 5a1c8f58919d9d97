//! What came of the load.

use super::plan::{Kind, Mix};
use std::collections::BTreeMap;
use std::fmt;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

/// What went wrong with one request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum What {
    /// No connection, or it was of no use from the start.
    Connect(String),
    /// The connection broke after the request was begun and before an answer.
    NoAnswer(String),
    /// A status that the backend did not send.
    Status(u16),
    /// The answer broke off in the middle, and the client could tell.
    Cut { received: usize, expected: usize, error: String },
    /// The answer looked complete and was not what the backend sent.
    Wrong(String),
    /// Not done in time.
    Timeout,
}

/// A request that failed.
#[derive(Clone, Debug)]
pub struct Failure {
    pub kind: Kind,
    pub what: What,
    /// The request and its connection.
    pub request: String,
    pub idempotent: bool,
    /// When it was begun, since the start of the load.
    pub begun: Duration,
    /// How long it took to fail.
    pub took: Duration,
}

/// The sum of a load.
#[derive(Clone, Debug)]
pub struct Report {
    mix: Mix,
    pub elapsed: Duration,
    /// Requests with a right answer, by kind; of WebSockets each message.
    pub answers: BTreeMap<Kind, u64>,
    pub gets: u64,
    pub posts: u64,
    /// Right answers by the backend that made them.
    pub backends: BTreeMap<String, u64>,
    /// Connections that the server had closed before the next request was begun.
    pub reopened: u64,
    pub failures: Vec<Failure>,
}

/// Counts while the load runs.
#[derive(Default)]
pub(super) struct Tally {
    kinds: [AtomicU64; Kind::ALL.len()],
    gets: AtomicU64,
    posts: AtomicU64,
    reopened: AtomicU64,
    backends: Mutex<BTreeMap<String, u64>>,
    failures: Mutex<Vec<Failure>>,
}

impl Tally {
    pub(super) fn answered(&self, kind: Kind, method: &http::Method, backend: &str) {
        self.kinds[kind as usize].fetch_add(1, Ordering::SeqCst);
        match kind {
            Kind::WebSocket => {}
            _ if *method == http::Method::POST => drop(self.posts.fetch_add(1, Ordering::SeqCst)),
            _ => drop(self.gets.fetch_add(1, Ordering::SeqCst)),
        }
        let mut backends = self.backends.lock().unwrap();
        match backends.get_mut(backend) {
            Some(count) => *count += 1,
            None => drop(backends.insert(backend.to_owned(), 1)),
        }
    }

    pub(super) fn reopened(&self) {
        self.reopened.fetch_add(1, Ordering::SeqCst);
    }

    pub(super) fn failed(&self, failure: Failure) {
        self.failures.lock().unwrap().push(failure);
    }

    pub(super) fn failures(&self) -> usize {
        self.failures.lock().unwrap().len()
    }

    pub(super) fn answers(&self) -> u64 {
        self.kinds.iter().map(|count| count.load(Ordering::SeqCst)).sum()
    }

    pub(super) fn all_were_answered(&self, mix: Mix, times: u64) -> bool {
        let enough = |kind| self.kinds[kind as usize].load(Ordering::SeqCst) >= times;
        Kind::ALL.into_iter().all(|kind| enough(kind) || !mix.has(kind))
    }

    pub(super) fn report(&self, mix: Mix, elapsed: Duration) -> Report {
        let count = |counter: &AtomicU64| counter.load(Ordering::SeqCst);
        Report {
            mix,
            elapsed,
            answers: Kind::ALL.into_iter().map(|kind| (kind, count(&self.kinds[kind as usize]))).collect(),
            gets: count(&self.gets),
            posts: count(&self.posts),
            backends: self.backends.lock().unwrap().clone(),
            reopened: count(&self.reopened),
            failures: self.failures.lock().unwrap().clone(),
        }
    }
}

impl Report {
    /// HTTP requests with a right answer.
    pub fn requests(&self) -> u64 {
        self.gets + self.posts
    }

    /// Right answers of that backend.
    pub fn answers_of(&self, backend: &str) -> u64 {
        self.backends.get(backend).copied().unwrap_or(0)
    }

    /// Nothing failed, and there was enough that could have.
    #[track_caller]
    pub fn assert_no_loss(&self) {
        self.assert_was_load();
        assert!(self.failures.is_empty(), "{self}");
    }

    /// At least 500 requests a second over all the kinds, half of them POSTs.
    #[track_caller]
    pub fn assert_was_load(&self) {
        let rate = (self.requests() + self.failures.len() as u64) as f64 / self.elapsed.as_secs_f64();
        assert!(rate >= 500.0, "only {rate:.0} requests/s:\n{self}");
        let silent = self.answers.iter().find(|(kind, count)| **count == 0 && self.mix.has(**kind));
        assert!(silent.is_none(), "a kind had no answer:\n{self}");
        let share = self.posts as f64 / self.requests() as f64;
        assert!((0.45..0.55).contains(&share), "the share of POSTs is {share:.2}:\n{self}");
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(
            f,
            "{} requests in {:.1} s ({} GET, {} POST), {} connections reopened, {} failed",
            self.requests(),
            self.elapsed.as_secs_f64(),
            self.gets,
            self.posts,
            self.reopened,
            self.failures.len()
        )?;
        writeln!(f, "  answers by kind: {:?}\n  by backend: {:?}", self.answers, self.backends)?;
        for failure in self.failures.iter().take(20) {
            writeln!(f, "  {failure}")?;
        }
        Ok(())
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "at {:.3} s, after {:.3} s, {:?}: {}: {:?}",
            self.begun.as_secs_f64(),
            self.took.as_secs_f64(),
            self.kind,
            self.request,
            self.what
        )
    }
}
