//! One document of a file as an object with a name, or as what stands in the way of that.

use super::yaml::Document;
use crate::api::{self, Decoded, Kind, ObjectId};
use crate::model::ObjectKey;
use serde_json::Value;
use std::sync::Arc;

/// An object as a file has it, before its fields are judged.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Manifest {
    /// Which object it is.
    pub(crate) id: ObjectId,
    /// Line of its document in the file, from 1.
    pub(crate) line: u64,
    /// The whole object without what only a server sets.
    pub(crate) value: Arc<Value>,
}

/// A document that does not become an object.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Unread {
    /// Line of its document in the file, from 1.
    pub(crate) line: u64,
    /// As much of its name as it has.
    pub(crate) what: String,
    /// Why.
    pub(crate) message: String,
    /// Whether that is a mistake; else it is an object that Tidegate has nothing to do with.
    pub(crate) mistake: bool,
}

/// What a file holds.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Contents {
    /// In the order of the file; an object may be there twice.
    pub(crate) manifests: Vec<Manifest>,
    /// In the order of the file.
    pub(crate) unread: Vec<Unread>,
}

/// The objects of all documents, those of a `kind: List` one by one.
pub(crate) fn read(documents: Vec<Document>) -> Contents {
    let mut contents = Contents::default();
    for Document { line, value } in documents {
        for value in api::expand(value) {
            match identify(&value) {
                Some(id) => contents.manifests.push(Manifest { id, line, value: Arc::new(prepared(value)) }),
                None => contents.unread.push(explain(line, value)),
            }
        }
    }
    contents
}

/// Which object it is, if it is of a kind that is read and has a name. Its fields are not judged
/// here: they are once, when the object has changed.
fn identify(value: &Value) -> Option<ObjectId> {
    let (group, version) = match value["apiVersion"].as_str()?.split_once('/') {
        Some((group, version)) => (group, version),
        None => ("", value["apiVersion"].as_str()?),
    };
    let kind = Kind::find(group, value["kind"].as_str()?)?;
    let name = value["metadata"]["name"].as_str().filter(|name| !name.is_empty())?;
    let namespace = match &value["metadata"]["namespace"] {
        _ if !kind.namespaced() => "",
        Value::Null => "default",
        Value::String(namespace) if namespace.is_empty() => "default",
        Value::String(namespace) => namespace,
        _ => return None,
    };
    kind.versions().contains(&version).then(|| ObjectId { kind, key: ObjectKey::new(namespace, name) })
}

/// Why a document is none of the objects that are read.
fn explain(line: u64, value: Value) -> Unread {
    let what = name_of(&value);
    match api::decode(value) {
        Decoded::Ignored(ignored) => {
            let message = format!("Tidegate does not read {} of {}", ignored.kind, ignored.api_version);
            Unread { line, what, message, mistake: false }
        }
        Decoded::Invalid(invalid) => {
            let errors: Vec<_> = invalid.errors.iter().map(ToString::to_string).collect();
            Unread { line, what, message: errors.join("; "), mistake: true }
        }
        // Only an object without a name comes here and is decoded all the same.
        Decoded::Object { .. } => {
            let message = "metadata.name: is required".to_owned();
            Unread { line, what, message, mistake: true }
        }
    }
}

/// As much as there is of `Kind namespace/name`.
fn name_of(value: &Value) -> String {
    let kind = value["kind"].as_str().unwrap_or("object");
    let metadata = &value["metadata"];
    match (metadata["namespace"].as_str(), metadata["name"].as_str()) {
        (Some(namespace), Some(name)) => format!("{kind} {namespace}/{name}"),
        (None, Some(name)) => format!("{kind} {name}"),
        _ => format!("{kind} without a name"),
    }
}

/// Takes away what a server sets, so that a manifest taken from a cluster means what it means when
/// it is applied to one, and a newer copy of the same is no change.
fn prepared(mut value: Value) -> Value {
    if let Some(fields) = value.as_object_mut() {
        fields.shift_remove("status");
    }
    if let Some(metadata) = value.get_mut("metadata").and_then(Value::as_object_mut) {
        for set_by_server in [
            "uid",
            "generation",
            "resourceVersion",
            "managedFields",
            "selfLink",
            "deletionTimestamp",
            "deletionGracePeriodSeconds",
        ] {
            metadata.shift_remove(set_by_server);
        }
    }
    value
}

#[cfg(test)]
mod tests;
