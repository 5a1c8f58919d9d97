//! GRPCRoute: which gRPC calls go to which backends. Headers, filters and backends have the types of
//! HTTPRoute's: the schema allows fewer filters, and says the same of the rest.

use super::resource::kind;
use super::route::backends_of;
use super::{
    AnyRoute, BackendObjectReference, CommonRouteSpec, HttpBackendRef, HttpHeaderMatch, HttpRouteFilter,
    RouteStatus, SessionPersistence, ValueMatchType,
};
use serde::{Deserialize, Serialize};

kind! {
    /// Rules for the gRPC calls of some hostnames.
    GrpcRoute, "GRPCRoute", "grpcroutes", k8s_openapi::NamespaceResourceScope,
    spec: GrpcRouteSpec, status: RouteStatus
}

impl AnyRoute for GrpcRoute {
    fn common(&self) -> &CommonRouteSpec {
        &self.spec.common
    }

    fn backends(&self) -> Vec<&BackendObjectReference> {
        let rules = self.spec.rules.iter();
        backends_of(rules.map(|rule| (&*rule.filters, &*rule.backend_refs)))
    }

    fn status(&self) -> Option<&RouteStatus> {
        self.status.as_ref()
    }
}

/// What a route is.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct GrpcRouteSpec {
    /// What it wants to attach to.
    #[serde(flatten)]
    pub common: CommonRouteSpec,
    /// Hostnames, exact or with a wildcard; those of the listener otherwise.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub hostnames: Vec<String>,
    /// Its rules.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub rules: Vec<GrpcRouteRule>,
}

/// Calls that one of the matches holds for, and what happens to them.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct GrpcRouteRule {
    /// Unique within the route.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// One of them must hold; an empty list holds for every call.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub matches: Vec<GrpcRouteMatch>,
    /// In the order in which they run.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub filters: Vec<HttpRouteFilter>,
    /// Where the calls go; without one they are answered with an error.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub backend_refs: Vec<HttpBackendRef>,
    /// Whether calls of one session go to one backend.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub session_persistence: Option<SessionPersistence>,
}

/// All of its parts must hold.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct GrpcRouteMatch {
    /// The method; each otherwise.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub method: Option<GrpcMethodMatch>,
    /// Each must hold; of two with one name only the first counts.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub headers: Vec<HttpHeaderMatch>,
}

/// The method that is called; one of both is set and not empty.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct GrpcMethodMatch {
    /// How both are matched.
    #[serde(default, rename = "type")]
    pub type_: ValueMatchType,
    /// The service with its package, case-sensitive; each if it is empty.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub service: Option<String>,
    /// The method, case-sensitive; each if it is empty.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub method: Option<String>,
}

#[cfg(test)]
mod tests;
