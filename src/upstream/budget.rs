//! How many of the requests to a backend may be ones that are sent again.
//!
//! What is counted is shared by all workers, and belongs to the backend and the time over which it
//! is counted: no other change of the configuration resets it. Counters are relaxed atomics, and
//! workers that ask for the last retry at the same time may all get it.

use crate::model::{self, RetryConstraint};
use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, Weak};
use std::time::{Duration, Instant};

/// Parts of a window; what is counted leaves it by these.
const BUCKETS: u32 = 16;

/// Requests and retries of one backend, in a window that goes with the time.
///
/// Aligned to two cache lines, which processors fetch in pairs: two backends never share one.
#[derive(Debug)]
#[repr(align(128))]
struct Window {
    began: Instant,
    /// The length of one bucket.
    each: Duration,
    /// The number of the bucket since `began` above, how often it was counted below.
    buckets: [AtomicU64; BUCKETS as usize],
}

/// What is counted for a share.
#[derive(Debug)]
struct Traffic {
    /// First attempts.
    requests: Window,
    /// Further ones.
    retries: Window,
}

/// A budget as one version of the configuration has it.
#[derive(Debug)]
pub(super) struct RetryBudget {
    constraint: RetryConstraint,
    traffic: Arc<Traffic>,
    /// Further attempts in the time of the least rate.
    rate: Arc<Window>,
}

/// The live state of all budgets, as long as a backend has them.
#[derive(Debug, Default)]
pub(super) struct RetryBudgets {
    traffic: HashMap<(Arc<str>, Duration), Weak<Traffic>>,
    rates: HashMap<(Arc<str>, Duration), Weak<Window>>,
}

impl RetryBudgets {
    /// A budget, with what was counted for it so far.
    pub(super) fn get(&mut self, budget: &model::RetryBudget, now: Instant) -> RetryBudget {
        let model::RetryBudget { backend, constraint } = budget;
        let interval = constraint.interval;
        let traffic = live(&mut self.traffic, backend, interval, || Traffic {
            requests: Window::new(now, interval),
            retries: Window::new(now, interval),
        });
        let min_interval = constraint.min_interval;
        let rate = live(&mut self.rates, backend, min_interval, || Window::new(now, min_interval));
        RetryBudget { constraint: constraint.clone(), traffic, rate }
    }

    /// Forgets what no backend has any more.
    pub(super) fn forget_gone(&mut self) {
        self.traffic.retain(|_, traffic| traffic.strong_count() > 0);
        self.rates.retain(|_, rate| rate.strong_count() > 0);
    }
}

fn live<T>(
    known: &mut HashMap<(Arc<str>, Duration), Weak<T>>,
    backend: &Arc<str>,
    interval: Duration,
    make: impl FnOnce() -> T,
) -> Arc<T> {
    let place = known.entry((backend.clone(), interval)).or_default();
    place.upgrade().unwrap_or_else(|| {
        let new = Arc::new(make());
        *place = Arc::downgrade(&new);
        new
    })
}

impl RetryBudget {
    /// Counts a request that is sent for the first time.
    pub(super) fn count_request(&self, now: Instant) {
        self.traffic.requests.count(now);
    }

    /// Counts a request that is sent again.
    pub(super) fn count_retry(&self, now: Instant) {
        self.traffic.retries.count(now);
        self.rate.count(now);
    }

    /// Whether a request may be sent again: among all that are sent it is no more than its share,
    /// or there were few in the time of the least rate.
    pub(super) fn has_room(&self, now: Instant) -> bool {
        let RetryConstraint { percent, min_retries, .. } = self.constraint;
        if self.rate.sum(now) < u64::from(min_retries) {
            return true;
        }
        // The one that is asked for is one of both.
        let retries = self.traffic.retries.sum(now) + 1;
        let all = self.traffic.requests.sum(now) + retries;
        retries * 100 <= all * u64::from(percent)
    }
}

impl Window {
    fn new(began: Instant, length: Duration) -> Self {
        let each = (length / BUCKETS).max(Duration::from_nanos(1));
        Self { began, each, buckets: std::array::from_fn(|_| AtomicU64::new(0)) }
    }

    /// The number of the bucket of that moment. It begins anew after 2³² of them, which is days for
    /// the shortest: what was counted then is long overwritten where anything is counted at all.
    fn number(&self, now: Instant) -> u32 {
        let since = now.saturating_duration_since(self.began);
        (since.as_nanos() / self.each.as_nanos()) as u32
    }

    fn count(&self, now: Instant) {
        let number = self.number(now);
        let Some(bucket) = self.buckets.get((number % BUCKETS) as usize) else { return };
        let mut old = bucket.load(Relaxed);
        loop {
            let (known, count) = split(old);
            // Another worker's clock may have been read later.
            let is_over = number.wrapping_sub(known) < u32::MAX / 2 && number != known;
            let new = if is_over { join(number, 1) } else { join(known, count.saturating_add(1)) };
            match bucket.compare_exchange_weak(old, new, Relaxed, Relaxed) {
                Ok(_) => return,
                Err(newer) => old = newer,
            }
        }
    }

    /// How often it was counted in the window that ends now.
    fn sum(&self, now: Instant) -> u64 {
        let number = self.number(now);
        let counts = self.buckets.iter().map(|bucket| split(bucket.load(Relaxed)));
        counts
            .filter(|(known, _)| number.wrapping_sub(*known) < BUCKETS)
            .map(|(_, count)| u64::from(count))
            .sum()
    }
}

fn split(bucket: u64) -> (u32, u32) {
    ((bucket >> 32) as u32, bucket as u32)
}

fn join(number: u32, count: u32) -> u64 {
    u64::from(number) << 32 | u64::from(count)
}

#[cfg(test)]
mod tests;
