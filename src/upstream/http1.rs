//! HTTP/1.1 with an endpoint: our own client, without a task of its own.
//!
//! Whoever uses the connection polls it: the request's task while it waits for the head, the
//! answer's body after that. A head is written from the request's own map and never copied into
//! another; that and the missing hand-over between tasks are worth a tenth of a request's
//! processor time against hyper's client. It is at least as strict: what hyper refuses is
//! refused here (a property test compares the two).

mod decode;
mod head;
mod upload;

use super::{Endpoint, Stream};
use bytes::{Bytes, BytesMut};
use decode::Decoder;
pub use head::RequestHead;
use http::{Method, Response, StatusCode};
use http_body::{Body, Frame, SizeHint};
use std::error::Error;
use std::future::poll_fn;
use std::io;
use std::mem::MaybeUninit;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker, ready};
use std::time::Instant;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio_util::io::poll_read_buf;
use upload::Upload;

/// A first read: most heads with a small body fit.
const FIRST_READ: usize = 8 * 1024;
/// The largest read: 1 MiB comes in a few, and a slow client does not make it more.
const LARGEST_READ: usize = 256 * 1024;
/// Interim answers (RFC 9110 §15.2) before the real one; nobody sends more than two.
const MAX_INTERIM: usize = 8;

/// One connection; it serves one request at a time.
#[derive(Debug)]
pub struct Http1<B, S = Stream> {
    stream: S,
    endpoint: Arc<Endpoint>,
    /// What the endpoint was shown of the gateway.
    pub(super) identity: u64,
    incoming: BytesMut,
    next_read: usize,
    upload: Upload<B>,
    decoder: Decoder,
    /// The other side will take another request after this answer.
    keep_alive: bool,
    wrote: bool,
    read: bool,
    reused: bool,
    pub(super) idle_since: Instant,
}

