//! The findings for people.

use super::report::{Condition, Object, Report};
use std::fmt::Write;

/// The whole report.
pub(super) fn write(report: &Report) -> String {
    let mut text = String::new();
    let width = report.objects.iter().map(|object| title(object).chars().count()).max().unwrap_or(0);
    for object in &report.objects {
        write_object(&mut text, object, width);
    }
    section(&mut text, "Wrong in files", report.files.iter());
    section(&mut text, "Not read", report.not_read.iter());
    if !text.is_empty() {
        text.push('\n');
    }
    let bad = match report.bad {
        0 => "all good".to_owned(),
        bad => format!("{bad} bad"),
    };
    let count = report.objects.len();
    let _ = writeln!(text, "{count} {}, {bad}", if count == 1 { "object" } else { "objects" });
    if report.objects.is_empty() && report.files.is_empty() && report.not_read.is_empty() {
        text.push_str("No file is named *.yaml or *.yml, or all are empty.\n");
    }
    text
}

fn section(text: &mut String, title: &str, entries: impl ExactSizeIterator<Item = impl std::fmt::Display>) {
    if entries.len() > 0 {
        let _ = writeln!(text, "\n{title}:");
        entries.for_each(|entry| {
            let _ = writeln!(text, "  {entry}");
        });
    }
}

fn title(object: &Object) -> String {
    if object.namespace.is_empty() {
        format!("{} {}", object.kind, object.name)
    } else {
        format!("{} {}/{}", object.kind, object.namespace, object.name)
    }
}

fn write_object(text: &mut String, object: &Object, width: usize) {
    let place = match (&object.file, object.line) {
        (Some(file), Some(line)) => format!("{file}:{line}"),
        _ => String::new(),
    };
    let verdict = if object.bad { "BAD" } else { "ok" };
    let _ = writeln!(text, "{:<3}  {:<width$}  {place}", verdict, title(object));
    for note in &object.notes {
        let _ = writeln!(text, "       {note}");
    }
    for rule in &object.not_judged {
        let _ = writeln!(text, "       cannot be judged here: {rule}");
    }
    let types = object.conditions.iter().map(|condition| condition.type_.len()).max().unwrap_or(0);
    let mut of = "";
    for condition in &object.conditions {
        if condition.of != of {
            of = &condition.of;
            let _ = writeln!(text, "       {of}");
        }
        write_condition(text, condition, types);
    }
}

fn write_condition(text: &mut String, condition: &Condition, width: usize) {
    let indent = if condition.of.is_empty() { "       " } else { "         " };
    let mark = if condition.bad { "!" } else { " " };
    let line =
        format!("{indent}{:<width$}  {:<5} {mark} {}", condition.type_, condition.status, condition.reason);
    let _ = match condition.message.as_str() {
        "" => writeln!(text, "{line}"),
        message => writeln!(text, "{line}: {message}"),
    };
}
