//! Ingresses: each path becomes a rule for its host, and the default backend one for each host that
//! the Ingress has.

mod annotations;

use super::matches::{path, without_slash};
use super::route::{BackendReference, HttpRule, Route, Standing};
use super::{InvalidField, InvalidValue};
use crate::api::ingress::{self, Ingress, IngressBackend, IngressTLS};
use crate::model::{Filters, Hostname, Match, PathMatch, RuleHost, RuleKey};
use k8s_openapi::api::networking::v1::HTTPIngressPath;
use std::collections::{BTreeMap, HashSet};
use std::sync::Arc;

/// Certificates that an Ingress brings: by host, with none for every host, the Secret of its
/// namespace and the field that says so.
pub type IngressCertificates = BTreeMap<Option<Arc<str>>, (Option<Arc<str>>, String)>;

/// Converts an Ingress. A rule says by itself for which of its hosts it is.
pub(super) fn convert(ingress: &Ingress) -> Route {
    let mut rules = Rules::new(ingress);
    for (index, rule) in ingress.spec.rules.iter().flatten().enumerate() {
        let field = format!("spec.rules[{index}]");
        let host = rule_host(rule.host.as_deref(), &field);
        if let Ok(host) = &host {
            rules.add_host(host);
        }
        for (index, item) in rule.http.iter().flat_map(|http| &http.paths).enumerate() {
            rules.add_path(item, host.clone(), format!("{field}.http.paths[{index}]"));
        }
    }
    if let Some(backend) = &ingress.spec.default_backend {
        rules.add_default(backend);
    }
    let names = rules.hosts.iter().filter_map(RuleHost::hostname).cloned();
    Route { hostnames: Ok(names.collect()), rules: rules.rules, told: annotations::not_honoured(ingress) }
}

/// The host of a rule: of an empty one every host.
fn rule_host(host: Option<&str>, field: &str) -> Result<RuleHost, InvalidField> {
    match host {
        None | Some("") => Ok(RuleHost::Every),
        Some(text) => Hostname::parse(text)
            .map(RuleHost::Named)
            .map_err(|error| InvalidField::new(format!("{field}.host"), error)),
    }
}

/// The rules as they are put together.
struct Rules<'a> {
    ingress: &'a Ingress,
    rules: Vec<HttpRule>,
    names: HashSet<String>,
    /// Hosts of rules, each once and in their order.
    hosts: Vec<RuleHost>,
}

impl<'a> Rules<'a> {
    fn new(ingress: &'a Ingress) -> Self {
        Self { ingress, rules: Vec::new(), names: HashSet::new(), hosts: Vec::new() }
    }

    fn add_host(&mut self, host: &RuleHost) {
        if !self.hosts.contains(host) {
            self.hosts.push(host.clone());
        }
    }

    fn add_path(&mut self, item: &HTTPIngressPath, host: Result<RuleHost, InvalidField>, field: String) {
        let converted = host.and_then(|host| {
            let path = path_match(item).map_err(|value| InvalidField::new(format!("{field}.path"), value))?;
            Ok((host, path))
        });
        let rule = match converted {
            Ok((host, path)) => self.rule(host, path, &item.backend, format!("{field}.backend"), false),
            Err(error) => {
                let key = RuleKey::Index(self.rules.len().try_into().unwrap_or(u32::MAX));
                let host = Some(RuleHost::Every);
                HttpRule { standing: Standing::Dropped(error), host, ..HttpRule::new(key) }
            }
        };
        self.rules.push(rule);
    }

    /// For the hosts of the rules, or for every host if there are none. It comes after everything else
    /// that any Ingress has there.
    fn add_default(&mut self, backend: &IngressBackend) {
        let hosts = match self.ingress.spec.rules.as_ref().is_none_or(Vec::is_empty) {
            true => vec![RuleHost::Every],
            false => self.hosts.clone(),
        };
        for host in hosts {
            let path = PathMatch::Prefix("".into());
            let rule = self.rule(host, path, backend, "spec.defaultBackend".to_owned(), true);
            self.rules.push(rule);
        }
    }

