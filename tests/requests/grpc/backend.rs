//! A server of gRPC, as far as a proxy can tell: methods do what their names say. It also speaks
//! HTTP/1.1, so that a test sees what it is asked in.

use bytes::Bytes;
use http::{HeaderMap, HeaderValue, Request, Response, Version};
use http_body::{Body, Frame};
use http_body_util::combinators::UnsyncBoxBody;
use http_body_util::{BodyExt, Empty, StreamBody};
use hyper::body::Incoming;
use hyper::server::conn::{http1, http2};
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo};
use std::convert::Infallible;
use std::net::{Ipv4Addr, SocketAddr};
use std::pin::Pin;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll};
use std::thread::JoinHandle;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{oneshot, watch};

pub type CallBody = UnsyncBoxBody<Bytes, Infallible>;

/// What `Flood` sends, and what a test sends to `Wait`.
pub const MUCH: usize = 32 << 20;
const PIECE: usize = 16 << 10;

/// A call as it came.
#[derive(Clone, Debug)]
pub struct Call {
    pub version: Version,
    pub path: String,
    pub headers: HeaderMap,
    pub trailers: Option<HeaderMap>,
}

/// Dropping it ends it.
pub struct GrpcBackend {
    pub address: SocketAddr,
    shared: Arc<Shared>,
    end: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

struct Shared {
    name: &'static str,
    calls: Mutex<Vec<Call>>,
    /// Bytes that `Flood` gave away.
    flooded: Arc<AtomicUsize>,
    /// Whether `Wait` may read.
    released: watch::Sender<bool>,
}

/// So many bytes, counted as they are taken.
pub struct Counted {
    left: usize,
    taken: Arc<AtomicUsize>,
}

impl Counted {
    pub fn much(taken: &Arc<AtomicUsize>) -> CallBody {
        Self { left: MUCH, taken: taken.clone() }.boxed_unsync()
    }
}

impl Body for Counted {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        let piece = self.left.min(PIECE);
        if piece == 0 {
            return Poll::Ready(None);
        }
        self.left -= piece;
        self.taken.fetch_add(piece, Ordering::SeqCst);
        Poll::Ready(Some(Ok(Frame::data(Bytes::from_static(&[7; PIECE]).slice(..piece)))))
    }
}

impl GrpcBackend {
    pub fn start(name: &'static str) -> Self {
        let shared = Arc::new(Shared {
            name,
            calls: Mutex::default(),
            flooded: Arc::default(),
            released: watch::Sender::new(false),
        });
        let listener = std::net::TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        listener.set_nonblocking(true).unwrap();
        let address = listener.local_addr().unwrap();
        let (end, ended) = oneshot::channel::<()>();
        let served = shared.clone();
        let thread = std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
            runtime.block_on(async {
                let listener = TcpListener::from_std(listener).unwrap();
                let accept = async {
                    loop {
                        let (stream, _) = listener.accept().await.unwrap();
                        tokio::spawn(serve(stream, served.clone()));
                    }
                };
                tokio::select! {
                    () = accept => {}
                    _ = ended => {}
                }
            });
        });
        Self { address, shared, end: Some(end), thread: Some(thread) }
    }

    pub fn calls(&self) -> Vec<Call> {
        self.shared.calls.lock().unwrap().clone()
    }

    pub fn flooded(&self) -> usize {
        self.shared.flooded.load(Ordering::SeqCst)
    }

    pub fn release(&self) {
        self.shared.released.send_replace(true);
    }
}

impl Drop for GrpcBackend {
    fn drop(&mut self) {
        drop(self.end.take());
        if let Some(thread) = self.thread.take() {
            let ended = thread.join();
            if !std::thread::panicking() {
                ended.expect("the backend did not panic");
            }
        }
    }
}

async fn serve(stream: TcpStream, shared: Arc<Shared>) {
    stream.set_nodelay(true).unwrap();
    let mut first = [0; 3];
    let Ok(3) = stream.peek(&mut first).await else { return };
    let service = service_fn(move |request| answer(request, shared.clone()));
    // How a connection ends is judged by the client.
    let _ = match &first {
        b"PRI" => {
            // One call that is not read leaves room for others, as with common servers of gRPC.
            let mut builder = http2::Builder::new(TokioExecutor::new());
            builder.initial_stream_window_size(256 << 10).initial_connection_window_size(8 << 20);
            builder.serve_connection(TokioIo::new(stream), service).await
        }
        _ => http1::Builder::new().serve_connection(TokioIo::new(stream), service).await,
    };
}

async fn answer(request: Request<Incoming>, shared: Arc<Shared>) -> Result<Response<CallBody>, hyper::Error> {
    let (head, mut body) = request.into_parts();
    let method = head.uri.path().rsplit('/').next().unwrap().to_owned();
    let mut call = Call {
        version: head.version,
        path: head.uri.path().to_owned(),
        headers: head.headers,
        trailers: None,
    };
    let mut response =
        Response::builder().header("content-type", "application/grpc").header("x-backend", shared.name);
    let body = match method.as_str() {
        "Refuse" => {
            response = response.header("grpc-status", "7").header("grpc-message", "not%20you");
            Empty::new().boxed_unsync()
        }
        "Chat" => echo(body),
        "Flood" => Counted::much(&shared.flooded),
        _ => {
            if method == "Wait" {
                let mut released = shared.released.subscribe();
                let _ = released.wait_for(|released| *released).await;
            }
            let (mut data, mut length) = (Vec::new(), 0);
            while let Some(frame) = body.frame().await {
                match frame?.into_data() {
                    Ok(piece) => {
                        length += piece.len();
                        if length < MUCH {
                            data.extend_from_slice(&piece);
                        }
                    }
                    Err(frame) => call.trailers = frame.into_trailers().ok(),
                }
            }
            let mut trailers = ended();
            trailers.insert("x-length", HeaderValue::from(length));
            let data = if method == "Wait" { Bytes::new() } else { Bytes::from(data) };
            frames(vec![Frame::data(data), Frame::trailers(trailers)])
        }
    };
    shared.calls.lock().unwrap().push(call);
    Ok(response.body(body).unwrap())
}

/// The trailers of a call that went well.
fn ended() -> HeaderMap {
    let mut trailers = HeaderMap::new();
    trailers.insert("grpc-status", HeaderValue::from_static("0"));
    trailers.insert("x-check-bin", HeaderValue::from_static("AQI="));
    trailers
}

pub fn frames(frames: Vec<Frame<Bytes>>) -> CallBody {
    StreamBody::new(futures::stream::iter(frames.into_iter().map(Ok))).boxed_unsync()
}

/// Each piece as it comes, then the trailers.
fn echo(mut body: Incoming) -> CallBody {
    let mut is_over = false;
    let pieces = futures::stream::poll_fn(move |cx| {
        if is_over {
            return Poll::Ready(None);
        }
        loop {
            return match Pin::new(&mut body).poll_frame(cx) {
                Poll::Pending => Poll::Pending,
                Poll::Ready(Some(Ok(frame))) if frame.is_data() => Poll::Ready(Some(Ok(frame))),
                Poll::Ready(Some(Ok(_))) => continue,
                Poll::Ready(Some(Err(_)) | None) => {
                    is_over = true;
                    Poll::Ready(Some(Ok(Frame::trailers(ended()))))
                }
            };
        }
    });
    StreamBody::new(pieces).boxed_unsync()
}
