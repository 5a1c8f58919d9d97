//! Values by hostname, looked up from the most specific hostname to the least.

use crate::model::Hostname;
use std::collections::HashMap;
use std::sync::Arc;

/// No DNS name is longer; a longer host would cost time and can only match "every host".
const MAX_HOST_LENGTH: usize = 253;

/// Values of exact hostnames, of wildcards, and one of no hostname, which stands for every host.
#[derive(Clone, Debug)]
pub(super) struct Hosts<T> {
    exact: HashMap<Arc<str>, T>,
    /// By the part behind the `*`: `.example.com`.
    wildcards: HashMap<Arc<str>, T>,
    every: Option<T>,
}

impl<T> Default for Hosts<T> {
    fn default() -> Self {
        Self { exact: HashMap::new(), wildcards: HashMap::new(), every: None }
    }
}

impl<T> Hosts<T> {
    /// Adds or replaces a value; gives back the one before.
    pub(super) fn insert(&mut self, hostname: Option<&Hostname>, value: T) -> Option<T> {
        match hostname {
            Some(Hostname::Exact(name)) => self.exact.insert(name.clone(), value),
            Some(Hostname::Wildcard(suffix)) => self.wildcards.insert(suffix.clone(), value),
            None => self.every.replace(value),
        }
    }

    pub(super) fn remove(&mut self, hostname: Option<&Hostname>) {
        match hostname {
            Some(Hostname::Exact(name)) => drop(self.exact.remove(name)),
            Some(Hostname::Wildcard(suffix)) => drop(self.wildcards.remove(suffix)),
            None => self.every = None,
        }
    }

    pub(super) fn get(&self, hostname: Option<&Hostname>) -> Option<&T> {
        match hostname {
            Some(Hostname::Exact(name)) => self.exact.get(name),
            Some(Hostname::Wildcard(suffix)) => self.wildcards.get(suffix),
            None => self.every.as_ref(),
        }
    }

    /// The value for every host.
    pub(super) fn every(&self) -> Option<&T> {
        self.every.as_ref()
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = &T> {
        self.exact.values().chain(self.wildcards.values()).chain(&self.every)
    }

    /// The first thing that `find` makes of the values whose hostname matches: the exact one,
    /// then wildcards from the longest, then the value for every host. `host` is in lower case
    /// and has no port.
    pub(super) fn find_map<'a, R>(
        &'a self,
        host: &str,
        mut find: impl FnMut(&'a T) -> Option<R>,
    ) -> Option<R> {
        if host.len() <= MAX_HOST_LENGTH {
            if let Some(found) = self.exact.get(host).and_then(&mut find) {
                return Some(found);
            }
            if !self.wildcards.is_empty() {
                // A wildcard stands for at least one character: the first dot is not at 0.
                let dots = host.match_indices('.').map(|(place, _)| place).filter(|place| *place > 0);
                for suffix in dots.map(|place| &host[place..]) {
                    if let Some(found) = self.wildcards.get(suffix).and_then(&mut find) {
                        return Some(found);
                    }
                }
            }
        }
        self.every.as_ref().and_then(find)
    }
}

#[cfg(test)]
mod tests;
