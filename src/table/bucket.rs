//! All rules of one hostname of one listener, in the order of precedence.
//!
//! The order is exact paths, then expressions, then prefixes from the longest to the shortest;
//! so at most one exact path, all expressions, and one prefix a length can match a path, and each
//! of these is found by a hash. What still competes is a list in its final order. Of GRPCRoutes
//! expressions and prefixes mix, so the first of each may have to be compared.

use super::compile::CompiledRoute;
use super::conditions::Request;
use super::listener::Found;
use super::query::Query;
use super::rule::{Match, Rule};
use crate::model::{Hostname, PathMatch, RouteKey};
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
    /// Where the first prefix stands in the order.
    first_prefix: Option<usize>,
}

/// One match of one rule.
#[derive(Debug)]
struct Candidate {
    rule: Arc<Rule>,
    /// Of the match in its rule.
    place: usize,
    /// Among all candidates of the bucket.
    order: usize,
}

impl Bucket {
    /// The rules that these routes have for a hostname.
    pub(super) fn new<'a>(
        hostname: Option<&Hostname>,
        routes: impl IntoIterator<Item = &'a CompiledRoute>,
    ) -> Self {
        let mut candidates = Vec::new();
        for route in routes {
            let is_for =
                |rule: &&Arc<Rule>| rule.host.as_ref().is_none_or(|host| host.hostname() == hostname);
            for rule in route.rules.iter().filter(is_for) {
                let places = 0..rule.matches.len();
                let each = places.map(|place| Candidate { rule: rule.clone(), place, order: 0 });
                candidates.extend(each.map(|candidate| (route, candidate)));
            }
        }
        // Stable: within a route, the order of rules and then of matches stays.
        candidates.sort_by(|(one, a), (other, b)| {
            let by_match = a.matching().model.compare_precedence(&b.matching().model);
            by_match.then_with(|| compare_routes(one, other))
        });
        let mut bucket = Self::default();
        for (order, (_, candidate)) in candidates.into_iter().enumerate() {
            bucket.push(Candidate { order, ..candidate });
        }
        bucket
    }

    /// Adds behind all that were added before.
    fn push(&mut self, candidate: Candidate) {
        match candidate.matching().path() {
            PathMatch::Exact(path) => self.exact.entry(path.clone()).or_default().push(candidate),
            PathMatch::Regex(_) => self.expressions.push(candidate),
            PathMatch::Prefix(prefix) => {
                self.first_prefix.get_or_insert(candidate.order);
                if self.prefix_lengths.last() != Some(&prefix.len()) {
                    self.prefix_lengths.push(prefix.len());
                }
                self.prefixes.entry(prefix.clone()).or_default().push(candidate);
            }
        }
    }

    /// The first match in the order of precedence.
    pub(super) fn find<'a>(&'a self, request: &Request<'_>, query: &Query<'_>) -> Option<Found<'a>> {
        let holds = |candidate: &&Candidate| candidate.holds(request, query);
        let exact = self.exact.get(request.path).into_iter().flatten();
        let first = exact.chain(&self.expressions).find(holds);
        let is_before_prefixes =
            |first: &&Candidate| self.first_prefix.is_none_or(|prefix| first.order < prefix);
        let found = match first.filter(is_before_prefixes) {
            Some(first) => Some(first),
            None => {
                let prefixes = self.prefix_lengths.iter().filter_map(|length| {
                    let prefix = element_prefix(request.path, *length)?;
                    self.prefixes.get(prefix)
                });
                let prefix = prefixes.flatten().find(holds);
                first.into_iter().chain(prefix).min_by_key(|candidate| candidate.order)
            }
        };
        found.map(|candidate| Found { rule: &candidate.rule, matched: candidate.matching() })
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
            && conditions.host_holds(request.host)
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
