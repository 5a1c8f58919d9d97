//! A directory tree that is followed: the system's notifications, and what they make of it.

use super::files::{Change, Files, How};
use super::problem::{FilePath, Problem};
use super::reads::{Reads, Signal};
use super::tree::{Interest, Tree, Watch, is_hidden, is_manifest};
use super::yaml::MAX_FILE;
use futures::{FutureExt, StreamExt};
use inotify::{EventMask, EventOwned, EventStream, Inotify, WatchDescriptor, WatchMask, Watches};
use std::collections::{BTreeSet, HashMap, HashSet};
use std::ffi::OsString;
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::time::Instant;

/// Bytes of notifications that are taken at once.
const BUFFER: usize = 64 << 10;

/// Entries of a directory that come or go.
const ENTRIES: EventMask =
    EventMask::CREATE.union(EventMask::DELETE).union(EventMask::MOVED_FROM).union(EventMask::MOVED_TO);

/// The directory itself is no longer where it was.
const SELF: EventMask = EventMask::DELETE_SELF.union(EventMask::MOVE_SELF).union(EventMask::UNMOUNT);

/// A followed directory tree. Nothing runs by itself: [`Directory::changed`] waits and
/// [`Directory::step`] works.
pub(crate) struct Directory {
    root: PathBuf,
    notifications: EventStream<Vec<u8>>,
    /// The notification that ended the last wait.
    first: Option<EventOwned>,
    watched: Watched,
    tree: Tree,
    /// The tree's files by the path that they have without links.
    by_real: HashMap<PathBuf, FilePath>,
    files: Files,
    reads: Reads,
}

/// One notification.
struct Seen {
    directory: PathBuf,
    name: Option<OsString>,
    mask: EventMask,
}

impl Directory {
    /// Reads the whole tree and begins to follow it. Needs a runtime.
    pub(crate) fn open(root: &Path, now: Instant) -> io::Result<Self> {
        std::fs::read_dir(root)?;
        let inotify = Inotify::init()?;
        let watched = Watched { watches: inotify.watches(), found: HashMap::new(), kept: HashMap::new() };
        let mut directory = Self {
            root: root.to_owned(),
            notifications: inotify.into_event_stream(vec![0; BUFFER])?,
            first: None,
            watched,
            tree: Tree::default(),
            by_real: HashMap::new(),
            files: Files::default(),
            reads: Reads::default(),
        };
        directory.walk(false, now);
        directory.reads.reset();
        let paths: Vec<_> = directory.tree.files.keys().cloned().collect();
        paths.iter().for_each(|path| directory.read(path, How::Whole, now));
        Ok(directory)
    }

    /// What the files define, without following them.
    pub(crate) fn read_once(root: &Path, now: Instant) -> io::Result<(Files, Vec<Problem>)> {
        std::fs::read_dir(root)?;
        let tree = Tree::walk(root, &mut super::tree::Unwatched);
        let mut files = Files::default();
        for (path, target) in &tree.files {
            let bytes = read_file(&target.real).map_err(|error| error.to_string());
            files.read(path, How::Whole, bytes.as_deref().map_err(Clone::clone), now);
        }
        Ok((files, tree.problems))
    }

