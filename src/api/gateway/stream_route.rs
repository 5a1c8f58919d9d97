//! TLSRoute and TCPRoute: which connections go to which backends. Backends have the type of
//! HTTPRoute's: the schema allows them no filters, and says the same of the rest.

use super::resource::kind;
use super::{AnyRoute, BackendObjectReference, CommonRouteSpec, HttpBackendRef, RouteStatus};
use serde::{Deserialize, Serialize};

kind! {
    /// Where TLS connections for some server names go.
    TlsRoute, "TLSRoute", "tlsroutes", k8s_openapi::NamespaceResourceScope,
    spec: TlsRouteSpec, status: RouteStatus
}

kind! {
    /// Where the TCP connections of a listener go.
    TcpRoute, "TCPRoute", "tcproutes", k8s_openapi::NamespaceResourceScope,
    spec: TcpRouteSpec, status: RouteStatus
}

/// What a TLSRoute is.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct TlsRouteSpec {
    /// What it wants to attach to.
    #[serde(flatten)]
    pub common: CommonRouteSpec,
    /// Server names, exact or with a wildcard.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub hostnames: Vec<String>,
    /// Its only rule.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub rules: Vec<StreamRouteRule>,
}

/// What a TCPRoute is.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct TcpRouteSpec {
    /// What it wants to attach to.
    #[serde(flatten)]
    pub common: CommonRouteSpec,
    /// Its only rule.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub rules: Vec<StreamRouteRule>,
}

/// What happens to the connections.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct StreamRouteRule {
    /// Unique within the route.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// Where they go, by weight.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub backend_refs: Vec<HttpBackendRef>,
}

fn backends(rules: &[StreamRouteRule]) -> Vec<&BackendObjectReference> {
    let backends = rules.iter().flat_map(|rule| &rule.backend_refs);
    backends.map(|backend| &backend.backend.object).collect()
}

impl AnyRoute for TlsRoute {
    fn common(&self) -> &CommonRouteSpec {
        &self.spec.common
    }

    fn backends(&self) -> Vec<&BackendObjectReference> {
        backends(&self.spec.rules)
    }

    fn status(&self) -> Option<&RouteStatus> {
        self.status.as_ref()
    }
}

impl AnyRoute for TcpRoute {
    fn common(&self) -> &CommonRouteSpec {
        &self.spec.common
    }

    fn backends(&self) -> Vec<&BackendObjectReference> {
        backends(&self.spec.rules)
    }

    fn status(&self) -> Option<&RouteStatus> {
        self.status.as_ref()
    }
}
