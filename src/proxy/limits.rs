//! Every limit of the data plane.

use crate::upstream::PoolLimits;
use std::time::Duration;

/// Limits and timeouts, each default with its reason.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Bytes of a request's head. Cookies and tokens fit; nginx takes 32 KiB, Envoy 60 KiB.
    pub head_bytes: usize,
    /// Fields of a head. hyper's own default, beyond which it would allocate for parsing.
    pub head_fields: usize,
    /// Bytes of the request target. Longer ones are hardly meant for a server.
    pub uri_bytes: usize,
    /// From the first byte of a head (or from accepting) to its last: cuts off slow senders. So too
    /// for a header of the PROXY protocol.
    pub head_time: Duration,
    /// Between requests of one connection. Longer than the 60 s of common load balancers in
    /// front, so that they are the ones who close.
    pub idle: Duration,
    /// Without a byte either way on a connection that is no HTTP. Envoy's default: what talks more
    /// rarely has keep-alive messages of its own.
    pub stream_idle: Duration,
    /// Without a datagram either way of a UDP session. Envoy's default; most exchanges are over within
    /// seconds, and a client that comes back later begins another session.
    pub udp_idle: Duration,
    /// Sessions of one UDP listener on one worker. Each has a socket; with 2 workers that are twice as
    /// many clients within the time above.
    pub udp_sessions: usize,
    /// For a client's TLS handshake.
    pub tls_handshake: Duration,
    /// Streams at once on one HTTP/2 connection; nginx's default.
    pub http2_streams: u32,
    /// TCP and TLS towards a target. A target in the same cluster answers in milliseconds; what
    /// takes longer than one lost SYN is better tried elsewhere.
    pub backend_connect: Duration,
    /// An idle connection to a target. Shorter than the 75 s and more of common servers, so that
    /// they do not close just as a request is sent.
    pub backend_idle: Duration,
    /// Idle connections to one target kept by one worker: enough for a burst, little enough
    /// that many workers do not hold a target's sockets.
    pub backend_idle_connections: usize,
    /// Streams on one HTTP/2 connection to a target before another is opened; the usual limit
    /// of servers is 100.
    pub backend_http2_streams: usize,
    /// Bytes of a request's body that are kept to send it again.
    pub replay_bytes: usize,
    /// Bytes of a request's body that are kept for its copies: a larger one is not copied. Calls of
    /// an API fit, uploads need not.
    pub mirror_bytes: usize,
    /// Copies under way on one worker, from the request's head to the copy's answer. With full
    /// bodies that is 32 MiB; for a mirror that answers within 10 ms, 12,800 copies a second.
    pub mirrors: usize,
    /// For a copy to be answered: a mirror that is slower is of no use to anyone.
    pub mirror_time: Duration,
    /// For the service of an ExternalAuth filter to answer: long enough for one that asks others in
    /// turn, and short enough for a client to ask again.
    pub auth_time: Duration,
    /// Spans that one worker keeps for a collector, as OpenTelemetry's own processors do; of common
    /// requests that is about 1 MiB.
    pub spans: usize,
    /// Spans of one request to a collector; OpenTelemetry's default, too.
    pub spans_of_batch: usize,
    /// How long spans wait for others to go with them. Short enough to look at a request that was made
    /// just now; with a batch a second, a collector has little to do.
    pub spans_time: Duration,
    /// For a collector to answer; OpenTelemetry's default.
    pub spans_export: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            head_bytes: 64 * 1024,
            head_fields: 100,
            uri_bytes: 16 * 1024,
            head_time: Duration::from_secs(10),
            idle: Duration::from_secs(75),
            stream_idle: Duration::from_secs(60 * 60),
            udp_idle: Duration::from_secs(60),
            udp_sessions: 10_000,
            tls_handshake: Duration::from_secs(10),
            http2_streams: 128,
            backend_connect: Duration::from_secs(2),
            backend_idle: Duration::from_secs(60),
            backend_idle_connections: 256,
            backend_http2_streams: 100,
            replay_bytes: 64 * 1024,
            mirror_bytes: 256 * 1024,
            mirrors: 128,
            mirror_time: Duration::from_secs(5),
            auth_time: Duration::from_secs(5),
            spans: 2048,
            spans_of_batch: 512,
            spans_time: Duration::from_secs(1),
            spans_export: Duration::from_secs(10),
        }
    }
}

impl Limits {
    pub(super) fn pool(&self) -> PoolLimits {
        PoolLimits {
            idle: self.backend_idle,
            max_idle: self.backend_idle_connections,
            max_streams: self.backend_http2_streams,
        }
    }
}
