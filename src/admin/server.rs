//! A small HTTP/1 server for pages that are made at once.

use bytes::Bytes;
use http::header::{ALLOW, CACHE_CONTROL, CONTENT_TYPE};
use http::{HeaderValue, Method, Request, Response, StatusCode};
use http_body_util::Full;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use std::convert::Infallible;
use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;

/// Connections at once. Probes, scrapes and a few people need no more, and requests of others
/// must not take descriptors from the traffic.
const MAX_CONNECTIONS: usize = 128;

/// For a request's head, and between requests; scrapes come more often.
const HEAD_TIME: Duration = Duration::from_secs(60);

/// For everything that is asked on one connection: whoever reads slower is cut off.
const CONNECTION_TIME: Duration = Duration::from_secs(600);

/// When there are no descriptors, trying again at once would only burn the processor.
const PAUSE: Duration = Duration::from_millis(50);

/// What is answered to a path.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Page {
    pub(super) status: StatusCode,
    pub(super) content_type: &'static str,
    pub(super) body: Bytes,
}

/// Makes pages. `None` is a path that is not there.
pub(super) trait Pages: Send + Sync + 'static {
    /// The page for a path with its query.
    fn page<'a>(
        &'a self,
        path: &'a str,
        query: &'a str,
    ) -> Pin<Box<dyn Future<Output = Option<Page>> + Send + 'a>>;
}

/// A listening socket, opened before anything else is started.
#[derive(Debug)]
pub struct Socket(TcpListener);

/// Why a page server could not be started.
#[derive(Debug, thiserror::Error)]
#[error("cannot listen on {address} for {purpose}: {source}; choose another address with {flag}")]
pub struct ListenError {
    /// The address.
    pub address: SocketAddr,
    /// What it is for.
    pub purpose: &'static str,
    /// The flag that names it.
    pub flag: &'static str,
    /// The system's answer.
    pub source: io::Error,
}

impl Socket {
    /// Opens a socket.
    ///
    /// # Errors
    /// Another process listens there, or the address is not this machine's.
    pub async fn open(
        address: SocketAddr,
        purpose: &'static str,
        flag: &'static str,
    ) -> Result<Self, ListenError> {
        let opened = TcpListener::bind(address).await;
        opened.map(Self).map_err(|source| ListenError { address, purpose, flag, source })
    }

    /// Where it listens; the port is known if 0 was asked for.
    ///
    /// # Errors
    /// The system does not tell.
    pub fn address(&self) -> io::Result<SocketAddr> {
        self.0.local_addr()
    }

    /// Answers requests for ever.
    pub(super) async fn serve(self, pages: Arc<dyn Pages>) {
        let free = Arc::new(Semaphore::new(MAX_CONNECTIONS));
        loop {
            // The semaphore is never closed.
            let Ok(permit) = free.clone().acquire_owned().await else { return };
            match self.0.accept().await {
                Ok((stream, _)) => {
                    let pages = pages.clone();
                    tokio::spawn(async move {
                        let _ = tokio::time::timeout(CONNECTION_TIME, connection(stream, pages)).await;
                        drop(permit);
                    });
                }
                Err(error) => {
                    tracing::warn!(%error, "cannot accept connections for health and metrics");
                    tokio::time::sleep(PAUSE).await;
                }
            }
        }
    }
}

async fn connection(stream: TcpStream, pages: Arc<dyn Pages>) {
    let service = service_fn(move |request| answer(request, pages.clone()));
    let served = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEAD_TIME)
        .max_buf_size(16 << 10)
        .serve_connection(TokioIo::new(stream), service)
        .await;
    if let Err(error) = served {
        tracing::debug!(%error, "a connection for health and metrics ended");
    }
}

async fn answer(
    request: Request<Incoming>,
    pages: Arc<dyn Pages>,
) -> Result<Response<Full<Bytes>>, Infallible> {
    let uri = request.uri();
    let Some(page) = pages.page(uri.path(), uri.query().unwrap_or_default()).await else {
        return Ok(response(Page::text(StatusCode::NOT_FOUND, "no such page\n")));
    };
    if !matches!(*request.method(), Method::GET | Method::HEAD) {
        let mut refused = response(Page::text(StatusCode::METHOD_NOT_ALLOWED, "only GET and HEAD\n"));
        refused.headers_mut().insert(ALLOW, HeaderValue::from_static("GET, HEAD"));
        return Ok(refused);
    }
    Ok(response(page))
}

fn response(page: Page) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::new(page.body));
    *response.status_mut() = page.status;
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(page.content_type));
    response.headers_mut().insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}

impl Page {
    /// Plain text.
    pub(super) fn text(status: StatusCode, body: impl Into<String>) -> Self {
        Self { status, content_type: "text/plain; charset=utf-8", body: body.into().into() }
    }

    /// JSON, readable for people too.
    pub(super) fn json(value: &impl serde::Serialize) -> Self {
        match serde_json::to_vec_pretty(value) {
            Ok(mut body) => {
                body.push(b'\n');
                Self { status: StatusCode::OK, content_type: "application/json", body: body.into() }
            }
            Err(error) => Self::text(StatusCode::INTERNAL_SERVER_ERROR, format!("{error}\n")),
        }
    }
}

#[cfg(test)]
mod tests;
