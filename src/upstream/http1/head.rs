//! Heads: how a request's is written, and an answer's is read.

use super::Http1Error;
use super::decode::Decoder;
use super::upload::Framing;
use bytes::{Bytes, BytesMut};
use http::header::{CONNECTION, CONTENT_LENGTH, HeaderMap, HeaderName, HeaderValue, TRANSFER_ENCODING};
use http::{Method, Response, StatusCode, Version};
use http_body::Body;
use httparse::{Header, ParserConfig, Status};
use std::mem::MaybeUninit;

/// Fields of an answer's head.
pub(super) const MAX_FIELDS: usize = 100;
/// Bytes of an answer's head.
const MAX_BYTES: usize = 64 * 1024;

/// A request's head, as it is to be written.
#[derive(Clone, Copy, Debug)]
pub struct RequestHead<'a> {
    /// The method.
    pub method: &'a Method,
    /// The request target, in pieces that are written one behind the other.
    pub target: [&'a str; 4],
    /// All fields but those that belong to the connection.
    pub headers: &'a HeaderMap,
    /// The protocol to switch to.
    pub upgrade: Option<&'a HeaderValue>,
}

/// What an answer's head says.
pub(super) struct Parsed {
    pub(super) response: Response<()>,
    pub(super) decoder: Decoder,
    pub(super) keep_alive: bool,
}

impl RequestHead<'_> {
    /// Writes the head, and says how the body is to be written behind it.
    pub(super) fn write(&self, out: &mut BytesMut, body: &impl Body) -> Framing {
        out.reserve(512);
        out.extend_from_slice(self.method.as_str().as_bytes());
        out.extend_from_slice(b" ");
        for piece in self.target {
            out.extend_from_slice(piece.as_bytes());
        }
        out.extend_from_slice(b" HTTP/1.1\r\n");
        for (name, value) in self.headers {
            line(out, name.as_str().as_bytes(), value.as_bytes());
        }
        if let Some(protocol) = self.upgrade {
            line(out, b"connection", b"upgrade");
            line(out, b"upgrade", protocol.as_bytes());
        }
        let framing = self.framing(body);
        match framing {
            // Without one, a POST without body is answered with 411 by some (RFC 9110 §8.6).
            Framing::Length(0) if self.says_nothing_of_length() && self.method_wants_length() => {
                line(out, b"content-length", b"0");
            }
            Framing::Chunked => line(out, b"transfer-encoding", b"chunked"),
            Framing::Length(_) => {}
        }
        out.extend_from_slice(b"\r\n");
        framing
    }

    fn framing(&self, body: &impl Body) -> Framing {
        let length = self.headers.get(CONTENT_LENGTH).and_then(|value| value.to_str().ok()?.parse().ok());
        match length {
            Some(length) => Framing::Length(length),
            None if body.is_end_stream() => Framing::Length(0),
            None => Framing::Chunked,
        }
    }

    fn says_nothing_of_length(&self) -> bool {
        !self.headers.contains_key(CONTENT_LENGTH)
    }

    fn method_wants_length(&self) -> bool {
        matches!(*self.method, Method::POST | Method::PUT | Method::PATCH)
    }
}

fn line(out: &mut BytesMut, name: &[u8], value: &[u8]) {
    out.extend_from_slice(name);
    out.extend_from_slice(b": ");
    out.extend_from_slice(value);
    out.extend_from_slice(b"\r\n");
}

/// Takes an answer's head from the front of what came; `None` if it is not complete.
pub(super) fn parse(incoming: &mut BytesMut, method: &Method) -> Result<Option<Parsed>, Http1Error> {
    let Some(length) = head_length(incoming)? else {
        return if incoming.len() > MAX_BYTES { Err(TOO_LONG) } else { Ok(None) };
    };
    if length > MAX_BYTES {
        return Err(TOO_LONG);
    }
    // The fields are pieces of this one buffer; nothing is copied.
    let head = incoming.split_to(length).freeze();
    let mut fields = [const { MaybeUninit::uninit() }; MAX_FIELDS];
    let mut answer = httparse::Response::new(&mut []);
    if parse_fields(&mut answer, &head, &mut fields)? != Status::Complete(length) {
        return Err(Http1Error::Malformed("the head ends in two places"));
    }
    let version = if answer.version == Some(1) { Version::HTTP_11 } else { Version::HTTP_10 };
    let status = answer.code.and_then(|code| StatusCode::from_u16(code).ok());
    let status = status.ok_or(Http1Error::Malformed("the status is none"))?;
    let headers = headers(&head, answer.headers)?;
    let decoder = decoder(&headers, status, version, method)?;
    let keep_alive = keep_alive(&headers, version, &decoder);
    let mut response = Response::new(());
    *response.status_mut() = status;
    *response.version_mut() = version;
    *response.headers_mut() = headers;
    Ok(Some(Parsed { response, decoder, keep_alive }))
}

