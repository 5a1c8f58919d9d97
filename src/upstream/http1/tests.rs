use super::*;
use http::HeaderMap;
use http::header::{CONTENT_LENGTH, HeaderName, HeaderValue};
use http_body_util::combinators::BoxBody;
use http_body_util::{BodyExt, Empty, Full, StreamBody};
use proptest::prelude::*;
use std::convert::Infallible;
use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream, duplex};

type TestBody = BoxBody<Bytes, Infallible>;
type Client = Http1<TestBody, DuplexStream>;

fn empty() -> TestBody {
    Empty::new().boxed()
}

fn full(text: &'static [u8]) -> TestBody {
    Full::new(Bytes::from_static(text)).boxed()
}

fn pair() -> (Client, DuplexStream) {
    let (near, far) = duplex(1 << 20);
    (Http1::new(near, Arc::new(Endpoint::new(1, "127.0.0.1:1".parse().unwrap()))), far)
}

fn fields(lines: &[(&'static str, &'static str)]) -> HeaderMap {
    lines.iter().map(|(n, v)| (HeaderName::from_static(n), HeaderValue::from_static(v))).collect()
}

async fn send(
    client: &mut Client,
    method: &Method,
    headers: &HeaderMap,
    body: TestBody,
) -> Result<Response<()>, SendError> {
    let head = RequestHead { method, target: ["/base", "/path", "?", "q=1"], headers, upgrade: None };
    client.send(&head, body).await
}

/// The answer to a GET out of these bytes, after which the stream ends.
async fn answer(bytes: &[u8], method: &Method) -> Result<(Response<()>, Vec<u8>, HeaderMap, bool), String> {
    let (mut client, mut far) = pair();
    far.write_all(bytes).await.unwrap();
    far.shutdown().await.unwrap();
    let response =
        send(&mut client, method, &HeaderMap::new(), empty()).await.map_err(|e| e.error.to_string())?;
    let (mut body, mut trailers) = (Vec::new(), HeaderMap::new());
    while let Some(frame) = poll_fn(|cx| client.poll_frame(cx)).await {
        match frame.map_err(|e| e.to_string())?.into_data() {
            Ok(data) => body.extend_from_slice(&data),
            Err(frame) => trailers = frame.into_trailers().unwrap(),
        }
    }
    let reusable = client.finish();
    Ok((response, body, trailers, reusable))
}

async fn body_of(bytes: &str) -> Result<(String, bool), String> {
    let (_, body, _, reusable) = answer(bytes.as_bytes(), &Method::GET).await?;
    Ok((String::from_utf8(body).unwrap(), reusable))
}

#[tokio::test]
async fn bodies_in_each_framing() {
    for (bytes, body, reusable) in [
        ("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello", "hello", true),
        ("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", "", true),
        ("HTTP/1.1 200 OK\r\nContent-Length: 5\r\nConnection: close\r\n\r\nhello", "hello", false),
        ("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhello", "he", false),
        ("HTTP/1.1 200 OK\r\n\r\nhello", "hello", false),
        ("HTTP/1.0 200 OK\r\nContent-Length: 5\r\n\r\nhello", "hello", false),
        ("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n", "hello", true),
        (
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2;x=y\r\nhe\r\n03 \r\nllo\r\n0\r\n\r\n",
            "hello",
            true,
        ),
        (
            "HTTP/1.1 200 OK\r\nContent-Length: 9\r\nTransfer-Encoding: chunked\r\n\r\n1\r\na\r\n0\r\n\r\n",
            "a",
            false,
        ),
        ("HTTP/1.1 204 No Content\r\nContent-Length: 5\r\n\r\n", "", true),
        ("HTTP/1.1 304 Not Modified\r\nContent-Length: 5\r\n\r\n", "", true),
        (
            "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Hints\r\nLink: x\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\na",
            "a",
            true,
        ),
        ("HTTP/1.1 200 OK\nContent-Length: 1\n\na", "a", true),
    ] {
        assert_eq!(body_of(bytes).await, Ok((body.to_owned(), reusable)), "{bytes:?}");
    }
}

