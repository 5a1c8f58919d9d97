//! From a route of the model to rules that are ready to be applied.

use super::SessionPersistence;
use super::conditions::{Conditions, Value};
use super::filter::{Filters, header_name};
use super::rule::{Backend, Match, Rule, Target};
use crate::model::{
    self, BackendTarget, HeaderMatch, Hostname, InvalidPattern, PathMatch, Pattern, Reason, RouteKey,
    RuleHost, RuleKey, ValueMatch,
};
use crate::telemetry::Metrics;
use crate::upstream::{Member, Registry, Split};
use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Weak};

/// A route's rules, and what its place among other routes goes by.
#[derive(Debug)]
pub(super) struct CompiledRoute {
    pub(super) key: RouteKey,
    pub(super) created: i64,
    pub(super) rules: Vec<Arc<Rule>>,
}

/// What compiling keeps from one route to the next.
#[derive(Debug, Default)]
pub(super) struct Compiler {
    patterns: Patterns,
    pub(super) splits: SplitIds,
}

/// Expressions in use, so that an edit of a weight compiles none again.
#[derive(Debug, Default)]
struct Patterns(HashMap<Arc<str>, Weak<Pattern>>);

/// The identities of the rules' splits.
#[derive(Debug, Default)]
pub(super) struct SplitIds {
    given: u64,
    ids: HashMap<RouteKey, HashMap<RuleKey, u64>>,
    changed: bool,
}

/// Splits of upstreams are numbered by their slot, which has 32 bits; those of rules go on from
/// there, as workers keep the cursors of both in one place.
const FIRST_SPLIT_ID: u64 = 1 << 32;

impl Compiler {
    pub(super) fn route(
        &mut self,
        route: &model::Route,
        registry: &mut Registry,
        metrics: &Metrics,
    ) -> CompiledRoute {
        let route_name: Arc<str> = route.key.to_string().into();
        let route_metrics = metrics.route(&route.key);
        let keys = unique_keys(&route.rules);
        let ids = self.splits.assign(&route.key, &keys);
        let rules = route.rules.iter().zip(keys).zip(ids).map(|((rule, key), split_id)| {
            let (filters, weighted) = match Filters::compile(&rule.filters, registry) {
                Ok(filters) => (filters, compile_backends(rule, registry)),
                Err(error) => (Filters::default(), vec![(1, broken(&error.to_string()))]),
            };
            let of_backends = weighted.iter().map(|(_, backend)| &backend.filters);
            let asked = of_backends.chain([&filters]).filter_map(|filters| filters.auth.as_ref());
            let body_before = asked.map(|auth| auth.max_body).max().unwrap_or_default();
            let matches =
                rule.matches.iter().filter_map(|matching| self.patterns.compile_match(route, rule, matching));
            Arc::new(Rule {
                route: route.key.clone(),
                name: key.to_string().into(),
                key,
                route_name: route_name.clone(),
                metrics: route_metrics.clone(),
                host: rule.host.clone(),
                matches: matches.collect(),
                filters,
                split: split(&weighted),
                backends: weighted.into_iter().map(|(_, backend)| backend).collect(),
                split_id,
                timeouts: rule.timeouts,
                retry: rule.retry.clone(),
                body_before,
            })
        });
        CompiledRoute { key: route.key.clone(), created: route.created, rules: rules.collect() }
    }

    /// Drops expressions that no rule uses any more.
    pub(super) fn sweep(&mut self) {
        self.patterns.0.retain(|_, pattern| pattern.strong_count() > 0);
    }
}

/// Two rules of one name would share a cursor: the second goes by its place.
fn unique_keys(rules: &[model::Rule]) -> Vec<RuleKey> {
    let mut seen = HashSet::new();
    let keys = rules
        .iter()
        .zip(0..)
        .map(|(rule, place)| if seen.insert(&rule.key) { rule.key.clone() } else { RuleKey::Index(place) });
    keys.collect()
}

fn broken(reference: &str) -> Backend {
    Backend {
        name: reference.into(),
        target: Target::Broken(Reason::InvalidFilter),
        filters: Filters::default(),
        session: None,
    }
}

fn compile_backends(rule: &model::Rule, registry: &mut Registry) -> Vec<(u32, Backend)> {
    let backends = rule.backends.iter().map(|backend| {
        let (name, target): (Arc<str>, _) = match &backend.target {
            BackendTarget::Upstream(key) => (key.to_string().into(), Target::Upstream(registry.slot(key))),
            BackendTarget::Broken { reason, reference } => (reference.clone(), Target::Broken(*reason)),
        };
        let session = backend.session.as_ref().map(SessionPersistence::compile).transpose();
        let filters = Filters::compile(&backend.filters, registry);
        let compiled = match filters.and_then(|filters| Ok((filters, session?.map(Arc::new)))) {
            Ok((filters, session)) => Backend { name, target, filters, session },
            Err(error) => broken(&format!("{name}: {error}")),
        };
        (backend.weight, compiled)
    });
    backends.collect()
}

