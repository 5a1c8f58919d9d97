//! Header fields between the two sides: what belongs to one connection stays there, and what
//! the gateway says of the client is said by the gateway.

use http::header::{
    CONNECTION, CONTENT_ENCODING, EXPECT, HOST, HeaderMap, HeaderName, HeaderValue, PROXY_AUTHENTICATE,
    PROXY_AUTHORIZATION, SET_COOKIE, TE, TRAILER, TRANSFER_ENCODING, UPGRADE,
};
use http_body::Frame;
use std::net::{IpAddr, SocketAddr};

const KEEP_ALIVE: HeaderName = HeaderName::from_static("keep-alive");
const PROXY_CONNECTION: HeaderName = HeaderName::from_static("proxy-connection");
const HTTP2_SETTINGS: HeaderName = HeaderName::from_static("http2-settings");
const FORWARDED: HeaderName = HeaderName::from_static("forwarded");
const X_FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");
const X_FORWARDED_PROTO: HeaderName = HeaderName::from_static("x-forwarded-proto");
const X_FORWARDED_HOST: HeaderName = HeaderName::from_static("x-forwarded-host");
/// Ties the log lines of all who handle a request together.
pub(super) const X_REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// What is known of the other side of a client's connection.
#[derive(Debug)]
pub(super) struct Sender<'a> {
    /// Its address, as text.
    pub(super) address: &'a HeaderValue,
    /// It is a proxy whose word on the client before it counts.
    pub(super) trusted: bool,
    /// `http` or `https`.
    pub(super) scheme: &'static str,
}

/// Whether a request asks for another protocol, and for which. Only HTTP/1.1 has upgrades.
pub(super) fn upgrade(headers: &HeaderMap) -> Option<HeaderValue> {
    let wanted = headers.get(UPGRADE)?;
    let protocols = wanted.to_str().ok()?;
    if protocols.split(',').any(|protocol| carries_http(protocol.trim())) {
        return None;
    }
    connection_options(headers).any(|option| option.eq_ignore_ascii_case("upgrade")).then(|| wanted.clone())
}

/// A tunnel of HTTP, or of TLS with HTTP inside, would carry requests past all rules. RFC 9113
/// §3.1 has given the upgrade to h2c up.
fn carries_http(protocol: &str) -> bool {
    let name = protocol.split_once('/').map_or(protocol, |(name, _)| name);
    ["h2c", "h2", "http", "tls"].iter().any(|http| name.eq_ignore_ascii_case(http))
}

/// Removes what RFC 9110 §7.6.1 calls connection-specific, from either direction.
/// `Trailer` stays: it announces what really comes.
pub(super) fn strip_hop_by_hop(headers: &mut HeaderMap) {
    if headers.contains_key(CONNECTION) {
        let named: Vec<HeaderName> = connection_options(headers)
            .filter(|option| !is_protected(option))
            .filter_map(|option| HeaderName::from_bytes(option.as_bytes()).ok())
            .collect();
        headers.remove(CONNECTION);
        for name in named {
            headers.remove(name);
        }
    }
    for name in [KEEP_ALIVE, PROXY_CONNECTION, TRANSFER_ENCODING, UPGRADE, HTTP2_SETTINGS] {
        headers.remove(name);
    }
}

/// End-to-end fields that say where a request belongs, who sent it and how long it is.
const PROTECTED: [&str; 10] = [
    "host",
    "content-length",
    "content-type",
    "authorization",
    "cookie",
    "forwarded",
    "x-forwarded-for",
    "x-forwarded-proto",
    "x-forwarded-host",
    "x-request-id",
];

/// A client must not have those removed (as with `Connection: host, x-forwarded-for`).
fn is_protected(option: &str) -> bool {
    PROTECTED.iter().chain(&["close"]).any(|name| option.eq_ignore_ascii_case(name))
}

/// Leaves out of trailers what only counts, or is only true, in a head: some readers merge the
/// two (RFC 9110 §6.5.1), and would have a second length, host or sender of the request.
pub(super) fn prepare_trailers<T>(frame: Frame<T>) -> Frame<T> {
    if !frame.is_trailers() {
        return frame;
    }
    match frame.into_trailers() {
        Err(frame) => frame,
        Ok(mut trailers) => {
            strip_hop_by_hop(&mut trailers);
            for name in PROTECTED {
                trailers.remove(name);
            }
            for name in [TE, TRAILER, EXPECT, PROXY_AUTHORIZATION, SET_COOKIE, CONTENT_ENCODING] {
                trailers.remove(name);
            }
            Frame::trailers(trailers)
        }
    }
}

fn connection_options(headers: &HeaderMap) -> impl Iterator<Item = &str> {
    let values = headers.get_all(CONNECTION).iter().filter_map(|value| value.to_str().ok());
    values.flat_map(|value| value.split(',').map(str::trim))
}

