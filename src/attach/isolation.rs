//! Hostnames of which a listener gets no requests, since another of its Gateway has the same port and
//! a more specific hostname that covers them: "at most one Listener matches a request". That is legal,
//! and a surprise to whoever attached a route to the wider of the two.

use super::gateway::Gateway;
use crate::model::{Hostname, Listener, ListenerKey, ObjectKey, Route, Transport};
use std::collections::{BTreeMap, HashMap};

/// What listeners of a Gateway are told apart by on the wire.
type Face<'a> = (u16, Transport, Option<&'a Hostname>);

/// The listeners of one Gateway that are served.
#[derive(Debug, Default, PartialEq)]
pub(super) struct Faces<'a> {
    of: HashMap<&'a ListenerKey, Face<'a>>,
    with: HashMap<Face<'a>, &'a ListenerKey>,
}

impl<'a> Faces<'a> {
    pub(super) fn new(gateway: &'a Gateway) -> Self {
        let served = gateway.listeners.iter().filter_map(|listener| listener.served.as_ref());
        let each = served.map(|listener| (&listener.key, face(listener)));
        let of: HashMap<_, _> = each.collect();
        let with = of.iter().map(|(key, face)| (*face, *key)).collect();
        Self { of, with }
    }

    /// Their keys.
    pub(super) fn listeners(&self) -> impl Iterator<Item = &'a ListenerKey> {
        self.of.keys().copied()
    }

    /// The listener that gets all requests which a hostname of a route on `listener` stands for, if
    /// there is one and it is another.
    fn winner(&self, listener: &ListenerKey, hostname: &Hostname) -> Option<&'a ListenerKey> {
        let (port, transport, own) = *self.of.get(listener)?;
        let shared = own.map_or(Some(hostname.clone()), |own| own.intersection(hostname))?;
        let winner =
            shared.and_wider().find_map(|wider| self.with.get(&(port, transport, Some(&wider))).copied())?;
        (*winner != *listener).then_some(winner)
    }
}

fn face(listener: &Listener) -> Face<'_> {
    (listener.port, listener.protocol.transport(), listener.hostname.as_ref())
}

/// The Gateways that were asked about.
pub(super) struct Isolation<'a> {
    gateways: &'a BTreeMap<ObjectKey, Gateway>,
    known: HashMap<&'a ObjectKey, Faces<'a>>,
}

impl<'a> Isolation<'a> {
    pub(super) fn new(gateways: &'a BTreeMap<ObjectKey, Gateway>) -> Self {
        Self { gateways, known: HashMap::new() }
    }

    /// What is to be told of a route's hostnames, by listener. Those are not of which the route gets
    /// the requests all the same, by the other listener.
    pub(super) fn taken(&mut self, route: &Route) -> BTreeMap<ListenerKey, Vec<String>> {
        let mut taken = BTreeMap::<_, Vec<_>>::new();
        for attachment in &route.attachments {
            let Some((key, gateway)) = self.gateways.get_key_value(&attachment.listener.gateway) else {
                continue;
            };
            let faces = self.known.entry(key).or_insert_with(|| Faces::new(gateway));
            for hostname in &attachment.hostnames {
                let Some(winner) = faces.winner(&attachment.listener, hostname) else { continue };
                if !route.attachments.iter().any(|other| other.listener == *winner) {
                    let told = taken.entry(attachment.listener.clone()).or_default();
                    told.push(tell(&attachment.listener, hostname, winner));
                }
            }
        }
        taken
    }
}

fn tell(listener: &ListenerKey, hostname: &Hostname, winner: &ListenerKey) -> String {
    let owner = match &winner.set {
        Some(set) => format!(" of ListenerSet {set}"),
        None if listener.set.is_some() => format!(" of Gateway {}", winner.gateway),
        None => String::new(),
    };
    format!(
        "{hostname} on listener {}: listener {}{owner} is more specific and gets all of it, so attach the route there",
        listener.name, winner.name
    )
}

#[cfg(test)]
mod tests;
