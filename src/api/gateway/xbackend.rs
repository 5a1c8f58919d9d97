//! XBackend: a destination of requests with all that is to be known to connect to it (GEP-4894).

use super::resource::kind;
use super::{BackendTlsPolicyValidation, PolicyStatus, SecretObjectReference, SessionPersistence};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

kind! {
    /// Pods, or a host outside of the cluster.
    XBackend, "XBackend", "xbackends", k8s_openapi::NamespaceResourceScope,
    of: "gateway.networking.x-k8s.io", "v1alpha1", spec: XBackendSpec, status: PolicyStatus
}

/// By this label a Service says which XBackend it finds the pods for.
pub const XBACKEND_LABEL: &str = "tidegate.dev/xbackend";

/// Where requests go, and what is spoken there.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct XBackendSpec {
    /// Which of the two fields says where.
    #[serde(rename = "type")]
    pub type_: XBackendType,
    /// The port to connect to.
    pub port: XBackendPort,
    /// With `type: ExternalHostname`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub external_hostname: Option<XBackendExternalHostname>,
    /// With `type: EndpointSelector`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub endpoint_selector: Option<XBackendEndpointSelector>,
    /// Requests of one session go to one of the pods.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub session_persistence: Option<SessionPersistence>,
    /// What is spoken; what goes with the route otherwise.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub protocol: Option<XBackendProtocol>,
    /// TLS.
    #[serde(default)]
    pub tls: XBackendTls,
}

/// Kinds of destinations.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum XBackendType {
    /// A host by its name.
    #[default]
    ExternalHostname,
    /// Pods by their labels.
    EndpointSelector,
}

/// A port.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct XBackendPort {
    /// Its number.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub number: Option<u16>,
}

/// A host outside of the cluster.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct XBackendExternalHostname {
    /// Its whole name.
    pub hostname: String,
}

/// Pods.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct XBackendEndpointSelector {
    /// Labels of which a pod has each.
    pub match_labels: BTreeMap<String, String>,
}

/// What is spoken to a destination.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum XBackendProtocol {
    /// Bytes of any protocol.
    Tcp,
    /// HTTP in the version that both sides agree on.
    Http,
    /// HTTP/2 over TLS.
    Http2,
    /// HTTP/1.1.
    Http11,
    /// HTTP/2 without TLS.
    H2c,
    /// The Model Context Protocol, which is HTTP as far as a gateway is concerned.
    Mcp,
    /// gRPC.
    Grpc,
    /// WebSocket over TLS.
    Wss,
}

/// TLS towards a destination.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct XBackendTls {
    /// Who has to show a certificate.
    pub mode: XBackendTlsMode,
    /// The gateway's, with `mode: ClientAndServer`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub client_certificate_ref: Option<SecretObjectReference>,
    /// Which certificate of the destination is right, unless the mode is `None`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub validation: Option<BackendTlsPolicyValidation>,
}

/// Who has to show a certificate.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum XBackendTlsMode {
    /// Nobody: there is no TLS.
    #[default]
    None,
    /// The destination.
    ServerOnly,
    /// The gateway, too.
    ClientAndServer,
}
