//! Which answers scripts of other origins may read, as the CORS filter says (GEP-1767).

use serde::{Deserialize, Serialize};
use std::sync::Arc;

/// A CORS filter.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Cors {
    /// Any of them is enough; without one, no origin is allowed.
    pub origins: Vec<OriginMatch>,
    /// Whether requests may carry cookies and the like.
    pub credentials: bool,
    /// Methods, in upper case.
    pub methods: Listed,
    /// Fields of the request, in lower case.
    pub headers: Listed,
    /// Fields of the answer, in lower case.
    pub expose: Listed,
    /// For how many seconds a preflight's answer may be kept.
    pub max_age: u32,
}

/// What an allow list has.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Listed {
    /// `*`
    Any,
    /// These, in the order of the object; perhaps none.
    Names(Vec<Arc<str>>),
}

/// One of the origins that a filter allows.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum OriginMatch {
    /// `*`: every one, also `null`.
    Any,
    /// Those of this scheme and port whose host fits.
    Of {
        /// It is `https`, else `http`.
        secure: bool,
        /// The host.
        host: OriginHost,
        /// The port: the scheme's own, where the origin has none.
        port: u16,
    },
}

/// The host of an origin that a filter allows.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum OriginHost {
    /// `*`
    Any,
    /// `*.example.com`, kept as `.example.com`: any number of labels before it, but at least one.
    Below(Arc<str>),
    /// One name or address, in lower case.
    Exact(Arc<str>),
}

/// A text that is no origin.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "{0:?} is no origin: give \"*\", or http:// or https:// with a host (which may begin with \"*.\", or be \"*\") \
     and, if it is not the scheme's own, a port from 1 to 65535"
)]
pub struct InvalidOrigin(String);

/// An origin in its parts.
struct Parts<'a> {
    secure: bool,
    host: &'a str,
    port: u16,
}

impl OriginMatch {
    /// Reads one origin of a filter.
    pub fn parse(text: &str) -> Result<Self, InvalidOrigin> {
        if text == "*" {
            return Ok(Self::Any);
        }
        let invalid = || InvalidOrigin(text.to_owned());
        let Parts { secure, host, port } = split(text).ok_or_else(invalid)?;
        let host = host.to_ascii_lowercase();
        let (name, host) = match host.strip_prefix('*') {
            Some("") => return Ok(Self::Of { secure, host: OriginHost::Any, port }),
            Some(rest) => (rest.strip_prefix('.').ok_or_else(invalid)?, OriginHost::Below(rest.into())),
            None => (host.as_str(), OriginHost::Exact(host.as_str().into())),
        };
        if is_host(name) { Ok(Self::Of { secure, host, port }) } else { Err(invalid()) }
    }

    /// Whether a request's `Origin` is one of these.
    pub fn matches(&self, origin: &str) -> bool {
        let Self::Of { secure, host, port } = self else { return true };
        let Some(parts) = split(origin) else { return false };
        parts.secure == *secure && parts.port == *port && is_host(parts.host) && host.matches(parts.host)
    }
}

impl OriginHost {
    fn matches(&self, host: &str) -> bool {
        match self {
            Self::Any => true,
            Self::Exact(name) => host.eq_ignore_ascii_case(name),
            Self::Below(suffix) => {
                let below = host.len().checked_sub(suffix.len()).and_then(|at| host.split_at_checked(at));
                below.is_some_and(|(before, end)| !before.is_empty() && end.eq_ignore_ascii_case(suffix))
            }
        }
    }
}

/// None unless the text begins with one of the two schemes and ends with a host and perhaps a port.
fn split(text: &str) -> Option<Parts<'_>> {
    let (scheme, rest) = text.split_once("://")?;
    let secure = scheme.eq_ignore_ascii_case("https");
    if !secure && !scheme.eq_ignore_ascii_case("http") {
        return None;
    }
    // The colons of an IPv6 address stand within brackets.
    let from = rest.rfind(']').unwrap_or(0);
    let (host, port) = match rest[from..].find(':').map(|at| rest.split_at(from + at)) {
        Some((host, port)) => (host, port[1..].parse().ok().filter(|port| *port > 0)?),
        None => (rest, if secure { 443 } else { 80 }),
    };
    Some(Parts { secure, host, port })
}

/// Only what can stand in a name or an address: nothing that some other reader of the text could
/// take for the end of the host.
fn is_host(host: &str) -> bool {
    let inner = host.strip_prefix('[').and_then(|rest| rest.strip_suffix(']'));
    match inner {
        Some(address) => address.parse::<std::net::Ipv6Addr>().is_ok(),
        None => {
            !host.is_empty()
                && host.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'.' | b'_'))
        }
    }
}

#[cfg(test)]
mod tests;
