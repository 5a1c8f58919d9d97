//! Waiting longer after each failure.

use std::time::Duration;

/// Waiting times that double from one failure to the next.
#[derive(Clone, Debug)]
pub struct Backoff {
    min: Duration,
    max: Duration,
    next: Duration,
}

impl Backoff {
    /// The first time is about `min`, and none is longer than `max`.
    pub const fn new(min: Duration, max: Duration) -> Self {
        Self { min, max, next: min }
    }

    /// How long to wait after a failure: at random between half of the time and the whole, so that
    /// those who failed together do not come again together.
    pub fn wait(&mut self) -> Duration {
        let whole = self.next;
        self.next = self.max.min(whole * 2);
        whole.mul_f64(0.5 + fastrand::f64() / 2.0)
    }

    /// It worked: the next failure is a first one again.
    pub fn reset(&mut self) {
        self.next = self.min;
    }
}

#[cfg(test)]
mod tests;
