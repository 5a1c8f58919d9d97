//! EndpointSlice.

use super::leave_unjudged;
use super::port::{self, PORT_FORM, is_port};
use crate::api::schema::{Path, Report};
use crate::api::{EndpointSlice, names};
use k8s_openapi::api::discovery::v1::Endpoint;
use std::collections::HashSet;

const MOST_ENDPOINTS: usize = 1000;
const MOST_ADDRESSES: usize = 100;

// The API server refuses loopback, link-local and multicast addresses here. Whether those are
// allowed is decided when connecting: without a cluster, backends on the same machine are.
pub(super) fn finish(slice: &mut EndpointSlice, report: &mut Report) {
    for port in slice.ports.iter_mut().flatten() {
        port.name.get_or_insert_default();
        port::fill_in_protocol(&mut port.protocol);
    }
    let root = Path::Root;
    let is_address: fn(&str) -> bool = match slice.address_type.as_str() {
        "IPv4" => names::is_ipv4,
        "IPv6" => names::is_ipv6,
        "FQDN" => is_full_name,
        "" => return report.error(&root.field("addressType"), "is required"),
        other => {
            let supported = ["IPv4", "IPv6", "FQDN"];
            return super::check_choice(Some(other), &supported, &root.field("addressType"), report);
        }
    };
    let path = root.field("endpoints");
    let endpoints = slice.endpoints.as_deref().unwrap_or_default();
    if endpoints.len() > MOST_ENDPOINTS {
        report.error(&path, format!("must have at most {MOST_ENDPOINTS} entries, has {}", endpoints.len()));
    }
    for (index, endpoint) in endpoints.iter().enumerate() {
        let path = path.index(index);
        check_endpoint(endpoint, &path, report);
        let path = path.field("addresses");
        for (index, address) in endpoint.addresses.iter().enumerate() {
            if !is_address(address) {
                report.error(&path.index(index), format!("{address:?} is no {} address", slice.address_type));
            }
        }
    }
    check_ports(slice, &root.field("ports"), report);
}

fn is_full_name(text: &str) -> bool {
    let text = text.strip_suffix('.').unwrap_or(text);
    names::is_subdomain(text) && text.contains('.')
}

fn check_endpoint(endpoint: &Endpoint, path: &Path<'_>, report: &mut Report) {
    if !(1..=MOST_ADDRESSES).contains(&endpoint.addresses.len()) {
        report.error(&path.field("addresses"), format!("must have 1 to {MOST_ADDRESSES} entries"));
    }
    if endpoint.hostname.as_deref().is_some_and(|name| !names::is_label(name)) {
        report.error(&path.field("hostname"), "must be a label of a host name in lower case");
    }
    if endpoint.node_name.as_deref().is_some_and(|name| !names::is_subdomain(name)) {
        report.error(&path.field("nodeName"), "must be the name of a Node");
    }
    leave_unjudged(
        &[
            ("deprecatedTopology", endpoint.deprecated_topology.is_some()),
            ("hints", endpoint.hints.is_some()),
        ],
        path,
        report,
    );
}

fn check_ports(slice: &EndpointSlice, path: &Path<'_>, report: &mut Report) {
    let mut names = HashSet::new();
    for (index, port) in slice.ports.iter().flatten().enumerate() {
        let path = path.index(index);
        let (name, protocol) = (port.name.as_deref(), port.protocol.as_deref());
        port::check(name, protocol, port.app_protocol.as_deref(), &path, report);
        if !names.insert(name) {
            report.error(&path.field("name"), format!("duplicate value {:?}", name.unwrap_or_default()));
        }
        // The API server lets any number through; nobody can connect to it.
        if port.port.is_some_and(|port| !is_port(port)) {
            report.error(&path.field("port"), PORT_FORM);
        }
    }
}
