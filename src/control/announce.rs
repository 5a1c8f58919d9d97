//! What is published, in words for the log.

use crate::model::{BindAddress, Delta, ListenerKey, Resource, ResourceKey};
use std::collections::BTreeMap;

/// How many resources of a delta are named.
const NAMED: usize = 8;

/// The sockets of the listeners, as the log has them.
#[derive(Debug, Default)]
pub(super) struct Sockets(BTreeMap<ListenerKey, Vec<BindAddress>>);

impl Sockets {
    /// One line for each listener that is new or has other sockets than before.
    pub(super) fn follow(&mut self, delta: &Delta) -> Vec<String> {
        for key in &delta.removals {
            if let ResourceKey::Listener(key) = key {
                self.0.remove(key);
            }
        }
        let mut lines = Vec::new();
        for resource in &delta.upserts {
            let Resource::Listener(listener) = resource else { continue };
            let before = self.0.insert(listener.key.clone(), listener.binds.clone());
            // Without a socket yet there is nothing to say of it.
            if !listener.binds.is_empty() && before.as_ref() != Some(&listener.binds) {
                let binds: Vec<_> = listener.binds.iter().map(ToString::to_string).collect();
                lines.push(format!("listener {} is on {}", listener.key, binds.join(", ")));
            }
        }
        lines
    }
}

/// What a delta changes and removes, the first few by name.
pub(super) fn describe(delta: &Delta) -> String {
    let changed = delta.upserts.iter().map(Resource::key).collect::<Vec<_>>();
    let parts = [("changed", changed.as_slice()), ("removed", delta.removals.as_slice())];
    let parts = parts.into_iter().filter(|(_, keys)| !keys.is_empty()).map(|(what, keys)| {
        let named = keys.iter().take(NAMED).map(name).collect::<Vec<_>>().join(", ");
        match keys.len().checked_sub(NAMED) {
            None | Some(0) => format!("{what} {named}"),
            Some(more) => format!("{what} {named} and {more} more"),
        }
    });
    let text = parts.collect::<Vec<_>>().join("; ");
    if text.is_empty() { "nothing to serve yet".to_owned() } else { text }
}

fn name(key: &ResourceKey) -> String {
    match key {
        ResourceKey::Listener(key) => format!("listener {key}"),
        ResourceKey::Route(key) => key.to_string(),
        ResourceKey::Upstream(key) => key.to_string(),
        ResourceKey::Endpoints(key) => format!("endpoints of {key}"),
        ResourceKey::Certificate(key) => format!("certificate {key}"),
    }
}

#[cfg(test)]
mod tests;
