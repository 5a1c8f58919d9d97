//! What a rule matches, and which of two matches goes first.

use serde::{Deserialize, Serialize};
use std::cmp::Ordering;
use std::sync::Arc;

/// How a path is matched. Paths are in the normal form of RFC 3986 §6.2.2.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum PathMatch {
    /// The whole path, case-sensitive.
    Exact(Arc<str>),
    /// The pattern matches the whole path.
    Regex(Arc<str>),
    /// By path element: `/a` matches `/a`, `/a/` and `/a/b`, not `/ab`. Kept without the
    /// trailing slash; the empty text matches every path.
    Prefix(Arc<str>),
}

/// How a header's or a query parameter's value is matched, case-sensitive.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum ValueMatch {
    /// Equal to the text.
    Exact(Arc<str>),
    /// The pattern matches the whole value.
    Regex(Arc<str>),
}

/// One header that must be there. Several headers of one name count as one value, joined by ",".
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct HeaderMatch {
    /// Name in lower case.
    pub name: Arc<str>,
    /// The wanted value.
    pub value: ValueMatch,
}

/// One query parameter that must be there; of several with one name the first counts.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct QueryMatch {
    /// Name, case-sensitive, percent-decoded.
    pub name: Arc<str>,
    /// The wanted value, percent-decoded.
    pub value: ValueMatch,
}

/// All conditions of one match; each must hold.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Match {
    /// The path.
    pub path: PathMatch,
    /// The method (upper case as on the wire); none matches all.
    pub method: Option<Arc<str>>,
    /// Headers, one entry a name.
    pub headers: Vec<HeaderMatch>,
    /// Query parameters, one entry a name.
    pub queries: Vec<QueryMatch>,
    /// Of a GRPCRoute's match: what its place among the others of such routes goes by.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rpc: Option<RpcLengths>,
}

/// How many characters a match gives of the gRPC method that it is about; 0 for any.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct RpcLengths {
    /// Of the service's name, or of the expression for it.
    pub service: usize,
    /// Of the method's.
    pub method: usize,
}

impl Match {
    /// Gateway API's order of matches within one hostname, the one that wins first: exact paths,
    /// then expressions (longer text first), then prefixes (longer first); then one with a
    /// method, then more headers, then more query parameters. Of GRPCRoutes: one exact method, then
    /// more characters of the service, then of the method, then more headers. Age, name and place of
    /// the rule break what is still equal; they are not known here. Both kinds never share a
    /// hostname; if they did, those of HTTPRoutes would go first.
    pub fn compare_precedence(&self, other: &Self) -> Ordering {
        let rank = |m: &Self| {
            let (kind, length, more) = match (&m.path, m.rpc) {
                (PathMatch::Exact(_), _) => (3_u8, 0, 0),
                (PathMatch::Regex(pattern), None) => (2, pattern.len(), 0),
                (PathMatch::Prefix(prefix), None) => (1, prefix.len(), 0),
                (PathMatch::Regex(_) | PathMatch::Prefix(_), Some(rpc)) => (0, rpc.service, rpc.method),
            };
            (kind, length, more, m.method.is_some(), m.headers.len(), m.queries.len())
        };
        rank(other).cmp(&rank(self))
    }
}
