//! A worker's connections to endpoints.

use super::{Endpoint, Http1, Pick};
use crate::tls::Identity;
use bytes::Bytes;
use http_body::Body;
use hyper::client::conn::http2::SendRequest;
use std::cell::Cell;
use std::collections::HashMap;
use std::error::Error;
use std::rc::Rc;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// An HTTP/2 connection; many requests share it.
#[derive(Debug)]
pub struct Http2<B> {
    /// hyper's handle; its connection runs in a task of its own.
    pub sender: SendRequest<B>,
    endpoint: Arc<Endpoint>,
    identity: u64,
    streams: Rc<Cell<usize>>,
    idle_since: Rc<Cell<Instant>>,
    reused: bool,
}

/// Counts a stream of an [`Http2`] until it is dropped.
#[derive(Debug)]
pub struct StreamGuard {
    streams: Rc<Cell<usize>>,
    idle_since: Rc<Cell<Instant>>,
}

/// Idle HTTP/1.1 connections and shared HTTP/2 connections.
pub struct Pool<B> {
    idle: HashMap<Line, Vec<Box<Http1<B>>>>,
    shared: HashMap<Line, Vec<Http2<B>>>,
    limits: PoolLimits,
}

/// Connections that are interchangeable: to one endpoint, which was shown the same of the gateway.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Line {
    endpoint: u64,
    identity: u64,
}

impl Line {
    /// Those for a request to the endpoint, in the name of `identity` where TLS is spoken.
    pub fn new(pick: &Pick<'_>, identity: &Identity) -> Self {
        let identity = if pick.entry.tls.is_some() { pick.identity(identity).number() } else { 0 };
        Self { endpoint: pick.endpoint.id, identity }
    }

    pub(super) fn identity(self) -> u64 {
        self.identity
    }
}

/// Limits of a [`Pool`].
#[derive(Clone, Copy, Debug)]
pub struct PoolLimits {
    /// An idle connection is closed after this time. It should be shorter than the backends'
    /// own, or they close connections just as a request is sent on them.
    pub idle: Duration,
    /// Idle HTTP/1.1 connections kept per endpoint and worker.
    pub max_idle: usize,
    /// Streams on one HTTP/2 connection before another is opened.
    pub max_streams: usize,
}

impl<B> Http2<B> {
    pub(super) fn new(sender: SendRequest<B>, endpoint: Arc<Endpoint>, identity: u64) -> Self {
        Self {
            sender,
            endpoint,
            identity,
            streams: Rc::new(Cell::new(0)),
            idle_since: Rc::new(Cell::new(Instant::now())),
            reused: false,
        }
    }

    /// Whether it was there before the request.
    pub fn is_reused(&self) -> bool {
        self.reused
    }

    /// Counts a stream.
    pub fn stream(&self) -> StreamGuard {
        self.streams.set(self.streams.get() + 1);
        StreamGuard { streams: self.streams.clone(), idle_since: self.idle_since.clone() }
    }
}

/// A derive would ask for `B: Clone`.
impl<B> Clone for Http2<B> {
    fn clone(&self) -> Self {
        Self {
            sender: self.sender.clone(),
            endpoint: self.endpoint.clone(),
            identity: self.identity,
            streams: self.streams.clone(),
            idle_since: self.idle_since.clone(),
            reused: self.reused,
        }
    }
}

impl Drop for StreamGuard {
    fn drop(&mut self) {
        self.streams.set(self.streams.get() - 1);
        if self.streams.get() == 0 {
            self.idle_since.set(Instant::now());
        }
    }
}

impl<B> Pool<B>
where
    B: Body<Data = Bytes> + Unpin,
    B::Error: Into<Box<dyn Error + Send + Sync>>,
{
    /// An empty pool.
    pub fn new(limits: PoolLimits) -> Self {
        Self { idle: HashMap::new(), shared: HashMap::new(), limits }
    }

    /// An idle connection that is still open: the one used last, which the other side is least
    /// likely to close right now. For a request that cannot be sent twice, `certain` asks the
    /// kernel too.
    pub fn take(&mut self, line: Line, certain: bool) -> Option<Box<Http1<B>>> {
        let idle = self.idle.get_mut(&line)?;
        while let Some(mut connection) = idle.pop() {
            if connection.is_alive() && (!certain || connection.is_open()) {
                return Some(connection);
            }
        }
        None
    }

    /// Keeps a connection whose request is done.
    pub fn put(&mut self, mut connection: Box<Http1<B>>) {
        if connection.endpoint().has_left() {
            return;
        }
        let line = Line { endpoint: connection.endpoint().id, identity: connection.identity };
        let idle = self.idle.entry(line).or_default();
        if idle.len() < self.limits.max_idle {
            connection.idle_since = Instant::now();
            idle.push(connection);
        }
    }

    /// A shared connection with room for another stream.
    pub fn share(&mut self, line: Line) -> Option<Http2<B>> {
        let shared = self.shared.get_mut(&line)?;
        shared.retain(|connection| !connection.sender.is_closed());
        let has_room = |connection: &&Http2<B>| connection.streams.get() < self.limits.max_streams;
        shared.iter().find(has_room).map(|connection| Http2 { reused: true, ..connection.clone() })
    }

    /// Keeps a new shared connection.
    pub fn add_shared(&mut self, connection: Http2<B>) {
        let line = Line { endpoint: connection.endpoint.id, identity: connection.identity };
        self.shared.entry(line).or_default().push(connection);
    }

    /// Closes what is closed on the other side, idle for too long, or belongs to an endpoint
    /// that left. An HTTP/2 connection closes when its last stream ended.
    pub fn sweep(&mut self) {
        let limit = self.limits.idle;
        self.idle.retain(|_, idle| {
            idle.retain_mut(|connection| {
                !connection.endpoint().has_left()
                    && connection.idle_since.elapsed() < limit
                    && connection.is_alive()
            });
            !idle.is_empty()
        });
        self.shared.retain(|_, shared| {
            shared.retain(|connection| {
                let idle = connection.streams.get() == 0 && connection.idle_since.get().elapsed() >= limit;
                !connection.sender.is_closed() && !idle && !connection.endpoint.has_left()
            });
            !shared.is_empty()
        });
    }
}
