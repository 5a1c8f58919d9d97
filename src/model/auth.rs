//! Another service decides whether a request goes on (GEP-1494).

use super::BackendTarget;
use serde::{Deserialize, Serialize};
use std::sync::Arc;

/// Who is asked about each request, and how.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ExternalAuth {
    /// Where the service is. Without it no request goes on.
    pub target: BackendTarget,
    /// What is spoken to it.
    pub protocol: AuthProtocol,
    /// Bytes of a request's body that it gets; none of a body if 0. A larger one is refused.
    pub max_body: u32,
    /// It is asked about the request with the edits of the head that are beside the filter.
    pub edited: bool,
    /// It is asked about the request as the rewrite beside the filter makes it.
    pub rewritten: bool,
}

impl ExternalAuth {
    /// More of a body is not kept for a service, whatever a filter says: all clients of all routes share
    /// the memory.
    pub const MAX_BODY: u32 = 1024 * 1024;
}

/// What is spoken to an authorizing service.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum AuthProtocol {
    /// The request's method and path; 200 lets it go on.
    Http {
        /// Put before the path; without trailing slash, empty for none.
        prefix: Arc<str>,
        /// Names of the request's fields that it gets, beyond those that it always gets.
        send: Vec<Arc<str>>,
        /// Names of its answer's fields that the backend gets; all of them if there is none.
        copy: Vec<Arc<str>>,
    },
    /// Envoy's `envoy.service.auth.v3.Authorization/Check`.
    Grpc {
        /// Names of the request's fields that it gets; all of them if there is none.
        send: Vec<Arc<str>>,
    },
}
