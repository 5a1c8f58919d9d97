//! What happens to a request on its way, on a rule or on one backend of it.

use super::{Cors, ExternalAuth, UpstreamKey};
use serde::{Deserialize, Serialize};
use std::sync::Arc;

/// Edits of a head, applied in the order remove, set, add.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct HeaderEdit {
    /// Name and value; replaces what is there.
    pub set: Vec<(Arc<str>, Arc<str>)>,
    /// Name and value; put behind what is there.
    pub add: Vec<(Arc<str>, Arc<str>)>,
    /// Names.
    pub remove: Vec<Arc<str>>,
}

/// A new path for the request or the redirect's location.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum PathRewrite {
    /// The whole path.
    Full(Arc<str>),
    /// What the rule's prefix matched. Without trailing slash, empty for the root, so that it
    /// joins with the rest of the path; an empty result is "/".
    Prefix(Arc<str>),
}

/// An answer with a `Location`, made by the gateway.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Redirect {
    /// `http` or `https`; the request's own otherwise.
    pub scheme: Option<Arc<str>>,
    /// The host; the request's own otherwise.
    pub hostname: Option<Arc<str>>,
    /// The port; else the scheme's well-known one if a scheme is set, else the listener's.
    pub port: Option<u16>,
    /// The path; the request's own otherwise.
    pub path: Option<PathRewrite>,
    /// 301, 302, 303, 307 or 308.
    pub status: u16,
}

/// A change of what the backend is asked for.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Rewrite {
    /// The `Host` that is sent.
    pub hostname: Option<Arc<str>>,
    /// The path that is sent.
    pub path: Option<PathRewrite>,
}

/// A copy of a share of the requests, for an upstream whose answers are dropped.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Mirror {
    /// One that the same or an earlier delta brought.
    pub upstream: UpstreamKey,
    /// Of `denominator` requests so many are copied.
    pub numerator: u32,
    /// At least 1.
    pub denominator: u32,
    /// The copy has the edits of the head that are beside the mirror.
    pub edited: bool,
    /// The copy goes by the rewrite that is beside the mirror.
    pub rewritten: bool,
}

/// The filters of a rule or a backend; Gateway API allows one of each kind, and several mirrors.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Filters {
    /// Before the request is sent.
    pub request_headers: Option<HeaderEdit>,
    /// Before the answer is handed on.
    pub response_headers: Option<HeaderEdit>,
    /// Instead of sending the request; never beside `rewrite`.
    pub redirect: Option<Redirect>,
    /// Before the request is sent.
    pub rewrite: Option<Rewrite>,
    /// Answers preflights, and says with each answer who may read it. One of the rule goes before
    /// one of a backend.
    pub cors: Option<Cors>,
    /// Beside sending the request.
    pub mirrors: Vec<Mirror>,
    /// Before the request goes on.
    pub auth: Option<ExternalAuth>,
}
