//! Which Gateway has which socket.

use crate::model::ObjectKey;
use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;

/// A Gateway's claim; the least one has the socket: the oldest, then by name.
type Claim = (i64, ObjectKey);

/// The sockets that Gateways want. Each Gateway is isolated from every other, so one socket is
/// for the listeners of one Gateway only.
#[derive(Debug, Default)]
pub(super) struct Sockets {
    claims: BTreeMap<SocketAddr, BTreeSet<Claim>>,
    wanted: BTreeMap<ObjectKey, (i64, BTreeSet<SocketAddr>)>,
}

impl Sockets {
    /// Sets what a Gateway wants, and returns the Gateways that may have won or lost a socket.
    pub(super) fn set(
        &mut self,
        gateway: &ObjectKey,
        created: i64,
        wanted: BTreeSet<SocketAddr>,
    ) -> BTreeSet<ObjectKey> {
        if self.wanted.get(gateway).is_some_and(|known| *known == (created, wanted.clone())) {
            return BTreeSet::new();
        }
        let mut touched = BTreeSet::new();
        if let Some((before, sockets)) = self.wanted.remove(gateway) {
            for socket in sockets {
                if let Some(claims) = self.claims.get_mut(&socket) {
                    claims.remove(&(before, gateway.clone()));
                    touched.extend(claims.iter().map(|(_, key)| key.clone()));
                    if claims.is_empty() {
                        self.claims.remove(&socket);
                    }
                }
            }
        }
        for socket in &wanted {
            let claims = self.claims.entry(*socket).or_default();
            touched.extend(claims.iter().map(|(_, key)| key.clone()));
            claims.insert((created, gateway.clone()));
        }
        if !wanted.is_empty() {
            self.wanted.insert(gateway.clone(), (created, wanted));
        }
        touched
    }

    /// The Gateway that has a socket.
    pub(super) fn owner(&self, socket: SocketAddr) -> Option<&ObjectKey> {
        self.claims.get(&socket)?.first().map(|(_, key)| key)
    }

    /// All sockets that some Gateway has.
    pub(super) fn all(&self) -> impl Iterator<Item = SocketAddr> {
        self.claims.keys().copied()
    }
}

#[cfg(test)]
mod tests;
