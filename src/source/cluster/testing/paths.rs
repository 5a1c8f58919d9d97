//! Where objects are.

use super::Place;
use serde_json::Value;

/// The place of an object.
pub(super) fn place_of(object: &Value) -> Place {
    let kind = object["kind"].as_str().unwrap().to_lowercase();
    let plural = if kind.ends_with('s') { format!("{kind}es") } else { format!("{kind}s") };
    let text = |key: &str| object["metadata"][key].as_str().unwrap_or_default().to_owned();
    let collection = format!("{}/{plural}", object["apiVersion"].as_str().unwrap());
    Place { collection, namespace: text("namespace"), name: text("name") }
}

/// The place that a path names, and the subresource.
pub(super) fn parse(path: &str) -> (Place, Option<String>) {
    let parts: Vec<&str> = path.trim_matches('/').split('/').collect();
    let (group_version, rest) = match parts.as_slice() {
        ["api", version, rest @ ..] => ((*version).to_owned(), rest),
        ["apis", group, version, rest @ ..] => (format!("{group}/{version}"), rest),
        other => panic!("no path of an API server: {other:?}"),
    };
    let (namespace, rest) = match rest {
        ["namespaces", namespace, rest @ ..] if !rest.is_empty() => (*namespace, rest),
        rest => ("", rest),
    };
    let part = |at: usize| rest.get(at).copied().unwrap_or_default().to_owned();
    let collection = format!("{group_version}/{}", part(0));
    let place = Place { collection, namespace: namespace.to_owned(), name: part(1) };
    (place, rest.get(2).map(|part| (*part).to_owned()))
}
