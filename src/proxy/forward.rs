//! Sending a request to an endpoint, and again where that is safe or the rule asks for it.

mod deadline;
mod exchange;
mod retry;
mod timer;

use super::connection::Client;
use super::headers;
use super::record::Record;
use super::request_body::{RequestBody, Source};
use super::response_body::ResponseBody;
use super::session::Sticky;
use super::upgrade;
use super::worker::Worker;
use crate::model::Reason;
use crate::table::Rule;
use crate::tls::Identity;
use crate::upstream::{
    ConnectError, Connected, Http1, Http1Error, Http2, InFlight, Line, Pick, RequestHead, SendError, Speaks,
    StreamGuard, Upstream, Wants,
};
pub(super) use exchange::exchange;
use http::header::{CONTENT_LENGTH, HOST, HeaderMap, HeaderValue, TRANSFER_ENCODING};
use http::uri::{Authority, PathAndQuery, Scheme};
use http::{Method, Request, Response, StatusCode, Uri};
use hyper::body::Incoming;
use hyper::upgrade::OnUpgrade;
use retry::{Again, Failure, Resent, is_idempotent, is_in_budget};
pub(super) use retry::{Retries, RetryReason};
use std::cell::Cell;
use std::error::Error;
use std::pin::pin;
use std::rc::Rc;
use std::sync::Arc;
use timer::TimeLeft;
pub(super) use timer::Timer;
use tokio::time::{Instant, sleep};

/// A request, ready to be sent.
pub(super) struct Outgoing {
    pub(super) method: Method,
    /// As it came, with the query that is forwarded byte for byte.
    pub(super) uri: Uri,
    /// The path that is sent, if it is another: in normal form, after the filters.
    pub(super) path: Option<Box<str>>,
    pub(super) headers: HeaderMap,
    /// The body; none for a request without.
    pub(super) source: Option<Source>,
    /// The protocol that the client asks for, and how to get its stream.
    pub(super) upgrade: Option<(HeaderValue, OnUpgrade)>,
    /// Whether it is a call by a GRPCRoute, which only HTTP/2 can carry.
    pub(super) is_rpc: bool,
    /// Who asks, for targets with TLS.
    pub(super) identity: Identity,
}

impl Outgoing {
    fn path(&self) -> &str {
        self.path.as_deref().unwrap_or_else(|| self.uri.path())
    }

    fn query(&self) -> Option<&str> {
        self.uri.query()
    }

    fn wants(&self) -> Wants {
        match (self.is_rpc, &self.upgrade) {
            (true, _) => Wants::Http2,
            (false, Some(_)) => Wants::Http1,
            (false, None) => Wants::Anything,
        }
    }
}

/// A connection that the request may have.
pub(super) enum Ready {
    Http1(Box<Http1<RequestBody>>),
    Http2(Http2<RequestBody>),
}

/// Where a request was tried already.
#[derive(Default)]
struct Tried {
    endpoints: Vec<u64>,
    /// Those of them that broke the connection: their pooled ones may all be as dead.
    broken: Vec<u64>,
}

