//! Certificates that deltas brought, and the TLS settings of listeners made of them.

use crate::model::{
    Certificate, CertificateKey, ClientCertificate, ClientValidation, Listener, Protocol, TlsVersion,
};
use crate::support::pem::read_pair;
use crate::tls::{ClientKey, Identity, server_config};
use rustls::ServerConfig;
use rustls::sign::CertifiedKey;
use std::collections::HashMap;
use std::sync::{Arc, OnceLock};

#[derive(Debug, Default)]
pub(super) struct Certificates(HashMap<CertificateKey, Loaded>);

#[derive(Debug)]
struct Loaded {
    model: Certificate,
    /// None if the texts are no pair; the control plane lets no such certificate through.
    key: Option<Arc<CertifiedKey>>,
    /// Made when it is first shown to a target.
    shown: OnceLock<Arc<ClientKey>>,
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

impl Loaded {
    fn shown(&self) -> Option<Arc<ClientKey>> {
        let key = self.key.clone()?;
        Some(self.shown.get_or_init(|| Arc::new(ClientKey::new(key))).clone())
    }
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
        let loaded = Loaded { model: certificate, key: key.map(Arc::new), shown: OnceLock::new() };
        self.0.insert(loaded.model.key.clone(), loaded);
        true
    }

    /// Tells whether it was there.
    pub(super) fn remove(&mut self, key: &CertificateKey) -> bool {
        self.0.remove(key).is_some()
    }

    /// What targets are shown. It stays the same, and so do connections, while the certificate does.
    pub(super) fn identity(&self, wanted: Option<&ClientCertificate>) -> Identity {
        let loaded = match wanted {
            None => return Identity::Anonymous,
            Some(ClientCertificate::Missing) => None,
            Some(ClientCertificate::Shown(key)) => self.0.get(key),
        };
        loaded.and_then(Loaded::shown).map_or(Identity::Missing, Identity::Known)
    }

    /// The same for targets that are shown a certificate of their own.
    pub(super) fn client_key(&self, key: &CertificateKey) -> Option<Arc<ClientKey>> {
        self.0.get(key)?.shown()
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
