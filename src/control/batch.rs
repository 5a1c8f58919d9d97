//! When the events that came are worked on: together, but not late.

use crate::api::Kind;
use crate::index::Event;
use std::time::{Duration, Instant};

/// What comes within this time of each other belongs together: an apply of several objects.
const QUIET: Duration = Duration::from_millis(5);

/// However fast events follow each other, the first is not kept waiting longer.
const CAP: Duration = Duration::from_millis(50);

/// The same for endpoints: requests fail on one that is gone. Half of the 10 ms within which it
/// has to be published.
const ENDPOINTS_CAP: Duration = Duration::from_millis(5);

/// Events that wait to be worked on.
#[derive(Debug, Default)]
pub(super) struct Batch {
    events: Vec<Event>,
    due: Option<Due>,
}

#[derive(Clone, Copy, Debug)]
struct Due {
    last: Instant,
    cap: Instant,
}

impl Batch {
    /// Adds events that came now.
    pub(super) fn add(&mut self, events: Vec<Event>, now: Instant) {
        if events.is_empty() {
            return;
        }
        let cap = now + if events.iter().any(is_of_endpoints) { ENDPOINTS_CAP } else { CAP };
        let cap = self.due.map_or(cap, |due| due.cap.min(cap));
        self.due = Some(Due { last: now, cap });
        self.events.extend(events);
    }

    /// When they are to be worked on, if there are any.
    pub(super) fn due(&self) -> Option<Instant> {
        self.due.map(|due| (due.last + QUIET).min(due.cap))
    }

    /// The events, if it is time.
    pub(super) fn take_due(&mut self, now: Instant) -> Option<Vec<Event>> {
        if self.due()? > now {
            return None;
        }
        self.due = None;
        Some(std::mem::take(&mut self.events))
    }
}

fn is_of_endpoints(event: &Event) -> bool {
    let kind = match event {
        Event::Apply(object) => object.kind(),
        Event::Broken(broken) => broken.id.kind,
        Event::Delete(id) => id.kind,
        Event::Reset { kind, .. } | Event::Listed(kind) => *kind,
        Event::Served { .. } => return false,
    };
    kind == Kind::EndpointSlice
}

#[cfg(test)]
mod tests;
