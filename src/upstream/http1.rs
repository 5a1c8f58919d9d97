//! An HTTP/1.1 connection to an endpoint, without a task of its own.
//!
//! Whoever uses the connection polls it: the request's task while it waits for the head, the
//! response's body after that. That saves two wake-ups a request against a task per connection.

use super::Endpoint;
use super::stream::{Observed, Progress, Stream};
use bytes::Bytes;
use http::{Request, Response};
use http_body::Body;
use hyper::body::Incoming;
use hyper::client::conn::http1::{Connection, SendRequest, handshake};
use hyper_util::rt::TokioIo;
use std::error::Error;
use std::future::poll_fn;
use std::pin::{Pin, pin};
use std::rc::Rc;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};
use std::time::Instant;

/// One connection; it serves one request at a time.
pub struct Http1<B: Body + 'static> {
    sender: SendRequest<B>,
    connection: Connection<TokioIo<Observed>, B>,
    progress: Rc<Progress>,
    endpoint: Arc<Endpoint>,
    finished: bool,
    reused: bool,
    pub(super) idle_since: Instant,
}

/// A request that got no answer.
#[derive(Debug, thiserror::Error)]
#[error("{error}")]
pub struct SendError {
    /// What happened.
    #[source]
    pub error: Box<dyn Error + Send + Sync>,
    /// Some byte of the request may have reached the target.
    pub wrote: bool,
    /// Some byte of an answer came.
    pub read: bool,
}

impl<B> Http1<B>
where
    B: Body<Data = Bytes> + 'static,
    B::Error: Into<Box<dyn Error + Send + Sync>>,
{
    /// Makes a connection of a connected stream; nothing is sent yet.
    pub(super) async fn new(stream: Stream, endpoint: Arc<Endpoint>) -> hyper::Result<Self> {
        let progress = Rc::new(Progress::default());
        let observed = Observed { stream, progress: progress.clone() };
        let (sender, connection) = handshake(TokioIo::new(observed)).await?;
        let mut new = Self {
            sender,
            connection,
            progress,
            endpoint,
            finished: false,
            reused: false,
            idle_since: Instant::now(),
        };
        // hyper's sender is not ready before its connection was polled once.
        poll_fn(|cx| {
            new.drive(cx);
            Poll::Ready(())
        })
        .await;
        Ok(new)
    }

    /// The endpoint at the other side.
    pub fn endpoint(&self) -> &Arc<Endpoint> {
        &self.endpoint
    }

    /// Whether it served a request before: the other side may have closed it in the meantime.
    pub fn is_reused(&self) -> bool {
        self.reused
    }

    /// Sends a request and waits for the head of the answer.
    pub async fn send(&mut self, request: Request<B>) -> Result<Response<Incoming>, SendError> {
        self.progress.wrote.set(false);
        self.progress.read.set(false);
        let mut answer = pin!(self.sender.send_request(request));
        let result = poll_fn(|cx| {
            let driven = if self.finished {
                Poll::Ready(Ok(()))
            } else {
                let driven = Pin::new(&mut self.connection).poll(cx);
                self.finished = driven.is_ready();
                driven
            };
            match (answer.as_mut().poll(cx), driven) {
                (Poll::Ready(Ok(response)), _) => Poll::Ready(Ok(response)),
                // The connection's own error says more than "canceled".
                (_, Poll::Ready(Err(error))) | (Poll::Ready(Err(error)), _) => Poll::Ready(Err(error.into())),
                (Poll::Pending, Poll::Ready(Ok(()))) => Poll::Ready(Err("connection closed".into())),
                (Poll::Pending, Poll::Pending) => Poll::Pending,
            }
        })
        .await;
        result.map_err(|error: Box<dyn Error + Send + Sync>| SendError {
            error,
            wrote: self.progress.wrote.get(),
            read: self.progress.read.get(),
        })
    }

    /// Moves bytes both ways. The caller polls the answer's body before and after.
    pub fn drive(&mut self, cx: &mut Context<'_>) {
        if !self.finished {
            // An error reaches the caller through the body of the answer.
            self.finished = Pin::new(&mut self.connection).poll(cx).is_ready();
        }
    }

    /// After the answer's body ended: whether another request can be sent.
    pub fn finish(&mut self, cx: &mut Context<'_>) -> bool {
        if !self.sender.is_ready() {
            self.drive(cx);
        }
        self.reused = true;
        !self.finished && self.sender.is_ready()
    }

    /// Whether an idle connection is still open, as far as the runtime has heard.
    pub(super) fn is_alive(&mut self) -> bool {
        self.drive(&mut Context::from_waker(Waker::noop()));
        !self.finished && self.sender.is_ready()
    }

    /// After a 101: the raw stream, and what of the new protocol was already read.
    pub fn into_tunnel(self) -> (Stream, Bytes) {
        let parts = self.connection.into_parts();
        (parts.io.into_inner().stream, parts.read_buf)
    }
}
