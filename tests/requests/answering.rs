//! A server that answers as a test says, for what Tidegate itself asks.

use bytes::Bytes;
use http::request::Parts;
use http::{Request, Response};
use http_body_util::BodyExt;
use hyper::body::{Body, Incoming};
use hyper::server::conn::{http1, http2};
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo};
use std::convert::Infallible;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::thread::JoinHandle;
use tokio::net::TcpListener;
use tokio::sync::oneshot;

/// Dropping it ends it.
pub struct Answering {
    pub address: SocketAddr,
    end: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Answering {
    /// Speaks HTTP/2, or else HTTP/1.1.
    pub fn start<F, B>(is_http2: bool, answer: impl Fn(Parts, Bytes) -> F + Send + Sync + 'static) -> Self
    where
        F: Future<Output = Response<B>> + Send + 'static,
        B: Body<Data = Bytes, Error = Infallible> + Send + 'static,
    {
        let listener = std::net::TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        listener.set_nonblocking(true).unwrap();
        let address = listener.local_addr().unwrap();
        let (end, ended) = oneshot::channel::<()>();
        let answer = Arc::new(answer);
        let accept = async move {
            let listener = TcpListener::from_std(listener).unwrap();
            loop {
                let (stream, _) = listener.accept().await.unwrap();
                let answer = answer.clone();
                let service = service_fn(move |request: Request<Incoming>| {
                    let answer = answer.clone();
                    async move {
                        let (head, body) = request.into_parts();
                        let bytes = body.collect().await?.to_bytes();
                        Ok::<_, hyper::Error>(answer(head, bytes).await)
                    }
                });
                let io = TokioIo::new(stream);
                if is_http2 {
                    tokio::spawn(http2::Builder::new(TokioExecutor::new()).serve_connection(io, service));
                } else {
                    tokio::spawn(http1::Builder::new().serve_connection(io, service));
                }
            }
        };
        let thread = std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
            runtime.block_on(async {
                tokio::select! {
                    () = accept => {}
                    _ = ended => {}
                }
            });
        });
        Self { address, end: Some(end), thread: Some(thread) }
    }
}

impl Drop for Answering {
    fn drop(&mut self) {
        drop(self.end.take());
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}
