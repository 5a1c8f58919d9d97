//! How a backend answers.

use super::record::Seen;
use super::{Ask, Session, Shared};
use crate::common::content::content;
use bytes::Bytes;
use futures::{SinkExt, StreamExt};
use http::{HeaderMap, HeaderValue, Request, Response, StatusCode, header};
use http_body::{Body, Frame, SizeHint};
use http_body_util::combinators::BoxBody;
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper_util::rt::TokioIo;
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::task::{Context, Poll};
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::handshake::derive_accept_key;
use tokio_tungstenite::tungstenite::protocol::Role;

type AnswerBody = BoxBody<Bytes, io::Error>;

/// How much of a body is handed over at once.
const PIECE: usize = 16 << 10;

pub(super) async fn answer(
    request: Request<Incoming>,
    shared: Arc<Shared>,
    connection: u64,
) -> Result<Response<AnswerBody>, io::Error> {
    shared.requests.fetch_add(1, Ordering::SeqCst);
    let place = note_head(&shared, &request, connection);
    let ask = request.headers().get("x-answer").map(|ask| ask.to_str().unwrap().parse::<Ask>().unwrap());
    let mut response = if request.headers().contains_key(header::SEC_WEBSOCKET_KEY) {
        accept_websocket(request)
    } else {
        match ask {
            Some(ask) if ask.stream => Response::new(request.into_body().map_err(io::Error::other).boxed()),
            Some(ask) => obey(ask, request, &shared, place).await?,
            None => describe(request, &shared, place).await?,
        }
    };
    let name = HeaderValue::from_str(&shared.name).unwrap();
    response.headers_mut().insert("x-backend", name);
    let upgraded = response.status() == StatusCode::SWITCHING_PROTOCOLS;
    if *shared.draining.borrow() && !upgraded && shared.protocol == super::Protocol::Http1 {
        response.headers_mut().insert(header::CONNECTION, HeaderValue::from_static("close"));
    }
    Ok(response)
}

fn head_of(request: &Request<Incoming>, connection: u64) -> Seen {
    Seen {
        connection,
        version: request.version(),
        sni: request.extensions().get::<Session>().and_then(|session| session.sni.clone()),
        certificate: request.extensions().get::<Session>().and_then(|session| session.certificate.clone()),
        method: request.method().to_string(),
        target: request.uri().to_string(),
        headers: request.headers().clone(),
        body: Vec::new(),
        complete: false,
        trailers: None,
    }
}

/// Records the head at once, for the body may never come; returns its place.
fn note_head(shared: &Shared, request: &Request<Incoming>, connection: u64) -> usize {
    shared.records.as_ref().map_or(0, |records| {
        let seen = &mut records.lock().unwrap().seen;
        seen.push(head_of(request, connection));
        seen.len() - 1
    })
}

/// Reads the body into the record; tells its length and whether it was `content(seed, length)`.
async fn read_body(
    mut body: Incoming,
    seed: Option<u64>,
    shared: &Shared,
    place: usize,
) -> Result<(usize, bool), io::Error> {
    let (mut length, mut same) = (0, true);
    while let Some(frame) = body.frame().await {
        let frame = frame.map_err(io::Error::other)?;
        if let Some(data) = frame.data_ref() {
            if let Some(seed) = seed {
                same &= content(seed, length + data.len())[length..] == *data;
            }
            length += data.len();
        }
        note_frame(shared, place, frame);
    }
    if let Some(records) = &shared.records {
        records.lock().unwrap().seen[place].complete = true;
    }
    Ok((length, same))
}

fn note_frame(shared: &Shared, place: usize, frame: Frame<Bytes>) {
    if let Some(records) = &shared.records {
        let seen = &mut records.lock().unwrap().seen[place];
        match frame.into_data() {
            Ok(data) => seen.body.extend_from_slice(&data),
            Err(frame) => seen.trailers = frame.into_trailers().ok(),
        }
    }
}

