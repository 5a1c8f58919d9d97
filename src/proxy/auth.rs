//! The ExternalAuth filter (GEP-1494): another service decides whether a request goes on. "If there is
//! any problem communicating with the external service, this filter MUST fail closed."

mod change;
mod grpc;
mod messages;
mod plain;

pub(super) use change::{Change, apply, edit};

use super::answer;
use super::connection::Client;
use super::filters;
use super::forward::Outgoing;
use super::headers;
use super::record::Record;
use super::request::Arrived;
use super::request_body::{RequestBody, Source};
use super::response_body::ResponseBody;
use crate::model::Reason;
use crate::table::{AuthProtocol, ExternalAuth, Filters, Found, Table, Target};
use crate::upstream::Upstream;
use ::http::{HeaderMap, Response, Uri};
use bytes::Bytes;
use http_body::Body;
use std::future::{Future, poll_fn};
use std::pin::Pin;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::{Instant, timeout, timeout_at};

/// What a service says of a request.
pub(super) enum Verdict {
    /// It goes on.
    Allowed {
        /// What the backend gets differently.
        request: Vec<Change>,
        /// What the client gets differently.
        answer: Vec<Change>,
    },
    /// It does not, and this is the answer.
    Denied(Response<ResponseBody>),
}

/// A request about which a service is asked.
pub(super) struct Question<'a> {
    client: &'a Rc<Client>,
    auth: &'a ExternalAuth,
    arrived: &'a Arrived<'a>,
    /// Its fields, as they are by the time of the filter.
    headers: HeaderMap,
    /// Its path, as it is by then.
    path: Box<str>,
    /// Its body, if the service gets it.
    body: Vec<Bytes>,
}

/// The filters by which a request comes to the one that asks.
pub(super) struct Stage<'a> {
    /// Those of the rule, where a backend's asks.
    pub(super) before: Option<&'a Filters>,
    /// Those that it is among.
    pub(super) own: &'a Filters,
}

/// Asks the services of the listener's filters (GEP-5224) before a rule is looked for, one after the
/// other, each about what those before it made of the request; an answer instead if the request does not
/// go on. `matched` is the head that rules are matched with: what changes there changes in the request
/// itself as well, for whoever comes behind.
pub(super) async fn before_routing(
    client: &Rc<Client>,
    table: &Table,
    arrived: &mut Arrived<'_>,
    matched: &mut HeaderMap,
    record: &mut Record,
) -> Result<Option<Response<ResponseBody>>, Reason> {
    let listener = arrived.listener.clone();
    if let Some(source) = &arrived.source {
        source.keep(listener.filters.iter().map(|auth| auth.max_body).max().unwrap_or_default());
    }
    for auth in &listener.filters {
        let verdict = as_it_is(client, table, auth, arrived).await;
        match heed(verdict, auth, arrived, record)? {
            Heeded::Answer(response) => return Ok(Some(response)),
            Heeded::GoesOn(changes) => {
                apply(&changes, matched);
                apply(&changes, &mut arrived.head.headers);
            }
        }
    }
    // The services know it by this name, whether or not there is a rule for it.
    record.request_id(arrived.head.headers.get(headers::X_REQUEST_ID));
    Ok(None)
}

/// Asks about a request as it is by now.
async fn as_it_is(
    client: &Rc<Client>,
    table: &Table,
    auth: &ExternalAuth,
    arrived: &Arrived<'_>,
) -> Result<Verdict, Reason> {
    let upstream = upstream(auth, table)?;
    let body = body(arrived.source.as_ref(), auth.max_body).await?;
    let (headers, path) = (arrived.head.headers.clone(), arrived.path().into());
    Question { client, auth, arrived, headers, path, body }.ask(upstream).await
}

/// Where the service is.
fn upstream<'a>(auth: &ExternalAuth, table: &'a Table) -> Result<&'a Arc<Upstream>, Reason> {
    match &auth.target {
        Target::Broken(reason) => Err(*reason),
        Target::Upstream(slot) => table.upstreams.get(*slot).ok_or(Reason::AuthUnavailable),
    }
}

/// What becomes of a request.
enum Heeded {
    /// It goes on with these changes.
    GoesOn(Vec<Change>),
    Answer(Response<ResponseBody>),
}

/// Takes a verdict in.
fn heed(
    verdict: Result<Verdict, Reason>,
    auth: &ExternalAuth,
    arrived: &mut Arrived<'_>,
    record: &mut Record,
) -> Result<Heeded, Reason> {
    if !matches!(verdict, Ok(Verdict::Allowed { .. })) {
        record.broken_backend(&auth.name);
        record.request_id(arrived.head.headers.get(headers::X_REQUEST_ID));
    }
    match verdict? {
        Verdict::Denied(response) => {
            let is_rpc = answer::is_rpc(&arrived.head);
            let response = if is_rpc { answer::as_rpc(response, Reason::AuthDenied) } else { response };
            record.answered(response.status(), Some(Reason::AuthDenied));
            Ok(Heeded::Answer(response))
        }
        Verdict::Allowed { request, answer: changes } => {
            arrived.answer.extend(changes);
            Ok(Heeded::GoesOn(request))
        }
    }
}

