//! Random configurations, changes of them and requests, from so few words that they collide.

use super::Asked;
use crate::model::*;
use http::{HeaderMap, HeaderName, HeaderValue, Method};
use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;
use proptest::sample::{select, subsequence};

/// The sockets that listeners choose from.
pub(super) fn binds() -> [BindAddress; 2] {
    [8080, 8081].map(|port| BindAddress::tcp(([127, 0, 0, 1], port).into()))
}

const HOSTNAMES: [&str; 7] = ["x", "a.x", "b.x", "c.b.x", "*.x", "*.b.x", "*.c.b.x"];
const HOSTS: [&str; 8] = ["x", "a.x", "b.x", "c.b.x", "d.b.x", "d.c.b.x", "y", "a.y"];
const EXACT_PATHS: [&str; 6] = ["/", "/a", "/a/", "/a/b", "/ab", "/A"];
const PREFIXES: [&str; 5] = ["", "/a", "/a/b", "/ab", "/a/"];
const EXPRESSIONS: [&str; 6] = [".*", "/a.*", "/a|/ab", "/[ab]+", "/a/?b?", "/.b"];
const PATHS: [&str; 13] =
    ["/", "/a", "/a/", "/a/b", "/a/b/", "/a/b/c", "/a/c", "/ab", "/ab/b", "/abc", "/a//b", "/A", "//"];
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
    text(&["l", "m", "n"]).prop_map(|name| ListenerKey::of_gateway(ObjectKey::new("a", "gate"), name))
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
            clients: None,
            client_certificate: None,
            filters: Vec::new(),
            settings: Default::default(),
            tracing: None,
        },
    )
}

/// `a-b/x` goes before `a/x` though `a` goes before `a-b`.
fn route_key(kind: RouteKind) -> impl Strategy<Value = RouteKey> {
    (text(&["a", "a-b"]), text(&["x", "y", "z"]))
        .prop_map(move |(namespace, name)| RouteKey { kind, object: ObjectKey { namespace, name } })
}

fn value() -> impl Strategy<Value = ValueMatch> {
    prop_oneof![
        text(&VALUES).prop_map(ValueMatch::Exact),
        text(&VALUE_EXPRESSIONS).prop_map(ValueMatch::Regex),
    ]
}

fn http_path() -> impl Strategy<Value = PathMatch> {
    prop_oneof![
        text(&EXACT_PATHS).prop_map(PathMatch::Exact),
        text(&EXPRESSIONS).prop_map(PathMatch::Regex),
        text(&PREFIXES).prop_map(PathMatch::Prefix),
    ]
}

/// What a GRPCRoute makes of service and method, with the lengths of what it says.
fn rpc_path() -> impl Strategy<Value = (PathMatch, RpcLengths)> {
    let (service, method) = (|| select(&["a", "ab"][..]), || select(&["b", "c"][..]));
    let lengths = |service: &str, method: &str| RpcLengths { service: service.len(), method: method.len() };
    prop_oneof![
        (service(), method()).prop_map(move |(service, method)| {
            (PathMatch::Exact(format!("/{service}/{method}").into()), lengths(service, method))
        }),
        service().prop_map(move |name| (PathMatch::Prefix(format!("/{name}").into()), lengths(name, ""))),
        method().prop_map(move |name| (PathMatch::Regex(format!("/[^/]+/{name}").into()), lengths("", name))),
        (select(&["a", "a.*"][..]), select(&["b", ".*"][..])).prop_map(move |(service, method)| {
            (PathMatch::Regex(format!("/(?:{service})/(?:{method})").into()), lengths(service, method))
        }),
        Just((PathMatch::Prefix("".into()), lengths("", ""))),
    ]
}

fn matching(kind: RouteKind) -> impl Strategy<Value = Match> {
    let is_http = kind == RouteKind::Http;
    let path = match kind {
        RouteKind::Grpc => rpc_path().prop_map(|(path, lengths)| (path, Some(lengths))).boxed(),
        _ => http_path().prop_map(|path| (path, None)).boxed(),
    };
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
        .prop_map(move |((path, rpc), method, headers, queries)| Match {
            path,
            method: method.filter(|_| is_http),
            headers: headers
                .into_iter()
                .map(|(name, value)| HeaderMatch { name: name.into(), value })
                .collect(),
            queries: queries
                .into_iter()
                .filter(|_| is_http)
                .map(|(name, value)| QueryMatch { name: name.into(), value })
                .collect(),
            rpc,
        })
}

/// Of Ingresses each rule is for one host, of all other routes for each of the route's.
fn rule_host(kind: RouteKind) -> impl Strategy<Value = Option<RuleHost>> {
    let host = prop_oneof![1 => Just(RuleHost::Every), 4 => hostname().prop_map(RuleHost::Named)];
    let some = option::weighted(0.9, host);
    if kind == RouteKind::Ingress { some.boxed() } else { Just(None).boxed() }
}

fn route(kind: RouteKind) -> impl Strategy<Value = Route> {
    let attachment = (listener_key(), prop_oneof![Just(Vec::new()), vec(hostname(), 1..4)])
        .prop_map(|(listener, hostnames)| Attachment { listener, hostnames });
    let rules = vec((rule_host(kind), vec(matching(kind), 1..4)), 1..4);
    (route_key(kind), 0..3_i64, vec(attachment, 1..4), rules).prop_map(
        |(key, created, attachments, rules)| {
            let rules = rules.into_iter().zip(0..).map(|((host, matches), place)| Rule {
                key: RuleKey::Index(place),
                host,
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

fn change(kind: RouteKind) -> impl Strategy<Value = Change> {
    prop_oneof![
        4 => listener().prop_map(Change::Listener),
        8 => route(kind).prop_map(Change::Route),
        1 => listener_key().prop_map(Change::RemoveListener),
        2 => route_key(kind).prop_map(Change::RemoveRoute),
    ]
}

/// Changes in groups, to be applied one group after the other; the first fills the table. All routes
/// are of one kind, as those of two never share a hostname.
pub(super) fn history() -> impl Strategy<Value = Vec<Vec<Change>>> {
    prop_oneof![
        2 => history_of(RouteKind::Http),
        1 => history_of(RouteKind::Grpc),
        1 => history_of(RouteKind::Ingress),
    ]
}

fn history_of(kind: RouteKind) -> impl Strategy<Value = Vec<Vec<Change>>> {
    let first = (vec(listener(), 3), vec(route(kind), 8)).prop_map(|(listeners, routes)| {
        listeners.into_iter().map(Change::Listener).chain(routes.into_iter().map(Change::Route)).collect()
    });
    (first, vec(vec(change(kind), 1..6), 0..4)).prop_map(|(first, mut later): (Vec<_>, Vec<_>)| {
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
