//! Tidegate's kind `GatewayParameters`: settings of Gateways that Gateway API has no field for.
//!
//! Everything is optional: what is not set is as the GatewayClass's parameters say, then as
//! `tidegate serve` was started.

// The derive repeats each struct inside a function, `pub` included.
#![allow(unreachable_pub)]

use kube::{CustomResource, KubeSchema};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// The settings.
#[derive(CustomResource, KubeSchema, Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[kube(
    group = "tidegate.dev",
    version = "v1alpha1",
    kind = "GatewayParameters",
    plural = "gatewayparameters",
    namespaced,
    derive = "Default",
    derive = "PartialEq",
    category = "tidegate",
    doc = "Settings for the Gateways of a GatewayClass, or for one Gateway, which refer to it as their \
           parametersRef. Where both do, the Gateway's win field by field.",
    printcolumn(name = "Age", type_ = "date", json_path = ".metadata.creationTimestamp")
)]
pub struct GatewayParametersSpec {
    /// The Service by which a Gateway is reached.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub service: Option<ServiceParameters>,
    /// How the address of a client is found out.
    #[serde(default, rename = "clientIP", skip_serializing_if = "Option::is_none")]
    pub client_ip: Option<ClientIpParameters>,
    /// How much a client may send.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub limits: Option<LimitParameters>,
    /// How long a client may take.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub timeouts: Option<TimeoutParameters>,
    /// TLS with clients.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tls: Option<TlsParameters>,
    /// Which requests get a line in the access log.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub access_log: Option<AccessLogParameters>,
}

/// The name of an annotation: perhaps a domain and "/", then up to 63 letters, digits, "-", "_"
/// and ".".
const ANNOTATION_KEYS: &str = concat!(
    "self.all(key, key.size() <= 317 && key.matches('^",
    "([a-z0-9]([-a-z0-9]*[a-z0-9])?([.][a-z0-9]([-a-z0-9]*[a-z0-9])?)*/)?",
    "[A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?$'))"
);

/// The Service by which a Gateway is reached in a cluster.
#[derive(KubeSchema, Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[x_kube(
    validation = Rule::new(
        "!has(self.type) || self.type == 'LoadBalancer' || !has(self.loadBalancerClass)"
    ).message("loadBalancerClass is for type LoadBalancer"),
    validation = Rule::new(
        "!has(self.type) || self.type == 'LoadBalancer' || !has(self.loadBalancerSourceRanges) || \
         size(self.loadBalancerSourceRanges) == 0"
    ).message("loadBalancerSourceRanges is for type LoadBalancer"),
    validation = Rule::new(
        "!has(self.type) || self.type != 'ClusterIP' || !has(self.externalTrafficPolicy)"
    ).message("externalTrafficPolicy is for the types LoadBalancer and NodePort")
)]
pub struct ServiceParameters {
    /// Who gives the Gateway its address.
    #[serde(default, rename = "type", skip_serializing_if = "Option::is_none")]
    pub type_: Option<ServiceType>,
    /// Annotations of the Service. Those of a Gateway's parameters are added to those of its
    /// class's and replace the ones of the same name.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    #[schemars(extend("maxProperties" = 64))]
    #[x_kube(validation = Rule::new(ANNOTATION_KEYS)
        .message("a name must be up to 63 letters, digits, \"-\", \"_\" and \".\", perhaps behind a domain and \"/\""))]
    pub annotations: BTreeMap<String, AnnotationValue>,
    /// Whether nodes pass clients on to pods of other nodes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub external_traffic_policy: Option<ExternalTrafficPolicy>,
    /// Which load balancer implementation is meant, if not the cluster's default.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(
        length(min = 1, max = 317),
        regex(pattern = r"^([a-z0-9]([-a-z0-9.]*[a-z0-9])?/)?[A-Za-z0-9]([-A-Za-z0-9_.]*[A-Za-z0-9])?$")
    )]
    pub load_balancer_class: Option<String>,
    /// Networks of the clients that the load balancer lets in; all without this field or with an
    /// empty list.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 256))]
    pub load_balancer_source_ranges: Option<Vec<Cidr>>,
    /// Which of IPv4 and IPv6 the Service has.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ip_family_policy: Option<IpFamilyPolicy>,
}

/// The value of an annotation.
#[derive(JsonSchema, Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct AnnotationValue(#[schemars(length(max = 4096))] pub String);

