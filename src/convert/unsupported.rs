//! Every field that the API accepts and this version does not honour. Nothing is ignored
//! silently: [`find`] sees them in an object, and each gets a condition that names it.

use crate::api::Kind;
use crate::model::{ExternalAuth, Retry};
use serde::Serialize;
use serde_json::Value;

/// What a field that is not honoured leads to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Effect {
    /// Traffic flows as if it were not there, which does no harm; a condition tells.
    Told,
    /// The same, but only where no objects are made for a Gateway.
    ToldStandalone,
    /// Requests that the rule matches are answered with 500: without this field they would be
    /// handled in another way than the owner asked for.
    ClosesRule,
    /// The listener is not accepted: it would let in what it should not.
    RefusesListener,
}

/// A field that is not honoured.
#[derive(Clone, Copy, Debug)]
pub struct Field {
    /// The kind of the object.
    pub kind: Kind,
    /// Its path; all that lies below it is not honoured either.
    pub path: &'static str,
    /// What it leads to.
    pub effect: Effect,
    /// What happens instead.
    pub instead: &'static str,
    /// Values that ask for nothing else than what happens anyway.
    honoured: fn(&Value) -> bool,
}

/// A field that is not honoured, found in an object.
#[derive(Clone, Debug)]
pub struct Found {
    /// Which one.
    pub field: &'static Field,
    /// Its path with the indices, for example `spec.rules[0].retry.attempts`.
    pub path: String,
    /// The indices alone.
    pub indices: Vec<usize>,
}

pub(super) const fn field(kind: Kind, path: &'static str, effect: Effect, instead: &'static str) -> Field {
    Field { kind, path, effect, instead, honoured: |_| false }
}

const fn unless(field: Field, honoured: fn(&Value) -> bool) -> Field {
    Field { honoured, ..field }
}

const CLOSED: &str = "requests that the rule matches are answered with 500; remove the filter";
const UNFILTERED: &str = "the listener would let in what the filter keeps out; remove the filter";
const OWN_TLS: &str = "TLS is served with Tidegate's own settings";

const LISTENERS_BODY: &str = "spec.listeners[].filters.requests[].externalAuth.forwardBody.maxSize";
const BODY: &str = "bodies of more than 1 MiB are refused with 413";

fn is_short_body(value: &Value) -> bool {
    value.as_u64().is_some_and(|size| size <= ExternalAuth::MAX_BODY.into())
}

