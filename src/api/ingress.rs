//! Ingress and IngressClass (`networking.k8s.io/v1`), as Kubernetes defines them.

use super::ObjectMeta;
use super::gateway::{AnyRoute, BackendObjectReference, CommonRouteSpec, ParentReference, RouteStatus};
use crate::model::ObjectKey;
use k8s_openapi::api::networking::v1;
use schemars::{JsonSchema, Schema, SchemaGenerator};
use serde::{Deserialize, Serialize, Serializer};
use std::borrow::Cow;

pub use k8s_openapi::api::networking::v1::{
    IngressBackend, IngressClass, IngressLoadBalancerIngress, IngressLoadBalancerStatus, IngressSpec,
    IngressStatus, IngressTLS,
};

/// The API group of both kinds.
pub const GROUP: &str = "networking.k8s.io";

/// How an Ingress named its class before there was a field for it. "When that annotation is set, it
/// must be given precedence over this field."
pub const CLASS_ANNOTATION: &str = "kubernetes.io/ingress.class";

/// With the value "true" on an IngressClass: it is that of Ingresses without one.
pub const DEFAULT_CLASS_ANNOTATION: &str = "ingressclass.kubernetes.io/is-default-class";

/// Hosts and paths with backends, and certificates.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(from = "v1::Ingress")]
pub struct Ingress {
    /// The object's head.
    pub metadata: ObjectMeta,
    /// What is wanted.
    pub spec: IngressSpec,
    /// What its controller says.
    pub status: Option<IngressStatus>,
    /// Its class as the parent of a route.
    common: CommonRouteSpec,
    /// All that it sends requests to.
    backends: Vec<BackendObjectReference>,
}

impl Ingress {
    /// The class that it names, by the field or by the annotation.
    pub fn class(&self) -> Option<&str> {
        class_of(&self.metadata, &self.spec)
    }
}

fn class_of<'a>(metadata: &'a ObjectMeta, spec: &'a IngressSpec) -> Option<&'a str> {
    let annotation = metadata.annotations.as_ref().and_then(|all| all.get(CLASS_ANNOTATION));
    let named = annotation.or(spec.ingress_class_name.as_ref()).map(String::as_str);
    named.filter(|class| !class.is_empty())
}

/// A class as the parent of an Ingress; empty is the default class, whichever that is.
pub fn parent(class: &str) -> ParentReference {
    ParentReference {
        group: GROUP.to_owned(),
        kind: "IngressClass".to_owned(),
        namespace: None,
        name: class.to_owned(),
        section_name: None,
        port: None,
    }
}

/// The Gateway by which the Ingresses of a class are served. It is no object, and as every Gateway that
/// is one has a namespace, none has its key.
pub fn gateway_of_class(class: &str) -> ObjectKey {
    ObjectKey::new("", class)
}

/// Whether a Gateway is that of an IngressClass, whose name is its name.
pub fn is_of_class(gateway: &ObjectKey) -> bool {
    gateway.namespace.is_empty()
}

/// What a backend refers to; none if it says nothing. A port's name is left to whoever knows the
/// Service.
pub fn backend_object(backend: &IngressBackend) -> Option<BackendObjectReference> {
    if let Some(service) = &backend.service {
        let number = service.port.as_ref().and_then(|port| port.number);
        return Some(BackendObjectReference {
            group: String::new(),
            kind: "Service".to_owned(),
            name: service.name.clone(),
            namespace: None,
            port: number.and_then(|port| u16::try_from(port).ok()).filter(|port| *port != 0),
        });
    }
    let resource = backend.resource.as_ref()?;
    Some(BackendObjectReference {
        group: resource.api_group.clone().unwrap_or_default(),
        kind: resource.kind.clone(),
        name: resource.name.clone(),
        namespace: None,
        port: None,
    })
}

impl From<v1::Ingress> for Ingress {
    fn from(wire: v1::Ingress) -> Self {
        let (metadata, spec) = (wire.metadata, wire.spec.unwrap_or_default());
        let common = CommonRouteSpec {
            parent_refs: vec![parent(class_of(&metadata, &spec).unwrap_or_default())],
            use_default_gateways: None,
        };
        let paths = spec.rules.iter().flatten().filter_map(|rule| rule.http.as_ref());
        let paths = paths.flat_map(|http| &http.paths).map(|path| &path.backend);
        let backends = spec.default_backend.iter().chain(paths).filter_map(backend_object).collect();
        Self { metadata, spec, status: wire.status, common, backends }
    }
}

impl Serialize for Ingress {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let Self { metadata, spec, status, .. } = self.clone();
        v1::Ingress { metadata, spec: Some(spec), status }.serialize(serializer)
    }
}

impl JsonSchema for Ingress {
    fn schema_name() -> Cow<'static, str> {
        v1::Ingress::schema_name()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        v1::Ingress::json_schema(generator)
    }
}

impl AnyRoute for Ingress {
    fn common(&self) -> &CommonRouteSpec {
        &self.common
    }

    fn backends(&self) -> Vec<&BackendObjectReference> {
        self.backends.iter().collect()
    }

    /// It has none of a route's form.
    fn status(&self) -> Option<&RouteStatus> {
        None
    }
}
