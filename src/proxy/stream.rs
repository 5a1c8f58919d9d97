//! A connection without HTTP: bytes both ways between a client and one endpoint of the backend
//! whose turn it was when the connection came.

use super::activity::{Activity, Command};
use super::connection::Client;
use super::forward::Retries;
use super::request::pick;
use super::stream_record::StreamRecord;
use super::worker::Registered;
use crate::model::{Protocol, Reason};
use crate::support::drain::Phase;
use crate::table::{Listener, Request, Rule, Target};
use crate::upstream::{self, InFlight};
use bytes::{Buf, Bytes};
use http::{HeaderMap, Method};
use std::future::poll_fn;
use std::io;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf, copy_bidirectional_with_sizes};

/// What of a connection is in this process at most, each way: what one slow reader can make it
/// hold.
const WINDOW: usize = 16 * 1024;

/// A client's side.
pub(super) struct Stream<T> {
    /// Plain TCP, or what is in TLS.
    pub(super) io: T,
    /// Taken from it already.
    pub(super) ahead: Bytes,
    /// As the access log writes it.
    pub(super) protocol: &'static str,
    /// The server name that the client sent, in lower case.
    pub(super) name: Option<Box<str>>,
}

/// Joins the client with an endpoint, until both have said all, an hour passes without a byte, or
/// the drain ends. Without an endpoint the connection is closed: there is nothing to say it in.
pub(super) async fn serve<T: AsyncRead + AsyncWrite + Unpin>(
    client: Client,
    registered: Registered,
    stream: Stream<T>,
    listener: &Arc<Listener>,
) {
    client.handle.activity.set_stream();
    let mut record = StreamRecord::begin(&client, listener, stream.protocol, stream.name.as_deref());
    let target = match connect(&client, listener, stream.name.as_deref(), &mut record).await {
        Ok(target) => target,
        Err(reason) => return record.failed(reason),
    };
    let activity = client.handle.activity.clone();
    let mut downstream = Noted { io: stream.io, ahead: stream.ahead, activity, received: 0, sent: 0 };
    let cut = join(&client, &mut downstream, target).await;
    record.moved(downstream.received, downstream.sent);
    match cut {
        None => {}
        Some(End::Told) if client.worker.drain.phase() == Phase::Cutting => record.failed(Reason::Draining),
        Some(End::Told) => record.failed(Reason::StreamIdle),
        Some(End::Broken(error)) => tracing::debug!(peer = %client.peer, %error, "stream ended"),
    }
    drop(registered);
}

/// Why a stream ended before both sides had said all.
enum End {
    /// It was told to, at the end of the drain or because nothing went either way.
    Told,
    /// One side broke off, which the other sees by the end of its own connection.
    Broken(io::Error),
}

async fn join<T: AsyncRead + AsyncWrite + Unpin>(
    client: &Client,
    downstream: &mut Noted<T>,
    mut target: upstream::Stream,
) -> Option<End> {
    let mut joined = pin!(copy_bidirectional_with_sizes(downstream, &mut target, WINDOW, WINDOW));
    poll_fn(|cx| match client.handle.command(cx.waker()) {
        Command::Close => Poll::Ready(Some(End::Told)),
        // Whatever was asked for is under way until both sides are done.
        Command::Serve | Command::Finish | Command::Settle => {
            joined.as_mut().poll(cx).map(|result| result.err().map(End::Broken))
        }
    })
    .await
}

/// Finds the backend and connects to one of its endpoints, to another if that fails: nothing was
/// sent yet.
async fn connect(
    client: &Client,
    listener: &Listener,
    name: Option<&str>,
    record: &mut StreamRecord<'_>,
) -> Result<upstream::Stream, Reason> {
    let table = client.worker.table();
    let rule = find(listener, name).ok_or(Reason::NoRoute)?;
    record.rule(rule);
    let backend = pick(&client.worker, rule)?;
    let slot = match &backend.target {
        Target::Upstream(slot) => *slot,
        Target::Broken(reason) => return Err(*reason),
    };
    // Bytes of TCP may be TLS already. "This is unconditional to the type of traffic the gateway client is
    // forwarding" (GEP-1897), which lets only passthrough be another case.
    let encrypts = listener.protocol != Protocol::Passthrough;
    let mut retries = None;
    let mut tried = Vec::new();
    let mut newest = table;
    loop {
        let upstream = newest.upstreams.get(slot).ok_or(Reason::NoReadyTargets)?;
        let retries = retries.get_or_insert_with(|| Retries::new(None, upstream.retries));
        let pick = upstream.pick(&mut client.worker.splits.borrow_mut(), &tried)?;
        record.attempt(upstream, InFlight::new(pick.endpoint));
        match client.worker.connector.connect_stream(&pick, encrypts, &listener.identity).await {
            Ok(stream) => {
                upstream.metrics.connections.increment();
                return Ok(stream);
            }
            Err(error) => {
                upstream.metrics.connect_failures.increment();
                tracing::debug!(upstream = %upstream.label, %error, "connecting failed");
                if !retries.take_for_stream() {
                    return Err(error.reason());
                }
                record.retried(error.reason());
                tried.push(pick.endpoint.id);
            }
        }
        newest = client.worker.table();
    }
}

/// The rule of the route with the most specific hostname, the oldest of several. Rules of streams
/// match every path: there is none to look at.
pub(super) fn find<'a>(listener: &'a Listener, name: Option<&str>) -> Option<&'a Arc<Rule>> {
    let headers = HeaderMap::new();
    let request = Request {
        host: name.unwrap_or_default(),
        path: "/",
        query: None,
        method: &Method::GET,
        headers: &headers,
    };
    listener.find(&request).map(|found| found.rule)
}

/// The client's stream, of which is noted what passes.
struct Noted<T> {
    io: T,
    ahead: Bytes,
    activity: Arc<Activity>,
    received: u64,
    sent: u64,
}

impl<T: AsyncRead + Unpin> AsyncRead for Noted<T> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buf.filled().len();
        if self.ahead.is_empty() {
            ready!(Pin::new(&mut self.io).poll_read(cx, buf))?;
        } else {
            let count = self.ahead.len().min(buf.remaining());
            buf.put_slice(&self.ahead[..count]);
            self.ahead.advance(count);
        }
        self.received += (buf.filled().len() - before) as u64;
        self.activity.moved();
        Poll::Ready(Ok(()))
    }
}

impl<T: AsyncWrite + Unpin> AsyncWrite for Noted<T> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, data: &[u8]) -> Poll<io::Result<usize>> {
        let count = ready!(Pin::new(&mut self.io).poll_write(cx, data))?;
        self.sent += count as u64;
        self.activity.moved();
        Poll::Ready(Ok(count))
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.io).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.io).poll_shutdown(cx)
    }
}
