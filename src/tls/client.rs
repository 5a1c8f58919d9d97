//! TLS towards backends, with the system's certificate authorities.

use super::{alpn_protocols, provider};
use rustls::{ClientConfig, RootCertStore};
use std::sync::Arc;

/// Settings for connections to targets with `https`. One set serves all targets: sessions are
/// kept by server name in it, so a target's tickets are offered to that target only.
#[derive(Clone, Debug)]
pub struct ClientConfigs {
    configs: Result<Offers, NoAuthorities>,
}

#[derive(Clone, Debug)]
struct Offers {
    both: Arc<ClientConfig>,
    http1: Arc<ClientConfig>,
}

/// No certificate could ever be trusted.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "no certificate authorities were found, so no TLS target can be trusted: install the package \
     ca-certificates or let SSL_CERT_FILE name a PEM file"
)]
pub struct NoAuthorities;

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
        let configs = Self::new(authorities);
        match &configs.configs {
            Ok(_) => tracing::info!(count, refused, "loaded the system's certificate authorities"),
            Err(error) => tracing::warn!("{error}"),
        }
        configs
    }

    /// Trusts these authorities and no others.
    pub fn new(authorities: RootCertStore) -> Self {
        if authorities.is_empty() {
            return Self { configs: Err(NoAuthorities) };
        }
        let builder = ClientConfig::builder_with_provider(provider());
        // It cannot fail: the provider has the cipher suites of both versions.
        let configs = builder.with_safe_default_protocol_versions().map(|builder| {
            let mut both = builder.with_root_certificates(authorities).with_no_client_auth();
            let mut http1 = both.clone();
            both.alpn_protocols = alpn_protocols();
            http1.alpn_protocols = vec![b"http/1.1".to_vec()];
            Offers { both: Arc::new(both), http1: Arc::new(http1) }
        });
        Self { configs: configs.map_err(|_| NoAuthorities) }
    }

    /// The settings; ALPN offers `h2` and `http/1.1`.
    ///
    /// # Errors
    /// No authority is trusted.
    pub fn get(&self) -> Result<Arc<ClientConfig>, NoAuthorities> {
        self.configs.as_ref().map(|offers| offers.both.clone()).map_err(Clone::clone)
    }

    /// The settings for requests that HTTP/2 cannot carry, such as a WebSocket's `Upgrade`; ALPN
    /// offers `http/1.1` alone.
    ///
    /// # Errors
    /// No authority is trusted.
    pub fn http1(&self) -> Result<Arc<ClientConfig>, NoAuthorities> {
        self.configs.as_ref().map(|offers| offers.http1.clone()).map_err(Clone::clone)
    }
}

#[cfg(test)]
mod tests;
