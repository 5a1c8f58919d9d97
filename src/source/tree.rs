//! The files of a directory tree, with symbolic links followed, each file once.

use super::problem::{FilePath, Problem, ProblemKind};
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::ffi::{OsStr, OsString};
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::{Component, Path, PathBuf};

/// As many links in a path as Linux itself follows.
const MAX_LINKS: usize = 40;

/// What a walk found.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Tree {
    /// The files by the path that leads to them.
    pub(crate) files: BTreeMap<FilePath, Target>,
    /// Directories (without links in their paths) whose entries are part of the tree.
    pub(crate) directories: BTreeSet<PathBuf>,
    /// Entries of other directories, or hidden ones, that decide where a path leads: links, and
    /// what is missing at the end of a broken one.
    pub(crate) turns: BTreeSet<(PathBuf, OsString)>,
    /// What could not be read.
    pub(crate) problems: Vec<Problem>,
    /// Below these paths nothing is known: what was there before may still be.
    unknown: Vec<PathBuf>,
}

/// Where a path leads.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Target {
    /// The path without links.
    pub(crate) real: PathBuf,
    /// Device and inode: another file in the same place differs.
    pub(crate) identity: (u64, u64),
}

/// How closely a directory is to be watched.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Interest {
    /// Only which entries it has.
    Entries,
    /// Also what is written to its files.
    Contents,
}

/// Told of each directory before it is read, so that no change is missed in between.
pub(crate) trait Watch {
    /// Begins to watch; a directory that is gone by now is no error.
    fn watch(&mut self, directory: &Path, interest: Interest) -> io::Result<()>;
}

/// For reading once.
pub(crate) struct Unwatched;

impl Watch for Unwatched {
    fn watch(&mut self, _: &Path, _: Interest) -> io::Result<()> {
        Ok(())
    }
}

/// Whether the tree has files of this name: hidden ones are not meant, and it is behind hidden
/// names that a ConfigMap volume keeps what its links show.
pub(crate) fn is_manifest(name: &OsStr) -> bool {
    !is_hidden(name) && matches!(Path::new(name).extension().and_then(OsStr::to_str), Some("yaml" | "yml"))
}

/// Whether the name begins with a dot.
pub(crate) fn is_hidden(name: &OsStr) -> bool {
    name.as_encoded_bytes().starts_with(b".")
}

impl Tree {
    /// Walks the whole tree below `root`.
    pub(crate) fn walk(root: &Path, watch: &mut dyn Watch) -> Self {
        let mut walk = Walk { tree: Self::default(), seen: BTreeMap::new(), watch };
        walk.root(root);
        walk.tree
    }

    /// Whether the walk can tell that this file is gone.
    pub(crate) fn knows(&self, path: &FilePath) -> bool {
        !self.unknown.iter().any(|unknown| path.is_below(unknown))
    }
}

struct Walk<'a> {
    tree: Tree,
    /// The file that each real path was first found as.
    seen: BTreeMap<PathBuf, FilePath>,
    watch: &'a mut dyn Watch,
}

