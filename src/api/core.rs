//! Defaults and checks of the core kinds, which the API server has in its code, not in a schema.

mod endpoint_slice;
mod secret;
mod service;

use super::Object;
use super::schema::Report;
use std::sync::Arc;

pub(super) use secret::merge_string_data;

/// Fills in what is not given and reports what is wrong.
pub(super) fn finish(object: &mut Object, report: &mut Report) {
    match object {
        Object::Service(service) => service::finish(Arc::make_mut(service), report),
        Object::EndpointSlice(slice) => endpoint_slice::finish(Arc::make_mut(slice), report),
        Object::Secret(secret) => secret::finish(Arc::make_mut(secret), report),
        Object::Namespace(_)
        | Object::GatewayClass(_)
        | Object::Gateway(_)
        | Object::HttpRoute(_)
        | Object::ReferenceGrant(_)
        | Object::Upstream(_) => {}
    }
}
