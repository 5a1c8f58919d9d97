//! TLSRoute, TCPRoute and UDPRoute: which connections or datagrams go to which backends. Backends have the type of
//! HTTPRoute's: the schema allows them no filters, and says the same of the rest.

use super::resource::kind;
use super::{AnyRoute, BackendObjectReference, CommonRouteSpec, HttpBackendRef, RouteStatus};
use serde::{Deserialize, Serialize};

kind! {
    /// Where TLS connections for some server names go.
    TlsRoute, "TLSRoute", "tlsroutes", k8s_openapi::NamespaceResourceScope,
    spec: StreamRouteSpec, status: RouteStatus
}

kind! {
    /// Where the TCP connections of a listener go.
    TcpRoute, "TCPRoute", "tcproutes", k8s_openapi::NamespaceResourceScope,
    spec: StreamRouteSpec, status: RouteStatus
}

kind! {
    /// Where the datagrams of a listener go.
    UdpRoute, "UDPRoute", "udproutes", k8s_openapi::NamespaceResourceScope,
    spec: StreamRouteSpec, status: RouteStatus
}

/// What a route is.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct StreamRouteSpec {
    /// What it wants to attach to.
    #[serde(flatten)]
    pub common: CommonRouteSpec,
    /// Server names, exact or with a wildcard; other routes have none.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub hostnames: Vec<String>,
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

macro_rules! any_route {
    ($($kind:ident),+) => {$(
        impl AnyRoute for $kind {
            fn common(&self) -> &CommonRouteSpec {
                &self.spec.common
            }

            fn backends(&self) -> Vec<&BackendObjectReference> {
                let backends = self.spec.rules.iter().flat_map(|rule| &rule.backend_refs);
                backends.map(|backend| &backend.backend.object).collect()
            }

            fn status(&self) -> Option<&RouteStatus> {
                self.status.as_ref()
            }
        }
    )+};
}

any_route!(TlsRoute, TcpRoute, UdpRoute);
