//! The byte stream from a client: what was read ahead comes first, and what passes is noted.

use super::activity::Activity;
use bytes::{Buf, Bytes};
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, ReadBuf};

/// What an HTTP/2 client sends first (RFC 9113 §3.4).
const HTTP2_PREFACE: &[u8; 24] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

/// A client's TCP or TLS stream.
#[derive(Debug)]
pub(super) struct ClientStream<T> {
    stream: T,
    ahead: Bytes,
    activity: Arc<Activity>,
    /// The client sends no more.
    ended: bool,
    /// Nothing more is sent.
    shut: bool,
}

impl<T: AsyncRead + AsyncWrite + Unpin> ClientStream<T> {
    /// `ahead` was taken from the stream already: less than what an HTTP/2 client sends first.
    pub(super) fn new(stream: T, ahead: Bytes, activity: Arc<Activity>) -> Self {
        Self { stream, ahead, activity, ended: false, shut: false }
    }

    /// Reads as far as it takes to know whether the client speaks HTTP/2 by prior knowledge.
    pub(super) async fn is_http2(&mut self) -> io::Result<bool> {
        let mut start = [0; HTTP2_PREFACE.len()];
        let mut filled = self.ahead.len().min(start.len());
        start[..filled].copy_from_slice(&self.ahead[..filled]);
        while filled < start.len() && start[..filled] == HTTP2_PREFACE[..filled] {
            match self.stream.read(&mut start[filled..]).await? {
                0 => break,
                count => filled += count,
            }
        }
        self.activity.received(count_lengths(&start[..filled]));
        self.ahead = Bytes::copy_from_slice(&start[..filled]);
        Ok(filled == start.len() && start == *HTTP2_PREFACE)
    }
}

/// How many lines look like a Content-Length. One that may go on in the next piece counts.
fn count_lengths(data: &[u8]) -> u32 {
    const NAME: &[u8] = b"content-length";
    let mut count = 0;
    for newline in memchr::memchr_iter(b'\n', data) {
        let line = &data[newline + 1..];
        let compared = line.len().min(NAME.len());
        if line[..compared].eq_ignore_ascii_case(&NAME[..compared]) && compared > 0 {
            count += 1;
        }
    }
    count
}

impl<T: AsyncRead + Unpin> AsyncRead for ClientStream<T> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        if !self.ahead.is_empty() {
            let count = self.ahead.len().min(buf.remaining());
            buf.put_slice(&self.ahead[..count]);
            self.ahead.advance(count);
            return Poll::Ready(Ok(()));
        }
        let before = buf.filled().len();
        ready!(Pin::new(&mut self.stream).poll_read(cx, buf))?;
        let data = &buf.filled()[before..];
        if data.is_empty() {
            self.ended = true;
        } else {
            self.activity.received(count_lengths(data));
        }
        Poll::Ready(Ok(()))
    }
}

impl<T: AsyncRead + AsyncWrite + Unpin> AsyncWrite for ClientStream<T> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, data: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(cx, data)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        data: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write_vectored(cx, data)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    /// To close a socket with unread bytes is to reset it, which throws away what the client has
    /// not received yet. So they are read until it closes too; the worker's tick bounds the time.
    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        if !self.shut {
            ready!(Pin::new(&mut self.stream).poll_shutdown(cx))?;
            self.shut = true;
        }
        if self.ended || !self.activity.leaves_unread() {
            return Poll::Ready(Ok(()));
        }
        self.activity.part();
        let mut unread = [0; 4096];
        loop {
            let mut unread = ReadBuf::new(&mut unread);
            match ready!(Pin::new(&mut self.stream).poll_read(cx, &mut unread)) {
                Ok(()) if !unread.filled().is_empty() => {}
                Ok(()) | Err(_) => return Poll::Ready(Ok(())),
            }
        }
    }
}

#[cfg(test)]
mod tests;
