//! What is recorded of a request, by the names of OpenTelemetry's semantic conventions for HTTP.

use crate::model::{PathMatch, Reason};
use crate::proxy::answer;
use crate::proxy::rpc;
use crate::proxy::screen::Screened;
use crate::table::{AttributeValue, Found, Tracing};
use crate::telemetry::otlp::{self, KeyValue, Span, Status, Value};
use crate::telemetry::trace_context::{TRACESTATE, TraceContext};
use bytes::Bytes;
use http::header::{HeaderMap, HeaderName, HeaderValue, USER_AGENT};
use http::request::Parts;
use http::{Method, StatusCode, Version};
use std::net::{IpAddr, SocketAddr};
use std::time::{Duration, Instant, SystemTime};

/// Bytes of a text that are recorded: whoever sends requests decides how long a path is, and many spans
/// wait at once.
const TEXT: usize = 1024;

/// Known of a request, and recorded only if a policy asks: a query may hold what is secret.
const ON_DEMAND: [&str; 3] = ["http.request.body.size", "http.response.body.size", "url.query"];

/// A head as it came, with what is known of who sent it.
pub(in crate::proxy) struct Seen<'a> {
    pub(in crate::proxy) head: &'a Parts,
    pub(in crate::proxy) screened: &'a Screened,
    pub(in crate::proxy) path: &'a str,
    pub(in crate::proxy) scheme: &'static str,
    pub(in crate::proxy) client: IpAddr,
    pub(in crate::proxy) peer: SocketAddr,
    /// The port that the Gateway has for it.
    pub(in crate::proxy) port: u16,
}

/// How a request ended.
pub(in crate::proxy) struct Ending<'a> {
    pub(in crate::proxy) status: StatusCode,
    pub(in crate::proxy) reason: Option<Reason>,
    pub(in crate::proxy) listener: Option<&'a str>,
    pub(in crate::proxy) route: Option<&'a str>,
    pub(in crate::proxy) rule: Option<&'a str>,
    pub(in crate::proxy) backend: Option<&'a str>,
    pub(in crate::proxy) received: u64,
    pub(in crate::proxy) sent: u64,
}

/// What was recorded so far.
pub(super) struct Recorded {
    parent: Option<u64>,
    /// What the clock of the world said at `started`, which is of a clock that never goes back.
    time: SystemTime,
    started: Instant,
    state: Option<String>,
    method: Method,
    version: Version,
    scheme: &'static str,
    host: Box<str>,
    port: u16,
    path: String,
    query: Option<String>,
    client: IpAddr,
    peer: SocketAddr,
    user_agent: Option<String>,
    is_rpc: bool,
    /// What the rule matches by.
    route: Option<String>,
    rpc_status: Option<u16>,
    /// Of the policy's attributes those that come from fields; each by its place.
    fields: Vec<Option<String>>,
    attempts: Vec<Attempt>,
}

/// A request that was sent.
struct Attempt {
    span_id: u64,
    endpoint: SocketAddr,
    began: Instant,
    /// When it ended, and why; else it is the last, and ends with the request.
    failed: Option<(Instant, String)>,
}

impl Recorded {
    pub(super) fn new(tracing: &Tracing, seen: &Seen<'_>, parent: Option<u64>, started: Instant) -> Self {
        let headers = &seen.head.headers;
        let fields = tracing.attributes.iter().map(|attribute| match &attribute.value {
            AttributeValue::Header(name) => field(headers, name),
            AttributeValue::Literal(_) | AttributeValue::Known(_) => None,
        });
        Self {
            parent,
            time: SystemTime::now() - started.elapsed(),
            started,
            state: parent.and_then(|_| field(headers, &TRACESTATE)),
            method: seen.head.method.clone(),
            version: seen.head.version,
            scheme: seen.scheme,
            host: seen.screened.host.clone(),
            port: port_of(&seen.screened.authority).unwrap_or(seen.port),
            path: short(seen.path),
            query: seen.head.uri.query().map(short),
            client: seen.client,
            peer: seen.peer,
            user_agent: field(headers, &USER_AGENT),
            is_rpc: answer::is_rpc(seen.head),
            route: None,
            rpc_status: None,
            fields: fields.collect(),
            attempts: Vec::new(),
        }
    }

