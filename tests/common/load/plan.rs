//! What is asked, by how many connections, how often.

use crate::common::backend::Ask;
use crate::common::content::Random;
use http::Method;
use rustls::ClientConfig;
use std::iter::repeat_n;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::Instant;

/// Time for an answer beyond the delay that was asked for.
pub(super) const PATIENCE: Duration = Duration::from_secs(5);

/// The streams that each HTTP/2 connection has under way.
pub(super) const STREAMS: u64 = 4;

/// Where requests go.
#[derive(Clone)]
pub struct Target {
    pub address: SocketAddr,
    /// The `Host`, and the name in the handshake.
    pub host: String,
    /// Put before each path.
    pub path: String,
    /// TLS with those trusted.
    pub tls: Option<Arc<ClientConfig>>,
}

impl Target {
    pub fn http(address: SocketAddr, host: &str) -> Self {
        Self { address, host: host.to_owned(), path: String::new(), tls: None }
    }

    pub fn https(address: SocketAddr, host: &str, tls: Arc<ClientConfig>) -> Self {
        Self { tls: Some(tls), ..Self::http(address, host) }
    }
}

/// The ways in which clients use connections.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    /// HTTP/1.1, request after request.
    KeepAlive,
    /// HTTP/1.1 with pauses of 0 to 5 s between requests.
    Paused,
    /// HTTP/1.1, answers that take 2 s.
    Slow,
    /// HTTP/1.1, each request on a new connection.
    NewConnection,
    /// HTTP/2, several streams at once, now and then an answer that takes 2 s.
    Http2,
    /// Sessions of a second or two, each message echoed.
    WebSocket,
}

impl Kind {
    pub const ALL: [Self; 6] =
        [Self::KeepAlive, Self::Paused, Self::Slow, Self::NewConnection, Self::Http2, Self::WebSocket];
}

/// How many connections are used in which way.
#[derive(Clone, Copy, Debug)]
pub struct Mix([(Kind, usize); 6]);

impl Mix {
    /// All kinds, 64 connections, about 650 requests a second.
    pub const FULL: Self = Self([
        (Kind::KeepAlive, 24),
        (Kind::Paused, 10),
        (Kind::Slow, 6),
        (Kind::NewConnection, 8),
        (Kind::Http2, 6),
        (Kind::WebSocket, 10),
    ]);

    /// As many connections, all of one kind.
    pub fn only(kind: Kind) -> Self {
        let mut mix = Kind::ALL.map(|kind| (kind, 0));
        mix[kind as usize].1 = 64;
        Self(mix)
    }

    /// The same without one kind.
    pub fn without(mut self, kind: Kind) -> Self {
        self.0[kind as usize].1 = 0;
        self
    }

    pub(super) fn has(self, kind: Kind) -> bool {
        self.0[kind as usize].1 > 0
    }

    pub(super) fn connections(self) -> impl Iterator<Item = Kind> {
        self.0.into_iter().flat_map(|(kind, count)| repeat_n(kind, count))
    }
}

/// One request.
pub(super) struct Job {
    pub(super) method: Method,
    pub(super) ask: Ask,
    /// Length of the body that is sent, of `content(seed, …)`.
    pub(super) upload: Option<usize>,
    /// Send it in chunks of no announced total.
    pub(super) chunked_upload: bool,
}

/// When a connection's (or stream's) next request is due, and what it is. Due times do not wait
/// for answers: one that is late is followed at once by the next.
pub(super) struct Pace {
    kind: Kind,
    random: Random,
    number: u64,
    due: Instant,
}

impl Pace {
    pub(super) fn new(kind: Kind, seed: u64) -> Self {
        let mut random = Random::new(seed);
        let start = Duration::from_millis(random.below(200));
        Self { kind, number: random.below(1 << 20), random, due: Instant::now() + start }
    }

    /// When the next request is due.
    pub(super) fn next_due(&mut self) -> Instant {
        let due = self.due;
        let interval = match self.kind {
            Kind::KeepAlive => Duration::from_millis(50),
            Kind::NewConnection => Duration::from_millis(125),
            Kind::Http2 | Kind::WebSocket => Duration::from_millis(200),
            Kind::Slow => Duration::ZERO,
            Kind::Paused => {
                // The pause begins when the answer is there.
                self.due = Instant::now();
                return self.due + Duration::from_millis(self.random.below(5_001));
            }
        };
        self.due = due + interval;
        due
    }

    /// The next request: every other one a POST, one in 32 for 1 MiB.
    pub(super) fn next_job(&mut self) -> Job {
        self.number += 1;
        let seed = self.random.next() >> 16;
        let large = self.number.is_multiple_of(32);
        let slow = self.kind == Kind::Slow || (self.kind == Kind::Http2 && self.number.is_multiple_of(23));
        let mut ask = Ask::bytes(if large { 1 << 20 } else { 1 << 10 }, seed);
        ask.chunked = self.number.is_multiple_of(3);
        if slow {
            ask.delay = Duration::from_secs(2);
        }
        let post = self.number % 2 == 1;
        // The last is more than a gateway keeps for a second try.
        let upload = [100, 1 << 10, 16 << 10, 100 << 10][self.random.below(4) as usize];
        Job {
            method: if post { Method::POST } else { Method::GET },
            ask,
            upload: post.then_some(upload),
            chunked_upload: self.number.is_multiple_of(5),
        }
    }
}
