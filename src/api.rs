//! Wire types: Gateway API v1.7, Tidegate's own kinds and the core kinds that are read.
//!
//! [`Kind`] lists every kind that Tidegate reads, [`Object`] holds one object of any of them.

pub mod gateway;
mod kind;
mod object;
pub mod upstream;

pub use kind::Kind;
pub use object::{Object, ObjectId};

// The core kinds as Kubernetes defines them, so that other modules need not know where they live.
pub use k8s_openapi::api::core::v1::{Namespace, Secret, Service, ServicePort};
pub use k8s_openapi::api::discovery::v1::EndpointSlice;
pub use k8s_openapi::apimachinery::pkg::apis::meta::v1::{Condition, LabelSelector, ObjectMeta, Time};
