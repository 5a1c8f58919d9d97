//! GRPCRoutes. A call is an HTTP/2 request whose path is `/SERVICE/METHOD`.

use super::route::{self, Route, WireRule};
use super::{InvalidField, InvalidValue, matches, session};
use crate::api::Kind;
use crate::api::gateway::{GrpcMethodMatch, GrpcRoute, GrpcRouteMatch, ValueMatchType};
use crate::model::{InvalidPattern, Match, PathMatch, Pattern, RpcLengths};

/// One element of a path: the name of any service or method.
const ANY_NAME: &str = "[^/]+";

pub(super) fn convert(route: &GrpcRoute) -> Route {
    let spec = &route.spec;
    let rules = spec.rules.iter().enumerate().map(|(index, rule)| WireRule {
        name: rule.name.as_deref(),
        matches: matches(&rule.matches, &format!("spec.rules[{index}]")),
        filters: &rule.filters,
        backend_refs: &rule.backend_refs,
        timeouts: None,
        retry: None,
        session: session::session(
            rule.session_persistence.as_ref(),
            Kind::GrpcRoute,
            &route.metadata,
            &format!("spec.rules[{index}]"),
        ),
    });
    route::convert(Kind::GrpcRoute, route, route.metadata.namespace.as_deref(), &spec.hostnames, rules)
}

/// Converts the matches of the rule at `field`; an empty list holds for every call.
fn matches(wire: &[GrpcRouteMatch], field: &str) -> Result<Vec<Match>, InvalidField> {
    if wire.is_empty() {
        return one_match(&GrpcRouteMatch::default(), field).map(|all| vec![all]);
    }
    let each = wire.iter().enumerate();
    each.map(|(index, item)| one_match(item, &format!("{field}.matches[{index}]"))).collect()
}

fn one_match(wire: &GrpcRouteMatch, field: &str) -> Result<Match, InvalidField> {
    let (path, rpc) = match &wire.method {
        None => (PathMatch::Prefix("".into()), RpcLengths::default()),
        Some(method) => method_match(method, &format!("{field}.method"))?,
    };
    let headers = matches::headers(&wire.headers, field)?;
    Ok(Match { path, method: None, headers, queries: Vec::new(), rpc: Some(rpc) })
}

fn method_match(wire: &GrpcMethodMatch, field: &str) -> Result<(PathMatch, RpcLengths), InvalidField> {
    // "If left empty or omitted, will match any service."
    let service = wire.service.as_deref().filter(|name| !name.is_empty());
    let method = wire.method.as_deref().filter(|name| !name.is_empty());
    let length = |text: Option<&str>| text.map_or(0, |text| text.chars().count());
    let lengths = RpcLengths { service: length(service), method: length(method) };
    if service.is_none() && method.is_none() {
        return Err(InvalidField::new(field, InvalidValue::NoServiceAndMethod));
    }
    let path = match wire.type_ {
        ValueMatchType::Exact => {
            let names = [("service", service), ("method", method)];
            if let Some((part, Some(name))) = names.into_iter().find(|(_, name)| !name.is_none_or(is_name)) {
                let value = InvalidValue::RpcName(name.to_owned());
                return Err(InvalidField::new(format!("{field}.{part}"), value));
            }
            match (service, method) {
                (Some(service), Some(method)) => PathMatch::Exact(format!("/{service}/{method}").into()),
                (Some(service), None) => PathMatch::Prefix(format!("/{service}").into()),
                (None, method) => {
                    let method = method.map_or(ANY_NAME.to_owned(), regex::escape);
                    PathMatch::Regex(format!("/{ANY_NAME}/{method}").into())
                }
            }
        }
        ValueMatchType::RegularExpression => PathMatch::Regex(expression(service, method, field)?.into()),
    };
    Ok((path, lengths))
}

/// Letters, digits, `_` and `.`: what a path has as it is.
fn is_name(text: &str) -> bool {
    text.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'.'))
}

/// One expression for the whole path, of one each for service and method.
fn expression(service: Option<&str>, method: Option<&str>, field: &str) -> Result<String, InvalidField> {
    let mut path = String::new();
    for (part, text) in [("service", service), ("method", method)] {
        match text {
            None => path.push_str(&format!("/{ANY_NAME}")),
            Some(text) => {
                // By itself: `a)|(b` is no expression, but would become one between parentheses.
                compile(text, &format!("{field}.{part}"))?;
                path.push_str(&format!("/(?:{text})"));
            }
        }
    }
    compile(&path, field)?;
    Ok(path)
}

fn compile(text: &str, field: &str) -> Result<(), InvalidField> {
    Pattern::compile(text).map(drop).map_err(|error: InvalidPattern| InvalidField::new(field, error))
}

#[cfg(test)]
mod tests;
