//! A collector of spans by OTLP, with messages of its own.

use crate::answering::Answering;
use bytes::{BufMut, Bytes, BytesMut};
use http::{HeaderMap, HeaderValue, Response};
use http_body::Frame;
use http_body_util::StreamBody;
use prost::{Message, Oneof};
use std::collections::BTreeMap;
use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

#[derive(Clone, PartialEq, Message)]
struct Export {
    #[prost(message, repeated, tag = "1")]
    resource_spans: Vec<ResourceSpans>,
}

#[derive(Clone, PartialEq, Message)]
struct ResourceSpans {
    #[prost(message, optional, tag = "1")]
    resource: Option<Resource>,
    #[prost(message, repeated, tag = "2")]
    scope_spans: Vec<ScopeSpans>,
}

#[derive(Clone, PartialEq, Message)]
struct Resource {
    #[prost(message, repeated, tag = "1")]
    attributes: Vec<Attribute>,
}

#[derive(Clone, PartialEq, Message)]
struct ScopeSpans {
    #[prost(message, repeated, tag = "2")]
    spans: Vec<Wire>,
}

#[derive(Clone, PartialEq, Message)]
struct Wire {
    #[prost(bytes = "vec", tag = "1")]
    trace_id: Vec<u8>,
    #[prost(bytes = "vec", tag = "2")]
    span_id: Vec<u8>,
    #[prost(string, tag = "3")]
    trace_state: String,
    #[prost(bytes = "vec", tag = "4")]
    parent_span_id: Vec<u8>,
    #[prost(string, tag = "5")]
    name: String,
    #[prost(int32, tag = "6")]
    kind: i32,
    #[prost(fixed64, tag = "7")]
    start: u64,
    #[prost(fixed64, tag = "8")]
    end: u64,
    #[prost(message, repeated, tag = "9")]
    attributes: Vec<Attribute>,
    #[prost(message, optional, tag = "15")]
    status: Option<Status>,
    #[prost(fixed32, tag = "16")]
    flags: u32,
}

#[derive(Clone, PartialEq, Message)]
struct Status {
    #[prost(int32, tag = "3")]
    code: i32,
}

#[derive(Clone, PartialEq, Message)]
struct Attribute {
    #[prost(string, tag = "1")]
    key: String,
    #[prost(message, optional, tag = "2")]
    value: Option<Any>,
}

#[derive(Clone, PartialEq, Message)]
struct Any {
    #[prost(oneof = "Value", tags = "1, 2, 3")]
    value: Option<Value>,
}

#[derive(Clone, PartialEq, Oneof)]
enum Value {
    #[prost(string, tag = "1")]
    Text(String),
    #[prost(bool, tag = "2")]
    Bool(bool),
    #[prost(int64, tag = "3")]
    Number(i64),
}

/// A span that came.
#[derive(Clone, Debug)]
pub struct Span {
    /// In hex; so are the others.
    pub trace: String,
    pub id: String,
    /// Empty for none.
    pub parent: String,
    pub state: String,
    pub name: String,
    /// `server` or `client`.
    pub kind: &'static str,
    pub nanos: (u64, u64),
    pub attributes: BTreeMap<String, String>,
    pub is_error: bool,
    pub flags: u32,
    /// Attributes of what made it.
    pub resource: BTreeMap<String, String>,
}

/// What a collector says to a request.
#[derive(Clone, Copy, Debug)]
pub enum Say {
    Taken,
    /// A status of gRPC, or else of HTTP.
    Status(u16),
    /// Nothing at all.
    Nothing,
}

#[derive(Default)]
struct Got {
    spans: Vec<Span>,
    requests: Vec<(String, HeaderMap)>,
}

/// Dropping it ends it.
pub struct Collector {
    pub address: SocketAddr,
    got: Arc<Mutex<Got>>,
    _server: Answering,
}

impl Collector {
    /// One of OTLP/gRPC that takes everything.
    pub fn by_grpc() -> Self {
        Self::start(true, |_| Say::Taken)
    }

    /// One of OTLP/HTTP that takes everything.
    pub fn by_http() -> Self {
        Self::start(false, |_| Say::Taken)
    }

