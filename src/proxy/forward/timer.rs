//! The limits of time that a rule or a caller sets. A request with limits has one timer, which goes
//! from attempt to attempt and then along with the answer's body; without limits there is none.

use crate::model::{Reason, Timeouts};
use std::future::{Future, poll_fn};
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;
use tokio::time::{Instant, Sleep, sleep_until};

/// Runs out when a limit is passed.
pub(in crate::proxy) struct Timer {
    sleep: Pin<Box<Sleep>>,
    /// Which limit it is.
    reason: Reason,
}

/// What is left of a request's time.
pub(super) struct TimeLeft {
    /// When all of the request is to be done, and who says so.
    end: Option<(Instant, Reason)>,
    /// For one attempt.
    attempt: Option<Duration>,
    timer: Option<Timer>,
}

impl Timer {
    /// Ready when the limit is passed.
    pub(in crate::proxy) fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Reason> {
        ready!(self.sleep.as_mut().poll(cx));
        Poll::Ready(self.reason)
    }
}

impl TimeLeft {
    /// Of a request that began then, and whose caller waits until `call`.
    pub(super) fn new(timeouts: &Timeouts, began: Instant, call: Option<Instant>) -> Self {
        let rule = timeouts.request.map(|limit| (began + limit, Reason::RouteTimeout));
        let call = call.map(|end| (end, Reason::DeadlineExceeded));
        let end = rule.into_iter().chain(call).min_by_key(|(at, _)| *at);
        Self { end, attempt: timeouts.backend_request, timer: None }
    }

    /// What comes of an attempt that begins now, or which limit was passed before.
    pub(super) async fn limit<T>(
        &mut self,
        mut attempt: Pin<&mut impl Future<Output = T>>,
    ) -> Result<T, Reason> {
        self.begin_attempt();
        poll_fn(|cx| {
            if let Poll::Ready(outcome) = attempt.as_mut().poll(cx) {
                return Poll::Ready(Ok(outcome));
            }
            match &mut self.timer {
                Some(timer) => timer.poll(cx).map(Err),
                None => Poll::Pending,
            }
        })
        .await
    }

    fn begin_attempt(&mut self) {
        let attempt = self.attempt.map(|limit| (Instant::now() + limit, Reason::UpstreamTimeout));
        // Where both end at once, no time is left for another attempt.
        let Some((at, reason)) = self.end.into_iter().chain(attempt).min_by_key(|(at, _)| *at) else {
            return;
        };
        match &mut self.timer {
            Some(timer) => {
                timer.sleep.as_mut().reset(at);
                timer.reason = reason;
            }
            None => self.timer = Some(Timer { sleep: Box::pin(sleep_until(at)), reason }),
        }
    }

    /// Whether something can still be done after a pause.
    pub(super) fn outlasts(&self, pause: Duration) -> bool {
        self.end.is_none_or(|(end, _)| Instant::now() + pause < end)
    }

    /// The timer of the last attempt, which its answer is under as well.
    pub(super) fn into_timer(self) -> Option<Timer> {
        self.timer
    }
}
