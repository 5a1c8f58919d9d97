use super::*;
use bytes::Bytes;
use http::Response;
use http_body_util::Empty;
use hyper::server::conn::http2;
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo};
use memchr::memmem::find;
use std::cell::Cell;
use std::convert::Infallible;
use std::future::poll_fn;
use std::pin::pin;
use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream, duplex};

/// A preface, empty SETTINGS and a GET.
const REQUEST: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0\
    \0\0\x06\x01\x05\0\0\0\x01\x82\x86\x84\x41\x01a";
/// The answer's HEADERS with END_STREAM and END_HEADERS.
const ANSWER: &[u8] = b"\x01\x05\0\0\0\x01";

/// Reads until that was received; returns all of it.
async fn receive(
    client: &mut DuplexStream,
    server: &mut impl FnMut(&mut Context<'_>),
    wanted: &[u8],
) -> Vec<u8> {
    let mut received = Vec::new();
    while find(&received, wanted).is_none() {
        let mut read = pin!(client.read_buf(&mut received));
        let count = poll_fn(|cx| {
            server(cx);
            read.as_mut().poll(cx)
        })
        .await;
        assert_ne!(count.unwrap(), 0, "the server closed");
    }
    received
}

#[tokio::test]
async fn the_ping_behind_the_first_goaway_waits() {
    let (mut client, server) = duplex(64 * 1024);
    client.write_all(REQUEST).await.unwrap();
    let stream = Coalesced::new(server);
    let service = service_fn(|_| async { Ok::<_, Infallible>(Response::new(Empty::<Bytes>::new())) });
    let builder = http2::Builder::new(TokioExecutor::new());
    let mut connection = pin!(builder.serve_connection(TokioIo::new(stream.clone()), service));
    let finish = Cell::new(false);
    let mut poll = |cx: &mut Context<'_>| {
        if finish.take() {
            connection.as_mut().graceful_shutdown();
        }
        assert!(connection.as_mut().poll(cx).is_pending());
        assert!(!matches!(stream.poll_drain(cx), Poll::Ready(Err(_))));
    };
    receive(&mut client, &mut poll, ANSWER).await;

    stream.hold_last_goaway();
    finish.set(true);
    let (goaway, ping) = LAST_CALL.split_at(PING);
    let received = receive(&mut client, &mut poll, goaway).await;
    assert_eq!(find(&received, ping), None);
    stream.release_last_goaway();
    receive(&mut client, &mut poll, ping).await;
}
