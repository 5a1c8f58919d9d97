use super::*;
use hyper::client::conn;
use tokio::io::AsyncWriteExt;
use tokio::sync::oneshot;

/// A running echo, and what stops it.
struct Running {
    address: SocketAddr,
    stop: oneshot::Sender<()>,
    task: tokio::task::JoinHandle<()>,
}

async fn start() -> Running {
    let listener = bind(([127, 0, 0, 1], 0).into()).await.unwrap();
    let address = listener.local_addr().unwrap();
    let (stop, stopped) = oneshot::channel();
    let task = tokio::spawn(serve(listener, "v1".into(), async {
        stopped.await.unwrap();
    }));
    Running { address, stop, task }
}

async fn json(response: Response<Incoming>) -> serde_json::Value {
    assert_eq!(response.status(), StatusCode::OK);
    assert_eq!(response.headers()[header::CONTENT_TYPE], "application/json");
    serde_json::from_slice(&response.into_body().collect().await.unwrap().to_bytes()).unwrap()
}

#[tokio::test]
async fn tells_what_it_was_asked() {
    let echo = start().await;
    let io = TokioIo::new(TcpStream::connect(echo.address).await.unwrap());
    let (mut sender, connection) = conn::http1::handshake(io).await.unwrap();
    tokio::spawn(connection);
    let request = Request::post("/cart?id=7")
        .header("host", "shop.example.com")
        .header("x-forwarded-for", "192.0.2.1")
        .header("x-forwarded-for", "192.0.2.2")
        .body(Full::new(Bytes::from_static(b"four")))
        .unwrap();
    let answer = json(sender.send_request(request).await.unwrap()).await;
    assert_eq!(
        answer,
        serde_json::json!({
            "name": "v1",
            "protocol": "HTTP/1.1",
            "method": "POST",
            "host": "shop.example.com",
            "path": "/cart?id=7",
            "headers": {
                "content-length": "4",
                "host": "shop.example.com",
                "x-forwarded-for": "192.0.2.1, 192.0.2.2",
            },
            "bodyBytes": 4,
        })
    );
}

#[tokio::test]
async fn speaks_http2_by_prior_knowledge() {
    let echo = start().await;
    let io = TokioIo::new(TcpStream::connect(echo.address).await.unwrap());
    let (mut sender, connection) = conn::http2::handshake(TokioExecutor::new(), io).await.unwrap();
    tokio::spawn(connection);
    let request =
        Request::get("http://shop.example.com/").body(http_body_util::Empty::<Bytes>::new()).unwrap();
    let answer = json(sender.send_request(request).await.unwrap()).await;
    assert_eq!(answer["protocol"], "HTTP/2");
    assert_eq!(answer["host"], "shop.example.com");
}

#[tokio::test]
async fn finishes_what_was_begun_when_it_is_stopped() {
    let echo = start().await;
    let mut begun = TcpStream::connect(echo.address).await.unwrap();
    begun
        .write_all(b"POST / HTTP/1.1\r\nhost: a\r\ncontent-length: 4\r\nexpect: 100-continue\r\n\r\n")
        .await
        .unwrap();
    // The interim answer shows that the request is being read.
    let mut interim = [0; 25];
    begun.read_exact(&mut interim).await.unwrap();
    assert_eq!(&interim, b"HTTP/1.1 100 Continue\r\n\r\n");
    // One that never says anything does not hold the stop up.
    let _silent = TcpStream::connect(echo.address).await.unwrap();

    echo.stop.send(()).unwrap();
    begun.write_all(b"done").await.unwrap();
    let mut answer = String::new();
    begun.read_to_string(&mut answer).await.unwrap();
    assert!(answer.starts_with("HTTP/1.1 200 OK\r\n"), "{answer}");
    assert!(answer.contains("\"bodyBytes\": 4"), "{answer}");
    echo.task.await.unwrap();
    assert!(TcpStream::connect(echo.address).await.is_err());
}

#[tokio::test]
async fn an_address_in_use_is_named() {
    let taken = start().await;
    let error = bind(taken.address).await.unwrap_err().to_string();
    assert!(error.starts_with(&format!("cannot listen on {}: ", taken.address)), "{error}");
}
