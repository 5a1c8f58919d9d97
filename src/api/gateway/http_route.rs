//! HTTPRoute: which requests go to which backends.

use super::resource::kind;
use super::route::backends_of;
use super::{
    AnyRoute, BackendObjectReference, BackendRef, CommonRouteSpec, Duration, HttpRouteFilter, RouteStatus,
    SessionPersistence,
};
use serde::{Deserialize, Serialize};

kind! {
    /// Rules for the HTTP requests of some hostnames.
    HttpRoute, "HTTPRoute", "httproutes", k8s_openapi::NamespaceResourceScope,
    spec: HttpRouteSpec, status: RouteStatus
}

impl AnyRoute for HttpRoute {
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
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct HttpRouteSpec {
    /// What it wants to attach to.
    #[serde(flatten)]
    pub common: CommonRouteSpec,
    /// Hostnames, exact or with a wildcard; those of the listener otherwise.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub hostnames: Vec<String>,
    /// Its rules.
    #[serde(default = "one_rule")]
    pub rules: Vec<HttpRouteRule>,
}

impl Default for HttpRouteSpec {
    fn default() -> Self {
        Self { common: CommonRouteSpec::default(), hostnames: Vec::new(), rules: one_rule() }
    }
}

/// The schema's default: one rule for every request, without a backend.
fn one_rule() -> Vec<HttpRouteRule> {
    vec![HttpRouteRule::default()]
}

/// Requests that one of the matches holds for, and what happens to them.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct HttpRouteRule {
    /// Unique within the route.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// One of them must hold; an empty list holds for every request.
    #[serde(default = "one_match")]
    pub matches: Vec<HttpRouteMatch>,
    /// In the order in which they run.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub filters: Vec<HttpRouteFilter>,
    /// Where the requests go; without one they are answered with an error.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub backend_refs: Vec<HttpBackendRef>,
    /// How long a request may take.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub timeouts: Option<HttpRouteTimeouts>,
    /// When a request is sent again.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub retry: Option<HttpRouteRetry>,
    /// Whether requests of one session go to one backend.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub session_persistence: Option<SessionPersistence>,
}

impl Default for HttpRouteRule {
    fn default() -> Self {
        Self {
            name: None,
            matches: one_match(),
            filters: Vec::new(),
            backend_refs: Vec::new(),
            timeouts: None,
            retry: None,
            session_persistence: None,
        }
    }
}

fn one_match() -> Vec<HttpRouteMatch> {
    vec![HttpRouteMatch::default()]
}

/// All of its parts must hold.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct HttpRouteMatch {
    /// The path.
    #[serde(default)]
    pub path: HttpPathMatch,
    /// Each must hold; of two with one name only the first counts.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub headers: Vec<HttpHeaderMatch>,
    /// Each must hold; of two with one name only the first counts.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub query_params: Vec<HttpQueryParamMatch>,
    /// The method, in upper case; each otherwise.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub method: Option<String>,
}

/// How a path is matched.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum PathMatchType {
    /// The whole path.
    Exact,
    /// By path element.
    #[default]
    PathPrefix,
    /// An expression.
    RegularExpression,
}

fn root() -> String {
    "/".to_owned()
}

/// The path of a request.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct HttpPathMatch {
    /// How it is matched.
    #[serde(default, rename = "type")]
    pub type_: PathMatchType,
    /// What it is matched with.
    #[serde(default = "root")]
    pub value: String,
}

impl Default for HttpPathMatch {
    fn default() -> Self {
        Self { type_: PathMatchType::default(), value: root() }
    }
}

/// How a header's or a query parameter's value is matched.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum ValueMatchType {
    /// The whole value.
    #[default]
    Exact,
    /// An expression.
    RegularExpression,
}

/// A header that must be there.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct HttpHeaderMatch {
    /// How its value is matched.
    #[serde(default, rename = "type")]
    pub type_: ValueMatchType,
    /// In any case.
    pub name: String,
    /// What its value is matched with.
    pub value: String,
}

/// A query parameter that must be there.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct HttpQueryParamMatch {
    /// How its value is matched.
    #[serde(default, rename = "type")]
    pub type_: ValueMatchType,
    /// In exactly this case.
    pub name: String,
    /// What its value is matched with.
    pub value: String,
}

/// A backend with its share and its own filters.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct HttpBackendRef {
    /// The backend with its share.
    #[serde(flatten)]
    pub backend: BackendRef,
    /// For the requests that go to this backend.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub filters: Vec<HttpRouteFilter>,
}

/// How long a request may take.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct HttpRouteTimeouts {
    /// From the client's request to the end of the answer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub request: Option<Duration>,
    /// One attempt at one backend; never longer than `request`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub backend_request: Option<Duration>,
}

fn one_attempt() -> u32 {
    1
}

/// When a request is sent again.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct HttpRouteRetry {
    /// Status codes of the backend's that are not final.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub codes: Vec<u16>,
    /// How often at most, beyond the first time; 0 is never.
    #[serde(default = "one_attempt")]
    pub attempts: u32,
    /// Least pause between two tries.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub backoff: Option<Duration>,
}

#[cfg(test)]
mod tests;
