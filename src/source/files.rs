//! What the files of a source define, and what follows for its objects when a file changes.
//!
//! Pure: contents and the time are passed in, changes come out.

use super::manifest::{self, Contents};
use super::problem::{FilePath, Problem, ProblemKind, name_some};
use super::yaml;
use crate::api::ObjectId;
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::{Duration, Instant};

/// For how long a file that lost most of its objects in place must stay as it is before that
/// counts: a writer that truncates first and writes then is done by that time.
pub(crate) const HOLD: Duration = Duration::from_secs(1);

/// For how long an object outlives its last definition, in case that only moves: an editor puts a
/// new file in the place of the old one, a checkout writes one file after the other.
pub(crate) const GRACE: Duration = Duration::from_millis(50);

/// How contents came about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum How {
    /// Moved into place or there from the start: whole for certain.
    Whole,
    /// Written where it is: perhaps not for the last time.
    InPlace,
}

/// An object that is new, changed or (without a value) gone.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Change {
    /// Which object.
    pub(crate) id: ObjectId,
    /// The whole object, with a `uid` and a `generation`.
    pub(crate) value: Option<Value>,
}

/// Something that happened once, for the log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Notice {
    /// The objects that went with a file that lost most of what it had.
    Removed(FilePath, Vec<ObjectId>),
    /// A file that had lost most of its objects has enough of them again.
    Restored(FilePath),
    /// An object's definition is now the one in this file.
    TakenOver(ObjectId, FilePath),
}

/// Everything that the files define.
#[derive(Debug, Default)]
pub(crate) struct Files {
    files: BTreeMap<FilePath, File>,
    /// The first path in order defines the object.
    definitions: BTreeMap<ObjectId, BTreeMap<FilePath, Definition>>,
    told: BTreeMap<ObjectId, Told>,
    /// Objects without a definition, and when they go.
    leaving: BTreeMap<ObjectId, Instant>,
    /// Objects whose definitions changed since the last [`Files::poll`].
    dirty: BTreeSet<ObjectId>,
    notices: Vec<Notice>,
    /// The highest generation of any object that is gone: one that comes back starts above it.
    last_generation: i64,
}

#[derive(Debug, Default)]
struct File {
    /// The last good contents.
    applied: Contents,
    held: Option<Held>,
    error: Option<(ProblemKind, String)>,
}

/// Contents that wait, and since when they would count.
#[derive(Debug)]
struct Held {
    contents: Contents,
    lost: Vec<ObjectId>,
    due: Instant,
}

#[derive(Debug)]
struct Definition {
    value: Arc<Value>,
    line: u64,
    /// Lines of further definitions in the same file.
    again: Vec<u64>,
}

/// What the last change of an object said.
#[derive(Debug)]
struct Told {
    value: Arc<Value>,
    generation: i64,
    file: FilePath,
}

impl Files {
    /// A file has these contents, or cannot be read for this reason.
    pub(crate) fn read(&mut self, path: &FilePath, how: How, bytes: Result<&[u8], String>, now: Instant) {
        self.settle(path, now + GRACE);
        let contents = bytes.map_err(|why| (ProblemKind::Unreadable, why)).and_then(|bytes| {
            yaml::parse(bytes)
                .map(manifest::read)
                .map_err(|error| (ProblemKind::Unparsable, format!("does not parse: {error}")))
        });
        let file = self.files.entry(path.clone()).or_default();
        file.error = None;
        match contents {
            Ok(contents) => {
                let lost = file.applied.lost_in(&contents);
                if how == How::InPlace && file.applied.is_mostly(&lost) {
                    file.hold(contents, lost, now);
                } else {
                    if file.held.is_some() {
                        self.notices.push(Notice::Restored(path.clone()));
                    }
                    self.apply(path, contents);
                }
            }
            Err(error) => {
                file.held = None;
                file.error = Some(error);
            }
        }
    }

    /// A file is being written: what it lost may come back.
    pub(crate) fn touched(&mut self, path: &FilePath, now: Instant) {
        if let Some(held) = self.files.get_mut(path).and_then(|file| file.held.as_mut()) {
            held.due = now + HOLD;
        }
        self.settle(path, now + HOLD);
    }

    /// A file is no longer there.
    pub(crate) fn gone(&mut self, path: &FilePath, now: Instant) {
        if self.files.contains_key(path) {
            self.apply(path, Contents::default());
            self.files.remove(path);
            self.settle(path, now + GRACE);
        }
    }

