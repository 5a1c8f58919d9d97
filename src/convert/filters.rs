//! Filters of a rule or a backend.

use super::cors::cors;
use super::matches::{path, without_slash};
use super::{InvalidField, InvalidValue};
use crate::api::gateway::{
    HttpHeaderFilter, HttpPathModifier, HttpPathModifierType, HttpRequestRedirectFilter, HttpRouteFilter,
    HttpRouteFilterType, HttpUrlRewriteFilter,
};
use crate::model::{Filters, HeaderEdit, Hostname, PathRewrite, Redirect, Rewrite};
use std::collections::HashSet;
use std::sync::Arc;

/// Headers that frame a message or belong to one connection: an edit would let the backend
/// read another message than the gateway did.
pub(super) const CONNECTION_HEADERS: [&str; 9] = [
    "connection",
    "content-length",
    "keep-alive",
    "proxy-connection",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
    "http2-settings",
];

/// Converts filters; those that are not honoured are left to [`super::unsupported`], and those that
/// refer to backends to [`super::mirror`] and [`super::auth`].
/// `all_prefixes` tells whether each match of the rule is a PathPrefix.
pub(super) fn filters(
    wire: &[HttpRouteFilter],
    all_prefixes: bool,
    field: &str,
) -> Result<Filters, InvalidField> {
    let mut filters = Filters::default();
    for (index, filter) in wire.iter().enumerate() {
        let field = format!("{field}.filters[{index}]");
        one_filter(filter, all_prefixes, &field, &mut filters)?;
    }
    if filters.redirect.is_some() && filters.rewrite.is_some() {
        return Err(InvalidField::new(format!("{field}.filters"), InvalidValue::RedirectAndRewrite));
    }
    Ok(filters)
}

fn one_filter(
    wire: &HttpRouteFilter,
    all_prefixes: bool,
    field: &str,
    filters: &mut Filters,
) -> Result<(), InvalidField> {
    match wire.type_ {
        HttpRouteFilterType::RequestHeaderModifier => {
            let edit = set(&wire.request_header_modifier, "RequestHeaderModifier", field)?;
            let edit = header_edit(edit, &format!("{field}.requestHeaderModifier"))?;
            put(&mut filters.request_headers, edit, "RequestHeaderModifier", field)
        }
        HttpRouteFilterType::ResponseHeaderModifier => {
            let edit = set(&wire.response_header_modifier, "ResponseHeaderModifier", field)?;
            let edit = header_edit(edit, &format!("{field}.responseHeaderModifier"))?;
            put(&mut filters.response_headers, edit, "ResponseHeaderModifier", field)
        }
        HttpRouteFilterType::RequestRedirect => {
            let redirect = set(&wire.request_redirect, "RequestRedirect", field)?;
            let redirect = self::redirect(redirect, all_prefixes, &format!("{field}.requestRedirect"))?;
            put(&mut filters.redirect, redirect, "RequestRedirect", field)
        }
        HttpRouteFilterType::UrlRewrite => {
            let rewrite = set(&wire.url_rewrite, "URLRewrite", field)?;
            let rewrite = self::rewrite(rewrite, all_prefixes, &format!("{field}.urlRewrite"))?;
            put(&mut filters.rewrite, rewrite, "URLRewrite", field)
        }
        HttpRouteFilterType::Cors => {
            let cors = cors(set(&wire.cors, "CORS", field)?, &format!("{field}.cors"))?;
            put(&mut filters.cors, cors, "CORS", field)
        }
        HttpRouteFilterType::RequestMirror
        | HttpRouteFilterType::ExternalAuth
        | HttpRouteFilterType::ExtensionRef => Ok(()),
    }
}

fn set<'a, T>(value: &'a Option<T>, name: &'static str, field: &str) -> Result<&'a T, InvalidField> {
    value.as_ref().ok_or_else(|| InvalidField::new(field, InvalidValue::EmptyFilter(name)))
}

fn put<T>(slot: &mut Option<T>, value: T, name: &'static str, field: &str) -> Result<(), InvalidField> {
    match slot.replace(value) {
        None => Ok(()),
        Some(_) => Err(InvalidField::new(field, InvalidValue::FilterTwice(name))),
    }
}

