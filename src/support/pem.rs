//! From PEM texts to certificates: with a key, as a TLS Secret holds them, or of authorities.

use rustls::crypto::aws_lc_rs::sign::any_supported_type;
use rustls::pki_types::pem::{Error as PemError, PemObject};
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::sign::CertifiedKey;

/// Why two PEM texts are no certificate with its key.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidCertificate {
    /// No PEM section is a certificate.
    #[error("no certificate found: expected a PEM section \"-----BEGIN CERTIFICATE-----\"")]
    NoCertificate,
    /// A PEM section is broken.
    #[error("the certificate chain is no valid PEM: {0}")]
    MalformedChain(String),
    /// The first certificate is not X.509 version 3.
    #[error("the first certificate cannot be used: {0}")]
    UnusableCertificate(String),
    /// No PEM section is a private key.
    #[error(
        "no private key found: expected a PEM section \"-----BEGIN PRIVATE KEY-----\" \
         (or \"RSA PRIVATE KEY\", \"EC PRIVATE KEY\"), not encrypted"
    )]
    NoKey,
    /// A PEM section is broken.
    #[error("the private key is no valid PEM: {0}")]
    MalformedKey(String),
    /// The key is of a kind that TLS cannot use.
    #[error("the private key cannot be used: {0}")]
    UnusableKey(String),
    /// They are of two different pairs.
    #[error("the private key does not belong to the first certificate of the chain")]
    Mismatch,
}

/// Reads a chain (leaf first) and its key (PKCS#8, PKCS#1 or SEC1), and makes sure that they
/// belong together. Neither names nor dates are judged: clients do that.
///
/// # Errors
/// Any of [`InvalidCertificate`]; no text of it holds a part of the key.
pub fn read_pair(chain_pem: &str, key_pem: &str) -> Result<CertifiedKey, InvalidCertificate> {
    let chain = CertificateDer::pem_slice_iter(chain_pem.as_bytes())
        .collect::<Result<Vec<_>, _>>()
        .map_err(|error| InvalidCertificate::MalformedChain(explain(&error)))?;
    let leaf = chain.first().ok_or(InvalidCertificate::NoCertificate)?;
    let leaf_key = webpki::EndEntityCert::try_from(leaf)
        .map_err(|error| InvalidCertificate::UnusableCertificate(error.to_string()))?
        .subject_public_key_info();
    let key = PrivateKeyDer::from_pem_slice(key_pem.as_bytes()).map_err(|error| match error {
        PemError::NoItemsFound => InvalidCertificate::NoKey,
        error => InvalidCertificate::MalformedKey(explain(&error)),
    })?;
    let key = any_supported_type(&key).map_err(|error| InvalidCertificate::UnusableKey(error.to_string()))?;
    if key.public_key().is_none_or(|public| public != leaf_key) {
        return Err(InvalidCertificate::Mismatch);
    }
    Ok(CertifiedKey::new(chain, key))
}

/// Why a PEM text has no certificates of authorities.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidAuthorities {
    /// No PEM section is a certificate.
    #[error("no certificate found: expected a PEM section \"-----BEGIN CERTIFICATE-----\"")]
    NoCertificate,
    /// A PEM section is broken.
    #[error("no valid PEM: {0}")]
    Malformed(String),
    /// A section holds no certificate.
    #[error("certificate {number} cannot be used: {problem}")]
    Unusable {
        /// Which one, from 1.
        number: usize,
        /// What is wrong with it.
        problem: String,
    },
}

/// Makes sure that the text has certificates of authorities, and that each can be used. Their
/// dates are not judged: that is done when a certificate is, which they have signed.
///
/// # Errors
/// Any of [`InvalidAuthorities`]
pub fn check_authorities(pem: &str) -> Result<(), InvalidAuthorities> {
    let mut number = 0;
    for certificate in CertificateDer::pem_slice_iter(pem.as_bytes()) {
        number += 1;
        let certificate = certificate.map_err(|error| InvalidAuthorities::Malformed(explain(&error)))?;
        webpki::anchor_from_trusted_cert(&certificate)
            .map_err(|error| InvalidAuthorities::Unusable { number, problem: error.to_string() })?;
    }
    if number == 0 { Err(InvalidAuthorities::NoCertificate) } else { Ok(()) }
}

/// The library's own texts quote the offending line, which may be a line of a private key.
fn explain(error: &PemError) -> String {
    let text = match error {
        PemError::MissingSectionEnd { .. } => "a section has no end line",
        PemError::IllegalSectionStart { .. } => "a section's begin line is malformed",
        PemError::Base64Decode(_) => "a section is not base64",
        _ => "a section cannot be read",
    };
    text.to_owned()
}

#[cfg(test)]
mod tests;
