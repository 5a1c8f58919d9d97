//! Listeners.

use super::InvalidField;
use crate::api::gateway::{Listener, TlsModeType};
use crate::model::{Hostname, Protocol};

/// What a listener's `protocol` stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ListenerProtocol {
    /// It can be served.
    Served(Protocol),
    /// Something of another implementation.
    Unsupported,
}

/// Reads `protocol`.
pub fn listener_protocol(listener: &Listener) -> ListenerProtocol {
    match listener.protocol.as_str() {
        "HTTP" => ListenerProtocol::Served(Protocol::Http),
        "HTTPS" => ListenerProtocol::Served(Protocol::Https),
        "TLS" => ListenerProtocol::Served(match listener.tls.as_ref().map(|tls| tls.mode) {
            Some(TlsModeType::Passthrough) => Protocol::Passthrough,
            Some(TlsModeType::Terminate) | None => Protocol::Tls,
        }),
        "TCP" => ListenerProtocol::Served(Protocol::Tcp),
        "UDP" => ListenerProtocol::Served(Protocol::Udp),
        _ => ListenerProtocol::Unsupported,
    }
}

/// Reads `hostname`; none takes every host, and so does the empty text.
///
/// # Errors
/// The text is no hostname.
pub fn listener_hostname(listener: &Listener, index: usize) -> Result<Option<Hostname>, InvalidField> {
    match listener.hostname.as_deref() {
        None | Some("") => Ok(None),
        Some(text) => match Hostname::parse(text) {
            Ok(hostname) => Ok(Some(hostname)),
            Err(error) => Err(InvalidField::new(format!("spec.listeners[{index}].hostname"), error)),
        },
    }
}
