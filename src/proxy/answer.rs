//! Answers that the gateway makes itself: one table from the reason to what the client gets.

use super::response_body::ResponseBody;
use crate::model::Reason;
use bytes::Bytes;
use http::header::{CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue};
use http::request::Parts;
use http::{Response, StatusCode, Version};

const GRPC: &[u8] = b"application/grpc";
const UNKNOWN: &str = "2";
const DEADLINE_EXCEEDED: &str = "4";
const PERMISSION_DENIED: &str = "7";
const UNIMPLEMENTED: &str = "12";
const INTERNAL: &str = "13";
const UNAVAILABLE: &str = "14";
const UNAUTHENTICATED: &str = "16";

const GRPC_STATUS: HeaderName = HeaderName::from_static("grpc-status");
const GRPC_MESSAGE: HeaderName = HeaderName::from_static("grpc-message");

/// The status that goes with a reason.
pub(super) fn status(reason: Reason) -> StatusCode {
    match reason {
        Reason::BadRequest => StatusCode::BAD_REQUEST,
        Reason::MethodNotAllowed => StatusCode::METHOD_NOT_ALLOWED,
        Reason::UriTooLong => StatusCode::URI_TOO_LONG,
        Reason::HeadTooLarge => StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE,
        Reason::UnknownTransferCoding => StatusCode::NOT_IMPLEMENTED,
        // Of the second nobody is told by a status.
        Reason::RequestTimeout | Reason::StreamIdle => StatusCode::REQUEST_TIMEOUT,
        Reason::NoRoute => StatusCode::NOT_FOUND,
        Reason::Misdirected => StatusCode::MISDIRECTED_REQUEST,
        // The filter brings its own.
        Reason::Redirect => StatusCode::FOUND,
        Reason::CorsPreflight => StatusCode::NO_CONTENT,
        // Of the second, unless the service says another.
        Reason::CorsPreflightRefused | Reason::AuthDenied => StatusCode::FORBIDDEN,
        Reason::AuthBodyTooLarge => StatusCode::PAYLOAD_TOO_LARGE,
        Reason::NoBackends
        | Reason::BackendNotFound
        | Reason::InvalidBackend
        | Reason::RefNotPermitted
        | Reason::InvalidFilter
        | Reason::InvalidBackendTls
        | Reason::Internal => StatusCode::INTERNAL_SERVER_ERROR,
        Reason::NoReadyTargets
        | Reason::ForbiddenTarget
        | Reason::RetryBudgetExceeded
        | Reason::AuthUnavailable
        | Reason::Draining => StatusCode::SERVICE_UNAVAILABLE,
        Reason::ConnectFailed | Reason::UpstreamReset | Reason::UpstreamProtocolError => {
            StatusCode::BAD_GATEWAY
        }
        Reason::ConnectTimeout
        | Reason::UpstreamTimeout
        | Reason::RouteTimeout
        | Reason::DeadlineExceeded => StatusCode::GATEWAY_TIMEOUT,
        // nginx's number; nobody receives it.
        Reason::ClientGone => StatusCode::from_u16(499).unwrap_or(StatusCode::BAD_REQUEST),
    }
}

/// Whether the connection is closed after the answer: what follows on it cannot be trusted.
pub(super) fn closes(reason: Reason) -> bool {
    matches!(
        reason,
        Reason::BadRequest
            | Reason::MethodNotAllowed
            | Reason::UriTooLong
            | Reason::HeadTooLarge
            | Reason::UnknownTransferCoding
            | Reason::RequestTimeout
            | Reason::Draining
    )
}

/// The whole answer: the status, and the reason's name for whoever looks at it.
pub(super) fn answer(reason: Reason) -> Response<ResponseBody> {
    let mut response = Response::new(ResponseBody::full(Bytes::from_static(reason.as_str().as_bytes())));
    *response.status_mut() = status(reason);
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("text/plain"));
    response
}

/// Whether the request is a gRPC call, of whatever route: what answers it must be something that such
/// a client understands. `application/grpc-web` is another protocol, whose clients read the status of
/// HTTP.
pub(super) fn is_rpc(head: &Parts) -> bool {
    head.version == Version::HTTP_2 && is_grpc(&head.headers)
}

fn is_grpc(headers: &HeaderMap) -> bool {
    let is_it = |value: &HeaderValue| {
        let (name, rest) = value.as_bytes().split_at_checked(GRPC.len()).unwrap_or_default();
        name.eq_ignore_ascii_case(GRPC) && matches!(rest.first(), None | Some(b'+' | b';' | b' '))
    };
    headers.get(CONTENT_TYPE).is_some_and(is_it)
}

/// The same to a gRPC call: in gRPC an answer has status 200, and one that says no more than how the
/// call ended is a head alone ("trailers-only").
pub(super) fn rpc(reason: Reason) -> Response<ResponseBody> {
    let mut response = Response::new(ResponseBody::empty());
    *response.headers_mut() = rpc_trailers(reason);
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/grpc"));
    response
}

/// What a service that knows nothing of gRPC has to say, as an answer to a gRPC call: its status becomes
/// gRPC's, and its page goes. Other fields stay.
pub(super) fn as_rpc(response: Response<ResponseBody>, reason: Reason) -> Response<ResponseBody> {
    if is_grpc(response.headers()) {
        return response;
    }
    let (head, body) = response.into_parts();
    body.discard();
    let mut answer = rpc(reason);
    let own =
        |name: &HeaderName| name.as_str().starts_with("content-") || answer.headers().contains_key(name);
    let kept: Vec<_> = head.headers.iter().filter(|(name, _)| !own(name)).collect();
    for (name, value) in kept {
        answer.headers_mut().append(name, value.clone());
    }
    answer.headers_mut().insert(GRPC_STATUS, HeaderValue::from_static(of_status(head.status)));
    answer
}

/// How a call ends.
pub(super) fn rpc_trailers(reason: Reason) -> HeaderMap {
    let mut trailers = HeaderMap::new();
    trailers.insert(GRPC_STATUS, HeaderValue::from_static(rpc_status(reason)));
    trailers.insert(GRPC_MESSAGE, HeaderValue::from_static(reason.as_str()));
    trailers
}

/// How a call ended, in gRPC's numbers. Those that go with a status of HTTP are gRPC's own
/// (`http-grpc-status-mapping.md`).
fn rpc_status(reason: Reason) -> &'static str {
    match reason {
        // "When a GRPCBackendRef is invalid, UNAVAILABLE statuses MUST be returned".
        Reason::NoBackends
        | Reason::BackendNotFound
        | Reason::InvalidBackend
        | Reason::InvalidBackendTls
        | Reason::RefNotPermitted => UNAVAILABLE,
        Reason::DeadlineExceeded => DEADLINE_EXCEEDED,
        other => of_status(status(other)),
    }
}

/// gRPC's number for a status of HTTP.
fn of_status(status: StatusCode) -> &'static str {
    match status {
        StatusCode::BAD_REQUEST => INTERNAL,
        StatusCode::UNAUTHORIZED => UNAUTHENTICATED,
        StatusCode::FORBIDDEN => PERMISSION_DENIED,
        StatusCode::NOT_FOUND => UNIMPLEMENTED,
        StatusCode::TOO_MANY_REQUESTS
        | StatusCode::BAD_GATEWAY
        | StatusCode::SERVICE_UNAVAILABLE
        | StatusCode::GATEWAY_TIMEOUT => UNAVAILABLE,
        _ => UNKNOWN,
    }
}

#[cfg(test)]
mod tests;