fn header_edit(wire: &HttpHeaderFilter, field: &str) -> Result<HeaderEdit, InvalidField> {
    let mut names = HashSet::new();
    let mut name = |text: &str, field: String| {
        let lower = text.to_ascii_lowercase();
        let value = if http::HeaderName::from_bytes(lower.as_bytes()).is_err() {
            InvalidValue::HeaderName(text.to_owned())
        } else if CONNECTION_HEADERS.contains(&lower.as_str()) {
            InvalidValue::ConnectionHeader(text.to_owned())
        } else if lower == "host" {
            InvalidValue::HostHeader
        } else if !names.insert(lower.clone()) {
            InvalidValue::HeaderTwice(text.to_owned())
        } else {
            return Ok(Arc::<str>::from(lower));
        };
        Err(InvalidField::new(field, value))
    };
    // Not `from_str`, which refuses characters beyond ASCII.
    let value = |text: &str, field: String| match http::HeaderValue::from_bytes(text.as_bytes()) {
        Ok(_) => Ok(Arc::<str>::from(text)),
        Err(_) => Err(InvalidField::new(field, InvalidValue::HeaderValue(text.to_owned()))),
    };
    let mut edit = HeaderEdit::default();
    for (list, pairs, target) in [("set", &wire.set, &mut edit.set), ("add", &wire.add, &mut edit.add)] {
        for (index, header) in pairs.iter().enumerate() {
            let name = name(&header.name, format!("{field}.{list}[{index}].name"))?;
            target.push((name, value(&header.value, format!("{field}.{list}[{index}].value"))?));
        }
    }
    for (index, header) in wire.remove.iter().enumerate() {
        edit.remove.push(name(header, format!("{field}.remove[{index}]"))?);
    }
    Ok(edit)
}

fn redirect(
    wire: &HttpRequestRedirectFilter,
    all_prefixes: bool,
    field: &str,
) -> Result<Redirect, InvalidField> {
    let scheme = match wire.scheme.as_deref() {
        None => None,
        Some(scheme @ ("http" | "https")) => Some(Arc::from(scheme)),
        Some(other) => {
            let value = InvalidValue::Scheme(other.to_owned());
            return Err(InvalidField::new(format!("{field}.scheme"), value));
        }
    };
    if !matches!(wire.status_code, 301 | 302 | 303 | 307 | 308) {
        let value = InvalidValue::RedirectStatus(wire.status_code);
        return Err(InvalidField::new(format!("{field}.statusCode"), value));
    }
    Ok(Redirect {
        scheme,
        hostname: precise_hostname(wire.hostname.as_deref(), field)?,
        port: wire.port,
        path: path_rewrite(wire.path.as_ref(), all_prefixes, field)?,
        status: wire.status_code,
    })
}

fn rewrite(wire: &HttpUrlRewriteFilter, all_prefixes: bool, field: &str) -> Result<Rewrite, InvalidField> {
    Ok(Rewrite {
        hostname: precise_hostname(wire.hostname.as_deref(), field)?,
        path: path_rewrite(wire.path.as_ref(), all_prefixes, field)?,
    })
}

fn precise_hostname(text: Option<&str>, field: &str) -> Result<Option<Arc<str>>, InvalidField> {
    let Some(text) = text else { return Ok(None) };
    let value = match Hostname::parse(text) {
        Ok(Hostname::Exact(name)) => return Ok(Some(name)),
        Ok(Hostname::Wildcard(_)) => InvalidValue::Wildcard(text.to_owned()),
        Err(error) => error.into(),
    };
    Err(InvalidField::new(format!("{field}.hostname"), value))
}

fn path_rewrite(
    wire: Option<&HttpPathModifier>,
    all_prefixes: bool,
    field: &str,
) -> Result<Option<PathRewrite>, InvalidField> {
    let Some(wire) = wire else { return Ok(None) };
    let (name, text) = match wire.type_ {
        HttpPathModifierType::ReplaceFullPath => ("replaceFullPath", &wire.replace_full_path),
        HttpPathModifierType::ReplacePrefixMatch => ("replacePrefixMatch", &wire.replace_prefix_match),
    };
    let field = format!("{field}.path.{name}");
    let at = |value: InvalidValue| InvalidField::new(field.as_str(), value);
    // The API allows an empty replacement: it stands for the root.
    let text = match text.as_deref() {
        None => {
            let kind = if name == "replaceFullPath" { "ReplaceFullPath" } else { "ReplacePrefixMatch" };
            return Err(at(InvalidValue::EmptyPathModifier(kind)));
        }
        Some("") => "/",
        Some(text) => text,
    };
    let path = path(text).map_err(at)?;
    Ok(Some(match wire.type_ {
        HttpPathModifierType::ReplaceFullPath => PathRewrite::Full(path.into()),
        HttpPathModifierType::ReplacePrefixMatch if all_prefixes => {
            PathRewrite::Prefix(without_slash(&path).into())
        }
        HttpPathModifierType::ReplacePrefixMatch => return Err(at(InvalidValue::PrefixWithoutPrefix)),
    }))
}

#[cfg(test)]
mod tests;
