//! The text of a manifest file as JSON values, with YAML read as `kubectl` reads it.

use serde_json::Value;
use serde_saphyr::{Budget, Options, Spanned};

/// One document that is not empty.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Document {
    /// Line of its first node, from 1.
    pub(crate) line: u64,
    /// What it holds.
    pub(crate) value: Value,
}

/// Why a text is no YAML, with the place where that shows.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub(crate) struct InvalidYaml(String);

/// The largest file that is read, in bytes: some 10,000 routes.
pub(crate) const MAX_FILE: u64 = 16 << 20;

/// How many events of the parser a file's aliases may stand for; a second's work at most.
const REPLAYED: usize = 200_000;

/// All documents of a text; those that are empty or only a comment are left out.
pub(crate) fn parse(bytes: &[u8]) -> Result<Vec<Document>, InvalidYaml> {
    let text = std::str::from_utf8(bytes)
        .map_err(|error| InvalidYaml(format!("not UTF-8 from byte {} on", error.valid_up_to())))?;
    let documents: Vec<Spanned<Value>> =
        serde_saphyr::from_multiple_with_options(text, options()).map_err(|error| explain(&error))?;
    Ok(documents
        .into_iter()
        .map(|document| Document { line: document.referenced.line(), value: document.value })
        .collect())
}

/// `kubectl` reads YAML 1.1: `0644` is octal, `yes` and `on` are booleans.
fn options() -> Options {
    serde_saphyr::options! {
        legacy_octal_numbers: true,
        with_snippet: false,
        budget: budget(),
        alias_limits: serde_saphyr::alias_limits! { max_total_replayed_events: REPLAYED },
    }
}

/// Room for one file of [`MAX_FILE`]. What aliases multiply is bounded by itself, so the ratio of
/// aliases to anchors need not be judged.
fn budget() -> Option<Budget> {
    serde_saphyr::budget! {
        max_documents: 100_000,
        max_nodes: 2_000_000,
        max_events: 5_000_000,
        max_recorded_anchor_events: REPLAYED,
        enforce_alias_anchor_ratio: false,
    }
}

fn explain(error: &serde_saphyr::Error) -> InvalidYaml {
    let error = error.without_snippet();
    InvalidYaml(match error {
        serde_saphyr::Error::DuplicateMappingKey { key, location } => format!(
            "the key {} is there twice in one mapping, again at line {}, column {}",
            key.as_deref().map_or_else(String::new, |key| format!("{key:?}")),
            location.line(),
            location.column()
        ),
        other => other.to_string(),
    })
}

#[cfg(test)]
mod tests;
