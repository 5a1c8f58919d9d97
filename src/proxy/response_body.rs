//! An answer's body on its way to the client.

use super::answer;
use super::forward::Timer;
use super::headers::prepare_trailers;
use super::record::Record;
use super::request_body::RequestBody;
use super::upgrade::Tunnel;
use super::worker::Worker;
use crate::model::Reason;
use crate::upstream::{Http1, Http1Error, StreamGuard};
use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};
use hyper::body::Incoming;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, Waker, ready};

/// A body, and the record of its request, which ends with it.
pub(super) struct ResponseBody {
    kind: Kind,
    record: Option<Record>,
    /// Cuts it off.
    timer: Option<Timer>,
    broken: Option<BodyError>,
}

/// Pieces of an unwanted answer that are read: an endless one is not to hold the worker.
const DISCARDED: usize = 16;

enum Kind {
    Empty,
    Full(Option<Bytes>),
    /// Behind a 101.
    Tunnel(Option<Box<Tunnel>>),
    /// Read from here, and given back to the pool at the end.
    Http1 {
        connection: Option<Box<Http1<RequestBody>>>,
        worker: Rc<Worker>,
    },
    Http2 {
        incoming: Incoming,
        _stream: StreamGuard,
    },
}

impl ResponseBody {
    fn new(kind: Kind) -> Self {
        Self { kind, record: None, timer: None, broken: None }
    }

    /// No body.
    pub(super) fn empty() -> Self {
        Self::new(Kind::Empty)
    }

    /// A body made here.
    pub(super) fn full(bytes: Bytes) -> Self {
        Self::new(Kind::Full(Some(bytes)))
    }

    /// No body, but a tunnel behind the head.
    pub(super) fn tunnel(tunnel: Tunnel) -> Self {
        Self::new(Kind::Tunnel(Some(Box::new(tunnel))))
    }

    /// What comes on an HTTP/1.1 connection, which goes back to the pool afterwards.
    pub(super) fn http1(connection: Box<Http1<RequestBody>>, worker: Rc<Worker>) -> Self {
        Self::new(Kind::Http1 { connection: Some(connection), worker })
    }

    /// What comes on a stream of an HTTP/2 connection.
    pub(super) fn http2(incoming: Incoming, stream: StreamGuard) -> Self {
        Self::new(Kind::Http2 { incoming, _stream: stream })
    }

    /// Ends the record with this body, or with the tunnel.
    pub(super) fn set_record(&mut self, record: Record) {
        match &mut self.kind {
            Kind::Tunnel(tunnel) => {
                if let Some(tunnel) = tunnel.take() {
                    tunnel.start(record);
                }
            }
            _ => self.record = Some(record),
        }
    }

    /// Limits the time in which it must have come.
    pub(super) fn set_timer(&mut self, timer: Option<Timer>) {
        // What is here already takes no time, and a tunnel takes what it likes.
        if matches!(self.kind, Kind::Http1 { .. } | Kind::Http2 { .. }) {
            self.timer = timer;
        }
    }

    /// Nobody wants it. What is there of it is read, so that a connection whose answer came as a
    /// whole serves other requests; any other ends here, as does a stream.
    pub(super) fn discard(mut self) {
        let mut cx = Context::from_waker(Waker::noop());
        for _ in 0..DISCARDED {
            let Poll::Ready(Some(Ok(_))) = self.poll_kind(&mut cx) else { return };
        }
    }

    fn poll_timer(&mut self, cx: &mut Context<'_>) -> Poll<Result<Frame<Bytes>, BodyError>> {
        let Some(timer) = &mut self.timer else { return Poll::Pending };
        let reason = ready!(timer.poll(cx));
        self.timer = None;
        // The backend shall hear of it at once.
        self.kind = Kind::Empty;
        if let Some(record) = &mut self.record {
            record.timed_out(reason);
        }
        Poll::Ready(match reason {
            // A call that has begun to answer can still say how it ended.
            Reason::DeadlineExceeded => Ok(Frame::trailers(answer::rpc_trailers(reason))),
            _ => Err(BodyError::Late(reason)),
        })
    }

