//! XBackends.

use super::upstream::{Host, host};
use super::{BackendTls, InvalidField, InvalidValue, backend_tls, session};
use crate::api::Kind;
use crate::api::gateway::{
    self, SecretObjectReference, XBackendProtocol, XBackendSpec, XBackendTlsMode, XBackendType,
};
use crate::model::{BackendProtocol, SessionPersistence};
use std::collections::BTreeMap;
use std::sync::Arc;

/// An XBackend before anyone looked for what it refers to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct XBackend {
    /// Where it is.
    pub place: Place,
    /// The port of the host or of the pods.
    pub port: u16,
    /// What is spoken there.
    pub protocol: BackendProtocol,
    /// TLS, if there is to be any.
    pub tls: Option<XBackendTls>,
    /// For routes that do not say it themselves.
    pub session: Option<SessionPersistence>,
}

/// Where an XBackend is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Place {
    /// A host, by a name that is looked up as it is.
    Host(Arc<str>),
    /// Pods with all of these labels.
    Pods(BTreeMap<String, String>),
}

/// TLS towards an XBackend.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct XBackendTls {
    /// Which certificate is right.
    pub wanted: BackendTls,
    /// What is shown.
    pub shown: Option<SecretObjectReference>,
}

/// Converts an XBackend.
///
/// # Errors
/// Every field that cannot be understood.
pub fn xbackend(wire: &gateway::XBackend) -> Result<XBackend, Vec<InvalidField>> {
    let spec = &wire.spec;
    let mut errors = Vec::new();
    let port = spec.port.number.filter(|port| *port != 0);
    if port.is_none() {
        let (least, most) = ("1".to_owned(), u16::MAX.to_string());
        let value = spec.port.number.unwrap_or_default().to_string();
        errors.push(InvalidField::new("spec.port.number", InvalidValue::Range { value, least, most }));
    }
    let place = place(spec).map_err(|error| errors.push(error)).ok();
    let tls = match tls(spec) {
        Ok(tls) => tls,
        Err(more) => {
            errors.extend(more);
            None
        }
    };
    let wire_session = spec.session_persistence.as_ref();
    let session = session::session(wire_session, Kind::XBackend, &wire.metadata, "spec");
    let session = session.map_err(|error| errors.push(error)).ok().flatten();
    errors.extend(protocol_without_tls(spec));
    match (place, port) {
        (Some(place), Some(port)) if errors.is_empty() => {
            Ok(XBackend { place, port, protocol: spoken(spec.protocol), tls, session })
        }
        _ => Err(errors),
    }
}

fn place(spec: &XBackendSpec) -> Result<Place, InvalidField> {
    let missing = |type_| InvalidField::new("spec", InvalidValue::NoFieldOfType(type_));
    match spec.type_ {
        XBackendType::EndpointSelector => {
            let selector = spec.endpoint_selector.as_ref().ok_or_else(|| missing("EndpointSelector"))?;
            Ok(Place::Pods(selector.match_labels.clone()))
        }
        XBackendType::ExternalHostname => {
            let wire = spec.external_hostname.as_ref().ok_or_else(|| missing("ExternalHostname"))?;
            external(&wire.hostname).map(Place::Host).map_err(|problem| {
                let value = InvalidValue::ExternalHostname { host: wire.hostname.clone(), problem };
                InvalidField::new("spec.externalHostname.hostname", value)
            })
        }
    }
}

/// With a dot at its end, so that no search domain makes a name of the cluster of it: that would lead
/// to Services of every namespace.
fn external(text: &str) -> Result<Arc<str>, &'static str> {
    let name = match host(text, 0)? {
        (Host::Name(name, _), _) => name,
        (Host::Address(_), _) => return Err("is an IP address"),
    };
    if name.ends_with(".cluster.local") {
        return Err("is a name of the cluster");
    }
    Ok(format!("{name}.").into())
}

fn tls(spec: &XBackendSpec) -> Result<Option<XBackendTls>, Vec<InvalidField>> {
    const VALIDATION: &str = "spec.tls.validation";
    let mode = match spec.tls.mode {
        XBackendTlsMode::None => return Ok(None),
        XBackendTlsMode::ServerOnly => "ServerOnly",
        XBackendTlsMode::ClientAndServer => "ClientAndServer",
    };
    let Some(validation) = &spec.tls.validation else {
        return Err(vec![InvalidField::new(VALIDATION, InvalidValue::NoValidation(mode))]);
    };
    let shown = match (spec.tls.mode, &spec.tls.client_certificate_ref) {
        (XBackendTlsMode::ClientAndServer, None) => {
            let value = InvalidValue::NoFieldOfType(mode);
            return Err(vec![InvalidField::new("spec.tls.clientCertificateRef", value)]);
        }
        (XBackendTlsMode::ClientAndServer, shown) => shown.clone(),
        _ => None,
    };
    Ok(Some(XBackendTls { wanted: backend_tls(validation, VALIDATION)?, shown }))
}

/// What the API server's rules refuse too: nobody is spoken to in plain text who was to have TLS.
fn protocol_without_tls(spec: &XBackendSpec) -> Option<InvalidField> {
    let has_tls = spec.tls.mode != XBackendTlsMode::None;
    let (protocol, problem) = match spec.protocol? {
        XBackendProtocol::H2c if has_tls => ("H2C", "is without TLS: use HTTP2, or tls.mode None"),
        XBackendProtocol::Http2 if !has_tls => ("HTTP2", "is by TLS: use H2C, or another tls.mode"),
        XBackendProtocol::Wss if !has_tls => ("WSS", "is by TLS: use HTTP, or another tls.mode"),
        _ => return None,
    };
    Some(InvalidField::new("spec.protocol", InvalidValue::ProtocolTls { protocol, problem }))
}

fn spoken(protocol: Option<XBackendProtocol>) -> BackendProtocol {
    use XBackendProtocol::{Grpc, H2c, Http, Http2, Http11, Mcp, Tcp, Wss};
    match protocol {
        // MCP is messages in plain requests and answers of HTTP.
        None | Some(Http | Mcp | Tcp) => BackendProtocol::Http,
        // A WebSocket begins as an HTTP/1.1 request.
        Some(Http11 | Wss) => BackendProtocol::Http1Only,
        Some(Http2 | H2c | Grpc) => BackendProtocol::H2c,
    }
}

#[cfg(test)]
mod tests;
