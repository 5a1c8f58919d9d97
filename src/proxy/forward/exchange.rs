//! Requests that the gateway has to ask on its own behalf.

use super::retry::{Again, Failure};
use super::{
    Outgoing, Ready, connection, http1_head, http1_response, http2_request, http2_response, judge,
    judge_http2,
};
use crate::model::Reason;
use crate::proxy::request_body::RequestBody;
use crate::proxy::response_body::ResponseBody;
use crate::proxy::worker::Worker;
use crate::upstream::{InFlight, Pick, Upstream};
use http::{Response, StatusCode};
use std::rc::Rc;
use std::sync::Arc;
use tokio::time::Instant;

/// Attempts in all; further ones only where nothing was asked for certain.
const ATTEMPTS: u32 = 3;

/// Sends a request of which all is known, and waits for the head of its answer.
pub(in crate::proxy) async fn exchange(
    worker: &Rc<Worker>,
    upstream: &Arc<Upstream>,
    outgoing: &Outgoing,
) -> Result<Response<ResponseBody>, Reason> {
    let mut tried = Vec::new();
    let mut unused = false;
    loop {
        let pick = upstream.pick(&mut worker.splits.borrow_mut(), &tried)?;
        let now = || Instant::now().into_std();
        if tried.is_empty() {
            pick.entry.count_request(now());
        } else if !(unused || pick.entry.admits_retry(now)) {
            upstream.metrics.refused_retries.increment();
            return Err(Reason::RetryBudgetExceeded);
        }
        let _in_flight = InFlight::new(pick.endpoint);
        upstream.metrics.attempts.increment();
        let fresh = tried.contains(&pick.endpoint.id);
        tried.push(pick.endpoint.id);
        let is_last = tried.len() as u32 >= ATTEMPTS;
        match once(worker, upstream, &pick, outgoing, fresh).await {
            Ok(response) => return Ok(response),
            Err((_, again @ (Again::Unused | Again::Safe))) if !is_last => {
                unused = again == Again::Unused;
                upstream.metrics.retries.increment();
            }
            Err((reason, _)) => return Err(reason),
        }
    }
}

/// An attempt; if it fails, what that says of another one.
async fn once(
    worker: &Rc<Worker>,
    upstream: &Upstream,
    pick: &Pick<'_>,
    outgoing: &Outgoing,
    fresh: bool,
) -> Result<Response<ResponseBody>, (Reason, Again)> {
    let ready = connection(worker, upstream, pick, outgoing, fresh).await;
    let ready =
        ready.map_err(|error| (error.reason(), if error.is_final() { Again::Never } else { Again::Safe }))?;
    let failure = match ready {
        Ready::Http1(_) if outgoing.is_rpc => return Err((Reason::UpstreamProtocolError, Again::Never)),
        Ready::Http1(mut connection) => {
            let body = RequestBody::new(outgoing.source.as_ref());
            match connection.send(&http1_head(pick, outgoing), body).await {
                // Nobody asked for it, and what comes behind it is no HTTP.
                Ok(answer) if answer.status() == StatusCode::SWITCHING_PROTOCOLS => {
                    return Err((Reason::UpstreamProtocolError, Again::Never));
                }
                Ok(answer) => return Ok(http1_response(worker, connection, answer)),
                Err(error) if connection.is_reused() && !error.wrote => {
                    Failure { again: Again::Unused, ..judge(&error, outgoing) }
                }
                Err(error) => judge(&error, outgoing),
            }
        }
        Ready::Http2(mut connection) => {
            let stream = connection.stream();
            let request =
                http2_request(pick, outgoing).map_err(|_| (Reason::UpstreamProtocolError, Again::Never))?;
            let reused = connection.is_reused();
            match connection.sender.send_request(request).await {
                Ok(answer) => return Ok(http2_response(answer, stream)),
                Err(error) => judge_http2(&error, outgoing, reused),
            }
        }
    };
    upstream.metrics.resets.increment();
    Err((failure.reason, failure.again))
}
