//! Fields that a schema does not know, and what may have been meant.

use super::node::Schema;
use super::path::{Path, Report};
use serde_json::Value;

/// With more known fields than this, naming them all helps nobody.
const NAMED_AT_MOST: usize = 12;

pub(super) fn find(schema: &Schema, value: &Value, path: &Path<'_>, report: &mut Report) {
    match value {
        Value::Object(fields) => {
            for (name, value) in fields {
                match schema.member(name) {
                    Some(member) if schema.properties.contains_key(name) => {
                        find(member, value, &path.field(name), report);
                    }
                    Some(member) => find(member, value, &path.key(name), report),
                    None if schema.open() || !may_be_object(schema) => {}
                    None => report.error(&path.field(name), message(schema, name)),
                }
            }
        }
        Value::Array(items) => {
            if let Some(schema) = &schema.items {
                for (index, item) in items.iter().enumerate() {
                    find(schema, item, &path.index(index), report);
                }
            }
        }
        _ => {}
    }
}

/// An object where something else belongs is one error, of its type; its fields are not wrong too.
fn may_be_object(schema: &Schema) -> bool {
    matches!(schema.type_, None | Some(super::node::Type::Object))
}

fn message(schema: &Schema, name: &str) -> String {
    let known = || schema.properties.keys().map(String::as_str);
    if let Some(meant) = nearest(name, known()) {
        return format!("unknown field, did you mean \"{meant}\"?");
    }
    if schema.properties.is_empty() || schema.properties.len() > NAMED_AT_MOST {
        return "unknown field".to_owned();
    }
    format!("unknown field; known here: {}", known().collect::<Vec<_>>().join(", "))
}

/// The known name that is so near that it was probably meant.
pub(crate) fn nearest<'a>(name: &str, known: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    let allowed = (name.len() / 3).clamp(1, 3);
    let name = name.to_lowercase();
    known
        .filter(|candidate| candidate.len().abs_diff(name.len()) <= allowed)
        .map(|candidate| (distance(&name, &candidate.to_lowercase()), candidate))
        .filter(|(distance, _)| *distance <= allowed)
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, candidate)| candidate)
}

/// How many letters must be put in, left out, changed or swapped with their neighbour.
fn distance(a: &str, b: &str) -> usize {
    let (a, b): (Vec<char>, Vec<char>) = (a.chars().collect(), b.chars().collect());
    let mut before = Vec::new();
    let mut above: Vec<usize> = (0..=b.len()).collect();
    for (i, x) in a.iter().enumerate() {
        let mut row = vec![i + 1];
        for (j, y) in b.iter().enumerate() {
            let mut best = (above[j] + usize::from(x != y)).min(above[j + 1] + 1).min(row[j] + 1);
            if i > 0 && j > 0 && *x == b[j - 1] && a[i - 1] == *y {
                let swapped: &Vec<usize> = &before;
                best = best.min(swapped[j - 1] + 1);
            }
            row.push(best);
        }
        before = std::mem::replace(&mut above, row);
    }
    above[b.len()]
}
