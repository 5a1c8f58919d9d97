//! One request, phase by phase: screen, filter by the listener, find the rule, filter, pick a backend, forward.

use super::answer;
use super::auth::{self, Change, Stage};
use super::connection::Client;
use super::cors::{self, Sharing};
use super::filters;
use super::forward::{self, Outgoing};
use super::headers;
use super::mirror;
use super::record::Record;
use super::request_body::Source;
use super::response_body::ResponseBody;
use super::screen::{Screened, screen};
use super::session::{self, Sticky};
use super::trace::Seen;
use super::worker::Worker;
use crate::model::{Reason, RouteKind, Transport};
use crate::table::{self, Backend, Belonging, Bind, Found, Listener, Rule, Table, Target};
use http::header::{CONNECTION, CONTENT_LENGTH, HeaderValue};
use http::request::Parts;
use http::{HeaderMap, Request, Response, StatusCode, Uri, Version};
use http_body::Body;
use hyper::body::Incoming;
use hyper::upgrade::OnUpgrade;
use std::borrow::Cow;
use std::convert::Infallible;
use std::rc::Rc;
use std::sync::Arc;

/// Answers a request; the record of it ends with the answer's body.
pub(super) async fn handle(
    client: Rc<Client>,
    request: Request<Incoming>,
) -> Result<Response<ResponseBody>, Infallible> {
    let (mut head, body) = request.into_parts();
    let mut record = Record::begin(&client, &head);
    let mut closing = false;
    let mut sharing = None;
    let version = head.version;
    let is_rpc = answer::is_rpc(&head);
    let settings = client.socket.settings();
    let response = match screen(&mut head, &settings.limits) {
        Err(reason) => Err(reason),
        Ok(screened) => {
            closing |= had_two_lengths(&client, &head, &screened);
            serve(&client, head, body, &screened, &mut record, &mut sharing).await
        }
    };
    let mut response = match response {
        Ok(response) => response,
        Err(reason) => {
            closing |= answer::closes(reason);
            let answer = if is_rpc { answer::rpc(reason) } else { answer::answer(reason) };
            record.answered(answer.status(), Some(reason));
            answer
        }
    };
    if let Some(sharing) = sharing {
        sharing.mark(response.headers_mut());
    }
    // Only now: a drain may have begun since the head came.
    closing |= client.worker.announcing.get();
    if version == Version::HTTP_2 {
        client.finish_http2(closing);
    } else if closing && response.status() != StatusCode::SWITCHING_PROTOCOLS {
        // A switched connection carries no further request, and its `Connection` says so already.
        response.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
    }
    record.head(response.headers());
    response.body_mut().set_record(record);
    Ok(response)
}

/// RFC 9112 §6.3: the connection of such a request is closed after the answer.
fn had_two_lengths(client: &Client, head: &Parts, screened: &Screened) -> bool {
    if head.version == Version::HTTP_2 {
        return false;
    }
    let has_length = head.headers.contains_key(CONTENT_LENGTH);
    let chunked = head.headers.contains_key(http::header::TRANSFER_ENCODING);
    screened.two_lengths || (has_length || chunked) && client.handle.activity.had_two_lengths(has_length)
}

async fn serve(
    client: &Rc<Client>,
    head: Parts,
    body: Incoming,
    screened: &Screened,
    record: &mut Record,
    sharing: &mut Option<Box<Sharing>>,
) -> Result<Response<ResponseBody>, Reason> {
    let path = screened.path.as_deref().unwrap_or_else(|| head.uri.path());
    record.screened(&screened.host, path);
    let table = client.worker.table();
    let bind = table.bind(client.socket.address).ok_or(Reason::NoRoute)?;
    if let Some(tracing) = &bind.tracing {
        let (scheme, port) = (client.scheme(), bind.listeners().next().map_or(0, |listener| listener.port));
        let address = client.address_by(&head.headers);
        let seen = Seen { head: &head, screened, path, scheme, client: address, peer: client.peer, port };
        record.trace(tracing, &seen);
    }
    let listener = claim(client, bind, &screened.host)?;
    client.count_with(listener);
    record.listener(listener);
    let (found, mut arrived) = if listener.filters.is_empty() {
        let found = find(listener, screened, &head, &head.headers)?;
        (found, Arrived::new(client, screened, listener, head, body, record))
    } else {
        // Rules match what the client said of its connection, too, which no backend gets.
        let mut matched = head.headers.clone();
        let mut arrived = Arrived::new(client, screened, listener, head, body, record);
        let checked = Box::pin(auth::before_routing(client, &table, &mut arrived, &mut matched, record));
        if let Some(answer) = checked.await? {
            return Ok(answer);
        }
        (find(listener, screened, &arrived.head, &matched)?, arrived)
    };
    record.found(&found);
    if cors::is_preflight(&found.rule.filters, &arrived.head, sharing)? {
        return Ok(preflight(&found.rule.filters, &arrived, record));
    }
    if let Some(source) = &arrived.source {
        source.keep(found.rule.body_before);
    }
    if found.rule.filters.auth.is_some() {
        let stage = Stage { before: None, own: &found.rule.filters };
        let checked = Box::pin(auth::check(client, &table, &found, stage, &mut arrived, record));
        if let Some(answer) = checked.await? {
            return Ok(answer);
        }
    }
    if let Some(redirect) = &found.rule.filters.redirect {
        let request = arrived.request();
        let mut response = filters::redirect(redirect, &found, &request, client.scheme(), listener.port)
            .ok_or(Reason::Internal)?;
        filters::response(&found.rule.filters, response.headers_mut());
        auth::apply(&arrived.answer, response.headers_mut());
        record.answered(response.status(), Some(Reason::Redirect));
        return Ok(response);
    }
    send(client, &table, found, arrived, record, sharing).await
}

