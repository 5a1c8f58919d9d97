//! What comes of an object that is posted.

use serde_json::Value;

/// In that namespace, and with a name that nobody could know before if it asks for one.
pub(super) fn created(mut object: Value, namespace: &str, version: u64) -> Value {
    let metadata = &mut object["metadata"];
    metadata["namespace"] = namespace.into();
    if let Some(prefix) = metadata["generateName"].as_str() {
        metadata["name"] = format!("{prefix}{version}").into();
    }
    object
}
