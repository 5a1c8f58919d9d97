//! Wire types of Gateway API v1.7, experimental channel.
//!
//! Types that several kinds use stand once, in [`shared`]. Fields with a default in the CRD's
//! schema are not optional here: the API server (or [`crate::api::decode`]) fills them in, and
//! the same default stands in for an object that was stored by an older schema. Fields that
//! Tidegate does not honour are here all the same, so that the object's status can name them.

mod backend_tls_policy;
mod gateway_class;
mod gateway_kind;
mod grpc_route;
mod http_filter;
mod http_route;
mod listener_set;
mod policy;
mod reference_grant;
mod resource;
mod route;
mod shared;
mod stream_route;
mod telemetry_policy;
mod x_backend_traffic_policy;
mod xbackend;

pub use backend_tls_policy::*;
pub use gateway_class::*;
pub use gateway_kind::*;
pub use grpc_route::*;
pub use http_filter::*;
pub use http_route::*;
pub use listener_set::*;
pub use policy::*;
pub use reference_grant::*;
pub use route::AnyRoute;
pub use shared::*;
pub use stream_route::*;
pub use telemetry_policy::*;
pub use x_backend_traffic_policy::*;
pub use xbackend::*;

/// The API group of the kinds in this module.
pub const GROUP: &str = "gateway.networking.k8s.io";

/// That of those among them that only the experimental channel has, with an X before their names.
pub const EXPERIMENTAL_GROUP: &str = "gateway.networking.x-k8s.io";
