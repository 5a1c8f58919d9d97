//! One object of any kind.

use super::gateway::{Gateway, GatewayClass, HttpRoute, ReferenceGrant};
use super::gateway_parameters::GatewayParameters;
use super::upstream::Upstream;
use super::{ConfigMap, EndpointSlice, Kind, Namespace, ObjectMeta, Secret, Service};
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

/// An object of one of the kinds that Tidegate reads; cheap to clone.
#[derive(Clone, Debug, PartialEq)]
pub enum Object {
    /// `gateway.networking.k8s.io` GatewayClass.
    GatewayClass(Arc<GatewayClass>),
    /// `gateway.networking.k8s.io` Gateway.
    Gateway(Arc<Gateway>),
    /// `gateway.networking.k8s.io` HTTPRoute.
    HttpRoute(Arc<HttpRoute>),
    /// `gateway.networking.k8s.io` ReferenceGrant.
    ReferenceGrant(Arc<ReferenceGrant>),
    /// `tidegate.dev` Upstream.
    Upstream(Arc<Upstream>),
    /// `tidegate.dev` GatewayParameters.
    GatewayParameters(Arc<GatewayParameters>),
    /// Core Service.
    Service(Arc<Service>),
    /// `discovery.k8s.io` EndpointSlice.
    EndpointSlice(Arc<EndpointSlice>),
    /// Core Secret.
    Secret(Arc<Secret>),
    /// Core ConfigMap.
    ConfigMap(Arc<ConfigMap>),
    /// Core Namespace.
    Namespace(Arc<Namespace>),
}

impl Object {
    /// An object as the API server delivers it, without judging it.
    ///
    /// # Errors
    ///
    /// Fails if a field has another type than its kind says.
    pub fn from_value(kind: Kind, value: serde_json::Value) -> Result<Self, serde_json::Error> {
        fn read<T: serde::de::DeserializeOwned>(
            value: serde_json::Value,
        ) -> Result<Arc<T>, serde_json::Error> {
            serde_json::from_value(value).map(Arc::new)
        }
        Ok(match kind {
            Kind::GatewayClass => Self::GatewayClass(read(value)?),
            Kind::Gateway => Self::Gateway(read(value)?),
            Kind::HttpRoute => Self::HttpRoute(read(value)?),
            Kind::ReferenceGrant => Self::ReferenceGrant(read(value)?),
            Kind::Upstream => Self::Upstream(read(value)?),
            Kind::GatewayParameters => Self::GatewayParameters(read(value)?),
            Kind::Service => Self::Service(read(value)?),
            Kind::EndpointSlice => Self::EndpointSlice(read(value)?),
            Kind::Secret => Self::Secret(read(value)?),
            Kind::ConfigMap => Self::ConfigMap(read(value)?),
            Kind::Namespace => Self::Namespace(read(value)?),
        })
    }

    /// Its kind.
    pub fn kind(&self) -> Kind {
        match self {
            Self::GatewayClass(_) => Kind::GatewayClass,
            Self::Gateway(_) => Kind::Gateway,
            Self::HttpRoute(_) => Kind::HttpRoute,
            Self::ReferenceGrant(_) => Kind::ReferenceGrant,
            Self::Upstream(_) => Kind::Upstream,
            Self::GatewayParameters(_) => Kind::GatewayParameters,
            Self::Service(_) => Kind::Service,
            Self::EndpointSlice(_) => Kind::EndpointSlice,
            Self::Secret(_) => Kind::Secret,
            Self::ConfigMap(_) => Kind::ConfigMap,
            Self::Namespace(_) => Kind::Namespace,
        }
    }

    /// Its head.
    pub fn metadata(&self) -> &ObjectMeta {
        match self {
            Self::GatewayClass(object) => &object.metadata,
            Self::Gateway(object) => &object.metadata,
            Self::HttpRoute(object) => &object.metadata,
            Self::ReferenceGrant(object) => &object.metadata,
            Self::Upstream(object) => &object.metadata,
            Self::GatewayParameters(object) => &object.metadata,
            Self::Service(object) => &object.metadata,
            Self::EndpointSlice(object) => &object.metadata,
            Self::Secret(object) => &object.metadata,
            Self::ConfigMap(object) => &object.metadata,
            Self::Namespace(object) => &object.metadata,
        }
    }

    /// Its namespace (empty for a kind without) and name.
    pub fn key(&self) -> ObjectKey {
        let metadata = self.metadata();
        ObjectKey::new(
            metadata.namespace.as_deref().unwrap_or_default(),
            metadata.name.as_deref().unwrap_or_default(),
        )
    }

    /// Its kind, namespace and name.
    pub fn id(&self) -> ObjectId {
        ObjectId { kind: self.kind(), key: self.key() }
    }
}
