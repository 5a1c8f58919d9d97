//! The specification's order, written down as plainly as it can be: look at everything, keep what
//! matches, take the greatest. Slow; tests hold the table to it.

use crate::model::{
    BindAddress, HeaderMatch, Hostname, Listener, ListenerKey, Match, PathMatch, QueryMatch, Route, RouteKey,
    RuleHost, RuleKey, ValueMatch,
};
use http::{HeaderMap, Method};
use regex::Regex;
use std::cell::RefCell;
use std::cmp::Reverse;
use std::collections::HashMap;

/// All resources that matter for matching.
#[derive(Clone, Debug, Default)]
pub(super) struct Configuration {
    pub(super) listeners: Vec<Listener>,
    pub(super) routes: Vec<Route>,
}

/// A request.
#[derive(Clone, Debug)]
pub(super) struct Asked {
    pub(super) host: String,
    pub(super) path: String,
    pub(super) query: Vec<(String, String)>,
    pub(super) method: Method,
    pub(super) headers: HeaderMap,
}

/// Which rule it is and by which of its matches: route, rule, the match's place.
pub(super) type Answer = (RouteKey, RuleKey, usize);

/// How specific a hostname is: more is greater.
type Specificity = (u8, usize);

fn specificity(hostname: Option<&Hostname>) -> Specificity {
    match hostname.map(ToString::to_string) {
        None => (0, 0),
        Some(wildcard) if wildcard.starts_with('*') => (1, wildcard.len()),
        Some(exact) => (2, exact.len()),
    }
}

fn host_matches(hostname: Option<&Hostname>, host: &str) -> bool {
    match hostname.map(ToString::to_string) {
        None => true,
        Some(name) => match name.strip_prefix('*') {
            // One label or more in the place of the star.
            Some(rest) => host.strip_suffix(rest).is_some_and(|labels| !labels.is_empty()),
            None => name == host,
        },
    }
}

/// A rule that is for one of its route's hostnames only. A wildcard is one label there.
fn rule_is_for(host: Option<&RuleHost>, hostname: Option<&Hostname>, asked: &str) -> bool {
    let Some(host) = host else { return true };
    let labels = |name: &str| name.split('.').count();
    host.hostname() == hostname
        && match hostname.map(ToString::to_string) {
            Some(name) if name.starts_with('*') => labels(&name) == labels(asked),
            _ => true,
        }
}

fn text_matches(wanted: &ValueMatch, value: &str) -> bool {
    match wanted {
        ValueMatch::Exact(text) => **text == *value,
        ValueMatch::Regex(pattern) => whole_match(pattern, value),
    }
}

/// An expression matches a whole value if it does so from its start and for its whole length.
fn whole_match(pattern: &str, value: &str) -> bool {
    thread_local!(static COMPILED: RefCell<HashMap<String, Regex>> = RefCell::default());
    COMPILED.with_borrow_mut(|compiled| {
        let regex = compiled.entry(pattern.to_owned());
        regex.or_insert_with(|| Regex::new(&format!("^({pattern})$")).unwrap()).is_match(value)
    })
}

fn path_matches(wanted: &PathMatch, path: &str) -> bool {
    match wanted {
        PathMatch::Exact(exact) => **exact == *path,
        PathMatch::Regex(pattern) => whole_match(pattern, path),
        PathMatch::Prefix(prefix) => {
            // Element by element.
            let wanted: Vec<_> = prefix.split('/').collect();
            path.split('/').collect::<Vec<_>>().starts_with(&wanted)
        }
    }
}

fn matches(matching: &Match, asked: &Asked) -> bool {
    let header = |wanted: &HeaderMatch| {
        let values: Vec<_> =
            asked.headers.get_all(&*wanted.name).iter().map(|value| value.to_str().unwrap()).collect();
        !values.is_empty() && text_matches(&wanted.value, &values.join(","))
    };
    let query = |wanted: &QueryMatch| {
        let value = asked.query.iter().find(|(name, _)| **name == *wanted.name);
        value.is_some_and(|(_, value)| text_matches(&wanted.value, value))
    };
    path_matches(&matching.path, &asked.path)
        && matching.method.as_deref().is_none_or(|method| method == asked.method.as_str())
        && matching.headers.iter().all(header)
        && matching.queries.iter().all(query)
}

impl Configuration {
    /// The listener that has the most specific hostname of those that match. Two of one hostname
    /// are a conflict, which the control plane resolves; here the first key wins.
    pub(super) fn listener(&self, address: BindAddress, host: &str) -> Option<&Listener> {
        let on_bind = self.listeners.iter().filter(|listener| listener.binds.contains(&address));
        let matching = on_bind.filter(|listener| host_matches(listener.hostname.as_ref(), host));
        matching.max_by_key(|listener| (specificity(listener.hostname.as_ref()), Reverse(&listener.key)))
    }

    /// Of everything that matches on that listener, what the specification prefers: the route's
    /// most specific hostname; an exact path, then an expression (the longer text), then a
    /// prefix (the longer); a method; more headers; more query parameters; the older route; the
    /// first by "namespace/name"; the first rule; its first match. Of GRPCRoutes: an exact method,
    /// then more of the service, then more of the method; the rest is the same.
    pub(super) fn find(&self, listener: &ListenerKey, asked: &Asked) -> Option<Answer> {
        let mut all = Vec::new();
        for route in &self.routes {
            let attachments = route.attachments.iter().filter(|attachment| attachment.listener == *listener);
            for hostname in attachments.flat_map(|attachment| hostnames(&attachment.hostnames)) {
                if !host_matches(hostname, &asked.host) {
                    continue;
                }
                for (rule_place, rule) in route.rules.iter().enumerate() {
                    if !rule_is_for(rule.host.as_ref(), hostname, &asked.host) {
                        continue;
                    }
                    for (match_place, matching) in rule.matches.iter().enumerate() {
                        if !matches(matching, asked) {
                            continue;
                        }
                        let path = match (&matching.path, &matching.rpc) {
                            (PathMatch::Exact(_), _) => (3, 0, 0),
                            (_, Some(rpc)) => (0, rpc.service, rpc.method),
                            (PathMatch::Regex(pattern), None) => (2, pattern.len(), 0),
                            (PathMatch::Prefix(prefix), None) => (1, prefix.len(), 0),
                        };
                        let conditions =
                            (matching.method.is_some(), matching.headers.len(), matching.queries.len());
                        let name = format!("{}/{}", route.key.object.namespace, route.key.object.name);
                        let tie = (
                            Reverse(route.created),
                            Reverse(name),
                            Reverse(rule_place),
                            Reverse(match_place),
                        );
                        let rank = (specificity(hostname), path, conditions, tie);
                        all.push((rank, (route.key.clone(), rule.key.clone(), match_place)));
                    }
                }
            }
        }
        all.into_iter().max_by(|(one, _), (other, _)| one.cmp(other)).map(|(_, answer)| answer)
    }
}

fn hostnames(hostnames: &[Hostname]) -> Vec<Option<&Hostname>> {
    if hostnames.is_empty() { vec![None] } else { hostnames.iter().map(Some).collect() }
}

mod generate;
mod tests;