/// A network such as `10.0.0.0/8` or `2001:db8::/32`.
#[derive(JsonSchema, Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
#[schemars(extend("format" = "cidr"))]
pub struct Cidr(#[schemars(length(max = 49))] pub String);

/// Who gives a Gateway its address: a load balancer outside of the cluster (the default), the nodes,
/// each on the same port, or the cluster, for clients inside.
#[derive(JsonSchema, Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum ServiceType {
    /// A load balancer outside of the cluster.
    LoadBalancer,
    /// The nodes, each on the same port.
    NodePort,
    /// The cluster, for clients inside.
    ClusterIP,
}

/// Whether nodes pass clients on to pods of other nodes (`Cluster`, the default), which hides the
/// clients' addresses, or not (`Local`).
#[derive(JsonSchema, Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum ExternalTrafficPolicy {
    /// They do.
    Cluster,
    /// They do not, and keep the clients' addresses.
    Local,
}

/// Whether a Service has one of IPv4 and IPv6 or both; the cluster decides by default.
#[derive(JsonSchema, Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum IpFamilyPolicy {
    /// One of them.
    SingleStack,
    /// Both, if the cluster has both.
    PreferDualStack,
    /// Both.
    RequireDualStack,
}

/// How the address of a client is found out.
#[derive(KubeSchema, Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ClientIpParameters {
    /// Networks of the proxies in front, whose word on who their client is counts: their PROXY
    /// protocol headers, `X-Forwarded-*` and `X-Request-Id`. `X-Forwarded-For` is read from the
    /// right up to the first address that is in none of them. Nobody is trusted by default.
    #[serde(default, rename = "trustedCIDRs", skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 256))]
    pub trusted_cidrs: Option<Vec<Cidr>>,
    /// Whether connections begin with a header of the PROXY protocol.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub proxy_protocol: Option<ProxyProtocol>,
}

/// Whether connections begin with a header of the PROXY protocol, version 1 or 2: no (`"Off"`, the
/// default; in YAML it needs the quotes), they may (`Optional`), or they must (`Required`, others
/// are closed). A header counts if it comes from one of trustedCIDRs, which `Optional` cannot do
/// without. With `Required` and no trustedCIDRs every header counts: then nobody but the load
/// balancer may reach the port.
#[derive(JsonSchema, Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum ProxyProtocol {
    /// They do not.
    Off,
    /// They may.
    Optional,
    /// They must.
    Required,
}

/// How much a client may send.
#[derive(KubeSchema, Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct LimitParameters {
    /// Bytes of a request's head; more is answered with 431.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<i32>", range(min = 8_192, max = 1_048_576))]
    pub head_bytes: Option<u32>,
    /// Fields of a request's head; more is answered with 431.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<i32>", range(min = 1, max = 1_000))]
    pub head_fields: Option<u32>,
    /// Bytes of a request's target; more is answered with 414.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<i32>", range(min = 256, max = 1_048_576))]
    pub uri_bytes: Option<u32>,
    /// Requests at once on one HTTP/2 connection.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<i32>", range(min = 1, max = 1_000))]
    pub http2_streams: Option<u32>,
}

/// How long a client may take.
#[derive(KubeSchema, Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct TimeoutParameters {
    /// For a PROXY protocol header, and for a request's whole head, to arrive.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub head: Option<Time>,
    /// Between two requests of one connection.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub idle: Option<Time>,
    /// For the TLS handshake.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tls_handshake: Option<Time>,
}

/// A time such as `500ms`, `10s` or `1m30s`, from 1ms to 24h.
#[derive(JsonSchema, Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
#[schemars(extend("x-kubernetes-validations" = [
    {"rule": "self.matches('[1-9]')", "message": "must be more than 0"}
]))]
pub struct Time(#[schemars(length(max = 24), regex(pattern = r"^([0-9]{1,5}(h|m|s|ms)){1,4}$"))] pub String);

/// TLS with clients.
#[derive(KubeSchema, Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct TlsParameters {
    /// The oldest version that clients may speak.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub min_version: Option<TlsVersion>,
}

/// The oldest version of TLS that clients may speak; 1.2 by default.
#[derive(JsonSchema, Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum TlsVersion {
    /// RFC 5246.
    #[serde(rename = "TLSv1.2")]
    Tls12,
    /// RFC 8446.
    #[serde(rename = "TLSv1.3")]
    Tls13,
}

/// Which requests get a line in the access log.
#[derive(KubeSchema, Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct AccessLogParameters {
    /// How many: 0 none, 1 all, 0.01 each hundredth.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 0.0, max = 1.0))]
    pub share: Option<f64>,
}
