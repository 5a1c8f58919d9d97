//! Tidegate's own CustomResourceDefinitions.

use super::gateway_parameters::GatewayParameters;
use super::upstream::Upstream;
use kube::CustomResourceExt;
use serde_json::Value;

/// The definitions as YAML, each with the name of its file in `crds/`, in the order of the names.
///
/// # Errors
///
/// Fails only if a definition has a value that YAML cannot express.
pub fn crds() -> Result<Vec<(String, String)>, serde_saphyr::ser::Error> {
    [definition::<GatewayParameters>(), definition::<Upstream>()]
        .into_iter()
        .map(|definition| {
            let plural = definition["spec"]["names"]["plural"].as_str().unwrap_or_default();
            Ok((format!("{plural}.yaml"), serde_saphyr::to_string(&definition)?))
        })
        .collect()
}

/// What the API server holds an object of this kind against.
pub(super) fn schema<T: CustomResourceExt>() -> Value {
    let versions = definition::<T>()["spec"]["versions"].take();
    versions[0]["schema"]["openAPIV3Schema"].clone()
}

fn definition<T: CustomResourceExt>() -> Value {
    let mut definition = serde_json::to_value(T::crd()).unwrap_or_default();
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