#[tokio::test]
async fn what_is_ambiguous_or_cut_is_an_error() {
    for bytes in [
        "",
        "HTTP/1.1 200 OK\r\n",
        "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhell",
        "HTTP/1.1 200 OK\r\nContent-Length: +5\r\n\r\nhello",
        "HTTP/1.1 200 OK\r\nContent-Length: 5, 5\r\n\r\nhello",
        "HTTP/1.1 200 OK\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\nhello",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: identity\r\n\r\nhello",
        "HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhelloX\r\n0\r\n\r\n",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\nhello\r\n0\r\n\r\n",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0x5\r\nhello\r\n0\r\n\r\n",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n-1\r\n\r\n",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n11111111111111111\r\n",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\nX: y \n\r\n",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\nX: y\r\n\n",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\n",
        "HTTP/1.1 200 OK\r\nA b: c\r\n\r\n",
        "HTTP/1.1 200 OK\r\nA: b\r\n c\r\n\r\n",
        "HTTP/1.1 200 OK\r\nA: b\n\nContent-Length: 0\r\n\r\n",
        "HTTP/2.0 200 OK\r\n\r\n",
        "SSH-2.0-OpenSSH\r\n\r\n",
        "HTTP/1.1 099 No\r\n\r\n",
    ] {
        assert!(body_of(bytes).await.is_err(), "{bytes:?} was taken");
    }
    let long = format!("HTTP/1.1 200 OK\r\nA: {}\r\n\r\n", "x".repeat(64 * 1024));
    assert!(body_of(&long).await.is_err());
    let many = format!("HTTP/1.1 200 OK\r\n{}\r\n", "A: b\r\n".repeat(101));
    assert!(body_of(&many).await.is_err());
    assert!(body_of(&"HTTP/1.1 100 Continue\r\n\r\n".repeat(9)).await.is_err());
}

#[tokio::test]
async fn head_has_no_body_whatever_it_says() {
    let bytes = b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n";
    let (response, body, _, reusable) = answer(bytes, &Method::HEAD).await.unwrap();
    assert_eq!((response.headers()[CONTENT_LENGTH].as_bytes(), body.len(), reusable), (&b"5"[..], 0, true));
}

#[tokio::test]
async fn trailers_come_behind_the_body() {
    let bytes = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\na\r\n0\r\nX-Sum: 7\r\n\r\n";
    let (_, body, trailers, reusable) = answer(bytes, &Method::GET).await.unwrap();
    assert_eq!((&body[..], &trailers["x-sum"], reusable), (&b"a"[..], &HeaderValue::from_static("7"), true));
}

/// What the other side reads of a request.
async fn written(headers: &[(&'static str, &'static str)], method: &Method, body: TestBody) -> String {
    let (mut client, mut far) = pair();
    far.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n").await.unwrap();
    send(&mut client, method, &fields(headers), body).await.unwrap();
    poll_fn(|cx| client.poll_frame(cx)).await;
    assert!(client.finish());
    drop(client);
    let mut text = String::new();
    far.read_to_string(&mut text).await.unwrap();
    text
}

#[tokio::test]
async fn requests_in_each_framing() {
    let start = "/base/path?q=1 HTTP/1.1\r\n";
    assert_eq!(written(&[("host", "a")], &Method::GET, empty()).await, format!("GET {start}host: a\r\n\r\n"));
    assert_eq!(
        written(&[("content-length", "5")], &Method::POST, full(b"hello")).await,
        format!("POST {start}content-length: 5\r\n\r\nhello")
    );
    assert_eq!(written(&[], &Method::PUT, empty()).await, format!("PUT {start}content-length: 0\r\n\r\n"));
    assert_eq!(
        written(&[], &Method::POST, full(b"hello")).await,
        format!("POST {start}transfer-encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n")
    );
    let frames = [
        Ok(Frame::data(Bytes::from(vec![b'x'; 5000]))),
        Ok(Frame::data(Bytes::new())),
        Ok(Frame::trailers(fields(&[("x-sum", "7")]))),
    ];
    let body = StreamBody::new(futures::stream::iter(frames));
    let expected = format!(
        "POST {start}transfer-encoding: chunked\r\n\r\n1388\r\n{}\r\n0\r\nx-sum: 7\r\n\r\n",
        "x".repeat(5000)
    );
    assert_eq!(written(&[], &Method::POST, BodyExt::boxed(body)).await, expected);
}

#[tokio::test]
async fn a_body_that_breaks_its_length_is_not_reused() {
    for (length, body) in [("3", &b"hello"[..]), ("9", b"hello")] {
        let (mut client, mut far) = pair();
        far.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n").await.unwrap();
        let headers = HeaderMap::from_iter([(CONTENT_LENGTH, HeaderValue::from_static(length))]);
        send(&mut client, &Method::POST, &headers, full(body)).await.unwrap();
        assert!(!client.finish(), "length {length}");
    }
}

/// The other side waits for the rest, and would do so for ever.
#[tokio::test]
async fn a_body_that_breaks_ends_the_wait_for_an_answer() {
    let (mut client, _far) = pair();
    let headers = HeaderMap::from_iter([(CONTENT_LENGTH, HeaderValue::from_static("9"))]);
    let error = send(&mut client, &Method::POST, &headers, full(b"hello")).await.unwrap_err();
    assert!(matches!(error.error, Http1Error::Body), "{error}");
}

#[tokio::test]
async fn an_early_answer_is_an_answer() {
    let (mut client, mut far) = pair();
    far.write_all(b"HTTP/1.1 413 Too Large\r\nContent-Length: 0\r\n\r\n").await.unwrap();
    let never = StreamBody::new(futures::stream::pending::<Result<Frame<Bytes>, Infallible>>());
    let response = send(&mut client, &Method::POST, &HeaderMap::new(), BodyExt::boxed(never)).await.unwrap();
    assert_eq!(response.status(), 413);
    assert!(!client.finish(), "the request was not sent to its end");
}

