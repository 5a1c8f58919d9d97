//! Secret. No message says anything of a value.

use crate::api::Secret;
use crate::api::schema::{Path, Report};
use k8s_openapi::ByteString;
use serde_json::{Map, Value};

/// All values of a Secret or ConfigMap together, in bytes.
pub(super) const LONGEST: usize = 1024 * 1024;
const TLS: &str = "kubernetes.io/tls";
/// Types that the API server asks for certain entries, and that Tidegate has no use for.
const CREDENTIALS: [&str; 5] = [
    "kubernetes.io/basic-auth",
    "kubernetes.io/dockercfg",
    "kubernetes.io/dockerconfigjson",
    "kubernetes.io/service-account-token",
    "kubernetes.io/ssh-auth",
];

/// Takes the line ends out of `data`, as Go's decoder of base64 skips them.
pub(in crate::api) fn join_base64(manifest: &mut Value) {
    let data = manifest.get_mut("data").and_then(Value::as_object_mut);
    for value in data.into_iter().flat_map(Map::values_mut) {
        if let Value::String(text) = value {
            text.retain(|c| !matches!(c, '\r' | '\n'));
        }
    }
}

/// Puts `stringData` over `data`, as the API server does before it stores a Secret. The schema
/// holds already.
pub(in crate::api) fn merge_string_data(manifest: &mut Value) {
    let Some(fields) = manifest.as_object_mut() else { return };
    let Some(Value::Object(plain)) = fields.remove("stringData") else { return };
    let data = fields.entry("data").or_insert_with(|| Value::Object(Map::new()));
    let Some(data) = data.as_object_mut() else { return };
    for (key, value) in plain {
        let bytes = ByteString(value.as_str().unwrap_or_default().as_bytes().to_vec());
        // Bytes always have a text in base64.
        data.insert(key, serde_json::to_value(bytes).unwrap_or_default());
    }
}

pub(super) fn finish(secret: &mut Secret, report: &mut Report) {
    super::fill_in(&mut secret.type_, "Opaque");
    let data = secret.data.get_or_insert_default();
    let root = Path::Root;
    let path = root.field("data");
    for key in data.keys().filter(|key| !is_key(key)) {
        report.error(&path.key(key), KEY_FORM);
    }
    let length: usize = data.values().map(|value| value.0.len()).sum();
    if length > LONGEST {
        report.error(&path, format!("must have at most {LONGEST} bytes, has {length}"));
    }
    match secret.type_.as_deref().unwrap_or_default() {
        TLS => {
            for key in ["tls.crt", "tls.key"] {
                if !data.contains_key(key) {
                    report.error(&path.key(key), format!("is required in a Secret of type {TLS}"));
                }
            }
        }
        type_ if CREDENTIALS.contains(&type_) => {
            report.not_judged(&path, format!("what a Secret of type {type_} must have"));
        }
        _ => {}
    }
}

pub(super) const KEY_FORM: &str = "must be at most 253 letters, digits, \"-\", \"_\" and \".\"";

/// What may be the name of a file too.
pub(super) fn is_key(key: &str) -> bool {
    let valid = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.');
    (1..=253).contains(&key.len()) && key.bytes().all(valid) && key != "." && !key.starts_with("..")
}
