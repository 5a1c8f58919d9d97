//! Types that more than one kind uses, each defined once.

use super::GROUP;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition;
use serde::{Deserialize, Serialize};

pub(super) fn gateway_group() -> String {
    GROUP.to_owned()
}

pub(super) fn gateway_kind() -> String {
    "Gateway".to_owned()
}

fn service_kind() -> String {
    "Service".to_owned()
}

fn secret_kind() -> String {
    "Secret".to_owned()
}

fn one() -> u32 {
    1
}

fn hundred() -> u32 {
    100
}

/// What a route wants to attach to. Two are the same parent only if all fields are equal.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ParentReference {
    /// API group of the parent.
    #[serde(default = "gateway_group")]
    pub group: String,
    /// Kind of the parent.
    #[serde(default = "gateway_kind")]
    pub kind: String,
    /// Namespace; the route's own otherwise.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub namespace: Option<String>,
    /// Name.
    pub name: String,
    /// Name of the one listener that is meant.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub section_name: Option<String>,
    /// Port of the listeners that are meant.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub port: Option<u16>,
}

/// Which default Gateways are meant.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum GatewayDefaultScope {
    /// Each.
    All,
    /// None.
    None,
}

/// What the spec of every route kind begins with.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct CommonRouteSpec {
    /// What the route wants to attach to.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub parent_refs: Vec<ParentReference>,
    /// Whether the route attaches to the default Gateways too.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub use_default_gateways: Option<GatewayDefaultScope>,
}

/// What one controller says of a route on one parent.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct RouteParentStatus {
    /// The parent, equal to an entry of the spec.
    pub parent_ref: ParentReference,
    /// The controller that wrote this entry.
    pub controller_name: String,
    /// Its conditions.
    #[serde(default)]
    pub conditions: Vec<Condition>,
}

/// The status of every route kind.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct RouteStatus {
    /// One entry a parent and controller; the entries of others stay untouched.
    #[serde(default)]
    pub parents: Vec<RouteParentStatus>,
}

/// An object that takes requests.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct BackendObjectReference {
    /// API group; empty is the core group.
    #[serde(default)]
    pub group: String,
    /// Kind.
    #[serde(default = "service_kind")]
    pub kind: String,
    /// Name.
    pub name: String,
    /// Namespace; the referring object's own otherwise.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub namespace: Option<String>,
    /// Port of the Service; other kinds may do without.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub port: Option<u16>,
}

/// A backend with its share of the requests.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct BackendRef {
    /// The backend.
    #[serde(flatten)]
    pub object: BackendObjectReference,
    /// Its share, relative to the other backends of the rule; 0 takes nothing.
    #[serde(default = "one")]
    pub weight: u32,
}

/// An object in the namespace of the one that refers to it.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct LocalObjectReference {
    /// API group; empty is the core group.
    pub group: String,
    /// Kind.
    pub kind: String,
    /// Name.
    pub name: String,
}

/// An object, possibly in another namespace.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct ObjectReference {
    /// API group; empty is the core group.
    pub group: String,
    /// Kind.
    pub kind: String,
    /// Name.
    pub name: String,
    /// Namespace; the referring object's own otherwise.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub namespace: Option<String>,
}

/// An object with a certificate and its key.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct SecretObjectReference {
    /// API group; empty is the core group.
    #[serde(default)]
    pub group: String,
    /// Kind.
    #[serde(default = "secret_kind")]
    pub kind: String,
    /// Name.
    pub name: String,
    /// Namespace; the referring object's own otherwise.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub namespace: Option<String>,
}

/// A span of time in the notation of GEP-2257, such as `1m30s`; `0s` means without limit.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Duration(pub String);

impl Duration {
    /// The span, or `None` if the text has not the form of GEP-2257: one to four numbers of up to
    /// five digits, each with `h`, `m`, `s` or `ms`.
    pub fn parse(&self) -> Option<std::time::Duration> {
        let mut rest = self.0.as_str();
        let mut total = std::time::Duration::ZERO;
        for part in 0.. {
            if rest.is_empty() {
                return (part > 0).then_some(total);
            }
            let digits = rest.find(|c: char| !c.is_ascii_digit())?;
            if part == 4 || digits > 5 {
                return None;
            }
            let number: u64 = rest[..digits].parse().ok()?;
            let letters = rest[digits..].find(|c: char| c.is_ascii_digit()).unwrap_or(rest.len() - digits);
            let millis = match &rest[digits..digits + letters] {
                "h" => 3_600_000,
                "m" => 60_000,
                "s" => 1_000,
                "ms" => 1,
                _ => return None,
            };
            total += std::time::Duration::from_millis(number * millis);
            rest = &rest[digits + letters..];
        }
        None
    }
}

/// A share as `numerator / denominator`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Fraction {
    /// Parts that are meant.
    pub numerator: u32,
    /// Parts of the whole.
    #[serde(default = "hundred")]
    pub denominator: u32,
}

/// How the requests of one session are held together.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum SessionPersistenceType {
    /// By a cookie.
    #[default]
    Cookie,
    /// By a header.
    Header,
}

/// When a session's cookie ends.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum CookieLifetimeType {
    /// After `absoluteTimeout`.
    Permanent,
    /// When the client ends its session.
    #[default]
    Session,
}

fn root_path() -> String {
    "/".to_owned()
}

/// The cookie of a session.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct CookieConfig {
    /// Its name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// Its `Path` attribute.
    #[serde(default = "root_path")]
    pub path: String,
    /// When it ends.
    #[serde(default)]
    pub lifetime_type: CookieLifetimeType,
}

/// The header of a session.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct HeaderConfig {
    /// Its name.
    pub name: String,
}

/// Requests of one session go to one backend.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct SessionPersistence {
    /// When a session ends at the latest.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub absolute_timeout: Option<Duration>,
    /// What carries the session.
    #[serde(default, rename = "type")]
    pub type_: SessionPersistenceType,
    /// With `type: Cookie`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cookie: Option<CookieConfig>,
    /// With `type: Header`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub header: Option<HeaderConfig>,
}

#[cfg(test)]
mod tests;
