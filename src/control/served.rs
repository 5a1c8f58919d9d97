//! Which generation of each object is served by every worker, and what changed in that.

use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;
use std::sync::Arc;

/// How many objects that are gone are remembered for readers who have not heard of it. A reader
/// that missed more gets everything anew.
const MAX_GONE: usize = 10_000;

/// An object by uid, and its generation; without one it is gone.
pub(super) type Change = (Arc<str>, Option<i64>);

/// What every worker serves.
#[derive(Debug)]
pub(super) struct Served {
    /// Tells this process from every other, as cursors of two processes have nothing in common.
    process: Arc<str>,
    /// The addresses of the node of this process.
    pub(super) nodes: BTreeSet<IpAddr>,
    /// Published and not yet served by every worker, by version.
    on_the_way: BTreeMap<u64, Vec<Change>>,
    objects: BTreeMap<Arc<str>, Entry>,
    /// Who changed at which cursor.
    changes: BTreeMap<u64, Arc<str>>,
    gone: usize,
    /// Cursors up to this one are no longer known one by one.
    forgotten: u64,
    cursor: u64,
    version: u64,
}

#[derive(Clone, Copy, Debug)]
struct Entry {
    /// None: gone.
    generation: Option<i64>,
    cursor: u64,
}

/// What changed since a cursor.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Report {
    /// The process that tells, by a random text.
    pub process: Arc<str>,
    /// The addresses of its node.
    #[serde(default)]
    pub nodes: BTreeSet<IpAddr>,
    /// Where the next reading begins.
    pub cursor: u64,
    /// The version that every worker serves.
    pub version: u64,
    /// Whether this is everything: what the reader knew before does not count any more.
    pub complete: bool,
    /// Generation by uid.
    pub objects: BTreeMap<Arc<str>, i64>,
    /// The uids of objects that are gone.
    pub gone: Vec<Arc<str>>,
}

impl Default for Served {
    fn default() -> Self {
        Self {
            process: format!("{:032x}", fastrand::u128(..)).into(),
            nodes: BTreeSet::new(),
            on_the_way: BTreeMap::new(),
            objects: BTreeMap::new(),
            changes: BTreeMap::new(),
            gone: 0,
            forgotten: 0,
            cursor: 0,
            version: 0,
        }
    }
}

impl Served {
    /// With this version these objects are at these generations, or gone.
    pub(super) fn published(&mut self, version: u64, objects: Vec<Change>) {
        self.on_the_way.entry(version).or_default().extend(objects);
        self.acknowledged(self.version);
    }

    /// Every worker serves this version, and with it all that came before.
    pub(super) fn acknowledged(&mut self, version: u64) {
        self.version = self.version.max(version);
        while let Some(entry) = self.on_the_way.first_entry().filter(|entry| *entry.key() <= self.version) {
            for (uid, generation) in entry.remove() {
                self.set(uid, generation);
            }
        }
        self.forget_gone();
    }

    /// The version that every worker serves.
    pub(super) fn version(&self) -> u64 {
        self.version
    }

    /// The generation of an object that every worker serves.
    pub(super) fn generation(&self, uid: &str) -> Option<i64> {
        self.objects.get(uid)?.generation
    }

    /// What changed since `cursor` of the process that the reader names, if it does: everything for
    /// a reader that comes for the first time (0), or from another process, or was away too long.
    pub(super) fn since(&self, cursor: u64, process: Option<&str>) -> Report {
        let elsewhere = process.is_some_and(|process| *process != *self.process);
        let complete = elsewhere || cursor <= self.forgotten || cursor > self.cursor;
        let mut report = Report {
            process: self.process.clone(),
            nodes: self.nodes.clone(),
            cursor: self.cursor,
            version: self.version,
            complete,
            objects: BTreeMap::new(),
            gone: Vec::new(),
        };
        let from = if complete { 0 } else { cursor };
        for uid in self.changes.range(from + 1..).map(|(_, uid)| uid) {
            match self.objects.get(uid).and_then(|entry| entry.generation) {
                Some(generation) => {
                    report.objects.insert(uid.clone(), generation);
                }
                None if complete => {}
                None => report.gone.push(uid.clone()),
            }
        }
        report
    }

    fn set(&mut self, uid: Arc<str>, generation: Option<i64>) {
        let before = self.objects.get(&uid).copied();
        if before.map_or(generation.is_none(), |before| before.generation == generation) {
            return;
        }
        if let Some(before) = before {
            self.changes.remove(&before.cursor);
            self.gone -= usize::from(before.generation.is_none());
        }
        self.cursor += 1;
        self.gone += usize::from(generation.is_none());
        self.objects.insert(uid.clone(), Entry { generation, cursor: self.cursor });
        self.changes.insert(self.cursor, uid);
    }

    /// Drops the older half of the gone objects once there are too many.
    fn forget_gone(&mut self) {
        if self.gone <= MAX_GONE {
            return;
        }
        let is_gone = |uid: &Arc<str>| self.objects.get(uid).is_some_and(|entry| entry.generation.is_none());
        let old: Vec<_> = self
            .changes
            .iter()
            .filter(|(_, uid)| is_gone(uid))
            .take(MAX_GONE / 2)
            .map(|(cursor, uid)| (*cursor, uid.clone()))
            .collect();
        for (cursor, uid) in old {
            self.changes.remove(&cursor);
            self.objects.remove(&uid);
            self.gone -= 1;
            self.forgotten = cursor;
        }
    }
}

#[cfg(test)]
mod tests;
