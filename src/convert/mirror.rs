//! The RequestMirror filter.

use super::{InvalidField, InvalidValue};
use crate::api::gateway::{
    BackendObjectReference, HttpRequestMirrorFilter, HttpRouteFilter, HttpRouteFilterType,
};

/// A mirror before anyone looked whether its backend exists.
#[derive(Clone, Debug, PartialEq)]
pub struct MirrorReference {
    /// With its namespace.
    pub object: BackendObjectReference,
    /// `numerator` of `denominator` requests are copied.
    pub numerator: u32,
    /// At least 1.
    pub denominator: u32,
    /// A `RequestHeaderModifier` stands before it.
    pub edited: bool,
    /// A `URLRewrite` stands before it.
    pub rewritten: bool,
    /// For example `spec.rules[0].filters[1].requestMirror.backendRef`.
    pub field: String,
}

/// The mirrors among the filters of a rule or a backend. Filters run in their order, "wherever
/// possible": a copy is of the request as it is by then.
pub(super) fn mirrors(
    wire: &[HttpRouteFilter],
    namespace: &str,
    field: &str,
) -> Result<Vec<MirrorReference>, InvalidField> {
    let mut mirrors = Vec::new();
    let (mut edited, mut rewritten) = (false, false);
    for (index, filter) in wire.iter().enumerate() {
        match filter.type_ {
            HttpRouteFilterType::RequestHeaderModifier => edited = true,
            HttpRouteFilterType::UrlRewrite => rewritten = true,
            HttpRouteFilterType::RequestMirror => {
                let field = format!("{field}.filters[{index}]");
                let mirror = filter.request_mirror.as_ref().ok_or_else(|| {
                    InvalidField::new(field.as_str(), InvalidValue::EmptyFilter("RequestMirror"))
                })?;
                let field = format!("{field}.requestMirror");
                let (numerator, denominator) = share(mirror, &field)?;
                let mut object = mirror.backend_ref.clone();
                object.namespace.get_or_insert_with(|| namespace.to_owned());
                let field = format!("{field}.backendRef");
                mirrors.push(MirrorReference { object, numerator, denominator, edited, rewritten, field });
            }
            _ => {}
        }
    }
    Ok(mirrors)
}

fn share(mirror: &HttpRequestMirrorFilter, field: &str) -> Result<(u32, u32), InvalidField> {
    let (name, value, least, most) = match (&mirror.fraction, mirror.percent) {
        (Some(fraction), _) if fraction.denominator == 0 => ("fraction.denominator", 0, 1, u32::MAX),
        (Some(fraction), _) if fraction.numerator > fraction.denominator => {
            ("fraction.numerator", fraction.numerator, 0, fraction.denominator)
        }
        (Some(fraction), _) => return Ok((fraction.numerator, fraction.denominator)),
        (None, Some(percent)) if percent > 100 => ("percent", percent, 0, 100),
        (None, percent) => return Ok((percent.unwrap_or(100), 100)),
    };
    let [value, least, most] = [value, least, most].map(|number| number.to_string());
    Err(InvalidField::new(format!("{field}.{name}"), InvalidValue::Range { value, least, most }))
}

#[cfg(test)]
mod tests;
