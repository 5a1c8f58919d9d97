//! The atomics that metrics are made of, and the set of those that belong to live objects.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

/// Only grows.
#[derive(Debug, Default)]
pub struct Counter(AtomicU64);

impl Counter {
    /// Adds one.
    pub fn increment(&self) {
        self.add(1);
    }

    /// Adds `count`.
    pub fn add(&self, count: u64) {
        self.0.fetch_add(count, Relaxed);
    }

    /// The sum so far.
    pub fn get(&self) -> u64 {
        self.0.load(Relaxed)
    }
}

/// Goes up and down.
#[derive(Debug, Default)]
pub struct Gauge(AtomicI64);

impl Gauge {
    /// Adds one.
    pub fn increment(&self) {
        self.0.fetch_add(1, Relaxed);
    }

    /// Takes one away.
    pub fn decrement(&self) {
        self.0.fetch_sub(1, Relaxed);
    }

    /// Replaces the value; what does not fit is capped.
    pub fn set(&self, value: u64) {
        self.0.store(i64::try_from(value).unwrap_or(i64::MAX), Relaxed);
    }

    /// The value.
    pub fn get(&self) -> i64 {
        self.0.load(Relaxed)
    }
}

/// Upper bounds in microseconds: from what a proxy on the same host needs to what a client waits.
const BOUNDS_MICROS: [u64; 13] = [
    500, 1_000, 2_500, 5_000, 10_000, 25_000, 50_000, 100_000, 250_000, 500_000, 1_000_000, 5_000_000,
    30_000_000,
];

/// Durations by bucket.
#[derive(Debug, Default)]
pub struct Histogram {
    /// One more than there are bounds: the last takes what is longer than all of them.
    buckets: [AtomicU64; BOUNDS_MICROS.len() + 1],
    sum_micros: AtomicU64,
}

impl Histogram {
    /// Counts one duration.
    pub fn record(&self, duration: Duration) {
        let micros = u64::try_from(duration.as_micros()).unwrap_or(u64::MAX);
        let bucket = BOUNDS_MICROS.iter().take_while(|bound| micros > **bound).count();
        self.buckets[bucket].fetch_add(1, Relaxed);
        self.sum_micros.fetch_add(micros, Relaxed);
    }

    /// The sum in seconds, and each bucket's upper bound in seconds with its own count.
    pub(super) fn snapshot(&self) -> (f64, Vec<(f64, u64)>) {
        let bounds = BOUNDS_MICROS.iter().map(|micros| *micros as f64 / 1e6).chain([f64::INFINITY]);
        let counts = self.buckets.iter().map(|bucket| bucket.load(Relaxed));
        (self.sum_micros.load(Relaxed) as f64 / 1e6, bounds.zip(counts).collect())
    }
}

/// The handles of the objects that exist. A handle that is still held after its object was
/// forgotten may be counted on, but is exported no more.
#[derive(Debug)]
pub(super) struct Live<K, V>(Mutex<BTreeMap<K, Arc<V>>>);

impl<K: Ord + Clone, V: Default> Live<K, V> {
    pub(super) fn new() -> Self {
        Self(Mutex::new(BTreeMap::new()))
    }

    pub(super) fn resolve(&self, key: &K) -> Arc<V> {
        let mut handles = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        match handles.get(key) {
            Some(handle) => handle.clone(),
            None => handles.entry(key.clone()).or_default().clone(),
        }
    }

    pub(super) fn forget(&self, key: &K) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).remove(key);
    }

    /// A copy in the order of the keys, so that no lock is held while it is written out.
    pub(super) fn snapshot(&self) -> Vec<(K, Arc<V>)> {
        let handles = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        handles.iter().map(|(key, handle)| (key.clone(), handle.clone())).collect()
    }
}

#[cfg(test)]
mod tests;
