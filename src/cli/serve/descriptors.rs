//! How many files the process may have open, and for what.

use rlimit::Resource;
use std::io;

/// Raises the soft limit to the hard one; returns it. Some programs still break on descriptors
/// above 1024 (`select`), so the system starts every process with that and leaves it to those
/// that can do better to say so.
pub(super) fn raise() -> io::Result<u64> {
    let (soft, hard) = Resource::NOFILE.get()?;
    if soft < hard {
        Resource::NOFILE.set(hard, hard)?;
    }
    Resource::NOFILE.get_soft()
}

/// How many listening sockets all workers may have together.
pub(super) fn listening_sockets(limit: u64) -> usize {
    usize::try_from(limit / 4).unwrap_or(usize::MAX)
}

/// How many connections of clients one worker may hold. A quarter of the descriptors is for
/// listening sockets, a quarter for connections to backends and everything else.
pub(super) fn connections_per_worker(limit: u64, workers: usize) -> usize {
    let share = usize::try_from(limit / 2).unwrap_or(usize::MAX) / workers.max(1);
    // With so few that nothing is left, running out is the lesser evil.
    share.max(16)
}

/// How many sessions of UDP clients one worker may hold: half of the quarter for connections to
/// backends, as each has one.
pub(super) fn sessions_per_worker(limit: u64, workers: usize) -> usize {
    let share = usize::try_from(limit / 8).unwrap_or(usize::MAX) / workers.max(1);
    share.max(16)
}

#[cfg(test)]
mod tests;
