//! When a file is read: not while somebody writes it.

use super::files::How;
use super::problem::FilePath;
use std::collections::BTreeMap;
use std::time::{Duration, Instant};

/// For how long a file that turned up without a word of its writer is left alone. If it is being
/// written, that shows within this time, and then its writer's close is waited for.
pub(crate) const QUIET: Duration = Duration::from_millis(50);

/// What is seen of a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Signal {
    /// It is there, or another one is in its place.
    Found,
    /// Something was written to it.
    Modified,
    /// Its writer closed it.
    Closed,
    /// It was moved to where it is.
    Moved,
}

/// The files that are to be read and are not yet.
#[derive(Debug, Default)]
pub(crate) struct Reads {
    waiting: BTreeMap<FilePath, Waiting>,
}

#[derive(Debug, PartialEq, Eq)]
enum Waiting {
    Until(Instant),
    ForClose,
}

impl Reads {
    /// How to take the file's contents, if it is to be read now.
    pub(crate) fn note(&mut self, path: &FilePath, signal: Signal, now: Instant) -> Option<How> {
        match signal {
            Signal::Closed => {
                self.waiting.remove(path);
                Some(How::InPlace)
            }
            Signal::Moved => {
                self.waiting.remove(path);
                Some(How::Whole)
            }
            Signal::Modified => {
                self.waiting.insert(path.clone(), Waiting::ForClose);
                None
            }
            Signal::Found => {
                if self.waiting.get(path) != Some(&Waiting::ForClose) {
                    self.waiting.insert(path.clone(), Waiting::Until(now + QUIET));
                }
                None
            }
        }
    }

    /// The file is no longer there.
    pub(crate) fn forget(&mut self, path: &FilePath) {
        self.waiting.remove(path);
    }

    /// Signals were lost: nothing is known of any writer.
    pub(crate) fn reset(&mut self) {
        self.waiting.clear();
    }

    /// The files that were left alone long enough.
    pub(crate) fn take_due(&mut self, now: Instant) -> Vec<FilePath> {
        let is_due = |waiting: &Waiting| matches!(waiting, Waiting::Until(due) if *due <= now);
        let due: Vec<_> = self
            .waiting
            .iter()
            .filter(|(_, waiting)| is_due(waiting))
            .map(|(path, _)| path.clone())
            .collect();
        due.iter().for_each(|path| self.forget(path));
        due
    }

    /// When [`Reads::take_due`] has something next.
    pub(crate) fn deadline(&self) -> Option<Instant> {
        self.waiting
            .values()
            .filter_map(|waiting| match waiting {
                Waiting::Until(due) => Some(*due),
                Waiting::ForClose => None,
            })
            .min()
    }
}

#[cfg(test)]
mod tests;
