//! The first look at a request's head: everything that two readers could understand in two ways
//! is refused here, before anything is matched.

use super::limits::Limits;
use crate::model::{Reason, normalize_path};
use http::header::{CONTENT_LENGTH, COOKIE, HOST, HeaderMap, HeaderValue, TRANSFER_ENCODING};
use http::request::Parts;
use http::{Method, Uri, Version};
use std::borrow::Cow;

/// What a request's head says, in the one reading that the rest goes by.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Screened {
    /// Host without port, in lower case: what is matched.
    pub(super) host: Box<str>,
    /// `Host` as it is forwarded.
    pub(super) authority: HeaderValue,
    /// The path in normal form, if that differs from the request's own.
    pub(super) path: Option<Box<str>>,
    /// A length was given beside `Transfer-Encoding: chunked`, which is what counted.
    pub(super) two_lengths: bool,
}

/// Judges a head.
pub(super) fn screen(head: &mut Parts, limits: &Limits) -> Result<Screened, Reason> {
    if head.method == Method::CONNECT {
        return Err(Reason::MethodNotAllowed);
    }
    if !matches!(head.uri.scheme_str(), None | Some("http" | "https")) {
        return Err(Reason::BadRequest);
    }
    if target_bytes(&head.uri) > limits.uri_bytes {
        return Err(Reason::UriTooLong);
    }
    if head.version == Version::HTTP_2 {
        join_cookies(&mut head.headers);
    }
    if head.headers.len() > limits.head_fields {
        return Err(Reason::HeadTooLarge);
    }
    let two_lengths = screen_lengths(&mut head.headers)?;
    let authority = authority(head)?;
    let host = host_of(&authority)?;
    let path = match normalize_path(head.uri.path()).map_err(|_| Reason::BadRequest)? {
        Cow::Borrowed(_) => None,
        Cow::Owned(path) => Some(path.into()),
    };
    Ok(Screened { host, authority, path, two_lengths })
}

/// RFC 9113 §8.2.3: HTTP/2 clients may send each cookie in a field of its own; whoever does not
/// speak HTTP/2, as a match and most backends, must get them in one.
fn join_cookies(headers: &mut HeaderMap) {
    let cookies: Vec<_> = headers.get_all(COOKIE).iter().map(HeaderValue::as_bytes).collect();
    // What values are made of makes up a value.
    if cookies.len() > 1
        && let Ok(joined) = HeaderValue::from_bytes(&cookies.join(b"; ".as_slice()))
    {
        headers.insert(COOKIE, joined);
    }
}

fn target_bytes(uri: &Uri) -> usize {
    let authority = uri.authority().map_or(0, |authority| authority.as_str().len());
    authority + uri.path().len() + uri.query().map_or(0, |query| query.len() + 1)
}

/// RFC 9112 §6: the only transfer coding is a single `chunked`. hyper takes any list that ends
/// with it, and merges equal lengths. A length beside it is dropped, here as in hyper.
fn screen_lengths(headers: &mut HeaderMap) -> Result<bool, Reason> {
    let mut codings = headers.get_all(TRANSFER_ENCODING).iter();
    let Some(coding) = codings.next() else {
        let mut lengths = headers.get_all(CONTENT_LENGTH).iter();
        let valid = lengths
            .next()
            .is_none_or(|length| !length.is_empty() && length.as_bytes().iter().all(u8::is_ascii_digit));
        return if valid && lengths.next().is_none() { Ok(false) } else { Err(Reason::BadRequest) };
    };
    if codings.next().is_some() || !coding.as_bytes().eq_ignore_ascii_case(b"chunked") {
        return Err(Reason::UnknownTransferCoding);
    }
    Ok(headers.remove(CONTENT_LENGTH).is_some())
}

/// RFC 9112 §3.2: exactly one Host; an absolute-form target replaces it. In HTTP/2 both may be
/// there (RFC 9113 §8.3.1), if they agree.
fn authority(head: &Parts) -> Result<HeaderValue, Reason> {
    let mut hosts = head.headers.get_all(HOST).iter();
    let host = hosts.next();
    if hosts.next().is_some() {
        return Err(Reason::BadRequest);
    }
    let Some(authority) = head.uri.authority() else {
        return host.cloned().ok_or(Reason::BadRequest);
    };
    let http2 = head.version == Version::HTTP_2;
    match host {
        None if !http2 => return Err(Reason::BadRequest),
        Some(host) if http2 && !host.as_bytes().eq_ignore_ascii_case(authority.as_str().as_bytes()) => {
            return Err(Reason::BadRequest);
        }
        _ => {}
    }
    HeaderValue::from_str(authority.as_str()).map_err(|_| Reason::BadRequest)
}

/// `host[:port]` with a registered name, an IPv4 address or an IPv6 address in brackets; no user
/// information.
fn host_of(authority: &HeaderValue) -> Result<Box<str>, Reason> {
    let text = authority.to_str().map_err(|_| Reason::BadRequest)?;
    let (host, port) = match text.strip_prefix('[') {
        Some(rest) => {
            let (address, after) = rest.split_once(']').ok_or(Reason::BadRequest)?;
            address.parse::<std::net::Ipv6Addr>().map_err(|_| Reason::BadRequest)?;
            (&text[..address.len() + 2], after.strip_prefix(':').or(after.is_empty().then_some("")))
        }
        None => match text.split_once(':') {
            Some((host, port)) => (host, Some(port)),
            None => (text, Some("")),
        },
    };
    let port_valid = port.is_some_and(|port| {
        port.is_empty() || (port.bytes().all(|b| b.is_ascii_digit()) && port.parse::<u16>().is_ok())
    });
    // One trailing dot only says that the name is complete.
    let name = host.strip_suffix('.').unwrap_or(host);
    let name_valid = host.starts_with('[')
        || !name.is_empty()
            && name.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'.' | b'_'));
    if !port_valid || !name_valid {
        return Err(Reason::BadRequest);
    }
    Ok(name.to_ascii_lowercase().into())
}

#[cfg(test)]
mod tests;
