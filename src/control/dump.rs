//! What the data plane was told, for people to look at.

use crate::model::{Delta, Resource};
use serde::Serialize;
use serde_json::{Value, json};
use std::collections::BTreeMap;

/// Everything that is in force as JSON, without private keys.
pub(super) fn redacted(snapshot: &Delta) -> Value {
    let mut lists: BTreeMap<&str, Vec<Value>> = BTreeMap::new();
    for resource in &snapshot.upserts {
        let (list, value) = match resource {
            Resource::Listener(listener) => ("listeners", shown(listener)),
            Resource::Route(route) => ("routes", shown(route)),
            Resource::Upstream(upstream) => ("upstreams", shown(upstream)),
            Resource::Endpoints(endpoints) => ("endpoints", shown(endpoints)),
            // Field by field: what is added to it later does not get out by itself.
            Resource::Certificate(certificate) => (
                "certificates",
                json!({
                    "key": shown(&certificate.key),
                    "chain_pem": &*certificate.chain_pem,
                    "private_key_pem": "redacted",
                }),
            ),
        };
        lists.entry(list).or_default().push(value);
    }
    json!({ "version": snapshot.version, "resources": lists })
}

fn shown(value: &impl Serialize) -> Value {
    serde_json::to_value(value).unwrap_or_else(|error| json!({ "error": error.to_string() }))
}

#[cfg(test)]
mod tests;
