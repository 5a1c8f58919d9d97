//! TLS towards backends: whom to trust, and with which name.

mod identity;
mod subjects;

use super::{alpn_protocols, provider, read};
use crate::model::{OriginateTls, SubjectName, Trust};
use identity::Shown;
pub use identity::{ClientKey, Identity};
use rustls::client::{Resumption, WantsClientCert};
use rustls::pki_types::ServerName;
use rustls::{ClientConfig, ConfigBuilder, RootCertStore};
use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError, Weak};
use subjects::SubjectVerifier;

/// Makes the settings for connections to targets with TLS. Targets that trust the same share one
/// set: sessions are kept by server name in it, so a target's tickets are offered to that target
/// only, and never after what it trusts has changed.
#[derive(Debug)]
pub struct ClientConfigs {
    system: Arc<RootCertStore>,
    /// Kept for as long as somebody uses them.
    made: HashMap<Verification, Weak<Offers>>,
}

/// TLS towards one target.
#[derive(Clone, Debug)]
pub struct ClientTls {
    /// SNI.
    pub server_name: Arc<str>,
    usable: Result<(ServerName<'static>, Arc<Offers>), TlsUnusable>,
}

/// What is offered by ALPN.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Offer {
    /// `h2` and `http/1.1`.
    Both,
    /// `http/1.1` alone, for requests that HTTP/2 cannot carry, such as a WebSocket's `Upgrade`.
    Http1,
    /// `h2` alone, for targets that are known to speak nothing else.
    Http2,
    /// Nothing, where it is not known what is spoken.
    Nothing,
}

/// How a certificate is judged; all that one set of settings hangs on.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Verification {
    trust: Trust,
    subjects: Arc<[SubjectName]>,
}

#[derive(Debug)]
struct Offers {
    anonymous: Offered,
    /// By the number of the certificate that is shown, for as long as somebody has it. Locked only
    /// while a connection is made.
    known: Mutex<HashMap<u64, (Weak<ClientKey>, Offered)>>,
}

/// The same settings with each offer.
#[derive(Clone, Debug)]
struct Offered {
    both: Arc<ClientConfig>,
    http1: Arc<ClientConfig>,
    http2: Arc<ClientConfig>,
    nothing: Arc<ClientConfig>,
}

/// No certificate could ever be right.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TlsUnusable {
    /// Nobody is trusted.
    #[error(
        "no certificate authorities were found, so no TLS target can be trusted: install the package \
         ca-certificates or let SSL_CERT_FILE name a PEM file"
    )]
    NoAuthorities,
    /// The certificates that were given are none.
    #[error("none of the certificates that are to be trusted can be used")]
    BadAuthorities,
    /// The name is none that TLS knows.
    #[error("{0:?} is no name that a certificate can have")]
    ServerName(Arc<str>),
    /// The gateway has to show a certificate and has none.
    #[error("the certificate that the gateway is to show cannot be had")]
    NoIdentity,
}

impl ClientConfigs {
    /// Reads the system's authorities, or those that SSL_CERT_FILE and SSL_CERT_DIR name. Takes
    /// some milliseconds; to be done once.
    pub fn system() -> Self {
        let loaded = rustls_native_certs::load_native_certs();
        for error in &loaded.errors {
            tracing::warn!(%error, "some certificate authorities cannot be read");
        }
        let mut authorities = RootCertStore::empty();
        let (count, refused) = authorities.add_parsable_certificates(loaded.certs);
        if authorities.is_empty() {
            tracing::warn!("{}", TlsUnusable::NoAuthorities);
        } else {
            tracing::info!(count, refused, "loaded the system's certificate authorities");
        }
        Self::new(authorities)
    }

    /// Takes these for the system's authorities.
    pub fn new(system: RootCertStore) -> Self {
        Self { system: Arc::new(system), made: HashMap::new() }
    }

    /// TLS as a target wants it. Settings that are in use are not made again.
    pub fn get(&mut self, tls: &OriginateTls) -> ClientTls {
        ClientTls { server_name: tls.server_name.clone(), usable: self.usable(tls) }
    }