/// A backend is known by its reference over all versions; of several with the same one, by
/// their order too.
fn split(weighted: &[(u32, Backend)]) -> Split {
    let mut seen: HashMap<&str, u32> = HashMap::new();
    let members = weighted.iter().map(|(weight, backend)| {
        let before = seen.entry(&backend.name).or_default();
        let name =
            if *before == 0 { backend.name.clone() } else { format!("{} #{before}", backend.name).into() };
        *before += 1;
        Member { name, weight: *weight }
    });
    Split::new(members.collect::<Vec<_>>())
}

impl Patterns {
    /// A match that cannot be compiled matches nothing: the control plane judges expressions
    /// and names by the same functions and drops such a rule, so this is a defect and no reason
    /// to take the other rules down.
    fn compile_match(
        &mut self,
        route: &model::Route,
        rule: &model::Rule,
        matching: &model::Match,
    ) -> Option<Match> {
        self.try_compile(rule, matching)
            .inspect_err(|error| tracing::error!(route = %route.key, error, "a match is left out"))
            .ok()
    }

    fn try_compile(&mut self, rule: &model::Rule, matching: &model::Match) -> Result<Match, String> {
        let text = |error: InvalidPattern| error.to_string();
        let pattern = match &matching.path {
            PathMatch::Regex(pattern) => Some(self.get(pattern).map_err(text)?),
            PathMatch::Exact(_) | PathMatch::Prefix(_) => None,
        };
        let header = |wanted: &HeaderMatch, patterns: &mut Self| {
            let name = header_name(&wanted.name).map_err(|error| error.to_string())?;
            Ok::<_, String>((name, patterns.value(&wanted.value).map_err(text)?))
        };
        let headers = matching.headers.iter().map(|wanted| header(wanted, self)).collect::<Result<_, _>>()?;
        let query = |wanted: &model::QueryMatch, patterns: &mut Self| {
            Ok::<_, String>((wanted.name.clone(), patterns.value(&wanted.value).map_err(text)?))
        };
        let queries = matching.queries.iter().map(|wanted| query(wanted, self)).collect::<Result<_, _>>()?;
        let one_label_before = match rule.host.as_ref().and_then(RuleHost::hostname) {
            Some(Hostname::Wildcard(suffix)) => Some(suffix.clone()),
            Some(Hostname::Exact(_)) | None => None,
        };
        let method = matching.method.clone();
        let conditions = Conditions { method, one_label_before, headers, queries };
        Ok(Match { model: matching.clone(), pattern, conditions })
    }

    fn value(&mut self, value: &ValueMatch) -> Result<Value, InvalidPattern> {
        Ok(match value {
            ValueMatch::Exact(text) => Value::Exact(text.clone()),
            ValueMatch::Regex(pattern) => Value::Pattern(self.get(pattern)?),
        })
    }

    fn get(&mut self, text: &Arc<str>) -> Result<Arc<Pattern>, InvalidPattern> {
        if let Some(known) = self.0.get(text).and_then(Weak::upgrade) {
            return Ok(known);
        }
        let pattern = Arc::new(Pattern::compile(text)?);
        self.0.insert(text.clone(), Arc::downgrade(&pattern));
        Ok(pattern)
    }
}

impl SplitIds {
    /// The identities of a route's rules; those of rules that are gone end.
    fn assign(&mut self, route: &RouteKey, rules: &[RuleKey]) -> Vec<u64> {
        let mut old = self.ids.remove(route).unwrap_or_default();
        let mut ids = HashMap::with_capacity(rules.len());
        let assigned = rules.iter().map(|rule| {
            let id = old.remove(rule).unwrap_or_else(|| {
                self.changed = true;
                self.given += 1;
                FIRST_SPLIT_ID + self.given
            });
            ids.insert(rule.clone(), id);
            id
        });
        let assigned = assigned.collect();
        self.changed |= !old.is_empty();
        self.ids.insert(route.clone(), ids);
        assigned
    }

    pub(super) fn forget(&mut self, route: &RouteKey) {
        self.changed |= self.ids.remove(route).is_some();
    }

    /// All identities in use, if they changed since they were asked for.
    pub(super) fn changes(&mut self) -> Option<HashSet<u64>> {
        std::mem::take(&mut self.changed)
            .then(|| self.ids.values().flat_map(|rules| rules.values().copied()).collect())
    }
}
