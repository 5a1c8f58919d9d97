//! `tidegate echo`: a small backend that tells what it was asked, for trying things out.

use crate::support::drain::{self, Phase, Watch};
use bytes::Bytes;
use http::{HeaderMap, Request, Response, StatusCode, Version, header};
use http_body::Body;
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::server::conn::{http1, http2};
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo};
use serde::Serialize;
use std::collections::BTreeMap;
use std::convert::Infallible;
use std::io::Cursor;
use std::net::SocketAddr;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio::signal::unix::{SignalKind, signal};

/// How an HTTP/2 client begins that knows without asking that the server speaks it (RFC 9113 §3.4).
const HTTP2_PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

/// How long answers that were begun may take once the backend was told to stop.
const STOP_WITHIN: Duration = Duration::from_secs(10);

/// What `tidegate echo` is told on the command line.
#[derive(Clone, Debug, clap::Args)]
pub struct Args {
    /// Address to listen on, such as 127.0.0.1:8081
    #[arg(long, value_name = "ADDR")]
    pub listen: SocketAddr,
    /// Name that every answer carries
    #[arg(long)]
    pub name: String,
}

/// Why `tidegate echo` ended.
#[derive(Debug, thiserror::Error)]
pub enum EchoError {
    /// The socket could not be opened.
    #[error("cannot listen on {address}: {source}; choose another address with --listen")]
    Listen {
        /// What was asked for.
        address: SocketAddr,
        /// The system's answer.
        source: std::io::Error,
    },
    /// No handler for the signals that end it.
    #[error("cannot wait for signals: {0}")]
    Signal(std::io::Error),
}

/// Serves until SIGTERM or SIGINT, then finishes what was begun.
pub async fn run(args: Args) -> Result<(), EchoError> {
    let mut terminate = signal(SignalKind::terminate()).map_err(EchoError::Signal)?;
    let mut interrupt = signal(SignalKind::interrupt()).map_err(EchoError::Signal)?;
    let listener = bind(args.listen).await?;
    tracing::info!(address = %args.listen, name = args.name, "echo listens");
    serve(listener, args.name.into(), async move {
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
    })
    .await;
    Ok(())
}

async fn bind(address: SocketAddr) -> Result<TcpListener, EchoError> {
    TcpListener::bind(address).await.map_err(|source| EchoError::Listen { address, source })
}

/// Accepts until `stop` is ready, then waits for the connections.
async fn serve(listener: TcpListener, name: Arc<str>, stop: impl Future<Output = ()>) {
    let (mut trigger, watch) = drain::channel();
    let mut stop = pin!(stop);
    loop {
        tokio::select! {
            () = &mut stop => break,
            accepted = listener.accept() => match accepted {
                Ok((stream, _)) => {
                    tokio::spawn(serve_connection(stream, name.clone(), watch.clone()));
                }
                // Out of descriptors, most likely: spinning would make it worse.
                Err(error) => {
                    tracing::warn!(%error, "cannot accept");
                    tokio::time::sleep(Duration::from_millis(100)).await;
                }
            },
        }
    }
    drop((listener, watch));
    trigger.advance(Phase::Closing);
    let _ = tokio::time::timeout(STOP_WITHIN, trigger.complete()).await;
}

/// Speaks HTTP/1.1 or HTTP/2, whichever the client begins with.
async fn serve_connection(stream: TcpStream, name: Arc<str>, mut watch: Watch) {
    let _ = stream.set_nodelay(true);
    let sniffed = tokio::select! {
        sniffed = sniff(stream) => sniffed,
        () = watch.reached(Phase::Closing) => return,
    };
    let Ok((io, is_http2)) = sniffed else { return };
    let io = TokioIo::new(io);
    let service = service_fn(move |request| answer(request, name.clone()));
    // A connection that breaks is the client's affair; there is nothing to tell.
    if is_http2 {
        let mut connection = pin!(http2::Builder::new(TokioExecutor::new()).serve_connection(io, service));
        tokio::select! {
            _ = &mut connection => return,
            () = watch.reached(Phase::Closing) => connection.as_mut().graceful_shutdown(),
        }
        let _ = connection.await;
    } else {
        let mut connection = pin!(http1::Builder::new().serve_connection(io, service));
        tokio::select! {
            _ = &mut connection => return,
            () = watch.reached(Phase::Closing) => connection.as_mut().graceful_shutdown(),
        }
        let _ = connection.await;
    }
}

