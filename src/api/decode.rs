//! From JSON to an object, judged as the API server does at admission.
//!
//! Only for objects that did not pass an API server; what a watch delivers was judged there, by
//! the schemas that are installed there, and goes to [`Object::from_value`] directly.

use super::schema::{self, FieldError, Path, Report};
use super::{Kind, Object, core, head, identify};
use crate::model::ObjectKey;
use serde_json::{Map, Number, Value};

/// What a manifest turned out to be.
#[derive(Clone, Debug, PartialEq)]
pub enum Decoded {
    /// An object that the API server would take, with defaults filled in.
    Object {
        /// The object; its status is left out.
        object: Object,
        /// Rules of the schema that could not be judged.
        not_judged: Vec<FieldError>,
    },
    /// An object that the API server would refuse.
    Invalid(Invalid),
    /// An object of a kind that Tidegate does not read.
    Ignored(Ignored),
}

/// A manifest that the API server would refuse.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Invalid {
    /// Its kind, as far as it can be told.
    pub kind: Option<Kind>,
    /// Its namespace and name, as far as they can be told.
    pub key: Option<ObjectKey>,
    /// What is wrong, at least one thing.
    pub errors: Vec<FieldError>,
}

/// A manifest of a kind that Tidegate does not read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ignored {
    /// As it stands there.
    pub api_version: String,
    /// As it stands there.
    pub kind: String,
    /// Its namespace and name, as far as they can be told.
    pub key: Option<ObjectKey>,
}

/// Judges a manifest. Objects without a namespace are in `default`; `status` does not count; what
/// an API server would set itself (`uid`, `generation`, `creationTimestamp`) counts as given.
pub fn decode(mut manifest: Value) -> Decoded {
    shrink_numbers(&mut manifest);
    let kind = match identify::identify(&manifest) {
        Ok(kind) => kind,
        Err(identify::Unknown::Foreign { api_version, kind }) => {
            return Decoded::Ignored(Ignored { api_version, kind, key: key(None, &manifest) });
        }
        Err(identify::Unknown::Wrong(error)) => {
            return Decoded::Invalid(Invalid { kind: None, key: key(None, &manifest), errors: vec![error] });
        }
    };
    let key = key(Some(kind), &manifest);
    let mut report = Report::default();
    let object = judge(kind, manifest, &mut report);
    match object {
        Some(object) if report.errors.is_empty() => Decoded::Object { object, not_judged: report.not_judged },
        _ => Decoded::Invalid(Invalid { kind: Some(kind), key, errors: report.errors }),
    }
}

/// The objects of a manifest: those in it, if it is a list as `kubectl get` writes it.
pub fn expand(manifest: Value) -> Vec<Value> {
    let is_list = manifest["kind"].as_str().is_some_and(|kind| kind.ends_with("List"));
    match manifest {
        Value::Object(mut fields) if is_list && fields.get("items").is_some_and(Value::is_array) => {
            match fields.remove("items") {
                Some(Value::Array(items)) => items.into_iter().flat_map(expand).collect(),
                _ => Vec::new(),
            }
        }
        other => vec![other],
    }
}

/// The object, if nothing is wrong with it; else the report says what.
fn judge(kind: Kind, mut manifest: Value, report: &mut Report) -> Option<Object> {
    let schema = match schema::of(kind) {
        Ok(schema) => schema,
        Err(why) => {
            report.error(&Path::Root, format!("the schema of {kind} cannot be read: {why}"));
            return None;
        }
    };
    manifest.as_object_mut()?.remove("status");
    if kind == Kind::Secret {
        core::join_base64(&mut manifest);
    }
    schema.find_unknown(&manifest, report);
    schema.fill_in(&mut manifest);
    manifest.as_object_mut()?.entry("metadata").or_insert_with(|| Value::Object(Map::new()));
    schema.check(&manifest, report);
    if report.errors.is_empty() {
        head::check(kind, &mut manifest, report);
        schema.check_rules(&manifest, report);
    }
    if report.errors.is_empty() && kind == Kind::Secret {
        core::merge_string_data(&mut manifest);
    }
    if !report.errors.is_empty() {
        return None;
    }
    // The status was taken out, but its default came back with the others.
    manifest.as_object_mut()?.remove("status");
    match Object::from_value(kind, manifest) {
        Ok(mut object) => {
            core::finish(&mut object, report);
            Some(object)
        }
        Err(error) => {
            report.error(&Path::Root, error.to_string());
            None
        }
    }
}

/// Namespace and name, if there is a name; without a kind the namespace is taken as it is.
fn key(kind: Option<Kind>, manifest: &Value) -> Option<ObjectKey> {
    let metadata = &manifest["metadata"];
    let name = metadata["name"].as_str()?;
    let given = metadata["namespace"].as_str().unwrap_or_default();
    let namespace = match kind {
        Some(kind) => head::namespace(kind, given),
        None => given,
    };
    Some(ObjectKey::new(namespace, name))
}

/// `80.0` is an integer for the API server, but not for serde.
fn shrink_numbers(value: &mut Value) {
    match value {
        Value::Object(fields) => fields.values_mut().for_each(shrink_numbers),
        Value::Array(items) => items.iter_mut().for_each(shrink_numbers),
        Value::Number(number) => {
            if let Some(whole) = whole(number) {
                *number = whole.into();
            }
        }
        _ => {}
    }
}

/// The integer that a floating-point number stands for, if it is one.
pub(super) fn whole(number: &Number) -> Option<i64> {
    /// Beyond this not every integer has a floating-point number.
    const EXACT: f64 = 9_007_199_254_740_992.0;
    let number = number.is_f64().then(|| number.as_f64()).flatten()?;
    #[allow(clippy::cast_possible_truncation)]
    (number.fract() == 0.0 && number.abs() <= EXACT).then_some(number as i64)
}

#[cfg(test)]
mod tests;