    pub(super) fn found(&mut self, found: &Found<'_>) {
        self.route = Some(match found.matched.path() {
            PathMatch::Exact(path) => short(path),
            // That of the root is kept without its slash.
            PathMatch::Prefix(prefix) if prefix.is_empty() => "/".to_owned(),
            PathMatch::Prefix(prefix) => short(prefix),
            PathMatch::Regex(pattern) => short(pattern),
        });
    }

    pub(super) fn attempt(&mut self, span_id: u64, endpoint: SocketAddr) {
        self.attempts.push(Attempt { span_id, endpoint, began: Instant::now(), failed: None });
    }

    pub(super) fn span_of_attempt(&self) -> Option<u64> {
        self.attempts.last().map(|attempt| attempt.span_id)
    }

    pub(super) fn attempt_failed(&mut self, why: &str) {
        if let Some(attempt) = self.attempts.last_mut() {
            attempt.failed = Some((Instant::now(), why.to_owned()));
        }
    }

    pub(super) fn answer(&mut self, tracing: &Tracing, headers: &HeaderMap) {
        for (attribute, value) in tracing.attributes.iter().zip(&mut self.fields) {
            if let (AttributeValue::Header(name), None) = (&attribute.value, &value) {
                *value = field(headers, name);
            }
        }
        self.rpc_status = rpc::status(headers);
    }

    pub(super) fn trailers(&mut self, trailers: &HeaderMap) {
        self.rpc_status = rpc::status(trailers).or(self.rpc_status);
    }

    pub(super) fn into_spans(
        self,
        tracing: &Tracing,
        context: TraceContext,
        ending: &Ending<'_>,
    ) -> Vec<Span> {
        let now = Instant::now();
        let failure = self.failure(ending);
        let known = self.known(ending, failure.as_deref());
        let custom = self.custom(tracing, &known);
        let mut attributes: Vec<_> =
            known.into_iter().filter(|(key, _)| !ON_DEMAND.contains(key)).map(pair).collect();
        let own = [
            ("tidegate.listener", ending.listener),
            ("tidegate.route", ending.route),
            ("tidegate.rule", ending.rule),
            ("tidegate.backend", ending.backend),
            ("tidegate.reason", ending.reason.map(Reason::as_str)),
        ];
        attributes.extend(own.into_iter().filter_map(|(key, value)| Some(KeyValue::new(key, value?))));
        let server = Span {
            span_id: id(context.span_id),
            parent_span_id: self.parent.map(id).unwrap_or_default(),
            name: tracing.span_name().map_or_else(|| self.name(), |name| name.to_string()),
            kind: otlp::SERVER,
            start: self.at(self.started),
            end: self.at(now),
            attributes: with(attributes, &custom),
            status: failure.map(|_| Status::error("")),
            flags: otlp::flags(self.parent.is_some()),
            ..self.span(context)
        };
        let attempts = (0..).zip(&self.attempts);
        let clients =
            attempts.map(|(place, attempt)| self.client(context, place, attempt, now, ending, &custom));
        std::iter::once(server).chain(clients).collect()
    }

    fn span(&self, context: TraceContext) -> Span {
        Span {
            trace_id: Bytes::copy_from_slice(&context.trace_id.to_be_bytes()),
            trace_state: self.state.clone().unwrap_or_default(),
            ..Span::default()
        }
    }

