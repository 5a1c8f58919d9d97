//! Objects for tests, from YAML.

use super::{Broken, Event};
use crate::api::{self, Decoded, Kind, Object, ObjectId};
use crate::model::ObjectKey;
use serde_json::Value;

/// The events that a directory with these documents would give, without that the kinds are listed.
pub(crate) fn events(yaml: &str) -> Vec<Event> {
    let documents: Vec<Value> = serde_saphyr::from_multiple(yaml).unwrap();
    documents.into_iter().filter(|value| !value.is_null()).map(event).collect()
}

/// The one object of the document.
pub(crate) fn object(yaml: &str) -> Object {
    match events(yaml).as_slice() {
        [Event::Apply(object)] => object.clone(),
        other => panic!("{other:?}"),
    }
}

/// That every kind is listed.
pub(crate) fn listed() -> impl Iterator<Item = Event> {
    Kind::ALL.into_iter().map(Event::Listed)
}

/// An object of the namespace `default`.
pub(crate) fn id(kind: Kind, name: &str) -> ObjectId {
    let namespace = if kind.namespaced() { "default" } else { "" };
    ObjectId { kind, key: ObjectKey::new(namespace, name) }
}

fn event(manifest: Value) -> Event {
    match api::decode(manifest.clone()) {
        Decoded::Object { object, .. } => Event::Apply(object),
        Decoded::Invalid(invalid) => {
            let id = ObjectId { kind: invalid.kind.unwrap(), key: invalid.key.unwrap() };
            let problems = invalid.errors.iter().map(ToString::to_string).collect();
            Event::Broken(Broken { id, problems, raw: manifest })
        }
        Decoded::Ignored(ignored) => panic!("{} is not read", ignored.kind),
    }
}
