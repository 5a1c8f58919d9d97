//! Certificates of authorities, as data.

use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;
use std::fmt;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::Arc;

const BEGIN: &str = "-----BEGIN CERTIFICATE-----";
const END: &str = "-----END CERTIFICATE-----";

/// A set of certificates, whose holders sign those of others. Two sets of the same certificates
/// are the same, whatever their order and whatever stands between them.
#[derive(Clone, Serialize, Deserialize)]
#[serde(from = "Stored", into = "Stored")]
pub struct Authorities {
    certificates_pem: Arc<str>,
    count: usize,
    /// It is a part of what tells connections apart, and is looked up for each endpoint: a set of
    /// hundreds is hashed once.
    hash: u64,
}

#[derive(Serialize, Deserialize)]
struct Stored {
    count: usize,
    certificates_pem: Arc<str>,
}

impl Authorities {
    /// Those of a PEM text; what else is in it is left out.
    pub fn new(pem: &str) -> Self {
        let sections = pem.split(BEGIN).skip(1).filter_map(|rest| rest.split_once(END));
        let bodies: BTreeSet<String> =
            sections.map(|(body, _)| body.split_ascii_whitespace().collect::<Vec<_>>().join("\n")).collect();
        let texts: String = bodies.iter().map(|body| format!("{BEGIN}\n{body}\n{END}\n")).collect();
        let mut hasher = DefaultHasher::new();
        texts.hash(&mut hasher);
        Self { certificates_pem: texts.into(), count: bodies.len(), hash: hasher.finish() }
    }

    /// The certificates, each a section.
    pub fn pem(&self) -> &str {
        &self.certificates_pem
    }

    /// How many there are.
    pub fn count(&self) -> usize {
        self.count
    }
}

impl PartialEq for Authorities {
    fn eq(&self, other: &Self) -> bool {
        self.hash == other.hash && self.certificates_pem == other.certificates_pem
    }
}

impl Eq for Authorities {}

impl Hash for Authorities {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.hash.hash(state);
    }
}

impl fmt::Debug for Authorities {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Authorities").field("count", &self.count).finish_non_exhaustive()
    }
}

impl From<Stored> for Authorities {
    fn from(stored: Stored) -> Self {
        Self::new(&stored.certificates_pem)
    }
}

impl From<Authorities> for Stored {
    fn from(authorities: Authorities) -> Self {
        Self { count: authorities.count, certificates_pem: authorities.certificates_pem }
    }
}

#[cfg(test)]
mod tests;
