//! An answer's body out of its framing.

use super::Http1Error;
use bytes::{Buf, Bytes, BytesMut};
use http::{HeaderMap, HeaderName, HeaderValue};
use http_body::{Frame, SizeHint};
use httparse::{EMPTY_HEADER, Status};

/// A line with a chunk's size and its extensions.
const MAX_SIZE_LINE: usize = 4 * 1024;
/// All trailers together.
const MAX_TRAILERS: usize = 16 * 1024;
/// Trailers.
const MAX_TRAILER_FIELDS: usize = 64;

/// Where a body stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Decoder {
    /// No body, or its end.
    None,
    /// So many bytes are to come.
    Length(u64),
    /// In chunks.
    Chunked(Chunked),
    /// Until the stream ends.
    Close,
}

/// Where a chunked body stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Chunked {
    /// Before a line with a size.
    Size,
    /// So many bytes of a chunk are to come.
    Data(u64),
    /// Before the line end behind a chunk.
    DataEnd,
    /// Behind the last chunk.
    Trailers,
}

impl Decoder {
    /// At the start of a chunked body.
    pub(super) fn chunked() -> Self {
        Self::Chunked(Chunked::Size)
    }

    /// Whether the body is complete.
    pub(super) fn is_end(self) -> bool {
        matches!(self, Self::None | Self::Length(0))
    }

    /// What is known of the length to come.
    pub(super) fn size_hint(self) -> SizeHint {
        match self {
            Self::None => SizeHint::with_exact(0),
            Self::Length(left) => SizeHint::with_exact(left),
            Self::Chunked(_) | Self::Close => SizeHint::default(),
        }
    }

    /// The stream has ended.
    pub(super) fn end_of_stream(&mut self) -> Result<(), Http1Error> {
        match self {
            Self::None | Self::Length(0) => Ok(()),
            Self::Close => {
                *self = Self::None;
                Ok(())
            }
            Self::Length(_) | Self::Chunked(_) => Err(Http1Error::Incomplete),
        }
    }

    /// The next frame out of what came; `None` if more has to come, or at the end. As far as
    /// the bytes are there it looks ahead, so that the end is known together with the last data.
    pub(super) fn decode(&mut self, incoming: &mut BytesMut) -> Result<Option<Frame<Bytes>>, Http1Error> {
        match self {
            Self::None => Ok(None),
            Self::Close => Ok((!incoming.is_empty()).then(|| Frame::data(incoming.split().freeze()))),
            Self::Length(left) => Ok(take(incoming, left).map(Frame::data)),
            Self::Chunked(_) => self.decode_chunked(incoming),
        }
    }

    fn decode_chunked(&mut self, incoming: &mut BytesMut) -> Result<Option<Frame<Bytes>>, Http1Error> {
        let mut data = None;
        while let Self::Chunked(state) = self {
            match state {
                Chunked::Size => match size_line(incoming)? {
                    Some(0) => *state = Chunked::Trailers,
                    Some(size) => *state = Chunked::Data(size),
                    None => break,
                },
                Chunked::Data(_) if data.is_some() => break,
                Chunked::Data(left) => {
                    let Some(piece) = take(incoming, left) else { break };
                    data = Some(Frame::data(piece));
                    if *left == 0 {
                        *state = Chunked::DataEnd;
                    }
                }
                Chunked::DataEnd => match incoming.get(..2) {
                    Some(b"\r\n") => {
                        incoming.advance(2);
                        *state = Chunked::Size;
                    }
                    Some(_) => return Err(Http1Error::Malformed("a chunk does not end with its size")),
                    None => break,
                },
                // Trailers are a frame of their own; without any the body just ends.
                Chunked::Trailers if data.is_some() && incoming.get(..2) != Some(b"\r\n") => break,
                Chunked::Trailers => {
                    let Some(trailers) = trailers(incoming)? else { break };
                    *self = Self::None;
                    if !trailers.is_empty() {
                        return Ok(Some(Frame::trailers(trailers)));
                    }
                }
            }
        }
        Ok(data)
    }
}

/// As much as there is, of what is left.
fn take(incoming: &mut BytesMut, left: &mut u64) -> Option<Bytes> {
    if incoming.is_empty() || *left == 0 {
        return None;
    }
    let count = usize::try_from(*left).unwrap_or(usize::MAX).min(incoming.len());
    *left -= count as u64;
    Some(incoming.split_to(count).freeze())
}

/// RFC 9112 §7.1, with neither signs nor spaces nor bare line feeds: `1*HEXDIG [";" …] CRLF`.
fn size_line(incoming: &mut BytesMut) -> Result<Option<u64>, Http1Error> {
    const INVALID: Http1Error = Http1Error::Malformed("a chunk's size is invalid");
    let Some(end) = memchr::memchr(b'\n', incoming) else {
        return if incoming.len() > MAX_SIZE_LINE { Err(INVALID) } else { Ok(None) };
    };
    let line = incoming[..end].strip_suffix(b"\r").ok_or(INVALID)?;
    if end > MAX_SIZE_LINE || line.iter().any(|byte| byte.is_ascii_control() && *byte != b'\t') {
        return Err(INVALID);
    }
    let digits = line.split(|byte| *byte == b';').next().unwrap_or_default().trim_ascii_end();
    if digits.is_empty() || digits.len() > 16 {
        return Err(INVALID);
    }
    let mut size: u64 = 0;
    for digit in digits {
        let digit = char::from(*digit).to_digit(16).ok_or(INVALID)?;
        size = size << 4 | u64::from(digit);
    }
    incoming.advance(end + 1);
    Ok(Some(size))
}

/// The fields behind the last chunk, up to the empty line.
fn trailers(incoming: &mut BytesMut) -> Result<Option<HeaderMap>, Http1Error> {
    const INVALID: Http1Error = Http1Error::Malformed("a trailer is invalid");
    let mut fields = [EMPTY_HEADER; MAX_TRAILER_FIELDS];
    let (length, fields) = match httparse::parse_headers(incoming, &mut fields).map_err(|_| INVALID)? {
        Status::Complete(complete) => complete,
        Status::Partial if incoming.len() > MAX_TRAILERS => return Err(INVALID),
        Status::Partial => return Ok(None),
    };
    // httparse takes a bare line feed for the end of a line; whoever reads on behind us may not.
    if memchr::memchr_iter(b'\n', &incoming[..length]).any(|at| at == 0 || incoming[at - 1] != b'\r') {
        return Err(INVALID);
    }
    let mut trailers = HeaderMap::new();
    for field in fields {
        let name = HeaderName::from_bytes(field.name.as_bytes()).map_err(|_| INVALID)?;
        let value = HeaderValue::from_bytes(field.value).map_err(|_| INVALID)?;
        trailers.append(name, value);
    }
    incoming.advance(length);
    Ok(Some(trailers))
}
