//! Which kind a manifest is of.

use super::schema::{FieldError, nearest};
use super::{Kind, upstream};
use serde_json::Value;

/// Why a manifest is of no kind that is read.
pub(super) enum Unknown {
    /// It is of somebody else's kind.
    Foreign { api_version: String, kind: String },
    /// The API server would not know its kind either.
    Wrong(FieldError),
}

pub(super) fn identify(manifest: &Value) -> Result<Kind, Unknown> {
    let wrong = |path, message: String| Unknown::Wrong(FieldError::new(path, message));
    if !manifest.is_object() {
        return Err(wrong("", "must be an object with apiVersion, kind and metadata".to_owned()));
    }
    let text = |field| match &manifest[field] {
        Value::String(text) if !text.is_empty() => Ok(text.as_str()),
        Value::Null | Value::String(_) => Err(wrong(field, "is required".to_owned())),
        _ => Err(wrong(field, "must be a string".to_owned())),
    };
    let (api_version, kind) = (text("apiVersion")?, text("kind")?);
    let (group, version) = api_version.split_once('/').unwrap_or(("", api_version));
    if let Some(known) = Kind::find(group, kind) {
        if known.versions().contains(&version) {
            return Ok(known);
        }
        return Err(wrong(
            "apiVersion",
            format!("{kind} has no version \"{version}\"; use {}", known.api_version()),
        ));
    }
    let is_ours = |known: &Kind| known.group() == group;
    if !Kind::ALL.iter().any(is_ours) {
        return Err(foreign(api_version, kind));
    }
    if let Some(elsewhere) = Kind::ALL.into_iter().find(|known| known.name() == kind) {
        let message = format!("{kind} is not of {api_version}; use {}", elsewhere.api_version());
        return Err(wrong("apiVersion", message));
    }
    let ours = Kind::ALL.into_iter().filter(is_ours).map(Kind::name);
    match nearest(kind, ours) {
        Some(meant) => Err(wrong("kind", format!("unknown kind, did you mean \"{meant}\"?"))),
        None if group == upstream::GROUP => Err(wrong("kind", format!("{group} has no kind \"{kind}\""))),
        None => Err(foreign(api_version, kind)),
    }
}

fn foreign(api_version: &str, kind: &str) -> Unknown {
    Unknown::Foreign { api_version: api_version.to_owned(), kind: kind.to_owned() }
}