/// Makes a client's head fit for a target.
pub(super) fn prepare_request(headers: &mut HeaderMap, authority: &HeaderValue, client: &Sender<'_>) {
    let trailers = headers.contains_key(TE) && accepts_trailers(headers);
    strip_hop_by_hop(headers);
    headers.remove(TE);
    if trailers {
        headers.insert(TE, HeaderValue::from_static("trailers"));
    }
    // The gateway answers it itself, when the target's connection is there and asks for the body.
    headers.remove(EXPECT);
    headers.remove(PROXY_AUTHORIZATION);
    if !client.trusted {
        headers.remove(FORWARDED);
    }
    set_forwarded(headers, authority, client);
    headers.insert(HOST, authority.clone());
}

fn accepts_trailers(headers: &HeaderMap) -> bool {
    let values = headers.get_all(TE).iter().filter_map(|value| value.to_str().ok());
    values.flat_map(|value| value.split(',')).any(|coding| coding.trim().eq_ignore_ascii_case("trailers"))
}

fn set_forwarded(headers: &mut HeaderMap, authority: &HeaderValue, client: &Sender<'_>) {
    let before =
        if client.trusted { headers.get_all(X_FORWARDED_FOR).iter().next_back().cloned() } else { None };
    let address = match before {
        None => client.address.clone(),
        Some(_) => joined(headers, client.address),
    };
    headers.insert(X_FORWARDED_FOR, address);
    let proto = || HeaderValue::from_static(client.scheme);
    if client.trusted {
        headers.entry(X_FORWARDED_PROTO).or_insert_with(proto);
        headers.entry(X_FORWARDED_HOST).or_insert_with(|| authority.clone());
        headers.entry(X_REQUEST_ID).or_insert_with(request_id);
    } else {
        headers.insert(X_FORWARDED_PROTO, proto());
        headers.insert(X_FORWARDED_HOST, authority.clone());
        headers.insert(X_REQUEST_ID, request_id());
    }
}

/// Whether the client itself speaks TLS, as far as is known.
pub(super) fn is_secure(headers: &HeaderMap, sender: &Sender<'_>) -> bool {
    let said = headers.get(X_FORWARDED_PROTO).filter(|_| sender.trusted);
    said.map_or(sender.scheme.as_bytes(), HeaderValue::as_bytes) == b"https"
}

/// Who asks: of the addresses in X-Forwarded-For, read from the right, each of which was written by
/// the one after it, the first that is not trusted; the last that is, if all are. What is no address
/// ends it: whoever is trusted does not know either.
pub(super) fn client_address(headers: &HeaderMap, sender: IpAddr, trusts: impl Fn(IpAddr) -> bool) -> IpAddr {
    let mut client = sender;
    let lines = headers.get_all(X_FORWARDED_FOR).iter().rev();
    let entries = lines.flat_map(|line| line.as_bytes().rsplit(|byte| *byte == b','));
    for entry in entries {
        if !trusts(client) {
            break;
        }
        let Some(before) = std::str::from_utf8(entry).ok().and_then(address) else { break };
        client = before;
    }
    client
}

/// An address; some proxies write the port, too.
fn address(text: &str) -> Option<IpAddr> {
    let text = text.trim();
    let ip =
        text.parse::<IpAddr>().ok().or_else(|| text.parse::<SocketAddr>().ok().map(|address| address.ip()));
    let bare = || text.strip_prefix('[')?.strip_suffix(']')?.parse::<IpAddr>().ok();
    ip.or_else(bare).map(|ip| ip.to_canonical())
}

/// All lines of X-Forwarded-For as one list, with one more address at its end.
fn joined(headers: &HeaderMap, address: &HeaderValue) -> HeaderValue {
    let mut list: Vec<u8> = Vec::new();
    for value in headers.get_all(X_FORWARDED_FOR) {
        list.extend_from_slice(value.as_bytes());
        list.extend_from_slice(b", ");
    }
    list.extend_from_slice(address.as_bytes());
    HeaderValue::from_bytes(&list).unwrap_or_else(|_| address.clone())
}

/// 128 random bits in hex.
fn request_id() -> HeaderValue {
    const HEX: &[u8; 16] = b"0123456789abcdef";
    let mut bits = fastrand::u128(..);
    let mut text = [0; 32];
    for byte in &mut text {
        *byte = HEX[(bits & 15) as usize];
        bits >>= 4;
    }
    HeaderValue::from_bytes(&text).unwrap_or(HeaderValue::from_static("0"))
}

/// Makes a target's head fit for a client.
pub(super) fn prepare_response(headers: &mut HeaderMap) {
    strip_hop_by_hop(headers);
    headers.remove(PROXY_AUTHENTICATE);
}

#[cfg(test)]
mod tests;
