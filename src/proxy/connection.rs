//! One client's connection: TLS, which HTTP it speaks, serving it, and its end.

use super::activity::{Activity, Command, Handle};
use super::client_stream::ClientStream;
use super::coalesce::Coalesced;
use super::headers;
use super::proxy_protocol::{self, Start};
use super::record::Record;
use super::request;
use super::settings::{Settings, Socket};
use super::stream::{self, Stream};
use super::worker::{Registered, Worker};
use crate::model::{BindAddress, ListenerKey, Protocol, ProxyProtocol, Reason, Transport};
use crate::support::drain::Hold;
use crate::support::local_executor::LocalExecutor;
use crate::table::{Bind, Listener};
use crate::telemetry::ListenerMetrics;
use crate::tls::{AcceptError, Accepted, Choice, accept};
use bytes::Bytes;
use http::{HeaderMap, HeaderValue, Request};
use http_body::Body;
use hyper::body::Incoming;
use hyper::server::conn::{http1, http2};
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use std::cell::{OnceCell, RefCell};
use std::future::poll_fn;
use std::net::{IpAddr, SocketAddr};
use std::pin::pin;
use std::rc::Rc;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio::time::timeout;

/// So many fields of a head hyper takes without being told, and without allocating for them.
const HYPER_FIELDS: usize = 100;

/// What is the same for all requests of a connection.
pub(super) struct Client {
    pub(super) worker: Rc<Worker>,
    pub(super) handle: Rc<Handle>,
    /// The socket that it came in by.
    pub(super) socket: Rc<Socket>,
    /// The other side.
    pub(super) peer: SocketAddr,
    /// Who connected to the other side, if it is a proxy that says so; else the other side.
    pub(super) address: SocketAddr,
    /// That address as `X-Forwarded-For` has it.
    pub(super) address_text: HeaderValue,
    /// Whether that one's word on who its own client is counts, by which settings.
    trust: RefCell<(Rc<Settings>, bool)>,
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
    fn new(worker: &Rc<Worker>, peer: SocketAddr, socket: Rc<Socket>) -> Self {
        let peer = SocketAddr::new(peer.ip().to_canonical(), peer.port());
        let activity = Arc::new(Activity::new(worker.clock.clone()));
        let settings = socket.settings();
        let trusted = settings.trusts(peer.ip());
        Self {
            handle: Rc::new(Handle::new(activity)),
            socket,
            peer,
            address: peer,
            address_text: text_of(peer.ip()),
            trust: RefCell::new((settings, trusted)),
            pinned: None,
            counted: OnceCell::new(),
            _hold: worker.drain.hold(),
            worker: worker.clone(),
        }
    }

    /// Takes the word of the other side on who connected to it.
    fn speaks_for(&mut self, source: SocketAddr) {
        self.address = source;
        self.address_text = text_of(source.ip());
        let (settings, trusted) = self.trust.get_mut();
        *trusted = settings.trusts(source.ip());
    }

    /// Whether its word on who its own client is counts.
    pub(super) fn is_trusted(&self) -> bool {
        let settings = self.socket.settings();
        let (known, trusted) = &mut *self.trust.borrow_mut();
        if !Rc::ptr_eq(known, &settings) {
            *trusted = settings.trusts(self.address.ip());
            *known = settings;
        }
        *trusted
    }

