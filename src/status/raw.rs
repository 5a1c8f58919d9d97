//! The same merge on the JSON that the API server has, so that what others wrote comes back byte
//! for byte: with fields that are not known here, and times in the form that they chose.

use super::flips::{Flip, flips};
use super::merge::{Merged, Status, merge};
use super::wanted::Wanted;
use crate::api::gateway::ParentReference;
use crate::api::{Kind, Time};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

/// What is to be written, as JSON.
#[derive(Clone, Debug, PartialEq)]
pub struct MergedJson {
    /// The whole status.
    pub status: Value,
    /// As in [`Merged`].
    pub changed: bool,
    /// As in [`Merged`].
    pub left_out: Vec<ParentReference>,
    /// The conditions that become bad by it; all that are, where the status has no place for them.
    pub flips: Vec<Flip>,
}

/// Merges what is wanted into the newest `status` of the object, `None` if it has none. Nothing
/// comes of it if nothing can be written for this object.
///
/// # Errors
/// What is there is no status of the kind: to write over it would destroy what somebody wrote.
pub fn merge_json(
    wanted: &Wanted,
    newest: Option<&Value>,
    controller_name: &str,
    now: &Time,
) -> Result<Option<MergedJson>, serde_json::Error> {
    let live = newest.map(|newest| Status::from_json(wanted.id.kind, newest)).transpose()?.flatten();
    let Some(Merged { status, changed, left_out }) = merge(wanted, live.as_ref(), controller_name, now)
    else {
        return Ok(None);
    };
    // What no status holds cannot be compared with one.
    let flips = match (wanted.body.told(), changed) {
        ([], true) => flips(wanted, live.as_ref(), controller_name),
        ([], false) => Vec::new(),
        _ => flips(wanted, None, controller_name),
    };
    let mut json = status.to_json()?;
    if let (Some(live), Some(newest)) = (live, newest) {
        json = restore(json, &live.to_json()?, newest);
    }
    Ok(Some(MergedJson { status: json, changed, left_out, flips }))
}

impl Status {
    /// The status of an object of this kind; `None` if the kind has none.
    ///
    /// # Errors
    /// A field has another type than the kind says.
    pub fn from_json(kind: Kind, status: &Value) -> Result<Option<Self>, serde_json::Error> {
        fn read<T: DeserializeOwned>(status: &Value) -> Result<T, serde_json::Error> {
            T::deserialize(status)
        }
        Ok(match kind {
            Kind::GatewayClass => Some(Self::Class(read(status)?)),
            Kind::Gateway => Some(Self::Gateway(read(status)?)),
            Kind::ListenerSet => Some(Self::ListenerSet(read(status)?)),
            Kind::Upstream => Some(Self::Upstream(read(status)?)),
            Kind::Ingress => Some(Self::Ingress(read(status)?)),
            kind if kind.is_route() => Some(Self::Route(read(status)?)),
            Kind::XBackend => Some(Self::Policy(read(status)?)),
            kind if kind.is_policy() => Some(Self::Policy(read(status)?)),
            _ => None,
        })
    }

    /// The `status` field.
    ///
    /// # Errors
    /// None that could happen with these types.
    pub fn to_json(&self) -> Result<Value, serde_json::Error> {
        fn write(status: &impl Serialize) -> Result<Value, serde_json::Error> {
            serde_json::to_value(status)
        }
        match self {
            Self::Class(status) => write(status),
            Self::Gateway(status) => write(status),
            Self::ListenerSet(status) => write(status),
            Self::Route(status) => write(status),
            Self::Policy(status) => write(status),
            Self::Upstream(status) => write(status),
            Self::Ingress(status) => write(status),
        }
    }
}

/// `merged`, with everything in it that is as it was (in `live`) put back as it stood there (in
/// `raw`, of which `live` is what could be read).
fn restore(merged: Value, live: &Value, raw: &Value) -> Value {
    if merged == *live {
        return raw.clone();
    }
    match (merged, live, raw) {
        (Value::Array(merged), Value::Array(live), Value::Array(raw)) => {
            let item = |item: Value| {
                let same = live.iter().position(|live| *live == item);
                let about_the_same = || live.iter().position(|live| name(live) == name(&item));
                match same.or_else(about_the_same).and_then(|at| Some((live.get(at)?, raw.get(at)?))) {
                    Some((live, raw)) => restore(item, live, raw),
                    None => item,
                }
            };
            Value::Array(merged.into_iter().map(item).collect())
        }
        (Value::Object(mut merged), Value::Object(live), Value::Object(raw)) => {
            for (key, value) in &mut merged {
                if let (Some(live), Some(raw)) = (live.get(key), raw.get(key)) {
                    *value = restore(value.take(), live, raw);
                }
            }
            for (key, value) in raw.iter().filter(|(key, _)| !live.contains_key(*key)) {
                merged.entry(key.as_str()).or_insert_with(|| value.clone());
            }
            Value::Object(merged)
        }
        (merged, ..) => merged,
    }
}

/// What tells the items of a list apart: conditions, listeners, parents, ancestors.
fn name(item: &Value) -> [Option<&Value>; 5] {
    ["type", "name", "parentRef", "ancestorRef", "controllerName"].map(|field| item.get(field))
}

#[cfg(test)]
mod tests;
