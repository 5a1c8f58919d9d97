//! A client's body on its way to a target: streamed, and kept as long as it is small enough to
//! be sent again.

use super::headers;
use super::mirror::Copies;
use crate::model::Reason;
use bytes::Bytes;
use http::HeaderMap;
use http_body::{Body, Frame, SizeHint};
use hyper::body::Incoming;
use std::cell::RefCell;
use std::error::Error;
use std::io;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, ready};

/// The body of one attempt; each attempt gets one of its own over the same [`Source`].
pub(super) struct RequestBody {
    source: Option<Source>,
    /// How many of the kept pieces were given out.
    position: usize,
    trailers_given: bool,
}

/// What comes from the client.
#[derive(Clone)]
pub(super) struct Source(Rc<RefCell<Inner>>);

struct Inner {
    /// None if all of it has come already.
    incoming: Option<Incoming>,
    kept: Vec<Bytes>,
    room: usize,
    /// More came than could be kept: only the attempt that is under way can have it.
    outgrown: bool,
    trailers: Option<HeaderMap>,
    ended: bool,
    /// Why no more of it comes.
    failure: Option<Reason>,
    received: u64,
    /// Copies that go out when all of it has come.
    copies: Option<Box<Copies>>,
}

impl Source {
    /// A body of which up to `keep` bytes are kept.
    pub(super) fn new(incoming: Incoming, keep: usize) -> Self {
        Self(Rc::new(RefCell::new(Inner {
            incoming: Some(incoming),
            kept: Vec::new(),
            room: keep,
            outgrown: false,
            trailers: None,
            ended: false,
            failure: None,
            received: 0,
            copies: None,
        })))
    }

    /// A body of which all has come.
    pub(super) fn whole(body: Vec<Bytes>, trailers: Option<HeaderMap>) -> Self {
        Self(Rc::new(RefCell::new(Inner {
            incoming: None,
            kept: body,
            room: 0,
            outgrown: false,
            trailers,
            ended: true,
            failure: None,
            received: 0,
            copies: None,
        })))
    }

    /// Keeps up to so many bytes, unless more are kept anyway. Of a body of which some has come already
    /// either all was kept or nothing can be.
    pub(super) fn keep(&self, bytes: usize) {
        let mut inner = self.0.borrow_mut();
        let kept: usize = inner.kept.iter().map(Bytes::len).sum();
        inner.room = inner.room.max(bytes.saturating_sub(kept));
    }

    /// Sends these copies, too, when all of it has come. Some of it may have come already, for whoever
    /// decides whether the request goes on.
    pub(super) fn copy_to(&self, mut copies: Box<Copies>) {
        let mut inner = self.0.borrow_mut();
        if !inner.kept.iter().all(|data| copies.take(data)) {
            return;
        }
        inner.copies = Some(copies);
        if inner.ended {
            inner.send_copies();
        }
    }

    /// Whether another attempt would see the whole body.
    pub(super) fn can_replay(&self) -> bool {
        let inner = self.0.borrow();
        !inner.outgrown && inner.failure.is_none()
    }

    /// Why the client's side broke, if it did: then no attempt is at fault.
    pub(super) fn failure(&self) -> Option<Reason> {
        self.0.borrow().failure
    }

    /// Bytes that came from the client.
    pub(super) fn received(&self) -> u64 {
        self.0.borrow().received
    }
}

impl RequestBody {
    /// The body for another attempt; `None` for a request without one.
    pub(super) fn new(source: Option<&Source>) -> Self {
        Self { source: source.cloned(), position: 0, trailers_given: false }
    }
}