    fn rule(
        &mut self,
        host: RuleHost,
        path: PathMatch,
        backend: &IngressBackend,
        field: String,
        is_default: bool,
    ) -> HttpRule {
        let title = title(&host, &path, is_default);
        let key = match self.names.insert(title.clone()) {
            true => RuleKey::Name(title.into()),
            false => RuleKey::Index(self.rules.len().try_into().unwrap_or(u32::MAX)),
        };
        let matches = vec![Match { path, method: None, headers: Vec::new(), queries: Vec::new(), rpc: None }];
        let namespace = self.ingress.metadata.namespace.as_deref().unwrap_or_default();
        let backends = reference(backend, namespace, field).into_iter().collect();
        HttpRule { matches, backends, is_default, host: Some(host), ..HttpRule::new(key) }
    }
}

/// As log and metrics name the rule.
fn title(host: &RuleHost, path: &PathMatch, is_default: bool) -> String {
    let host = host.hostname().map_or_else(|| "*".to_owned(), Hostname::to_string);
    match path {
        _ if is_default => format!("{host} default"),
        PathMatch::Exact(path) => format!("{host}{path} exact"),
        PathMatch::Regex(path) | PathMatch::Prefix(path) if !path.is_empty() => format!("{host}{path}"),
        PathMatch::Regex(_) | PathMatch::Prefix(_) => format!("{host}/"),
    }
}

/// `ImplementationSpecific` is a prefix, as with most controllers; annotations that make it an
/// expression have their place here.
fn path_match(item: &HTTPIngressPath) -> Result<PathMatch, InvalidValue> {
    let text = item.path.as_deref().filter(|path| !path.is_empty()).unwrap_or("/");
    Ok(match item.path_type.as_str() {
        "Exact" => PathMatch::Exact(path(text)?.into()),
        // Element by element: `/foo/` matches `/foo` and `/foo/bar`, not `/foobar`.
        _ => PathMatch::Prefix(without_slash(&path(text)?).into()),
    })
}

fn reference(backend: &IngressBackend, namespace: &str, field: String) -> Option<BackendReference> {
    let mut object = ingress::backend_object(backend)?;
    object.namespace = Some(namespace.to_owned());
    let port = backend.service.as_ref().and_then(|service| service.port.as_ref());
    let port_name = port.and_then(|port| port.name.as_deref()).filter(|name| !name.is_empty());
    Some(BackendReference {
        object,
        port_name: port_name.map(Into::into),
        weight: 1,
        filters: Filters::default(),
        mirrors: Vec::new(),
        auth: None,
        field,
    })
}

/// The certificates of an Ingress, of each host the first. An entry without hosts is for those of the
/// rules, or for every host if no rule names one.
pub fn ingress_certificates(ingress: &Ingress) -> IngressCertificates {
    let mut found = IngressCertificates::new();
    for (index, entry) in ingress.spec.tls.iter().flatten().enumerate() {
        let secret: Option<Arc<str>> =
            entry.secret_name.as_deref().filter(|name| !name.is_empty()).map(Into::into);
        for host in certificate_hosts(ingress, entry) {
            found.entry(host).or_insert_with(|| (secret.clone(), format!("spec.tls[{index}]")));
        }
    }
    found
}

fn certificate_hosts(ingress: &Ingress, entry: &IngressTLS) -> Vec<Option<Arc<str>>> {
    let name = |text: &str| Hostname::parse(text).ok().map(|name| Arc::from(name.to_string()));
    let given: Vec<_> = entry.hosts.iter().flatten().collect();
    if !given.is_empty() {
        return given.into_iter().filter_map(|host| name(host).map(Some)).collect();
    }
    let rules = ingress.spec.rules.iter().flatten();
    let hosts: Vec<_> = rules
        .filter_map(|rule| match rule.host.as_deref() {
            None | Some("") => Some(None),
            Some(host) => name(host).map(Some),
        })
        .collect();
    if hosts.is_empty() { vec![None] } else { hosts }
}

#[cfg(test)]
mod tests;
