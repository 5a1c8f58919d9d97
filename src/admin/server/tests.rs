use super::*;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

struct OnePage;

impl Pages for OnePage {
    fn page<'a>(
        &'a self,
        path: &'a str,
        query: &'a str,
    ) -> Pin<Box<dyn Future<Output = Option<Page>> + Send + 'a>> {
        let page = (path == "/page").then(|| Page::text(StatusCode::OK, format!("query {query}\n")));
        Box::pin(std::future::ready(page))
    }
}

/// The status line, the headers in lower case and the body of the answer to one request.
async fn ask(request: &str) -> (String, String, String) {
    let socket = Socket::open("127.0.0.1:0".parse().unwrap(), "tests", "--none").await.unwrap();
    let address = socket.address().unwrap();
    let server = tokio::spawn(socket.serve(Arc::new(OnePage)));
    let mut stream = TcpStream::connect(address).await.unwrap();
    let request = format!("{request} HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    server.abort();
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    let (status, headers) = head.split_once("\r\n").unwrap();
    (status.to_owned(), headers.to_ascii_lowercase(), body.to_owned())
}

#[tokio::test]
async fn pages_are_answered_to_get_and_head_only() {
    let (status, headers, body) = ask("GET /page?a=b").await;
    assert_eq!((status.as_str(), body.as_str()), ("HTTP/1.1 200 OK", "query a=b\n"));
    assert!(headers.contains("cache-control: no-store"), "{headers}");
    assert!(headers.contains("content-type: text/plain; charset=utf-8"), "{headers}");

    let (status, headers, body) = ask("HEAD /page").await;
    assert_eq!((status.as_str(), body.as_str()), ("HTTP/1.1 200 OK", ""));
    assert!(headers.contains("content-length: 7"), "{headers}");

    let (status, headers, _) = ask("POST /page").await;
    assert_eq!(status, "HTTP/1.1 405 Method Not Allowed");
    assert!(headers.contains("allow: get, head"), "{headers}");

    assert_eq!(ask("GET /other").await.0, "HTTP/1.1 404 Not Found");
    assert_eq!(ask("DELETE /other").await.0, "HTTP/1.1 404 Not Found");
}

#[tokio::test]
async fn a_taken_address_is_named_with_its_flag() {
    let first = Socket::open("127.0.0.1:0".parse().unwrap(), "tests", "--none").await.unwrap();
    let address = first.address().unwrap();
    let error = Socket::open(address, "health and metrics", "--health-address").await.unwrap_err();
    let text = error.to_string();
    assert!(text.starts_with(&format!("cannot listen on {address} for health and metrics: ")), "{text}");
    assert!(text.ends_with("; choose another address with --health-address"), "{text}");
}
