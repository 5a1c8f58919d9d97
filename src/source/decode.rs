//! Changed objects as events, and a directory read once.

use super::files::Change;
use super::problem::{FilePath, Problem};
use super::watch::Directory;
use crate::api::{self, Decoded, Kind, ObjectId};
use crate::index::{Broken, Event};
use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::path::Path;
use std::time::Instant;

/// A rule of an object's schema that could not be judged.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NotJudged {
    /// The object.
    pub id: ObjectId,
    /// The field and the reason.
    pub message: String,
}

/// All that a directory held at one time.
#[derive(Debug, Default)]
pub struct Reading {
    /// The objects, and that every kind is listed.
    pub events: Vec<Event>,
    /// Where each object is defined: file and line.
    pub places: BTreeMap<ObjectId, (FilePath, u64)>,
    /// What the API server would judge and Tidegate cannot.
    pub not_judged: Vec<NotJudged>,
    /// What is wrong with the files.
    pub problems: BTreeSet<Problem>,
}

/// Reads a directory once.
///
/// # Errors
/// The directory itself cannot be read. Files and directories in it that cannot be read are
/// problems.
pub fn read(root: &Path) -> io::Result<Reading> {
    let now = Instant::now();
    let (mut files, unreadable) = Directory::read_once(root, now)?;
    let mut reading = Reading::default();
    for change in files.poll(now) {
        let (event, not_judged) = event(change);
        reading.events.push(event);
        reading.not_judged.extend(not_judged);
    }
    reading.events.extend(Kind::ALL.map(Event::Listed));
    reading.places = files.places();
    reading.problems = files.problems();
    reading.problems.extend(unreadable);
    Ok(reading)
}

/// A change as the index takes it, with what could not be judged.
pub(super) fn event(change: Change) -> (Event, Vec<NotJudged>) {
    let Change { id, value } = change;
    let Some(value) = value else { return (Event::Delete(id), Vec::new()) };
    let problems = match api::decode(value.clone()) {
        Decoded::Object { object, not_judged } => {
            let not_judged = not_judged
                .iter()
                .map(|error| NotJudged { id: id.clone(), message: error.to_string() })
                .collect();
            return (Event::Apply(object), not_judged);
        }
        Decoded::Invalid(invalid) => invalid.errors.iter().map(ToString::to_string).collect(),
        // Its kind was found when it was read.
        Decoded::Ignored(ignored) => vec![format!("{} is not read", ignored.kind)],
    };
    (Event::Broken(Broken { id, problems, raw: value }), Vec::new())
}

#[cfg(test)]
mod tests;
