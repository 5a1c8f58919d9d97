use super::*;
use std::pin::pin;
use std::sync::atomic::AtomicU64;
use tokio::io::{AsyncWriteExt, duplex};

fn activity() -> Arc<Activity> {
    Arc::new(Activity::new(Arc::new(AtomicU64::new(0))))
}

#[test]
fn lines_that_look_like_a_length() {
    for (data, count) in [
        ("", 0),
        ("GET / HTTP/1.1\r\nHost: a\r\n\r\n", 0),
        ("POST / HTTP/1.1\r\nContent-Length: 5\r\n\r\nhello", 1),
        ("POST / HTTP/1.1\r\ncOnTent-LENGTH : 5\r\n\r\n", 1),
        ("POST / HTTP/1.1\r\nX-Content-Length: 5\r\n\r\n", 0),
        ("POST / HTTP/1.1\r\nConte", 1),
        ("POST / HTTP/1.1\r\n", 0),
        ("A\ncontent-length: 1\ncontent-length: 2\n", 2),
    ] {
        assert_eq!(count_lengths(data.as_bytes()), count, "{data:?}");
    }
}

#[test]
fn a_length_beside_chunked_is_noticed() {
    let activity = activity();
    activity.received(1);
    assert!(!activity.had_two_lengths(true), "its own length");
    assert!(!activity.had_two_lengths(false), "chunked alone");
    activity.received(1);
    assert!(activity.had_two_lengths(false));
}

async fn detect(pieces: &[&[u8]]) -> (bool, Vec<u8>) {
    let (mut client, server) = duplex(1024);
    let pieces: Vec<Vec<u8>> = pieces.iter().map(|piece| piece.to_vec()).collect();
    let sender = tokio::spawn(async move {
        for piece in pieces {
            client.write_all(&piece).await.unwrap();
            tokio::task::yield_now().await;
        }
    });
    let mut stream = ClientStream::new(server, Bytes::new(), activity());
    let http2 = stream.is_http2().await.unwrap();
    sender.await.unwrap();
    let mut rest = Vec::new();
    stream.read_to_end(&mut rest).await.unwrap();
    (http2, rest)
}

#[tokio::test]
async fn detects_the_preface_and_loses_no_byte() {
    assert_eq!(detect(&[b"GET / HTTP/1.1\r\n\r\n"]).await, (false, b"GET / HTTP/1.1\r\n\r\n".to_vec()));
    assert_eq!(detect(&[b"P"]).await, (false, b"P".to_vec()));
    assert!(!detect(&[b"PRI * HTTP/2.1\r\n\r\nSM\r\n\r\nxx"]).await.0);
    let (http2, rest) = detect(&[b"PRI * HT", b"TP/2.0\r\n\r\nSM\r\n", b"\r\nframes"]).await;
    assert_eq!((http2, &rest[..]), (true, &b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\nframes"[..]));
    assert_eq!(detect(&[]).await, (false, vec![]));
}

/// Ends the stream with bytes of the client unread; whether that waits for the client's end.
async fn waits_for_the_client(activity: Arc<Activity>) -> bool {
    let (mut client, server) = duplex(1024);
    client.write_all(b"unread").await.unwrap();
    let mut stream = ClientStream::new(server, Bytes::new(), activity);
    let mut shutdown = pin!(stream.shutdown());
    let waits = futures::poll!(shutdown.as_mut()).is_pending();
    drop(client);
    if waits {
        shutdown.await.unwrap();
    }
    waits
}

#[tokio::test]
async fn unread_bytes_are_read_before_the_end() {
    let between_requests = activity();
    between_requests.begin();
    assert!(!waits_for_the_client(between_requests.clone()).await);
    between_requests.set_body(true);
    assert!(waits_for_the_client(between_requests.clone()).await);
    between_requests.set_tunnel();
    assert!(!waits_for_the_client(between_requests).await);
    assert!(waits_for_the_client(activity()).await, "in the middle of a head");
}
