//! Whether, how often and how soon a request is sent again.

use crate::model::{Reason, Retry};
use crate::support::backoff::Backoff;
use crate::upstream::Entry;
use http::{Method, StatusCode};
use std::time::Duration;
use tokio::time::Instant;

/// Attempts beyond the first at most, where neither rule nor Upstream says it. Not one: while the
/// pods of a Deployment are replaced, the second that is asked may be the next that ends.
const RETRIES: u32 = 2;
/// The least pause of a rule that asks for none, once it has had as many attempts as other rules
/// have, which make none; as Envoy's.
const BACKOFF: Duration = Duration::from_millis(25);
/// How much longer than the first the last pauses are; as Envoy's.
const LONGEST: u32 = 10;

/// An attempt without an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Failure {
    pub(super) reason: Reason,
    pub(super) again: Again,
}

/// What a failed attempt says of another one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Again {
    /// The connection was there before the request, and was over before this was on it: for the
    /// backend there was no attempt.
    Unused,
    /// The request was certainly not processed.
    Safe,
    /// It may have been: only what may be done twice is sent again.
    Idempotent,
    /// The same, and it may still be under way: only if the rule asks for retries.
    Late,
    /// An answer has begun, the client is at fault, or there is no time left.
    Never,
}

/// Why a request is sent again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::proxy) enum RetryReason {
    /// There was no answer.
    Failed(Reason),
    /// There was one, which the rule does not take for final.
    Status(StatusCode),
}

impl RetryReason {
    /// The name in the access log.
    pub(in crate::proxy) fn as_str(&self) -> &str {
        match self {
            Self::Failed(reason) => reason.as_str(),
            Self::Status(status) => status.as_str(),
        }
    }
}

impl Failure {
    /// Of an attempt for which there was no time; `sent` if the request may have arrived.
    pub(super) fn late(reason: Reason, sent: bool) -> Self {
        let again = match reason {
            Reason::UpstreamTimeout if sent => Again::Late,
            Reason::UpstreamTimeout => Again::Safe,
            _ => Again::Never,
        };
        Self { reason, again }
    }
}

/// The further attempts that a request may have.
pub(in crate::proxy) struct Retries<'a> {
    rule: Option<&'a Retry>,
    left: u32,
    made: u32,
    backoff: Option<Backoff>,
}

impl<'a> Retries<'a> {
    /// As the rule says and the Upstream: of two numbers the smaller, and 0 on either switches
    /// retries off.
    pub(in crate::proxy) fn new(rule: Option<&'a Retry>, upstream: Option<u32>) -> Self {
        let said = [rule.map(|rule| rule.attempts), upstream].into_iter().flatten().min();
        let left = said.unwrap_or(RETRIES).min(Retry::MAX_ATTEMPTS);
        Self { rule, left, made: 0, backoff: None }
    }

    /// Why the request may be sent again after that failure.
    pub(super) fn after_failure(&self, failure: Failure, method: &Method) -> Option<RetryReason> {
        let allowed = match failure.again {
            Again::Unused | Again::Safe => true,
            Again::Idempotent => is_idempotent(method),
            Again::Late => self.rule.is_some() && is_idempotent(method),
            Again::Never => false,
        };
        (allowed && self.left > 0).then_some(RetryReason::Failed(failure.reason))
    }

    /// Why the request may be sent again after a backend's answer of that status: whatever its
    /// method, for with these codes "the backend explicitly rejected the request".
    pub(super) fn after_answer(&self, status: StatusCode) -> Option<RetryReason> {
        let rejected = self.rule.is_some_and(|rule| rule.codes.contains(&status.as_u16()));
        (rejected && self.left > 0).then_some(RetryReason::Status(status))
    }

    /// Takes one of the attempts that are left for a stream of which nothing was sent; whether there
    /// was one. No rule of streams asks for a pause.
    pub(in crate::proxy) fn take_for_stream(&mut self) -> bool {
        let is_left = self.left > 0;
        if is_left {
            self.take();
        }
        is_left
    }

    /// Takes one of the attempts that are left: the pause before it.
    pub(super) fn take(&mut self) -> Duration {
        self.left = self.left.saturating_sub(1);
        self.made += 1;
        let asked = self.rule.and_then(|rule| rule.backoff);
        if asked.is_none() && self.made <= RETRIES {
            return Duration::ZERO;
        }
        // A wait is at least half of its time.
        let first = 2 * asked.unwrap_or(BACKOFF);
        self.backoff.get_or_insert_with(|| Backoff::new(first, LONGEST * first)).wait()
    }
}

/// What an attempt beyond the first counts as.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Resent {
    /// As a retry.
    Counted,
    /// As nothing: the attempt before it was none for the backend.
    Free,
}

impl Resent {
    /// After that attempt.
    pub(super) fn after<T>(outcome: &Result<T, Failure>) -> Self {
        match outcome {
            Err(Failure { again: Again::Unused, .. }) => Self::Free,
            _ => Self::Counted,
        }
    }
}

/// Whether there may be an attempt there, as far as the budgets for retries go; counts it in them.
pub(super) fn is_in_budget(entry: &Entry, resent: Option<Resent>, started: Instant) -> bool {
    match resent {
        None => {
            entry.count_request(started.into_std());
            true
        }
        Some(Resent::Counted) => entry.admits_retry(|| Instant::now().into_std()),
        Some(Resent::Free) => true,
    }
}

/// Methods that may be processed twice (RFC 9110 §9.2.2), of those that users send.
pub(super) fn is_idempotent(method: &Method) -> bool {
    matches!(
        *method,
        Method::GET | Method::HEAD | Method::OPTIONS | Method::TRACE | Method::PUT | Method::DELETE
    )
}

#[cfg(test)]
mod tests;
