//! What a service wants to have changed in a head.

use crate::proxy::filters;
use crate::table::Filters;
use http::header::{
    CONNECTION, CONTENT_LENGTH, HOST, HeaderMap, HeaderName, HeaderValue, TE, TRAILER, TRANSFER_ENCODING,
    UPGRADE,
};

/// One change.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::proxy) enum Change {
    /// Takes a field out.
    Remove(HeaderName),
    /// Puts it in the place of what is there.
    Set(HeaderName, HeaderValue),
    /// Puts it behind what is there.
    Append(HeaderName, HeaderValue),
    /// Puts it where nothing is.
    Add(HeaderName, HeaderValue),
    /// Puts it in the place of what is there, if something is.
    Replace(HeaderName, HeaderValue),
}

/// Whether a field says where a message belongs, how long it is or what its connection is for: that is
/// for nobody to change. Names of HTTP/2's pseudo-headers are no names of fields.
pub(super) fn is_fixed(name: &HeaderName) -> bool {
    [HOST, CONTENT_LENGTH, TRANSFER_ENCODING, CONNECTION, TE, TRAILER, UPGRADE].contains(name)
        || ["keep-alive", "proxy-connection", "http2-settings"].contains(&name.as_str())
}

/// Makes the changes, one after the other.
pub(in crate::proxy) fn apply(changes: &[Change], headers: &mut HeaderMap) {
    for change in changes {
        match change {
            Change::Remove(name) => drop(headers.remove(name)),
            Change::Set(name, value) => drop(headers.insert(name, value.clone())),
            Change::Append(name, value) => drop(headers.append(name, value.clone())),
            Change::Add(name, value) if !headers.contains_key(name) => {
                drop(headers.insert(name, value.clone()))
            }
            Change::Replace(name, value) if headers.contains_key(name) => {
                headers.insert(name, value.clone());
            }
            Change::Add(..) | Change::Replace(..) => {}
        }
    }
}

/// What filters do to a request's head, with the changes of the service that one of them asked: filters
/// run in their order.
pub(in crate::proxy) fn edit(filters: &Filters, changes: &[Change], headers: &mut HeaderMap) {
    let was_edited = filters.auth.as_ref().is_some_and(|auth| auth.edited);
    if !was_edited {
        apply(changes, headers);
    }
    filters::request(filters, headers);
    if was_edited {
        apply(changes, headers);
    }
}

#[cfg(test)]
mod tests;
