//! The kinds that Tidegate reads.

use crate::model::{IpProtocol, RouteKind};
use kube::core::ApiResource;
use std::fmt;

/// A kind that Tidegate reads.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Kind {
    /// `gateway.networking.k8s.io` GatewayClass.
    GatewayClass,
    /// `gateway.networking.k8s.io` Gateway.
    Gateway,
    /// `gateway.networking.k8s.io` ListenerSet.
    ListenerSet,
    /// `gateway.networking.k8s.io` HTTPRoute.
    HttpRoute,
    /// `gateway.networking.k8s.io` GRPCRoute.
    GrpcRoute,
    /// `gateway.networking.k8s.io` TLSRoute.
    TlsRoute,
    /// `gateway.networking.k8s.io` TCPRoute.
    TcpRoute,
    /// `gateway.networking.k8s.io` UDPRoute.
    UdpRoute,
    /// `gateway.networking.k8s.io` ReferenceGrant.
    ReferenceGrant,
    /// `gateway.networking.k8s.io` BackendTLSPolicy.
    BackendTlsPolicy,
    /// `gateway.networking.x-k8s.io` XBackend.
    XBackend,
    /// `gateway.networking.x-k8s.io` XBackendTrafficPolicy.
    XBackendTrafficPolicy,
    /// `gateway.networking.x-k8s.io` XTelemetryPolicy.
    XTelemetryPolicy,
    /// `tidegate.dev` Upstream.
    Upstream,
    /// `tidegate.dev` GatewayParameters.
    GatewayParameters,
    /// `networking.k8s.io` Ingress.
    Ingress,
    /// `networking.k8s.io` IngressClass.
    IngressClass,
    /// Core Service.
    Service,
    /// `discovery.k8s.io` EndpointSlice.
    EndpointSlice,
    /// Core Secret.
    Secret,
    /// Core ConfigMap.
    ConfigMap,
    /// `certificates.k8s.io` ClusterTrustBundle.
    ClusterTrustBundle,
    /// Core Namespace.
    Namespace,
}

/// What the API server knows of a kind.
struct Names {
    kind: &'static str,
    group: &'static str,
    /// Those that are read; the one that Tidegate asks for first.
    versions: &'static [&'static str],
    plural: &'static str,
    namespaced: bool,
}

impl Kind {
    /// Every kind.
    pub const ALL: [Self; 23] = [
        Self::GatewayClass,
        Self::Gateway,
        Self::ListenerSet,
        Self::HttpRoute,
        Self::GrpcRoute,
        Self::TlsRoute,
        Self::TcpRoute,
        Self::UdpRoute,
        Self::ReferenceGrant,
        Self::BackendTlsPolicy,
        Self::XBackend,
        Self::XBackendTrafficPolicy,
        Self::XTelemetryPolicy,
        Self::Upstream,
        Self::GatewayParameters,
        Self::Ingress,
        Self::IngressClass,
        Self::Service,
        Self::EndpointSlice,
        Self::Secret,
        Self::ConfigMap,
        Self::ClusterTrustBundle,
        Self::Namespace,
    ];

    const fn names(self) -> Names {
        const GATEWAY: &str = super::gateway::GROUP;
        const EXPERIMENTAL: &str = super::gateway::EXPERIMENTAL_GROUP;
        // Gateway API serves some kinds as v1beta1 too, with the same schema.
        const BOTH: &[&str] = &["v1", "v1beta1"];
        // Of BackendTLSPolicy the older version, with the same schema.
        const POLICY: &[&str] = &["v1", "v1alpha3"];
        const V1: &[&str] = &["v1"];
        const NETWORKING: &str = super::ingress::GROUP;
        // Which of them there is hangs on the version of Kubernetes; the schema is the same.
        const TRUST: &[&str] = &["v1", "v1beta1", "v1alpha1"];
        const OWN: &str = super::upstream::GROUP;
        const V1ALPHA1: &[&str] = &["v1alpha1"];
        let (kind, group, versions, plural, namespaced) = match self {
            Self::GatewayClass => ("GatewayClass", GATEWAY, BOTH, "gatewayclasses", false),
            Self::Gateway => ("Gateway", GATEWAY, BOTH, "gateways", true),
            Self::ListenerSet => ("ListenerSet", GATEWAY, V1, "listenersets", true),
            Self::HttpRoute => ("HTTPRoute", GATEWAY, BOTH, "httproutes", true),
            Self::GrpcRoute => ("GRPCRoute", GATEWAY, V1, "grpcroutes", true),
            Self::TlsRoute => ("TLSRoute", GATEWAY, V1, "tlsroutes", true),
            Self::TcpRoute => ("TCPRoute", GATEWAY, V1, "tcproutes", true),
            Self::UdpRoute => ("UDPRoute", GATEWAY, V1, "udproutes", true),
            Self::ReferenceGrant => ("ReferenceGrant", GATEWAY, BOTH, "referencegrants", true),
            Self::BackendTlsPolicy => ("BackendTLSPolicy", GATEWAY, POLICY, "backendtlspolicies", true),
            Self::XBackend => ("XBackend", EXPERIMENTAL, V1ALPHA1, "xbackends", true),
            Self::XBackendTrafficPolicy => {
                ("XBackendTrafficPolicy", EXPERIMENTAL, V1ALPHA1, "xbackendtrafficpolicies", true)
            }
            Self::XTelemetryPolicy => {
                ("XTelemetryPolicy", EXPERIMENTAL, V1ALPHA1, "xtelemetrypolicies", true)
            }
            Self::Upstream => ("Upstream", OWN, V1ALPHA1, "upstreams", true),
            Self::GatewayParameters => ("GatewayParameters", OWN, V1ALPHA1, "gatewayparameters", true),
            Self::Ingress => ("Ingress", NETWORKING, V1, "ingresses", true),
            Self::IngressClass => ("IngressClass", NETWORKING, V1, "ingressclasses", false),
            Self::Service => ("Service", "", V1, "services", true),
            Self::EndpointSlice => ("EndpointSlice", "discovery.k8s.io", V1, "endpointslices", true),
            Self::Secret => ("Secret", "", V1, "secrets", true),
            Self::ConfigMap => ("ConfigMap", "", V1, "configmaps", true),
            Self::ClusterTrustBundle => {
                ("ClusterTrustBundle", "certificates.k8s.io", TRUST, "clustertrustbundles", false)
            }
            Self::Namespace => ("Namespace", "", V1, "namespaces", false),
        };
        Names { kind, group, versions, plural, namespaced }
    }

