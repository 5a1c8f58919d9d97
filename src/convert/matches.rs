//! Matches of a rule.

use super::{InvalidField, InvalidValue};
use crate::api::gateway::{HttpHeaderMatch, HttpPathMatch, HttpQueryParamMatch, HttpRouteMatch};
use crate::api::gateway::{PathMatchType, ValueMatchType};
use crate::model::{HeaderMatch, Match, PathMatch, Pattern, QueryMatch, ValueMatch, normalize_path};
use std::collections::HashSet;
use std::sync::Arc;

/// Converts the matches of the rule at `field`; an empty list holds for every request.
pub(super) fn matches(wire: &[HttpRouteMatch], field: &str) -> Result<Vec<Match>, InvalidField> {
    if wire.is_empty() {
        return one_match(&HttpRouteMatch::default(), field).map(|all| vec![all]);
    }
    let each = wire.iter().enumerate();
    each.map(|(index, item)| one_match(item, &format!("{field}.matches[{index}]"))).collect()
}

fn one_match(wire: &HttpRouteMatch, field: &str) -> Result<Match, InvalidField> {
    Ok(Match {
        path: path_match(&wire.path)
            .map_err(|value| InvalidField::new(format!("{field}.path.value"), value))?,
        method: wire.method.as_deref().map(Arc::from),
        headers: headers(&wire.headers, field)?,
        queries: queries(&wire.query_params, field)?,
        rpc: None,
    })
}

/// Values are brought into the normal form that requests have when they are matched, so
/// `/%7Euser` matches what `/~user` does.
fn path_match(wire: &HttpPathMatch) -> Result<PathMatch, InvalidValue> {
    Ok(match wire.type_ {
        PathMatchType::Exact => PathMatch::Exact(path(&wire.value)?.into()),
        // "When specified, a trailing `/` is ignored."
        PathMatchType::PathPrefix => PathMatch::Prefix(without_slash(&path(&wire.value)?).into()),
        PathMatchType::RegularExpression => {
            Pattern::compile(&wire.value)?;
            PathMatch::Regex(wire.value.as_str().into())
        }
    })
}

/// The normal form of a path that a user wrote.
pub(super) fn path(text: &str) -> Result<String, InvalidValue> {
    if text.contains(['?', '#']) {
        return Err(InvalidValue::PathWithQuery(text.to_owned()));
    }
    match normalize_path(text) {
        Ok(path) => Ok(path.into_owned()),
        Err(error) => Err(InvalidValue::Path { path: text.to_owned(), error }),
    }
}

pub(super) fn without_slash(path: &str) -> &str {
    path.strip_suffix('/').unwrap_or(path)
}

/// "If multiple entries specify equivalent header names, only the first entry … MUST be
/// considered": names are equivalent in any case.
pub(super) fn headers(wire: &[HttpHeaderMatch], field: &str) -> Result<Vec<HeaderMatch>, InvalidField> {
    let mut seen = HashSet::new();
    let mut headers = Vec::new();
    for (index, header) in wire.iter().enumerate() {
        let name = header.name.to_ascii_lowercase();
        if http::HeaderName::from_bytes(name.as_bytes()).is_err() {
            let value = InvalidValue::HeaderName(header.name.clone());
            return Err(InvalidField::new(format!("{field}.headers[{index}].name"), value));
        }
        let value = value_match(header.type_, &header.value)
            .map_err(|value| InvalidField::new(format!("{field}.headers[{index}].value"), value))?;
        if seen.insert(name.clone()) {
            headers.push(HeaderMatch { name: name.into(), value });
        }
    }
    Ok(headers)
}

fn queries(wire: &[HttpQueryParamMatch], field: &str) -> Result<Vec<QueryMatch>, InvalidField> {
    let mut seen = HashSet::new();
    let mut queries = Vec::new();
    for (index, query) in wire.iter().enumerate() {
        let value = value_match(query.type_, &query.value)
            .map_err(|value| InvalidField::new(format!("{field}.queryParams[{index}].value"), value))?;
        if seen.insert(query.name.as_str()) {
            queries.push(QueryMatch { name: query.name.as_str().into(), value });
        }
    }
    Ok(queries)
}

fn value_match(kind: ValueMatchType, value: &str) -> Result<ValueMatch, InvalidValue> {
    Ok(match kind {
        ValueMatchType::Exact => ValueMatch::Exact(value.into()),
        ValueMatchType::RegularExpression => {
            Pattern::compile(value)?;
            ValueMatch::Regex(value.into())
        }
    })
}

#[cfg(test)]
mod tests;
