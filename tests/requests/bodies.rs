//! Bodies go through as they come: whole, in pieces, with trailers.

use crate::common::backend::{Ask, Backend};
use crate::common::content::content;
use crate::common::manifests::{documents, h2c_service, http_gateway, route_to};
use crate::common::raw::{Client, ask};
use crate::common::tidegate::Tidegate;
use bytes::Bytes;
use http::{HeaderMap, HeaderValue, Request, Response};
use http_body::Frame;
use http_body_util::{BodyExt, StreamBody};
use hyper::body::Incoming;
use hyper::client::conn::http2;
use hyper_util::rt::{TokioExecutor, TokioIo};
use std::convert::Infallible;
use std::net::SocketAddr;
use tokio::net::TcpStream;
use tokio::sync::mpsc;

fn in_front_of_h2c(backend: &Backend) -> Tidegate {
    let texts = [http_gateway(), h2c_service("only", &[backend]), route_to("only")];
    Tidegate::start(&[("all.yaml", documents(&texts))])
}

#[test]
fn expect_is_answered_when_the_body_is_wanted() {
    let backend = Backend::start("only");
    let tidegate = Tidegate::in_front_of(&backend);
    let mut client = Client::connect(tidegate.http());
    client.send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nExpect: 100-continue\r\n\r\n");
    assert_eq!(client.head().status(), 100);
    let answer = client.send("hello").answer();
    assert_eq!(answer.status(), 200);
    assert_eq!(backend.last().body, b"hello");
}

/// The route says 404, so the body is never asked for.
#[test]
fn expect_is_not_answered_when_nobody_wants_the_body() {
    let tidegate = Tidegate::with_rules(&[], "- matches: [{path: {value: /else}}]");
    let mut client = Client::connect(tidegate.http());
    client.send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nExpect: 100-continue\r\n\r\n");
    assert_eq!(client.answer().status(), 404);
    // The five bytes may come or not: the connection cannot be used any more.
    assert!(client.is_closed());
}

/// Each piece is sent only when the one before it has come back.
#[test]
fn nothing_is_held_back_in_either_direction() {
    let backend = Backend::start("only");
    let tidegate = Tidegate::in_front_of(&backend);
    let mut client = Client::connect(tidegate.http());
    client.send("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\nx-answer: stream\r\n\r\n");
    assert_eq!(client.head().header("transfer-encoding"), Some("chunked"));
    for number in 0..50 {
        let piece = format!("piece {number}");
        client.send(format!("{:x}\r\n{piece}\r\n", piece.len()));
        assert_eq!(client.chunk().unwrap(), piece.as_bytes());
    }
    client.send("0\r\n\r\n");
    assert_eq!(client.chunk().unwrap(), b"");
}

#[test]
fn nothing_is_held_back_over_http2_on_both_sides() {
    let backend = Backend::start_h2c("only");
    let tidegate = in_front_of_h2c(&backend);
    over_http2(tidegate.http(), async |request| {
        let (pieces, body) = upload();
        let mut answer =
            request(Request::post("http://a/").header("x-answer", "stream"), body).await.into_body();
        for number in 0..50 {
            let piece = Bytes::from(format!("piece {number}"));
            pieces.send(Frame::data(piece.clone())).unwrap();
            let back = answer.frame().await.unwrap().unwrap().into_data().unwrap();
            assert_eq!(back, piece);
        }
        drop(pieces);
        assert!(answer.frame().await.is_none_or(|frame| frame.unwrap().into_data().unwrap().is_empty()));
    });
}

#[test]
fn large_bodies_go_both_ways() {
    let backend = Backend::start("only");
    let tidegate = Tidegate::in_front_of(&backend);
    let mut client = Client::connect(tidegate.http());
    for (seed, chunked) in [(1, false), (2, true), (3, false), (4, true)] {
        let body = content(seed, 1 << 20);
        let ask = Ask { chunked, ..Ask::bytes(1 << 20, seed) };
        let head = format!("POST / HTTP/1.1\r\nHost: a\r\nx-answer: {ask}\r\nx-seed: {seed}\r\n");
        if chunked {
            client.send(format!("{head}Transfer-Encoding: chunked\r\n\r\n"));
            for piece in body.chunks(30_000) {
                client.send(format!("{:x}\r\n", piece.len())).send(piece).send("\r\n");
            }
            client.send("0\r\n\r\n");
        } else {
            client.send(format!("{head}Content-Length: {}\r\n\r\n", body.len())).send(&body);
        }
        let answer = client.answer();
        assert_eq!(answer.header("x-received"), Some("1048576 same"), "{seed}");
        assert_eq!(answer.header("transfer-encoding").is_some(), chunked, "{seed}");
        assert!(answer.body == body, "{seed}: another body came back");
    }
    assert_eq!(backend.connections(), 1);
}

#[test]
fn trailers_go_both_ways() {
    let backend = Backend::start("only");
    let tidegate = Tidegate::in_front_of(&backend);
    let answer = ask(
        tidegate.http(),
        "POST / HTTP/1.1\r\nHost: a\r\nTE: trailers\r\nTrailer: X-Sum\r\nTransfer-Encoding: chunked\r\n\
         x-answer: bytes=5 trailers\r\n\r\n5\r\nhello\r\n0\r\nX-Sum: 17\r\n\r\n",
    );
    assert_eq!(answer.status(), 200);
    let find = |name: &str| answer.trailers.iter().find(|field| field.0 == name).map(|field| &*field.1);
    assert_eq!((find("x-check"), find("x-count")), (Some("good"), Some("5")));
    let seen = backend.last();
    assert_eq!(seen.trailers.unwrap()["x-sum"], "17");
}

