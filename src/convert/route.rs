//! Routes of all kinds: what differs between the kinds is how a rule says what it matches.

use super::auth::{AuthReference, external_auth};
use super::mirror::{MirrorReference, mirrors};
use super::unsupported::{self, Effect, Found};
use super::{InvalidField, InvalidValue, filters, grpc_route, http_route, ingress, policy, stream_route};
use crate::api::gateway::{
    BackendObjectReference, HttpBackendRef, HttpRouteFilter, HttpRouteRetry, HttpRouteTimeouts,
};
use crate::api::{Kind, Object};
use crate::model::{
    Filters, Hostname, Match, PathMatch, Retry, RuleHost, RuleKey, SessionPersistence, Timeouts,
};
use serde::Serialize;
use std::collections::HashSet;
use std::sync::Arc;

/// A route as far as it can be known without any other object.
#[derive(Clone, Debug)]
pub struct Route {
    /// Its hostnames. With a bad one the whole route is bad: without it, the route could take
    /// requests of every host.
    pub hostnames: Result<Vec<Hostname>, InvalidField>,
    /// In the order of the object.
    pub rules: Vec<HttpRule>,
    /// Fields that are not honoured and do no harm.
    pub told: Vec<Found>,
}

/// A rule.
#[derive(Clone, Debug)]
pub struct HttpRule {
    /// Its identity within the route.
    pub key: RuleKey,
    /// Of the route's hostnames only this one, if it is for one.
    pub host: Option<RuleHost>,
    /// Whether it is an Ingress' default backend, which leaves everything to whoever has a rule for it.
    pub is_default: bool,
    /// Whether it can be served.
    pub standing: Standing,
    /// At least one, unless the rule is dropped.
    pub matches: Vec<Match>,
    /// Empty unless the rule is good; without what refers to backends.
    pub filters: Filters,
    /// Empty unless the rule is good.
    pub mirrors: Vec<MirrorReference>,
    /// None unless the rule is good.
    pub auth: Option<AuthReference>,
    /// Empty unless the rule is good.
    pub backends: Vec<BackendReference>,
    /// None unless the rule is good.
    pub timeouts: Timeouts,
    /// None unless the rule is good.
    pub retry: Option<Retry>,
    /// None unless the rule is good.
    pub session: Option<SessionPersistence>,
}

/// Whether a rule can be served.
#[derive(Clone, Debug)]
pub enum Standing {
    /// As it is.
    Good,
    /// It is known which requests it is about, but not what to do with them: they are answered
    /// with 500, so that no broader rule lets them through without the filter that was meant.
    Closed {
        /// One sentence each, naming the field.
        problems: Vec<String>,
        /// Two filters exclude each other.
        incompatible: bool,
    },
    /// It is not known which requests it is about.
    Dropped(InvalidField),
}

/// A backend before anyone looked whether it exists.
#[derive(Clone, Debug)]
pub struct BackendReference {
    /// With its namespace.
    pub object: BackendObjectReference,
    /// Of a Service's port that is known by its name only.
    pub port_name: Option<Arc<str>>,
    /// Its share.
    pub weight: u32,
    /// Those of the backend alone, without what refers to backends.
    pub filters: Filters,
    /// Those of the backend alone.
    pub mirrors: Vec<MirrorReference>,
    /// That of the backend alone.
    pub auth: Option<AuthReference>,
    /// For example `spec.rules[0].backendRefs[1]`.
    pub field: String,
}

impl HttpRule {
    /// A good rule that does nothing yet.
    pub(super) fn new(key: RuleKey) -> Self {
        Self {
            key,
            host: None,
            is_default: false,
            standing: Standing::Good,
            matches: Vec::new(),
            filters: Filters::default(),
            mirrors: Vec::new(),
            auth: None,
            backends: Vec::new(),
            timeouts: Timeouts::default(),
            retry: None,
            session: None,
        }
    }

    /// How the rule is named to its owner: by its place, counted as in the field paths, and by
    /// its name if it has one.
    pub fn title(&self, index: usize) -> String {
        match &self.key {
            RuleKey::Name(name) => format!("{index} ({name:?})"),
            RuleKey::Index(_) => index.to_string(),
        }
    }
}

/// Converts a route of any kind; none for an object that is no route. Whatever is bad stays with the
/// rule that it is in.
pub fn route(object: &Object) -> Option<Route> {
    match object {
        Object::HttpRoute(route) => Some(http_route::convert(route)),
        Object::GrpcRoute(route) => Some(grpc_route::convert(route)),
        Object::Ingress(ingress) => Some(ingress::convert(ingress)),
        Object::TlsRoute(route) => {
            let namespace = route.metadata.namespace.as_deref();
            Some(stream_route::convert(Kind::TlsRoute, &**route, namespace, &route.spec))
        }
        Object::TcpRoute(route) => {
            let namespace = route.metadata.namespace.as_deref();
            Some(stream_route::convert(Kind::TcpRoute, &**route, namespace, &route.spec))
        }
        Object::UdpRoute(route) => {
            let namespace = route.metadata.namespace.as_deref();
            Some(stream_route::convert(Kind::UdpRoute, &**route, namespace, &route.spec))
        }
        _ => None,
    }
}

