//! Tidegate's kind `Upstream`: a named set of weighted targets that routes send requests to.
//!
//! Only what is honoured is in the schema, so that the API server refuses the rest.

// The derive repeats each struct inside a function, `pub` included; columns share a type.
#![allow(unreachable_pub, clippy::duplicated_attributes)]

use super::Condition;
use kube::{CustomResource, KubeSchema};
use serde::{Deserialize, Serialize};

/// The API group of Tidegate's own kinds.
pub const GROUP: &str = "tidegate.dev";

/// Where the requests go.
#[derive(CustomResource, KubeSchema, Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[kube(
    group = "tidegate.dev",
    version = "v1alpha1",
    kind = "Upstream",
    plural = "upstreams",
    namespaced,
    status = "UpstreamStatus",
    derive = "Default",
    derive = "PartialEq",
    category = "tidegate",
    doc = "A named set of weighted targets, usable as a backendRef of a route.",
    printcolumn(name = "Targets", type_ = "integer", json_path = ".status.targets.total"),
    printcolumn(
        name = "Accepted",
        type_ = "string",
        json_path = ".status.conditions[?(@.type==\"Accepted\")].status"
    ),
    printcolumn(
        name = "Resolved",
        type_ = "string",
        json_path = ".status.conditions[?(@.type==\"ResolvedRefs\")].status"
    ),
    printcolumn(name = "Age", type_ = "date", json_path = ".metadata.creationTimestamp")
)]
pub struct UpstreamSpec {
    /// The targets. Requests are split among them by weight.
    #[schemars(length(min = 1, max = 256))]
    #[x_kube(merge_strategy = ListMerge::Map(vec!["name".into()]))]
    pub targets: Vec<UpstreamTarget>,
    /// When a request is sent again; twice at most without.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub retry: Option<UpstreamRetry>,
}

/// Port numbers are spelt out, because a rule cannot compute with a captured group.
const URL_RULE: &str = concat!(
    "self.matches('^https?://",
    r"([A-Za-z0-9_]([-A-Za-z0-9_.]*[A-Za-z0-9_])?[.]?|\\[[0-9A-Fa-f:.]+\\])",
    "(:([1-9][0-9]{0,3}|[1-5][0-9]{4}|6[0-4][0-9]{3}|65[0-4][0-9]{2}|655[0-2][0-9]|6553[0-5]))?",
    r"(/([-A-Za-z0-9._~!$&()*+,;=:@/]|\\x27|%[0-9A-Fa-f]{2})*)?$')"
);

/// One target: exactly one of `url` and `serviceRef` says where it is.
#[derive(KubeSchema, Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[x_kube(validation = Rule::new("(has(self.url) ? 1 : 0) + (has(self.serviceRef) ? 1 : 0) == 1")
    .message("exactly one of url and serviceRef must be set"))]
pub struct UpstreamTarget {
    /// Unique within the Upstream.
    #[schemars(length(min = 1, max = 63), regex(pattern = r"^[a-z0-9]([-a-z0-9]*[a-z0-9])?$"))]
    pub name: String,
    /// An http or https URL: a host name, an IPv4 address or an IPv6 address in brackets, then
    /// perhaps a port and a path that is put before the path of each request.
    // The API server estimates what the rules cost at worst, targets × characters × pattern, and
    // refuses a definition that is too dear: hence no longer URL.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 512))]
    #[x_kube(
        validation = Rule::new("self.matches('^https?://')")
            .message("must begin with http:// or https://"),
        validation = Rule::new("!self.matches('^[^:]*://[^/?#]*@')")
            .message("must not have a user name or password"),
        validation = Rule::new("!self.matches('[?#]')")
            .message("must not have a query or a fragment"),
        validation = Rule::new(URL_RULE)
            .message("must be http or https://HOST[:PORT][/PATH] with a port from 1 to 65535")
    )]
    pub url: Option<String>,
    /// A Service, as the ready endpoints of one of its ports.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub service_ref: Option<UpstreamServiceRef>,
    /// Share of the requests, relative to the other targets; 0 takes none.
    #[serde(default = "one")]
    #[schemars(with = "i32", range(min = 0, max = 1_000_000))]
    pub weight: u32,
}

fn one() -> u32 {
    1
}

/// One port of a Service.
#[derive(KubeSchema, Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct UpstreamServiceRef {
    /// Its name.
    #[schemars(length(min = 1, max = 63), regex(pattern = r"^[a-z0-9]([-a-z0-9]*[a-z0-9])?$"))]
    pub name: String,
    /// Its namespace; the Upstream's own otherwise. Another one needs a ReferenceGrant there.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 63), regex(pattern = r"^[a-z0-9]([-a-z0-9]*[a-z0-9])?$"))]
    pub namespace: Option<String>,
    /// The number of the port.
    #[schemars(with = "i32", range(min = 1, max = 65535))]
    pub port: u16,
}

/// When a request is sent again, to another endpoint.
#[derive(KubeSchema, Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct UpstreamRetry {
    /// How often at most, beyond the first time; 0 switches it off.
    #[serde(default = "one")]
    #[schemars(with = "i32", range(min = 0, max = 2))]
    pub attempts: u32,
}

/// What the controller says of an Upstream.
#[derive(KubeSchema, Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct UpstreamStatus {
    /// The generation that is spoken of.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub observed_generation: Option<i64>,
    /// Its conditions.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 8))]
    #[x_kube(merge_strategy = ListMerge::Map(vec!["type".into()]))]
    pub conditions: Vec<Condition>,
    /// How its targets are.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub targets: Option<UpstreamTargetsStatus>,
}

/// How the targets of an Upstream are.
#[derive(KubeSchema, Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct UpstreamTargetsStatus {
    /// How many there are.
    pub total: i32,
}

#[cfg(test)]
mod tests;