/// Reads just enough to tell HTTP/2's preface from anything else, and puts it back in front.
async fn sniff(mut stream: TcpStream) -> std::io::Result<(impl AsyncRead + AsyncWrite + Unpin, bool)> {
    let mut start = [0; HTTP2_PREFACE.len()];
    let mut length = 0;
    while length < start.len() && HTTP2_PREFACE.starts_with(&start[..length]) {
        match stream.read(&mut start[length..]).await? {
            0 => break,
            more => length += more,
        }
    }
    let is_http2 = start[..length] == *HTTP2_PREFACE;
    let (reader, writer) = stream.into_split();
    let start = Cursor::new(Bytes::copy_from_slice(&start[..length]));
    Ok((tokio::io::join(start.chain(reader), writer), is_http2))
}

/// What an answer's body says, as JSON.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Answer<'a> {
    name: &'a str,
    protocol: &'static str,
    method: &'a str,
    host: &'a str,
    path: &'a str,
    headers: BTreeMap<&'a str, String>,
    body_bytes: u64,
}

async fn answer(request: Request<Incoming>, name: Arc<str>) -> Result<Response<Full<Bytes>>, Infallible> {
    let (head, body) = request.into_parts();
    let Ok(body_bytes) = count_bytes(body).await else {
        return Ok(respond(StatusCode::BAD_REQUEST, "text/plain", "the body is incomplete\n".into()));
    };
    let answer = Answer {
        name: &name,
        protocol: if head.version == Version::HTTP_2 { "HTTP/2" } else { "HTTP/1.1" },
        method: head.method.as_str(),
        host: match head.uri.authority() {
            Some(authority) => authority.as_str(),
            None => head.headers.get(header::HOST).and_then(|host| host.to_str().ok()).unwrap_or(""),
        },
        path: head.uri.path_and_query().map_or("/", |path| path.as_str()),
        headers: join_headers(&head.headers),
        body_bytes,
    };
    Ok(match serde_json::to_vec_pretty(&answer) {
        Ok(mut json) => {
            json.push(b'\n');
            respond(StatusCode::OK, "application/json", json.into())
        }
        Err(error) => respond(StatusCode::INTERNAL_SERVER_ERROR, "text/plain", format!("{error}\n").into()),
    })
}

fn respond(status: StatusCode, content_type: &'static str, body: Bytes) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::new(body));
    *response.status_mut() = status;
    response.headers_mut().insert(header::CONTENT_TYPE, header::HeaderValue::from_static(content_type));
    response
}

/// Names in order; several fields of one name are joined as RFC 9110 §5.3 allows.
fn join_headers(headers: &HeaderMap) -> BTreeMap<&str, String> {
    let mut joined: BTreeMap<&str, String> = BTreeMap::new();
    for (name, value) in headers {
        let value = String::from_utf8_lossy(value.as_bytes());
        joined
            .entry(name.as_str())
            .and_modify(|first| {
                first.push_str(", ");
                first.push_str(&value);
            })
            .or_insert_with(|| value.into_owned());
    }
    joined
}

/// Reads the body to its end without keeping it.
async fn count_bytes<B: Body<Data = Bytes> + Unpin>(mut body: B) -> Result<u64, B::Error> {
    let mut bytes = 0;
    while let Some(frame) = body.frame().await {
        bytes += frame?.data_ref().map_or(0, |data| data.len() as u64);
    }
    Ok(bytes)
}

#[cfg(test)]
mod tests;
