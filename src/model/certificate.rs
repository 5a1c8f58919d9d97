//! A certificate chain with its key.

use super::CertificateKey;
use serde::{Deserialize, Serialize};
use std::fmt;
use std::sync::Arc;

/// PEM texts of a TLS Secret that were checked to belong together.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Certificate {
    /// The Secret.
    pub key: CertificateKey,
    /// Leaf first.
    pub chain_pem: Arc<str>,
    /// PKCS#8, PKCS#1 or SEC1.
    pub private_key_pem: Arc<str>,
}

/// The private key stays out of every log and dump.
impl fmt::Debug for Certificate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Certificate").field("key", &self.key).finish_non_exhaustive()
    }
}
