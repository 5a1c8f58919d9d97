//! What the data plane was told, for people to look at.

use crate::model::{Delta, Listener, Resource};
use serde::Serialize;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::sync::Arc;

/// What stands where something is not shown.
const REDACTED: &str = "redacted";

/// Everything that is in force as JSON, without private keys and keys of collectors.
pub(super) fn redacted(snapshot: &Delta) -> Value {
    let mut lists: BTreeMap<&str, Vec<Value>> = BTreeMap::new();
    for resource in &snapshot.upserts {
        let (list, value) = match resource {
            Resource::Listener(listener) => ("listeners", shown(&without_keys(listener))),
            Resource::Route(route) => ("routes", shown(route)),
            Resource::Upstream(upstream) => ("upstreams", shown(upstream)),
            Resource::Endpoints(endpoints) => ("endpoints", shown(endpoints)),
            // Field by field: what is added to it later does not get out by itself.
            Resource::Certificate(certificate) => (
                "certificates",
                json!({
                    "key": shown(&certificate.key),
                    "chain_pem": &*certificate.chain_pem,
                    "private_key_pem": REDACTED,
                }),
            ),
        };
        lists.entry(list).or_default().push(value);
    }
    json!({ "version": snapshot.version, "resources": lists })
}

/// What goes to a collector with each request may be a key.
fn without_keys(listener: &Listener) -> Listener {
    let mut listener = listener.clone();
    if let Some(tracing) = &mut listener.tracing {
        Arc::make_mut(tracing).headers.iter_mut().for_each(|(_, value)| *value = REDACTED.into());
    }
    listener
}

fn shown(value: &impl Serialize) -> Value {
    serde_json::to_value(value).unwrap_or_else(|error| json!({ "error": error.to_string() }))
}

#[cfg(test)]
mod tests;
