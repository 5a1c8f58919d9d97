//! Wire types: Gateway API v1.7, Tidegate's own kinds and the core kinds that are read.
//!
//! [`Kind`] lists every kind that Tidegate reads, [`Object`] holds one object of any of them.

//! [`decode`] takes a manifest that no API server has seen and judges it as one would.

mod core;
mod crds;
mod decode;
pub mod gateway;
pub mod gateway_parameters;
mod head;
mod identify;
pub mod ingress;
mod kind;
mod names;
mod object;
mod optional;
mod schema;
mod trust_bundle;
pub mod upstream;

pub use crds::crds;
pub use decode::{Decoded, Ignored, Invalid, decode, expand};
pub use kind::Kind;
pub use object::{Object, ObjectId, Stored};
pub use optional::Optional;
pub use schema::FieldError;
pub use trust_bundle::{ClusterTrustBundle, ClusterTrustBundleSpec};

// The core kinds as Kubernetes defines them, so that other modules need not know where they live.
pub use k8s_openapi::api::core::v1::{ConfigMap, Namespace, Secret, Service, ServicePort};
pub use k8s_openapi::api::discovery::v1::EndpointSlice;
pub use k8s_openapi::apimachinery::pkg::apis::meta::v1::{Condition, LabelSelector, ObjectMeta, Time};