    /// Whether the file was read, with whatever outcome.
    pub(crate) fn has(&self, path: &FilePath) -> bool {
        self.files.contains_key(path)
    }

    /// Whether the last attempt to read the file failed.
    pub(crate) fn is_unreadable(&self, path: &FilePath) -> bool {
        self.files.get(path).is_some_and(|file| matches!(file.error, Some((ProblemKind::Unreadable, _))))
    }

    /// Where each object is defined: file and line.
    pub(crate) fn places(&self) -> BTreeMap<ObjectId, (FilePath, u64)> {
        let first = |definitions: &BTreeMap<FilePath, Definition>| {
            definitions.first_key_value().map(|(file, definition)| (file.clone(), definition.line))
        };
        self.definitions.iter().filter_map(|(id, all)| Some((id.clone(), first(all)?))).collect()
    }

    /// What follows from all that was told up to `now`.
    pub(crate) fn poll(&mut self, now: Instant) -> Vec<Change> {
        self.apply_held(now);
        let mut changes = Vec::new();
        for id in std::mem::take(&mut self.dirty) {
            let Some((file, definition)) = self.definitions.get(&id).and_then(BTreeMap::first_key_value)
            else {
                if self.told.contains_key(&id) {
                    self.leaving.entry(id).or_insert(now + GRACE);
                }
                continue;
            };
            self.leaving.remove(&id);
            let (file, value) = (file.clone(), definition.value.clone());
            changes.extend(self.tell(id, file, value));
        }
        let due: Vec<_> =
            self.leaving.iter().filter(|(_, due)| **due <= now).map(|(id, _)| id.clone()).collect();
        for id in due {
            self.leaving.remove(&id);
            if let Some(told) = self.told.remove(&id) {
                self.last_generation = self.last_generation.max(told.generation);
            }
            changes.push(Change { id, value: None });
        }
        changes
    }

    /// When [`Files::poll`] has something to do next although nothing else happens.
    pub(crate) fn deadline(&self) -> Option<Instant> {
        let held = self.files.values().filter_map(|file| file.held.as_ref()).map(|held| held.due);
        held.chain(self.leaving.values().copied()).min()
    }

    /// What happened since the last call.
    pub(crate) fn take_notices(&mut self) -> Vec<Notice> {
        std::mem::take(&mut self.notices)
    }

    /// Everything that is wrong now.
    pub(crate) fn problems(&self) -> BTreeSet<Problem> {
        let mut problems: BTreeSet<_> =
            self.files.iter().flat_map(|(path, file)| file.problems(path)).collect();
        for (id, definitions) in &self.definitions {
            let Some((first, winner)) = definitions.first_key_value() else { continue };
            for (path, definition) in definitions {
                let own = (path != first).then_some(definition.line);
                problems.extend(own.into_iter().chain(definition.again.iter().copied()).map(|line| {
                    Problem {
                        file: path.clone(),
                        line: Some(line),
                        kind: ProblemKind::Duplicate,
                        object: Some(id.to_string()),
                        message: format!(
                            "is already defined in {first}:{}; that definition counts",
                            winner.line
                        ),
                    }
                }));
            }
        }
        problems
    }

    /// Sets anew when the objects go that this file defined last.
    fn settle(&mut self, path: &FilePath, due: Instant) {
        for (id, leaves) in &mut self.leaving {
            if self.told.get(id).is_some_and(|told| told.file == *path) {
                *leaves = due;
            }
        }
    }

    fn apply_held(&mut self, now: Instant) {
        let due: Vec<_> = self
            .files
            .iter_mut()
            .filter(|(_, file)| file.held.as_ref().is_some_and(|held| held.due <= now))
            .filter_map(|(path, file)| Some((path.clone(), file.held.take()?)))
            .collect();
        for (path, held) in due {
            self.apply(&path, held.contents);
            let mut gone = held.lost;
            gone.retain(|id| !self.definitions.contains_key(id));
            // They were given their time: no further grace.
            self.leaving.extend(gone.iter().map(|id| (id.clone(), now)));
            self.notices.push(Notice::Removed(path, gone));
        }
    }