impl Walk<'_> {
    fn root(&mut self, root: &Path) {
        let resolved = std::path::absolute(root).and_then(|path| self.resolve(Path::new("/"), &path));
        match resolved {
            Ok(real) => {
                // A root that is moved away and replaced is noticed in the directory above it.
                if let (Some(parent), Some(name)) = (real.parent(), real.file_name()) {
                    self.turn(parent, name);
                }
                self.directory(&real, Path::new(""));
            }
            Err(error) => self.unreadable(Path::new(""), &error),
        }
    }

    fn directory(&mut self, real: &Path, logical: &Path) {
        // Reached a second time (a link to a parent, two links to one directory): once is enough.
        if !self.tree.directories.insert(real.to_owned()) {
            return;
        }
        self.watch(real, Interest::Contents);
        let names = std::fs::read_dir(real).and_then(|entries| {
            entries.map(|entry| Ok(entry?.file_name())).collect::<io::Result<BTreeSet<_>>>()
        });
        match names {
            Ok(names) => {
                for name in names.iter().filter(|name| !is_hidden(name)) {
                    self.entry(real, name, &logical.join(name));
                }
            }
            // Gone since its name was read. The root has to be there.
            Err(error) if error.kind() == io::ErrorKind::NotFound && logical != Path::new("") => {}
            Err(error) => self.unreadable(logical, &error),
        }
    }

    fn entry(&mut self, directory: &Path, name: &OsStr, logical: &Path) {
        let found =
            self.resolve(directory, Path::new(name)).and_then(|real| Ok((std::fs::metadata(&real)?, real)));
        match found {
            Ok((metadata, real)) if metadata.is_dir() => self.directory(&real, logical),
            Ok((metadata, real)) if metadata.is_file() && is_manifest(name) => {
                self.file(real, (metadata.dev(), metadata.ino()), logical);
            }
            Ok(_) => {}
            // A link to nothing is no file; what it misses is among the turns.
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => self.unreadable(logical, &error),
        }
    }

    /// Of several paths that lead to one file the first in order is the file's.
    fn file(&mut self, real: PathBuf, identity: (u64, u64), logical: &Path) {
        let path = FilePath::new(logical);
        if let Some(other) = self.seen.get(&real) {
            if *other < path {
                return;
            }
            self.tree.files.remove(other);
        }
        if let Some(directory) = real.parent() {
            self.watch(directory, Interest::Contents);
        }
        self.seen.insert(real.clone(), path.clone());
        self.tree.files.insert(path, Target { real, identity });
    }

    /// The path without links, from a directory whose own path has none. Each link on the way
    /// becomes a turn.
    fn resolve(&mut self, from: &Path, path: &Path) -> io::Result<PathBuf> {
        let mut rest = VecDeque::new();
        let mut real = from.to_owned();
        let mut links = 0;
        extend_front(&mut rest, path);
        while let Some(name) = rest.pop_front() {
            if name == ".." {
                real.pop();
                continue;
            }
            let step = real.join(&name);
            let is_link = match std::fs::symlink_metadata(&step) {
                Ok(metadata) => metadata.is_symlink(),
                Err(error) => {
                    if error.kind() == io::ErrorKind::NotFound {
                        self.turn(&real, &name);
                    }
                    return Err(error);
                }
            };
            // What lies behind a link need not be in a directory of the tree, so nobody else
            // might notice that it goes.
            if is_link || links > 0 {
                self.turn(&real, &name);
            }
            if is_link {
                links += 1;
                if links > MAX_LINKS {
                    return Err(io::Error::other("too many symbolic links, or a circle of them"));
                }
                let target = std::fs::read_link(&step)?;
                if target.is_absolute() {
                    real = PathBuf::from("/");
                }
                extend_front(&mut rest, &target);
            } else {
                real = step;
            }
        }
        Ok(real)
    }

    fn turn(&mut self, directory: &Path, name: &OsStr) {
        if self.tree.turns.insert((directory.to_owned(), name.to_owned())) {
            self.watch(directory, Interest::Entries);
        }
    }

    fn watch(&mut self, directory: &Path, interest: Interest) {
        if let Err(error) = self.watch.watch(directory, interest) {
            self.tree.problems.push(Problem {
                file: FilePath::new(directory),
                line: None,
                kind: ProblemKind::Unreadable,
                object: None,
                message: format!("changes are not noticed: {error}"),
            });
        }
    }

    fn unreadable(&mut self, logical: &Path, error: &io::Error) {
        self.tree.problems.push(Problem {
            file: FilePath::new(if logical == Path::new("") { Path::new(".") } else { logical }),
            line: None,
            kind: ProblemKind::Unreadable,
            object: None,
            message: format!("{error}; what was last read there stays"),
        });
        self.tree.unknown.push(logical.to_owned());
    }
}

/// Puts a path's elements before those that are left.
fn extend_front(rest: &mut VecDeque<OsString>, path: &Path) {
    for component in path.components().rev() {
        match component {
            Component::Normal(name) => rest.push_front(name.to_owned()),
            Component::ParentDir => rest.push_front("..".into()),
            Component::RootDir | Component::CurDir | Component::Prefix(_) => {}
        }
    }
}

#[cfg(test)]
mod tests;
