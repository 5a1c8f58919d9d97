//! Service.

use super::port::{self, PORT_FORM, is_port};
use super::{check_choice, leave_unjudged};
use crate::api::schema::{Path, Report};
use crate::api::{Service, ServicePort, names};
use ipnet::IpNet;
use k8s_openapi::api::core::v1::ServiceSpec;
use k8s_openapi::apimachinery::pkg::util::intstr::IntOrString;
use std::collections::HashSet;

const CLUSTER_IP: &str = "ClusterIP";
const LOAD_BALANCER: &str = "LoadBalancer";
const EXTERNAL_NAME: &str = "ExternalName";
const TYPES: [&str; 4] = [CLUSTER_IP, "NodePort", LOAD_BALANCER, EXTERNAL_NAME];
const HEADLESS: &str = "None";

pub(super) fn finish(service: &mut Service, report: &mut Report) {
    let root = Path::Root;
    let path = root.field("spec");
    let spec = service.spec.get_or_insert_default();
    fill_in(spec);
    check_type(spec, &path, report);
    check_choices(spec, &path, report);
    check_ports(spec, &path, report);
    let selector = path.field("selector");
    for (key, value) in spec.selector.iter().flatten() {
        if !names::is_qualified_name(key) || !names::is_label_value(value) {
            report.error(&selector.key(key), "must be the key and the value of a label");
        }
    }
    leave_unjudged(
        &[
            ("externalIPs", spec.external_ips.is_some()),
            ("healthCheckNodePort", spec.health_check_node_port.is_some()),
            ("loadBalancerClass", spec.load_balancer_class.is_some()),
            ("sessionAffinityConfig", spec.session_affinity_config.is_some()),
            ("trafficDistribution", spec.traffic_distribution.is_some()),
        ],
        &path,
        report,
    );
}

fn fill_in(spec: &mut ServiceSpec) {
    super::fill_in(&mut spec.type_, CLUSTER_IP);
    super::fill_in(&mut spec.session_affinity, "None");
    for port in spec.ports.iter_mut().flatten() {
        port::fill_in_protocol(&mut port.protocol);
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

/// The type, and what goes with some types only.
fn check_type(spec: &ServiceSpec, path: &Path<'_>, report: &mut Report) {
    let type_ = spec.type_.as_deref().unwrap_or_default();
    check_choice(Some(type_), &TYPES, &path.field("type"), report);
    let cluster_ip = spec.cluster_ip.as_deref().unwrap_or_default();
    let wrong = match (type_, cluster_ip) {
        (_, "") | (CLUSTER_IP, HEADLESS) => None,
        (EXTERNAL_NAME, _) => Some("must not be set for an ExternalName"),
        (_, HEADLESS) => Some("may be None only for a ClusterIP"),
        (_, address) if !names::is_ipv4(address) && !names::is_ipv6(address) => {
            Some("must be empty, None or an IP address")
        }
        _ => None,
    };
    if let Some(wrong) = wrong {
        report.error(&path.field("clusterIP"), wrong);
    }
    if type_ == EXTERNAL_NAME {
        let name = spec.external_name.as_deref().unwrap_or_default();
        if !names::is_subdomain(name.strip_suffix('.').unwrap_or(name)) {
            report.error(&path.field("externalName"), "must be a host name in lower case");
        }
    }
    let ranges = path.field("loadBalancerSourceRanges");
    let given = spec.load_balancer_source_ranges.as_deref().unwrap_or_default();
    if !given.is_empty() && type_ != LOAD_BALANCER {
        report.error(&ranges, "is only for a LoadBalancer");
    }
    for (index, range) in given.iter().enumerate() {
        if range.trim().parse::<IpNet>().is_err() {
            report.error(&ranges.index(index), "must be a range of addresses, such as 10.9.8.0/24");
        }
    }
    let policy = spec.external_traffic_policy.as_deref().unwrap_or_default();
    let from_outside = matches!(type_, "NodePort" | LOAD_BALANCER) || spec.external_ips.is_some();
    if !policy.is_empty() && !from_outside {
        report.error(&path.field("externalTrafficPolicy"), "is only for a NodePort or LoadBalancer");
    }
}

fn check_choices(spec: &ServiceSpec, path: &Path<'_>, report: &mut Report) {
    const POLICIES: [&str; 2] = ["Cluster", "Local"];
    const FAMILIES: [&str; 2] = ["IPv4", "IPv6"];
    for (name, given, supported) in [
        ("sessionAffinity", &spec.session_affinity, ["ClientIP", "None"].as_slice()),
        ("internalTrafficPolicy", &spec.internal_traffic_policy, &POLICIES),
        ("ipFamilyPolicy", &spec.ip_family_policy, &["SingleStack", "PreferDualStack", "RequireDualStack"]),
    ] {
        check_choice(given.as_deref(), supported, &path.field(name), report);
    }
    let policy = spec.external_traffic_policy.as_deref().filter(|policy| !policy.is_empty());
    check_choice(policy, &POLICIES, &path.field("externalTrafficPolicy"), report);
    let path = path.field("ipFamilies");
    let mut seen = HashSet::new();
    for (index, family) in spec.ip_families.iter().flatten().enumerate() {
        check_choice(Some(family), &FAMILIES, &path.index(index), report);
        if !seen.insert(family) {
            report.error(&path.index(index), format!("duplicate value {family:?}"));
        }
    }
}

fn check_ports(spec: &ServiceSpec, path: &Path<'_>, report: &mut Report) {
    let path = path.field("ports");
    let ports = spec.ports.as_deref().unwrap_or_default();
    let headless = spec.cluster_ip.as_deref() == Some(HEADLESS);
    if ports.is_empty() && !headless && spec.type_.as_deref() != Some(EXTERNAL_NAME) {
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
        if port.node_port.is_some_and(|port| port != 0) && spec.type_.as_deref() == Some(CLUSTER_IP) {
            report.error(&path.field("nodePort"), "is not for a ClusterIP");
        }
    }
}

fn check_port(port: &ServicePort, path: &Path<'_>, report: &mut Report) {
    let (name, protocol) = (port.name.as_deref(), port.protocol.as_deref());
    port::check(name, protocol, port.app_protocol.as_deref(), path, report);
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
}
