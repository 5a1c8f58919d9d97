//! One object of any kind.

use super::gateway::{
    AnyRoute, BackendTlsPolicy, Gateway, GatewayClass, GrpcRoute, HttpRoute, ListenerSet,
    LocalPolicyTargetReferenceWithSectionName, ReferenceGrant, TcpRoute, TlsRoute, UdpRoute, XBackend,
    XBackendTrafficPolicy, XTelemetryPolicy,
};
use super::gateway_parameters::GatewayParameters;
use super::ingress::{Ingress, IngressClass};
use super::upstream::Upstream;
use super::{ClusterTrustBundle, ConfigMap, EndpointSlice, Kind, Namespace, ObjectMeta, Secret, Service};
use crate::model::ObjectKey;
use std::fmt;
use std::sync::Arc;

/// An object's kind, namespace and name: all there is to tell it from every other.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ObjectId {
    /// Its kind.
    pub kind: Kind,
    /// Its namespace and name.
    pub key: ObjectKey,
}

impl fmt::Display for ObjectId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.kind, self.key)
    }
}

/// A kind of which there are objects.
pub trait Stored: Sized {
    /// The kind.
    const KIND: Kind;
    /// The object, if it is of this kind.
    fn of(object: &Object) -> Option<&Arc<Self>>;
}

/// Makes [`Object`], and all that is the same for every kind, from one line a kind. What objects of
/// routes and of other custom kinds mean is in their `spec`; those of Kubernetes itself differ.
macro_rules! objects {
    (
        routes { $($(#[$route_doc:meta])* $route:ident($route_type:ty),)* }
        custom { $($(#[$custom_doc:meta])* $custom:ident($custom_type:ty),)* }
        core { $($(#[$core_doc:meta])* $core:ident($core_type:ty),)* }
    ) => {
        /// An object of one of the kinds that Tidegate reads; cheap to clone.
        #[derive(Clone, Debug, PartialEq)]
        pub enum Object {
            $($(#[$route_doc])* $route(Arc<$route_type>),)*
            $($(#[$custom_doc])* $custom(Arc<$custom_type>),)*
            $($(#[$core_doc])* $core(Arc<$core_type>),)*
        }

        impl Object {
            /// What all kinds of routes have in common, if it is a route.
            pub fn as_route(&self) -> Option<&dyn AnyRoute> {
                match self {
                    $(Self::$route(route) => Some(&**route),)*
                    _ => None,
                }
            }

            /// Whether both are of one custom kind and want the same.
            pub fn has_spec_of(&self, other: &Self) -> bool {
                match (self, other) {
                    $((Self::$route(one), Self::$route(other)) => one.spec == other.spec,)*
                    $((Self::$custom(one), Self::$custom(other)) => one.spec == other.spec,)*
                    _ => false,
                }
            }
        }

        objects! {
            $($route($route_type),)*
            $($custom($custom_type),)*
            $($core($core_type),)*
        }
    };
    ($($kind:ident($type:ty),)*) => {
        impl Object {
            /// An object as the API server delivers it, without judging it.
            ///
            /// # Errors
            ///
            /// Fails if a field has another type than its kind says.
            pub fn from_value(kind: Kind, value: serde_json::Value) -> Result<Self, serde_json::Error> {
                Ok(match kind {
                    $(Kind::$kind => Self::$kind(Arc::new(serde_json::from_value(value)?)),)*
                })
            }

            /// Its kind.
            pub fn kind(&self) -> Kind {
                match self {
                    $(Self::$kind(_) => Kind::$kind,)*
                }
            }

            /// Its head.
            pub fn metadata(&self) -> &ObjectMeta {
                match self {
                    $(Self::$kind(object) => &object.metadata,)*
                }
            }

            /// Whether it is the very same: nothing changed since the other was taken.
            pub fn is(&self, other: &Self) -> bool {
                match (self, other) {
                    $((Self::$kind(one), Self::$kind(other)) => Arc::ptr_eq(one, other),)*
                    _ => false,
                }
            }
        }

        $(
            impl Stored for $type {
                const KIND: Kind = Kind::$kind;
                fn of(object: &Object) -> Option<&Arc<Self>> {
                    if let Object::$kind(object) = object { Some(object) } else { None }
                }
            }
        )*
    };
}

objects! {
    routes {
        /// `gateway.networking.k8s.io` HTTPRoute.
        HttpRoute(HttpRoute),
        /// `gateway.networking.k8s.io` GRPCRoute.
        GrpcRoute(GrpcRoute),
        /// `gateway.networking.k8s.io` TLSRoute.
        TlsRoute(TlsRoute),
        /// `gateway.networking.k8s.io` TCPRoute.
        TcpRoute(TcpRoute),
        /// `gateway.networking.k8s.io` UDPRoute.
        UdpRoute(UdpRoute),
        /// `networking.k8s.io` Ingress.
        Ingress(Ingress),
    }
    custom {
        /// `gateway.networking.k8s.io` GatewayClass.
        GatewayClass(GatewayClass),
        /// `gateway.networking.k8s.io` Gateway.
        Gateway(Gateway),
        /// `gateway.networking.k8s.io` ListenerSet.
        ListenerSet(ListenerSet),
        /// `gateway.networking.k8s.io` ReferenceGrant.
        ReferenceGrant(ReferenceGrant),
        /// `gateway.networking.k8s.io` BackendTLSPolicy.
        BackendTlsPolicy(BackendTlsPolicy),
        /// `gateway.networking.x-k8s.io` XBackend.
        XBackend(XBackend),
        /// `gateway.networking.x-k8s.io` XBackendTrafficPolicy.
        XBackendTrafficPolicy(XBackendTrafficPolicy),
        /// `gateway.networking.x-k8s.io` XTelemetryPolicy.
        XTelemetryPolicy(XTelemetryPolicy),
        /// `tidegate.dev` Upstream.
        Upstream(Upstream),
        /// `tidegate.dev` GatewayParameters.
        GatewayParameters(GatewayParameters),
        /// `certificates.k8s.io` ClusterTrustBundle.
        ClusterTrustBundle(ClusterTrustBundle),
    }
    core {
        /// `networking.k8s.io` IngressClass.
        IngressClass(IngressClass),
        /// Core Service.
        Service(Service),
        /// `discovery.k8s.io` EndpointSlice.
        EndpointSlice(EndpointSlice),
        /// Core Secret.
        Secret(Secret),
        /// Core ConfigMap.
        ConfigMap(ConfigMap),
        /// Core Namespace.
        Namespace(Namespace),
    }
}

impl Object {
    /// Its namespace (empty for a kind without) and name.
    pub fn key(&self) -> ObjectKey {
        let metadata = self.metadata();
        ObjectKey::new(
            metadata.namespace.as_deref().unwrap_or_default(),
            metadata.name.as_deref().unwrap_or_default(),
        )
    }

    /// What it is attached to, if it is a policy.
    pub fn target_refs(&self) -> Option<&[LocalPolicyTargetReferenceWithSectionName]> {
        match self {
            Self::BackendTlsPolicy(policy) => Some(&policy.spec.target_refs),
            Self::XBackendTrafficPolicy(policy) => Some(&policy.spec.target_refs),
            Self::XTelemetryPolicy(policy) => Some(&policy.spec.target_refs),
            _ => None,
        }
    }

    /// Its kind, namespace and name.
    pub fn id(&self) -> ObjectId {
        ObjectId { kind: self.kind(), key: self.key() }
    }
}
