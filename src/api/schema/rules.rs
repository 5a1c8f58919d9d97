//! Rules in CEL (`x-kubernetes-validations`).

use super::library;
use super::node::{Schema, Type};
use super::path::{Path, Report};
use cel::common::types::{CelBool, CelDouble, CelInt, CelList, CelMap, CelMapKey, CelNull, CelString};
use cel::common::value::Val;
use cel::{Context, ExecutionError, Program};
use serde::Deserialize;
use serde_json::{Map, Value};
use std::collections::HashMap;
use std::sync::{Arc, OnceLock};

/// A rule, compiled when it is first needed.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct Rule {
    rule: String,
    message: Option<String>,
    #[serde(skip)]
    compiled: OnceLock<Compiled>,
}

#[derive(Debug)]
enum Compiled {
    Ready(Program),
    /// It compares with what the object was before; a new object has no before.
    OfChanges,
    /// The compiler's words.
    Unreadable(String),
}

/// How a rule came out.
enum Outcome {
    Holds,
    Broken,
    NotJudged(String),
}

pub(super) fn check(schema: &Schema, value: &Value, path: &Path<'_>, report: &mut Report) {
    for rule in &schema.rules {
        // A null where it is allowed has no fields a rule could look at.
        if value.is_null() {
            continue;
        }
        let text = rule.message.as_deref().unwrap_or(&rule.rule);
        match rule.judge(schema, value) {
            Outcome::Holds => {}
            Outcome::Broken => report.error(path, text),
            Outcome::NotJudged(why) => report.not_judged(path, format!("\"{text}\": {why}")),
        }
    }
    match value {
        Value::Object(fields) => {
            for (name, value) in fields {
                if let Some(field) = schema.properties.get(name) {
                    check(field, value, &path.field(name), report);
                } else if let Some(values) = &schema.additional_properties {
                    check(values, value, &path.key(name), report);
                }
            }
        }
        Value::Array(items) => {
            if let Some(schema) = &schema.items {
                for (index, item) in items.iter().enumerate() {
                    check(schema, item, &path.index(index), report);
                }
            }
        }
        _ => {}
    }
}

impl Rule {
    fn judge(&self, schema: &Schema, value: &Value) -> Outcome {
        let program = match self.compiled.get_or_init(|| compile(&self.rule)) {
            Compiled::Ready(program) => program,
            Compiled::OfChanges => return Outcome::Holds,
            Compiled::Unreadable(why) => return Outcome::NotJudged(why.clone()),
        };
        let mut context = Context::with_env(Arc::clone(library::environment()));
        context.add_variable_as_val("self", to_cel(schema, value));
        match program.execute(&context) {
            Ok(cel::Value::Bool(true)) => Outcome::Holds,
            Ok(cel::Value::Bool(false)) => Outcome::Broken,
            Ok(_) => Outcome::NotJudged("the rule is neither true nor false".to_owned()),
            Err(error) => judge_error(&error),
        }
    }
}

fn compile(rule: &str) -> Compiled {
    match library::environment().compile(rule) {
        Ok(program) if program.references().has_variable("oldSelf") => Compiled::OfChanges,
        Ok(program) => Compiled::Ready(program),
        Err(errors) => Compiled::Unreadable(errors.to_string()),
    }
}

/// The API server refuses an object when a rule ends in an error, such as for a field that is not
/// there. But an error that only says what this engine lacks is none of the object's.
fn judge_error(error: &ExecutionError) -> Outcome {
    match error {
        ExecutionError::NoSuchKey(_)
        | ExecutionError::IndexOutOfBounds(_)
        | ExecutionError::FunctionError { .. }
        | ExecutionError::DivisionByZero(_)
        | ExecutionError::RemainderByZero(_)
        | ExecutionError::Overflow(..) => Outcome::Broken,
        other => Outcome::NotJudged(other.to_string()),
    }
}

fn to_cel<'v>(schema: &Schema, value: &'v Value) -> Box<dyn Val + 'v> {
    match value {
        Value::Null => Box::new(CelNull),
        Value::Bool(value) => Box::new(CelBool::from(*value)),
        Value::String(text) => Box::new(CelString::from(text.as_str())),
        Value::Number(number) => match number.as_i64() {
            Some(integer) if schema.type_ != Some(Type::Number) => Box::new(CelInt::from(integer)),
            _ => Box::new(CelDouble::from(number.as_f64().unwrap_or(f64::NAN))),
        },
        Value::Array(items) => {
            let of_items = Schema::default();
            let of_items = schema.items.as_deref().unwrap_or(&of_items);
            let items: Vec<Box<dyn Val + 'v>> = items.iter().map(|item| to_cel(of_items, item)).collect();
            Box::new(CelList::from(items))
        }
        Value::Object(fields) => Box::new(CelMap::from(to_cel_map(schema, fields))),
    }
}

fn to_cel_map<'v>(
    schema: &Schema,
    fields: &'v Map<String, Value>,
) -> HashMap<CelMapKey<'v>, Box<dyn Val + 'v>> {
    let mut map = HashMap::with_capacity(fields.len());
    for (name, value) in fields {
        if let Some(field) = schema.properties.get(name) {
            map.insert(CelMapKey::String(library::escape(name)), to_cel(field, value));
        } else if let Some(values) = &schema.additional_properties {
            map.insert(CelMapKey::String(CelString::from(name.as_str())), to_cel(values, value));
        }
    }
    map
}

#[cfg(test)]
mod tests;
