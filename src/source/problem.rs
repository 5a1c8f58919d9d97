//! What is wrong with the files themselves, as long as it is.

use crate::api::ObjectId;
use serde::{Serialize, Serializer};
use std::cmp::Ordering;
use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// A file below the source's directory. The order is that of the bytes of the whole path, so that
/// which of two files comes first does not depend on how a tree is walked.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct FilePath(Arc<Path>);

impl FilePath {
    /// The path relative to the source's directory.
    pub fn new(relative: impl Into<PathBuf>) -> Self {
        Self(relative.into().into())
    }

    /// Whether it is this path or lies somewhere below it.
    pub(crate) fn is_below(&self, directory: &Path) -> bool {
        self.0.starts_with(directory)
    }
}

impl Ord for FilePath {
    fn cmp(&self, other: &Self) -> Ordering {
        self.0.as_os_str().as_encoded_bytes().cmp(other.0.as_os_str().as_encoded_bytes())
    }
}

impl PartialOrd for FilePath {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl fmt::Display for FilePath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.display().fmt(f)
    }
}

impl fmt::Debug for FilePath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl Serialize for FilePath {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

/// What is wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize)]
pub enum ProblemKind {
    /// A file or directory cannot be read.
    Unreadable,
    /// A file is no YAML.
    Unparsable,
    /// A document has no name, or a kind that does not exist.
    Malformed,
    /// An object is defined a second time; the first definition counts.
    Duplicate,
    /// A file lost most of its objects, and it is not sure yet that they are meant to go.
    HeldBack,
    /// No mistake: an object of a kind that Tidegate does not read.
    NotRead,
}

/// Something in a file that is not as it should be.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize)]
pub struct Problem {
    /// Where.
    pub file: FilePath,
    /// Line of the document, from 1.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub line: Option<u64>,
    /// What is wrong.
    pub kind: ProblemKind,
    /// As much of the object's name as is known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub object: Option<String>,
    /// What is wrong in words, and what is done about it.
    pub message: String,
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.file.fmt(f)?;
        if let Some(line) = self.line {
            write!(f, ":{line}")?;
        }
        f.write_str(": ")?;
        if let Some(object) = &self.object {
            write!(f, "{object}: ")?;
        }
        f.write_str(&self.message)
    }
}

/// The first few of many objects, for a message.
pub(crate) fn name_some(objects: &[ObjectId]) -> String {
    const SHOWN: usize = 8;
    let mut text = objects.iter().take(SHOWN).map(ToString::to_string).collect::<Vec<_>>().join(", ");
    if objects.len() > SHOWN {
        text.push_str(&format!(" and {} more", objects.len() - SHOWN));
    }
    text
}
