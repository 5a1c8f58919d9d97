//! What the owner of a Gateway sets for its clients.

use ipnet::IpNet;
use serde::{Deserialize, Serialize};
use std::time::Duration;

/// What holds for the clients of a listener. What is none, is as the process was started; the
/// listeners of one socket have the same.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ListenerSettings {
    /// Proxies in front, whose word on who their client is counts.
    pub trusted: Option<Vec<IpNet>>,
    /// Whether connections begin with a header of the PROXY protocol; they do not by default.
    pub proxy_protocol: Option<ProxyProtocol>,
    /// Bytes of a request's head.
    pub head_bytes: Option<u32>,
    /// Fields of a head.
    pub head_fields: Option<u32>,
    /// Bytes of the request target.
    pub uri_bytes: Option<u32>,
    /// Streams at once on one HTTP/2 connection.
    pub http2_streams: Option<u32>,
    /// For a whole head, or a header of the PROXY protocol, to arrive.
    pub head_time: Option<Duration>,
    /// Between requests of one connection.
    pub idle: Option<Duration>,
    /// For the TLS handshake.
    pub tls_handshake: Option<Duration>,
    /// The oldest version of TLS that is spoken; 1.2 by default.
    pub min_tls: Option<TlsVersion>,
    /// How many of a million requests get a line in the access log.
    pub logged_per_million: Option<u32>,
}

/// Whether connections begin with a header of the PROXY protocol.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum ProxyProtocol {
    /// They do not.
    Off,
    /// They may.
    Optional,
    /// They must.
    Required,
}

/// A version of TLS.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum TlsVersion {
    /// RFC 5246.
    Tls12,
    /// RFC 8446.
    Tls13,
}
