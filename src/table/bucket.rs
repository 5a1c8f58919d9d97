//! All rules of one hostname of one listener, in the order of precedence.
//!
//! The order is exact paths, then expressions, then prefixes from the longest to the shortest;
//! so at most one exact path, all expressions, and one prefix a length can match a path, and each
//! of these is found by a hash. What still competes is a list in its final order.

use super::compile::CompiledRoute;
use super::conditions::Request;
use super::listener::Found;
use super::query::Query;
use super::rule::{Match, Rule};
use crate::model::{PathMatch, RouteKey};
use std::cmp::Ordering;
use std::collections::HashMap;
use std::sync::Arc;

#[cfg(test)]
thread_local! {
    /// How many candidates this thread's lookups have looked at.
    pub(super) static EXAMINED: std::cell::Cell<usize> = const { std::cell::Cell::new(0) };
}

/// The rules of one hostname.
#[derive(Debug, Default)]
pub(super) struct Bucket {
    exact: HashMap<Arc<str>, Vec<Candidate>>,
    expressions: Vec<Candidate>,
    prefixes: HashMap<Arc<str>, Vec<Candidate>>,
    /// The lengths of the prefixes, longest first, each once. They bound the work: a path of
    /// thousands of elements is not looked up at each of them.
    prefix_lengths: Vec<usize>,
}

/// One match of one rule.
#[derive(Debug)]
struct Candidate {
    rule: Arc<Rule>,
    place: usize,
}

impl Bucket {
    pub(super) fn new<'a>(routes: impl IntoIterator<Item = &'a CompiledRoute>) -> Self {
        let mut candidates = Vec::new();
        for route in routes {
            for rule in &route.rules {
                let places = 0..rule.matches.len();
                candidates.extend(places.map(|place| (route, Candidate { rule: rule.clone(), place })));
            }
        }
        // Stable: within a route, the order of rules and then of matches stays.
        candidates.sort_by(|(one, a), (other, b)| {
            let by_match = a.matching().model.compare_precedence(&b.matching().model);
            by_match.then_with(|| compare_routes(one, other))
        });
        let mut bucket = Self::default();
        for (_, candidate) in candidates {
            bucket.push(candidate);
        }
        bucket
    }

    /// Adds behind all that were added before.
    fn push(&mut self, candidate: Candidate) {
        match candidate.matching().path() {
            PathMatch::Exact(path) => self.exact.entry(path.clone()).or_default().push(candidate),
            PathMatch::Regex(_) => self.expressions.push(candidate),
            PathMatch::Prefix(prefix) => {
                if self.prefix_lengths.last() != Some(&prefix.len()) {
                    self.prefix_lengths.push(prefix.len());
                }
                self.prefixes.entry(prefix.clone()).or_default().push(candidate);
            }
        }
    }

    /// The first match in the order of precedence.
    pub(super) fn find<'a>(&'a self, request: &Request<'_>, query: &Query<'_>) -> Option<Found<'a>> {
        let exact = self.exact.get(request.path).into_iter().flatten();
        let prefixes = self.prefix_lengths.iter().filter_map(|length| {
            let prefix = element_prefix(request.path, *length)?;
            self.prefixes.get(prefix)
        });
        exact
            .chain(&self.expressions)
            .chain(prefixes.flatten())
            .find(|candidate| candidate.holds(request, query))
            .map(|candidate| Found { rule: &candidate.rule, matched: candidate.matching() })
    }
}

impl Candidate {
    fn matching(&self) -> &Match {
        &self.rule.matches[self.place]
    }

    /// Whether the request matches; exact paths and prefixes are known to.
    fn holds(&self, request: &Request<'_>, query: &Query<'_>) -> bool {
        #[cfg(test)]
        EXAMINED.set(EXAMINED.get() + 1);
        let Match { conditions, pattern, .. } = self.matching();
        conditions.method_holds(request.method)
            && pattern.as_ref().is_none_or(|pattern| pattern.matches(request.path.as_bytes()))
            && conditions.fields_hold(request.headers, query)
    }
}

/// The first `length` bytes of a path if they end where an element ends.
fn element_prefix(path: &str, length: usize) -> Option<&str> {
    match path.as_bytes().get(length) {
        // Every path, also `*`, begins with no element.
        _ if length == 0 => Some(""),
        Some(b'/') => path.get(..length),
        None if path.len() == length => Some(path),
        _ => None,
    }
}

/// The older route goes first, then the one that is first in the alphabet.
fn compare_routes(one: &CompiledRoute, other: &CompiledRoute) -> Ordering {
    one.created.cmp(&other.created).then_with(|| compare_names(&one.key, &other.key))
}

/// Gateway API orders by the text `namespace/name`. That is not the order of the pairs: `-` and
/// `.` go before `/`, so `a-b/x` is ahead of `a/x`.
fn compare_names(one: &RouteKey, other: &RouteKey) -> Ordering {
    fn text(key: &RouteKey) -> impl Iterator<Item = u8> {
        key.object.namespace.bytes().chain([b'/']).chain(key.object.name.bytes())
    }
    text(one).cmp(text(other)).then(one.kind.cmp(&other.kind))
}
