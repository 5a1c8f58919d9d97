//! Calls of gRPC that the gateway makes itself.

use super::response_body::ResponseBody;
use bytes::{BufMut, Bytes, BytesMut};
use http::header::{CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue, TE};
use http::{Response, StatusCode};
use http_body::Body;
use prost::Message;
use std::future::poll_fn;
use std::pin::Pin;

/// In front of a message: whether it is compressed, and its length.
const PREFIX: usize = 5;
/// How a call ended.
pub(super) const STATUS: HeaderName = HeaderName::from_static("grpc-status");

/// Why there is no answer to a call: the number of its status, or the answer is none of gRPC.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct NoReply(pub(super) Option<u16>);

/// The fields of every call.
pub(super) fn headers() -> HeaderMap {
    let mut headers = HeaderMap::new();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/grpc"));
    headers.insert(TE, HeaderValue::from_static("trailers"));
    headers
}

/// A message as a call carries it.
pub(super) fn frame(message: &impl Message) -> Option<Bytes> {
    let length = message.encoded_len();
    let mut bytes = BytesMut::with_capacity(PREFIX + length);
    bytes.put_u8(0);
    bytes.put_u32(u32::try_from(length).ok()?);
    message.encode(&mut bytes).ok()?;
    Some(bytes.freeze())
}

/// The message of an answer of up to `most` bytes, if the call ended well.
pub(super) async fn read<T: Message + Default>(
    response: Response<ResponseBody>,
    most: usize,
) -> Result<T, NoReply> {
    let (head, mut body) = response.into_parts();
    if head.status != StatusCode::OK {
        return Err(NoReply(None));
    }
    let (mut bytes, mut trailers) = (BytesMut::new(), None);
    while let Some(frame) = poll_fn(|cx| Pin::new(&mut body).poll_frame(cx)).await {
        match frame.map_err(|_| NoReply(None))?.into_data() {
            Ok(data) => bytes.extend_from_slice(&data),
            Err(frame) => trailers = frame.into_trailers().ok(),
        }
        if bytes.len() > most {
            return Err(NoReply(None));
        }
    }
    // An answer without a message may be one head.
    match trailers.as_ref().and_then(status).or_else(|| status(&head.headers)) {
        Some(0) => unframe(&bytes).ok_or(NoReply(None)),
        other => Err(NoReply(other)),
    }
}

/// How a call ended, if these are the trailers that say so.
pub(super) fn status(trailers: &HeaderMap) -> Option<u16> {
    trailers.get(STATUS)?.to_str().ok()?.parse().ok()
}

/// One message, which is not compressed: nobody said that it may be.
pub(super) fn unframe<T: Message + Default>(bytes: &[u8]) -> Option<T> {
    let (prefix, message) = bytes.split_first_chunk::<PREFIX>()?;
    let [0, length @ ..] = *prefix else { return None };
    (message.len() == u32::from_be_bytes(length) as usize).then(|| T::decode(message).ok())?
}

#[cfg(test)]
mod tests;
