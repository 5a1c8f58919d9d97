use super::generate::{Change, binds, history, requests};
use super::*;
use crate::model::{Delta, Resource, ResourceKey};
use crate::table::{Belonging, Builder, Request, Table};
use crate::telemetry::Metrics;
use crate::tls::ClientConfigs;
use crate::upstream::{Registry, TargetPolicy};
use proptest::prelude::*;
use proptest::strategy::ValueTree;
use proptest::test_runner::{Config, TestRunner};
use std::collections::BTreeMap;
use std::sync::Arc;

fn builder() -> Builder {
    let metrics = Metrics::new();
    let tls = ClientConfigs::new(rustls::RootCertStore::empty());
    Builder::new(Registry::new(TargetPolicy::new(true, Vec::new()), tls, metrics.clone()), metrics)
}

/// The resources that exist after a number of changes.
#[derive(Default)]
struct State {
    version: u64,
    resources: BTreeMap<ResourceKey, Resource>,
}

impl State {
    /// Applies a group of changes and gives the delta that does the same; in it, the last change
    /// of a key counts.
    fn apply(&mut self, changes: Vec<Change>) -> Delta {
        let mut last: BTreeMap<ResourceKey, Option<Resource>> = BTreeMap::new();
        for change in changes {
            match change {
                Change::Listener(new) => {
                    last.insert(ResourceKey::Listener(new.key.clone()), Some(Resource::Listener(new)))
                }
                Change::Route(new) => {
                    last.insert(ResourceKey::Route(new.key.clone()), Some(Resource::Route(new)))
                }
                Change::RemoveListener(key) => last.insert(ResourceKey::Listener(key), None),
                Change::RemoveRoute(key) => last.insert(ResourceKey::Route(key), None),
            };
        }
        self.version += 1;
        let mut delta = Delta { version: self.version, ..Delta::default() };
        for (key, change) in last {
            match change {
                Some(new) => {
                    self.resources.insert(key, new.clone());
                    delta.upserts.push(new);
                }
                None => {
                    self.resources.remove(&key);
                    delta.removals.push(key);
                }
            }
        }
        delta
    }

    fn made_at_once(&self) -> Arc<Table> {
        let upserts = self.resources.values().rev().cloned().collect();
        builder().apply(Delta { version: self.version, upserts, removals: Vec::new() })
    }

    fn configuration(&self) -> Configuration {
        let mut configuration = Configuration::default();
        for resource in self.resources.values() {
            match resource {
                Resource::Listener(listener) => configuration.listeners.push(listener.clone()),
                Resource::Route(route) => configuration.routes.push(route.clone()),
                _ => {}
            }
        }
        configuration
    }
}

/// What a request finds: no socket or listener, or the listener and its answer.
type Outcome = Option<(ListenerKey, Option<Answer>)>;

fn in_table(table: &Table, address: BindAddress, asked: &Asked) -> Outcome {
    let listener = table.bind(address)?.listener_for(&asked.host)?;
    let pairs: Vec<_> = asked.query.iter().map(|(name, value)| format!("{name}={value}")).collect();
    let query = pairs.join("&");
    let request = Request {
        host: &asked.host,
        path: &asked.path,
        query: (!query.is_empty()).then_some(query.as_str()),
        method: &asked.method,
        headers: &asked.headers,
    };
    let answer = listener.find(&request).map(|found| {
        let place = found.rule.matches.iter().position(|matching| std::ptr::eq(matching, found.matched));
        (found.rule.route.clone(), found.rule.key.clone(), place.unwrap())
    });
    Some((listener.key.clone(), answer))
}

fn by_oracle(configuration: &Configuration, address: BindAddress, asked: &Asked) -> Outcome {
    let listener = configuration.listener(address, &asked.host)?;
    Some((listener.key.clone(), configuration.find(&listener.key, asked)))
}

