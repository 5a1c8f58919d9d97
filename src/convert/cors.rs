//! The CORS filter.

use super::{InvalidField, InvalidValue};
use crate::api::gateway::HttpCorsFilter;
use crate::model::{Cors, Listed, OriginMatch};
use std::sync::Arc;

pub(super) fn cors(wire: &HttpCorsFilter, field: &str) -> Result<Cors, InvalidField> {
    let origins = wire.allow_origins.iter().enumerate().map(|(index, text)| {
        let at = |error| InvalidField::new(format!("{field}.allowOrigins[{index}]"), error);
        OriginMatch::parse(text).map_err(at)
    });
    Ok(Cors {
        origins: origins.collect::<Result<_, _>>()?,
        credentials: wire.allow_credentials.unwrap_or_default(),
        methods: listed(&wire.allow_methods, &format!("{field}.allowMethods"), method)?,
        headers: listed(&wire.allow_headers, &format!("{field}.allowHeaders"), header)?,
        expose: listed(&wire.expose_headers, &format!("{field}.exposeHeaders"), header)?,
        max_age: wire.max_age,
    })
}

fn listed(
    wire: &[String],
    field: &str,
    name: impl Fn(&str) -> Result<Arc<str>, InvalidValue>,
) -> Result<Listed, InvalidField> {
    // Whatever stands beside it is among all.
    if wire.iter().any(|text| text == "*") {
        return Ok(Listed::Any);
    }
    let each = wire.iter().enumerate();
    let names = each.map(|(index, text)| {
        name(text).map_err(|value| InvalidField::new(format!("{field}[{index}]"), value))
    });
    Ok(Listed::Names(names.collect::<Result<_, _>>()?))
}

/// Methods are told apart by case.
fn method(text: &str) -> Result<Arc<str>, InvalidValue> {
    http::Method::from_bytes(text.as_bytes()).map_err(|_| InvalidValue::Method(text.to_owned()))?;
    Ok(text.into())
}

fn header(text: &str) -> Result<Arc<str>, InvalidValue> {
    let lower = text.to_ascii_lowercase();
    http::HeaderName::from_bytes(lower.as_bytes()).map_err(|_| InvalidValue::HeaderName(text.to_owned()))?;
    Ok(lower.into())
}

#[cfg(test)]
mod tests;
