//! Where the data plane accepts connections.

use super::{CertificateKey, Hostname, ListenerKey, ListenerSettings};
use serde::{Deserialize, Serialize};
use std::net::SocketAddr;
use std::sync::Arc;

/// What is spoken on a listener.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Protocol {
    /// HTTP/1.1, and HTTP/2 by prior knowledge.
    Http,
    /// The same over TLS, by ALPN.
    Https,
}

/// One listener of a Gateway that is valid and without conflict.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Listener {
    /// Its identity.
    pub key: ListenerKey,
    /// The sockets, shared with every listener that names the same one.
    pub binds: Vec<SocketAddr>,
    /// The port as the Gateway writes it (for redirects); the socket's may differ.
    pub port: u16,
    /// HTTP or HTTPS; the same for all listeners of one socket.
    pub protocol: Protocol,
    /// The hosts it serves; none for every host.
    pub hostname: Option<Hostname>,
    /// For HTTPS; the first is the one given when no name fits. Without any, every client of its
    /// hostname is refused.
    pub certificates: Vec<CertificateKey>,
    /// What holds for its clients; the same for all listeners of one socket.
    pub settings: Arc<ListenerSettings>,
}