/// Sends the request until there is the head of an answer that is final, or no further attempt is
/// allowed; each goes to an endpoint not tried yet where there is one, of those that there are by
/// then. The first goes to the endpoint of the session, if there is one. A pooled connection that
/// turns out dead before anything was written is no attempt.
pub(super) async fn forward(
    client: &Rc<Client>,
    upstream: &Arc<Upstream>,
    rule: &Rule,
    mut outgoing: Outgoing,
    mut session: Option<&mut Sticky>,
    record: &mut Record,
) -> Result<Response<ResponseBody>, Reason> {
    let mut retries = Retries::new(rule.retry.as_ref(), upstream.retries);
    let began = Instant::from_std(record.started());
    let call = if outgoing.is_rpc { deadline::of(&outgoing.headers, began) } else { None };
    let mut time = TimeLeft::new(&rule.timeouts, began, call);
    let mut tried = Tried::default();
    let mut newer: Option<Arc<Upstream>> = None;
    let mut resent: Option<Resent> = None;
    loop {
        let upstream = newer.as_ref().unwrap_or(upstream);
        let kept = session.as_deref().and_then(|session| session.pick(upstream, &tried.endpoints));
        let pick = match kept {
            Some(pick) => pick,
            None => upstream.pick(&mut client.worker.splits.borrow_mut(), &tried.endpoints)?,
        };
        let endpoint = pick.endpoint.id;
        if !is_in_budget(pick.entry, resent, began) {
            upstream.metrics.refused_retries.increment();
            return Err(Reason::RetryBudgetExceeded);
        }
        record.attempt(InFlight::new(pick.endpoint));
        record.mark_attempt(&mut outgoing.headers);
        let outcome = {
            let fresh = tried.broken.contains(&endpoint);
            let sent = Cell::new(false);
            let attempt = pin!(attempt(client, upstream, &pick, &mut outgoing, fresh, &sent, record));
            time.limit(attempt).await.unwrap_or_else(|reason| {
                upstream.metrics.timeouts.increment();
                Err(Failure::late(reason, sent.get()))
            })
        };
        let again = match &outcome {
            // What was made here is no word of the backend's.
            Ok(response) if record.reason().is_none() => retries.after_answer(response.status()),
            Ok(_) => None,
            Err(failure) => retries.after_failure(*failure, &outgoing.method),
        };
        let again = again.filter(|_| can_replay(&outgoing)).map(|reason| (reason, retries.take()));
        let Some((again, pause)) = again.filter(|(_, pause)| time.outlasts(*pause)) else {
            let mut response = outcome.map_err(|failure| failure.reason)?;
            if let Some(session) = session.as_deref_mut().filter(|_| record.reason().is_none()) {
                session.went_to(&pick);
            }
            response.body_mut().set_timer(time.into_timer());
            return Ok(response);
        };
        record.retried(again);
        resent = Some(Resent::after(&outcome));
        tried.endpoints.push(endpoint);
        match outcome {
            Ok(response) => response.into_body().discard(),
            Err(_) => tried.broken.push(endpoint),
        }
        if !pause.is_zero() {
            Box::pin(sleep(pause)).await;
        }
        if let Some(end) = call {
            deadline::tell(&mut outgoing.headers, end.saturating_duration_since(Instant::now()));
        }
        // The endpoints that the request began with may all have gone while it waited for one.
        if let Some(now) = client.worker.table().upstreams.get(upstream.slot) {
            newer = Some(now.clone());
        }
    }
}

/// Whether another attempt would have the whole body.
fn can_replay(outgoing: &Outgoing) -> bool {
    outgoing.source.as_ref().is_none_or(Source::can_replay)
}

async fn attempt(
    client: &Rc<Client>,
    upstream: &Upstream,
    pick: &Pick<'_>,
    outgoing: &mut Outgoing,
    fresh: bool,
    sent: &Cell<bool>,
    record: &mut Record,
) -> Result<Response<ResponseBody>, Failure> {
    loop {
        sent.set(false);
        let ready = connection(&client.worker, upstream, pick, outgoing, fresh).await;
        let ready = ready.map_err(|error| Failure {
            reason: error.reason(),
            again: if error.is_final() { Again::Never } else { Again::Safe },
        })?;
        sent.set(true);
        let failed = match ready {
            Ready::Http1(connection) => {
                let reused = connection.is_reused();
                match send_http1(client, pick, connection, outgoing, record).await {
                    Ok(response) => return Ok(response),
                    Err(error) => (reused && !error.wrote, judge(&error, outgoing)),
                }
            }
            Ready::Http2(connection) => {
                let reused = connection.is_reused();
                match send_http2(pick, connection, outgoing, record).await {
                    Ok(response) => return Ok(response),
                    Err(error) => (false, judge_http2(&*error, outgoing, reused)),
                }
            }
        };
        let (dead, failure) = failed;
        if !(dead && can_replay(outgoing)) {
            if failure.reason == Reason::UpstreamReset {
                upstream.metrics.resets.increment();
            }
            return Err(failure);
        }
    }
}