#[test]
fn trailers_go_both_ways_over_http2() {
    let backend = Backend::start_h2c("only");
    let tidegate = in_front_of_h2c(&backend);
    over_http2(tidegate.http(), async |request| {
        let (pieces, body) = upload();
        pieces.send(Frame::data(Bytes::from("hello"))).unwrap();
        let mut trailers = HeaderMap::new();
        trailers.insert("x-sum", HeaderValue::from_static("17"));
        pieces.send(Frame::trailers(trailers)).unwrap();
        drop(pieces);
        let head = Request::post("http://a/").header("te", "trailers").header("x-answer", "bytes=5 trailers");
        let answer = request(head, body).await.into_body().collect().await.unwrap();
        assert_eq!(answer.trailers().unwrap()["x-check"], "good");
    });
    assert_eq!(backend.last().trailers.unwrap()["x-sum"], "17");
}

/// The four ways of HTTP/1.1 and HTTP/2 to HTTP/1.1 and h2c.
#[test]
fn versions_are_translated() {
    let http1 = Backend::start("one");
    let h2c = Backend::start_h2c("two");
    for (backend, version) in [(&http1, http::Version::HTTP_11), (&h2c, http::Version::HTTP_2)] {
        let tidegate = match version {
            http::Version::HTTP_11 => Tidegate::in_front_of(backend),
            _ => {
                let texts = [http_gateway(), h2c_service("two", &[backend]), route_to("two")];
                Tidegate::start(&[("all.yaml", documents(&texts))])
            }
        };
        let answer = ask(
            tidegate.http(),
            "POST /x?y HTTP/1.1\r\nHost: a.example.com\r\nContent-Length: 5\r\nConnection: keep-alive\r\n\r\nhello",
        );
        assert_eq!(answer.status(), 200);
        check_seen(backend, version);
        over_http2(tidegate.http(), async |request| {
            let (pieces, body) = upload();
            pieces.send(Frame::data(Bytes::from("hello"))).unwrap();
            drop(pieces);
            let answer = request(Request::post("http://a.example.com/x?y"), body).await;
            assert_eq!(answer.status(), 200);
        });
        check_seen(backend, version);
    }
}

#[track_caller]
fn check_seen(backend: &Backend, version: http::Version) {
    let seen = backend.last();
    assert_eq!(seen.version, version);
    assert_eq!(seen.body, b"hello");
    let authority = match version {
        http::Version::HTTP_2 => {
            assert!(seen.target.ends_with("a.example.com/x?y"), "{seen:?}");
            "a.example.com"
        }
        _ => {
            assert_eq!(seen.target, "/x?y");
            seen.header("host").unwrap()
        }
    };
    assert_eq!(authority, "a.example.com");
    assert_eq!(seen.header("x-forwarded-for"), Some("127.0.0.1"));
}

/// An HTTP/1.0 client knows no chunks: its answer ends with the connection.
#[test]
fn a_chunked_answer_to_http10_ends_with_the_connection() {
    let backend = Backend::start("only");
    let tidegate = Tidegate::in_front_of(&backend);
    let answer =
        ask(tidegate.http(), "GET / HTTP/1.0\r\nHost: a\r\nx-answer: bytes=100000 seed=5 chunked\r\n\r\n");
    assert_eq!(answer.header("transfer-encoding"), None);
    assert!(answer.body == content(5, 100_000));
}

/// An answer that comes before the request's body was sent is not lost.
#[test]
fn an_early_answer_is_passed_on() {
    let backend = Backend::start("only");
    let tidegate = Tidegate::in_front_of(&backend);
    let mut client = Client::connect(tidegate.http());
    client.send(
        "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1000000\r\nx-answer: status=413 early\r\n\r\nhello",
    );
    assert_eq!(client.answer().status(), 413);
}

type Upload = StreamBody<UploadFrames>;

/// Frames as the test sends them.
struct UploadFrames(mpsc::UnboundedReceiver<Frame<Bytes>>);

impl futures::Stream for UploadFrames {
    type Item = Result<Frame<Bytes>, Infallible>;

    fn poll_next(
        mut self: std::pin::Pin<&mut Self>,
        cx: &mut std::task::Context<'_>,
    ) -> std::task::Poll<Option<Self::Item>> {
        self.0.poll_recv(cx).map(|frame| frame.map(Ok))
    }
}

fn upload() -> (mpsc::UnboundedSender<Frame<Bytes>>, Upload) {
    let (sender, receiver) = mpsc::unbounded_channel();
    (sender, StreamBody::new(UploadFrames(receiver)))
}

/// Runs a client of HTTP/2 by prior knowledge.
fn over_http2(
    address: SocketAddr,
    client: impl AsyncFnOnce(&mut dyn FnMut(http::request::Builder, Upload) -> Sent),
) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let run = async {
        let io = TokioIo::new(TcpStream::connect(address).await.unwrap());
        let (mut sender, connection) = http2::handshake(TokioExecutor::new(), io).await.unwrap();
        tokio::spawn(connection);
        let mut request = |head: http::request::Builder, body: Upload| -> Sent {
            let sent = sender.send_request(head.body(body).unwrap());
            Box::pin(async move { sent.await.unwrap() })
        };
        client(&mut request).await;
    };
    let limit = std::time::Duration::from_secs(20);
    runtime.block_on(async { tokio::time::timeout(limit, run).await.expect("an answer came in time") });
}

type Sent = std::pin::Pin<Box<dyn Future<Output = Response<Incoming>>>>;