/// Why an answer cannot be understood, or not to its end.
#[derive(Debug, thiserror::Error)]
pub enum Http1Error {
    /// The stream broke.
    #[error("the connection broke: {0}")]
    Io(#[from] io::Error),
    /// The request's own body broke: the other side waits for the rest in vain.
    #[error("the request's body broke")]
    Body,
    /// The stream ended.
    #[error("the connection was closed before the answer was complete")]
    Incomplete,
    /// It is not HTTP/1.1, or could be read in two ways.
    #[error("not an HTTP/1.1 answer: {0}")]
    Malformed(&'static str),
}

/// A request that got no answer.
#[derive(Debug, thiserror::Error)]
#[error("{error}")]
pub struct SendError {
    /// What happened.
    #[source]
    pub error: Http1Error,
    /// Some byte of the request may have reached the target.
    pub wrote: bool,
    /// Some byte of an answer came.
    pub read: bool,
}

impl<B, S> Http1<B, S>
where
    B: Body<Data = Bytes> + Unpin,
    B::Error: Into<Box<dyn Error + Send + Sync>>,
    S: AsyncRead + AsyncWrite + Unpin,
{
    /// Makes a connection of a connected stream; nothing is sent yet.
    pub(super) fn new(stream: S, endpoint: Arc<Endpoint>) -> Self {
        Self {
            stream,
            endpoint,
            identity: 0,
            incoming: BytesMut::new(),
            next_read: FIRST_READ,
            upload: Upload::default(),
            decoder: Decoder::None,
            keep_alive: true,
            wrote: false,
            read: false,
            reused: false,
            idle_since: Instant::now(),
        }
    }

    /// The endpoint at the other side.
    pub fn endpoint(&self) -> &Arc<Endpoint> {
        &self.endpoint
    }

    /// Whether it served a request before: the other side may have closed it in the meantime.
    pub fn is_reused(&self) -> bool {
        self.reused
    }

    /// Sends a request and waits for the head of the answer. The rest of the request's body goes
    /// on being sent while the answer's is read.
    pub async fn send(&mut self, head: &RequestHead<'_>, body: B) -> Result<Response<()>, SendError> {
        self.wrote = false;
        self.read = false;
        let framing = head.write(self.upload.buffer(), &body);
        self.upload.start(framing, body);
        let mut interim = 0;
        let answer = poll_fn(|cx| {
            self.poll_upload(cx);
            loop {
                let answer = match self.poll_head(cx, head.method) {
                    Poll::Pending if self.upload.body_broke() => Poll::Ready(Err(Http1Error::Body)),
                    answer => answer,
                };
                let answer = ready!(answer)?;
                if answer.status().is_informational() && answer.status() != StatusCode::SWITCHING_PROTOCOLS {
                    interim += 1;
                    if interim > MAX_INTERIM {
                        return Poll::Ready(Err(Http1Error::Malformed("too many interim answers")));
                    }
                    continue;
                }
                return Poll::Ready(Ok(answer));
            }
        })
        .await;
        answer.map_err(|error| SendError { error, wrote: self.wrote, read: self.read })
    }

    /// Sends what there is of the request. That the other side does not take it is no error yet:
    /// it may have answered before it closed (413).
    fn poll_upload(&mut self, cx: &mut Context<'_>) {
        if self.upload.is_done() {
            return;
        }
        let result = self.upload.poll(cx, &mut self.stream);
        self.wrote |= self.upload.wrote();
        if let Poll::Ready(Err(_)) = result {
            self.upload.abandon();
            self.keep_alive = false;
        }
    }

    fn poll_head(&mut self, cx: &mut Context<'_>, method: &Method) -> Poll<Result<Response<()>, Http1Error>> {
        loop {
            if let Some(parsed) = head::parse(&mut self.incoming, method)? {
                self.keep_alive &= parsed.keep_alive;
                self.decoder = parsed.decoder;
                return Poll::Ready(Ok(parsed.response));
            }
            if ready!(self.poll_read(cx))? == 0 {
                return Poll::Ready(Err(Http1Error::Incomplete));
            }
        }
    }

    /// Reads more; 0 at the end of the stream.
    fn poll_read(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<usize>> {
        if self.incoming.capacity() - self.incoming.len() < self.next_read / 2 {
            self.incoming.reserve(self.next_read);
        }
        let room = self.incoming.capacity() - self.incoming.len();
        let count = ready!(poll_read_buf(Pin::new(&mut self.stream), cx, &mut self.incoming))?;
        self.read |= count > 0;
        // A read that fills its room has more behind it.
        if count == room {
            self.next_read = (self.next_read * 2).min(LARGEST_READ);
        }
        Poll::Ready(Ok(count))
    }

    /// The next piece of the answer's body.
    pub fn poll_frame(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Http1Error>>> {
        self.poll_upload(cx);
        loop {
            if let Some(frame) = self.decoder.decode(&mut self.incoming)? {
                return Poll::Ready(Some(Ok(frame)));
            }
            if self.decoder.is_end() {
                return Poll::Ready(None);
            }
            if ready!(self.poll_read(cx))? == 0 {
                return Poll::Ready(self.decoder.end_of_stream().err().map(Err));
            }
        }
    }

    /// Whether the answer's body is complete.
    pub fn is_end(&self) -> bool {
        self.decoder.is_end()
    }

    /// How much of the answer's body is to come.
    pub fn size_hint(&self) -> SizeHint {
        self.decoder.size_hint()
    }

    /// After the answer's body ended: whether another request can be sent. Not while the
    /// request's own body is still being sent, nor behind bytes that nobody asked for.
    pub fn finish(&mut self) -> bool {
        self.reused = true;
        // An idle connection shall not keep the buffer of a large answer.
        if self.next_read > FIRST_READ {
            self.next_read = FIRST_READ;
            self.incoming = BytesMut::new();
        }
        self.keep_alive && self.upload.is_done() && self.decoder.is_end() && self.incoming.is_empty()
    }

    /// Whether an idle connection is still open, as far as the runtime has heard. Bytes that
    /// nobody asked for make it unusable too.
    pub(super) fn is_alive(&mut self) -> bool {
        self.poll_read(&mut Context::from_waker(Waker::noop())).is_pending()
    }

    /// After a 101: the raw stream, and what of the new protocol was already read.
    pub fn into_tunnel(self) -> (S, Bytes) {
        (self.stream, self.incoming.freeze())
    }
}

impl<B> Http1<B, Stream> {
    /// Whether an idle connection is still open, as the kernel knows it: for a request that
    /// cannot be sent twice this is worth a system call.
    pub(super) fn is_open(&self) -> bool {
        let mut byte = [MaybeUninit::uninit()];
        let peeked = socket2::SockRef::from(self.stream.tcp()).peek(&mut byte);
        matches!(peeked, Err(error) if error.kind() == io::ErrorKind::WouldBlock)
    }
}

#[cfg(test)]
mod tests;
