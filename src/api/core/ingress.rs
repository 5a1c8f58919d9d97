//! Ingress and IngressClass.

use super::{check_choice, fill_in, port::PORT_FORM, port::is_port};
use crate::api::ingress::{CLASS_ANNOTATION, Ingress, IngressBackend, IngressClass};
use crate::api::names;
use crate::api::schema::{Path, Report};
use k8s_openapi::api::networking::v1::{HTTPIngressPath, IngressRule, ServiceBackendPort};

const NAME_FORM: &str = "must be a name of lower-case letters, digits, \"-\" and \".\"";
const HOST_FORM: &str = "must be a host name in lower case, perhaps after \"*.\", and no IP address";

/// What no path may have that is compared element by element.
const INVALID_IN_PATHS: [&str; 5] = ["//", "/./", "/../", "%2f", "%2F"];

pub(super) fn finish(ingress: &Ingress, report: &mut Report) {
    let (spec, root) = (&ingress.spec, Path::Root);
    let path = root.field("spec");
    if spec.default_backend.is_none() && spec.rules.as_ref().is_none_or(Vec::is_empty) {
        report.error(&path, "needs rules or a defaultBackend");
    }
    let annotated = ingress.metadata.annotations.iter().any(|all| all.contains_key(CLASS_ANNOTATION));
    let class = path.field("ingressClassName");
    match spec.ingress_class_name.as_deref() {
        Some(_) if annotated => {
            report.error(&class, format!("is set by the annotation {CLASS_ANNOTATION} too: leave one out"));
        }
        Some(name) if !names::is_subdomain(name) => report.error(&class, NAME_FORM),
        _ => {}
    }
    if let Some(backend) = &spec.default_backend {
        check_backend(backend, &path.field("defaultBackend"), report);
    }
    let tls = path.field("tls");
    for (index, entry) in spec.tls.iter().flatten().enumerate() {
        let path = tls.index(index);
        let hosts = path.field("hosts");
        for (index, host) in entry.hosts.iter().flatten().enumerate() {
            check_host(host, &hosts.index(index), report);
        }
        if entry.secret_name.as_deref().is_some_and(|name| !name.is_empty() && !names::is_subdomain(name)) {
            report.error(&path.field("secretName"), NAME_FORM);
        }
    }
    let rules = path.field("rules");
    for (index, rule) in spec.rules.iter().flatten().enumerate() {
        check_rule(rule, &rules.index(index), report);
    }
}

fn check_rule(rule: &IngressRule, path: &Path<'_>, report: &mut Report) {
    if let Some(host) = rule.host.as_deref().filter(|host| !host.is_empty()) {
        check_host(host, &path.field("host"), report);
    }
    let Some(http) = &rule.http else { return };
    let path = path.field("http");
    let path = path.field("paths");
    if http.paths.is_empty() {
        report.error(&path, "is required");
    }
    for (index, item) in http.paths.iter().enumerate() {
        check_path(item, &path.index(index), report);
    }
}

fn check_path(item: &HTTPIngressPath, path: &Path<'_>, report: &mut Report) {
    let text = item.path.as_deref().unwrap_or_default();
    let place = path.field("path");
    match item.path_type.as_str() {
        "" => report.error(&path.field("pathType"), "is required"),
        "ImplementationSpecific" => {
            if !text.is_empty() && !text.starts_with('/') {
                report.error(&place, "must begin with \"/\"");
            }
        }
        type_ => {
            let types = ["Exact", "Prefix", "ImplementationSpecific"];
            check_choice(Some(type_), &types, &path.field("pathType"), report);
            if !text.starts_with('/') {
                report.error(&place, "must begin with \"/\"");
            }
            if let Some(invalid) = INVALID_IN_PATHS.into_iter().find(|invalid| text.contains(invalid)) {
                report.error(&place, format!("must not have {invalid:?}"));
            }
            if let Some(invalid) = ["/..", "/."].into_iter().find(|invalid| text.ends_with(invalid)) {
                report.error(&place, format!("must not end with {invalid:?}"));
            }
        }
    }
    check_backend(&item.backend, &path.field("backend"), report);
}

fn check_host(host: &str, path: &Path<'_>, report: &mut Report) {
    let name = host.strip_prefix("*.").unwrap_or(host);
    if !names::is_subdomain(name) || names::is_ipv4(host) {
        report.error(path, HOST_FORM);
    }
}

fn check_backend(backend: &IngressBackend, path: &Path<'_>, report: &mut Report) {
    match (&backend.service, &backend.resource) {
        (Some(_), Some(_)) => report.error(path, "must have service or resource, not both"),
        (None, None) => report.error(path, "needs service or resource"),
        (None, Some(resource)) => {
            for (field, text) in [("kind", &resource.kind), ("name", &resource.name)] {
                if text.is_empty() {
                    report.error(&path.field("resource").field(field), "is required");
                }
            }
        }
        (Some(service), None) => {
            let path = path.field("service");
            if !names::is_label(&service.name) {
                report.error(&path.field("name"), "must be the name of a Service");
            }
            check_port(service.port.as_ref(), &path.field("port"), report);
        }
    }
}

fn check_port(port: Option<&ServiceBackendPort>, path: &Path<'_>, report: &mut Report) {
    let name = port.and_then(|port| port.name.as_deref()).filter(|name| !name.is_empty());
    let number = port.and_then(|port| port.number).filter(|number| *number != 0);
    match (name, number) {
        (None, None) => report.error(path, "needs a name or a number"),
        (Some(_), Some(_)) => report.error(path, "must have a name or a number, not both"),
        (Some(name), None) if !names::is_port_name(name) => {
            report.error(&path.field("name"), "must be the name of a port");
        }
        (None, Some(number)) if !is_port(number) => report.error(&path.field("number"), PORT_FORM),
        _ => {}
    }
}

pub(super) fn finish_class(class: &mut IngressClass, report: &mut Report) {
    let root = Path::Root;
    let path = root.field("spec");
    let spec = class.spec.get_or_insert_default();
    let controller = spec.controller.as_deref().unwrap_or_default();
    let is_name = controller.split_once('/').is_some_and(|(domain, rest)| {
        names::is_subdomain(domain) && !rest.is_empty() && controller.len() <= 250
    });
    if !is_name {
        report.error(&path.field("controller"), "must be a domain, \"/\" and a path");
    }
    let Some(parameters) = &mut spec.parameters else { return };
    let path = path.field("parameters");
    fill_in(&mut parameters.scope, "Cluster");
    for (field, text) in [("kind", &parameters.kind), ("name", &parameters.name)] {
        if text.is_empty() {
            report.error(&path.field(field), "is required");
        }
    }
    check_choice(parameters.scope.as_deref(), &["Cluster", "Namespace"], &path.field("scope"), report);
    let namespaced = parameters.scope.as_deref() == Some("Namespace");
    match parameters.namespace.as_deref().unwrap_or_default() {
        "" if namespaced => report.error(&path.field("namespace"), "is required with scope Namespace"),
        given if !given.is_empty() && !namespaced => {
            report.error(&path.field("namespace"), "is only for scope Namespace");
        }
        _ => {}
    }
}

#[cfg(test)]
mod tests;
