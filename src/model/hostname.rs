//! Hostnames of listeners and routes: exact, or a wildcard for one or more leading labels.

use serde::{Deserialize, Serialize};
use std::cmp::Ordering;
use std::fmt;
use std::sync::Arc;

/// A hostname as Gateway API's `Hostname` has it, in lower case, without port or trailing dot.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub enum Hostname {
    /// `shop.example.com`
    Exact(Arc<str>),
    /// `*.example.com`, kept as `.example.com`: any number of labels in front, at least one.
    Wildcard(Arc<str>),
}

/// Why a text is no [`Hostname`].
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "{0:?} is not a hostname: use DNS labels (a-z, 0-9, '-'), optionally after \"*.\", and no IP address"
)]
pub struct InvalidHostname(String);

impl Hostname {
    /// Reads `example.com` or `*.example.com`; upper case is folded.
    pub fn parse(text: &str) -> Result<Self, InvalidHostname> {
        let lower = text.to_ascii_lowercase();
        let (wildcard, name) = match lower.strip_prefix("*.") {
            Some(rest) => (true, rest),
            None => (false, lower.as_str()),
        };
        if !is_dns_name(name) || name.parse::<std::net::IpAddr>().is_ok() {
            return Err(InvalidHostname(text.to_owned()));
        }
        Ok(if wildcard { Self::Wildcard(format!(".{name}").into()) } else { Self::Exact(name.into()) })
    }

    /// Whether a request's host (lower case, no port) belongs to this hostname.
    pub fn matches(&self, host: &str) -> bool {
        match self {
            Self::Exact(name) => **name == *host,
            Self::Wildcard(suffix) => host.len() > suffix.len() && host.ends_with(&**suffix),
        }
    }

    /// The hostname that both stand for, if there is one.
    pub fn intersection(&self, other: &Self) -> Option<Self> {
        match (self, other) {
            (Self::Exact(a), Self::Exact(b)) => (a == b).then(|| self.clone()),
            (Self::Exact(name), Self::Wildcard(_)) => other.matches(name).then(|| self.clone()),
            (Self::Wildcard(_), Self::Exact(name)) => self.matches(name).then(|| other.clone()),
            (Self::Wildcard(a), Self::Wildcard(b)) => {
                if a.ends_with(&**b) {
                    Some(self.clone())
                } else if b.ends_with(&**a) {
                    Some(other.clone())
                } else {
                    None
                }
            }
        }
    }

    /// This hostname, then each that all of its hosts belong to, the most specific first.
    pub fn and_wider(&self) -> impl Iterator<Item = Self> {
        let (Self::Exact(name) | Self::Wildcard(name)) = self;
        // Of a wildcard the dot in front is its own.
        let from = usize::from(matches!(self, Self::Wildcard(_)));
        let dots = name.match_indices('.').filter(move |(at, _)| *at >= from);
        let wider = dots.map(|(at, _)| Self::Wildcard(name[at..].into()));
        std::iter::once(self.clone()).chain(wider)
    }

    /// Orders by how specific the hostname is, the most specific first: exact names before
    /// wildcards, then the longer before the shorter.
    pub fn compare_specificity(&self, other: &Self) -> Ordering {
        match (self, other) {
            (Self::Exact(_), Self::Wildcard(_)) => Ordering::Less,
            (Self::Wildcard(_), Self::Exact(_)) => Ordering::Greater,
            (Self::Exact(a), Self::Exact(b)) | (Self::Wildcard(a), Self::Wildcard(b)) => {
                b.len().cmp(&a.len())
            }
        }
    }
}

/// RFC 1123 labels of at most 63 characters, at most 253 together.
fn is_dns_name(name: &str) -> bool {
    !name.is_empty()
        && name.len() <= 253
        && name.split('.').all(|label| {
            !label.is_empty()
                && label.len() <= 63
                && !label.starts_with('-')
                && !label.ends_with('-')
                && label.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-')
        })
}

impl fmt::Display for Hostname {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Exact(name) => f.write_str(name),
            Self::Wildcard(suffix) => write!(f, "*{suffix}"),
        }
    }
}

impl TryFrom<String> for Hostname {
    type Error = InvalidHostname;
    fn try_from(text: String) -> Result<Self, InvalidHostname> {
        Self::parse(&text)
    }
}

impl From<Hostname> for String {
    fn from(hostname: Hostname) -> Self {
        hostname.to_string()
    }
}

#[cfg(test)]
mod tests;
