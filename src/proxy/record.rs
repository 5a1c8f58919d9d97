//! What is noted of a request, from its head to the end of its answer.
//!
//! The record goes along with the request, then with the answer's body. Whatever happens to
//! them, it is written when it is dropped, once.

use super::connection::Client;
use super::forward::RetryReason;
use super::request_body::Source;
use super::trace::{Ending, Seen, Trace};
use crate::model::Reason;
use crate::support::drain::Phase;
use crate::table::{Found, Listener, Rule, Tracing};
use crate::telemetry;
use crate::upstream::{InFlight, Upstream};
use http::header::{HeaderMap, HeaderValue, USER_AGENT};
use http::request::Parts;
use http::{Method, StatusCode, Version};
use std::net::IpAddr;
use std::rc::Rc;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// The record of one request.
pub(super) struct Record(Box<Inner>);

struct Inner {
    client: Rc<Client>,
    started: Instant,
    status: StatusCode,
    reason: Option<Reason>,
    listener: Option<Arc<Listener>>,
    rule: Option<Arc<Rule>>,
    upstream: Option<Arc<Upstream>>,
    in_flight: Option<InFlight>,
    source: Option<Source>,
    attempts: u32,
    bytes_sent: u64,
    line: Option<Line>,
    /// Of a request of a Gateway whose requests become spans.
    trace: Option<Box<Trace>>,
}

/// What only the access log wants; not gathered for a request without a line.
struct Line {
    client_address: IpAddr,
    protocol: Version,
    method: Method,
    user_agent: Option<HeaderValue>,
    host: Option<Box<str>>,
    path: Option<Box<str>>,
    request_id: Option<HeaderValue>,
    retry_reasons: Vec<RetryReason>,
    backend: Option<Arc<str>>,
}

impl Record {
    /// Of a request whose head came just now.
    pub(super) fn begin(client: &Rc<Client>, head: &Parts) -> Self {
        client.handle.activity.begin();
        let line = client.socket.sampler.take().then(|| Line {
            client_address: client.address_by(&head.headers),
            protocol: head.version,
            method: head.method.clone(),
            user_agent: head.headers.get(USER_AGENT).cloned(),
            host: None,
            path: None,
            request_id: None,
            retry_reasons: Vec::new(),
            backend: None,
        });
        Self(Box::new(Inner {
            client: client.clone(),
            started: Instant::now(),
            // What it is if the request is dropped before there is an answer.
            status: super::answer::status(Reason::ClientGone),
            reason: Some(Reason::ClientGone),
            listener: None,
            rule: None,
            upstream: None,
            in_flight: None,
            source: None,
            attempts: 0,
            bytes_sent: 0,
            line,
            trace: None,
        }))
    }

    /// Of a request whose head could not be read: hyper has answered it, with the status that
    /// goes with the reason.
    pub(super) fn unreadable(client: &Client, reason: Reason) {
        client.worker.metrics.process().count_answer(reason);
        if client.socket.sampler.take() {
            client.worker.log.write(&telemetry::Record {
                listener: None,
                route: None,
                rule: None,
                backend: None,
                endpoint: None,
                attempts: 0,
                retry_reasons: &[],
                reason: Some(reason),
                client_address: client.address.ip(),
                peer_address: client.peer,
                protocol: protocol_name(Version::HTTP_11),
                method: None,
                host: None,
                path: None,
                status: Some(super::answer::status(reason).as_u16()),
                request_id: None,
                trace_id: None,
                user_agent: None,
                bytes_received: 0,
                bytes_sent: 0,
                datagrams: None,
                duration: Duration::ZERO,
            });
        }
    }

    /// When its head came.
    pub(super) fn started(&self) -> Instant {
        self.0.started
    }

    /// Why the gateway made the answer that there is, if it did.
    pub(super) fn reason(&self) -> Option<Reason> {
        self.0.reason
    }

