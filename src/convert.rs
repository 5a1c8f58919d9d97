//! From wire objects to parts of the model: pure, one object at a time, no lookups.
//!
//! Whatever cannot be understood becomes an `Invalid*` error that names the field; whatever can
//! be understood but is not honoured is found by [`unsupported::find`].

mod auth;
mod authorities;
mod backend_tls;
mod backend_traffic;
mod cors;
mod endpoints;
mod error;
mod filters;
mod grpc_route;
mod http_route;
mod ingress;
mod listener;
mod matches;
mod mirror;
mod parameters;
mod policy;
mod route;
mod secret;
mod selector;
mod service;
mod session;
mod stream_route;
mod tracing;
pub mod unsupported;
mod upstream;
mod xbackend;

pub use auth::{AuthReference, listener_filters};
pub use authorities::{InvalidBundle, of_config_map, of_secret, of_trust_bundle};
pub use backend_tls::{BackendTls, Issuers, backend_tls};
pub use backend_traffic::{BackendTraffic, backend_traffic};
pub use endpoints::endpoints;
pub use error::{InvalidField, InvalidValue};
pub use ingress::{IngressCertificates, ingress_certificates};
pub use listener::{ListenerProtocol, listener_hostname, listener_protocol};
pub use mirror::MirrorReference;
pub use parameters::{Parameters, ServiceSettings, parameters};
pub use route::{BackendReference, HttpRule, Route, Standing, route};
pub use secret::{InvalidSecret, certificate};
pub use selector::{InvalidSelector, Selector};
pub use service::{InvalidServicePort, backend_protocol, is_external_name, is_of, wants_tls};
pub use tracing::{Tracing, tracing};
pub use upstream::{Host, Target, Upstream, UpstreamTarget, upstream};
pub use xbackend::{Place, XBackend, XBackendTls, xbackend};