    /// Returns when [`Directory::step`] has something to do.
    pub(crate) async fn changed(&mut self) -> io::Result<()> {
        if self.first.is_some() {
            return Ok(());
        }
        let deadline = [self.files.deadline(), self.reads.deadline()].into_iter().flatten().min();
        let timeout = async {
            match deadline {
                Some(deadline) => tokio::time::sleep_until(deadline.into()).await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            event = self.notifications.next() => {
                self.first = event.transpose()?;
                Ok(())
            }
            () = timeout => Ok(()),
        }
    }

    /// What follows for the objects from all that happened up to now.
    pub(crate) fn step(&mut self, now: Instant) -> io::Result<Vec<Change>> {
        let (seen, overflow) = self.take_seen()?;
        if overflow {
            tracing::warn!("too many changes at once for the system to tell them; reading every file again");
            self.reads.reset();
        }
        if overflow || seen.iter().any(|seen| self.turns(seen)) {
            self.walk(overflow, now);
        }
        for seen in seen {
            self.signal(&seen, now);
        }
        for path in self.reads.take_due(now) {
            self.read(&path, How::InPlace, now);
        }
        Ok(self.files.poll(now))
    }

    /// What the files define.
    pub(crate) fn files_mut(&mut self) -> &mut Files {
        &mut self.files
    }

    /// Everything that is wrong now.
    pub(crate) fn problems(&self) -> BTreeSet<Problem> {
        let mut problems = self.files.problems();
        problems.extend(self.tree.problems.iter().cloned());
        problems
    }

    /// All notifications that are there, and whether some were lost.
    fn take_seen(&mut self) -> io::Result<(Vec<Seen>, bool)> {
        let (mut seen, mut overflow) = (Vec::new(), false);
        loop {
            let waiting = match self.first.take() {
                Some(event) => Some(event),
                None => self.notifications.next().now_or_never().flatten().transpose()?,
            };
            let Some(event) = waiting else { return Ok((seen, overflow)) };
            overflow |= event.mask.contains(EventMask::Q_OVERFLOW);
            if let Some(directory) = self.watched.kept.get(&event.wd) {
                seen.push(Seen { directory: directory.clone(), name: event.name, mask: event.mask });
            }
        }
    }

    /// Whether the tree may have other files than before.
    fn turns(&self, seen: &Seen) -> bool {
        if seen.mask.intersects(SELF) {
            return true;
        }
        let Some(name) = &seen.name else { return false };
        if seen.mask.contains(EventMask::ATTRIB) {
            // What could not be read perhaps can be now.
            return !self.tree.problems.is_empty();
        }
        if !seen.mask.intersects(ENTRIES) {
            return false;
        }
        let path = seen.directory.join(name);
        if self.tree.turns.contains(&(seen.directory.clone(), name.clone()))
            || self.by_real.contains_key(&path)
        {
            return true;
        }
        self.tree.directories.contains(&seen.directory)
            && !is_hidden(name)
            && (seen.mask.contains(EventMask::ISDIR)
                || is_manifest(name)
                || path.symlink_metadata().is_ok_and(|metadata| metadata.is_symlink()))
    }

    /// Looks anew which files there are.
    fn walk(&mut self, suspect_all: bool, now: Instant) {
        let mut tree = Tree::walk(&self.root, &mut self.watched);
        let fresh = self.watched.forget_rest();
        let before = std::mem::take(&mut self.tree.files);
        for (path, target) in &before {
            if tree.files.contains_key(path) {
                continue;
            }
            if tree.knows(path) {
                self.reads.forget(path);
                self.files.gone(path, now);
            } else {
                tree.files.insert(path.clone(), target.clone());
            }
        }
        self.tree = tree;
        self.by_real =
            self.tree.files.iter().map(|(path, target)| (target.real.clone(), path.clone())).collect();
        let mut signals = Vec::new();
        for (path, target) in &self.tree.files {
            let unseen = suspect_all || target.real.parent().is_some_and(|parent| fresh.contains(parent));
            match before.get(path) {
                Some(before) if before.real != target.real => signals.push((path.clone(), Signal::Moved)),
                Some(before) if before.identity == target.identity && !unseen => {}
                _ => signals.push((path.clone(), Signal::Found)),
            }
        }
        for (path, signal) in signals {
            self.note(&path, signal, now);
        }
    }

    /// What a notification says of a file's contents.
    fn signal(&mut self, seen: &Seen, now: Instant) {
        let Some(name) = &seen.name else { return };
        let Some(path) = self.by_real.get(&seen.directory.join(name)).cloned() else { return };
        let mask = seen.mask;
        if mask.contains(EventMask::CLOSE_WRITE) {
            self.note(&path, Signal::Closed, now);
        } else if mask.contains(EventMask::MOVED_TO) {
            self.note(&path, Signal::Moved, now);
        } else if mask.contains(EventMask::MODIFY) {
            self.note(&path, Signal::Modified, now);
        } else if mask.contains(EventMask::ATTRIB) && self.files.is_unreadable(&path) {
            self.note(&path, Signal::Found, now);
        }
    }

    fn note(&mut self, path: &FilePath, signal: Signal, now: Instant) {
        match self.reads.note(path, signal, now) {
            Some(how) => self.read(path, how, now),
            None => self.files.touched(path, now),
        }
    }

    fn read(&mut self, path: &FilePath, how: How, now: Instant) {
        let Some(target) = self.tree.files.get(path) else { return };
        match read_file(&target.real) {
            // Just made and not yet written: its writer will close it.
            Ok(bytes) if bytes.is_empty() && how == How::InPlace && !self.files.has(path) => {
                self.reads.note(path, Signal::Modified, now);
            }
            Ok(bytes) => self.files.read(path, how, Ok(&bytes), now),
            // Gone in the meantime; that is notified too.
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => self.files.read(path, how, Err(format!("cannot be read: {error}")), now),
        }
    }
}

/// Which directories are watched.
struct Watched {
    watches: Watches,
    /// Of the walk that is under way.
    found: HashMap<WatchDescriptor, PathBuf>,
    /// Of the last walk.
    kept: HashMap<WatchDescriptor, PathBuf>,
}

impl Watched {
    /// Ends a walk: directories that it did not come by are no longer watched. Returns those
    /// that were not watched before: what was written in them until now was not noticed.
    fn forget_rest(&mut self) -> HashSet<PathBuf> {
        let found = std::mem::take(&mut self.found);
        let before = std::mem::replace(&mut self.kept, found);
        for descriptor in before.keys().filter(|descriptor| !self.kept.contains_key(descriptor)) {
            // A directory that was removed took its watch along.
            let _ = self.watches.remove(descriptor.clone());
        }
        self.kept
            .iter()
            .filter(|(descriptor, _)| !before.contains_key(descriptor))
            .map(|(_, directory)| directory.clone())
            .collect()
    }
}

impl Watch for Watched {
    fn watch(&mut self, directory: &Path, interest: Interest) -> io::Result<()> {
        let entries = WatchMask::CREATE | WatchMask::DELETE | WatchMask::MOVE;
        let own = WatchMask::DELETE_SELF | WatchMask::MOVE_SELF;
        let contents = match interest {
            Interest::Entries => WatchMask::empty(),
            Interest::Contents => WatchMask::MODIFY | WatchMask::CLOSE_WRITE | WatchMask::ATTRIB,
        };
        // MASK_ADD: what a former walk asked for stays, or a close in between would be missed.
        let mask = entries | own | contents | WatchMask::ONLYDIR | WatchMask::MASK_ADD;
        match self.watches.add(directory, mask) {
            Ok(descriptor) => {
                self.found.insert(descriptor, directory.to_owned());
                Ok(())
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
            // ENOSPC here has nothing to do with disks.
            Err(error) if error.kind() == io::ErrorKind::StorageFull => {
                Err(io::Error::other("no more directories can be watched; raise fs.inotify.max_user_watches"))
            }
            Err(error) => Err(error),
        }
    }
}

fn read_file(path: &Path) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    std::fs::File::open(path)?.take(MAX_FILE + 1).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > MAX_FILE {
        return Err(io::Error::other(format!("larger than {} MiB; split it", MAX_FILE >> 20)));
    }
    Ok(bytes)
}

#[cfg(test)]
mod tests;
