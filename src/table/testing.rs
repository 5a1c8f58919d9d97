//! Short words for resources and requests.

use super::{Builder, Found, Listener, Request, Table};
use crate::model::{self, *};
use crate::telemetry::Metrics;
use crate::tls::ClientConfigs;
use crate::upstream::{Registry, TargetPolicy};
use http::{HeaderMap, HeaderName, HeaderValue, Method};
use std::sync::Arc;

/// The socket of every listener that does not say otherwise.
pub(super) fn address() -> BindAddress {
    BindAddress::tcp(([127, 0, 0, 1], 8080).into())
}

pub(super) fn builder() -> Builder {
    let metrics = Metrics::new();
    builder_with(&metrics)
}

pub(super) fn builder_with(metrics: &Arc<Metrics>) -> Builder {
    let tls = ClientConfigs::new(rustls::RootCertStore::empty());
    let registry = Registry::new(TargetPolicy::new(true, Vec::new()), tls, metrics.clone());
    Builder::new(registry, metrics.clone())
}

pub(super) fn delta(version: u64, upserts: impl IntoIterator<Item = Resource>) -> Delta {
    Delta { version, upserts: upserts.into_iter().collect(), removals: Vec::new() }
}

pub(super) fn removal(version: u64, key: ResourceKey) -> Delta {
    Delta { version, upserts: Vec::new(), removals: vec![key] }
}

/// A table of these alone.
pub(super) fn table(upserts: impl IntoIterator<Item = Resource>) -> Arc<Table> {
    builder().apply(delta(1, upserts))
}

pub(super) fn listener_key(name: &str) -> ListenerKey {
    ListenerKey::of_gateway(ObjectKey::new("shop", "gate"), name)
}

/// A listener; its hostname is empty for every host.
pub(super) fn listener(name: &str, hostname: &str) -> model::Listener {
    model::Listener {
        key: listener_key(name),
        binds: vec![address()],
        port: 80,
        protocol: Protocol::Http,
        hostname: (!hostname.is_empty()).then(|| Hostname::parse(hostname).unwrap()),
        certificates: Vec::new(),
        clients: None,
        client_certificate: None,
        filters: Vec::new(),
        settings: Default::default(),
        tracing: None,
    }
}

pub(super) fn route_key(name: &str) -> RouteKey {
    let (namespace, name) = name.split_once('/').unwrap_or(("shop", name));
    RouteKey { kind: RouteKind::Http, object: ObjectKey::new(namespace, name) }
}

pub(super) struct RouteBuilder(pub(super) Route);

/// A route without rules on the listener `http`, for every host of it.
pub(super) fn route(name: &str) -> RouteBuilder {
    let attachments = vec![Attachment { listener: listener_key("http"), hostnames: Vec::new() }];
    RouteBuilder(Route { key: route_key(name), created: 0, attachments, rules: Vec::new() })
}

impl RouteBuilder {
    pub(super) fn created(mut self, created: i64) -> Self {
        self.0.created = created;
        self
    }

    /// On one other listener than `http`.
    pub(super) fn on(mut self, listener: &str) -> Self {
        self.0.attachments[0].listener = listener_key(listener);
        self
    }

    pub(super) fn hosts(mut self, hostnames: &[&str]) -> Self {
        self.0.attachments[0].hostnames =
            hostnames.iter().map(|name| Hostname::parse(name).unwrap()).collect();
        self
    }

    /// Adds a rule with these matches; each is `[METHOD ]PATH[ name:value|name=value…]`, the path
    /// as `=/exact`, `~expression` or `/prefix`, and `:` for headers, `=` for query parameters.
    pub(super) fn rule(mut self, matches: &[&str]) -> Self {
        let place = u32::try_from(self.0.rules.len()).unwrap();
        self.0.rules.push(Rule {
            key: RuleKey::Index(place),
            host: None,
            matches: matches.iter().map(|text| matching(text)).collect(),
            filters: Filters::default(),
            backends: Vec::new(),
            timeouts: Timeouts::default(),
            retry: None,
        });
        self
    }

    /// Makes it a GRPCRoute with those lengths of service and method, one pair for each match.
    pub(super) fn rpc(mut self, lengths: &[(usize, usize)]) -> Self {
        self.0.key.kind = RouteKind::Grpc;
        let matches: Vec<_> = self.0.rules.iter_mut().flat_map(|rule| &mut rule.matches).collect();
        assert_eq!(matches.len(), lengths.len());
        for (matching, (service, method)) in matches.into_iter().zip(lengths) {
            matching.rpc = Some(RpcLengths { service: *service, method: *method });
        }
        self
    }

    pub(super) fn resource(self) -> Resource {
        Resource::Route(self.0)
    }
}

fn matching(text: &str) -> Match {
    let mut words = text.split(' ').peekable();
    let method = words.next_if(|word| word.bytes().all(|byte| byte.is_ascii_alphabetic()));
    let path = words.next().unwrap();
    let path = match path.split_at(1) {
        ("=", exact) => PathMatch::Exact(exact.into()),
        ("~", pattern) => PathMatch::Regex(pattern.into()),
        _ => PathMatch::Prefix(path.strip_suffix('/').unwrap_or(path).into()),
    };
    let value = |text: &str| match text.strip_prefix('~') {
        Some(pattern) => ValueMatch::Regex(pattern.into()),
        None => ValueMatch::Exact(text.into()),
    };
    let (mut headers, mut queries) = (Vec::new(), Vec::new());
    for word in words {
        if let Some((name, text)) = word.split_once(':') {
            headers.push(HeaderMatch { name: name.into(), value: value(text) });
        } else if let Some((name, text)) = word.split_once('=') {
            queries.push(QueryMatch { name: name.into(), value: value(text) });
        }
    }
    Match { path, method: method.map(Into::into), headers, queries, rpc: None }
}

/// What a request finds: `route rule`, both by name.
pub(super) fn find(listener: &Listener, host: &str, request: &str) -> Option<String> {
    with_found(listener, host, request, |found| {
        format!("{} {}", found.rule.route.object.name, found.rule.name)
    })
}

/// Looks up `[METHOD ]PATH[?QUERY][ name:value…]`.
pub(super) fn with_found<R>(
    listener: &Listener,
    host: &str,
    request: &str,
    look: impl FnOnce(Found<'_>) -> R,
) -> Option<R> {
    let mut words = request.split(' ').peekable();
    let method = words.next_if(|word| word.bytes().all(|byte| byte.is_ascii_alphabetic())).unwrap_or("GET");
    let target = words.next().unwrap();
    let (path, query) = target.split_once('?').map_or((target, None), |(path, query)| (path, Some(query)));
    let mut headers = HeaderMap::new();
    for (name, value) in words.filter_map(|word| word.split_once(':')) {
        headers.append(HeaderName::try_from(name).unwrap(), HeaderValue::from_str(value).unwrap());
    }
    let method = Method::from_bytes(method.as_bytes()).unwrap();
    listener.find(&Request { host, path, query, method: &method, headers: &headers }).map(look)
}

/// The same on the socket's listener for the host: none if there is no listener.
pub(super) fn serve(table: &Table, host: &str, request: &str) -> Option<String> {
    find(table.bind(address())?.listener_for(host)?, host, request)
}
