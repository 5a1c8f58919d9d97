//! Copies of requests for other upstreams, whose answers are dropped.
//!
//! A copy goes out once the request's body has come in whole, or at once if there is none: whoever
//! gets the copy can neither hold the request back nor break it. What it costs is bounded by the
//! limits of the listener; a copy beyond them is dropped and counted.

use super::connection::Client;
use super::filters;
use super::forward::{self, Outgoing, Ready};
use super::request::Way;
use super::request_body::{RequestBody, Source};
use super::worker::Worker;
use crate::model::RouteKind;
use crate::table::{Filters, Mirror};
use crate::telemetry::MirrorDrop;
use crate::upstream::{Http1, Http2, InFlight, Pick, Slot, Upstream};
use bytes::Bytes;
use http::request::Parts;
use http::{HeaderMap, StatusCode};
use http_body::{Body, Frame};
use std::cell::Cell;
use std::error::Error;
use std::future::poll_fn;
use std::pin::Pin;
use std::rc::Rc;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;
use tokio::time::timeout;

/// Bytes of a mirror's answer that are read so that its connection can be used again; behind a
/// longer one it is closed.
const READ: usize = 256 * 1024;

type SendError = Box<dyn Error + Send + Sync>;

/// The copies of one request, while its body comes in.
pub(super) struct Copies {
    worker: Rc<Worker>,
    copies: Vec<Mirrored>,
    body: Vec<Bytes>,
    room: usize,
    limit: Duration,
}

struct Mirrored {
    to: Slot,
    outgoing: Outgoing,
    place: Place,
}

/// How many copies are under way on a worker.
#[derive(Debug, Default)]
pub(super) struct Places(Rc<Cell<usize>>);

/// One of them, until it is dropped.
#[derive(Debug)]
struct Place(Rc<Cell<usize>>);

impl Places {
    fn take(&self, most: usize) -> Option<Place> {
        let taken = self.0.get();
        (taken < most).then(|| {
            self.0.set(taken + 1);
            Place(self.0.clone())
        })
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.0.set(self.0.get() - 1);
    }
}

/// The copies that are to be made of a request whose head is fit for a target, but has gone through
/// no filter yet.
pub(super) fn copies(client: &Client, way: &Way<'_>, head: &Parts, upgrade: bool) -> Option<Box<Copies>> {
    let (rule, backend) = (&way.found.rule.filters, &way.backend.filters);
    if rule.mirrors.is_empty() && backend.mirrors.is_empty() {
        return None;
    }
    let settings = client.socket.settings();
    let limits = &settings.limits;
    let worker = &client.worker;
    let mut copies = Vec::new();
    for (before, own) in [(None, rule), (Some(rule), backend)] {
        let chosen = |mirror: &&Mirror| mirror.takes(fastrand::u32(0..mirror.denominator));
        for mirror in own.mirrors.iter().filter(chosen) {
            if upgrade {
                drop_copy(worker, MirrorDrop::Upgrade);
            } else if let Some(place) = worker.mirrors.take(limits.mirrors) {
                let outgoing = outgoing(way, head, mirror, before, own);
                copies.push(Mirrored { to: mirror.upstream, outgoing, place });
            } else {
                drop_copy(worker, MirrorDrop::TooMany);
            }
        }
    }
    let all = |copies| Copies {
        worker: worker.clone(),
        copies,
        body: Vec::new(),
        room: limits.mirror_bytes,
        limit: limits.mirror_time,
    };
    (!copies.is_empty()).then(|| Box::new(all(copies)))
}

fn drop_copy(worker: &Worker, reason: MirrorDrop) {
    worker.metrics.process().mirrors.dropped(reason).increment();
}

/// The request as it is when it comes to the mirror: behind all filters of the rule, if the mirror
/// is a backend's, and behind those beside it that stand before it.
fn outgoing(
    way: &Way<'_>,
    head: &Parts,
    mirror: &Mirror,
    before: Option<&Filters>,
    own: &Filters,
) -> Outgoing {
    let mut headers = head.headers.clone();
    if let Some(before) = before {
        filters::request(before, &mut headers);
    }
    if mirror.edited {
        filters::edit_request(own, &mut headers);
    }
    if mirror.rewritten {
        filters::rewrite_host(own, &mut headers);
    }
    let rewrites = [before, Some(own).filter(|_| mirror.rewritten)];
    Outgoing {
        method: head.method.clone(),
        uri: head.uri.clone(),
        path: way.path(&head.uri, rewrites),
        headers,
        source: None,
        upgrade: None,
        identity: way.listener.identity.clone(),
        is_rpc: way.found.rule.route.kind == RouteKind::Grpc,
    }
}

