//! Certificates that deltas brought, and the TLS settings of listeners made of them.

use crate::model::{Certificate, CertificateKey, ClientValidation, Listener, Protocol, TlsVersion};
use crate::support::pem::read_pair;
use crate::tls::server_config;
use rustls::ServerConfig;
use rustls::sign::CertifiedKey;
use std::collections::HashMap;
use std::sync::Arc;

#[derive(Debug, Default)]
pub(super) struct Certificates(HashMap<CertificateKey, Loaded>);

#[derive(Debug)]
struct Loaded {
    model: Certificate,
    /// None if the texts are no pair; the control plane lets no such certificate through.
    key: Option<Arc<CertifiedKey>>,
}

/// A listener's TLS settings with what they were made of.
#[derive(Debug)]
pub(super) struct ListenerTls {
    keys: Vec<Arc<CertifiedKey>>,
    oldest: TlsVersion,
    http: bool,
    clients: Option<ClientValidation>,
    pub(super) config: Arc<ServerConfig>,
}

impl Certificates {
    /// Tells whether anything changed.
    pub(super) fn upsert(&mut self, certificate: Certificate) -> bool {
        if self.0.get(&certificate.key).is_some_and(|old| old.model == certificate) {
            return false;
        }
        let read = read_pair(&certificate.chain_pem, &certificate.private_key_pem);
        let key = read
            .inspect_err(
                |error| tracing::error!(secret = %certificate.key, %error, "certificate is left out"),
            )
            .ok();
        self.0.insert(certificate.key.clone(), Loaded { model: certificate, key: key.map(Arc::new) });
        true
    }

    /// Tells whether it was there.
    pub(super) fn remove(&mut self, key: &CertificateKey) -> bool {
        self.0.remove(key).is_some()
    }

    /// Brings a listener's settings up to date. They stay the same object while its certificates,
    /// the versions of TLS and the authorities of its clients do, so that clients can resume their sessions. Tells whether they are new.
    pub(super) fn renew(&self, listener: &Listener, tls: &mut Option<ListenerTls>) -> bool {
        let wanted = listener.certificates.iter().filter_map(|key| self.0.get(key)?.key.clone());
        let keys: Vec<_> = if listener.protocol.terminates_tls() { wanted.collect() } else { Vec::new() };
        if keys.is_empty() {
            return tls.take().is_some();
        }
        let oldest = listener.settings.min_tls.unwrap_or(TlsVersion::Tls12);
        let http = listener.protocol == Protocol::Https;
        let same = |old: &ListenerTls| {
            (old.oldest, old.http, &old.clients) == (oldest, http, &listener.clients)
                && old.keys.len() == keys.len()
                && old.keys.iter().zip(&keys).all(|(old, new)| Arc::ptr_eq(old, new))
        };
        if tls.as_ref().is_some_and(same) {
            return false;
        }
        *tls = server_config(keys.clone(), oldest, http, listener.clients.as_ref())
            .inspect_err(|error| tracing::error!(listener = %listener.key, %error, "no TLS settings"))
            .ok()
            .map(|config| ListenerTls { keys, oldest, http, clients: listener.clients.clone(), config });
        true
    }
}
