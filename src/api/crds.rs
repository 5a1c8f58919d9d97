//! Tidegate's own CustomResourceDefinitions.

use super::upstream::Upstream;
use kube::CustomResourceExt;
use serde_json::Value;

/// The definitions as YAML, each with the name of its file in `crds/`.
///
/// # Errors
///
/// Fails only if a definition has a value that YAML cannot express.
pub fn crds() -> Result<Vec<(String, String)>, serde_saphyr::ser::Error> {
    let definition = definition();
    let yaml = serde_saphyr::to_string(&definition)?;
    Ok(vec![("upstreams.yaml".to_owned(), yaml)])
}

/// What the API server holds an Upstream against.
pub(super) fn upstream_schema() -> Value {
    let versions = definition()["spec"]["versions"].take();
    versions[0]["schema"]["openAPIV3Schema"].clone()
}

fn definition() -> Value {
    let mut definition = serde_json::to_value(Upstream::crd()).unwrap_or_default();
    tidy(&mut definition);
    definition
}

/// Leaves out `nullable`, which the generator gives to every optional field: a null would then be
/// stored, and `has()` in a rule would count it as set. And writes whole limits as whole numbers.
fn tidy(value: &mut Value) {
    match value {
        Value::Object(fields) => {
            fields.shift_remove("nullable");
            fields.values_mut().for_each(tidy);
        }
        Value::Array(items) => items.iter_mut().for_each(tidy),
        Value::Number(number) => {
            if let Some(whole) = super::decode::whole(number) {
                *number = whole.into();
            }
        }
        _ => {}
    }
}
