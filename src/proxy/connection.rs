//! One client's connection: TLS, which HTTP it speaks, serving it, and its end.

use super::activity::{Activity, Command, Handle};
use super::client_stream::ClientStream;
use super::coalesce::Coalesced;
use super::record::Record;
use super::request;
use super::worker::{Registered, Worker};
use crate::model::{ListenerKey, Protocol, Reason};
use crate::support::drain::Hold;
use crate::support::local_executor::LocalExecutor;
use crate::table::Listener;
use crate::telemetry::ListenerMetrics;
use crate::tls::{AcceptError, accept};
use http::{HeaderValue, Request};
use http_body::Body;
use hyper::body::Incoming;
use hyper::server::conn::{http1, http2};
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use std::cell::OnceCell;
use std::future::poll_fn;
use std::net::SocketAddr;
use std::pin::pin;
use std::rc::Rc;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio::time::timeout;

/// What is the same for all requests of a connection.
pub(super) struct Client {
    pub(super) worker: Rc<Worker>,
    pub(super) handle: Rc<Handle>,
    /// The socket that it came in by.
    pub(super) bind: SocketAddr,
    /// The other side.
    pub(super) address: SocketAddr,
    /// The other side's address as `X-Forwarded-For` has it.
    pub(super) address_text: HeaderValue,
    /// Its word on who its own client is counts.
    pub(super) trusted: bool,
    /// On TLS, the listener that its SNI chose.
    pub(super) pinned: Option<ListenerKey>,
    counted: OnceCell<Counted>,
    _hold: Hold,
}

/// Counts the connection with a listener.
struct Counted(Arc<ListenerMetrics>);

impl Counted {
    fn new(metrics: Arc<ListenerMetrics>) -> Self {
        metrics.connections.increment();
        metrics.active_connections.increment();
        Self(metrics)
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        self.0.active_connections.decrement();
    }
}

impl Client {
    fn new(worker: &Rc<Worker>, peer: SocketAddr, bind: SocketAddr) -> Self {
        let peer = SocketAddr::new(peer.ip().to_canonical(), peer.port());
        let activity = Arc::new(Activity::new(worker.clock.clone()));
        Self {
            handle: Rc::new(Handle::new(activity)),
            bind,
            address: peer,
            // An address has no character that a header could not have.
            address_text: HeaderValue::from_str(&peer.ip().to_string())
                .unwrap_or(HeaderValue::from_static("unknown")),
            trusted: worker.trusts(peer.ip()),
            pinned: None,
            counted: OnceCell::new(),
            _hold: worker.drain.hold(),
            worker: worker.clone(),
        }
    }

    /// Counts the connection with the listener of its first request.
    pub(super) fn count_with(&self, listener: &Listener) {
        self.counted.get_or_init(|| Counted::new(listener.metrics.clone()));
    }

    /// `http` or `https`.
    pub(super) fn scheme(&self) -> &'static str {
        if self.pinned.is_some() { "https" } else { "http" }
    }
}

/// Serves a connection to its end.
pub(super) async fn serve(worker: Rc<Worker>, stream: TcpStream, peer: SocketAddr, bind: SocketAddr) {
    // A head and its body are often two writes: Nagle would hold the second back.
    if stream.set_nodelay(true).is_err() {
        return;
    }
    let mut client = Client::new(&worker, peer, bind);
    let table = worker.table();
    // A table that has gone since the connection came: nothing is listened on here any more.
    let Some(bind) = table.bind(bind) else { return };
    match bind.protocol {
        Protocol::Http => {
            drop(table);
            let registered = worker.register(client.bind, &client.handle);
            let mut stream = ClientStream::new(stream, client.handle.activity.clone());
            let head_time = worker.limits.head_time;
            let Ok(Ok(http2)) = timeout(head_time, stream.is_http2()).await else { return };
            serve_http(client, registered, stream, http2).await;
        }
        Protocol::Https => {
            let registered = worker.register(client.bind, &client.handle);
            let bind = bind.clone();
            drop(table);
            let choose = |name: Option<&str>| {
                let listener = bind.listener_for_sni(name)?;
                Some((listener.tls.clone()?, listener.clone()))
            };
            match accept(stream, worker.limits.tls_handshake, choose).await {
                Ok((stream, listener)) => {
                    client.count_with(&listener);
                    client.pinned = Some(listener.key.clone());
                    client.handle.activity.restart();
                    let http2 = stream.get_ref().1.alpn_protocol() == Some(b"h2");
                    let stream = ClientStream::new(stream, client.handle.activity.clone());
                    serve_http(client, registered, stream, http2).await;
                }
                Err(error) => count_failure(&worker, &error, peer),
            }
        }
    }
}

