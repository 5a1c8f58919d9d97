//! One line and its fields.

use crate::model::Reason;
use crate::telemetry::json::Object;
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

/// The fields of every line, in their order; `docs/access-log.md` tells what they mean.
pub const FIELDS: [&str; 22] = [
    "time",
    "listener",
    "route",
    "rule",
    "backend",
    "endpoint",
    "attempts",
    "retry_reasons",
    "reason",
    "client_address",
    "peer_address",
    "protocol",
    "method",
    "host",
    "path",
    "status",
    "request_id",
    "trace_id",
    "user_agent",
    "bytes_received",
    "bytes_sent",
    "duration_seconds",
];

/// The same with those that only the line of a UDP session has.
const SESSION_FIELDS: [&str; 24] = {
    let mut all = [""; 24];
    let mut index = 0;
    while index < FIELDS.len() {
        all[index] = FIELDS[index];
        index += 1;
    }
    all[index] = "datagrams_received";
    all[index + 1] = "datagrams_sent";
    all
};

/// What a line tells about one request. Absent values are written as `null`.
#[derive(Clone, Debug)]
pub struct Record<'a> {
    /// `namespace/gateway/listener`; none if the host belongs to no listener.
    pub listener: Option<&'a str>,
    /// `HTTPRoute namespace/name`.
    pub route: Option<&'a str>,
    /// The rule's name, or its place in the route from 0.
    pub rule: Option<&'a str>,
    /// What the backendRef points at.
    pub backend: Option<&'a str>,
    /// The endpoint of the last attempt.
    pub endpoint: Option<SocketAddr>,
    /// How often the request was sent, or was tried to be; 0 when Tidegate answered at once.
    pub attempts: u32,
    /// Why each attempt but the last was given up.
    pub retry_reasons: &'a [&'a str],
    /// Why Tidegate answered itself; none when a backend's answer was passed on.
    pub reason: Option<Reason>,
    /// Who asks, as far as the proxies in front are to be believed.
    pub client_address: IpAddr,
    /// The other end of the connection.
    pub peer_address: SocketAddr,
    /// The protocol of the request, as in `HTTP/1.1` or `TCP`.
    pub protocol: &'static str,
    /// None if the head could not be read; so too for host and path.
    pub method: Option<&'a str>,
    /// In lower case, without port.
    pub host: Option<&'a str>,
    /// In its normal form, without query.
    pub path: Option<&'a str>,
    /// The status that the client got; 499 if it went away before. None without HTTP.
    pub status: Option<u16>,
    /// The value of `X-Request-Id`.
    pub request_id: Option<&'a [u8]>,
    /// The trace that the request belongs to, as 32 digits.
    pub trace_id: Option<String>,
    /// The request's `User-Agent`.
    pub user_agent: Option<&'a [u8]>,
    /// Bytes of the request's body, without its framing.
    pub bytes_received: u64,
    /// Bytes of the answer's body, without its framing.
    pub bytes_sent: u64,
    /// Of a UDP session, the datagrams from the client and to it.
    pub datagrams: Option<(u64, u64)>,
    /// From the request's head to the end of the answer.
    pub duration: Duration,
}

impl Record<'_> {
    /// Appends the line. `time` is the present as RFC 3339.
    pub(super) fn write(&self, out: &mut Vec<u8>, time: &str) {
        let fields: &[&str] = if self.datagrams.is_some() { &SESSION_FIELDS } else { &FIELDS };
        let mut object = Object::new(out, fields);
        object.plain(time);
        object.optional_text(self.listener.map(str::as_bytes));
        object.optional_text(self.route.map(str::as_bytes));
        object.optional_text(self.rule.map(str::as_bytes));
        object.optional_text(self.backend.map(str::as_bytes));
        match self.endpoint {
            Some(endpoint) => object.plain(endpoint),
            None => object.null(),
        }
        object.number(self.attempts.into());
        object.texts(self.retry_reasons);
        match self.reason {
            Some(reason) => object.plain(reason.as_str()),
            None => object.null(),
        }
        object.plain(self.client_address);
        object.plain(self.peer_address);
        object.plain(self.protocol);
        object.optional_text(self.method.map(str::as_bytes));
        object.optional_text(self.host.map(str::as_bytes));
        object.optional_text(self.path.map(str::as_bytes));
        match self.status {
            Some(status) => object.number(status.into()),
            None => object.null(),
        }
        object.optional_text(self.request_id);
        object.optional_text(self.trace_id.as_deref().map(str::as_bytes));
        object.optional_text(self.user_agent);
        object.number(self.bytes_received);
        object.number(self.bytes_sent);
        object.seconds(self.duration);
        if let Some((received, sent)) = self.datagrams {
            object.number(received);
            object.number(sent);
        }
        object.end();
    }
}
