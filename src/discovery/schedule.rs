//! When a name is looked up again.

use std::time::Duration;

/// A name server may say 0: then every answer would be out of date at once.
const SHORTEST: Duration = Duration::from_secs(1);
/// Some say days; a move that was not planned days ahead should be followed nevertheless.
const LONGEST: Duration = Duration::from_secs(5 * 60);
const FIRST_RETRY: Duration = Duration::from_secs(1);
/// The last addresses still serve meanwhile, but those of a new name are missing.
const LONGEST_RETRY: Duration = Duration::from_secs(30);

/// The pauses between lookups of one name.
#[derive(Debug, Default)]
pub(super) struct Schedule {
    failures: u32,
}

impl Schedule {
    /// As long as the answer counts.
    pub(super) fn after_answer(&mut self, ttl: Duration) -> Duration {
        self.failures = 0;
        ttl.clamp(SHORTEST, LONGEST)
    }

    /// Twice as long with each failure. `chance`, from 0 to 1, takes up to half of it away, or all
    /// names would ask a server again at the moment it recovers.
    pub(super) fn after_failure(&mut self, chance: f64) -> Duration {
        let doublings = self.failures.min(16);
        self.failures += 1;
        let longest = FIRST_RETRY.saturating_mul(1 << doublings).min(LONGEST_RETRY);
        longest.mul_f64(1.0 - chance.clamp(0.0, 1.0) / 2.0)
    }

    pub(super) fn is_first_failure(&self) -> bool {
        self.failures == 0
    }
}

#[cfg(test)]
mod tests;