    fn client(
        &self,
        context: TraceContext,
        place: u64,
        attempt: &Attempt,
        now: Instant,
        ending: &Ending<'_>,
        custom: &[KeyValue],
    ) -> Span {
        let (end, status, failure) = match &attempt.failed {
            Some((end, why)) => (*end, why.parse::<u16>().ok(), Some(why.clone())),
            None if ending.reason.is_none() => {
                let status = ending.status.as_u16();
                (now, Some(status), (status >= 400).then(|| status.to_string()))
            }
            // The answer that the client got is not this one's.
            None => (now, None, ending.reason.map(|reason| reason.as_str().to_owned())),
        };
        let address = attempt.endpoint.ip().to_string();
        let mut attributes = vec![
            KeyValue::new("http.request.method", known_method(&self.method)),
            KeyValue::new("server.address", address.as_str()),
            KeyValue::new("server.port", attempt.endpoint.port()),
            KeyValue::new("network.peer.address", address),
            KeyValue::new("network.peer.port", attempt.endpoint.port()),
        ];
        if place > 0 {
            attributes.push(KeyValue::new("http.request.resend_count", place));
        }
        attributes.extend(status.map(|status| KeyValue::new("http.response.status_code", status)));
        attributes.extend(failure.as_deref().map(|failure| KeyValue::new("error.type", failure)));
        attributes.extend(ending.backend.map(|backend| KeyValue::new("tidegate.backend", backend)));
        Span {
            span_id: id(attempt.span_id),
            parent_span_id: id(context.span_id),
            name: name_of_method(&self.method).to_owned(),
            kind: otlp::CLIENT,
            start: self.at(attempt.began),
            end: self.at(end),
            attributes: with(attributes, custom),
            status: failure.map(|_| Status::error("")),
            flags: otlp::flags(false),
            ..self.span(context)
        }
    }

    /// What was asked for, low in number: the method, and what the rule matches by.
    fn name(&self) -> String {
        let method = name_of_method(&self.method);
        match (&self.route, self.call()) {
            (Some(_), Some((service, call))) => format!("{service}/{call}"),
            (Some(route), None) => format!("{method} {route}"),
            (None, _) => method.to_owned(),
        }
    }

    /// Service and method of a call of gRPC.
    fn call(&self) -> Option<(&str, &str)> {
        self.path.strip_prefix('/')?.split_once('/').filter(|_| self.is_rpc)
    }

    /// Why it failed, if it did. An answer that a client is at fault for is no failure here; one that
    /// broke off is, whatever its head said.
    fn failure(&self, ending: &Ending<'_>) -> Option<String> {
        let broke_off = matches!(
            ending.reason,
            Some(
                Reason::ClientGone
                    | Reason::UpstreamReset
                    | Reason::UpstreamTimeout
                    | Reason::RouteTimeout
                    | Reason::DeadlineExceeded
                    | Reason::Draining
            )
        );
        if broke_off || ending.status.is_server_error() {
            let status = || ending.status.as_u16().to_string();
            return Some(ending.reason.map_or_else(status, |reason| reason.as_str().to_owned()));
        }
        // Those of the statuses of gRPC that a server is at fault for.
        let status = self.rpc_status.filter(|_| self.is_rpc);
        status.filter(|status| matches!(status, 2 | 4 | 12..=15)).map(|status| status.to_string())
    }

