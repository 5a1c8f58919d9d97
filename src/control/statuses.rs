//! The newest status of every object, and what the log says when one changes.

use crate::api::{ObjectId, Time};
use crate::attach::verdict::{Condition, Truth};
use crate::status::{self, Status, Wanted};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

/// More new objects than this at once, and nothing wrong with them, share one line.
const SINGLE_LINES: usize = 20;

/// What is wanted of every object.
#[derive(Debug)]
pub(super) struct Statuses {
    controller_name: Arc<str>,
    objects: BTreeMap<ObjectId, Known>,
}

/// One object's.
#[derive(Clone, Debug)]
pub(super) struct Known {
    pub(super) wanted: Arc<Wanted>,
    /// As it would stand in a cluster, with the time of each condition's last flip.
    status: Option<Arc<Status>>,
}

/// One line for the log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Line {
    /// Something is wrong.
    pub(super) bad: bool,
    /// With the object's name.
    pub(super) text: String,
}

impl Statuses {
    pub(super) fn new(controller_name: Arc<str>) -> Self {
        Self { controller_name, objects: BTreeMap::new() }
    }

    /// Takes what changed, and returns what there is to say about it: each condition that says
    /// something else than before.
    pub(super) fn update(&mut self, changed: Vec<Arc<Wanted>>, gone: &[ObjectId], now: &Time) -> Vec<Line> {
        let (mut lines, mut fresh) = (Vec::new(), Vec::new());
        for wanted in changed {
            let known = self.objects.remove(&wanted.id);
            match &known {
                None if !wanted.bad && wanted.notes.is_empty() => fresh.push(introduce(&wanted)),
                known => lines.extend(differences(known.as_ref().map(|known| &*known.wanted), &wanted)),
            }
            let before = known.as_ref().and_then(|known| known.status.as_deref());
            let merged = status::merge(&wanted, before, &self.controller_name, now);
            let status = merged.map(|merged| Arc::new(merged.status));
            self.objects.insert(wanted.id.clone(), Known { wanted, status });
        }
        for id in gone {
            self.objects.remove(id);
            lines.push(Line { bad: false, text: format!("{id}: gone") });
        }
        if fresh.len() > SINGLE_LINES {
            fresh = vec![format!("{} new objects without a problem", fresh.len())];
        }
        lines.extend(fresh.into_iter().map(|text| Line { bad: false, text }));
        lines
    }

    /// All of them, as they are now.
    pub(super) fn all(&self) -> impl Iterator<Item = &Known> {
        self.objects.values()
    }
}

impl Known {
    /// For people to look at; `served` is the generation that every worker serves.
    pub(super) fn to_json(&self, served: Option<i64>) -> Value {
        let Self { wanted, status } = self;
        json!({
            "kind": wanted.id.kind.name(),
            "namespace": &*wanted.id.key.namespace,
            "name": &*wanted.id.key.name,
            "generation": wanted.head.generation,
            "served_generation": served,
            "bad": wanted.bad,
            "notes": wanted.notes,
            "told": wanted.body.told().iter().map(told).collect::<Vec<_>>(),
            "status": status.as_deref().map_or(Value::Null, wire),
        })
    }
}

/// A condition that no status has.
fn told(condition: &Condition) -> Value {
    json!({
        "type": condition.type_,
        "status": condition.truth.as_str(),
        "reason": condition.reason,
        "message": condition.message,
    })
}

fn wire(status: &Status) -> Value {
    let value = match status {
        Status::Class(status) => serde_json::to_value(status),
        Status::Gateway(status) => serde_json::to_value(status),
        Status::ListenerSet(status) => serde_json::to_value(status),
        Status::Route(status) => serde_json::to_value(status),
        Status::Policy(status) => serde_json::to_value(status),
        Status::Upstream(status) => serde_json::to_value(status),
        Status::Ingress(status) => serde_json::to_value(status),
    };
    value.unwrap_or_else(|error| json!({ "error": error.to_string() }))
}

/// A new object with its conditions, all of which are good.
fn introduce(wanted: &Wanted) -> String {
    let mut parts: Vec<(String, Vec<&str>)> = Vec::new();
    for (title, condition) in wanted.conditions() {
        if condition.truth == Truth::False {
            continue;
        }
        match parts.last_mut().filter(|(last, _)| *last == title) {
            Some((_, types)) => types.push(condition.type_),
            None => parts.push((title, vec![condition.type_])),
        }
    }
    let parts = parts.into_iter().map(|(title, types)| match title.as_str() {
        "" => types.join(", "),
        title => format!("{title}: {}", types.join(", ")),
    });
    format!("{}: {}", wanted.id, parts.collect::<Vec<_>>().join("; "))
}

fn differences(before: Option<&Wanted>, now: &Wanted) -> Vec<Line> {
    let old: BTreeMap<(String, &str), &Condition> = before
        .map(Wanted::conditions)
        .unwrap_or_default()
        .into_iter()
        .map(|(title, condition)| ((title, condition.type_), condition))
        .collect();
    let mut lines = Vec::new();
    for (title, condition) in now.conditions() {
        let old = old.get(&(title.clone(), condition.type_));
        // What is good and was not bad before is no news; what is bad is when its reason changes.
        let news = match old {
            Some(old) => {
                old.truth != condition.truth
                    || old.reason != condition.reason
                    || condition.bad && old.message != condition.message
            }
            None => condition.bad,
        };
        if news {
            lines.push(Line { bad: condition.bad, text: Said(&now.id, &title, condition).to_string() });
        }
    }
    for (title, type_) in old.keys().filter(|(title, type_)| old[&(title.clone(), *type_)].bad) {
        let still = now.conditions().iter().any(|(t, condition)| t == title && condition.type_ == *type_);
        if !still {
            let about = if title.is_empty() { String::new() } else { format!("{title}: ") };
            lines.push(Line { bad: false, text: format!("{}: {about}no longer {type_}", now.id) });
        }
    }
    let told = before.map(|before| before.notes.as_slice()).unwrap_or_default();
    for note in now.notes.iter().filter(|note| !told.contains(note)) {
        lines.push(Line { bad: now.bad, text: format!("{}: {note}", now.id) });
    }
    if before.is_some_and(|before| before.bad) && !now.bad && lines.is_empty() {
        lines.push(Line { bad: false, text: format!("{}: no longer bad", now.id) });
    }
    lines
}

/// One condition in words.
struct Said<'a>(&'a ObjectId, &'a str, &'a Condition);

impl fmt::Display for Said<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self(id, title, condition) = self;
        write!(f, "{id}: ")?;
        if !title.is_empty() {
            write!(f, "{title}: ")?;
        }
        write!(f, "{}={}", condition.type_, condition.truth.as_str())?;
        if condition.reason != condition.type_ {
            write!(f, " {}", condition.reason)?;
        }
        if !condition.message.is_empty() {
            write!(f, ": {}", condition.message)?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests;
