//! The traces that an XTelemetryPolicy asks for.

use super::{InvalidField, InvalidValue};
use crate::api::gateway::{
    AttributeSourceType, BackendObjectReference, Fraction, HttpHeader, PolicyMode, TelemetryAttribute,
    TracingConfig,
};
use crate::model::{ATTRIBUTE_KEYS, AttributeSource, Share, SpanAttribute};
use std::collections::BTreeSet;
use std::sync::Arc;

/// What a policy asks for, before anyone looked where its reference leads.
#[derive(Clone, Debug, PartialEq)]
pub struct Tracing {
    /// The collector.
    pub backend: BackendObjectReference,
    /// As in the model; so are all that follow.
    pub headers: Vec<(Arc<str>, Arc<str>)>,
    /// As in the model.
    pub sampling: Share,
    /// As in the model.
    pub parent_sampling: Option<Share>,
    /// The Gateway's own name otherwise.
    pub service_name: Option<Arc<str>>,
    /// As in the model.
    pub span_name: Option<Arc<str>>,
    /// Without those of which nothing is known.
    pub attributes: Vec<SpanAttribute>,
    /// Those of which nothing is known: each with its field and the key.
    pub unknown: Vec<(String, Arc<str>)>,
}

/// Converts `spec.tracing`; none if no traces are wanted, which is also what Tidegate does by default.
///
/// # Errors
/// Every field that cannot be understood.
pub fn tracing(wire: &TracingConfig) -> Result<Option<Tracing>, Vec<InvalidField>> {
    match wire.mode {
        PolicyMode::Enabled => {}
        PolicyMode::Disabled | PolicyMode::ImplementationDefault => return Ok(None),
    }
    const FIELD: &str = "spec.tracing";
    let Some(provider) = &wire.provider else {
        return Err(vec![InvalidField::new(format!("{FIELD}.provider"), InvalidValue::NoProvider)]);
    };
    let mut errors = Vec::new();
    let mut share = |wire: Option<&Fraction>, field: &str| {
        let share = wire.map_or(Ok(Share::ALL), |wire| share(wire, &format!("{FIELD}.{field}")));
        share.unwrap_or_else(|error| {
            errors.push(error);
            Share::ALL
        })
    };
    let sampling = share(wire.sampling_rate.as_ref(), "samplingRate");
    let parent = wire.parent_based_sampling.clone().unwrap_or_default();
    let parent_sampling = match parent.mode {
        // As OpenTelemetry's own default, which goes by the parent.
        PolicyMode::Enabled | PolicyMode::ImplementationDefault => {
            Some(share(parent.sampling_rate.as_ref(), "parentBasedSampling.samplingRate"))
        }
        PolicyMode::Disabled => None,
    };
    let mut headers = Vec::new();
    for (index, header) in provider.headers.iter().enumerate() {
        match export_header(header) {
            Ok(header) => headers.push(header),
            Err(error) => {
                errors.push(InvalidField::new(format!("{FIELD}.provider.headers[{index}]"), error));
            }
        }
    }
    let (mut attributes, mut unknown) = (Vec::new(), Vec::new());
    let mut names = BTreeSet::new();
    for (index, wire) in wire.attributes.iter().enumerate() {
        let field = format!("{FIELD}.attributes[{index}]");
        if !names.insert(&wire.name) {
            let twice = InvalidValue::AttributeTwice(wire.name.clone());
            errors.push(InvalidField::new(format!("{field}.name"), twice));
            continue;
        }
        match source(wire) {
            Ok(AttributeSource::Attribute(key)) if !ATTRIBUTE_KEYS.contains(&&*key) => {
                unknown.push((format!("{field}.attributeKey"), key));
            }
            Ok(source) => attributes.push(SpanAttribute { name: wire.name.as_str().into(), source }),
            Err(error) => errors.push(InvalidField::new(field, error)),
        }
    }
    if !errors.is_empty() {
        return Err(errors);
    }
    let text = |given: &Option<String>| given.as_deref().filter(|text| !text.is_empty()).map(Arc::from);
    Ok(Some(Tracing {
        backend: provider.backend_ref.clone(),
        headers,
        sampling,
        parent_sampling,
        service_name: text(&wire.service_name),
        span_name: text(&wire.span_name),
        attributes,
        unknown,
    }))
}

fn share(wire: &Fraction, field: &str) -> Result<Share, InvalidField> {
    let Fraction { numerator, denominator } = *wire;
    let (name, value, least, most) = match () {
        () if denominator == 0 => ("denominator", 0, 1, u32::MAX),
        () if numerator > denominator => ("numerator", numerator, 0, denominator),
        () => return Ok(Share { numerator, denominator }),
    };
    let [value, least, most] = [value, least, most].map(|number| number.to_string());
    Err(InvalidField::new(format!("{field}.{name}"), InvalidValue::Range { value, least, most }))
}

/// Fields that say where a request goes and how it is framed, and those of traces themselves: an export
/// is in no trace.
const OWN: [&str; 14] = [
    "connection",
    "content-encoding",
    "content-length",
    "content-type",
    "host",
    "keep-alive",
    "proxy-connection",
    "te",
    "traceparent",
    "tracestate",
    "trailer",
    "transfer-encoding",
    "upgrade",
    "http2-settings",
];

fn export_header(wire: &HttpHeader) -> Result<(Arc<str>, Arc<str>), InvalidValue> {
    let name = wire.name.to_ascii_lowercase();
    if http::HeaderName::from_bytes(name.as_bytes()).is_err() {
        return Err(InvalidValue::HeaderName(wire.name.clone()));
    }
    if OWN.contains(&&*name) {
        return Err(InvalidValue::ExportHeader(wire.name.clone()));
    }
    if http::HeaderValue::from_bytes(wire.value.as_bytes()).is_err() {
        return Err(InvalidValue::HeaderValue(wire.value.clone()));
    }
    Ok((name.into(), wire.value.as_str().into()))
}

fn source(wire: &TelemetryAttribute) -> Result<AttributeSource, InvalidValue> {
    Ok(match wire.source_type {
        AttributeSourceType::Header => {
            let name = given(&wire.header_name, "Header")?;
            if http::HeaderName::from_bytes(name.as_bytes()).is_err() {
                return Err(InvalidValue::HeaderName(name.to_owned()));
            }
            AttributeSource::Header(name.to_ascii_lowercase().into())
        }
        AttributeSourceType::Literal => {
            AttributeSource::Literal(given(&wire.literal_value, "Literal")?.into())
        }
        AttributeSourceType::Attribute => {
            AttributeSource::Attribute(given(&wire.attribute_key, "Attribute")?.into())
        }
    })
}

/// The field that the type names.
fn given<'a>(value: &'a Option<String>, type_: &'static str) -> Result<&'a str, InvalidValue> {
    value.as_deref().filter(|value| !value.is_empty()).ok_or(InvalidValue::EmptyAttribute(type_))
}

#[cfg(test)]
mod tests;
