//! Types and limits.

use super::node::{ListType, Schema, Type};
use super::path::{Path, Report};
use super::{combine, format, unknown};
use serde_json::{Map, Value};
use std::collections::HashSet;

pub(super) fn check(schema: &Schema, value: &Value, path: &Path<'_>, report: &mut Report) {
    if value.is_null() && schema.nullable {
        return;
    }
    if let Err(wanted) = check_type(schema, value) {
        report.error(path, format!("must be {wanted}, not {}", type_name(value)));
        return;
    }
    match value {
        Value::Object(fields) => check_object(schema, fields, path, report),
        Value::Array(items) => check_array(schema, items, path, report),
        Value::String(text) => check_string(schema, text, path, report),
        Value::Number(number) => check_number(schema, number.as_f64(), path, report),
        Value::Bool(_) | Value::Null => {}
    }
    if let Some(message) = format::mismatch(schema, value) {
        report.error(path, message);
    }
    check_enum(schema, value, path, report);
    combine::check(schema, value, path, report);
}

/// What the value should have been.
fn check_type(schema: &Schema, value: &Value) -> Result<(), &'static str> {
    if schema.int_or_string {
        let fits = value.is_string() || value.is_i64() || value.is_u64();
        return if fits { Ok(()) } else { Err("an integer or a string") };
    }
    let Some(wanted) = schema.type_ else { return Ok(()) };
    let (fits, name) = match wanted {
        Type::Array => (value.is_array(), "a list"),
        Type::Boolean => (value.is_boolean(), "true or false"),
        Type::Integer => (value.is_i64() || value.is_u64(), "an integer"),
        Type::Number => (value.is_number(), "a number"),
        Type::Object => (value.is_object(), "an object"),
        Type::String => (value.is_string(), "a string"),
    };
    if fits { Ok(()) } else { Err(name) }
}

fn type_name(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "true or false",
        Value::Number(number) if number.is_f64() => "a number",
        Value::Number(_) => "an integer",
        Value::String(_) => "a string",
        Value::Array(_) => "a list",
        Value::Object(_) => "an object",
    }
}

fn check_object(schema: &Schema, fields: &Map<String, Value>, path: &Path<'_>, report: &mut Report) {
    for name in &schema.required {
        if !fields.contains_key(name) {
            report.error(&path.field(name), "is required");
        }
    }
    check_count(fields.len(), (schema.min_properties, schema.max_properties), "entries", path, report);
    for (name, value) in fields {
        if let Some(field) = schema.properties.get(name) {
            check(field, value, &path.field(name), report);
        } else if let Some(values) = &schema.additional_properties {
            check(values, value, &path.key(name), report);
        }
    }
}

fn check_array(schema: &Schema, items: &[Value], path: &Path<'_>, report: &mut Report) {
    check_count(items.len(), (schema.min_items, schema.max_items), "entries", path, report);
    let mut seen = HashSet::new();
    for (index, item) in items.iter().enumerate() {
        let path = path.index(index);
        if let Some(schema) = &schema.items {
            check(schema, item, &path, report);
        }
        if let Some(identity) = identity(schema, item)
            && !seen.insert(identity.clone())
        {
            report.error(&path, format!("duplicate value {identity}"));
        }
    }
}

/// What may stand in the list only once, written as JSON.
fn identity(schema: &Schema, item: &Value) -> Option<String> {
    match schema.list_type {
        ListType::Atomic => None,
        ListType::Set => Some(item.to_string()),
        ListType::Map => {
            let keys = schema.list_map_keys.iter();
            let keys = keys.filter_map(|key| Some((key.clone(), item.get(key)?.clone())));
            Some(Value::Object(keys.collect()).to_string())
        }
    }
}

fn check_string(schema: &Schema, text: &str, path: &Path<'_>, report: &mut Report) {
    check_count(text.chars().count(), (schema.min_length, schema.max_length), "characters", path, report);
    let Some(pattern) = &schema.pattern else { return };
    match pattern.regex() {
        Some(regex) if regex.is_match(text) => {}
        Some(_) => {
            report.error(path, format!("{} does not match {}", excerpt(text), pattern.text));
        }
        None => report.not_judged(path, format!("whether the value matches {}", pattern.text)),
    }
}

fn check_number(schema: &Schema, number: Option<f64>, path: &Path<'_>, report: &mut Report) {
    let Some(number) = number else { return };
    if let Some(minimum) = schema.minimum
        && number < minimum
    {
        report.error(path, format!("must be at least {minimum}, not {number}"));
    }
    if let Some(maximum) = schema.maximum
        && number > maximum
    {
        report.error(path, format!("must be at most {maximum}, not {number}"));
    }
}

fn check_count(
    count: usize,
    (minimum, maximum): (Option<usize>, Option<usize>),
    what: &str,
    path: &Path<'_>,
    report: &mut Report,
) {
    if let Some(minimum) = minimum
        && count < minimum
    {
        report.error(path, format!("must have at least {minimum} {what}, has {count}"));
    }
    if let Some(maximum) = maximum
        && count > maximum
    {
        report.error(path, format!("must have at most {maximum} {what}, has {count}"));
    }
}

fn check_enum(schema: &Schema, value: &Value, path: &Path<'_>, report: &mut Report) {
    if schema.enum_.is_empty() || schema.enum_.contains(value) {
        return;
    }
    let known = || schema.enum_.iter().filter_map(Value::as_str);
    let meant = value.as_str().and_then(|text| unknown::nearest(text, known()));
    let given = value.as_str().map_or_else(|| value.to_string(), excerpt);
    report.error(
        path,
        match meant {
            Some(meant) => format!("{given} is not supported, did you mean \"{meant}\"?"),
            None => format!("{given} is not supported; supported: {}", list(&schema.enum_)),
        },
    );
}

fn list(values: &[Value]) -> String {
    values.iter().map(Value::to_string).collect::<Vec<_>>().join(", ")
}

/// The text in quotes, cut where nobody would read on.
pub(crate) fn excerpt(text: &str) -> String {
    const LONGEST: usize = 80;
    if text.chars().count() <= LONGEST {
        return format!("{text:?}");
    }
    let start: String = text.chars().take(LONGEST).collect();
    format!("{start:?}…")
}
