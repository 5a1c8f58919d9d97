//! Which kinds of routes a listener can have.

use super::verdict::{ListenerResolvedRefs, Verdict};
use crate::api::Kind;
use crate::api::gateway::{self, RouteGroupKind};
use crate::model::Protocol;

/// The kinds that go with a protocol, in the order in which they are told.
fn of_protocol(protocol: Protocol) -> &'static [Kind] {
    match protocol {
        Protocol::Http | Protocol::Https => &[Kind::HttpRoute, Kind::GrpcRoute],
        Protocol::Tls | Protocol::Passthrough => &[Kind::TlsRoute],
        Protocol::Tcp => &[Kind::TcpRoute],
        Protocol::Udp => &[Kind::UdpRoute],
    }
}

/// The kinds of routes that the listener can have, each once, and whether those that it names are
/// such; `protocol` is none for one that is not supported.
pub(super) fn choose(
    wire: &gateway::Listener,
    protocol: Option<Protocol>,
    index: usize,
) -> (Vec<Kind>, Verdict<ListenerResolvedRefs>) {
    let good = Verdict::good(ListenerResolvedRefs::ResolvedRefs);
    let possible = protocol.map(of_protocol).unwrap_or_default();
    if wire.allowed_routes.kinds.is_empty() {
        return (possible.to_vec(), good);
    }
    let (mut supported, mut bad) = (Vec::new(), Vec::new());
    for named in &wire.allowed_routes.kinds {
        match Kind::find(&named.group, &named.kind).filter(|kind| possible.contains(kind)) {
            Some(kind) if supported.contains(&kind) => {}
            Some(kind) => supported.push(kind),
            None => bad.push(format!("{}/{}", named.group, named.kind)),
        }
    }
    // The protocol is the trouble then, and has a condition of its own.
    if bad.is_empty() || protocol.is_none() {
        return (supported, good);
    }
    let message = format!(
        "spec.listeners[{index}].allowedRoutes.kinds: {} cannot attach to an {} listener: use {}",
        bad.join(", "),
        wire.protocol,
        possible.iter().map(|kind| kind.name()).collect::<Vec<_>>().join(" or ")
    );
    (supported, Verdict::new(ListenerResolvedRefs::InvalidRouteKinds, message))
}

/// As a listener's status names a kind.
pub(super) fn wire(kind: Kind) -> RouteGroupKind {
    RouteGroupKind { group: kind.group().to_owned(), kind: kind.name().to_owned() }
}