    fn usable(&mut self, tls: &OriginateTls) -> Result<(ServerName<'static>, Arc<Offers>), TlsUnusable> {
        let name = ServerName::try_from(tls.server_name.to_string())
            .map_err(|_| TlsUnusable::ServerName(tls.server_name.clone()))?;
        let verification = Verification { trust: tls.trust.clone(), subjects: tls.subjects.clone() };
        if let Some(made) = self.made.get(&verification).and_then(Weak::upgrade) {
            return Ok((name, made));
        }
        let offers = Arc::new(self.make(&verification)?);
        self.made.retain(|_, made| made.strong_count() > 0);
        self.made.insert(verification, Arc::downgrade(&offers));
        Ok((name, offers))
    }

    fn make(&self, verification: &Verification) -> Result<Offers, TlsUnusable> {
        let (authorities, missing) = match &verification.trust {
            Trust::System => (self.system.clone(), TlsUnusable::NoAuthorities),
            Trust::Authorities(given) => (read(given), TlsUnusable::BadAuthorities),
        };
        if authorities.is_empty() {
            return Err(missing);
        }
        let builder = ClientConfig::builder_with_provider(provider());
        // It cannot fail: the provider has the cipher suites of both versions.
        let builder = builder.with_safe_default_protocol_versions().map_err(|_| missing)?;
        let builder: ConfigBuilder<ClientConfig, WantsClientCert> = if verification.subjects.is_empty() {
            builder.with_root_certificates(authorities)
        } else {
            let verifier = SubjectVerifier::new(authorities, verification.subjects.clone());
            builder.dangerous().with_custom_certificate_verifier(Arc::new(verifier))
        };
        Ok(Offers::new(&builder.with_no_client_auth()))
    }
}

impl Offers {
    fn new(config: &ClientConfig) -> Self {
        Self { anonymous: Offered::new(config), known: Mutex::default() }
    }

    fn of(&self, identity: &Identity) -> Result<Offered, TlsUnusable> {
        let key = match identity {
            Identity::Anonymous => return Ok(self.anonymous.clone()),
            Identity::Missing => return Err(TlsUnusable::NoIdentity),
            Identity::Known(key) => key,
        };
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((_, offered)) = known.get(&key.number) {
            return Ok(offered.clone());
        }
        known.retain(|_, (key, _)| key.strong_count() > 0);
        let mut config = ClientConfig::clone(&self.anonymous.both);
        config.client_auth_cert_resolver = Arc::new(Shown(key.key.clone()));
        // A session that somebody else began would be resumed in their name.
        config.resumption = Resumption::default();
        let offered = Offered::new(&config);
        known.insert(key.number, (Arc::downgrade(key), offered.clone()));
        Ok(offered)
    }
}

impl Offered {
    /// Clones share what they verify with and where sessions are kept.
    fn new(config: &ClientConfig) -> Self {
        let offering = |protocols| {
            let mut config = config.clone();
            config.alpn_protocols = protocols;
            Arc::new(config)
        };
        Self {
            both: offering(alpn_protocols()),
            http1: offering(vec![b"http/1.1".to_vec()]),
            http2: offering(vec![b"h2".to_vec()]),
            nothing: offering(Vec::new()),
        }
    }
}

impl ClientTls {
    /// The settings, and the name to connect with.
    ///
    /// # Errors
    /// No certificate could be right, of the target or of the gateway.
    pub fn connect(
        &self,
        offer: Offer,
        identity: &Identity,
    ) -> Result<(Arc<ClientConfig>, ServerName<'static>), TlsUnusable> {
        let (name, offers) = self.usable.as_ref().map_err(Clone::clone)?;
        let offered = offers.of(identity)?;
        let config = match offer {
            Offer::Both => offered.both,
            Offer::Http1 => offered.http1,
            Offer::Http2 => offered.http2,
            Offer::Nothing => offered.nothing,
        };
        Ok((config, name.clone()))
    }
}

#[cfg(test)]
mod tests;
