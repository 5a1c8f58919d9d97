//! Named sets of weighted targets that routes send requests to.

use super::{Authorities, CertificateKey, EndpointsKey, Hostname, Reason, RetryBudget, UpstreamKey};
use serde::{Deserialize, Serialize};
use std::net::SocketAddr;
use std::sync::Arc;

/// A Service port or an XBackend (one entry), or a `tidegate.dev` Upstream (one entry a target).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Upstream {
    /// Its identity.
    pub key: UpstreamKey,
    /// Weighted among each other first; then an endpoint is picked within the entry.
    pub entries: Vec<Entry>,
    /// How often a request is sent again at most, where the Upstream says it; 0 switches off even
    /// the retries that are always safe.
    pub retries: Option<u32>,
}

/// One weighted target of an upstream.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Entry {
    /// Unique within the upstream; the split's cursor hangs on it.
    pub name: Arc<str>,
    /// Share of the upstream's requests, however many endpoints the entry has; 0 gets none.
    pub weight: u32,
    /// Where its endpoints come from.
    pub source: EntrySource,
    /// What is spoken to them.
    pub protocol: BackendProtocol,
    /// TLS towards the target.
    pub tls: Option<OriginateTls>,
    /// Put before the request's path; without trailing slash, empty for none.
    pub base_path: Arc<str>,
    /// How many of its requests may be ones that are sent again; each of these counts for itself.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub retry_budgets: Vec<RetryBudget>,
}

/// Where an entry's endpoints come from.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum EntrySource {
    /// The EndpointSlices of a Service port.
    Endpoints(EndpointsKey),
    /// One fixed address.
    Address(SocketAddr),
    /// A name, resolved by the data plane.
    Dns {
        /// DNS name, lower case.
        host: Arc<str>,
        /// Port to connect to.
        port: u16,
    },
    /// A reference that cannot be resolved or is not permitted: it never has endpoints.
    Broken,
    /// It has endpoints, but how they may be spoken to cannot be honoured: it gets no requests, and
    /// those for it are answered with this reason.
    Closed(Reason),
}

/// What is spoken to a target.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum BackendProtocol {
    /// HTTP/1.1, and HTTP/2 by prior knowledge for gRPC; over TLS, HTTP/2 if the target chooses it by
    /// ALPN.
    Http,
    /// HTTP/1.1; over TLS, HTTP/2 if the target chooses it by ALPN.
    Http1,
    /// HTTP/1.1 and nothing else, over TLS too.
    Http1Only,
    /// HTTP/2 by prior knowledge (`kubernetes.io/h2c`, `grpc`).
    H2c,
}

/// TLS from the gateway to a target.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct OriginateTls {
    /// SNI, and without `subjects` the name (or IP address) that the certificate must have.
    pub server_name: Arc<str>,
    /// Whose signature makes a certificate good.
    pub trust: Trust,
    /// Names of which the certificate must have one, in place of `server_name`.
    pub subjects: Arc<[SubjectName]>,
    /// What the target is shown if it asks for a certificate.
    #[serde(default, skip_serializing_if = "Shown::is_of_gateway")]
    pub shown: Shown,
}

/// What a target is shown that asks for a certificate.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Shown {
    /// What the Gateway shows to all of its targets, if anything.
    #[default]
    OfGateway,
    /// Nothing.
    Nothing,
    /// This.
    Own(CertificateKey),
}

impl Shown {
    /// Whether it hangs on the Gateway.
    pub fn is_of_gateway(&self) -> bool {
        *self == Self::OfGateway
    }
}

/// Whose signature makes a certificate good.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Trust {
    /// That of the authorities of the system that the gateway runs on.
    System,
    /// That of these.
    Authorities(Authorities),
}

/// A name that a certificate may have.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum SubjectName {
    /// A DNS name; a wildcard stands for every name that it matches, and for itself.
    Dns(Hostname),
    /// A URI, compared letter by letter.
    Uri(Arc<str>),
}

impl OriginateTls {
    /// With the system's authorities, and a certificate for the name that is asked for.
    pub fn system(server_name: impl Into<Arc<str>>) -> Self {
        Self {
            server_name: server_name.into(),
            trust: Trust::System,
            subjects: Arc::new([]),
            shown: Shown::OfGateway,
        }
    }
}
