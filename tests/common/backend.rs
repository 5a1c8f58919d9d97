//! A backend in this process, on a thread of its own, that does what each request asks for.

mod answer;
mod ask;
mod record;

pub use ask::Ask;
pub use record::Seen;

use crate::common::certificates::{Authority, Pair};
use http::Request;
use hyper::body::Incoming;
use hyper::server::conn::{http1, http2};
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo};
use record::{Recorder, Records};
use rustls::pki_types::CertificateDer;
use std::net::{Ipv4Addr, SocketAddr};
use std::pin::pin;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{mpsc, oneshot, watch};
use tokio_rustls::TlsAcceptor;

/// How long a drained backend waits for its clients before it cuts them.
const DRAIN_LIMIT: Duration = Duration::from_secs(10);

/// A running backend; dropping it cuts everything.
pub struct Backend {
    address: SocketAddr,
    shared: Arc<Shared>,
    commands: mpsc::UnboundedSender<Command>,
    thread: Option<JoinHandle<()>>,
}

/// What is spoken: one thing only, so that the other shows as a failure.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Protocol {
    Http1,
    H2c,
}

/// The name that a TLS client asked for, and the certificate that it showed.
#[derive(Clone, Debug, Default)]
struct Session {
    sni: Option<String>,
    certificate: Option<CertificateDer<'static>>,
}

#[derive(Debug)]
enum Command {
    Drain(oneshot::Sender<usize>),
    Kill,
}

/// What the connections of one backend share.
struct Shared {
    name: String,
    protocol: Protocol,
    tls: Option<TlsAcceptor>,
    /// Whether requests and bytes are kept; under load only numbers are.
    records: Option<Mutex<Records>>,
    requests: AtomicU64,
    connections: AtomicU64,
    open: watch::Sender<usize>,
    killed: AtomicBool,
    draining: watch::Sender<bool>,
}

impl Backend {
    /// One that speaks HTTP/1.1 and records what it gets.
    pub fn start(name: &str) -> Self {
        Self::launch(name, Protocol::Http1, None, true)
    }

    /// One that speaks HTTP/2 by prior knowledge, and nothing else.
    pub fn start_h2c(name: &str) -> Self {
        Self::launch(name, Protocol::H2c, None, true)
    }

    /// One that speaks TLS, and in it what the client chooses of these, or HTTP/1.1.
    pub fn start_tls(name: &str, pair: &Pair, alpn: &[&str]) -> Self {
        Self::launch(name, Protocol::Http1, Some(pair.acceptor(alpn)), true)
    }

    /// The same that wants a certificate of its clients, by one of these authorities.
    pub fn start_tls_trusting(name: &str, pair: &Pair, alpn: &[&str], clients: &[&Authority]) -> Self {
        Self::launch(name, Protocol::Http1, Some(pair.acceptor_trusting(alpn, clients)), true)
    }

    /// One that speaks TLS without asking what to speak in it: HTTP/2, and nothing else.
    pub fn start_tls_h2(name: &str, pair: &Pair) -> Self {
        Self::launch(name, Protocol::H2c, Some(pair.acceptor(&[])), true)
    }

    /// One that speaks HTTP/1.1 and only counts.
    pub fn start_for_load(name: &str) -> Self {
        Self::launch(name, Protocol::Http1, None, false)
    }

    /// One that speaks HTTP/2 by prior knowledge and only counts.
    pub fn start_h2c_for_load(name: &str) -> Self {
        Self::launch(name, Protocol::H2c, None, false)
    }

    fn launch(name: &str, protocol: Protocol, tls: Option<TlsAcceptor>, record: bool) -> Self {
        let shared = Arc::new(Shared {
            name: name.to_owned(),
            protocol,
            tls,
            records: record.then(Mutex::default),
            requests: AtomicU64::new(0),
            connections: AtomicU64::new(0),
            open: watch::Sender::new(0),
            killed: AtomicBool::new(false),
            draining: watch::Sender::new(false),
        });
        let listener = std::net::TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        listener.set_nonblocking(true).unwrap();
        let address = listener.local_addr().unwrap();
        let (commands, received) = mpsc::unbounded_channel();
        let thread = std::thread::Builder::new()
            .name(format!("backend {name}"))
            .spawn({
                let shared = shared.clone();
                move || {
                    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
                    runtime.block_on(run(listener, shared, received));
                }
            })
            .unwrap();
        Self { address, shared, commands, thread: Some(thread) }
    }

    pub fn address(&self) -> SocketAddr {
        self.address
    }

    pub fn port(&self) -> u16 {
        self.address.port()
    }

    pub fn name(&self) -> &str {
        &self.shared.name
    }

    /// Requests whose head was read.
    pub fn requests(&self) -> u64 {
        self.shared.requests.load(Ordering::SeqCst)
    }

    /// Connections that were accepted.
    pub fn connections(&self) -> u64 {
        self.shared.connections.load(Ordering::SeqCst)
    }

    /// The requests in the order of their heads.
    pub fn seen(&self) -> Vec<Seen> {
        self.records().lock().unwrap().seen.clone()
    }

