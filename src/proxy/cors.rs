//! The CORS filter (GEP-1767): answers to preflights, and on every answer who may read it.

use super::response_body::ResponseBody;
use super::{answer, filters};
use crate::model::Reason;
use crate::table::{Allowed, Cors, Filters};
use http::header::{
    ACCESS_CONTROL_ALLOW_CREDENTIALS, ACCESS_CONTROL_ALLOW_HEADERS, ACCESS_CONTROL_ALLOW_METHODS,
    ACCESS_CONTROL_ALLOW_ORIGIN, ACCESS_CONTROL_EXPOSE_HEADERS, ACCESS_CONTROL_MAX_AGE,
    ACCESS_CONTROL_REQUEST_HEADERS, ACCESS_CONTROL_REQUEST_METHOD, AUTHORIZATION, CACHE_CONTROL, CONNECTION,
    CONTENT_LANGUAGE, CONTENT_LENGTH, CONTENT_TYPE, COOKIE, EXPIRES, HeaderMap, HeaderName, HeaderValue,
    LAST_MODIFIED, ORIGIN, PRAGMA, SET_COOKIE, UPGRADE, VARY,
};
use http::request::Parts;
use http::{Method, Response};
use std::sync::Arc;

/// What a CORS filter says to one request.
#[derive(Debug)]
pub(super) struct Sharing {
    cors: Arc<Cors>,
    /// The origin whose scripts may read the answer; none otherwise.
    origin: Option<HeaderValue>,
    preflight: bool,
    method: Option<HeaderValue>,
    headers: Option<HeaderValue>,
}

const ANY: HeaderValue = HeaderValue::from_static("*");

/// Fields that say who may read what. Only the filter says it: a backend's would be a second word.
const SAID: [HeaderName; 6] = [
    ACCESS_CONTROL_ALLOW_ORIGIN,
    ACCESS_CONTROL_ALLOW_CREDENTIALS,
    ACCESS_CONTROL_ALLOW_METHODS,
    ACCESS_CONTROL_ALLOW_HEADERS,
    ACCESS_CONTROL_EXPOSE_HEADERS,
    ACCESS_CONTROL_MAX_AGE,
];

/// Fields of an answer that need no permission (Fetch §2.2.2), or that no script may ever read.
const NOT_EXPOSED: [HeaderName; 10] = [
    CACHE_CONTROL,
    CONTENT_LANGUAGE,
    CONTENT_LENGTH,
    CONTENT_TYPE,
    EXPIRES,
    LAST_MODIFIED,
    PRAGMA,
    SET_COOKIE,
    CONNECTION,
    UPGRADE,
];

/// Lets the filter look at a request, unless another one has; tells whether it is a preflight that
/// is to be answered here. It never goes on to a backend, or that would have the last word.
pub(super) fn is_preflight(
    filters: &Filters,
    head: &Parts,
    sharing: &mut Option<Box<Sharing>>,
) -> Result<bool, Reason> {
    let (None, Some(cors)) = (&sharing, &filters.cors) else { return Ok(false) };
    let sharing = sharing.insert(Box::new(Sharing::new(cors, head)));
    match (sharing.preflight, &sharing.origin) {
        (true, None) => Err(Reason::CorsPreflightRefused),
        (preflight, _) => Ok(preflight),
    }
}

/// The answer to a preflight; what it says comes with [`Sharing::mark`].
pub(super) fn preflight_answer(filters: &Filters) -> Response<ResponseBody> {
    let mut response = Response::new(ResponseBody::empty());
    *response.status_mut() = answer::status(Reason::CorsPreflight);
    filters::response(filters, response.headers_mut());
    response
}

impl Sharing {
    fn new(cors: &Arc<Cors>, head: &Parts) -> Self {
        let headers = &head.headers;
        let method = headers.get(ACCESS_CONTROL_REQUEST_METHOD).cloned();
        let preflight = head.method == Method::OPTIONS && method.is_some() && headers.contains_key(ORIGIN);
        // GEP-1767: no CORS headers for a request with credentials that must have none. A preflight
        // has none itself.
        let open = preflight || cors.credentials || !has_credentials(cors, headers);
        let origin = only(headers, &ORIGIN).filter(|origin| open && cors.allows(origin));
        Self {
            cors: cors.clone(),
            origin: origin.cloned(),
            preflight,
            method,
            headers: all(headers, &ACCESS_CONTROL_REQUEST_HEADERS),
        }
    }