    fn poll_kind(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
        match &mut self.kind {
            Kind::Empty | Kind::Tunnel(_) => Poll::Ready(None),
            Kind::Full(bytes) => Poll::Ready(bytes.take().map(|bytes| Ok(Frame::data(bytes)))),
            Kind::Http2 { incoming, .. } => {
                Pin::new(incoming).poll_frame(cx).map(|frame| frame.map(|frame| Ok(prepare_trailers(frame?))))
            }
            Kind::Http1 { connection, worker } => {
                let Some(reading) = connection else { return Poll::Ready(None) };
                let frame = ready!(reading.poll_frame(cx));
                match &frame {
                    // A broken connection is of no use to anyone.
                    Some(Err(_)) => *connection = None,
                    // The end is known with the last piece where it can be, so the connection is
                    // free for the next request before this answer has reached its client.
                    Some(Ok(_)) | None if reading.is_end() => give_back(connection, worker),
                    Some(Ok(_)) | None => {}
                }
                Poll::Ready(frame.map(|frame| Ok(prepare_trailers(frame?))))
            }
        }
    }
}

fn give_back(connection: &mut Option<Box<Http1<RequestBody>>>, worker: &Worker) {
    if let Some(mut connection) = connection.take()
        && connection.finish()
    {
        worker.pool.borrow_mut().put(connection);
    }
}

/// Why an answer breaks off.
#[derive(Debug, thiserror::Error)]
pub(super) enum BodyError {
    #[error(transparent)]
    Http1(#[from] Http1Error),
    #[error(transparent)]
    Http2(#[from] hyper::Error),
    #[error("it took longer than the rule allows ({})", .0.as_str())]
    Late(Reason),
}

impl Body for ResponseBody {
    type Data = Bytes;
    type Error = BodyError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
        if let Some(error) = self.broken.take() {
            return Poll::Ready(Some(Err(error)));
        }
        let frame = match self.poll_timer(cx) {
            Poll::Ready(end) => Some(end),
            Poll::Pending => ready!(self.poll_kind(cx)),
        };
        if let Some(record) = &mut self.record {
            match &frame {
                Some(Ok(frame)) => {
                    record.sent(frame.data_ref().map_or(0, Bytes::len));
                    if let Some(trailers) = frame.trailers_ref() {
                        record.trailers(trailers);
                    }
                }
                Some(Err(BodyError::Late(_))) | None => {}
                Some(Err(_)) => record.cut(),
            }
        }
        // hyper breaks the connection off at once. It flushes whenever there is nothing to do: what
        // came before the break is then on its way.
        if let Some(Err(error)) = frame {
            self.broken = Some(error);
            cx.waker().wake_by_ref();
            return Poll::Pending;
        }
        Poll::Ready(frame)
    }

    fn is_end_stream(&self) -> bool {
        if self.broken.is_some() {
            return false;
        }
        match &self.kind {
            Kind::Empty | Kind::Tunnel(_) => true,
            Kind::Full(bytes) => bytes.is_none(),
            Kind::Http1 { connection, .. } => connection.is_none(),
            Kind::Http2 { incoming, .. } => incoming.is_end_stream(),
        }
    }

    fn size_hint(&self) -> SizeHint {
        match &self.kind {
            Kind::Empty | Kind::Tunnel(_) => SizeHint::with_exact(0),
            Kind::Full(bytes) => SizeHint::with_exact(bytes.as_ref().map_or(0, |bytes| bytes.len() as u64)),
            Kind::Http1 { connection, .. } => {
                connection.as_ref().map_or(SizeHint::with_exact(0), |connection| connection.size_hint())
            }
            Kind::Http2 { incoming, .. } => incoming.size_hint(),
        }
    }
}