    /// The last request; there must be one.
    pub fn last(&self) -> Seen {
        self.seen().pop().expect("the backend was asked nothing")
    }

    /// Every byte that came, by connection.
    pub fn raw(&self) -> Vec<Vec<u8>> {
        self.records().lock().unwrap().raw.clone()
    }

    fn records(&self) -> &Mutex<Records> {
        self.shared.records.as_ref().expect("a backend for load keeps no records")
    }

    /// Stops as a pod does that has left its slice: takes no new connection, finishes what was
    /// begun, asks the clients to leave. Returns how many connections they had still open at the
    /// limit: 0 if they left by themselves.
    pub fn drain(mut self) -> usize {
        let (left, answer) = oneshot::channel();
        self.commands.send(Command::Drain(left)).expect("the backend runs");
        let left = answer.blocking_recv().expect("the backend drains");
        self.join();
        left
    }

    /// Ends at once: every connection is reset, later ones are refused.
    pub fn kill(mut self) {
        self.shared.killed.store(true, Ordering::SeqCst);
        self.join();
    }

    fn join(&mut self) {
        if let Some(thread) = self.thread.take() {
            let _ = self.commands.send(Command::Kill);
            let ended = thread.join();
            // A second panic would hide the first one's message.
            if !std::thread::panicking() {
                ended.expect("the backend did not panic");
            }
        }
    }
}

impl Drop for Backend {
    fn drop(&mut self) {
        self.join();
    }
}

/// Accepts until a command says otherwise. When it returns, the runtime drops what is left.
async fn run(
    listener: std::net::TcpListener,
    shared: Arc<Shared>,
    mut commands: mpsc::UnboundedReceiver<Command>,
) {
    let listener = TcpListener::from_std(listener).unwrap();
    let left = loop {
        tokio::select! {
            command = commands.recv() => match command {
                Some(Command::Drain(left)) => break left,
                Some(Command::Kill) | None => return,
            },
            accepted = listener.accept() => accept(&shared, accepted.unwrap().0),
        }
    };
    // Those that the system has accepted already would be reset with the listener.
    let listener = listener.into_std().unwrap();
    while let Ok((stream, _)) = listener.accept() {
        stream.set_nonblocking(true).unwrap();
        accept(&shared, TcpStream::from_std(stream).unwrap());
    }
    drop(listener);
    shared.draining.send_replace(true);
    let mut open = shared.open.subscribe();
    let _ = tokio::time::timeout(DRAIN_LIMIT, open.wait_for(|open| *open == 0)).await;
    let _ = left.send(*shared.open.borrow());
}

fn accept(shared: &Arc<Shared>, stream: TcpStream) {
    stream.set_nodelay(true).unwrap();
    let number = shared.connections.fetch_add(1, Ordering::SeqCst);
    shared.open.send_modify(|open| *open += 1);
    let io = Recorder::new(stream, shared.clone());
    tokio::spawn(serve(io, shared.clone(), number));
}

/// One connection, to its end. How it ends is judged by the client.
async fn serve(io: Recorder, shared: Arc<Shared>, connection: u64) {
    let Some(tls) = shared.tls.clone() else {
        let protocol = shared.protocol;
        return serve_http(io, shared, connection, protocol, Session::default()).await;
    };
    let Ok(stream) = tls.accept(io).await else { return };
    let session = stream.get_ref().1;
    let told = Session {
        sni: session.server_name().map(str::to_owned),
        certificate: session.peer_certificates().map(|chain| chain[0].clone().into_owned()),
    };
    let protocol = match session.alpn_protocol() {
        Some(b"h2") => Protocol::H2c,
        Some(_) => Protocol::Http1,
        None => shared.protocol,
    };
    serve_http(stream, shared, connection, protocol, told).await;
}

async fn serve_http(
    io: impl AsyncRead + AsyncWrite + Unpin + Send + 'static,
    shared: Arc<Shared>,
    connection: u64,
    protocol: Protocol,
    session: Session,
) {
    let io = TokioIo::new(io);
    let service = service_fn({
        let shared = shared.clone();
        move |mut request: Request<Incoming>| {
            request.extensions_mut().insert(session.clone());
            answer::answer(request, shared.clone(), connection)
        }
    });
    match protocol {
        Protocol::Http1 => {
            // Answers carry `Connection: close` while draining; an idle connection is left to
            // the client, for closing it could cut a request that is on its way.
            let mut builder = http1::Builder::new();
            // More than the gateway lets through: its own fields come on top.
            builder.max_headers(200).max_buf_size(1 << 20);
            let _ = builder.serve_connection(io, service).with_upgrades().await;
        }
        Protocol::H2c => {
            let mut draining = shared.draining.subscribe();
            let builder = http2::Builder::new(TokioExecutor::new());
            let mut served = pin!(builder.serve_connection(io, service));
            tokio::select! {
                _ = &mut served => return,
                _ = draining.wait_for(|draining| *draining) => served.as_mut().graceful_shutdown(),
            }
            let _ = served.await;
        }
    }
}