impl Copies {
    /// Takes a piece of the body; returns whether there are copies that want more.
    pub(super) fn take(&mut self, data: &Bytes) -> bool {
        match self.room.checked_sub(data.len()) {
            Some(room) => {
                self.room = room;
                self.body.push(data.clone());
                true
            }
            None => {
                self.drop_all(MirrorDrop::BodyTooLarge);
                false
            }
        }
    }

    /// Sends the copies of a request without a body.
    pub(super) fn send(self) {
        self.send_with(|_| None);
    }

    /// Sends the copies with the body, which has come in whole.
    pub(super) fn send_body(self, trailers: Option<&HeaderMap>) {
        self.send_with(|body| Some(Source::whole(body, trailers.cloned())));
    }

    fn send_with(mut self, source: impl Fn(Vec<Bytes>) -> Option<Source>) {
        for mut copy in std::mem::take(&mut self.copies) {
            copy.outgoing.source = source(self.body.clone());
            tokio::task::spawn_local(copy.run(self.worker.clone(), self.limit));
        }
    }

    fn drop_all(&mut self, reason: MirrorDrop) {
        for _ in self.copies.drain(..) {
            drop_copy(&self.worker, reason);
        }
    }
}

/// What was not sent by then never will be.
impl Drop for Copies {
    fn drop(&mut self) {
        self.drop_all(MirrorDrop::Incomplete);
    }
}

impl Mirrored {
    async fn run(self, worker: Rc<Worker>, limit: Duration) {
        let Self { to, outgoing, place: _place } = self;
        // As of now: the body may have taken its time.
        let Some(upstream) = worker.table().upstreams.get(to).cloned() else {
            return drop_copy(&worker, MirrorDrop::NoReadyTargets);
        };
        upstream.metrics.active_requests.increment();
        let sent = timeout(limit, send(&worker, &upstream, &outgoing)).await;
        upstream.metrics.active_requests.decrement();
        match sent.unwrap_or(Err(MirrorDrop::Timeout)) {
            Ok(()) => worker.metrics.process().mirrors.answered.increment(),
            Err(reason) => drop_copy(&worker, reason),
        }
    }
}

/// Sends a copy to one endpoint, once.
async fn send(worker: &Worker, upstream: &Arc<Upstream>, outgoing: &Outgoing) -> Result<(), MirrorDrop> {
    let pick = upstream.pick(&mut worker.splits.borrow_mut(), &[]).map_err(|_| MirrorDrop::NoReadyTargets)?;
    let _in_flight = InFlight::new(pick.endpoint);
    upstream.metrics.attempts.increment();
    let ready = forward::connection(worker, upstream, &pick, outgoing, false).await;
    let sent = match ready.map_err(|_| MirrorDrop::ConnectFailed)? {
        Ready::Http1(connection) => send_http1(worker, &pick, connection, outgoing).await,
        Ready::Http2(connection) => send_http2(&pick, connection, outgoing).await,
    };
    sent.map_err(|error| {
        upstream.metrics.resets.increment();
        tracing::debug!(upstream = %upstream.label, %error, "a copy was not answered");
        MirrorDrop::Reset
    })
}

async fn send_http1(
    worker: &Worker,
    pick: &Pick<'_>,
    mut connection: Box<Http1<RequestBody>>,
    outgoing: &Outgoing,
) -> Result<(), SendError> {
    let body = RequestBody::new(outgoing.source.as_ref());
    let answer = connection.send(&forward::http1_head(pick, outgoing), body).await?;
    // Nobody asked for it, and what comes behind it is no HTTP.
    if answer.status() == StatusCode::SWITCHING_PROTOCOLS {
        return Ok(());
    }
    let is_read = read(|cx| connection.poll_frame(cx)).await;
    if is_read && connection.finish() {
        worker.pool.borrow_mut().put(connection);
    }
    Ok(())
}

async fn send_http2(
    pick: &Pick<'_>,
    mut connection: Http2<RequestBody>,
    outgoing: &Outgoing,
) -> Result<(), SendError> {
    let _stream = connection.stream();
    let response = connection.sender.send_request(forward::http2_request(pick, outgoing)?).await?;
    let mut body = response.into_body();
    // What is left unread is reset.
    read(|cx| Pin::new(&mut body).poll_frame(cx)).await;
    Ok(())
}

/// Reads an answer's body and drops it; whether it came to its end. How it ends is of no interest.
async fn read<E>(mut poll: impl FnMut(&mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, E>>>) -> bool {
    let mut left = READ;
    while let Some(frame) = poll_fn(&mut poll).await {
        let Ok(frame) = frame else { return false };
        let length = frame.data_ref().map_or(0, Bytes::len);
        let Some(less) = left.checked_sub(length) else { return false };
        left = less;
    }
    true
}

#[cfg(test)]
mod tests;