async fn obey(
    ask: Ask,
    request: Request<Incoming>,
    shared: &Shared,
    place: usize,
) -> Result<Response<AnswerBody>, io::Error> {
    let mut response = Response::builder().status(ask.status);
    if !ask.early {
        let seed = request.headers().get("x-seed").map(|seed| seed.to_str().unwrap().parse().unwrap());
        let (length, same) = read_body(request.into_body(), seed, shared, place).await?;
        response =
            response.header("x-received", format!("{length} {}", if same { "same" } else { "different" }));
    }
    // The zero delay is no delay: a timer would round it up.
    if !ask.delay.is_zero() {
        tokio::time::sleep(ask.delay).await;
    }
    if ask.trailers {
        response = response.header(header::TRAILER, "x-check, x-count");
    }
    Ok(response.body(Asked { ask, sent: 0, trailed: false, flushed: false }.boxed()).unwrap())
}

async fn describe(
    request: Request<Incoming>,
    shared: &Shared,
    place: usize,
) -> Result<Response<AnswerBody>, io::Error> {
    let mut seen = head_of(&request, 0);
    let collected = request.into_body().collect().await.map_err(io::Error::other)?;
    seen.trailers = collected.trailers().cloned();
    seen.body = collected.to_bytes().to_vec();
    let json = serde_json::to_vec(&seen.describe(&shared.name)).unwrap();
    if let Some(records) = &shared.records {
        let records = &mut records.lock().unwrap().seen[place];
        (records.body, records.trailers, records.complete) = (seen.body, seen.trailers, true);
    }
    let body = Full::new(Bytes::from(json)).map_err(io::Error::other).boxed();
    Ok(Response::builder().header(header::CONTENT_TYPE, "application/json").body(body).unwrap())
}

/// Sends every message back.
fn accept_websocket(request: Request<Incoming>) -> Response<AnswerBody> {
    let accept = derive_accept_key(request.headers()[header::SEC_WEBSOCKET_KEY].as_bytes());
    tokio::spawn(async move {
        let Ok(upgraded) = hyper::upgrade::on(request).await else { return };
        let mut socket = WebSocketStream::from_raw_socket(TokioIo::new(upgraded), Role::Server, None).await;
        while let Some(Ok(message)) = socket.next().await {
            if (message.is_text() || message.is_binary()) && socket.send(message).await.is_err() {
                return;
            }
        }
    });
    Response::builder()
        .status(StatusCode::SWITCHING_PROTOCOLS)
        .header(header::CONNECTION, "Upgrade")
        .header(header::UPGRADE, "websocket")
        .header(header::SEC_WEBSOCKET_ACCEPT, accept)
        .body(Full::default().map_err(io::Error::other).boxed())
        .unwrap()
}

/// The body that was asked for.
struct Asked {
    ask: Ask,
    sent: usize,
    trailed: bool,
    flushed: bool,
}

impl Body for Asked {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, io::Error>>> {
        let end = self.ask.cut.unwrap_or(self.ask.bytes);
        if self.sent < end {
            let from = self.sent;
            self.sent = end.min(from + PIECE);
            let piece = content(self.ask.seed, self.ask.bytes).slice(from..self.sent);
            return Poll::Ready(Some(Ok(Frame::data(piece))));
        }
        if self.ask.cut.is_some() {
            // What was handed over must be on its way before the connection breaks.
            if !self.flushed {
                self.flushed = true;
                cx.waker().wake_by_ref();
                return Poll::Pending;
            }
            return Poll::Ready(Some(Err(io::Error::other("cut as asked"))));
        }
        if self.ask.trailers && !self.trailed {
            self.trailed = true;
            let mut trailers = HeaderMap::new();
            trailers.insert("x-check", HeaderValue::from_static("good"));
            trailers.insert("x-count", HeaderValue::from(self.sent));
            return Poll::Ready(Some(Ok(Frame::trailers(trailers))));
        }
        Poll::Ready(None)
    }

    fn is_end_stream(&self) -> bool {
        self.sent == self.ask.bytes && self.ask.cut.is_none() && (!self.ask.trailers || self.trailed)
    }

    fn size_hint(&self) -> SizeHint {
        if self.ask.chunked || self.ask.trailers {
            SizeHint::default()
        } else {
            SizeHint::with_exact((self.ask.bytes - self.sent) as u64)
        }
    }
}
