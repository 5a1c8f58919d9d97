//! Filters with their header names, values and statuses checked once.

use super::{Cors, ExternalAuth};
use crate::model::{self, PathRewrite};
use crate::upstream::{Registry, Slot};
use http::uri::Authority;
use http::{HeaderName, HeaderValue, StatusCode};
use std::sync::Arc;

/// The filters of a rule or a backend.
#[derive(Clone, Debug, Default)]
pub struct Filters {
    /// Before the request is sent.
    pub request_headers: Option<HeaderEdit>,
    /// Before the answer is handed on.
    pub response_headers: Option<HeaderEdit>,
    /// Instead of sending the request.
    pub redirect: Option<Redirect>,
    /// Before the request is sent.
    pub rewrite: Option<Rewrite>,
    /// Before all others on the way there, and after all others on the way back.
    pub cors: Option<Arc<Cors>>,
    /// Beside sending the request.
    pub mirrors: Box<[Mirror]>,
    /// Before the request goes on.
    pub auth: Option<Box<ExternalAuth>>,
}

/// Edits of a head, to be applied in the order remove, set, add.
#[derive(Clone, Debug)]
pub struct HeaderEdit {
    /// Taken out.
    pub remove: Box<[HeaderName]>,
    /// Put in the place of what is there.
    pub set: Box<[(HeaderName, HeaderValue)]>,
    /// Put behind what is there.
    pub add: Box<[(HeaderName, HeaderValue)]>,
}

/// An answer with a `Location`.
#[derive(Clone, Debug)]
pub struct Redirect {
    /// `http` or `https`; the request's own otherwise.
    pub scheme: Option<Arc<str>>,
    /// The request's own otherwise.
    pub hostname: Option<Arc<str>>,
    /// Else the scheme's well-known one if a scheme is set, else the listener's.
    pub port: Option<u16>,
    /// The request's own otherwise.
    pub path: Option<PathRewrite>,
    /// 301, 302, 303, 307 or 308.
    pub status: StatusCode,
}

/// A change of what the backend is asked for.
#[derive(Clone, Debug)]
pub struct Rewrite {
    /// The host that is sent.
    pub hostname: Option<Host>,
    /// The path that is sent.
    pub path: Option<PathRewrite>,
}

/// A copy of a share of the requests.
#[derive(Clone, Copy, Debug)]
pub struct Mirror {
    /// Where it goes; it may be missing in [`super::Table::upstreams`].
    pub upstream: Slot,
    /// Of `denominator` requests so many are copied.
    pub numerator: u32,
    /// At least 1.
    pub denominator: u32,
    /// The copy has the edits of the head that are beside the mirror.
    pub edited: bool,
    /// The copy goes by the rewrite that is beside the mirror.
    pub rewritten: bool,
}

/// One host in the forms that HTTP/1 and HTTP/2 send it; cheap to clone.
#[derive(Clone, Debug)]
pub struct Host {
    /// For `Host`.
    pub header: HeaderValue,
    /// For `:authority`.
    pub authority: Authority,
}

/// A filter cannot be honoured; requests of its rule or backend are answered with 500.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} cannot stand in an HTTP head")]
pub(super) struct InvalidFilter(String);

impl Filters {
    pub(super) fn compile(filters: &model::Filters, registry: &mut Registry) -> Result<Self, InvalidFilter> {
        Ok(Self {
            mirrors: filters.mirrors.iter().map(|mirror| Mirror::compile(mirror, registry)).collect(),
            request_headers: filters.request_headers.as_ref().map(HeaderEdit::compile).transpose()?,
            response_headers: filters.response_headers.as_ref().map(HeaderEdit::compile).transpose()?,
            redirect: filters.redirect.as_ref().map(Redirect::compile).transpose()?,
            rewrite: filters.rewrite.as_ref().map(Rewrite::compile).transpose()?,
            auth: match &filters.auth {
                Some(auth) => Some(Box::new(ExternalAuth::compile(auth, registry)?)),
                None => None,
            },
            cors: filters.cors.as_ref().map(Cors::compile).transpose()?.map(Arc::new),
        })
    }
}

impl HeaderEdit {
    fn compile(edit: &model::HeaderEdit) -> Result<Self, InvalidFilter> {
        let pair = |(name, value): &(Arc<str>, Arc<str>)| Ok((header_name(name)?, header_value(value)?));
        Ok(Self {
            remove: edit.remove.iter().map(|name| header_name(name)).collect::<Result<_, _>>()?,
            set: edit.set.iter().map(pair).collect::<Result<_, _>>()?,
            add: edit.add.iter().map(pair).collect::<Result<_, _>>()?,
        })
    }
}

impl Redirect {
    fn compile(redirect: &model::Redirect) -> Result<Self, InvalidFilter> {
        let status = StatusCode::from_u16(redirect.status).ok().filter(StatusCode::is_redirection);
        Ok(Self {
            scheme: redirect.scheme.clone(),
            hostname: redirect.hostname.clone(),
            port: redirect.port,
            path: redirect.path.clone(),
            status: status.ok_or_else(|| InvalidFilter(redirect.status.to_string()))?,
        })
    }
}

impl Rewrite {
    fn compile(rewrite: &model::Rewrite) -> Result<Self, InvalidFilter> {
        let host = |hostname: &Arc<str>| {
            let authority =
                Authority::try_from(&**hostname).map_err(|_| InvalidFilter(hostname.to_string()))?;
            Ok(Host { header: header_value(hostname)?, authority })
        };
        Ok(Self { hostname: rewrite.hostname.as_ref().map(host).transpose()?, path: rewrite.path.clone() })
    }
}

impl Mirror {
    fn compile(mirror: &model::Mirror, registry: &mut Registry) -> Self {
        Self {
            upstream: registry.slot(&mirror.upstream),
            numerator: mirror.numerator,
            denominator: mirror.denominator.max(1),
            edited: mirror.edited,
            rewritten: mirror.rewritten,
        }
    }

    /// Whether a request is copied that drew this number from 0 to below the denominator.
    pub fn takes(&self, draw: u32) -> bool {
        draw < self.numerator
    }
}

pub(super) fn header_name(name: &str) -> Result<HeaderName, InvalidFilter> {
    HeaderName::from_bytes(name.as_bytes()).map_err(|_| InvalidFilter(name.to_owned()))
}

pub(super) fn header_value(value: &str) -> Result<HeaderValue, InvalidFilter> {
    // Not `from_str`, which refuses characters beyond ASCII.
    HeaderValue::from_bytes(value.as_bytes()).map_err(|_| InvalidFilter(value.to_owned()))
}

#[cfg(test)]
mod tests;
