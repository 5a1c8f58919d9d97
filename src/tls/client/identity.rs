//! Who the gateway is for targets that ask.

use rustls::SignatureScheme;
use rustls::client::ResolvesClientCert;
use rustls::sign::CertifiedKey;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// What targets with TLS are shown if they ask for a certificate. It tells connections apart: those
/// of one Gateway are of no use to another that shows something else.
#[derive(Clone, Debug, Default)]
pub enum Identity {
    /// Nothing.
    #[default]
    Anonymous,
    /// A certificate.
    Known(Arc<ClientKey>),
    /// A certificate that cannot be had: nothing goes to them.
    Missing,
}

/// A certificate with its key; made once for each state of a Secret.
#[derive(Debug)]
pub struct ClientKey {
    /// Never given twice in the life of the process, and never 0.
    pub(super) number: u64,
    pub(super) key: Arc<CertifiedKey>,
}

impl ClientKey {
    /// What was read of a Secret.
    pub fn new(key: Arc<CertifiedKey>) -> Self {
        static GIVEN: AtomicU64 = AtomicU64::new(0);
        Self { number: GIVEN.fetch_add(1, Ordering::Relaxed) + 1, key }
    }
}

impl Identity {
    /// The same for connections that are interchangeable.
    pub fn number(&self) -> u64 {
        match self {
            Self::Anonymous => 0,
            Self::Known(key) => key.number,
            Self::Missing => u64::MAX,
        }
    }
}

/// Shows one certificate to whoever asks: if it is not one of theirs, they say so.
#[derive(Debug)]
pub(super) struct Shown(pub(super) Arc<CertifiedKey>);

impl ResolvesClientCert for Shown {
    fn resolve(&self, _: &[&[u8]], _: &[SignatureScheme]) -> Option<Arc<CertifiedKey>> {
        Some(self.0.clone())
    }

    fn has_certs(&self) -> bool {
        true
    }
}