    /// Makes contents a file's last good ones.
    fn apply(&mut self, path: &FilePath, contents: Contents) {
        let file = self.files.entry(path.clone()).or_default();
        file.held = None;
        for manifest in std::mem::take(&mut file.applied).manifests {
            if let Some(definitions) = self.definitions.get_mut(&manifest.id) {
                definitions.remove(path);
                if definitions.is_empty() {
                    self.definitions.remove(&manifest.id);
                }
            }
            self.dirty.insert(manifest.id);
        }
        for manifest in &contents.manifests {
            self.dirty.insert(manifest.id.clone());
            self.definitions
                .entry(manifest.id.clone())
                .or_default()
                .entry(path.clone())
                .and_modify(|first| first.again.push(manifest.line))
                .or_insert_with(|| Definition {
                    value: manifest.value.clone(),
                    line: manifest.line,
                    again: Vec::new(),
                });
        }
        file.applied = contents;
    }

    /// The change for an object that is defined so, if it is one.
    fn tell(&mut self, id: ObjectId, file: FilePath, value: Arc<Value>) -> Option<Change> {
        let generation = match self.told.get_mut(&id) {
            None => self.last_generation + 1,
            Some(told) => {
                if told.file != file {
                    self.notices.push(Notice::TakenOver(id.clone(), file.clone()));
                    told.file = file.clone();
                }
                if told.value == value {
                    return None;
                }
                told.generation + i64::from(!same_but_metadata(&told.value, &value))
            }
        };
        let mut whole = (*value).clone();
        if let Some(metadata) = whole.get_mut("metadata").and_then(Value::as_object_mut) {
            // The name is all that tells a file's object from others, also after a restart.
            metadata.insert("uid".to_owned(), id.to_string().into());
            metadata.insert("generation".to_owned(), generation.into());
        }
        self.told.insert(id.clone(), Told { value, generation, file });
        Some(Change { id, value: Some(whole) })
    }
}

impl File {
    fn hold(&mut self, contents: Contents, lost: Vec<ObjectId>, now: Instant) {
        let unchanged = self.held.take().filter(|held| held.contents == contents);
        let due = unchanged.map_or(now + HOLD, |held| held.due);
        self.held = Some(Held { contents, lost, due });
    }

    fn problems(&self, path: &FilePath) -> Vec<Problem> {
        let problem =
            |line, kind, object, message| Problem { file: path.clone(), line, kind, object, message };
        let mut problems = Vec::new();
        if let Some((kind, message)) = &self.error {
            let kept = match self.applied.manifests.len() {
                0 => String::new(),
                1 => "; its last good object stays".to_owned(),
                count => format!("; its {count} last good objects stay"),
            };
            problems.push(problem(None, *kind, None, format!("{message}{kept}")));
        }
        if let Some(held) = &self.held {
            let message = format!(
                "lost {} of its {} objects ({}); they stay until it has been unchanged for {} s",
                held.lost.len(),
                self.applied.ids().len(),
                name_some(&held.lost),
                HOLD.as_secs()
            );
            problems.push(problem(None, ProblemKind::HeldBack, None, message));
        }
        problems.extend(self.applied.unread.iter().map(|unread| {
            let kind = if unread.mistake { ProblemKind::Malformed } else { ProblemKind::NotRead };
            problem(Some(unread.line), kind, Some(unread.what.clone()), unread.message.clone())
        }));
        problems
    }
}

impl Contents {
    fn ids(&self) -> BTreeSet<&ObjectId> {
        self.manifests.iter().map(|manifest| &manifest.id).collect()
    }

    /// The objects that `newer` no longer has.
    fn lost_in(&self, newer: &Self) -> Vec<ObjectId> {
        self.ids().difference(&newer.ids()).map(|id| (*id).clone()).collect()
    }

    /// Whether these objects are more than half of all.
    fn is_mostly(&self, lost: &[ObjectId]) -> bool {
        lost.len() * 2 > self.ids().len()
    }
}

/// Whether two objects want the same: what Kubernetes counts in `metadata.generation`.
fn same_but_metadata(a: &Value, b: &Value) -> bool {
    let (Some(a), Some(b)) = (a.as_object(), b.as_object()) else { return a == b };
    let relevant = |key: &&String| !matches!(key.as_str(), "metadata" | "apiVersion");
    a.keys().chain(b.keys()).filter(relevant).all(|key| a.get(key) == b.get(key))
}

#[cfg(test)]
mod tests;
