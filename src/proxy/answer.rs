//! Answers that the gateway makes itself: one table from the reason to what the client gets.

use super::response_body::ResponseBody;
use crate::model::Reason;
use bytes::Bytes;
use http::header::{CONTENT_TYPE, HeaderValue};
use http::{Response, StatusCode};

/// The status that goes with a reason.
pub(super) fn status(reason: Reason) -> StatusCode {
    match reason {
        Reason::BadRequest => StatusCode::BAD_REQUEST,
        Reason::MethodNotAllowed => StatusCode::METHOD_NOT_ALLOWED,
        Reason::UriTooLong => StatusCode::URI_TOO_LONG,
        Reason::HeadTooLarge => StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE,
        Reason::UnknownTransferCoding => StatusCode::NOT_IMPLEMENTED,
        Reason::RequestTimeout => StatusCode::REQUEST_TIMEOUT,
        Reason::NoRoute => StatusCode::NOT_FOUND,
        Reason::Misdirected => StatusCode::MISDIRECTED_REQUEST,
        // The filter brings its own.
        Reason::Redirect => StatusCode::FOUND,
        Reason::CorsPreflight => StatusCode::NO_CONTENT,
        Reason::CorsPreflightRefused => StatusCode::FORBIDDEN,
        Reason::NoBackends
        | Reason::BackendNotFound
        | Reason::InvalidBackend
        | Reason::RefNotPermitted
        | Reason::InvalidFilter
        | Reason::InvalidBackendTls
        | Reason::Internal => StatusCode::INTERNAL_SERVER_ERROR,
        Reason::NoReadyTargets | Reason::ForbiddenTarget | Reason::Draining => {
            StatusCode::SERVICE_UNAVAILABLE
        }
        Reason::ConnectFailed | Reason::UpstreamReset | Reason::UpstreamProtocolError => {
            StatusCode::BAD_GATEWAY
        }
        Reason::ConnectTimeout | Reason::UpstreamTimeout | Reason::RouteTimeout => {
            StatusCode::GATEWAY_TIMEOUT
        }
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
