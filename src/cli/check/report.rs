//! The findings, in one form for every way to write them.

use crate::api::ObjectId;
use crate::index::Event;
use crate::source::{FilePath, Problem, ProblemKind, Reading};
use crate::status::Wanted;
use serde::Serialize;
use std::collections::BTreeMap;
use std::sync::Arc;

/// Everything that was found.
#[derive(Debug, Serialize)]
pub(super) struct Report {
    /// How many objects and files are bad.
    pub(super) bad: usize,
    /// All objects of the kinds that are read.
    pub(super) objects: Vec<Object>,
    /// What is wrong with the files.
    pub(super) files: Vec<Problem>,
    /// Objects of other kinds.
    pub(super) not_read: Vec<Problem>,
}

/// One object.
#[derive(Debug, Serialize)]
pub(super) struct Object {
    pub(super) kind: &'static str,
    #[serde(skip_serializing_if = "str::is_empty")]
    pub(super) namespace: Arc<str>,
    pub(super) name: Arc<str>,
    pub(super) file: Option<FilePath>,
    pub(super) line: Option<u64>,
    pub(super) bad: bool,
    /// What the API server would refuse it for, and what no condition can say.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(super) notes: Vec<String>,
    /// What the API server would judge and Tidegate cannot.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(super) not_judged: Vec<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(super) conditions: Vec<Condition>,
}

/// One condition as it would be written.
#[derive(Debug, Serialize)]
pub(super) struct Condition {
    /// The part of the object, such as `listener http`.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub(super) of: String,
    #[serde(rename = "type")]
    pub(super) type_: &'static str,
    pub(super) status: &'static str,
    pub(super) reason: &'static str,
    #[serde(skip_serializing_if = "String::is_empty")]
    pub(super) message: String,
    pub(super) bad: bool,
}

impl Report {
    /// From what the directory holds, and what is wanted of its objects.
    pub(super) fn new(reading: &Reading, wanted: impl Iterator<Item = Arc<Wanted>>) -> Self {
        let mut objects: BTreeMap<ObjectId, Object> = BTreeMap::new();
        for event in &reading.events {
            match event {
                Event::Apply(object) => {
                    let id = object.id();
                    objects.insert(id.clone(), Object::new(&id, reading));
                }
                Event::Broken(broken) => {
                    let object = Object::new(&broken.id, reading);
                    let object = Object { bad: true, notes: broken.problems.clone(), ..object };
                    objects.insert(broken.id.clone(), object);
                }
                Event::Delete(_) | Event::Reset { .. } | Event::Listed(_) | Event::Served { .. } => {}
            }
        }
        for wanted in wanted {
            if let Some(object) = objects.get_mut(&wanted.id) {
                object.add(&wanted);
            }
        }
        let (not_read, files): (Vec<_>, Vec<_>) =
            reading.problems.iter().cloned().partition(|problem| problem.kind == ProblemKind::NotRead);
        let objects: Vec<_> = objects.into_values().collect();
        let bad = objects.iter().filter(|object| object.bad).count() + files.len();
        Self { bad, objects, files, not_read }
    }
}

impl Object {
    fn new(id: &ObjectId, reading: &Reading) -> Self {
        let place = reading.places.get(id);
        let not_judged = reading.not_judged.iter().filter(|rule| rule.id == *id);
        Self {
            kind: id.kind.name(),
            namespace: id.key.namespace.clone(),
            name: id.key.name.clone(),
            file: place.map(|(file, _)| file.clone()),
            line: place.map(|(_, line)| *line),
            bad: false,
            notes: Vec::new(),
            not_judged: not_judged.map(|rule| rule.message.clone()).collect(),
            conditions: Vec::new(),
        }
    }

    fn add(&mut self, wanted: &Wanted) {
        self.bad |= wanted.bad;
        self.notes.extend(
            wanted.notes.iter().filter(|note| !self.notes.contains(note)).cloned().collect::<Vec<_>>(),
        );
        self.conditions = wanted
            .conditions()
            .into_iter()
            .map(|(of, condition)| Condition {
                of,
                type_: condition.type_,
                status: condition.truth.as_str(),
                reason: condition.reason,
                message: condition.message.clone(),
                bad: condition.bad,
            })
            .collect();
    }
}