/// As many cases as `PROPTEST_CASES` says, or 256. Without a file of old failures: the source tree
/// stays as it is.
fn config() -> Config {
    Config { failure_persistence: None, ..Config::default() }
}

proptest! {
    #![proptest_config(config())]

    #[test]
    fn the_table_agrees_with_the_oracle_after_every_delta(history in history(), requests in requests()) {
        let mut state = State::default();
        let mut incremental = builder();
        for changes in history {
            let table = incremental.apply(state.apply(changes));
            let configuration = state.configuration();
            for (address, asked) in binds().into_iter().flat_map(|address| requests.iter().map(move |a| (address, a))) {
                let wanted = by_oracle(&configuration, address, asked);
                prop_assert_eq!(in_table(&table, address, asked), wanted, "{:?}", asked);
            }
        }
        let (fresh, configuration) = (state.made_at_once(), state.configuration());
        for (address, asked) in binds().into_iter().flat_map(|address| requests.iter().map(move |a| (address, a))) {
            let wanted = by_oracle(&configuration, address, asked);
            prop_assert_eq!(in_table(&fresh, address, asked), wanted, "made at once: {:?}", asked);
        }
    }

    #[test]
    fn a_request_belongs_to_one_listener_of_its_socket_or_none(history in history(), requests in requests()) {
        let mut state = State::default();
        let mut builder = builder();
        for changes in history {
            builder.apply(state.apply(changes));
        }
        let table = builder.apply(state.apply(Vec::new()));
        let configuration = state.configuration();
        for address in binds() {
            let Some(bind) = table.bind(address) else { continue };
            for asked in &requests {
                let owner = configuration.listener(address, &asked.host).map(|listener| &listener.key);
                for listener in &configuration.listeners {
                    let belonging = bind.belonging(&listener.key, &asked.host);
                    match owner {
                        Some(owner) if *owner == listener.key => {
                            prop_assert!(matches!(belonging, Belonging::Here(here) if here.key == *owner));
                        }
                        Some(_) => prop_assert!(matches!(belonging, Belonging::Misdirected)),
                        None => prop_assert!(matches!(belonging, Belonging::Nowhere)),
                    }
                }
            }
        }
    }
}

/// The properties above would hold of a generator that never matches anything too.
#[test]
fn the_random_requests_meet_every_kind_of_match() {
    let mut runner = TestRunner::deterministic();
    let (mut asked_in_all, mut contested) = (0, 0);
    let mut by_kind = BTreeMap::<&str, usize>::new();
    for _ in 0..300 {
        let mut state = State::default();
        for changes in history().new_tree(&mut runner).unwrap().current() {
            state.apply(changes);
        }
        let configuration = state.configuration();
        for asked in requests().new_tree(&mut runner).unwrap().current() {
            asked_in_all += 1;
            let Some((_, Some(answer))) = by_oracle(&configuration, binds()[0], &asked) else { continue };
            let route = configuration.routes.iter().find(|route| route.key == answer.0).unwrap();
            let rule = route.rules.iter().find(|rule| rule.key == answer.1).unwrap();
            let kind = match rule.matches[answer.2].path {
                PathMatch::Exact(_) => "exact",
                PathMatch::Regex(_) => "expression",
                PathMatch::Prefix(_) => "prefix",
            };
            *by_kind.entry(kind).or_default() += 1;
            let others =
                configuration.routes.iter().flat_map(|route| &route.rules).flat_map(|rule| &rule.matches);
            contested += usize::from(others.filter(|matching| matches(matching, &asked)).count() > 1);
        }
    }
    let found: usize = by_kind.values().sum();
    assert!(found * 10 > asked_in_all, "{found} of {asked_in_all} found a rule");
    assert!(contested * 10 > asked_in_all, "{contested} of {asked_in_all} had more than one to choose from");
    assert!(by_kind.values().all(|count| count * 50 > asked_in_all) && by_kind.len() == 3, "{by_kind:?}");
}
