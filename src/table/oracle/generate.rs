//! Random configurations, changes of them and requests, from so few words that they collide.

use super::Asked;
use crate::model::*;
use http::{HeaderMap, HeaderName, HeaderValue, Method};
use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;
use proptest::sample::{select, subsequence};
use std::net::SocketAddr;

/// The sockets that listeners choose from.
pub(super) fn binds() -> [SocketAddr; 2] {
    [SocketAddr::from(([127, 0, 0, 1], 8080)), SocketAddr::from(([127, 0, 0, 1], 8081))]
}

const HOSTNAMES: [&str; 7] = ["x", "a.x", "b.x", "c.b.x", "*.x", "*.b.x", "*.c.b.x"];
const HOSTS: [&str; 8] = ["x", "a.x", "b.x", "c.b.x", "d.b.x", "d.c.b.x", "y", "a.y"];
const EXACT_PATHS: [&str; 6] = ["/", "/a", "/a/", "/a/b", "/ab", "/A"];
const PREFIXES: [&str; 5] = ["", "/a", "/a/b", "/ab", "/a/"];
const EXPRESSIONS: [&str; 6] = [".*", "/a.*", "/a|/ab", "/[ab]+", "/a/?b?", "/.b"];
const PATHS: [&str; 11] = ["/", "/a", "/a/", "/a/b", "/a/b/", "/a/b/c", "/ab", "/abc", "/a//b", "/A", "//"];
const METHODS: [&str; 3] = ["GET", "POST", "get"];
const NAMES: [&str; 2] = ["one", "two"];
const VALUES: [&str; 3] = ["1", "2", "12"];
const VALUE_EXPRESSIONS: [&str; 3] = ["1", "[12]", "1.*"];

/// One resource, or the key of one that goes.
#[derive(Clone, Debug)]
pub(super) enum Change {
    Listener(Listener),
    Route(Route),
    RemoveListener(ListenerKey),
    RemoveRoute(RouteKey),
}

fn text(words: &'static [&'static str]) -> impl Strategy<Value = std::sync::Arc<str>> {
    select(words).prop_map(Into::into)
}

fn hostname() -> impl Strategy<Value = Hostname> {
    select(&HOSTNAMES[..]).prop_map(|name| Hostname::parse(name).unwrap())
}

fn listener_key() -> impl Strategy<Value = ListenerKey> {
    text(&["l", "m", "n"]).prop_map(|name| ListenerKey { gateway: ObjectKey::new("a", "gate"), name })
}

fn listener() -> impl Strategy<Value = Listener> {
    (listener_key(), subsequence(binds().to_vec(), 1..=2), option::weighted(0.5, hostname())).prop_map(
        |(key, binds, hostname)| Listener {
            key,
            binds,
            port: 80,
            protocol: Protocol::Http,
            hostname,
            certificates: Vec::new(),
            settings: Default::default(),
        },
    )
}

/// `a-b/x` goes before `a/x` though `a` goes before `a-b`.
fn route_key() -> impl Strategy<Value = RouteKey> {
    (text(&["a", "a-b"]), text(&["x", "y", "z"])).prop_map(|(namespace, name)| RouteKey {
        kind: RouteKind::Http,
        object: ObjectKey { namespace, name },
    })
}

fn value() -> impl Strategy<Value = ValueMatch> {
    prop_oneof![
        text(&VALUES).prop_map(ValueMatch::Exact),
        text(&VALUE_EXPRESSIONS).prop_map(ValueMatch::Regex),
    ]
}

fn matching() -> impl Strategy<Value = Match> {
    let path = prop_oneof![
        text(&EXACT_PATHS).prop_map(PathMatch::Exact),
        text(&EXPRESSIONS).prop_map(PathMatch::Regex),
        text(&PREFIXES).prop_map(PathMatch::Prefix),
    ];
    // One entry a name, as the schema has it.
    let names = || prop_oneof![4 => Just(Vec::new()), 3 => subsequence(NAMES.to_vec(), 1..=2)];
    let conditions =
        |names: Vec<&'static str>| names.into_iter().map(|name| (Just(name), value())).collect::<Vec<_>>();
    (
        path,
        option::weighted(0.3, text(&METHODS)),
        names().prop_flat_map(conditions),
        names().prop_flat_map(conditions),
    )
        .prop_map(|(path, method, headers, queries)| Match {
            path,
            method,
            headers: headers
                .into_iter()
                .map(|(name, value)| HeaderMatch { name: name.into(), value })
                .collect(),
            queries: queries
                .into_iter()
                .map(|(name, value)| QueryMatch { name: name.into(), value })
                .collect(),
        })
}

fn route() -> impl Strategy<Value = Route> {
    let attachment = (listener_key(), prop_oneof![Just(Vec::new()), vec(hostname(), 1..4)])
        .prop_map(|(listener, hostnames)| Attachment { listener, hostnames });
    (route_key(), 0..3_i64, vec(attachment, 1..4), vec(vec(matching(), 1..4), 1..4)).prop_map(
        |(key, created, attachments, rules)| {
            let rules = rules.into_iter().zip(0..).map(|(matches, place)| Rule {
                key: RuleKey::Index(place),
                matches,
                filters: Filters::default(),
                backends: Vec::new(),
                timeouts: Timeouts::default(),
                retry: None,
            });
            Route { key, created, attachments, rules: rules.collect() }
        },
    )
}

fn change() -> impl Strategy<Value = Change> {
    prop_oneof![
        4 => listener().prop_map(Change::Listener),
        8 => route().prop_map(Change::Route),
        1 => listener_key().prop_map(Change::RemoveListener),
        2 => route_key().prop_map(Change::RemoveRoute),
    ]
}

/// Changes in groups, to be applied one group after the other; the first fills the table.
pub(super) fn history() -> impl Strategy<Value = Vec<Vec<Change>>> {
    let first = (vec(listener(), 3), vec(route(), 8)).prop_map(|(listeners, routes)| {
        listeners.into_iter().map(Change::Listener).chain(routes.into_iter().map(Change::Route)).collect()
    });
    (first, vec(vec(change(), 1..6), 0..4)).prop_map(|(first, mut later): (Vec<_>, Vec<_>)| {
        later.insert(0, first);
        later
    })
}

fn asked() -> impl Strategy<Value = Asked> {
    let pair = || (select(&NAMES[..]), select(&VALUES[..]));
    (
        select(&HOSTS[..]),
        select(&PATHS[..]),
        vec(pair(), 0..3),
        select(&["GET", "POST", "get", "PUT"][..]),
        vec(pair(), 0..3),
    )
        .prop_map(|(host, path, query, method, fields)| {
            let mut headers = HeaderMap::new();
            for (name, value) in fields {
                headers.append(HeaderName::from_static(name), HeaderValue::from_static(value));
            }
            Asked {
                host: host.to_owned(),
                path: path.to_owned(),
                query: query.into_iter().map(|(name, value)| (name.to_owned(), value.to_owned())).collect(),
                method: Method::from_bytes(method.as_bytes()).unwrap(),
                headers,
            }
        })
}

pub(super) fn requests() -> impl Strategy<Value = Vec<Asked>> {
    vec(asked(), 20)
}