    /// The head in its one reading.
    pub(super) fn screened(&mut self, host: &str, path: &str) {
        if let Some(line) = &mut self.0.line {
            line.host = Some(host.into());
            line.path = Some(path.into());
        }
    }

    /// The request belongs to a trace from here on.
    pub(super) fn trace(&mut self, tracing: &Arc<Tracing>, seen: &Seen<'_>) {
        self.0.trace = Some(Box::new(Trace::begin(tracing, seen, self.0.started)));
    }

    /// Says in a head that is to go on which trace that is.
    pub(super) fn mark(&self, headers: &mut HeaderMap) {
        if let Some(trace) = &self.0.trace {
            trace.mark(headers);
        }
    }

    /// The same for the attempt that is under way.
    pub(super) fn mark_attempt(&self, headers: &mut HeaderMap) {
        if let Some(trace) = &self.0.trace {
            trace.mark_attempt(headers);
        }
    }

    /// The head of the answer that the client gets.
    pub(super) fn head(&mut self, headers: &HeaderMap) {
        if let Some(trace) = &mut self.0.trace {
            trace.answer(headers);
        }
    }

    /// What comes behind the answer's body.
    pub(super) fn trailers(&mut self, trailers: &HeaderMap) {
        if let Some(trace) = &mut self.0.trace {
            trace.trailers(trailers);
        }
    }

    /// The id that the request has from here on.
    pub(super) fn request_id(&mut self, id: Option<&HeaderValue>) {
        if let Some(line) = &mut self.0.line {
            line.request_id = id.cloned();
        }
    }

    /// The listener that serves it.
    pub(super) fn listener(&mut self, listener: &Arc<Listener>) {
        self.0.listener = Some(listener.clone());
    }

    /// The rule that matched.
    pub(super) fn found(&mut self, found: &Found<'_>) {
        self.0.rule = Some(found.rule.clone());
        if let Some(trace) = &mut self.0.trace {
            trace.found(found);
        }
    }

    /// A backendRef that leads nowhere, as the user wrote it.
    pub(super) fn broken_backend(&mut self, reference: &Arc<str>) {
        if let Some(line) = &mut self.0.line {
            line.backend = Some(reference.clone());
        }
    }

    /// Where it is sent.
    pub(super) fn upstream(&mut self, upstream: &Arc<Upstream>) {
        upstream.metrics.active_requests.increment();
        self.0.upstream = Some(upstream.clone());
    }

    /// The client's body, to count it.
    pub(super) fn source(&mut self, source: &Source) {
        self.0.source = Some(source.clone());
    }

    /// An attempt at an endpoint begins.
    pub(super) fn attempt(&mut self, in_flight: InFlight) {
        self.0.attempts += 1;
        if let Some(trace) = &mut self.0.trace {
            trace.attempt(in_flight.endpoint().address);
        }
        self.0.in_flight = Some(in_flight);
        if let Some(upstream) = &self.0.upstream {
            upstream.metrics.attempts.increment();
            if self.0.attempts > 1 {
                upstream.metrics.retries.increment();
            }
        }
    }

    /// The attempt failed or its answer is not final, and there will be another.
    pub(super) fn retried(&mut self, reason: RetryReason) {
        if let Some(trace) = &mut self.0.trace {
            trace.attempt_failed(reason.as_str());
        }
        if let Some(line) = &mut self.0.line {
            line.retry_reasons.push(reason);
        }
        self.unanswered();
    }

    /// What it is if the request is dropped before there is an answer.
    fn unanswered(&mut self) {
        self.0.status = super::answer::status(Reason::ClientGone);
        self.0.reason = Some(Reason::ClientGone);
    }

    /// There is an answer; `reason` if the gateway made it.
    pub(super) fn answered(&mut self, status: StatusCode, reason: Option<Reason>) {
        self.0.status = status;
        self.0.reason = reason;
        if let Some(reason) = reason {
            self.0.client.worker.metrics.process().count_answer(reason);
        }
    }

