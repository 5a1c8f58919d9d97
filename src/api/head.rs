//! `metadata`: what the API server demands of every object's head.

use super::schema::{Path, Report};
use super::{Kind, names};
use serde_json::{Map, Value};

/// Where objects without a namespace are.
const DEFAULT_NAMESPACE: &str = "default";
/// All annotations of an object together, in bytes.
const LONGEST_ANNOTATIONS: usize = 256 * 1024;
/// Every Namespace has its name as this label, so that selectors can name one.
const NAME_LABEL: &str = "kubernetes.io/metadata.name";

/// Where an object that gives this namespace is.
pub(super) fn namespace(kind: Kind, given: &str) -> &str {
    match (kind.namespaced(), given) {
        // The API server drops a namespace where there is none.
        (false, _) => "",
        (true, "") => DEFAULT_NAMESPACE,
        (true, given) => given,
    }
}

/// Judges the head and fills in the namespace. The schema holds already.
pub(super) fn check(kind: Kind, manifest: &mut Value, report: &mut Report) {
    let Some(metadata) = manifest.get_mut("metadata").and_then(Value::as_object_mut) else { return };
    let path = Path::Root;
    let path = path.field("metadata");
    check_name(kind, metadata, &path, report);
    let given = metadata.get("namespace").and_then(Value::as_str).unwrap_or_default();
    let namespace = namespace(kind, given).to_owned();
    if namespace.is_empty() {
        metadata.remove("namespace");
    } else {
        if !names::is_label(&namespace) {
            report.error(&path.field("namespace"), LABEL_FORM);
        }
        metadata.insert("namespace".to_owned(), Value::String(namespace));
    }
    check_labels(metadata, &path, report);
    check_annotations(metadata, &path, report);
    check_owners(metadata, &path, report);
    if kind == Kind::Namespace
        && let Some(name) = metadata.get("name").cloned()
    {
        let labels = metadata.entry("labels").or_insert_with(|| Value::Object(Map::new()));
        if let Some(labels) = labels.as_object_mut() {
            labels.insert(NAME_LABEL.to_owned(), name);
        }
    }
}

const LABEL_FORM: &str =
    "must be at most 63 lower-case letters, digits and \"-\", beginning and ending with a letter or digit";
const SUBDOMAIN_FORM: &str = "must be at most 253 lower-case letters, digits, \"-\" and \".\", each part \
                              beginning and ending with a letter or digit";
pub(super) const QUALIFIED_NAME_FORM: &str = "must be at most 63 letters, digits, \"-\", \"_\" and \".\", \
                                              perhaps behind a domain and \"/\"";

fn check_name(kind: Kind, metadata: &Map<String, Value>, path: &Path<'_>, report: &mut Report) {
    let path = path.field("name");
    let name = metadata.get("name").and_then(Value::as_str).unwrap_or_default();
    if name.is_empty() {
        report.error(&path, "is required");
    } else if matches!(kind, Kind::Service | Kind::Namespace) {
        if !names::is_label(name) {
            report.error(&path, LABEL_FORM);
        }
    } else if kind == Kind::ClusterTrustBundle {
        // Behind the name of its signer, if it has one, in which "/" is written as ":".
        if !name.split(':').all(names::is_subdomain) {
            report.error(&path, SUBDOMAIN_FORM);
        }
    } else if !names::is_subdomain(name) {
        report.error(&path, SUBDOMAIN_FORM);
    }
}

fn check_labels(metadata: &Map<String, Value>, path: &Path<'_>, report: &mut Report) {
    let path = path.field("labels");
    for (key, value) in entries(metadata, "labels") {
        let path = path.key(key);
        if !names::is_qualified_name(key) {
            report.error(&path, QUALIFIED_NAME_FORM);
        }
        if !names::is_label_value(value) {
            report.error(
                &path,
                "must be at most 63 letters, digits, \"-\", \"_\" and \".\", beginning and ending with a \
                 letter or digit",
            );
        }
    }
}

fn check_annotations(metadata: &Map<String, Value>, path: &Path<'_>, report: &mut Report) {
    let path = path.field("annotations");
    for (key, _) in entries(metadata, "annotations") {
        // The name of an annotation is judged in lower case, for the sake of old ones.
        if !names::is_qualified_name(&key.to_lowercase()) {
            report.error(&path.key(key), QUALIFIED_NAME_FORM);
        }
    }
    let length: usize = entries(metadata, "annotations").map(|(key, value)| key.len() + value.len()).sum();
    if length > LONGEST_ANNOTATIONS {
        report.error(&path, format!("must have at most {LONGEST_ANNOTATIONS} bytes, has {length}"));
    }
}

fn check_owners(metadata: &Map<String, Value>, path: &Path<'_>, report: &mut Report) {
    let list = |field: &str| metadata.get(field).and_then(Value::as_array).into_iter().flatten();
    let owners = path.field("ownerReferences");
    for (index, owner) in list("ownerReferences").enumerate() {
        let path = owners.index(index);
        for field in ["apiVersion", "kind", "name", "uid"] {
            let text = owner[field].as_str().unwrap_or_default();
            if text.is_empty() {
                report.error(&path.field(field), "is required");
            } else if field == "apiVersion" && !is_api_version(text) {
                report.error(&path.field(field), "must be a version, perhaps behind a group and \"/\"");
            }
        }
    }
    let finalizers = path.field("finalizers");
    for (index, finalizer) in list("finalizers").filter_map(Value::as_str).enumerate() {
        check_finalizer(finalizer, &finalizers.index(index), report);
    }
}

fn is_api_version(text: &str) -> bool {
    let version = text.split_once('/').map_or(text, |(_, version)| version);
    !version.is_empty() && !version.contains('/')
}

/// A finalizer is Kubernetes' own or has a domain.
pub(super) fn check_finalizer(finalizer: &str, path: &Path<'_>, report: &mut Report) {
    let own = ["orphan", "foregroundDeletion", "kubernetes"].contains(&finalizer);
    let qualified = finalizer.contains('/') && names::is_qualified_name(finalizer);
    if !own && !qualified {
        report.error(path, "must be a domain, \"/\" and a name");
    }
}

fn entries<'a>(metadata: &'a Map<String, Value>, field: &str) -> impl Iterator<Item = (&'a str, &'a str)> {
    let map = metadata.get(field).and_then(Value::as_object);
    map.into_iter().flatten().map(|(key, value)| (key.as_str(), value.as_str().unwrap_or_default()))
}
