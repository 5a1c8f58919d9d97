//! Secret. No message says anything of a value.

use crate::api::Secret;
use crate::api::schema::{Path, Report};
use k8s_openapi::ByteString;
use serde_json::{Map, Value};

/// All values of a Secret together, in bytes.
const LONGEST: usize = 1024 * 1024;
const TLS: &str = "kubernetes.io/tls";

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
    let type_ = secret.type_.get_or_insert_with(|| "Opaque".to_owned()).clone();
    let data = secret.data.get_or_insert_default();
    let root = Path::Root;
    let path = root.field("data");
    for key in data.keys() {
        let valid = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.');
        if key.is_empty() || key.len() > 253 || !key.bytes().all(valid) || matches!(key.as_str(), "." | "..")
        {
            report.error(&path.key(key), "must be at most 253 letters, digits, \"-\", \"_\" and \".\"");
        }
    }
    let length: usize = data.values().map(|value| value.0.len()).sum();
    if length > LONGEST {
        report.error(&path, format!("must have at most {LONGEST} bytes, has {length}"));
    }
    if type_ == TLS {
        for key in ["tls.crt", "tls.key"] {
            if !data.contains_key(key) {
                report.error(&path.key(key), format!("is required in a Secret of type {TLS}"));
            }
        }
    }
}
