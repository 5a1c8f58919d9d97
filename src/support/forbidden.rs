//! Addresses that are never connected to, whoever names them.

use ipnet::IpNet;
use std::collections::HashSet;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

/// Which targets may be connected to. Judged after DNS, so a name cannot lead around it.
#[derive(Clone, Debug, Default)]
pub struct TargetPolicy {
    /// Loopback is allowed (standalone; on a cluster it is the gateway's own pod).
    pub allow_loopback: bool,
    /// Networks that are allowed although they would be refused.
    pub allow: Vec<IpNet>,
    local: Vec<IpAddr>,
    own: HashSet<SocketAddr>,
}

impl TargetPolicy {
    /// A policy without listening addresses of its own yet.
    pub fn new(allow_loopback: bool, allow: Vec<IpNet>) -> Self {
        Self { allow_loopback, allow, local: Vec::new(), own: HashSet::new() }
    }

    /// Says which addresses are this process's own beside loopback: a socket on the unspecified
    /// address answers there too.
    pub fn with_local(mut self, local: Vec<IpAddr>) -> Self {
        self.local = local;
        self
    }

    /// Sets the process's own listening addresses, which a request must not come back to.
    pub fn set_own(&mut self, own: HashSet<SocketAddr>) {
        self.own = own;
    }

    /// Whether a connection to this address may be made.
    pub fn permits(&self, address: SocketAddr) -> bool {
        // ::ffff:127.0.0.1 is 127.0.0.1
        let ip = address.ip().to_canonical();
        if self.is_own(SocketAddr::new(ip, address.port())) {
            return false;
        }
        self.allow.iter().any(|net| net.contains(&ip)) || !self.is_special(ip)
    }

    fn is_special(&self, ip: IpAddr) -> bool {
        if ip.is_loopback() {
            return !self.allow_loopback;
        }
        ip.is_unspecified()
            || ip.is_multicast()
            || match ip {
                IpAddr::V4(v4) => v4.is_link_local() || v4 == Ipv4Addr::BROADCAST,
                IpAddr::V6(v6) => v6.is_unicast_link_local(),
            }
    }

    /// A socket on the unspecified address answers on every local one.
    fn is_own(&self, address: SocketAddr) -> bool {
        let any = |ip: IpAddr| self.own.contains(&SocketAddr::new(ip, address.port()));
        self.own.contains(&address)
            || (address.ip().is_loopback() || self.local.contains(&address.ip()))
                && (any(Ipv4Addr::UNSPECIFIED.into()) || any(Ipv6Addr::UNSPECIFIED.into()))
    }
}

#[cfg(test)]
mod tests;