fn count_failure(worker: &Worker, error: &AcceptError<Arc<Listener>>, peer: SocketAddr) {
    tracing::debug!(%peer, %error, "no TLS connection");
    match error {
        AcceptError::Handshake { chosen, .. } | AcceptError::Timeout { chosen: Some(chosen), .. } => {
            chosen.metrics.tls_handshake_failures.increment();
        }
        AcceptError::ClientHello(_)
        | AcceptError::UnrecognizedName(_)
        | AcceptError::Timeout { chosen: None, .. } => {
            worker.metrics.process().unrecognized_names.increment();
        }
    }
}

async fn serve_http<T>(client: Client, registered: Registered, stream: ClientStream<T>, http2: bool)
where
    T: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let client = Rc::new(client);
    let result = if http2 { serve_http2(&client, stream).await } else { serve_http1(&client, stream).await };
    drop(registered);
    if let Err(error) = result {
        tracing::debug!(peer = %client.address, %error, "connection ended");
        if error.is_parse() {
            let reason = if error.is_parse_too_large() { Reason::HeadTooLarge } else { Reason::BadRequest };
            Record::unreadable(&client, reason);
        }
    }
}

async fn serve_http1<T>(client: &Rc<Client>, stream: ClientStream<T>) -> hyper::Result<()>
where
    T: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let served = client.clone();
    let service = service_fn(move |request: Request<Incoming>| {
        served.handle.activity.set_body(!request.body().is_end_stream());
        request::handle(served.clone(), request)
    });
    let mut builder = http1::Builder::new();
    // The worker's tick looks after both limits of time.
    builder.header_read_timeout(None).max_header_size(client.worker.limits.head_bytes);
    let mut connection = pin!(builder.serve_connection(TokioIo::new(stream), service).with_upgrades());
    let mut finishing = false;
    drive(&client.handle, |cx, command| {
        if command >= Command::Finish && !finishing {
            finishing = true;
            connection.as_mut().graceful_shutdown();
        }
        connection.as_mut().poll(cx)
    })
    .await
}

async fn serve_http2<T>(client: &Rc<Client>, stream: ClientStream<T>) -> hyper::Result<()>
where
    T: AsyncRead + AsyncWrite + Unpin + 'static,
{
    let served = client.clone();
    client.handle.activity.set_multiplexed();
    let service = service_fn(move |request| request::handle(served.clone(), request));
    let limits = &client.worker.limits;
    let mut builder = http2::Builder::new(LocalExecutor);
    builder
        .timer(TokioTimer::new())
        .max_concurrent_streams(limits.http2_streams)
        .max_header_list_size(u32::try_from(limits.head_bytes).unwrap_or(u32::MAX))
        // A client that vanished is noticed although no request of it is under way.
        .keep_alive_interval(Duration::from_secs(60))
        .keep_alive_timeout(Duration::from_secs(20))
        // What one client can make this process hold for a slow target.
        .initial_stream_window_size(256 * 1024)
        .initial_connection_window_size(1024 * 1024);
    let stream = Coalesced::new(stream);
    let mut connection = pin!(builder.serve_connection(TokioIo::new(stream.clone()), service));
    let mut finishing = false;
    drive(&client.handle, |cx, command| {
        if command >= Command::Finish && !finishing {
            finishing = true;
            stream.hold_last_goaway();
            connection.as_mut().graceful_shutdown();
        }
        if command >= Command::Settle {
            stream.release_last_goaway();
        }
        let served = connection.as_mut().poll(cx);
        match stream.poll_drain(cx) {
            // The client is gone; hyper would notice with its next read or write.
            Poll::Ready(Err(_)) => Poll::Ready(Ok(())),
            _ => served,
        }
    })
    .await
}

/// Polls a connection until it is done or told to close.
async fn drive(
    handle: &Handle,
    mut poll: impl FnMut(&mut Context<'_>, Command) -> Poll<hyper::Result<()>>,
) -> hyper::Result<()> {
    poll_fn(|cx| match handle.command(cx.waker()) {
        Command::Close => Poll::Ready(Ok(())),
        command => poll(cx, command),
    })
    .await
}