/// A rule as the API has it, of whatever kind of routes.
pub(super) struct WireRule<'a> {
    pub(super) name: Option<&'a str>,
    /// Converted already.
    pub(super) matches: Result<Vec<Match>, InvalidField>,
    pub(super) filters: &'a [HttpRouteFilter],
    pub(super) backend_refs: &'a [HttpBackendRef],
    pub(super) timeouts: Option<&'a HttpRouteTimeouts>,
    pub(super) retry: Option<&'a HttpRouteRetry>,
    /// Converted already.
    pub(super) session: Result<Option<SessionPersistence>, InvalidField>,
}

/// Converts a route, given its parts.
pub(super) fn convert<'a>(
    kind: Kind,
    route: &impl Serialize,
    namespace: Option<&str>,
    hostnames: &[String],
    rules: impl Iterator<Item = WireRule<'a>>,
) -> Route {
    let mut found = unsupported::find(kind, route);
    let told = found.extract_if(.., |found| found.field.effect == Effect::Told).collect();
    let namespace = namespace.unwrap_or_default();
    let mut names = HashSet::new();
    let rules = rules.enumerate().map(|(index, wire)| {
        let closing = found.iter().filter(|found| found.indices.first() == Some(&index));
        let closing =
            closing.map(|found| format!("{} is not supported: {}", found.path, found.field.instead));
        // A second rule of one name has no right to the first one's state.
        let name = wire.name.filter(|name| names.insert(*name));
        let key = match name {
            Some(name) => RuleKey::Name(name.into()),
            None => RuleKey::Index(u32::try_from(index).unwrap_or(u32::MAX)),
        };
        rule(wire, key, &format!("spec.rules[{index}]"), namespace, closing.collect())
    });
    Route { hostnames: self::hostnames(hostnames), rules: rules.collect(), told }
}

fn hostnames(wire: &[String]) -> Result<Vec<Hostname>, InvalidField> {
    let each = wire.iter().enumerate();
    each.map(|(index, text)| {
        Hostname::parse(text).map_err(|error| InvalidField::new(format!("spec.hostnames[{index}]"), error))
    })
    .collect()
}

fn rule(wire: WireRule<'_>, key: RuleKey, field: &str, namespace: &str, closing: Vec<String>) -> HttpRule {
    let mut rule = HttpRule::new(key);
    match &wire.matches {
        Ok(matches) => rule.matches.clone_from(matches),
        Err(error) => {
            rule.standing = Standing::Dropped(error.clone());
            return rule;
        }
    }
    if !closing.is_empty() {
        rule.standing = Standing::Closed { problems: closing, incompatible: false };
        return rule;
    }
    let converted = policy::timeouts(wire.timeouts, field).and_then(|timeouts| {
        let retry = policy::retry(wire.retry, field)?;
        let session = wire.session.clone()?;
        set_actions(&wire, &mut rule, field, namespace)?;
        Ok((timeouts, retry, session))
    });
    match converted {
        Ok(converted) => (rule.timeouts, rule.retry, rule.session) = converted,
        Err(error) => {
            let incompatible = error.value.is_incompatible_filters();
            let text = format!("{error}; requests that the rule matches are answered with 500");
            rule.standing = Standing::Closed { problems: vec![text], incompatible };
        }
    }
    rule
}

fn set_actions(
    wire: &WireRule<'_>,
    rule: &mut HttpRule,
    field: &str,
    namespace: &str,
) -> Result<(), InvalidField> {
    let all_prefixes = rule.matches.iter().all(|item| matches!(item.path, PathMatch::Prefix(_)));
    let filters = filters::filters(wire.filters, all_prefixes, field)?;
    if filters.redirect.is_some() && !wire.backend_refs.is_empty() {
        return Err(InvalidField::new(format!("{field}.backendRefs"), InvalidValue::RedirectAndBackends));
    }
    let each = wire.backend_refs.iter().enumerate();
    let backends = each.map(|(index, backend)| {
        backend_reference(backend, all_prefixes, format!("{field}.backendRefs[{index}]"), namespace)
    });
    let backends = backends.collect::<Result<_, _>>()?;
    rule.mirrors = mirrors(wire.filters, namespace, field)?;
    rule.auth = external_auth(wire.filters, namespace, field)?;
    (rule.filters, rule.backends) = (filters, backends);
    Ok(())
}

fn backend_reference(
    wire: &HttpBackendRef,
    all_prefixes: bool,
    field: String,
    namespace: &str,
) -> Result<BackendReference, InvalidField> {
    let mut object = wire.backend.object.clone();
    object.namespace.get_or_insert_with(|| namespace.to_owned());
    Ok(BackendReference {
        object,
        port_name: None,
        weight: wire.backend.weight,
        filters: filters::filters(&wire.filters, all_prefixes, &field)?,
        mirrors: mirrors(&wire.filters, namespace, &field)?,
        auth: external_auth(&wire.filters, namespace, &field)?,
        field,
    })
}

#[cfg(test)]
mod tests;
