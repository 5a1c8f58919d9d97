//! Defaults, filled in as the API server does when it reads an object.

use super::node::Schema;
use serde_json::Value;

pub(super) fn fill_in(schema: &Schema, value: &mut Value) {
    match value {
        Value::Object(fields) => {
            for (name, field) in &schema.properties {
                let Some(default) = &field.default else { continue };
                // A null where none is allowed counts as not given, but only if there is a default.
                let given = fields.get(name).is_some_and(|value| !value.is_null() || field.nullable);
                if !given {
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
