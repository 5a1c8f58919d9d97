//! The way out, so that nobody's request is lost.

use crate::support::drain::{Phase, Trigger};
use std::time::Duration;

/// For connections that were told to end to do so.
const CUT: Duration = Duration::from_secs(2);

/// How the drain ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Outcome {
    /// Every connection ended by itself.
    Complete,
    /// What was left had to be cut.
    Cut,
}

/// Goes through the phases. For `min` everything is served as before, whoever still comes: load
/// balancers and other nodes hear late that this process stops. Then idle connections are closed,
/// and `max` after the beginning what is left is cut.
pub(super) async fn run(trigger: &mut Trigger, min: Duration, max: Duration) -> Outcome {
    trigger.advance(Phase::Announcing);
    tokio::time::sleep(min).await;
    trigger.advance(Phase::Closing);
    if tokio::time::timeout(max.saturating_sub(min), trigger.complete()).await.is_ok() {
        return Outcome::Complete;
    }
    trigger.advance(Phase::Cutting);
    let _ = tokio::time::timeout(CUT, trigger.complete()).await;
    Outcome::Cut
}

#[cfg(test)]
mod tests;