#[tokio::test]
async fn what_was_written_and_read_is_told() {
    let (mut client, far) = pair();
    drop(far);
    let error = send(&mut client, &Method::GET, &HeaderMap::new(), empty()).await.unwrap_err();
    assert!(!error.wrote && !error.read);
    let (mut client, mut far) = pair();
    far.write_all(b"HTT").await.unwrap();
    far.shutdown().await.unwrap();
    let error = send(&mut client, &Method::GET, &HeaderMap::new(), empty()).await.unwrap_err();
    assert!(error.wrote && error.read);
}

#[tokio::test]
async fn an_idle_connection_with_unasked_bytes_is_dead() {
    let (mut client, mut far) = pair();
    assert!(client.is_alive());
    far.write_all(b"HTTP/1.1 408 Timeout\r\n\r\n").await.unwrap();
    assert!(!client.is_alive());
    let (mut client, far) = pair();
    drop(far);
    assert!(!client.is_alive());
}

/// The same bytes through hyper's client: status, body, whether it was complete.
async fn through_hyper(bytes: &[u8]) -> Option<(u16, Vec<u8>)> {
    let (near, mut far) = duplex(1 << 20);
    let (mut sender, connection) =
        hyper::client::conn::http1::handshake(hyper_util::rt::TokioIo::new(near)).await.unwrap();
    let driver = tokio::spawn(connection);
    let request = http::Request::get("/").body(Empty::<Bytes>::new()).unwrap();
    let response = sender.send_request(request);
    // hyper takes no answer before it has written the request.
    let mut seen = [0; 1];
    let (response, ()) = tokio::join!(response, async {
        far.read_exact(&mut seen).await.unwrap();
        far.write_all(bytes).await.unwrap();
        far.shutdown().await.unwrap();
    });
    let response = response.ok()?;
    let status = response.status().as_u16();
    let body = response.into_body().collect().await.ok().map(|body| body.to_bytes().to_vec());
    driver.abort();
    Some((status, body?))
}

fn pieces() -> impl Strategy<Value = String> {
    let line = prop_oneof![
        Just("Content-Length: 3\r\n"),
        Just("Content-Length: 0\r\n"),
        Just("Content-Length: 3, 3\r\n"),
        Just("content-length:3\r\n"),
        Just("Content-Length : 3\r\n"),
        Just("Transfer-Encoding: chunked\r\n"),
        Just("Transfer-Encoding: Chunked\r\n"),
        Just("Transfer-Encoding: gzip, chunked\r\n"),
        Just("Transfer-Encoding: chunked, gzip\r\n"),
        Just("Connection: close\r\n"),
        Just("X: \u{e4}\r\n"),
        Just("X: y\n"),
        Just("X\r\n"),
        Just(" folded\r\n"),
    ];
    let body = prop_oneof![
        Just("abc"),
        Just("ab"),
        Just("3\r\nabc\r\n0\r\n\r\n"),
        Just("3\r\nabc\r\n0\r\nX: y\r\n\r\n"),
        Just("3;e=f\r\nabc\r\n00\r\n\r\n"),
        Just("3\nabc\r\n0\r\n\r\n"),
        Just("3 \r\nabc\r\n0\r\n\r\n"),
        Just("3\r\nabcd\r\n0\r\n\r\n"),
        Just("fffffffffffffffff\r\n"),
        Just("-3\r\nabc\r\n"),
    ];
    let start = prop_oneof![
        Just("HTTP/1.1 200 OK\r\n"),
        Just("HTTP/1.0 200 OK\r\n"),
        Just("HTTP/1.1 204 \r\n"),
        Just("HTTP/1.1 200\r\n"),
        Just("HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\n"),
        Just("HTTP/1.1  200 OK\r\n"),
        Just("http/1.1 200 OK\r\n"),
    ];
    (start, prop::collection::vec(line, 0..3), body)
        .prop_map(|(start, lines, body)| format!("{start}{}\r\n{body}", lines.concat()))
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    /// Whatever is taken here, hyper takes too, and reads the same in it.
    #[test]
    fn at_least_as_strict_as_hyper(bytes in pieces(), noise in prop::option::of((any::<prop::sample::Index>(), any::<u8>()))) {
        let mut bytes = bytes.into_bytes();
        if let Some((place, byte)) = noise {
            let place = place.index(bytes.len());
            bytes[place] = byte;
        }
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        runtime.block_on(async {
            if let Ok((response, body, _, _)) = answer(&bytes, &Method::GET).await {
                let ours = Some((response.status().as_u16(), body));
                assert_eq!(ours, through_hyper(&bytes).await, "{:?}", String::from_utf8_lossy(&bytes));
            }
        });
    }
}
