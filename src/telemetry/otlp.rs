//! Spans as OTLP carries them: those of the messages of `opentelemetry.proto.collector.trace.v1` and
//! those inside of them that are sent or heeded here. What is not there is skipped when it comes.

use bytes::Bytes;
use prost::{Message, Oneof};
use std::time::{SystemTime, UNIX_EPOCH};

/// `ExportTraceServiceRequest`
#[derive(Clone, PartialEq, Message)]
pub struct ExportRequest {
    /// By what made them.
    #[prost(message, repeated, tag = "1")]
    pub resource_spans: Vec<ResourceSpans>,
}

/// Spans of one resource.
#[derive(Clone, PartialEq, Message)]
pub struct ResourceSpans {
    /// What made them.
    #[prost(message, optional, tag = "1")]
    pub resource: Option<Resource>,
    /// By the part of it that did.
    #[prost(message, repeated, tag = "2")]
    pub scope_spans: Vec<ScopeSpans>,
}

/// What makes spans.
#[derive(Clone, PartialEq, Message)]
pub struct Resource {
    /// What is known of it.
    #[prost(message, repeated, tag = "1")]
    pub attributes: Vec<KeyValue>,
}

/// Spans of one part.
#[derive(Clone, PartialEq, Message)]
pub struct ScopeSpans {
    /// The part.
    #[prost(message, optional, tag = "1")]
    pub scope: Option<Scope>,
    /// The spans.
    #[prost(message, repeated, tag = "2")]
    pub spans: Vec<Span>,
}

/// A part of what makes spans.
#[derive(Clone, PartialEq, Message)]
pub struct Scope {
    /// Its name.
    #[prost(string, tag = "1")]
    pub name: String,
    /// Its version.
    #[prost(string, tag = "2")]
    pub version: String,
}

/// `Span`
#[derive(Clone, PartialEq, Message)]
pub struct Span {
    /// 16 bytes.
    #[prost(bytes = "bytes", tag = "1")]
    pub trace_id: Bytes,
    /// 8 bytes.
    #[prost(bytes = "bytes", tag = "2")]
    pub span_id: Bytes,
    /// What vendors say of the trace.
    #[prost(string, tag = "3")]
    pub trace_state: String,
    /// 8 bytes; none for the first span of a trace.
    #[prost(bytes = "bytes", tag = "4")]
    pub parent_span_id: Bytes,
    /// Low in number.
    #[prost(string, tag = "5")]
    pub name: String,
    /// One of [`SERVER`] and [`CLIENT`].
    #[prost(int32, tag = "6")]
    pub kind: i32,
    /// Nanoseconds since 1970.
    #[prost(fixed64, tag = "7")]
    pub start: u64,
    /// Nanoseconds since 1970.
    #[prost(fixed64, tag = "8")]
    pub end: u64,
    /// Keys are unique.
    #[prost(message, repeated, tag = "9")]
    pub attributes: Vec<KeyValue>,
    /// Not there if there is nothing to say.
    #[prost(message, optional, tag = "15")]
    pub status: Option<Status>,
    /// The low byte are those of the trace context.
    #[prost(fixed32, tag = "16")]
    pub flags: u32,
}

/// A span about a request that came.
pub const SERVER: i32 = 2;
/// A span about a request that was sent.
pub const CLIENT: i32 = 3;
/// It is known whether the parent is of another process, which it is.
const REMOTE: u32 = 0x300;
const LOCAL: u32 = 0x100;

/// How a span ended.
#[derive(Clone, PartialEq, Message)]
pub struct Status {
    /// In words.
    #[prost(string, tag = "2")]
    pub message: String,
    /// 2 for an error.
    #[prost(int32, tag = "3")]
    pub code: i32,
}

/// An attribute.
#[derive(Clone, PartialEq, Message)]
pub struct KeyValue {
    /// Its key.
    #[prost(string, tag = "1")]
    pub key: String,
    /// Its value.
    #[prost(message, optional, tag = "2")]
    pub value: Option<AnyValue>,
}

/// Any value.
#[derive(Clone, PartialEq, Message)]
pub struct AnyValue {
    /// None is empty.
    #[prost(oneof = "Value", tags = "1, 3")]
    pub value: Option<Value>,
}

/// Those that are sent.
#[derive(Clone, PartialEq, Oneof)]
pub enum Value {
    /// Text.
    #[prost(string, tag = "1")]
    Text(String),
    /// A number.
    #[prost(int64, tag = "3")]
    Number(i64),
}

/// `ExportTraceServiceResponse`
#[derive(Clone, PartialEq, Message)]
pub struct ExportResponse {
    /// Set if not all was taken.
    #[prost(message, optional, tag = "1")]
    pub partial_success: Option<PartialSuccess>,
}

/// What was not taken.
#[derive(Clone, PartialEq, Message)]
pub struct PartialSuccess {
    /// So many.
    #[prost(int64, tag = "1")]
    pub rejected_spans: i64,
    /// And why.
    #[prost(string, tag = "2")]
    pub error_message: String,
}

impl From<&str> for Value {
    fn from(text: &str) -> Self {
        Self::Text(text.to_owned())
    }
}

impl From<String> for Value {
    fn from(text: String) -> Self {
        Self::Text(text)
    }
}

impl From<u64> for Value {
    fn from(number: u64) -> Self {
        Self::Number(i64::try_from(number).unwrap_or(i64::MAX))
    }
}

impl From<u16> for Value {
    fn from(number: u16) -> Self {
        Self::Number(number.into())
    }
}

impl KeyValue {
    /// An attribute with a value.
    pub fn new(key: impl Into<String>, value: impl Into<Value>) -> Self {
        Self { key: key.into(), value: Some(AnyValue { value: Some(value.into()) }) }
    }
}

impl Status {
    /// Something went wrong.
    pub fn error(message: impl Into<String>) -> Self {
        Self { message: message.into(), code: 2 }
    }
}

/// The flags of a recorded span.
pub fn flags(parent_is_remote: bool) -> u32 {
    1 | if parent_is_remote { REMOTE } else { LOCAL }
}

/// As OTLP has times.
pub fn nanos(time: SystemTime) -> u64 {
    let since = time.duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_nanos()).unwrap_or(u64::MAX)
}

/// The request that exports spans of one service.
pub fn export_request(service: &str, namespace: &str, spans: Vec<Span>) -> ExportRequest {
    let mut attributes = vec![KeyValue::new("service.name", service)];
    if !namespace.is_empty() {
        attributes.push(KeyValue::new("service.namespace", namespace));
    }
    let scope = Scope { name: "tidegate".to_owned(), version: env!("CARGO_PKG_VERSION").to_owned() };
    let scope_spans = vec![ScopeSpans { scope: Some(scope), spans }];
    ExportRequest {
        resource_spans: vec![ResourceSpans { resource: Some(Resource { attributes }), scope_spans }],
    }
}