    /// Bytes of the answer's body were handed on.
    pub(super) fn sent(&mut self, bytes: usize) {
        self.0.bytes_sent += bytes as u64;
    }

    /// Bytes that a tunnel carried to the client.
    pub(super) fn tunnelled(&mut self, bytes: u64) {
        self.0.bytes_sent += bytes;
    }

    /// The answer is cut off: it took longer than the rule allows.
    pub(super) fn timed_out(&mut self, reason: Reason) {
        self.0.reason = Some(reason);
        if let Some(upstream) = &self.0.upstream {
            upstream.metrics.timeouts.increment();
        }
    }

    /// The answer broke off.
    pub(super) fn cut(&mut self) {
        self.0.reason = Some(Reason::UpstreamReset);
        if let Some(upstream) = &self.0.upstream {
            upstream.metrics.resets.increment();
        }
    }
}

impl Inner {
    fn ending(&self) -> Ending<'_> {
        Ending {
            status: self.status,
            reason: self.reason,
            listener: self.listener.as_ref().map(|listener| &*listener.name),
            route: self.rule.as_ref().map(|rule| &*rule.route_name),
            rule: self.rule.as_ref().map(|rule| &*rule.name),
            backend: self.upstream.as_ref().map(|upstream| &*upstream.label),
            received: self.source.as_ref().map_or(0, Source::received),
            sent: self.bytes_sent,
        }
    }

    fn write_line(&self, line: &Line) {
        let retry_reasons: Vec<_> = line.retry_reasons.iter().map(RetryReason::as_str).collect();
        let record = telemetry::Record {
            listener: self.listener.as_ref().map(|listener| &*listener.name),
            route: self.rule.as_ref().map(|rule| &*rule.route_name),
            rule: self.rule.as_ref().map(|rule| &*rule.name),
            backend: self.upstream.as_ref().map(|upstream| &*upstream.label).or(line.backend.as_deref()),
            endpoint: self.in_flight.as_ref().map(|in_flight| in_flight.endpoint().address),
            attempts: self.attempts,
            retry_reasons: &retry_reasons,
            reason: self.reason,
            client_address: line.client_address,
            peer_address: self.client.peer,
            protocol: protocol_name(line.protocol),
            method: Some(line.method.as_str()),
            host: line.host.as_deref(),
            path: line.path.as_deref(),
            status: Some(self.status.as_u16()),
            request_id: line.request_id.as_ref().map(HeaderValue::as_bytes),
            trace_id: self.trace.as_ref().map(|trace| trace.id()),
            user_agent: line.user_agent.as_ref().map(HeaderValue::as_bytes),
            bytes_received: self.source.as_ref().map_or(0, Source::received),
            bytes_sent: self.bytes_sent,
            datagrams: None,
            duration: self.started.elapsed(),
        };
        self.client.worker.log.write(&record);
    }
}

impl Drop for Inner {
    fn drop(&mut self) {
        if self.reason == Some(Reason::ClientGone) && self.client.worker.drain.phase() == Phase::Cutting {
            // It is not the client that went.
            self.reason = Some(Reason::Draining);
            self.status = super::answer::status(Reason::Draining);
        }
        self.client.handle.activity.end();
        if let Some(upstream) = &self.upstream {
            upstream.metrics.active_requests.decrement();
        }
        if let Some(rule) = &self.rule {
            rule.metrics.count(self.status);
        }
        if let Some(listener) = &self.listener {
            listener.metrics.request_duration.record(self.started.elapsed());
        }
        if let Some(line) = &self.line {
            self.write_line(line);
        }
        if let Some(trace) = self.trace.take() {
            trace.end(&self.client.worker, &self.ending());
        }
    }
}

fn protocol_name(version: Version) -> &'static str {
    match version {
        Version::HTTP_10 => "HTTP/1.0",
        Version::HTTP_2 => "HTTP/2",
        Version::HTTP_3 => "HTTP/3",
        Version::HTTP_09 => "HTTP/0.9",
        _ => "HTTP/1.1",
    }
}
