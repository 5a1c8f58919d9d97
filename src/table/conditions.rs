//! What a match asks for besides the path: method, headers, query parameters.

use super::query::Query;
use crate::model::Pattern;
use http::{HeaderMap, HeaderName, HeaderValue, Method, header};
use std::sync::Arc;

/// The parts of a request that rules look at.
#[derive(Clone, Copy, Debug)]
pub struct Request<'a> {
    /// Lower case, without port and trailing dot.
    pub host: &'a str,
    /// In normal form, without query.
    pub path: &'a str,
    /// As it came, without `?`.
    pub query: Option<&'a str>,
    /// Compared with its case.
    pub method: &'a Method,
    /// All of them.
    pub headers: &'a HeaderMap,
}

/// A wanted value, ready to compare.
#[derive(Clone, Debug)]
pub(super) enum Value {
    Exact(Arc<str>),
    Pattern(Arc<Pattern>),
}

/// All of these have to hold.
#[derive(Clone, Debug, Default)]
pub(super) struct Conditions {
    pub(super) method: Option<Arc<str>>,
    /// The host has one label before this, `.example.com` for example.
    pub(super) one_label_before: Option<Arc<str>>,
    pub(super) headers: Box<[(HeaderName, Value)]>,
    pub(super) queries: Box<[(Arc<str>, Value)]>,
}

impl Conditions {
    /// The cheap part, which expressions for a path wait for.
    pub(super) fn method_holds(&self, method: &Method) -> bool {
        self.method.as_deref().is_none_or(|wanted| wanted == method.as_str())
    }

    /// Whether the host is one for the wildcard that the match is for; the bucket knows the rest.
    pub(super) fn host_holds(&self, host: &str) -> bool {
        self.one_label_before
            .as_deref()
            .is_none_or(|suffix| host.strip_suffix(suffix).is_some_and(|label| !label.contains('.')))
    }

    /// Everything but the method and the host.
    pub(super) fn fields_hold(&self, headers: &HeaderMap, query: &Query<'_>) -> bool {
        self.headers.iter().all(|(name, wanted)| header_holds(headers, name, wanted))
            && self.queries.iter().all(|(name, wanted)| query.first(name).is_some_and(|v| wanted.matches(v)))
    }
}

impl Value {
    fn matches(&self, value: &[u8]) -> bool {
        match self {
            Self::Exact(wanted) => wanted.as_bytes() == value,
            Self::Pattern(wanted) => wanted.matches(value),
        }
    }
}

fn header_holds(headers: &HeaderMap, name: &HeaderName, wanted: &Value) -> bool {
    let mut values = headers.get_all(name).iter();
    let Some(first) = values.next() else { return false };
    match values.next() {
        None => wanted.matches(first.as_bytes()),
        Some(_) => wanted.matches(&joined(headers, name)),
    }
}

/// Several fields of one name are one list (RFC 9110 §5.3). Only of `Cookie` HTTP/2 may make
/// several out of one, and then they belong together by "; " (RFC 9113 §8.2.3).
fn joined(headers: &HeaderMap, name: &HeaderName) -> Vec<u8> {
    let separator: &[u8] = if name == header::COOKIE { b"; " } else { b"," };
    let values: Vec<_> = headers.get_all(name).iter().map(HeaderValue::as_bytes).collect();
    values.join(separator)
}

#[cfg(test)]
mod tests;
