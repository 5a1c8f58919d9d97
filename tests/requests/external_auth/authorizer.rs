//! A server of `envoy.service.auth.v3.Authorization`, with messages of its own.

use crate::answering::Answering;
use bytes::{BufMut, Bytes, BytesMut};
use http::{HeaderMap, HeaderValue, Response};
use http_body::Frame;
use http_body_util::StreamBody;
use prost::{Message, Oneof};
use std::collections::HashMap;
use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

#[derive(Clone, PartialEq, Message)]
pub struct CheckRequest {
    #[prost(message, optional, tag = "1")]
    pub attributes: Option<Attributes>,
}

#[derive(Clone, PartialEq, Message)]
pub struct Attributes {
    #[prost(message, optional, tag = "1")]
    pub source: Option<Peer>,
    #[prost(message, optional, tag = "2")]
    pub destination: Option<Peer>,
    #[prost(message, optional, tag = "4")]
    pub request: Option<Requested>,
}

#[derive(Clone, PartialEq, Message)]
pub struct Peer {
    #[prost(message, optional, tag = "1")]
    pub address: Option<Address>,
}

#[derive(Clone, PartialEq, Message)]
pub struct Address {
    #[prost(message, optional, tag = "1")]
    pub socket: Option<SocketAddress>,
}

#[derive(Clone, PartialEq, Message)]
pub struct SocketAddress {
    #[prost(string, tag = "2")]
    pub address: String,
    #[prost(uint32, tag = "3")]
    pub port: u32,
}

#[derive(Clone, PartialEq, Message)]
pub struct Requested {
    #[prost(message, optional, tag = "2")]
    pub http: Option<HttpRequest>,
}

#[derive(Clone, PartialEq, Message)]
pub struct HttpRequest {
    #[prost(string, tag = "1")]
    pub id: String,
    #[prost(string, tag = "2")]
    pub method: String,
    #[prost(map = "string, string", tag = "3")]
    pub headers: HashMap<String, String>,
    #[prost(string, tag = "4")]
    pub path: String,
    #[prost(string, tag = "5")]
    pub host: String,
    #[prost(string, tag = "6")]
    pub scheme: String,
    #[prost(int64, tag = "9")]
    pub size: i64,
    #[prost(string, tag = "10")]
    pub protocol: String,
    #[prost(string, tag = "11")]
    pub body: String,
    #[prost(bytes = "vec", tag = "12")]
    pub raw_body: Vec<u8>,
}

#[derive(Clone, PartialEq, Message)]
pub struct CheckResponse {
    #[prost(message, optional, tag = "1")]
    pub status: Option<Code>,
    #[prost(oneof = "Said", tags = "2, 3")]
    pub said: Option<Said>,
}

/// Of `google.rpc.Status` and of `envoy.type.v3.HttpStatus`.
#[derive(Clone, Copy, PartialEq, Message)]
pub struct Code {
    #[prost(int32, tag = "1")]
    pub code: i32,
}

#[derive(Clone, PartialEq, Oneof)]
pub enum Said {
    #[prost(message, tag = "2")]
    Denied(Denied),
    #[prost(message, tag = "3")]
    Ok(Allowed),
}

#[derive(Clone, PartialEq, Message)]
pub struct Denied {
    #[prost(message, optional, tag = "1")]
    pub status: Option<Code>,
    #[prost(message, repeated, tag = "2")]
    pub headers: Vec<Field>,
    #[prost(string, tag = "3")]
    pub body: String,
}

#[derive(Clone, PartialEq, Message)]
pub struct Allowed {
    #[prost(message, repeated, tag = "2")]
    pub headers: Vec<Field>,
    #[prost(string, repeated, tag = "5")]
    pub remove: Vec<String>,
    #[prost(message, repeated, tag = "6")]
    pub answer: Vec<Field>,
}

#[derive(Clone, PartialEq, Message)]
pub struct Field {
    #[prost(message, optional, tag = "1")]
    pub header: Option<Pair>,
}

#[derive(Clone, PartialEq, Message)]
pub struct Pair {
    #[prost(string, tag = "1")]
    pub key: String,
    #[prost(string, tag = "2")]
    pub value: String,
}

pub fn field(key: &str, value: &str) -> Field {
    Field { header: Some(Pair { key: key.to_owned(), value: value.to_owned() }) }
}

/// Dropping it ends it.
pub struct Authorizer {
    pub address: SocketAddr,
    asked: Arc<Mutex<Vec<CheckRequest>>>,
    _server: Answering,
}

impl Authorizer {
    /// Answers each call with a message, or with a status of gRPC.
    pub fn start(
        judge: impl Fn(&HttpRequest) -> Result<CheckResponse, &'static str> + Send + Sync + 'static,
    ) -> Self {
        let asked = Arc::<Mutex<Vec<CheckRequest>>>::default();
        let noted = asked.clone();
        let server = Answering::start(true, move |head, bytes| {
            assert_eq!(head.uri.path(), "/envoy.service.auth.v3.Authorization/Check");
            assert_eq!(head.headers["content-type"], "application/grpc");
            let check = CheckRequest::decode(&bytes[5..]).unwrap();
            let http = check.attributes.clone().unwrap().request.unwrap().http.unwrap();
            noted.lock().unwrap().push(check);
            std::future::ready(answer(judge(&http)))
        });
        Self { address: server.address, asked, _server: server }
    }

    pub fn asked(&self) -> Vec<CheckRequest> {
        self.asked.lock().unwrap().clone()
    }
}

fn answer(
    judged: Result<CheckResponse, &'static str>,
) -> Response<StreamBody<impl futures::Stream<Item = Result<Frame<Bytes>, Infallible>> + Send>> {
    let mut frames = Vec::new();
    if let Ok(response) = &judged {
        let mut bytes = BytesMut::new();
        bytes.put_u8(0);
        bytes.put_u32(response.encoded_len() as u32);
        response.encode(&mut bytes).unwrap();
        frames.push(Ok(Frame::data(bytes.freeze())));
    }
    let mut trailers = HeaderMap::new();
    trailers.insert("grpc-status", HeaderValue::from_static(judged.err().unwrap_or("0")));
    frames.push(Ok(Frame::trailers(trailers)));
    let body = StreamBody::new(futures::stream::iter(frames));
    Response::builder().header("content-type", "application/grpc").body(body).unwrap()
}
