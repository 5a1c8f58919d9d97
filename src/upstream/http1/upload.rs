//! The request's way out: its head, then its body in the framing that the head announced.

use bytes::{Buf, Bytes, BytesMut};
use http::HeaderMap;
use http_body::{Body, Frame};
use std::error::Error;
use std::fmt::Write;
use std::io::{self, IoSlice};
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use tokio::io::AsyncWrite;

/// A piece up to this size is copied behind the head; a larger one is written from where it is.
const COPIED: usize = 2 * 1024;

/// How a body is framed (RFC 9112 §6).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Framing {
    /// So many bytes are to come.
    Length(u64),
    /// In chunks.
    Chunked,
}

/// What is still to be sent of a request.
#[derive(Debug)]
pub(super) struct Upload<B> {
    body: Option<B>,
    framing: Framing,
    /// Written first.
    buffer: BytesMut,
    /// A large piece, written next.
    piece: Bytes,
    /// What ends the piece.
    piece_end: &'static [u8],
    wrote: bool,
    body_broke: bool,
}

impl<B> Default for Upload<B> {
    fn default() -> Self {
        Self {
            body: None,
            framing: Framing::Length(0),
            buffer: BytesMut::new(),
            piece: Bytes::new(),
            piece_end: b"",
            wrote: false,
            body_broke: false,
        }
    }
}

impl<B> Upload<B>
where
    B: Body<Data = Bytes> + Unpin,
    B::Error: Into<Box<dyn Error + Send + Sync>>,
{
    /// Where the head is to be written; empty.
    pub(super) fn buffer(&mut self) -> &mut BytesMut {
        self.buffer.clear();
        &mut self.buffer
    }

    /// Begins to send the head in the buffer, and the body behind it.
    pub(super) fn start(&mut self, framing: Framing, body: B) {
        self.wrote = false;
        self.body_broke = false;
        self.framing = framing;
        self.piece = Bytes::new();
        self.piece_end = b"";
        self.body = (framing != Framing::Length(0)).then_some(body);
    }

    /// Whether everything was sent.
    pub(super) fn is_done(&self) -> bool {
        self.body.is_none() && self.is_flushed()
    }

    /// Whether some byte was.
    pub(super) fn wrote(&self) -> bool {
        self.wrote
    }

    /// Whether it was the body that failed, and not the stream: the rest of it will never come.
    pub(super) fn body_broke(&self) -> bool {
        self.body_broke
    }

    /// Sends nothing more. It is not done: the other side has not got all.
    pub(super) fn abandon(&mut self) {
        self.body = None;
        self.buffer.clear();
        self.piece = Bytes::new();
        self.piece_end = b"";
    }

    fn is_flushed(&self) -> bool {
        self.buffer.is_empty() && self.piece.is_empty() && self.piece_end.is_empty()
    }

    /// Sends on. The first piece of the body goes out with the head, if it is there.
    pub(super) fn poll(
        &mut self,
        cx: &mut Context<'_>,
        stream: &mut (impl AsyncWrite + Unpin),
    ) -> Poll<io::Result<()>> {
        loop {
            let polled = self.poll_body(cx);
            self.body_broke = polled.is_err();
            let waiting = polled?.is_pending();
            ready!(self.poll_write(cx, stream))?;
            if self.body.is_none() {
                return Poll::Ready(Ok(()));
            }
            if waiting {
                return Poll::Pending;
            }
        }
    }

    /// Takes pieces of the body while there is room; pending if the body has none now.
    fn poll_body(&mut self, cx: &mut Context<'_>) -> io::Result<Poll<()>> {
        while self.piece.is_empty() && self.buffer.len() < COPIED {
            let Some(body) = &mut self.body else { return Ok(Poll::Ready(())) };
            match Pin::new(body).poll_frame(cx) {
                Poll::Pending => return Ok(Poll::Pending),
                Poll::Ready(Some(frame)) => self.take(frame.map_err(io::Error::other)?)?,
                Poll::Ready(None) => self.end(None)?,
            }
        }
        Ok(Poll::Ready(()))
    }

    fn take(&mut self, frame: Frame<Bytes>) -> io::Result<()> {
        match frame.into_data() {
            Ok(data) if data.is_empty() => Ok(()),
            Ok(data) => self.take_data(data),
            Err(frame) => match frame.into_trailers() {
                Ok(trailers) => self.end(Some(&trailers)),
                Err(_) => Ok(()),
            },
        }
    }

    fn take_data(&mut self, data: Bytes) -> io::Result<()> {
        let end: &[u8] = match &mut self.framing {
            Framing::Length(left) => {
                *left = left
                    .checked_sub(data.len() as u64)
                    .ok_or_else(|| io::Error::other("body beyond its length"))?;
                b""
            }
            Framing::Chunked => {
                // Writing to a buffer does not fail.
                let _ = write!(self.buffer, "{:x}\r\n", data.len());
                b"\r\n"
            }
        };
        if data.len() <= COPIED {
            self.buffer.extend_from_slice(&data);
            self.buffer.extend_from_slice(end);
        } else {
            self.piece = data;
            self.piece_end = end;
        }
        if self.framing == Framing::Length(0) {
            self.body = None;
        }
        Ok(())
    }

    /// The body has ended.
    fn end(&mut self, trailers: Option<&HeaderMap>) -> io::Result<()> {
        self.body = None;
        match self.framing {
            Framing::Length(0) => Ok(()),
            Framing::Length(_) => Err(io::Error::other("body short of its length")),
            Framing::Chunked => {
                self.buffer.extend_from_slice(b"0\r\n");
                for (name, value) in trailers.into_iter().flatten() {
                    self.buffer.extend_from_slice(name.as_str().as_bytes());
                    self.buffer.extend_from_slice(b": ");
                    self.buffer.extend_from_slice(value.as_bytes());
                    self.buffer.extend_from_slice(b"\r\n");
                }
                self.buffer.extend_from_slice(b"\r\n");
                Ok(())
            }
        }
    }

    fn poll_write(
        &mut self,
        cx: &mut Context<'_>,
        stream: &mut (impl AsyncWrite + Unpin),
    ) -> Poll<io::Result<()>> {
        let mut stream = Pin::new(stream);
        while !self.is_flushed() {
            let count = if self.piece.is_empty() && self.piece_end.is_empty() {
                ready!(stream.as_mut().poll_write(cx, &self.buffer))?
            } else {
                let slices =
                    [IoSlice::new(&self.buffer), IoSlice::new(&self.piece), IoSlice::new(self.piece_end)];
                ready!(stream.as_mut().poll_write_vectored(cx, &slices))?
            };
            if count == 0 {
                return Poll::Ready(Err(io::ErrorKind::WriteZero.into()));
            }
            self.wrote = true;
            self.advance(count);
        }
        // TLS keeps what the socket did not take.
        stream.poll_flush(cx)
    }

    fn advance(&mut self, mut count: usize) {
        let of_buffer = count.min(self.buffer.len());
        self.buffer.advance(of_buffer);
        count -= of_buffer;
        let of_piece = count.min(self.piece.len());
        self.piece.advance(of_piece);
        count -= of_piece;
        self.piece_end = &self.piece_end[count.min(self.piece_end.len())..];
    }
}
