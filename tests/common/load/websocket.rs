//! Clients of WebSockets: sessions of a few messages, each of which comes back.

use super::connect::connect;
use super::exchange::describe;
use super::plan::{PATIENCE, Pace};
use super::report::What;
use super::{Failure, Kind, Shared, Target};
use crate::common::content::{Random, content};
use futures::{SinkExt, StreamExt};
use http::{Method, Request};
use std::sync::Arc;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::handshake::client::generate_key;
use tokio_tungstenite::tungstenite::{Error, Message};

/// Messages in a session.
const MESSAGES: usize = 8;

type Socket = WebSocketStream<Box<dyn super::connect::Stream>>;

/// One client: session after session.
pub(super) async fn run(target: Target, mut pace: Pace, shared: Arc<Shared>) {
    let mut random = Random::new(shared.started.elapsed().as_nanos() as u64);
    while !shared.stopped() {
        let mut socket = None;
        for number in 0..=MESSAGES {
            shared.pause_until(pace.next_due()).await;
            let begun = std::time::Instant::now();
            let step = async {
                match &mut socket {
                    None => open(&target, &mut socket).await,
                    Some(socket) if number < MESSAGES => echo(socket, random.next() >> 16).await,
                    Some(socket) => close(socket).await,
                }
            };
            let outcome = tokio::time::timeout(PATIENCE, step).await.unwrap_or(Err(What::Timeout));
            match outcome {
                Ok(()) => shared.tally.answered(Kind::WebSocket, &Method::GET, "(websocket)"),
                Err(what) => {
                    shared.tally.failed(Failure {
                        kind: Kind::WebSocket,
                        what,
                        request: format!("step {number} of a session"),
                        idempotent: false,
                        begun: begun.duration_since(shared.started),
                        took: begun.elapsed(),
                    });
                    shared.pause_after_failure().await;
                    break;
                }
            }
        }
    }
}

async fn open(target: &Target, socket: &mut Option<Socket>) -> Result<(), What> {
    let stream = connect(target, "http/1.1").await.map_err(|error| What::Connect(describe(&error)))?;
    let request = Request::builder()
        .uri(format!("ws://{}{}/socket", target.host, target.path))
        .header("host", &target.host)
        .header("connection", "Upgrade")
        .header("upgrade", "websocket")
        .header("sec-websocket-version", "13")
        .header("sec-websocket-key", generate_key())
        .body(())
        .unwrap();
    match tokio_tungstenite::client_async(request, stream).await {
        Ok((opened, response)) if response.headers().contains_key("x-backend") => {
            *socket = Some(opened);
            Ok(())
        }
        Ok((_, response)) => Err(What::Wrong(format!("no backend in {response:?}"))),
        Err(Error::Http(response)) => Err(What::Status(response.status().as_u16())),
        Err(error) => Err(What::NoAnswer(describe(&error))),
    }
}

async fn echo(socket: &mut Socket, seed: u64) -> Result<(), What> {
    let message = if seed.is_multiple_of(2) {
        Message::text(format!("message {seed}"))
    } else {
        Message::binary(content(seed, 20_000))
    };
    socket.send(message.clone()).await.map_err(|error| What::NoAnswer(describe(&error)))?;
    match socket.next().await {
        Some(Ok(answer)) if answer == message => Ok(()),
        Some(Ok(answer)) => Err(What::Wrong(format!("another message came back: {} bytes", answer.len()))),
        Some(Err(error)) => Err(What::NoAnswer(describe(&error))),
        None => Err(What::NoAnswer("the session ended".to_owned())),
    }
}

/// Says goodbye and waits for the other's.
async fn close(socket: &mut Socket) -> Result<(), What> {
    socket.close(None).await.map_err(|error| What::NoAnswer(describe(&error)))?;
    let mut goodbye = false;
    while let Some(message) = socket.next().await {
        goodbye |= message.map_err(|error| What::NoAnswer(describe(&error)))?.is_close();
    }
    if goodbye { Ok(()) } else { Err(What::NoAnswer("closed without a goodbye".to_owned())) }
}
