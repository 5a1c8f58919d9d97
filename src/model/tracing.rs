//! What a Gateway tells of its requests by traces.

use super::{ObjectKey, UpstreamKey};
use serde::{Deserialize, Serialize};
use std::sync::Arc;

/// How a Gateway's requests become spans, and who gets them.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Tracing {
    /// The Gateway.
    pub gateway: ObjectKey,
    /// The collector.
    pub collector: UpstreamKey,
    /// What is spoken to it.
    pub protocol: OtlpProtocol,
    /// The host, with port, that it is asked for.
    pub authority: Arc<str>,
    /// Name and value of fields of each request to it.
    pub headers: Vec<(Arc<str>, Arc<str>)>,
    /// Of traces that begin here so many are recorded.
    pub sampling: Share,
    /// Of those that whoever came before records so many are recorded here, and none of the others;
    /// without it `sampling` goes for all.
    pub parent_sampling: Option<Share>,
    /// `service.name` of the resource.
    pub service_name: Arc<str>,
    /// The name of every span; one that says what was asked for otherwise.
    pub span_name: Option<Arc<str>>,
    /// What every span has besides, by names that differ.
    pub attributes: Vec<SpanAttribute>,
}

/// What is spoken to a collector.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum OtlpProtocol {
    /// OTLP/gRPC.
    Grpc,
    /// OTLP/HTTP with protobuf.
    Http,
}

/// `numerator` of `denominator`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Share {
    /// At most the denominator.
    pub numerator: u32,
    /// At least 1.
    pub denominator: u32,
}

impl Share {
    /// All of them.
    pub const ALL: Self = Self { numerator: 1, denominator: 1 };
}

/// An attribute that a policy asks for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SpanAttribute {
    /// Its key.
    pub name: Arc<str>,
    /// Where its value comes from.
    pub source: AttributeSource,
}

/// Where an attribute's value comes from.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum AttributeSource {
    /// This field of the request, else of the answer.
    Header(Arc<str>),
    /// This.
    Literal(Arc<str>),
    /// The attribute with this key, one of [`ATTRIBUTE_KEYS`].
    Attribute(Arc<str>),
}

/// The attributes that are known of a request, by OpenTelemetry's semantic conventions.
pub const ATTRIBUTE_KEYS: [&str; 21] = [
    "client.address",
    "error.type",
    "http.request.body.size",
    "http.request.method",
    "http.response.body.size",
    "http.response.status_code",
    "http.route",
    "network.peer.address",
    "network.peer.port",
    "network.protocol.name",
    "network.protocol.version",
    "rpc.grpc.status_code",
    "rpc.method",
    "rpc.service",
    "rpc.system",
    "server.address",
    "server.port",
    "url.path",
    "url.query",
    "url.scheme",
    "user_agent.original",
];