/// Asks the service of a filter, if there is one; an answer instead if the request does not go on.
pub(super) async fn check(
    client: &Rc<Client>,
    table: &Table,
    found: &Found<'_>,
    stage: Stage<'_>,
    arrived: &mut Arrived<'_>,
    record: &mut Record,
) -> Result<Option<Response<ResponseBody>>, Reason> {
    let Some(auth) = &stage.own.auth else { return Ok(None) };
    let asked = async {
        let upstream = upstream(auth, table)?;
        let body = body(arrived.source.as_ref(), auth.max_body).await?;
        Question::new(client, auth, found, &stage, arrived, body).ask(upstream).await
    };
    let limit = found.rule.timeouts.request.map(|limit| Instant::from_std(record.started()) + limit);
    let verdict = match limit {
        Some(limit) => timeout_at(limit, asked).await.unwrap_or(Err(Reason::RouteTimeout)),
        None => asked.await,
    };
    match heed(verdict, auth, arrived, record)? {
        Heeded::Answer(response) => Ok(Some(response)),
        Heeded::GoesOn(request) => {
            let changes = if stage.before.is_none() { &mut arrived.by_rule } else { &mut arrived.by_backend };
            *changes = request;
            Ok(None)
        }
    }
}

/// The body of a request that a service gets, and that the backend gets after it. "Bodies over that
/// size must be rejected with a 4xx series error": a part of one would be judged for the whole.
async fn body(source: Option<&Source>, most: usize) -> Result<Vec<Bytes>, Reason> {
    let Some(source) = source.filter(|_| most > 0) else { return Ok(Vec::new()) };
    let mut reading = RequestBody::new(Some(source));
    if reading.size_hint().lower() > most as u64 {
        return Err(Reason::AuthBodyTooLarge);
    }
    let (mut pieces, mut length) = (Vec::new(), 0);
    while let Some(frame) = poll_fn(|cx| Pin::new(&mut reading).poll_frame(cx)).await {
        let frame = frame.map_err(|_| source.failure().unwrap_or(Reason::ClientGone))?;
        if let Ok(data) = frame.into_data() {
            length += data.len();
            if length > most {
                return Err(Reason::AuthBodyTooLarge);
            }
            pieces.push(data);
        }
    }
    Ok(pieces)
}

impl<'a> Question<'a> {
    fn new(
        client: &'a Rc<Client>,
        auth: &'a ExternalAuth,
        found: &Found<'_>,
        stage: &Stage<'_>,
        arrived: &'a Arrived<'a>,
        body: Vec<Bytes>,
    ) -> Self {
        let mut headers = arrived.head.headers.clone();
        if let Some(before) = stage.before {
            edit(before, &arrived.by_rule, &mut headers);
        }
        if auth.edited {
            filters::edit_request(stage.own, &mut headers);
        }
        if auth.rewritten {
            filters::rewrite_host(stage.own, &mut headers);
        }
        let rewrites = [stage.before, Some(stage.own).filter(|_| auth.rewritten)];
        let rewrites = if stage.before.is_some() { rewrites } else { [rewrites[1], None] };
        let path = filters::path(found, rewrites, arrived.path()).into();
        Self { client, auth, arrived, headers, path, body }
    }

    async fn ask(&self, upstream: &Arc<Upstream>) -> Result<Verdict, Reason> {
        match &self.auth.protocol {
            AuthProtocol::Http { prefix, send, copy } => plain::ask(self, upstream, prefix, send, copy).await,
            AuthProtocol::Grpc { send } => grpc::ask(self, upstream, send).await,
        }
    }

    /// The answer to what is sent, within the limit for it.
    async fn within<T>(&self, asked: impl Future<Output = Result<T, Reason>>) -> Result<T, Reason> {
        let limit: Duration = self.client.socket.settings().limits.auth_time;
        // That of all that can go wrong is told at once; the client is told no more than that.
        timeout(limit, asked).await.unwrap_or(Err(Reason::ConnectTimeout)).map_err(|reason| {
            tracing::debug!(service = %self.auth.name, reason = reason.as_str(), "no answer whether a request may go on");
            Reason::AuthUnavailable
        })
    }

    /// A request for the service.
    fn outgoing(
        &self,
        method: ::http::Method,
        uri: Uri,
        path: Option<Box<str>>,
        headers: HeaderMap,
    ) -> Outgoing {
        let identity = self.arrived.listener.identity.clone();
        Outgoing { method, uri, path, headers, source: None, upgrade: None, is_rpc: false, identity }
    }
}
