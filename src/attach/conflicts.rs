//! Listeners of one Gateway that cannot be told apart.

use super::verdict::ListenerConflicted;
use crate::model::{Hostname, Protocol};

/// What a listener is told apart by.
#[derive(Clone, Copy, Debug)]
pub(super) struct Identity<'a> {
    pub(super) name: &'a str,
    pub(super) port: u16,
    /// None for a protocol that is not supported: such a listener is not accepted, and so
    /// conflicts with no other.
    pub(super) protocol: Option<Protocol>,
    pub(super) hostname: Option<&'a Hostname>,
}

/// The conflict of one listener with the others, and their names. "The implementation MUST NOT
/// pick one conflicting Listener as the winner", so all of them have it.
pub(super) fn conflict<'a>(
    listener: Identity<'_>,
    others: impl Iterator<Item = Identity<'a>>,
) -> Option<(ListenerConflicted, Vec<&'a str>)> {
    let protocol = listener.protocol?;
    let (mut protocols, mut hostnames) = (Vec::new(), Vec::new());
    for other in others.filter(|other| other.port == listener.port) {
        match other.protocol {
            None => {}
            Some(theirs) if theirs.transport() != protocol.transport() => protocols.push(other.name),
            Some(_) if other.hostname == listener.hostname => hostnames.push(other.name),
            Some(_) => {}
        }
    }
    if !protocols.is_empty() {
        Some((ListenerConflicted::ProtocolConflict, protocols))
    } else if !hostnames.is_empty() {
        Some((ListenerConflicted::HostnameConflict, hostnames))
    } else {
        None
    }
}

/// Other HTTPS listeners of the port whose hostnames overlap with this one's.
pub(super) fn overlapping<'a>(
    listener: Identity<'_>,
    others: impl Iterator<Item = Identity<'a>>,
) -> Vec<&'a str> {
    if listener.protocol != Some(Protocol::Https) {
        return Vec::new();
    }
    let overlap = |other: &Identity<'_>| {
        other.port == listener.port
            && other.protocol == listener.protocol
            && match (listener.hostname, other.hostname) {
                (Some(a), Some(b)) => a.intersection(b).is_some(),
                _ => true,
            }
    };
    others.filter(overlap).map(|other| other.name).collect()
}

#[cfg(test)]
mod tests;
