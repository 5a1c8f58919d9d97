//! EndpointSlice.

use super::service::{PORT_FORM, PORT_LABEL_FORM, check_app_protocol, check_protocol, is_port};
use crate::api::schema::{Path, Report};
use crate::api::{EndpointSlice, names};
use std::collections::HashSet;
use std::net::{Ipv4Addr, Ipv6Addr};

const MOST_ENDPOINTS: usize = 1000;
const MOST_ADDRESSES: usize = 100;

// The API server refuses loopback, link-local and multicast addresses here. Whether those are
// allowed is decided when connecting: without a cluster, backends on the same machine are.
pub(super) fn finish(slice: &mut EndpointSlice, report: &mut Report) {
    for port in slice.ports.iter_mut().flatten() {
        port.name.get_or_insert_default();
        port.protocol.get_or_insert_with(|| "TCP".to_owned());
    }
    let root = Path::Root;
    let is_address: fn(&str) -> bool = match slice.address_type.as_str() {
        "IPv4" => |text| text.parse::<Ipv4Addr>().is_ok(),
        "IPv6" => |text| text.parse::<Ipv6Addr>().is_ok(),
        "FQDN" => names::is_subdomain,
        "" => return report.error(&root.field("addressType"), "is required"),
        other => {
            let message = format!("{other:?} is not supported; supported: IPv4, IPv6, FQDN");
            return report.error(&root.field("addressType"), message);
        }
    };
    let path = root.field("endpoints");
    let endpoints = slice.endpoints.as_deref().unwrap_or_default();
    if endpoints.len() > MOST_ENDPOINTS {
        report.error(&path, format!("must have at most {MOST_ENDPOINTS} entries, has {}", endpoints.len()));
    }
    for (index, endpoint) in endpoints.iter().enumerate() {
        let path = path.index(index);
        let path = path.field("addresses");
        if !(1..=MOST_ADDRESSES).contains(&endpoint.addresses.len()) {
            report.error(&path, format!("must have 1 to {MOST_ADDRESSES} entries"));
        }
        for (index, address) in endpoint.addresses.iter().enumerate() {
            if !is_address(address) {
                report.error(&path.index(index), format!("{address:?} is no {} address", slice.address_type));
            }
        }
    }
    check_ports(slice, &root.field("ports"), report);
}

fn check_ports(slice: &EndpointSlice, path: &Path<'_>, report: &mut Report) {
    let mut names = HashSet::new();
    for (index, port) in slice.ports.iter().flatten().enumerate() {
        let path = path.index(index);
        let name = port.name.as_deref().unwrap_or_default();
        if !name.is_empty() && !names::is_label(name) {
            report.error(&path.field("name"), PORT_LABEL_FORM);
        }
        if !names.insert(name) {
            report.error(&path.field("name"), format!("duplicate value {name:?}"));
        }
        if port.port.is_some_and(|port| !is_port(port)) {
            report.error(&path.field("port"), PORT_FORM);
        }
        check_protocol(port.protocol.as_deref(), &path, report);
        check_app_protocol(port.app_protocol.as_deref(), &path, report);
    }
}