/// All of them.
pub const FIELDS: &[Field] = {
    use Effect::{ClosesRule, RefusesListener, Told, ToldStandalone};
    use Kind::{
        BackendTlsPolicy, Gateway, GatewayParameters, GrpcRoute, HttpRoute, ListenerSet, TcpRoute, TlsRoute,
        UdpRoute, XBackend,
    };
    &[
        field(BackendTlsPolicy, "spec.options", Told, "TLS is spoken with Tidegate's own settings"),
        field(
            XBackend,
            "spec.endpointSelector.matchLabels",
            ToldStandalone,
            "standalone there are no pods to select: a Service with the label tidegate.dev/xbackend says where they are",
        ),
        field(GatewayParameters, "spec.service", ToldStandalone, "standalone makes no Service"),
        field(
            Gateway,
            "spec.infrastructure.labels",
            ToldStandalone,
            "standalone makes no objects that could carry them",
        ),
        field(
            Gateway,
            "spec.infrastructure.annotations",
            ToldStandalone,
            "standalone makes no objects that could carry them",
        ),
        unless(
            field(Gateway, "spec.defaultScope", Told, "only routes that name the Gateway attach"),
            |value| value == "None",
        ),
        field(Gateway, "spec.listeners[].filters.requests[].extensionRef", RefusesListener, UNFILTERED),
        field(ListenerSet, "spec.listeners[].filters.requests[].extensionRef", RefusesListener, UNFILTERED),
        unless(field(Gateway, LISTENERS_BODY, Told, BODY), is_short_body),
        unless(field(ListenerSet, LISTENERS_BODY, Told, BODY), is_short_body),
        field(Gateway, "spec.listeners[].tls.options", Told, OWN_TLS),
        field(ListenerSet, "spec.listeners[].tls.options", Told, OWN_TLS),
        unless(
            field(HttpRoute, "spec.useDefaultGateways", Told, "the route attaches to its parentRefs only"),
            |value| value == "None",
        ),
        unless(
            field(TlsRoute, "spec.useDefaultGateways", Told, "the route attaches to its parentRefs only"),
            |value| value == "None",
        ),
        unless(
            field(TcpRoute, "spec.useDefaultGateways", Told, "the route attaches to its parentRefs only"),
            |value| value == "None",
        ),
        unless(
            field(UdpRoute, "spec.useDefaultGateways", Told, "the route attaches to its parentRefs only"),
            |value| value == "None",
        ),
        unless(
            field(HttpRoute, "spec.rules[].matches[].method", Told, "CONNECT is refused with 405"),
            |value| value != "CONNECT",
        ),
        unless(
            field(
                HttpRoute,
                "spec.rules[].retry.attempts",
                Told,
                "a request is sent again 100 times at most",
            ),
            |value| value.as_u64().is_some_and(|attempts| attempts <= Retry::MAX_ATTEMPTS.into()),
        ),
        unless(
            field(HttpRoute, "spec.rules[].filters[].externalAuth.forwardBody.maxSize", Told, BODY),
            is_short_body,
        ),
        field(HttpRoute, "spec.rules[].filters[].extensionRef", ClosesRule, CLOSED),
        field(HttpRoute, "spec.rules[].backendRefs[].filters[].requestRedirect", ClosesRule, CLOSED),
        unless(
            field(
                HttpRoute,
                "spec.rules[].backendRefs[].filters[].externalAuth.forwardBody.maxSize",
                Told,
                BODY,
            ),
            is_short_body,
        ),
        field(HttpRoute, "spec.rules[].backendRefs[].filters[].extensionRef", ClosesRule, CLOSED),
        unless(
            field(GrpcRoute, "spec.useDefaultGateways", Told, "the route attaches to its parentRefs only"),
            |value| value == "None",
        ),
        field(GrpcRoute, "spec.rules[].filters[].extensionRef", ClosesRule, CLOSED),
        field(GrpcRoute, "spec.rules[].backendRefs[].filters[].extensionRef", ClosesRule, CLOSED),
    ]
};

/// Every field of the object that is not honoured, in the order of [`FIELDS`].
pub fn find(kind: Kind, object: &impl Serialize) -> Vec<Found> {
    // Wire types hold plain data with text keys, which always serialize.
    let value = serde_json::to_value(object).unwrap_or_default();
    let mut found = Vec::new();
    for field in FIELDS.iter().filter(|field| field.kind == kind) {
        walk(&value, field.path, &mut Place::default(), &mut |value, place| {
            if !(field.honoured)(value) {
                found.push(Found { field, path: place.path.clone(), indices: place.indices.clone() });
            }
        });
    }
    found
}

#[derive(Clone, Default)]
struct Place {
    path: String,
    indices: Vec<usize>,
}

/// Calls `each` for every value that the rest of the path leads to.
fn walk(value: &Value, rest: &str, place: &mut Place, each: &mut impl FnMut(&Value, &Place)) {
    let (segment, rest) = rest.split_once('.').unwrap_or((rest, ""));
    let (name, is_list) = segment.strip_suffix("[]").map_or((segment, false), |name| (name, true));
    let Some(child) = value.get(name) else { return };
    let mut place = place.clone();
    if !place.path.is_empty() {
        place.path.push('.');
    }
    place.path.push_str(name);
    let mut arrive = |child: &Value, place: &mut Place| {
        if rest.is_empty() { each(child, place) } else { walk(child, rest, place, each) }
    };
    if !is_list {
        return arrive(child, &mut place);
    }
    for (index, item) in child.as_array().into_iter().flatten().enumerate() {
        let mut place = place.clone();
        place.path.push_str(&format!("[{index}]"));
        place.indices.push(index);
        arrive(item, &mut place);
    }
}

#[cfg(test)]
mod tests;
