//! Schemas made of schemas: all of, any of, one of, not.

use super::check;
use super::node::Schema;
use super::path::{FieldError, Path, Report};
use serde_json::Value;

pub(super) fn check(schema: &Schema, value: &Value, path: &Path<'_>, report: &mut Report) {
    for part in &schema.all_of {
        check::check(part, value, path, report);
    }
    let any = judge(&schema.any_of, value, path, report);
    if !any.is_empty() && any.iter().all(|errors| !errors.is_empty()) {
        report.error(path, none_fits(&any));
    }
    let one = judge(&schema.one_of, value, path, report);
    if !one.is_empty() {
        match one.iter().filter(|errors| errors.is_empty()).count() {
            0 => report.error(path, none_fits(&one)),
            1 => {}
            count => report.error(path, format!("fits {count} alternatives, only one is allowed")),
        }
    }
    if let Some(not) = &schema.not
        && judge(std::slice::from_ref(&**not), value, path, report).iter().any(Vec::is_empty)
    {
        report.error(path, "has a value that is not allowed here");
    }
}

/// What each of the schemas finds wrong.
fn judge(schemas: &[Schema], value: &Value, path: &Path<'_>, report: &mut Report) -> Vec<Vec<FieldError>> {
    let judge = |schema| {
        let mut own = Report::default();
        check::check(schema, value, path, &mut own);
        report.not_judged.append(&mut own.not_judged);
        own.errors
    };
    schemas.iter().map(judge).collect()
}

fn none_fits(alternatives: &[Vec<FieldError>]) -> String {
    let all: Vec<String> = alternatives.iter().flatten().map(FieldError::to_string).collect();
    format!("fits none of the alternatives ({})", all.join("; or "))
}
