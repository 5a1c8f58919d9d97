//! Service ports.

use crate::api::{Service, ServicePort};
use crate::model::{BackendProtocol, IpProtocol};

/// Why a route cannot send requests to a Service's port.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidServicePort {
    /// UDP or SCTP.
    #[error("its protocol is {0}: HTTP needs a TCP port")]
    Transport(String),
    /// TCP or SCTP.
    #[error("its protocol is {0}: datagrams need a UDP port")]
    NotUdp(String),
    /// What the pods speak there is not known here.
    #[error(
        "its appProtocol {0:?} is not supported: use none, \"http\", \"grpc\", \"kubernetes.io/h2c\" or \"kubernetes.io/ws\"; \
         with a BackendTLSPolicy also \"https\" or \"kubernetes.io/wss\""
    )]
    AppProtocol(String),
}

/// Whether that is a port's `protocol`; TCP is the default.
pub fn is_of(protocol: Option<&str>, wanted: IpProtocol) -> bool {
    match wanted {
        IpProtocol::Tcp => matches!(protocol, None | Some("TCP")),
        IpProtocol::Udp => protocol == Some("UDP"),
    }
}

/// What is spoken to the pods behind a port; of datagrams nothing is known.
///
/// # Errors
/// The port cannot take HTTP requests, or datagrams if those are wanted.
pub fn backend_protocol(
    port: &ServicePort,
    wanted: IpProtocol,
) -> Result<BackendProtocol, InvalidServicePort> {
    if !is_of(port.protocol.as_deref(), wanted) {
        let protocol = port.protocol.clone().unwrap_or_else(|| "TCP".to_owned());
        return Err(match wanted {
            IpProtocol::Tcp => InvalidServicePort::Transport(protocol),
            IpProtocol::Udp => InvalidServicePort::NotUdp(protocol),
        });
    }
    match port.app_protocol.as_deref() {
        _ if wanted == IpProtocol::Udp => Ok(BackendProtocol::Http),
        None | Some("") => Ok(BackendProtocol::Http),
        // A WebSocket begins as an HTTP/1.1 request.
        Some("http" | "kubernetes.io/ws") => Ok(BackendProtocol::Http1),
        Some("grpc" | "kubernetes.io/h2c") => Ok(BackendProtocol::H2c),
        Some(_) if wants_tls(port) => Ok(BackendProtocol::Http),
        Some(other) => Err(InvalidServicePort::AppProtocol(other.to_owned())),
    }
}

/// Whether the port's `appProtocol` says that TLS is spoken there. Names of protocols have no case.
pub fn wants_tls(port: &ServicePort) -> bool {
    let given = port.app_protocol.as_deref().unwrap_or_default();
    ["https", "kubernetes.io/wss"].iter().any(|name| given.eq_ignore_ascii_case(name))
}

/// Whether the Service is a name for something outside of the cluster. Such a name can be made
/// to point anywhere, at the API server too (CVE-2021-25740).
pub fn is_external_name(service: &Service) -> bool {
    service.spec.as_ref().is_some_and(|spec| spec.type_.as_deref() == Some("ExternalName"))
}
