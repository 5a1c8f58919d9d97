//! A schema as it stands in a CustomResourceDefinition.

use super::check;
use super::defaults;
use super::path::{Path, Report};
use super::rules::{self, Rule};
use super::unknown;
use regex::Regex;
use serde::de::IgnoredAny;
use serde::{Deserialize, Deserializer};
use serde_json::Value;
use std::collections::BTreeMap;
use std::sync::OnceLock;

/// A structural schema. A keyword that is not here is refused when the schema is read, so that no
/// new one goes unseen.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct Schema {
    #[serde(rename = "type")]
    pub(super) type_: Option<Type>,
    pub(super) format: Option<String>,
    #[serde(default)]
    pub(super) nullable: bool,
    pub(super) default: Option<Value>,
    #[serde(rename = "enum", default)]
    pub(super) enum_: Vec<Value>,

    #[serde(default)]
    pub(super) properties: BTreeMap<String, Self>,
    pub(super) additional_properties: Option<Box<Self>>,
    #[serde(default)]
    pub(super) required: Vec<String>,
    pub(super) min_properties: Option<usize>,
    pub(super) max_properties: Option<usize>,

    pub(super) items: Option<Box<Self>>,
    pub(super) min_items: Option<usize>,
    pub(super) max_items: Option<usize>,

    pub(super) pattern: Option<Pattern>,
    pub(super) min_length: Option<usize>,
    pub(super) max_length: Option<usize>,

    pub(super) minimum: Option<f64>,
    pub(super) maximum: Option<f64>,

    #[serde(default)]
    pub(super) all_of: Vec<Self>,
    #[serde(default)]
    pub(super) any_of: Vec<Self>,
    #[serde(default)]
    pub(super) one_of: Vec<Self>,
    pub(super) not: Option<Box<Self>>,

    #[serde(rename = "x-kubernetes-int-or-string", default)]
    pub(super) int_or_string: bool,
    #[serde(rename = "x-kubernetes-preserve-unknown-fields", default)]
    pub(super) preserve_unknown_fields: bool,
    #[serde(rename = "x-kubernetes-list-type", default)]
    pub(super) list_type: ListType,
    #[serde(rename = "x-kubernetes-list-map-keys", default)]
    pub(super) list_map_keys: Vec<String>,
    #[serde(rename = "x-kubernetes-map-type")]
    _map_type: Option<IgnoredAny>,
    #[serde(rename = "x-kubernetes-validations", default)]
    pub(super) rules: Vec<Rule>,

    #[serde(rename = "description")]
    _description: Option<IgnoredAny>,
    #[serde(rename = "title")]
    _title: Option<IgnoredAny>,
    #[serde(rename = "$schema")]
    _dialect: Option<IgnoredAny>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Type {
    Array,
    Boolean,
    Integer,
    Number,
    Object,
    String,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum ListType {
    #[default]
    Atomic,
    Map,
    Set,
}

/// A regular expression that is compiled when it is first needed: most never are.
#[derive(Debug)]
pub(super) struct Pattern {
    pub(super) text: String,
    compiled: OnceLock<Option<Regex>>,
}

impl Pattern {
    /// `None` if the expression is one that this crate's engine does not have.
    pub(super) fn regex(&self) -> Option<&Regex> {
        self.compiled.get_or_init(|| Regex::new(&self.text).ok()).as_ref()
    }
}

impl<'de> Deserialize<'de> for Pattern {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Ok(Self { text: String::deserialize(deserializer)?, compiled: OnceLock::new() })
    }
}

impl Schema {
    /// Whether objects may have fields that the schema does not name.
    pub(super) fn open(&self) -> bool {
        self.preserve_unknown_fields || self.additional_properties.is_some()
    }

    /// The schema of a field or a map's entry, if it has one.
    pub(super) fn member(&self, name: &str) -> Option<&Self> {
        self.properties.get(name).or(self.additional_properties.as_deref())
    }

    /// Reports fields that the schema does not know.
    pub(crate) fn find_unknown(&self, value: &Value, report: &mut Report) {
        unknown::find(self, value, &Path::Root, report);
    }

    /// Fills in what is not given and has a default.
    pub(crate) fn fill_in(&self, value: &mut Value) {
        defaults::fill_in(self, value);
    }

    /// Reports wrong types and values outside of their limits.
    pub(crate) fn check(&self, value: &Value, report: &mut Report) {
        check::check(self, value, &Path::Root, report);
    }

    /// Reports rules that do not hold. They count on [`Self::check`] having found nothing.
    pub(crate) fn check_rules(&self, value: &Value, report: &mut Report) {
        rules::check(self, value, &Path::Root, report);
    }
}
