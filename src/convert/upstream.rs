//! Upstreams.

use super::{InvalidField, InvalidValue};
use crate::api::upstream;
use crate::model::{BackendProtocol, OriginateTls, normalize_path};
use std::collections::HashSet;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

/// An Upstream before anyone looked whether its Services exist.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Upstream {
    /// In the order of the object.
    pub targets: Vec<UpstreamTarget>,
    /// `retry.attempts`
    pub retries: Option<u32>,
}

/// One target.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UpstreamTarget {
    /// Unique within the Upstream.
    pub name: Arc<str>,
    /// Its share.
    pub weight: u32,
    /// Where it is.
    pub target: Target,
    /// For example `spec.targets[0]`.
    pub field: String,
}

/// Where a target is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Target {
    /// A `url`.
    Url {
        /// Its host.
        host: Host,
        /// With `https`.
        tls: Option<OriginateTls>,
        /// What is spoken there.
        protocol: BackendProtocol,
        /// Put before each path; without trailing slash.
        base_path: Arc<str>,
    },
    /// A `serviceRef`.
    Service(upstream::UpstreamServiceRef),
}

/// A URL's host with its port.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Host {
    /// An address.
    Address(SocketAddr),
    /// A name for DNS.
    Name(Arc<str>, u16),
}

/// Converts an Upstream.
///
/// # Errors
/// Every target that cannot be understood; then the whole Upstream is bad, as nobody can know
/// what share was meant for the others.
pub fn upstream(wire: &upstream::Upstream) -> Result<Upstream, Vec<InvalidField>> {
    let mut names = HashSet::new();
    let (mut targets, mut errors) = (Vec::new(), Vec::new());
    for (index, target) in wire.spec.targets.iter().enumerate() {
        let field = format!("spec.targets[{index}]");
        if !names.insert(target.name.as_str()) {
            let value = InvalidValue::TargetTwice(target.name.clone());
            errors.push(InvalidField::new(format!("{field}.name"), value));
        }
        let place = match (&target.url, &target.service_ref) {
            (Some(url), None) => url_target(url).map_err(|problem| {
                let value = InvalidValue::Url { url: without_user(url), problem };
                InvalidField::new(format!("{field}.url"), value)
            }),
            (None, Some(service)) => Ok(Target::Service(service.clone())),
            _ => Err(InvalidField::new(field.clone(), InvalidValue::TargetSource)),
        };
        match place {
            Ok(place) => targets.push(UpstreamTarget {
                name: target.name.as_str().into(),
                weight: target.weight,
                target: place,
                field,
            }),
            Err(error) => errors.push(error),
        }
    }
    if errors.is_empty() {
        let retries = wire.spec.retry.as_ref().map(|retry| retry.attempts);
        Ok(Upstream { targets, retries })
    } else {
        Err(errors)
    }
}

/// A password that stands in a URL by mistake is not repeated in a condition.
fn without_user(url: &str) -> String {
    match (url.split_once("://"), url.rsplit_once('@')) {
        (Some((scheme, _)), Some((_, rest))) => format!("{scheme}://…@{rest}"),
        _ => url.to_owned(),
    }
}

fn url_target(url: &str) -> Result<Target, &'static str> {
    let (scheme, rest) = url.split_once("://").ok_or("has no scheme")?;
    let https = match scheme.to_ascii_lowercase().as_str() {
        "http" => false,
        "https" => true,
        _ => return Err("has a scheme other than http and https"),
    };
    if rest.contains(['?', '#']) {
        return Err("has a query or a fragment");
    }
    let (authority, path) = match rest.find('/') {
        Some(at) => rest.split_at(at),
        None => (rest, "/"),
    };
    if authority.contains('@') {
        return Err("has a user name");
    }
    let (host_text, port_text) = split_port(authority)?;
    let port = match port_text {
        None if https => 443,
        None => 80,
        Some(text) if text.bytes().all(|byte| byte.is_ascii_digit()) => {
            text.parse().ok().filter(|port| *port != 0).ok_or("has a port beyond 1 to 65535")?
        }
        Some(_) => return Err("has a port that is no number"),
    };
    let (host, server_name) = host(host_text, port)?;
    let path = normalize_path(path).map_err(|_| "has a path without normal form")?;
    Ok(Target::Url {
        host,
        tls: https.then(|| OriginateTls::system(server_name)),
        protocol: BackendProtocol::Http,
        base_path: path.strip_suffix('/').unwrap_or(&path).into(),
    })
}

fn split_port(authority: &str) -> Result<(&str, Option<&str>), &'static str> {
    if let Some(rest) = authority.strip_prefix('[') {
        let (address, after) = rest.split_once(']').ok_or("has a \"[\" without \"]\"")?;
        address.parse::<std::net::Ipv6Addr>().map_err(|_| "has no IPv6 address in its brackets")?;
        return match after.strip_prefix(':') {
            Some(port) => Ok((address, Some(port))),
            None if after.is_empty() => Ok((address, None)),
            None => Err("has something between \"]\" and the port"),
        };
    }
    match authority.split_once(':') {
        Some((_, port)) if port.contains(':') => Err("has an IPv6 address without brackets"),
        Some((host, port)) => Ok((host, Some(port))),
        None => Ok((authority, None)),
    }
}

/// The host, and the name that its certificate must have.
pub(super) fn host(text: &str, port: u16) -> Result<(Host, Arc<str>), &'static str> {
    if let Ok(ip) = text.parse::<IpAddr>() {
        return Ok((Host::Address(SocketAddr::new(ip, port)), ip.to_string().into()));
    }
    let name = text.to_ascii_lowercase();
    let name = name.strip_suffix('.').unwrap_or(&name);
    let is_label = |label: &str| {
        !label.is_empty()
            && label.len() <= 63
            && label.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_')
    };
    if name.len() > 253 || !name.split('.').all(is_label) {
        return Err("has no host name and no IP address");
    }
    // Some resolvers take "127.1" and "0x7f000001" for addresses; names never end like that.
    let last = name.rsplit('.').next().unwrap_or_default();
    if last.starts_with("0x") || last.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err("has a host that is half an IP address");
    }
    Ok((Host::Name(name.into(), port), name.into()))
}

#[cfg(test)]
mod tests;
