//! Identities. Live state (pools, cursors, counters) hangs on these, so that it outlives every
//! change of what they name.

use super::IpProtocol;
use serde::{Deserialize, Serialize};
use std::fmt;
use std::sync::Arc;

/// Namespace and name of an object whose kind is known from the context.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct ObjectKey {
    /// Namespace; empty for cluster-scoped kinds.
    pub namespace: Arc<str>,
    /// Name within the namespace.
    pub name: Arc<str>,
}

impl ObjectKey {
    /// A key from its two parts.
    pub fn new(namespace: impl Into<Arc<str>>, name: impl Into<Arc<str>>) -> Self {
        Self { namespace: namespace.into(), name: name.into() }
    }
}

impl fmt::Display for ObjectKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.namespace.is_empty() {
            f.write_str(&self.name)
        } else {
            write!(f, "{}/{}", self.namespace, self.name)
        }
    }
}

/// One listener on one Gateway: the Gateway's own or that of a ListenerSet. Names are unique within
/// the object that has the listener, not within the Gateway.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct ListenerKey {
    /// The Gateway that serves it.
    pub gateway: ObjectKey,
    /// The ListenerSet that it is of; none for the Gateway's own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub set: Option<ObjectKey>,
    /// The listener's `name` (the `sectionName` of a parentRef).
    pub name: Arc<str>,
}

impl ListenerKey {
    /// A listener of the Gateway itself.
    pub fn of_gateway(gateway: ObjectKey, name: impl Into<Arc<str>>) -> Self {
        Self { gateway, set: None, name: name.into() }
    }

    /// Of the object that has the listener.
    pub fn namespace(&self) -> &str {
        &self.set.as_ref().unwrap_or(&self.gateway).namespace
    }
}

/// `gateway's/name/listener`; between them `set's/name`, if it is of one.
impl fmt::Display for ListenerKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/", self.gateway)?;
        if let Some(set) = &self.set {
            write!(f, "{set}/")?;
        }
        f.write_str(&self.name)
    }
}

/// The kinds that compile to a [`super::Route`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub enum RouteKind {
    /// `gateway.networking.k8s.io` HTTPRoute.
    #[serde(rename = "HTTPRoute")]
    Http,
    /// `gateway.networking.k8s.io` GRPCRoute.
    #[serde(rename = "GRPCRoute")]
    Grpc,
    /// `gateway.networking.k8s.io` TLSRoute.
    #[serde(rename = "TLSRoute")]
    Tls,
    /// `gateway.networking.k8s.io` TCPRoute.
    #[serde(rename = "TCPRoute")]
    Tcp,
    /// `gateway.networking.k8s.io` UDPRoute.
    #[serde(rename = "UDPRoute")]
    Udp,
    /// `networking.k8s.io` Ingress.
    Ingress,
}

impl fmt::Display for RouteKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Http => f.write_str("HTTPRoute"),
            Self::Grpc => f.write_str("GRPCRoute"),
            Self::Tls => f.write_str("TLSRoute"),
            Self::Tcp => f.write_str("TCPRoute"),
            Self::Udp => f.write_str("UDPRoute"),
            Self::Ingress => f.write_str("Ingress"),
        }
    }
}

/// One route object.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct RouteKey {
    /// The kind of the object.
    pub kind: RouteKind,
    /// Namespace and name.
    pub object: ObjectKey,
}

impl fmt::Display for RouteKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.kind, self.object)
    }
}

/// One rule of a route: by its name when it has one, so that a rule keeps its live state when
/// another is put before it; by its place otherwise.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub enum RuleKey {
    /// The rule's `name`.
    Name(Arc<str>),
    /// The rule's place in the route's list, from 0.
    Index(u32),
}

impl fmt::Display for RuleKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Name(name) => f.write_str(name),
            Self::Index(index) => write!(f, "{index}"),
        }
    }
}

/// What a backendRef points at.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub enum UpstreamKey {
    /// One port of a core Service.
    Service {
        /// The Service.
        service: ObjectKey,
        /// The Service's port number.
        port: u16,
        /// Which of its ports with this number.
        #[serde(default, skip_serializing_if = "IpProtocol::is_tcp")]
        protocol: IpProtocol,
    },
    /// A `tidegate.dev` Upstream.
    Upstream(ObjectKey),
    /// The same for UDP: its targets get datagrams.
    UdpUpstream(ObjectKey),
    /// A `gateway.networking.x-k8s.io` XBackend.
    XBackend(ObjectKey),
}

impl UpstreamKey {
    /// What is spoken to its targets.
    pub fn ip_protocol(&self) -> IpProtocol {
        match self {
            Self::Service { protocol, .. } => *protocol,
            Self::Upstream(_) | Self::XBackend(_) => IpProtocol::Tcp,
            Self::UdpUpstream(_) => IpProtocol::Udp,
        }
    }
}

impl fmt::Display for UpstreamKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Service { service, port, protocol } => {
                write!(f, "Service {service}:{port}{}", protocol.suffix())
            }
            Self::Upstream(object) => write!(f, "Upstream {object}"),
            Self::XBackend(object) => write!(f, "XBackend {object}"),
            Self::UdpUpstream(object) => write!(f, "Upstream {object}{}", IpProtocol::Udp.suffix()),
        }
    }
}

/// The endpoints behind one port of a Service.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct EndpointsKey {
    /// The Service.
    pub service: ObjectKey,
    /// The Service's port number (not the port that the pods listen on).
    pub port: u16,
    /// Which of its ports with this number.
    #[serde(default, skip_serializing_if = "IpProtocol::is_tcp")]
    pub protocol: IpProtocol,
}

impl fmt::Display for EndpointsKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}{}", self.service, self.port, self.protocol.suffix())
    }
}

/// A TLS Secret.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct CertificateKey(pub ObjectKey);

impl fmt::Display for CertificateKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}
