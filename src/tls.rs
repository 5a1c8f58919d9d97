//! TLS from clients, with a certificate by SNI, and TLS towards backends.

mod accept;
mod client;
mod clients;
mod recorded;
mod server;

pub use accept::{AcceptError, Accepted, Choice, accept};
pub use client::{ClientConfigs, ClientKey, ClientTls, Identity, Offer, TlsUnusable};
pub use server::server_config;

use crate::model::Authorities;
use rustls::RootCertStore;
use rustls::crypto::{CryptoProvider, aws_lc_rs};
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use std::sync::{Arc, LazyLock};

/// Both offers, the better one first.
fn alpn_protocols() -> Vec<Vec<u8>> {
    vec![b"h2".to_vec(), b"http/1.1".to_vec()]
}

/// Those of the certificates that can be used; that all of them can was judged before.
fn read(authorities: &Authorities) -> Arc<RootCertStore> {
    let mut store = RootCertStore::empty();
    let pem = authorities.pem().as_bytes();
    store.add_parsable_certificates(CertificateDer::pem_slice_iter(pem).filter_map(Result::ok));
    Arc::new(store)
}

/// One for all: never the process-wide default, which any library may have set.
fn provider() -> Arc<CryptoProvider> {
    static PROVIDER: LazyLock<Arc<CryptoProvider>> =
        LazyLock::new(|| Arc::new(aws_lc_rs::default_provider()));
    PROVIDER.clone()
}
