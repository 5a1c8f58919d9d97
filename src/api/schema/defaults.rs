//! Nulls and defaults, as the API server treats them when it reads an object.

use super::node::Schema;
use serde_json::Value;

pub(super) fn fill_in(schema: &Schema, value: &mut Value) {
    match value {
        Value::Object(fields) => {
            // A null where none is allowed counts as not given.
            fields.retain(|name, value| {
                !value.is_null() || schema.member(name).is_none_or(|member| member.nullable)
            });
            for (name, field) in &schema.properties {
                if let Some(default) = &field.default
                    && !fields.contains_key(name)
                {
                    fields.insert(name.clone(), default.clone());
                }
            }
            for (name, value) in fields {
                if let Some(member) = schema.member(name) {
                    fill_in(member, value);
                }
            }
        }
        Value::Array(items) => {
            if let Some(schema) = &schema.items {
                for item in items {
                    fill_in(schema, item);
                }
            }
        }
        _ => {}
    }
}