    /// What the data plane calls routes of this kind; none for a kind that is no route.
    pub const fn route(self) -> Option<RouteKind> {
        match self {
            Self::HttpRoute => Some(RouteKind::Http),
            Self::GrpcRoute => Some(RouteKind::Grpc),
            Self::TlsRoute => Some(RouteKind::Tls),
            Self::TcpRoute => Some(RouteKind::Tcp),
            Self::UdpRoute => Some(RouteKind::Udp),
            Self::Ingress => Some(RouteKind::Ingress),
            _ => None,
        }
    }

    /// Whether objects of the kind attach to listeners.
    pub const fn is_route(self) -> bool {
        self.route().is_some()
    }

    /// Whether objects of the kind are attached to others by their `targetRefs`.
    pub const fn is_policy(self) -> bool {
        matches!(self, Self::BackendTlsPolicy | Self::XBackendTrafficPolicy | Self::XTelemetryPolicy)
    }

    /// Whether it is a kind of what routes send requests to.
    pub const fn is_backend(self) -> bool {
        matches!(self, Self::Service | Self::XBackend | Self::Upstream)
    }

    /// As in the `kind` field of a manifest.
    pub const fn name(self) -> &'static str {
        self.names().kind
    }

    /// API group; empty is the core group.
    pub const fn group(self) -> &'static str {
        self.names().group
    }

    /// The version that Tidegate asks for.
    pub const fn version(self) -> &'static str {
        self.names().versions[0]
    }

    /// Every version that is read.
    pub const fn versions(self) -> &'static [&'static str] {
        self.names().versions
    }

    /// Whether it is a kind of Kubernetes itself that an API server may not serve: that keeps nothing
    /// else waiting.
    pub const fn is_optional(self) -> bool {
        matches!(self, Self::ClusterTrustBundle)
    }

    /// As in the path of a request to the API server.
    pub const fn plural(self) -> &'static str {
        self.names().plural
    }

    /// Whether objects of the kind live in a namespace.
    pub const fn namespaced(self) -> bool {
        self.names().namespaced
    }

    /// Whether it is a kind of routes for what is passed on as it is: connections of which only the
    /// beginning is looked at, if that, and datagrams.
    pub const fn is_stream_route(self) -> bool {
        matches!(self, Self::TlsRoute | Self::TcpRoute | Self::UdpRoute)
    }

    /// What goes to the backends that an object of the kind refers to.
    pub const fn ip_protocol(self) -> IpProtocol {
        match self {
            Self::UdpRoute => IpProtocol::Udp,
            _ => IpProtocol::Tcp,
        }
    }

    /// As in the `apiVersion` field of a manifest.
    pub fn api_version(self) -> String {
        match self.group() {
            "" => self.version().to_owned(),
            group => format!("{group}/{}", self.version()),
        }
    }

    /// What a client of the API server needs to know of it, in one of its versions.
    pub fn resource(self, version: &str) -> ApiResource {
        let api_version = match self.group() {
            "" => version.to_owned(),
            group => format!("{group}/{version}"),
        };
        ApiResource {
            group: self.group().to_owned(),
            version: version.to_owned(),
            api_version,
            kind: self.name().to_owned(),
            plural: self.plural().to_owned(),
        }
    }

    /// The kind with this `group` and `kind`, as references name it.
    pub fn find(group: &str, kind: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|known| known.group() == group && known.name() == kind)
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}