impl Inner {
    fn poll_client(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, hyper::Error>>> {
        let Some(incoming) = &mut self.incoming else { return Poll::Ready(None) };
        let frame = match ready!(Pin::new(&mut *incoming).poll_frame(cx)) {
            None => {
                self.ended = true;
                self.send_copies();
                return Poll::Ready(None);
            }
            Some(Err(error)) => {
                self.failure =
                    Some(if is_malformed(&error) { Reason::BadRequest } else { Reason::ClientGone });
                return Poll::Ready(Some(Err(error)));
            }
            Some(Ok(frame)) => frame,
        };
        if let Some(data) = frame.data_ref() {
            self.received += data.len() as u64;
            self.keep(data);
        }
        let frame = headers::prepare_trailers(frame);
        if let Some(trailers) = frame.trailers_ref() {
            self.trailers = Some(trailers.clone());
        }
        if self.copies.is_some() {
            self.copy(&frame);
        }
        Poll::Ready(Some(Ok(frame)))
    }

    /// The end is known with the last piece where it can be: whoever sends a body of a known length
    /// asks for nothing behind it.
    fn copy(&mut self, frame: &Frame<Bytes>) {
        if let (Some(copies), Some(data)) = (&mut self.copies, frame.data_ref())
            && !copies.take(data)
        {
            self.copies = None;
        }
        if frame.is_trailers() || self.incoming.as_ref().is_some_and(Body::is_end_stream) {
            self.send_copies();
        }
    }

    fn send_copies(&mut self) {
        if let Some(copies) = self.copies.take() {
            copies.send_body(self.trailers.as_ref());
        }
    }

    fn keep(&mut self, data: &Bytes) {
        if self.outgrown {
            return;
        }
        match self.room.checked_sub(data.len()) {
            Some(room) => {
                self.room = room;
                self.kept.push(data.clone());
            }
            None => {
                self.outgrown = true;
                self.kept = Vec::new();
            }
        }
    }
}

/// Whether the client is still there but does not keep to the framing, as with a chunk's size that
/// is no number: hyper tells it by the kind of the error alone.
fn is_malformed(error: &hyper::Error) -> bool {
    let cause = error.source().and_then(|cause| cause.downcast_ref::<io::Error>());
    cause
        .is_some_and(|cause| matches!(cause.kind(), io::ErrorKind::InvalidInput | io::ErrorKind::InvalidData))
}

impl Body for RequestBody {
    type Data = Bytes;
    type Error = hyper::Error;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, hyper::Error>>> {
        let this = self.get_mut();
        let Some(source) = &this.source else { return Poll::Ready(None) };
        let mut inner = source.0.borrow_mut();
        if let Some(kept) = inner.kept.get(this.position) {
            this.position += 1;
            return Poll::Ready(Some(Ok(Frame::data(kept.clone()))));
        }
        if this.trailers_given || inner.ended && inner.trailers.is_none() {
            return Poll::Ready(None);
        }
        if let Some(trailers) = &inner.trailers {
            this.trailers_given = true;
            return Poll::Ready(Some(Ok(Frame::trailers(trailers.clone()))));
        }
        let frame = ready!(inner.poll_client(cx));
        this.trailers_given = inner.trailers.is_some();
        // What was just given out, if it was kept.
        this.position = inner.kept.len();
        Poll::Ready(frame)
    }

    fn is_end_stream(&self) -> bool {
        let Some(source) = &self.source else { return true };
        let inner = source.0.borrow();
        let all_given = self.position >= inner.kept.len();
        all_given
            && (self.trailers_given
                || inner.trailers.is_none()
                    && (inner.ended || inner.incoming.as_ref().is_some_and(Body::is_end_stream)))
    }

    fn size_hint(&self) -> SizeHint {
        let Some(source) = &self.source else { return SizeHint::with_exact(0) };
        let inner = source.0.borrow();
        let again: u64 = inner.kept.iter().skip(self.position).map(|data| data.len() as u64).sum();
        let mut hint = inner.incoming.as_ref().map_or(SizeHint::with_exact(0), Body::size_hint);
        if let Some(upper) = hint.upper() {
            hint.set_upper(upper + again);
        }
        hint.set_lower(hint.lower() + again);
        hint
    }
}
