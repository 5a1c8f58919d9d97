//! Sockets that are listened on.

use serde::{Deserialize, Serialize};
use std::fmt;
use std::hash::{Hash, Hasher};
use std::net::SocketAddr;
use std::str::FromStr;

/// Which of the two protocols over IP a port is of: each has ports of its own.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub enum IpProtocol {
    /// TCP, and all that goes over it.
    #[default]
    Tcp,
    /// UDP.
    Udp,
}

/// Where a socket is bound. TCP and UDP live side by side on one address and port.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(into = "String", try_from = "String")]
pub struct BindAddress {
    /// TCP or UDP.
    pub protocol: IpProtocol,
    /// Address and port.
    pub address: SocketAddr,
}

impl IpProtocol {
    /// Whether it is TCP.
    pub fn is_tcp(&self) -> bool {
        *self == Self::Tcp
    }

    /// What follows a port's number in texts; nothing for TCP.
    pub fn suffix(self) -> &'static str {
        match self {
            Self::Tcp => "",
            Self::Udp => "/udp",
        }
    }
}

impl BindAddress {
    /// A TCP socket.
    pub fn tcp(address: SocketAddr) -> Self {
        Self { protocol: IpProtocol::Tcp, address }
    }

    /// A UDP socket.
    pub fn udp(address: SocketAddr) -> Self {
        Self { protocol: IpProtocol::Udp, address }
    }
}

/// Only the address: each request looks its socket up, and no more than two have one address.
impl Hash for BindAddress {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.address.hash(state);
    }
}

impl fmt::Display for BindAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}{}", self.address, self.protocol.suffix())
    }
}

impl FromStr for BindAddress {
    type Err = std::net::AddrParseError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text.strip_suffix(IpProtocol::Udp.suffix()) {
            Some(address) => Ok(Self::udp(address.parse()?)),
            None => Ok(Self::tcp(text.parse()?)),
        }
    }
}

impl From<BindAddress> for String {
    fn from(bind: BindAddress) -> Self {
        bind.to_string()
    }
}

impl TryFrom<String> for BindAddress {
    type Error = std::net::AddrParseError;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        text.parse()
    }
}

#[cfg(test)]
mod tests;
