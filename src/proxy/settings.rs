//! What holds for the clients of one socket: what its Gateway's owner wants, and for the rest how
//! the process was started.

use super::limits::Limits;
use crate::model::{BindAddress, ListenerSettings, ProxyProtocol};
use crate::telemetry::{Mode, Sampler};
use ipnet::IpNet;
use std::cell::RefCell;
use std::net::IpAddr;
use std::rc::Rc;
use std::sync::Arc;

/// Settings, complete.
#[derive(Clone, Debug)]
pub(super) struct Settings {
    pub(super) limits: Limits,
    /// Proxies in front whose word on who their client is counts.
    pub(super) trusted: Vec<IpNet>,
    pub(super) proxy_protocol: ProxyProtocol,
    pub(super) access_log: Mode,
}

/// One worker's view of a socket. Its connections share it, so that a change reaches those that are
/// open too.
#[derive(Debug)]
pub(super) struct Socket {
    pub(super) address: BindAddress,
    /// Which of its requests get a line.
    pub(super) sampler: Sampler,
    current: RefCell<Current>,
}

#[derive(Debug)]
struct Current {
    wanted: Arc<ListenerSettings>,
    settings: Rc<Settings>,
}

impl Settings {
    /// These with what is wanted differently.
    fn with(&self, wanted: &ListenerSettings) -> Self {
        let size = |wanted: Option<u32>, default: usize| wanted.map_or(default, |wanted| wanted as usize);
        let limits = Limits {
            head_bytes: size(wanted.head_bytes, self.limits.head_bytes),
            head_fields: size(wanted.head_fields, self.limits.head_fields),
            uri_bytes: size(wanted.uri_bytes, self.limits.uri_bytes),
            http2_streams: wanted.http2_streams.unwrap_or(self.limits.http2_streams),
            head_time: wanted.head_time.unwrap_or(self.limits.head_time),
            idle: wanted.idle.unwrap_or(self.limits.idle),
            tls_handshake: wanted.tls_handshake.unwrap_or(self.limits.tls_handshake),
            ..self.limits.clone()
        };
        Self {
            limits,
            trusted: wanted.trusted.clone().unwrap_or_else(|| self.trusted.clone()),
            proxy_protocol: wanted.proxy_protocol.unwrap_or(self.proxy_protocol),
            access_log: match wanted.logged_per_million {
                None => self.access_log,
                Some(0) => Mode::Off,
                Some(1_000_000..) => Mode::Full,
                Some(number) => Mode::Share(f64::from(number) / 1e6),
            },
        }
    }

    /// Whether a peer's word on who its client is counts.
    pub(super) fn trusts(&self, peer: IpAddr) -> bool {
        self.trusted.iter().any(|net| net.contains(&peer))
    }

    /// Whether a peer's header of the PROXY protocol counts. It must have one where every connection
    /// has, so without a list everyone's does.
    pub(super) fn takes_header_of(&self, peer: IpAddr) -> bool {
        self.trusts(peer) || self.trusted.is_empty() && self.proxy_protocol == ProxyProtocol::Required
    }
}

impl Socket {
    pub(super) fn new(address: BindAddress, wanted: &Arc<ListenerSettings>, defaults: &Settings) -> Self {
        let settings = Rc::new(defaults.with(wanted));
        Self {
            address,
            sampler: Sampler::new(settings.access_log),
            current: RefCell::new(Current { wanted: wanted.clone(), settings }),
        }
    }

    /// Takes what a new table says of it.
    pub(super) fn update(&self, wanted: &Arc<ListenerSettings>, defaults: &Settings) {
        let current = &mut *self.current.borrow_mut();
        if !Arc::ptr_eq(&current.wanted, wanted) {
            current.wanted = wanted.clone();
            current.settings = Rc::new(defaults.with(wanted));
            self.sampler.set(current.settings.access_log);
        }
    }

    /// What holds now.
    pub(super) fn settings(&self) -> Rc<Settings> {
        self.current.borrow().settings.clone()
    }
}

#[cfg(test)]
mod tests;