    /// `say` gets how many requests came before.
    pub fn start(is_rpc: bool, say: impl Fn(usize) -> Say + Send + Sync + 'static) -> Self {
        let got = Arc::<Mutex<Got>>::default();
        let noted = got.clone();
        let server = Answering::start(is_rpc, move |head, bytes| {
            let before = noted.lock().unwrap().requests.len();
            let said = say(before);
            take(&noted, &head, &bytes, is_rpc, matches!(said, Say::Taken));
            async move {
                match said {
                    Say::Taken => answer(is_rpc, None),
                    Say::Status(status) => answer(is_rpc, Some(status)),
                    Say::Nothing => std::future::pending().await,
                }
            }
        });
        Self { address: server.address, got, _server: server }
    }

    /// Those that were taken.
    pub fn spans(&self) -> Vec<Span> {
        self.got.lock().unwrap().spans.clone()
    }

    /// Path and fields of each request, taken or not.
    pub fn requests(&self) -> Vec<(String, HeaderMap)> {
        self.got.lock().unwrap().requests.clone()
    }
}

fn take(got: &Mutex<Got>, head: &http::request::Parts, bytes: &Bytes, is_rpc: bool, is_taken: bool) {
    assert_eq!(head.method, http::Method::POST);
    let message = if is_rpc {
        assert_eq!(head.headers["content-type"], "application/grpc");
        assert_eq!(bytes[0], 0, "not compressed");
        assert_eq!(u32::from_be_bytes(bytes[1..5].try_into().unwrap()) as usize, bytes.len() - 5);
        &bytes[5..]
    } else {
        assert_eq!(head.headers["content-type"], "application/x-protobuf");
        &bytes[..]
    };
    let export = Export::decode(message).unwrap();
    let mut got = got.lock().unwrap();
    got.requests.push((head.uri.path().to_owned(), head.headers.clone()));
    if is_taken {
        for of_resource in export.resource_spans {
            let resource = texts(&of_resource.resource.unwrap().attributes);
            let all = of_resource.scope_spans.into_iter().flat_map(|scope| scope.spans);
            got.spans.extend(all.map(|wire| read(wire, &resource)));
        }
    }
}

fn read(wire: Wire, resource: &BTreeMap<String, String>) -> Span {
    assert_eq!((wire.trace_id.len(), wire.span_id.len()), (16, 8));
    let hex = |bytes: &[u8]| bytes.iter().map(|byte| format!("{byte:02x}")).collect::<String>();
    Span {
        trace: hex(&wire.trace_id),
        id: hex(&wire.span_id),
        parent: hex(&wire.parent_span_id),
        state: wire.trace_state,
        name: wire.name,
        kind: match wire.kind {
            2 => "server",
            3 => "client",
            other => panic!("kind {other}"),
        },
        nanos: (wire.start, wire.end),
        attributes: texts(&wire.attributes),
        is_error: wire.status.is_some_and(|status| status.code == 2),
        flags: wire.flags,
        resource: resource.clone(),
    }
}

/// Keys are unique.
fn texts(attributes: &[Attribute]) -> BTreeMap<String, String> {
    let text = |value: &Option<Any>| match value.as_ref().and_then(|any| any.value.as_ref()).unwrap() {
        Value::Text(text) => text.clone(),
        Value::Bool(bool) => bool.to_string(),
        Value::Number(number) => number.to_string(),
    };
    let all: BTreeMap<_, _> =
        attributes.iter().map(|attribute| (attribute.key.clone(), text(&attribute.value))).collect();
    assert_eq!(all.len(), attributes.len(), "a key is there twice: {attributes:?}");
    all
}

fn answer(
    is_rpc: bool,
    status: Option<u16>,
) -> Response<StreamBody<impl futures::Stream<Item = Result<Frame<Bytes>, Infallible>> + Send>> {
    let mut frames = Vec::new();
    if is_rpc {
        let mut trailers = HeaderMap::new();
        trailers.insert("grpc-status", HeaderValue::from(status.unwrap_or(0)));
        if status.is_none() {
            let mut empty = BytesMut::new();
            empty.put_bytes(0, 5);
            frames.push(Ok(Frame::data(empty.freeze())));
        }
        frames.push(Ok(Frame::trailers(trailers)));
    }
    let content = if is_rpc { "application/grpc" } else { "application/x-protobuf" };
    let response = Response::builder().header("content-type", content);
    let response = response.status(if is_rpc { 200 } else { status.unwrap_or(200) });
    response.body(StreamBody::new(futures::stream::iter(frames))).unwrap()
}
