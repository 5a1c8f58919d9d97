//! Listeners of one Gateway that cannot be told apart.

use super::verdict::ListenerConflicted;
use crate::model::{Hostname, IpProtocol, Protocol, Transport};
use std::collections::{BTreeMap, HashMap};

/// What a listener is told apart by.
#[derive(Clone, Copy, Debug)]
pub(super) struct Identity<'a> {
    /// The object that has it, by its place: the Gateway, then its ListenerSets in their order.
    pub(super) owner: usize,
    pub(super) port: u16,
    /// None for a listener that is not accepted whatever the others are, and so conflicts with none.
    pub(super) protocol: Option<Protocol>,
    pub(super) hostname: Option<&'a Hostname>,
}

impl Identity<'_> {
    /// What it shares with the listeners that it could conflict with.
    fn port(&self) -> Option<(IpProtocol, u16)> {
        Some((self.protocol?.transport().ip_protocol(), self.port))
    }
}

/// Why a listener is not accepted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Conflict {
    pub(super) reason: ListenerConflicted,
    /// The places of the listeners that it conflicts with.
    pub(super) with: Vec<usize>,
    /// Whether these are served, as their object comes before.
    pub(super) outranked: bool,
}

/// The conflict of each listener; those of one object must stand together.
///
/// Between objects "the first Listener in the precedence list MUST be accepted". Within one "the
/// implementation MUST NOT pick one conflicting Listener as the winner", so all of them have it. Who is
/// not accepted holds nothing against others.
pub(super) fn conflicts(listeners: &[Identity<'_>]) -> Vec<Option<Conflict>> {
    let mut found: Vec<Option<Conflict>> = Vec::with_capacity(listeners.len());
    let mut held = BTreeMap::<_, Held<'_>>::new();
    for siblings in listeners.chunk_by(|one, next| one.owner == next.owner) {
        let first = found.len();
        found.extend(siblings.iter().map(|listener| held.get(&listener.port()?)?.against(listener)));
        let left: Vec<_> = (first..found.len()).filter(|at| found[*at].is_none()).collect();
        let mutual: Vec<_> = left.iter().map(|at| among(listeners, *at, &left)).collect();
        for (at, conflict) in left.into_iter().zip(mutual) {
            match conflict {
                Some(conflict) => found[at] = Some(conflict),
                None => {
                    if let Some(port) = listeners[at].port() {
                        held.entry(port).or_default().take(at, listeners[at]);
                    }
                }
            }
        }
    }
    found
}

/// What the objects before have of one port.
#[derive(Default)]
struct Held<'a> {
    transport: Option<(Transport, usize)>,
    hostnames: HashMap<Option<&'a Hostname>, usize>,
}

impl<'a> Held<'a> {
    fn take(&mut self, at: usize, listener: Identity<'a>) {
        if let Some(protocol) = listener.protocol {
            self.transport.get_or_insert((protocol.transport(), at));
            self.hostnames.entry(listener.hostname).or_insert(at);
        }
    }

    fn against(&self, listener: &Identity<'_>) -> Option<Conflict> {
        let transport = listener.protocol?.transport();
        let conflict = |reason, at| Conflict { reason, with: vec![at], outranked: true };
        match self.transport {
            Some((other, at)) if other != transport => {
                Some(conflict(ListenerConflicted::ProtocolConflict, at))
            }
            _ => {
                let at = self.hostnames.get(&listener.hostname)?;
                Some(conflict(ListenerConflicted::HostnameConflict, *at))
            }
        }
    }
}

/// The conflict of one listener with others of its object.
fn among(listeners: &[Identity<'_>], at: usize, siblings: &[usize]) -> Option<Conflict> {
    let listener = listeners[at];
    let transport = listener.protocol?.transport();
    let (mut protocols, mut hostnames) = (Vec::new(), Vec::new());
    for sibling in siblings.iter().copied().filter(|sibling| *sibling != at) {
        let other = listeners[sibling];
        match other.protocol.filter(|_| other.port() == listener.port()) {
            None => {}
            Some(theirs) if theirs.transport() != transport => protocols.push(sibling),
            Some(_) if other.hostname == listener.hostname => hostnames.push(sibling),
            Some(_) => {}
        }
    }
    let conflict = |reason, with| Conflict { reason, with, outranked: false };
    if !protocols.is_empty() {
        Some(conflict(ListenerConflicted::ProtocolConflict, protocols))
    } else if !hostnames.is_empty() {
        Some(conflict(ListenerConflicted::HostnameConflict, hostnames))
    } else {
        None
    }
}

/// For each HTTPS listener the places of the others of its port whose hostnames overlap with its own
/// without being the same. Only those count for which `stands` says so.
pub(super) fn overlaps(listeners: &[Identity<'_>], stands: impl Fn(usize) -> bool) -> Vec<Vec<usize>> {
    let mut ports = BTreeMap::<u16, Https>::new();
    for (at, listener) in listeners.iter().enumerate().filter(|(at, _)| stands(*at)) {
        if listener.protocol == Some(Protocol::Https) {
            let port = ports.entry(listener.port).or_default();
            port.all.push(at);
            if !is_exact(listener) {
                port.broad.push(at);
            }
        }
    }
    let each = listeners.iter().enumerate().map(|(at, listener)| {
        let port = ports.get(&listener.port);
        let Some(port) = port.filter(|_| stands(at) && listener.protocol == Some(Protocol::Https)) else {
            return Vec::new();
        };
        // Two exact names overlap only if they are the same.
        let others = if is_exact(listener) { &port.broad } else { &port.all };
        let overlap = |other: &&usize| {
            **other != at
                && match (listener.hostname, listeners[**other].hostname) {
                    (Some(one), Some(other)) => one.intersection(other).is_some(),
                    _ => true,
                }
        };
        others.iter().filter(overlap).copied().collect()
    });
    each.collect()
}

/// HTTPS listeners of one port.
#[derive(Default)]
struct Https {
    all: Vec<usize>,
    /// Those that are for more than one host.
    broad: Vec<usize>,
}

fn is_exact(listener: &Identity<'_>) -> bool {
    matches!(listener.hostname, Some(Hostname::Exact(_)))
}

#[cfg(test)]
mod tests;
