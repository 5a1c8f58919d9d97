//! Where the data plane accepts connections.

use super::{
    Authorities, BackendTarget, BindAddress, CertificateKey, ExternalAuth, Hostname, IpProtocol, ListenerKey,
    ListenerSettings, Tracing, UpstreamKey,
};
use serde::{Deserialize, Serialize};
use std::sync::Arc;

/// What is spoken on a listener.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Protocol {
    /// HTTP/1.1, and HTTP/2 by prior knowledge.
    Http,
    /// The same over TLS, by ALPN.
    Https,
    /// Bytes of any protocol over TLS that ends here.
    Tls,
    /// TLS that ends at the target: of it only the ClientHello's server name is read.
    Passthrough,
    /// Bytes of any protocol.
    Tcp,
    /// Datagrams of any protocol.
    Udp,
}

/// What connections begin with, if there are any: listeners of one socket have it in common.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Transport {
    /// A head of HTTP, which names its host.
    Http,
    /// A ClientHello, which names its server.
    Tls,
    /// Nothing that names a host.
    Tcp,
    /// There are none: datagrams come one by one.
    Udp,
}

impl Protocol {
    /// What connections begin with.
    pub fn transport(self) -> Transport {
        match self {
            Self::Http => Transport::Http,
            Self::Https | Self::Tls | Self::Passthrough => Transport::Tls,
            Self::Tcp => Transport::Tcp,
            Self::Udp => Transport::Udp,
        }
    }

    /// Whether TLS ends here, so that certificates are needed.
    pub fn terminates_tls(self) -> bool {
        matches!(self, Self::Https | Self::Tls)
    }
}

impl Transport {
    /// Of which ports it is.
    pub fn ip_protocol(self) -> IpProtocol {
        match self {
            Self::Http | Self::Tls | Self::Tcp => IpProtocol::Tcp,
            Self::Udp => IpProtocol::Udp,
        }
    }
}

/// Which certificates clients have to show in the TLS handshake.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ClientValidation {
    /// Whose signature makes a certificate good.
    pub authorities: Authorities,
    /// Clients without a good one are let in all the same.
    pub insecure_fallback: bool,
}

/// Which certificate targets with TLS are shown.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum ClientCertificate {
    /// This one.
    Shown(CertificateKey),
    /// One that cannot be had: without it nothing is sent to them.
    Missing,
}

/// One listener of a Gateway that is valid and without conflict.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Listener {
    /// Its identity.
    pub key: ListenerKey,
    /// The sockets, shared with every listener that names the same one.
    pub binds: Vec<BindAddress>,
    /// The port as the Gateway writes it (for redirects); the socket's may differ.
    pub port: u16,
    /// What is spoken; its transport is the same for all listeners of one socket.
    pub protocol: Protocol,
    /// The hosts it serves; none for every host.
    pub hostname: Option<Hostname>,
    /// Where TLS ends here; the first is the one given when no name fits. Without any, every client of its
    /// hostname is refused.
    pub certificates: Vec<CertificateKey>,
    /// Which certificates its clients have to show; the same for all HTTPS listeners of one socket, as a client
    /// can go on from one to another.
    pub clients: Option<ClientValidation>,
    /// Which certificate targets are shown that its clients' requests are sent to by TLS, if they ask.
    pub client_certificate: Option<ClientCertificate>,
    /// Who is asked about each of its requests before a route is looked for, one after the other.
    pub filters: Vec<ExternalAuth>,
    /// What holds for its clients; the same for all listeners of one socket.
    pub settings: Arc<ListenerSettings>,
    /// How its requests become spans, if they do; the same for all listeners of one Gateway.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tracing: Option<Arc<Tracing>>,
}

impl Listener {
    /// The upstreams of those who are asked about its requests.
    pub fn upstreams(&self) -> impl Iterator<Item = &UpstreamKey> {
        self.filters.iter().filter_map(|filter| match &filter.target {
            BackendTarget::Upstream(key) => Some(key),
            BackendTarget::Broken { .. } => None,
        })
    }
}