/// A connection from the pool, or a new one.
pub(super) async fn connection(
    worker: &Worker,
    upstream: &Upstream,
    pick: &Pick<'_>,
    outgoing: &Outgoing,
    fresh: bool,
) -> Result<Ready, ConnectError> {
    let speaks = pick.entry.speaks(outgoing.wants());
    let line = Line::new(pick, &outgoing.identity);
    if !fresh {
        let mut pool = worker.pool.borrow_mut();
        if speaks != Speaks::Http1
            && let Some(shared) = pool.share(line)
        {
            return Ok(Ready::Http2(shared));
        }
        if speaks != Speaks::Http2
            && let Some(idle) = pool.take(line, !is_idempotent(&outgoing.method))
        {
            return Ok(Ready::Http1(idle));
        }
    }
    match worker.connector.connect(pick, speaks, &outgoing.identity).await {
        Ok(connected) => {
            upstream.metrics.connections.increment();
            Ok(match connected {
                Connected::Http1(new) => Ready::Http1(new),
                Connected::Http2(new) => {
                    worker.pool.borrow_mut().add_shared(new.clone());
                    Ready::Http2(new)
                }
            })
        }
        Err(error) => {
            upstream.metrics.connect_failures.increment();
            tracing::debug!(upstream = %upstream.label, %error, "connecting failed");
            Err(error)
        }
    }
}

async fn send_http1(
    client: &Rc<Client>,
    pick: &Pick<'_>,
    mut connection: Box<Http1<RequestBody>>,
    outgoing: &mut Outgoing,
    record: &mut Record,
) -> Result<Response<ResponseBody>, SendError> {
    let body = RequestBody::new(outgoing.source.as_ref());
    let response = connection.send(&http1_head(pick, outgoing), body).await?;
    if response.status() == StatusCode::SWITCHING_PROTOCOLS {
        return Ok(upgrade::switch(client, connection, response, outgoing, record));
    }
    let response = http1_response(&client.worker, connection, response);
    record.answered(response.status(), None);
    Ok(response)
}

/// An answer's head for the client, with the body that is to come on the connection.
fn http1_response(
    worker: &Rc<Worker>,
    mut connection: Box<Http1<RequestBody>>,
    response: Response<()>,
) -> Response<ResponseBody> {
    let (mut head, ()) = response.into_parts();
    // Both lengths: the body was read as chunked, and is not passed on with the other.
    if head.headers.contains_key(TRANSFER_ENCODING) {
        head.headers.remove(CONTENT_LENGTH);
    }
    headers::prepare_response(&mut head.headers);
    let body = if !connection.is_end() {
        ResponseBody::http1(connection, worker.clone())
    } else {
        // Nobody polls an empty body: the connection is given back here.
        if connection.finish() {
            worker.pool.borrow_mut().put(connection);
        }
        ResponseBody::empty()
    };
    Response::from_parts(head, body)
}

async fn send_http2(
    pick: &Pick<'_>,
    mut connection: Http2<RequestBody>,
    outgoing: &Outgoing,
    record: &mut Record,
) -> Result<Response<ResponseBody>, Box<dyn Error + Send + Sync>> {
    let stream = connection.stream();
    let response: Response<Incoming> = connection.sender.send_request(http2_request(pick, outgoing)?).await?;
    let response = http2_response(response, stream);
    record.answered(response.status(), None);
    Ok(response)
}

/// The request as HTTP/1.1 sends it.
pub(super) fn http1_head<'a>(pick: &Pick<'a>, outgoing: &'a Outgoing) -> RequestHead<'a> {
    RequestHead {
        method: &outgoing.method,
        target: target(pick, outgoing),
        headers: &outgoing.headers,
        upgrade: outgoing.upgrade.as_ref().map(|(protocol, _)| protocol),
    }
}