    /// Who asks, as far as those in front are to be believed.
    pub(super) fn address_by(&self, headers: &HeaderMap) -> IpAddr {
        let own = self.address.ip();
        if !self.is_trusted() {
            return own;
        }
        let settings = self.socket.settings();
        headers::client_address(headers, own, |address| settings.trusts(address))
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

fn text_of(address: IpAddr) -> HeaderValue {
    // An address has no character that a header could not have.
    HeaderValue::from_str(&address.to_string()).unwrap_or(HeaderValue::from_static("unknown"))
}

/// Serves a connection to its end.
pub(super) async fn serve(worker: Rc<Worker>, stream: TcpStream, peer: SocketAddr, bind: BindAddress) {
    // A head and its body are often two writes: Nagle would hold the second back.
    if stream.set_nodelay(true).is_err() {
        return;
    }
    // A table that has gone since the connection came: nothing is listened on here any more.
    let Some(socket) = worker.socket(bind) else { return };
    let settings = socket.settings();
    let mut client = Client::new(&worker, peer, socket);
    let registered = worker.register(&client.socket, &client.handle);
    let mut stream = stream;
    let Some(taken) = take_header(&mut client, &settings, &mut stream).await else { return };
    let table = worker.table();
    let Some(bind) = table.bind(bind) else { return };
    match bind.transport {
        Transport::Http => {
            drop(table);
            let mut stream = ClientStream::new(stream, taken, client.handle.activity.clone());
            let head_time = settings.limits.head_time;
            let Ok(Ok(http2)) = timeout(head_time, stream.is_http2()).await else { return };
            serve_http(client, registered, stream, http2).await;
        }
        // Not on a socket of TCP.
        Transport::Udp => {}
        Transport::Tcp => {
            let Some(listener) = bind.listener_for_sni(None).cloned() else { return };
            drop(table);
            client.count_with(&listener);
            let stream = Stream { io: stream, ahead: taken, protocol: "TCP", name: None };
            stream::serve(client, registered, stream, &listener).await;
        }
        Transport::Tls => {
            // What began like a header cannot begin TLS.
            if !taken.is_empty() {
                return worker.metrics.process().unrecognized_names.increment();
            }
            let bind = bind.clone();
            drop(table);
            serve_tls(client, registered, stream, &bind, settings.limits.tls_handshake).await;
        }
    }
}

/// Serves what is in the TLS stream, or the TLS stream itself, as the listener says that the
/// server name belongs to.
async fn serve_tls(
    mut client: Client,
    registered: Registered,
    stream: TcpStream,
    bind: &Bind,
    limit: Duration,
) {
    let choose = |name: Option<&str>| {
        let Some(listener) = bind.listener_for_sni(name).cloned() else {
            // The API wants a connection for no TLSRoute to be rejected, and the suite takes no alert
            // for that; a browser shows the alert in words.
            let is_https = bind.listeners().any(|listener| listener.protocol == Protocol::Https);
            return if is_https { None } else { Some(Choice::Close) };
        };
        match listener.protocol {
            Protocol::Passthrough => Some(Choice::PassThrough(listener)),
            _ => Some(Choice::Terminate(listener.tls.clone()?, listener)),
        }
    };
    match accept(stream, limit, choose).await {
        Ok(Accepted::Terminated(stream, listener)) => {
            client.count_with(&listener);
            client.handle.activity.restart();
            let session = stream.get_ref().1;
            if listener.protocol == Protocol::Tls {
                let name = session.server_name().map(|name| name.to_ascii_lowercase().into());
                let stream = Stream { io: *stream, ahead: Bytes::new(), protocol: "TLS", name };
                return stream::serve(client, registered, stream, &listener).await;
            }
            client.pinned = Some(listener.key.clone());
            let http2 = session.alpn_protocol() == Some(b"h2");
            let stream = ClientStream::new(*stream, Bytes::new(), client.handle.activity.clone());
            serve_http(client, registered, stream, http2).await;
        }
        Ok(Accepted::PassedThrough { io, hello, name, chosen: listener }) => {
            client.count_with(&listener);
            let stream = Stream { io, ahead: hello, protocol: "TLS", name };
            stream::serve(client, registered, stream, &listener).await;
        }
        Err(error) => count_failure(&client.worker, &error, client.peer),
    }
}

/// Takes the header of the PROXY protocol off the stream, if there is to be one; returns what was
/// taken of something else. None if the connection is to be closed.
async fn take_header(client: &mut Client, settings: &Settings, stream: &mut TcpStream) -> Option<Bytes> {
    if settings.proxy_protocol == ProxyProtocol::Off {
        return Some(Bytes::new());
    }
    let start = timeout(settings.limits.head_time, proxy_protocol::read(stream)).await;
    let problem = match start {
        Ok(Ok(Start::Header { source })) => {
            if let Some(source) = source.filter(|_| settings.takes_header_of(client.peer.ip())) {
                client.speaks_for(source);
            }
            // The first head is awaited from now on.
            client.handle.activity.restart();
            return Some(Bytes::new());
        }
        Ok(Ok(Start::Other { taken })) if settings.proxy_protocol == ProxyProtocol::Optional => {
            return Some(taken);
        }
        Ok(Ok(Start::End)) => return None,
        Ok(Ok(Start::Other { .. })) => "there is none".to_owned(),
        Ok(Err(error)) => error.to_string(),
        Err(_) => "it did not arrive in time".to_owned(),
    };
    tracing::debug!(peer = %client.peer, problem, "no header of the PROXY protocol");
    client.worker.metrics.process().proxy_protocol_failures.increment();
    None
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
        tracing::debug!(peer = %client.peer, %error, "connection ended");
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
    let settings = client.socket.settings();
    let limits = &settings.limits;
    // The worker's tick looks after both limits of time.
    builder.header_read_timeout(None).max_header_size(limits.head_bytes);
    if limits.head_fields > HYPER_FIELDS {
        builder.max_headers(limits.head_fields);
    }
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
    let settings = client.socket.settings();
    let limits = &settings.limits;
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