    /// Says on an answer, whoever made it, who may read it.
    pub(super) fn mark(&self, headers: &mut HeaderMap) {
        for name in SAID {
            headers.remove(name);
        }
        vary_by_origin(headers);
        let Some(origin) = &self.origin else { return };
        let cors = &*self.cors;
        let any = cors.allows_any() && !cors.credentials;
        headers.insert(ACCESS_CONTROL_ALLOW_ORIGIN, if any { ANY } else { origin.clone() });
        if cors.credentials {
            headers.insert(ACCESS_CONTROL_ALLOW_CREDENTIALS, HeaderValue::from_static("true"));
        }
        let said = [
            (ACCESS_CONTROL_ALLOW_METHODS, self.value(&cors.methods, || self.method.clone())),
            (ACCESS_CONTROL_ALLOW_HEADERS, self.value(&cors.headers, || self.headers.clone())),
            (ACCESS_CONTROL_EXPOSE_HEADERS, self.value(&cors.expose, || self.exposed(headers))),
            (ACCESS_CONTROL_MAX_AGE, self.preflight.then(|| cors.max_age.clone())),
        ];
        for (name, value) in said {
            if let Some(value) = value {
                headers.insert(name, value);
            }
        }
    }

    /// With credentials, browsers take `*` for a name like any other: it has to be spelt out.
    fn value(&self, allowed: &Allowed, spelt: impl FnOnce() -> Option<HeaderValue>) -> Option<HeaderValue> {
        match allowed {
            Allowed::Nothing => None,
            Allowed::Names(names) => Some(names.clone()),
            Allowed::Any if self.cors.credentials => spelt(),
            Allowed::Any => Some(ANY),
        }
    }

    /// The names of all fields of an answer that a script may read only where they are exposed.
    fn exposed(&self, headers: &HeaderMap) -> Option<HeaderValue> {
        let names = headers.keys().filter(|name| !NOT_EXPOSED.contains(name) && !SAID.contains(name));
        let names: Vec<&str> = names.map(HeaderName::as_str).collect();
        if self.preflight || names.is_empty() {
            return None;
        }
        HeaderValue::from_str(&names.join(", ")).ok()
    }
}

/// `Authorization` that scripts may set by name is theirs, and not what the browser keeps.
fn has_credentials(cors: &Cors, headers: &HeaderMap) -> bool {
    headers.contains_key(COOKIE) || headers.contains_key(AUTHORIZATION) && !cors.names_authorization
}

/// Two origins are none.
fn only<'a>(headers: &'a HeaderMap, name: &HeaderName) -> Option<&'a HeaderValue> {
    let mut values = headers.get_all(name).iter();
    let first = values.next();
    first.filter(|_| values.next().is_none())
}

/// All lines of a list as one.
fn all(headers: &HeaderMap, name: &HeaderName) -> Option<HeaderValue> {
    if let Some(value) = only(headers, name) {
        return Some(value.clone());
    }
    let lines: Vec<&[u8]> = headers.get_all(name).iter().map(HeaderValue::as_bytes).collect();
    if lines.is_empty() { None } else { HeaderValue::from_bytes(&lines.join(&b", "[..])).ok() }
}

/// Also where nothing is allowed: a cache must not keep that for an origin that is.
fn vary_by_origin(headers: &mut HeaderMap) {
    let says_so = |value: &HeaderValue| {
        let names = value.to_str().unwrap_or_default().split(',').map(str::trim);
        names.into_iter().any(|name| name == "*" || name.eq_ignore_ascii_case("origin"))
    };
    if !headers.get_all(VARY).iter().any(says_so) {
        headers.append(VARY, HeaderValue::from_static("Origin"));
    }
}

#[cfg(test)]
mod tests;