/// The request as HTTP/2 sends it.
pub(super) fn http2_request(
    pick: &Pick<'_>,
    outgoing: &Outgoing,
) -> Result<Request<RequestBody>, http::Error> {
    let mut request = Request::new(RequestBody::new(outgoing.source.as_ref()));
    *request.method_mut() = outgoing.method.clone();
    *request.headers_mut() = outgoing.headers.clone();
    // RFC 9113 §8.3.1: the authority says it; two could disagree.
    let host = request.headers_mut().remove(HOST);
    *request.uri_mut() = absolute(pick, outgoing, host.as_ref())?;
    Ok(request)
}

fn http2_response(response: Response<Incoming>, stream: StreamGuard) -> Response<ResponseBody> {
    let (mut head, body) = response.into_parts();
    headers::prepare_response(&mut head.headers);
    Response::from_parts(head, ResponseBody::http2(body, stream))
}

/// The entry's base path, the path, and the query byte for byte.
fn target<'a>(pick: &Pick<'a>, outgoing: &'a Outgoing) -> [&'a str; 4] {
    let (mark, query) = outgoing.query().map_or(("", ""), |query| ("?", query));
    [&pick.entry.base_path, outgoing.path(), mark, query]
}

fn absolute(pick: &Pick<'_>, outgoing: &Outgoing, host: Option<&HeaderValue>) -> Result<Uri, http::Error> {
    let tls = pick.entry.tls.is_some();
    let authority = match host {
        Some(host) => Authority::try_from(host.as_bytes())?,
        None => Authority::try_from(&*pick.endpoint.label)?,
    };
    let mut parts = http::uri::Parts::default();
    parts.scheme = Some(if tls { Scheme::HTTPS } else { Scheme::HTTP });
    parts.authority = Some(authority);
    parts.path_and_query = Some(PathAndQuery::try_from(target(pick, outgoing).concat())?);
    Ok(Uri::from_parts(parts)?)
}

fn judge(error: &SendError, outgoing: &Outgoing) -> Failure {
    if let Some(reason) = outgoing.source.as_ref().and_then(Source::failure) {
        return Failure { reason, again: Again::Never };
    }
    let parse = matches!(error.error, Http1Error::Malformed(_));
    match (error.wrote, error.read) {
        (_, true) if parse => Failure { reason: Reason::UpstreamProtocolError, again: Again::Never },
        (_, true) => Failure { reason: Reason::UpstreamReset, again: Again::Never },
        (false, false) => Failure { reason: Reason::UpstreamReset, again: Again::Safe },
        (true, false) => Failure { reason: Reason::UpstreamReset, again: Again::Idempotent },
    }
}

/// A stream that the target refused, or that its GOAWAY does not include, was not processed
/// (RFC 9113 §8.7). So was one that hyper never sent. Where the connection was there before, one that
/// was about to end is as a pooled one of HTTP/1.1 that turns out dead.
fn judge_http2(error: &(dyn Error + 'static), outgoing: &Outgoing, reused: bool) -> Failure {
    if let Some(reason) = outgoing.source.as_ref().and_then(Source::failure) {
        return Failure { reason, again: Again::Never };
    }
    let unsent =
        error.downcast_ref::<hyper::Error>().is_some_and(|error| error.is_canceled() || error.is_closed());
    let cause = std::iter::successors(Some(error), |error: &&(dyn Error + 'static)| Error::source(*error))
        .find_map(|e| e.downcast_ref::<h2::Error>());
    let is_from_there = |error: &&h2::Error| error.is_remote();
    let cause = cause.filter(is_from_there);
    let refused = cause.is_some_and(|error| error.reason() == Some(h2::Reason::REFUSED_STREAM));
    let over = cause.is_some_and(|error| error.is_go_away() && error.reason() == Some(h2::Reason::NO_ERROR));
    let again = match (unsent || over, refused) {
        (true, _) if reused => Again::Unused,
        (true, _) | (_, true) => Again::Safe,
        (false, false) => Again::Idempotent,
    };
    Failure { reason: Reason::UpstreamReset, again }
}
