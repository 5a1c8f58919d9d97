//! TLS Secrets.

use crate::api::Secret;
use crate::model::{Certificate, CertificateKey, ObjectKey};
use crate::support::pem::{InvalidCertificate, read_pair};

const CHAIN: &str = "tls.crt";
const KEY: &str = "tls.key";

/// Why a Secret holds no certificate with its key. No text of it holds a part of the key.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidSecret {
    /// An entry is not there.
    #[error("has no entry {0:?}: a TLS Secret has \"tls.crt\" and \"tls.key\"")]
    Missing(&'static str),
    /// An entry is no text.
    #[error("its entry {0:?} is not PEM text")]
    NoText(&'static str),
    /// The two are no pair.
    #[error("{0}")]
    Pair(#[from] InvalidCertificate),
}

/// Reads the certificate chain and key, and makes sure that they belong together.
///
/// # Errors
/// [`InvalidSecret`]
pub fn certificate(key: &ObjectKey, secret: &Secret) -> Result<Certificate, InvalidSecret> {
    let chain = entry(secret, CHAIN)?;
    let private_key = entry(secret, KEY)?;
    read_pair(chain, private_key)?;
    Ok(Certificate {
        key: CertificateKey(key.clone()),
        chain_pem: chain.into(),
        private_key_pem: private_key.into(),
    })
}

/// `stringData` is never stored by an API server; in a file it wins, as it does there.
pub(super) fn entry<'a>(secret: &'a Secret, name: &'static str) -> Result<&'a str, InvalidSecret> {
    if let Some(text) = secret.string_data.as_ref().and_then(|data| data.get(name)) {
        return Ok(text);
    }
    let bytes = secret.data.as_ref().and_then(|data| data.get(name)).ok_or(InvalidSecret::Missing(name))?;
    std::str::from_utf8(&bytes.0).map_err(|_| InvalidSecret::NoText(name))
}

#[cfg(test)]
mod tests;
