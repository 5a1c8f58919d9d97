//! The ExternalAuth filter (GEP-1494).

use super::filters::CONNECTION_HEADERS;
use super::matches::{path, without_slash};
use super::{InvalidField, InvalidValue};
use crate::api::gateway::{
    BackendObjectReference, HttpExternalAuthFilter, HttpRouteExternalAuthProtocol, HttpRouteFilter,
    HttpRouteFilterType, Listener, ListenerFilterType,
};
use crate::model::{AuthProtocol, ExternalAuth};
use std::sync::Arc;

/// An ExternalAuth filter before anyone looked whether its backend exists.
#[derive(Clone, Debug, PartialEq)]
pub struct AuthReference {
    /// With its namespace.
    pub object: BackendObjectReference,
    /// What is spoken to it.
    pub protocol: AuthProtocol,
    /// Bytes of a request's body that it gets.
    pub max_body: u32,
    /// A `RequestHeaderModifier` stands before it.
    pub edited: bool,
    /// A `URLRewrite` stands before it.
    pub rewritten: bool,
    /// For example `spec.rules[0].filters[1].externalAuth.backendRef`.
    pub field: String,
}

/// The ExternalAuth filter among those of a rule or a backend. Filters run in their order: "sometimes
/// Auth will expect certain properties that may need to be introduced by things like header
/// modification".
pub(super) fn external_auth(
    wire: &[HttpRouteFilter],
    namespace: &str,
    field: &str,
) -> Result<Option<AuthReference>, InvalidField> {
    let mut found = None;
    let (mut edited, mut rewritten) = (false, false);
    for (index, filter) in wire.iter().enumerate() {
        match filter.type_ {
            HttpRouteFilterType::RequestHeaderModifier => edited = true,
            HttpRouteFilterType::UrlRewrite => rewritten = true,
            HttpRouteFilterType::ExternalAuth => {
                let field = format!("{field}.filters[{index}]");
                let invalid = |value| InvalidField::new(field.as_str(), value);
                let auth = filter.external_auth.as_ref();
                let auth = auth.ok_or_else(|| invalid(InvalidValue::EmptyFilter("ExternalAuth")))?;
                if found.is_some() {
                    return Err(invalid(InvalidValue::FilterTwice("ExternalAuth")));
                }
                let asked = reference(auth, namespace, &format!("{field}.externalAuth"))?;
                found = Some(AuthReference { edited, rewritten, ..asked });
            }
            _ => {}
        }
    }
    Ok(found)
}

/// The ExternalAuth filters of a listener (GEP-5224), in their order; those of another type are left to
/// [`super::unsupported`]. `field` is the listener's.
///
/// # Errors
/// One of them cannot be what somebody wanted.
pub fn listener_filters(
    listener: &Listener,
    namespace: &str,
    field: &str,
) -> Result<Vec<AuthReference>, InvalidField> {
    let filters = listener.filters.iter().flat_map(|filters| &filters.requests).enumerate();
    let asking = filters.filter(|(_, filter)| filter.type_ == ListenerFilterType::ExternalAuth);
    let each = asking.map(|(index, filter)| {
        let field = format!("{field}.filters.requests[{index}]");
        match &filter.external_auth {
            Some(auth) => reference(auth, namespace, &format!("{field}.externalAuth")),
            None => Err(InvalidField::new(field, InvalidValue::EmptyFilter("ExternalAuth"))),
        }
    });
    each.collect()
}

fn reference(
    wire: &HttpExternalAuthFilter,
    namespace: &str,
    field: &str,
) -> Result<AuthReference, InvalidField> {
    let mut object = wire.backend_ref.clone();
    object.namespace.get_or_insert_with(|| namespace.to_owned());
    let max_body = wire.forward_body.and_then(|body| body.max_size);
    Ok(AuthReference {
        object,
        protocol: protocol(wire, field)?,
        max_body: max_body.unwrap_or_default().min(ExternalAuth::MAX_BODY),
        edited: false,
        rewritten: false,
        field: format!("{field}.backendRef"),
    })
}

/// "If unset, implementations must assume the default behavior for each included field".
fn protocol(auth: &HttpExternalAuthFilter, field: &str) -> Result<AuthProtocol, InvalidField> {
    match auth.protocol {
        HttpRouteExternalAuthProtocol::Grpc => {
            let grpc = auth.grpc.clone().unwrap_or_default();
            let send = names(&grpc.allowed_headers, &format!("{field}.grpc.allowedHeaders"), &[])?;
            Ok(AuthProtocol::Grpc { send })
        }
        HttpRouteExternalAuthProtocol::Http => {
            let http = auth.http.clone().unwrap_or_default();
            Ok(AuthProtocol::Http {
                prefix: prefix(http.path.as_deref(), &format!("{field}.http.path"))?,
                // Those that frame the message are Tidegate's own.
                send: names(&http.allowed_headers, &format!("{field}.http.allowedHeaders"), &[])?,
                copy: names(
                    &http.allowed_response_headers,
                    &format!("{field}.http.allowedResponseHeaders"),
                    &CONNECTION_HEADERS,
                )?,
            })
        }
    }
}

/// The schema does not ask for the slash at its front.
fn prefix(text: Option<&str>, field: &str) -> Result<Arc<str>, InvalidField> {
    let Some(text) = text.filter(|text| !text.is_empty()) else { return Ok("".into()) };
    let slash = if text.starts_with('/') { "" } else { "/" };
    let prefix = path(&format!("{slash}{text}")).map_err(|value| InvalidField::new(field, value))?;
    Ok(without_slash(&prefix).into())
}

/// Lower case names, each once.
fn names(wire: &[String], field: &str, refused: &[&str]) -> Result<Vec<Arc<str>>, InvalidField> {
    let mut names = Vec::<Arc<str>>::new();
    for (index, text) in wire.iter().enumerate() {
        let field = || format!("{field}[{index}]");
        let lower = text.to_ascii_lowercase();
        if http::HeaderName::from_bytes(lower.as_bytes()).is_err() {
            return Err(InvalidField::new(field(), InvalidValue::HeaderName(text.clone())));
        }
        if refused.contains(&lower.as_str()) {
            return Err(InvalidField::new(field(), InvalidValue::ConnectionHeader(text.clone())));
        }
        if !names.iter().any(|known| **known == *lower) {
            names.push(lower.into());
        }
    }
    Ok(names)
}

#[cfg(test)]
mod tests;