/// The rule for a request.
fn find<'a>(
    listener: &'a Listener,
    screened: &Screened,
    head: &Parts,
    headers: &HeaderMap,
) -> Result<Found<'a>, Reason> {
    let request = table::Request {
        host: &screened.host,
        path: screened.path.as_deref().unwrap_or_else(|| head.uri.path()),
        query: head.uri.query(),
        method: &head.method,
        headers,
    };
    listener.find(&request).ok_or(Reason::NoRoute)
}

/// Sends a request to the backend whose turn it is.
async fn send(
    client: &Rc<Client>,
    table: &Table,
    found: Found<'_>,
    mut arrived: Arrived<'_>,
    record: &mut Record,
    sharing: &mut Option<Box<Sharing>>,
) -> Result<Response<ResponseBody>, Reason> {
    let backend = pick(&client.worker, found.rule)?;
    if cors::is_preflight(&backend.filters, &arrived.head, sharing)? {
        return Ok(preflight(&backend.filters, &arrived, record));
    }
    let slot = match &backend.target {
        Target::Upstream(slot) => *slot,
        Target::Broken(reason) => {
            record.broken_backend(&backend.name);
            return Err(*reason);
        }
    };
    if backend.filters.auth.is_some() {
        let stage = Stage { before: Some(&found.rule.filters), own: &backend.filters };
        let checked = Box::pin(auth::check(client, table, &found, stage, &mut arrived, record));
        if let Some(answer) = checked.await? {
            return Ok(answer);
        }
    }
    let upstream = table.upstreams.get(slot).ok_or(Reason::NoReadyTargets)?;
    record.upstream(upstream);
    let mut session = backend.session.as_ref().map(|persistence| {
        let headers = &arrived.head.headers;
        let sticky = Sticky::new(persistence, upstream, headers, &client.worker.tokens, session::now());
        (Box::new(sticky), headers::is_secure(headers, &sender(client)))
    });
    let way = Way { listener: arrived.listener, found, backend, screened: arrived.screened };
    let answer = std::mem::take(&mut arrived.answer);
    let outgoing = outgoing(client, &way, arrived, record);
    let sticky = session.as_mut().map(|(sticky, _)| &mut **sticky);
    let mut response = forward::forward(client, upstream, way.found.rule, outgoing, sticky, record).await?;
    for filters in [&backend.filters, &way.found.rule.filters] {
        filters::response(filters, response.headers_mut());
    }
    // Behind the filters, which are about the backend's own.
    auth::apply(&answer, response.headers_mut());
    if let Some((sticky, secure)) = session {
        sticky.mark(&client.worker.tokens, secure, response.headers_mut());
    }
    Ok(response)
}

/// Answers a preflight.
fn preflight(filters: &table::Filters, arrived: &Arrived<'_>, record: &mut Record) -> Response<ResponseBody> {
    let mut response = cors::preflight_answer(filters);
    auth::apply(&arrived.answer, response.headers_mut());
    record.answered(response.status(), Some(Reason::CorsPreflight));
    response
}

/// The listener that serves the host on this connection.
fn claim<'a>(client: &Client, bind: &'a Bind, host: &str) -> Result<&'a Arc<Listener>, Reason> {
    match &client.pinned {
        // The socket spoke plain HTTP when the connection came.
        None if bind.transport != Transport::Http => Err(Reason::Misdirected),
        None => bind.listener_for(host).ok_or(Reason::NoRoute),
        Some(pinned) => match bind.belonging(pinned, host) {
            Belonging::Here(listener) => Ok(listener),
            Belonging::Misdirected => Err(Reason::Misdirected),
            Belonging::Nowhere => Err(Reason::NoRoute),
        },
    }
}