    /// All that is known, by key.
    fn known(&self, ending: &Ending<'_>, failure: Option<&str>) -> Vec<(&'static str, Value)> {
        let version = match self.version {
            Version::HTTP_09 => "0.9",
            Version::HTTP_10 => "1.0",
            Version::HTTP_2 => "2",
            Version::HTTP_3 => "3",
            _ => "1.1",
        };
        let mut known: Vec<(&'static str, Value)> = vec![
            ("http.request.method", known_method(&self.method).into()),
            ("url.scheme", self.scheme.into()),
            ("url.path", self.path.as_str().into()),
            ("server.address", (&*self.host).into()),
            ("server.port", self.port.into()),
            ("client.address", self.client.to_string().into()),
            ("network.peer.address", self.peer.ip().to_string().into()),
            ("network.peer.port", self.peer.port().into()),
            ("network.protocol.name", "http".into()),
            ("network.protocol.version", version.into()),
            ("http.request.body.size", ending.received.into()),
            ("http.response.body.size", ending.sent.into()),
        ];
        let mut add = |key, value: Option<Value>| known.extend(value.map(|value| (key, value)));
        // Nobody received that one.
        let answered = ending.reason != Some(Reason::ClientGone);
        add("http.response.status_code", answered.then(|| ending.status.as_u16().into()));
        add("http.route", self.route.as_deref().map(Into::into));
        add("url.query", self.query.as_deref().map(Into::into));
        add("user_agent.original", self.user_agent.as_deref().map(Into::into));
        add("error.type", failure.map(Into::into));
        if self.is_rpc {
            add("rpc.system", Some("grpc".into()));
            add("rpc.service", self.call().map(|(service, _)| service.into()));
            add("rpc.method", self.call().map(|(_, method)| method.into()));
            add("rpc.grpc.status_code", self.rpc_status.map(Into::into));
        }
        known
    }

    /// What the policy asks for besides.
    fn custom(&self, tracing: &Tracing, known: &[(&'static str, Value)]) -> Vec<KeyValue> {
        let each = tracing.attributes.iter().zip(&self.fields).filter_map(|(attribute, field)| {
            let value = match &attribute.value {
                AttributeValue::Header(_) => field.clone()?.into(),
                AttributeValue::Literal(text) => Value::from(&**text),
                AttributeValue::Known(key) => {
                    known.iter().find(|(known, _)| *known == &**key).map(|(_, value)| value.clone())?
                }
            };
            Some(KeyValue::new(&*attribute.name, value))
        });
        each.collect()
    }

    fn at(&self, instant: Instant) -> u64 {
        let since: Duration = instant.saturating_duration_since(self.started);
        otlp::nanos(self.time + since)
    }
}

/// Both; of two with one key that which the policy asks for.
fn with(mut attributes: Vec<KeyValue>, custom: &[KeyValue]) -> Vec<KeyValue> {
    attributes.retain(|attribute| custom.iter().all(|custom| custom.key != attribute.key));
    attributes.extend_from_slice(custom);
    attributes
}

fn pair((key, value): (&'static str, Value)) -> KeyValue {
    KeyValue::new(key, value)
}

fn id(span: u64) -> Bytes {
    Bytes::copy_from_slice(&span.to_be_bytes())
}

/// "known to the instrumentation": those of RFC 9110 and RFC 5789. Others are of any number.
fn is_known(method: &Method) -> bool {
    [
        Method::GET,
        Method::HEAD,
        Method::POST,
        Method::PUT,
        Method::DELETE,
        Method::CONNECT,
        Method::OPTIONS,
        Method::TRACE,
        Method::PATCH,
    ]
    .contains(method)
}

fn known_method(method: &Method) -> &str {
    if is_known(method) { method.as_str() } else { "_OTHER" }
}

fn name_of_method(method: &Method) -> &str {
    if is_known(method) { method.as_str() } else { "HTTP" }
}

/// The port that a client wrote behind the host.
fn port_of(authority: &HeaderValue) -> Option<u16> {
    let (_, port) = authority.to_str().ok()?.rsplit_once(':')?;
    // Not a part of an address of IPv6.
    port.parse().ok()
}

/// All lines of a field as one.
fn field(headers: &HeaderMap, name: &HeaderName) -> Option<String> {
    let mut lines = headers.get_all(name).iter().map(|line| String::from_utf8_lossy(line.as_bytes()));
    let mut text = lines.next()?.into_owned();
    for line in lines {
        text.push(',');
        text.push_str(&line);
    }
    Some(short(&text))
}

/// A text's beginning.
fn short(text: &str) -> String {
    let end = (0..=TEXT.min(text.len())).rev().find(|end| text.is_char_boundary(*end));
    text.get(..end.unwrap_or_default()).unwrap_or_default().to_owned()
}

#[cfg(test)]
mod tests;
