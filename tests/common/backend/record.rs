//! What a backend keeps of what it got.

use super::Shared;
use http::{HeaderMap, Version};
use rustls::pki_types::CertificateDer;
use serde_json::{Value, json};
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::task::{Context, Poll, ready};
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;

#[derive(Default)]
pub(super) struct Records {
    pub(super) seen: Vec<Seen>,
    pub(super) raw: Vec<Vec<u8>>,
}

/// One request as it arrived.
#[derive(Clone, Debug)]
pub struct Seen {
    pub connection: u64,
    pub version: Version,
    /// What the client asked for by TLS; none without.
    pub sni: Option<String>,
    /// What the client showed by TLS, if anything.
    pub certificate: Option<CertificateDer<'static>>,
    pub method: String,
    /// The target, byte for byte; of HTTP/2 the whole URI.
    pub target: String,
    pub headers: HeaderMap,
    /// As far as it was read.
    pub body: Vec<u8>,
    /// Whether the body came to its end.
    pub complete: bool,
    pub trailers: Option<HeaderMap>,
}

impl Seen {
    /// The only value of that header; `None` if it is not there.
    pub fn header(&self, name: &str) -> Option<&str> {
        let mut values = self.headers.get_all(name).iter();
        let value = values.next().map(|value| value.to_str().unwrap());
        assert!(values.next().is_none(), "{name} came twice: {:?}", self.headers);
        value
    }

    pub(super) fn describe(&self, backend: &str) -> Value {
        let pairs = |map: &HeaderMap| -> Vec<Value> {
            map.iter()
                .map(|(name, value)| json!([name.as_str(), String::from_utf8_lossy(value.as_bytes())]))
                .collect()
        };
        json!({
            "backend": backend,
            "version": format!("{:?}", self.version),
            "method": self.method,
            "target": self.target,
            "headers": pairs(&self.headers),
            "bodyBytes": self.body.len(),
            "trailers": self.trailers.as_ref().map(pairs),
        })
    }
}

/// A connection whose bytes are kept, and which is reset when its backend is killed.
pub(super) struct Recorder {
    stream: TcpStream,
    shared: Arc<Shared>,
    record: Option<usize>,
}

impl Recorder {
    pub(super) fn new(stream: TcpStream, shared: Arc<Shared>) -> Self {
        let record = shared.records.as_ref().map(|records| {
            let raw = &mut records.lock().unwrap().raw;
            raw.push(Vec::new());
            raw.len() - 1
        });
        Self { stream, shared, record }
    }
}

impl Drop for Recorder {
    fn drop(&mut self) {
        if self.shared.killed.load(Ordering::SeqCst) {
            // A linger of zero makes the close a reset.
            let _ = socket2::SockRef::from(&self.stream).set_linger(Some(Duration::ZERO));
        }
        self.shared.open.send_modify(|open| *open -= 1);
    }
}

impl AsyncRead for Recorder {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buffer.filled().len();
        ready!(Pin::new(&mut self.stream).poll_read(cx, buffer))?;
        if let (Some(records), Some(record)) = (&self.shared.records, self.record) {
            records.lock().unwrap().raw[record].extend_from_slice(&buffer.filled()[before..]);
        }
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Recorder {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, data: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(cx, data)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
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
}
