//! Why the gateway answered by itself.

use serde::{Deserialize, Serialize};

/// The closed list of reasons for answers that no backend made. Each is one value of the
/// access log's and the metrics' `reason`; the docs list them all.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Reason {
    /// 400: the head cannot be understood, or in more than one way.
    BadRequest,
    /// 405: CONNECT is not served.
    MethodNotAllowed,
    /// 414: over the limit of the request target.
    UriTooLong,
    /// 431: over the limit of the head or its fields.
    HeadTooLarge,
    /// 501: a transfer coding other than `chunked`.
    UnknownTransferCoding,
    /// 408: the head or body did not arrive in time.
    RequestTimeout,
    /// 404: no rule matched.
    NoRoute,
    /// 421: another listener of the port serves this host.
    Misdirected,
    /// 3xx: a redirect filter.
    Redirect,
    /// 204: a CORS filter answered a preflight.
    CorsPreflight,
    /// 403: a preflight of an origin that the CORS filter does not allow.
    CorsPreflightRefused,
    /// 403 or what it says: the service of an ExternalAuth filter does not let the request go on.
    AuthDenied,
    /// 503: no good answer of that service.
    AuthUnavailable,
    /// 413: a body that is larger than what that service may be sent.
    AuthBodyTooLarge,
    /// 500: the rule has no backendRefs, or all weights are 0.
    NoBackends,
    /// 500: the backendRef's object does not exist.
    BackendNotFound,
    /// 500: the backendRef's kind or field is not supported.
    InvalidBackend,
    /// 500: no ReferenceGrant allows the backendRef.
    RefNotPermitted,
    /// 500: a filter of the rule cannot be honoured.
    InvalidFilter,
    /// 500: the BackendTLSPolicy of the backend cannot be honoured, or the certificate that it is to be
    /// shown cannot be had, and without it nothing is sent.
    InvalidBackendTls,
    /// 503: no endpoint is ready.
    NoReadyTargets,
    /// 503: the target's address may not be connected to.
    ForbiddenTarget,
    /// 503: it would have to be sent again, and the backend's budget for that is used up.
    RetryBudgetExceeded,
    /// 502: no connection could be made, or TLS failed.
    ConnectFailed,
    /// 504: no connection within the limit.
    ConnectTimeout,
    /// 502: the connection broke before an answer came.
    UpstreamReset,
    /// 502: the answer was not HTTP.
    UpstreamProtocolError,
    /// 504: no complete answer within the rule's limit for one attempt.
    UpstreamTimeout,
    /// 504: no complete answer within the rule's limit for all attempts.
    RouteTimeout,
    /// 504: the time that a caller of gRPC gave it is over.
    DeadlineExceeded,
    /// 499, in the log only: the client went away before the answer.
    ClientGone,
    /// Without HTTP: no byte went either way for too long.
    StreamIdle,
    /// 503: cut off at the end of the drain.
    Draining,
    /// 500: a defect of Tidegate.
    Internal,
}

impl Reason {
    /// Every reason, in the order of the list.
    pub const ALL: [Self; 34] = [
        Self::BadRequest,
        Self::MethodNotAllowed,
        Self::UriTooLong,
        Self::HeadTooLarge,
        Self::UnknownTransferCoding,
        Self::RequestTimeout,
        Self::NoRoute,
        Self::Misdirected,
        Self::Redirect,
        Self::CorsPreflight,
        Self::CorsPreflightRefused,
        Self::AuthDenied,
        Self::AuthUnavailable,
        Self::AuthBodyTooLarge,
        Self::NoBackends,
        Self::BackendNotFound,
        Self::InvalidBackend,
        Self::RefNotPermitted,
        Self::InvalidFilter,
        Self::InvalidBackendTls,
        Self::NoReadyTargets,
        Self::ForbiddenTarget,
        Self::RetryBudgetExceeded,
        Self::ConnectFailed,
        Self::ConnectTimeout,
        Self::UpstreamReset,
        Self::UpstreamProtocolError,
        Self::UpstreamTimeout,
        Self::RouteTimeout,
        Self::DeadlineExceeded,
        Self::ClientGone,
        Self::StreamIdle,
        Self::Draining,
        Self::Internal,
    ];

    /// The name in logs and metrics.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::BadRequest => "BadRequest",
            Self::MethodNotAllowed => "MethodNotAllowed",
            Self::UriTooLong => "UriTooLong",
            Self::HeadTooLarge => "HeadTooLarge",
            Self::UnknownTransferCoding => "UnknownTransferCoding",
            Self::RequestTimeout => "RequestTimeout",
            Self::NoRoute => "NoRoute",
            Self::Misdirected => "Misdirected",
            Self::Redirect => "Redirect",
            Self::CorsPreflight => "CorsPreflight",
            Self::CorsPreflightRefused => "CorsPreflightRefused",
            Self::AuthDenied => "AuthDenied",
            Self::AuthUnavailable => "AuthUnavailable",
            Self::AuthBodyTooLarge => "AuthBodyTooLarge",
            Self::NoBackends => "NoBackends",
            Self::BackendNotFound => "BackendNotFound",
            Self::InvalidBackend => "InvalidBackend",
            Self::RefNotPermitted => "RefNotPermitted",
            Self::InvalidFilter => "InvalidFilter",
            Self::InvalidBackendTls => "InvalidBackendTls",
            Self::NoReadyTargets => "NoReadyTargets",
            Self::ForbiddenTarget => "ForbiddenTarget",
            Self::RetryBudgetExceeded => "RetryBudgetExceeded",
            Self::ConnectFailed => "ConnectFailed",
            Self::ConnectTimeout => "ConnectTimeout",
            Self::UpstreamReset => "UpstreamReset",
            Self::UpstreamProtocolError => "UpstreamProtocolError",
            Self::UpstreamTimeout => "UpstreamTimeout",
            Self::RouteTimeout => "RouteTimeout",
            Self::DeadlineExceeded => "DeadlineExceeded",
            Self::ClientGone => "ClientGone",
            Self::StreamIdle => "StreamIdle",
            Self::Draining => "Draining",
            Self::Internal => "Internal",
        }
    }
}
