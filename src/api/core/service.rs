//! Service.

use crate::api::head::QUALIFIED_NAME_FORM;
use crate::api::schema::{Path, Report};
use crate::api::{Service, ServicePort, names};
use k8s_openapi::api::core::v1::ServiceSpec;
use k8s_openapi::apimachinery::pkg::util::intstr::IntOrString;
use std::collections::HashSet;
use std::net::IpAddr;

const PROTOCOLS: [&str; 3] = ["TCP", "UDP", "SCTP"];
const TYPES: [&str; 4] = ["ClusterIP", "NodePort", "LoadBalancer", "ExternalName"];
const HEADLESS: &str = "None";

pub(super) fn finish(service: &mut Service, report: &mut Report) {
    let root = Path::Root;
    let path = root.field("spec");
    let spec = service.spec.get_or_insert_default();
    fill_in(spec);
    check_type(spec, &path, report);
    check_ports(spec, &path, report);
    let selector = path.field("selector");
    for (key, value) in spec.selector.iter().flatten() {
        if !names::is_qualified_name(key) || !names::is_label_value(value) {
            report.error(&selector.key(key), "must be the key and the value of a label");
        }
    }
}

fn fill_in(spec: &mut ServiceSpec) {
    spec.type_.get_or_insert_with(|| "ClusterIP".to_owned());
    spec.session_affinity.get_or_insert_with(|| "None".to_owned());
    for port in spec.ports.iter_mut().flatten() {
        port.protocol.get_or_insert_with(|| "TCP".to_owned());
        let unset = match &port.target_port {
            None | Some(IntOrString::Int(0)) => true,
            Some(IntOrString::String(name)) => name.is_empty(),
            Some(IntOrString::Int(_)) => false,
        };
        if unset {
            port.target_port = Some(IntOrString::Int(port.port));
        }
    }
}

fn check_type(spec: &ServiceSpec, path: &Path<'_>, report: &mut Report) {
    let type_ = spec.type_.as_deref().unwrap_or_default();
    if !TYPES.contains(&type_) {
        report.error(
            &path.field("type"),
            format!("{type_:?} is not supported; supported: {}", TYPES.join(", ")),
        );
    }
    if type_ == "ExternalName" {
        let name = spec.external_name.as_deref().unwrap_or_default();
        if !names::is_subdomain(name.trim_end_matches('.')) {
            report.error(&path.field("externalName"), "must be a host name in lower case");
        }
    }
    let cluster_ip = spec.cluster_ip.as_deref().unwrap_or_default();
    if !matches!(cluster_ip, "" | HEADLESS) && cluster_ip.parse::<IpAddr>().is_err() {
        report.error(&path.field("clusterIP"), "must be empty, None or an IP address");
    }
}

fn check_ports(spec: &ServiceSpec, path: &Path<'_>, report: &mut Report) {
    let path = path.field("ports");
    let ports = spec.ports.as_deref().unwrap_or_default();
    let headless = spec.cluster_ip.as_deref() == Some(HEADLESS);
    if ports.is_empty() && !headless && spec.type_.as_deref() != Some("ExternalName") {
        report.error(&path, "is required");
    }
    let (mut names, mut numbers) = (HashSet::new(), HashSet::new());
    for (index, port) in ports.iter().enumerate() {
        let path = path.index(index);
        check_port(port, &path, report);
        match port.name.as_deref().unwrap_or_default() {
            "" if ports.len() > 1 => {
                report.error(&path.field("name"), "is required where there are several ports");
            }
            "" => {}
            name if !names.insert(name) => {
                report.error(&path.field("name"), format!("duplicate value {name:?}"));
            }
            _ => {}
        }
        let protocol = port.protocol.as_deref().unwrap_or_default();
        if !numbers.insert((port.port, protocol)) {
            report.error(&path, format!("duplicate value {} {protocol}", port.port));
        }
    }
}

fn check_port(port: &ServicePort, path: &Path<'_>, report: &mut Report) {
    if let Some(name) = port.name.as_deref()
        && !name.is_empty()
        && !names::is_label(name)
    {
        report.error(&path.field("name"), PORT_LABEL_FORM);
    }
    if !is_port(port.port) {
        report.error(&path.field("port"), PORT_FORM);
    }
    match &port.target_port {
        Some(IntOrString::Int(number)) if !is_port(*number) => {
            report.error(&path.field("targetPort"), PORT_FORM);
        }
        Some(IntOrString::String(name)) if !names::is_port_name(name) => report.error(
            &path.field("targetPort"),
            "must be a port's name: at most 15 lower-case letters, digits and single \"-\", one of them a letter",
        ),
        _ => {}
    }
    check_protocol(port.protocol.as_deref(), path, report);
    check_app_protocol(port.app_protocol.as_deref(), path, report);
}

pub(super) const PORT_FORM: &str = "must be a port from 1 to 65535";
pub(super) const PORT_LABEL_FORM: &str =
    "must be at most 63 lower-case letters, digits and \"-\", beginning and ending with a letter or digit";

pub(super) fn is_port(number: i32) -> bool {
    (1..=65535).contains(&number)
}

pub(super) fn check_protocol(protocol: Option<&str>, path: &Path<'_>, report: &mut Report) {
    let protocol = protocol.unwrap_or_default();
    if !PROTOCOLS.contains(&protocol) {
        report.error(
            &path.field("protocol"),
            format!("{protocol:?} is not supported; supported: {}", PROTOCOLS.join(", ")),
        );
    }
}

pub(super) fn check_app_protocol(protocol: Option<&str>, path: &Path<'_>, report: &mut Report) {
    if let Some(protocol) = protocol
        && !names::is_qualified_name(protocol)
    {
        report.error(&path.field("appProtocol"), QUALIFIED_NAME_FORM);
    }
}
