//! Applying filters to heads and paths.

use super::response_body::ResponseBody;
use crate::model::{PathMatch, PathRewrite};
use crate::table::{Filters, Found, HeaderEdit, Redirect, Request};
use http::Response;
use http::header::{HOST, HeaderMap, HeaderValue, LOCATION};
use std::borrow::Cow;

/// Edits a request's head: its fields, then its host.
pub(super) fn request(filters: &Filters, headers: &mut HeaderMap) {
    edit_request(filters, headers);
    rewrite_host(filters, headers);
}

/// Edits the fields of a request's head.
pub(super) fn edit_request(filters: &Filters, headers: &mut HeaderMap) {
    if let Some(edit) = &filters.request_headers {
        apply(edit, headers);
    }
}

/// Gives a request another host.
pub(super) fn rewrite_host(filters: &Filters, headers: &mut HeaderMap) {
    if let Some(host) = filters.rewrite.as_ref().and_then(|rewrite| rewrite.hostname.as_ref()) {
        headers.insert(HOST, host.header.clone());
    }
}

/// Edits an answer's head.
pub(super) fn response(filters: &Filters, headers: &mut HeaderMap) {
    if let Some(edit) = &filters.response_headers {
        apply(edit, headers);
    }
}

fn apply(edit: &HeaderEdit, headers: &mut HeaderMap) {
    for name in &edit.remove {
        headers.remove(name);
    }
    for (name, value) in &edit.set {
        headers.insert(name, value.clone());
    }
    for (name, value) in &edit.add {
        headers.append(name, value.clone());
    }
}

/// The path that is asked for: the rule's rewrite, or the backend's instead.
pub(super) fn path<'a>(found: &Found<'_>, rewrites: [Option<&Filters>; 2], path: &'a str) -> Cow<'a, str> {
    let [rule, backend] = rewrites.map(|filters| filters.and_then(Filters::path));
    match backend.or(rule) {
        Some(rewrite) => Cow::Owned(rewritten(rewrite, found.matched.path(), path)),
        None => Cow::Borrowed(path),
    }
}

impl Filters {
    fn path(&self) -> Option<&PathRewrite> {
        self.rewrite.as_ref().and_then(|rewrite| rewrite.path.as_ref())
    }
}

/// The path with a rewrite applied.
fn rewritten(rewrite: &PathRewrite, matched: &PathMatch, path: &str) -> String {
    let replaced = match (rewrite, matched) {
        (PathRewrite::Full(full), _) => full.to_string(),
        (PathRewrite::Prefix(new), PathMatch::Prefix(prefix)) => {
            [new, path.get(prefix.len()..).unwrap_or_default()].concat()
        }
        // The API allows it for prefixes only.
        (PathRewrite::Prefix(_), PathMatch::Exact(_) | PathMatch::Regex(_)) => path.to_owned(),
    };
    if replaced.is_empty() { "/".to_owned() } else { replaced }
}

/// The answer of a redirect filter; `None` if its location cannot stand in a head.
pub(super) fn redirect(
    redirect: &Redirect,
    found: &Found<'_>,
    request: &Request<'_>,
    scheme: &str,
    listener_port: u16,
) -> Option<Response<ResponseBody>> {
    let location = location(redirect, found.matched.path(), request, scheme, listener_port);
    let mut response = Response::new(ResponseBody::empty());
    *response.status_mut() = redirect.status;
    response.headers_mut().insert(LOCATION, HeaderValue::from_str(&location).ok()?);
    Some(response)
}

/// Gateway API: without a port, the scheme's well-known one if the filter names a scheme, else
/// the listener's. A port that goes without saying is left out. The query stays.
fn location(
    redirect: &Redirect,
    matched: &PathMatch,
    request: &Request<'_>,
    request_scheme: &str,
    listener_port: u16,
) -> String {
    let scheme = redirect.scheme.as_deref().unwrap_or(request_scheme);
    let well_known = if scheme == "https" { 443 } else { 80 };
    let port = redirect.port.unwrap_or(if redirect.scheme.is_some() { well_known } else { listener_port });
    let host = redirect.hostname.as_deref().unwrap_or(request.host);
    let mut location = format!("{scheme}://{host}");
    if port != well_known {
        location.push_str(&format!(":{port}"));
    }
    match &redirect.path {
        Some(rewrite) => location.push_str(&rewritten(rewrite, matched, request.path)),
        None => location.push_str(request.path),
    }
    if let Some(query) = request.query {
        location.push('?');
        location.push_str(query);
    }
    location
}

#[cfg(test)]
mod tests;
