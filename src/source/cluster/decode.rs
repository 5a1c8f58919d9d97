//! What a watch delivers, as the index takes it.

use crate::api::{Kind, Object, ObjectId};
use crate::index::Broken;
use crate::model::ObjectKey;
use kube::core::{DynamicObject, TypeMeta};
use serde_json::Value;

/// Holds the whole object a second time, for `kubectl apply`.
const LAST_APPLIED: &str = "kubectl.kubernetes.io/last-applied-configuration";

/// The keys of a Secret that are read. Whatever else is in one is not kept in memory.
const SECRET_KEYS: [&str; 3] = ["tls.crt", "tls.key", "ca.crt"];

/// Which object it is.
pub(super) fn id(kind: Kind, object: &DynamicObject) -> ObjectId {
    let metadata = &object.metadata;
    let namespace = metadata.namespace.as_deref().unwrap_or_default();
    ObjectId { kind, key: ObjectKey::new(namespace, metadata.name.as_deref().unwrap_or_default()) }
}

/// The object without what nobody reads. One that cannot be understood is a result too: it counts
/// as wholly bad, and what was known of it no longer holds.
// As both are in the list of `Event::Reset`; there are few broken ones.
#[allow(clippy::result_large_err)]
pub(super) fn object(kind: Kind, mut object: DynamicObject) -> Result<Object, Broken> {
    let id = id(kind, &object);
    trim(kind, &mut object);
    // Those of a list do not say what they are.
    object.types = Some(TypeMeta { api_version: kind.api_version(), kind: kind.name().to_owned() });
    let raw = match serde_json::to_value(object) {
        Ok(raw) => raw,
        Err(error) => return Err(Broken { id, problems: vec![error.to_string()], raw: Value::Null }),
    };
    Object::from_value(kind, raw.clone()).map_err(|error| {
        let problem = format!(
            "is not a {kind} of {} as Tidegate knows it: {error}; the CRD in the cluster may be of another \
             version",
            kind.api_version()
        );
        // What is in a Secret has no business in a dump.
        let raw = if kind == Kind::Secret { Value::Null } else { raw };
        Broken { id, problems: vec![problem], raw }
    })
}

fn trim(kind: Kind, object: &mut DynamicObject) {
    object.metadata.managed_fields = None;
    if let Some(annotations) = &mut object.metadata.annotations {
        annotations.remove(LAST_APPLIED);
    }
    if kind == Kind::Secret
        && let Some(data) = object.data.get_mut("data").and_then(Value::as_object_mut)
    {
        data.retain(|key, _| SECRET_KEYS.contains(&key.as_str()));
    }
}

#[cfg(test)]
mod tests;
