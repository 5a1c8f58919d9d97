//! TLS from clients, with a certificate by SNI, and TLS towards backends.

mod accept;
mod client;
mod recorded;
mod server;

pub use accept::{AcceptError, Accepted, Choice, accept};
pub use client::{ClientConfigs, ClientTls, Offer, TlsUnusable};
pub use server::server_config;

use rustls::crypto::{CryptoProvider, aws_lc_rs};
use std::sync::{Arc, LazyLock};

/// Both offers, the better one first.
fn alpn_protocols() -> Vec<Vec<u8>> {
    vec![b"h2".to_vec(), b"http/1.1".to_vec()]
}

/// One for all: never the process-wide default, which any library may have set.
fn provider() -> Arc<CryptoProvider> {
    static PROVIDER: LazyLock<Arc<CryptoProvider>> =
        LazyLock::new(|| Arc::new(aws_lc_rs::default_provider()));
    PROVIDER.clone()
}
