//! Requests that the gateway has to ask on its own behalf.

use super::retry::Again;
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

/// Attempts in all; further ones only where nothing was asked for certain.
const ATTEMPTS: u32 = 3;

/// Sends a request of which all is known, and waits for the head of its answer.
pub(in crate::proxy) async fn exchange(
    worker: &Rc<Worker>,
    upstream: &Arc<Upstream>,
    outgoing: &Outgoing,
) -> Result<Response<ResponseBody>, Reason> {
    let mut tried = Vec::new();
    loop {
        let pick = upstream.pick(&mut worker.splits.borrow_mut(), &tried)?;
        let _in_flight = InFlight::new(pick.endpoint);
        upstream.metrics.attempts.increment();
        let fresh = tried.contains(&pick.endpoint.id);
        tried.push(pick.endpoint.id);
        let is_last = tried.len() as u32 >= ATTEMPTS;
        match once(worker, upstream, &pick, outgoing, fresh).await {
            Ok(response) => return Ok(response),
            Err((_, true)) if !is_last => upstream.metrics.retries.increment(),
            Err((reason, _)) => return Err(reason),
        }
    }
}

/// An attempt; if it fails, whether it is certain that nothing was asked.
async fn once(
    worker: &Rc<Worker>,
    upstream: &Upstream,
    pick: &Pick<'_>,
    outgoing: &Outgoing,
    fresh: bool,
) -> Result<Response<ResponseBody>, (Reason, bool)> {
    let ready = connection(worker, upstream, pick, outgoing, fresh).await;
    let failure = match ready.map_err(|error| (error.reason(), !error.is_final()))? {
        Ready::Http1(_) if outgoing.is_rpc => return Err((Reason::UpstreamProtocolError, false)),
        Ready::Http1(mut connection) => {
            let body = RequestBody::new(outgoing.source.as_ref());
            match connection.send(&http1_head(pick, outgoing), body).await {
                // Nobody asked for it, and what comes behind it is no HTTP.
                Ok(answer) if answer.status() == StatusCode::SWITCHING_PROTOCOLS => {
                    return Err((Reason::UpstreamProtocolError, false));
                }
                Ok(answer) => return Ok(http1_response(worker, connection, answer)),
                Err(error) => judge(&error, outgoing),
            }
        }
        Ready::Http2(mut connection) => {
            let stream = connection.stream();
            let request =
                http2_request(pick, outgoing).map_err(|_| (Reason::UpstreamProtocolError, false))?;
            match connection.sender.send_request(request).await {
                Ok(answer) => return Ok(http2_response(answer, stream)),
                Err(error) => judge_http2(&error, outgoing),
            }
        }
    };
    upstream.metrics.resets.increment();
    Err((failure.reason, failure.again == Again::Safe))
}