const TOO_LONG: Http1Error = Http1Error::Malformed("the head is too long");

/// Where the head ends, if it does. Most end as the standard says, which is found without
/// parsing; the parser decides on those with bare line feeds, and on what is no head at all.
fn head_length(incoming: &[u8]) -> Result<Option<usize>, Http1Error> {
    if incoming.is_empty() {
        return Ok(None);
    }
    if let Some(end) = memchr::memmem::find(incoming, b"\r\n\r\n") {
        return Ok(Some(end + 4));
    }
    let mut fields = [const { MaybeUninit::uninit() }; MAX_FIELDS];
    match parse_fields(&mut httparse::Response::new(&mut []), incoming, &mut fields)? {
        Status::Complete(length) => Ok(Some(length)),
        Status::Partial => Ok(None),
    }
}

fn parse_fields<'h, 'b>(
    answer: &mut httparse::Response<'h, 'b>,
    head: &'b [u8],
    fields: &'h mut [MaybeUninit<Header<'b>>; MAX_FIELDS],
) -> Result<Status<usize>, Http1Error> {
    ParserConfig::default()
        .parse_response_with_uninit_headers(answer, head, fields)
        .map_err(|_| Http1Error::Malformed("the head does not parse"))
}

fn headers(head: &Bytes, fields: &[Header<'_>]) -> Result<HeaderMap, Http1Error> {
    // Room for what the gateway and the user's filters add.
    let mut headers = HeaderMap::with_capacity(fields.len() + 4);
    for field in fields {
        let name = HeaderName::from_bytes(field.name.as_bytes());
        let value = HeaderValue::from_maybe_shared(head.slice_ref(field.value));
        let (Ok(name), Ok(value)) = (name, value) else {
            return Err(Http1Error::Malformed("a field is invalid"));
        };
        headers.append(name, value);
    }
    Ok(headers)
}

/// RFC 9112 §6.3.
fn decoder(
    headers: &HeaderMap,
    status: StatusCode,
    version: Version,
    method: &Method,
) -> Result<Decoder, Http1Error> {
    let length = content_length(headers)?;
    if *method == Method::HEAD
        || status.is_informational()
        || status == StatusCode::NO_CONTENT
        || status == StatusCode::NOT_MODIFIED
    {
        return Ok(Decoder::None);
    }
    let mut codings = headers.get_all(TRANSFER_ENCODING).iter();
    let Some(coding) = codings.next() else {
        return Ok(length.map_or(Decoder::Close, Decoder::Length));
    };
    if version != Version::HTTP_11
        || codings.next().is_some()
        || !coding.as_bytes().eq_ignore_ascii_case(b"chunked")
    {
        return Err(Http1Error::Malformed("the transfer coding is not a single \"chunked\""));
    }
    Ok(Decoder::chunked())
}

fn content_length(headers: &HeaderMap) -> Result<Option<u64>, Http1Error> {
    let mut lengths = headers.get_all(CONTENT_LENGTH).iter().map(|value| {
        let digits = value.as_bytes();
        // Not `parse` alone, which takes "+1".
        let valid = !digits.is_empty() && digits.iter().all(u8::is_ascii_digit);
        valid.then(|| value.to_str().ok()?.parse::<u64>().ok()).flatten()
    });
    let Some(first) = lengths.next() else { return Ok(None) };
    let first = first.ok_or(Http1Error::Malformed("the length is no number"))?;
    // Equal lines are one by RFC 9110 §8.6, but who is behind us may not know.
    if lengths.next().is_some() {
        return Err(Http1Error::Malformed("there are several lengths"));
    }
    Ok(Some(first))
}

fn keep_alive(headers: &HeaderMap, version: Version, decoder: &Decoder) -> bool {
    let two_lengths = headers.contains_key(TRANSFER_ENCODING) && headers.contains_key(CONTENT_LENGTH);
    let mut options = headers.get_all(CONNECTION).iter().filter_map(|value| value.to_str().ok());
    let closes =
        options.any(|value| value.split(',').any(|option| option.trim().eq_ignore_ascii_case("close")));
    version == Version::HTTP_11 && !closes && !two_lengths && *decoder != Decoder::Close
}