/// The backend whose turn it is.
pub(super) fn pick<'a>(worker: &Worker, rule: &'a Rule) -> Result<&'a Backend, Reason> {
    let index = match rule.split.single() {
        Some(index) => index,
        None => worker.splits.borrow_mut().next(rule.split_id, &rule.split).ok_or(Reason::NoBackends)?,
    };
    rule.backends.get(index).ok_or(Reason::Internal)
}

/// What was decided of a request.
pub(super) struct Way<'a> {
    pub(super) listener: &'a Listener,
    pub(super) found: Found<'a>,
    pub(super) backend: &'a Backend,
    screened: &'a Screened,
}

impl Way<'_> {
    /// The path that is asked for, if it is not the one that came: in normal form, and rewritten by
    /// those of the rule's and the backend's filters that are given.
    pub(super) fn path(&self, uri: &Uri, rewrites: [Option<&table::Filters>; 2]) -> Option<Box<str>> {
        let path = self.screened.path.as_deref().unwrap_or_else(|| uri.path());
        let path = filters::path(&self.found, rewrites, path);
        // Nothing to remember of a path that is sent as it came.
        (self.screened.path.is_some() || matches!(path, Cow::Owned(_))).then(|| path.into())
    }
}

fn sender(client: &Client) -> headers::Sender<'_> {
    headers::Sender { address: &client.address_text, trusted: client.is_trusted(), scheme: client.scheme() }
}

/// A request whose head is fit for a target, before any filter has edited it.
pub(super) struct Arrived<'a> {
    pub(super) head: Parts,
    screened: &'a Screened,
    /// The listener that serves it.
    pub(super) listener: &'a Arc<Listener>,
    /// The body; none for a request without.
    pub(super) source: Option<Source>,
    /// The protocol that the client asks for.
    upgrade: Option<HeaderValue>,
    /// What the services of the rule's and the backend's filters want the backend to get differently.
    pub(super) by_rule: Vec<Change>,
    pub(super) by_backend: Vec<Change>,
    /// What they want the client to get differently.
    pub(super) answer: Vec<Change>,
}

impl<'a> Arrived<'a> {
    fn new(
        client: &Client,
        screened: &'a Screened,
        listener: &'a Arc<Listener>,
        mut head: Parts,
        body: Incoming,
        record: &mut Record,
    ) -> Self {
        let upgrade = (head.version == Version::HTTP_11).then(|| headers::upgrade(&head.headers)).flatten();
        headers::prepare_request(&mut head.headers, &screened.authority, &sender(client));
        record.mark(&mut head.headers);
        let source =
            (!body.is_end_stream()).then(|| Source::new(body, client.socket.settings().limits.replay_bytes));
        if let Some(source) = &source {
            record.source(source);
        }
        let (by_rule, by_backend, answer) = (Vec::new(), Vec::new(), Vec::new());
        Self { head, screened, listener, source, upgrade, by_rule, by_backend, answer }
    }

    /// Its path, in normal form.
    pub(super) fn path(&self) -> &str {
        self.screened.path.as_deref().unwrap_or_else(|| self.head.uri.path())
    }

    fn request(&self) -> table::Request<'_> {
        table::Request {
            host: &self.screened.host,
            path: self.path(),
            query: self.head.uri.query(),
            method: &self.head.method,
            headers: &self.head.headers,
        }
    }
}

/// The request as its target shall see it. Copies of it go out from here, or with its body.
fn outgoing(client: &Rc<Client>, way: &Way<'_>, arrived: Arrived<'_>, record: &mut Record) -> Outgoing {
    let (rule, backend) = (way.found.rule, way.backend);
    let Arrived { mut head, source, upgrade, by_rule, by_backend, .. } = arrived;
    let on_upgrade = upgrade.as_ref().and_then(|_| head.extensions.remove::<OnUpgrade>());
    let copies = mirror::copies(client, way, &head, upgrade.is_some());
    for (filters, changes) in [(&rule.filters, &by_rule), (&backend.filters, &by_backend)] {
        auth::edit(filters, changes, &mut head.headers);
    }
    record.request_id(head.headers.get(headers::X_REQUEST_ID));
    match (copies, &source) {
        (Some(copies), Some(source)) => source.copy_to(copies),
        (Some(copies), None) => copies.send(),
        (None, _) => {}
    }
    let path = way.path(&head.uri, [Some(&rule.filters), Some(&backend.filters)]);
    Outgoing {
        method: head.method,
        uri: head.uri,
        path,
        headers: head.headers,
        source,
        upgrade: upgrade.zip(on_upgrade),
        identity: way.listener.identity.clone(),
        is_rpc: rule.route.kind == RouteKind::Grpc,
    }
}

impl Client {
    /// HTTP/2 has no `Connection: close`: the connection itself says that it goes.
    fn finish_http2(&self, closing: bool) {
        self.handle.needs_goaway.set(true);
        if closing {
            self.handle.tell(super::activity::Command::Finish);
        }
    }
}
