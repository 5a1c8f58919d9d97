//! Certificates of authorities, in a ConfigMap, a Secret or a ClusterTrustBundle.

use super::InvalidSecret;
use super::secret::entry;
use crate::api::{ClusterTrustBundle, ConfigMap, Secret};
use crate::model::Authorities;
use crate::support::pem::{InvalidAuthorities, check_authorities};

/// The name that Gateway API gives to the entry.
const BUNDLE: &str = "ca.crt";

/// Why an object has no certificates of authorities.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidBundle {
    /// The entry is not there.
    #[error("has no entry \"ca.crt\"")]
    Missing,
    /// The entry is no text.
    #[error("its entry \"ca.crt\" is not PEM text")]
    NoText,
    /// The bundle has no certificates.
    #[error("its trustBundle: {0}")]
    TrustBundle(InvalidAuthorities),
    /// The entry has no certificates.
    #[error("its entry \"ca.crt\": {0}")]
    Pem(#[from] InvalidAuthorities),
}

/// Those of a ConfigMap.
///
/// # Errors
/// [`InvalidBundle`]
pub fn of_config_map(config_map: &ConfigMap) -> Result<Authorities, InvalidBundle> {
    if let Some(text) = config_map.data.as_ref().and_then(|data| data.get(BUNDLE)) {
        return read(text);
    }
    let bytes = config_map.binary_data.as_ref().and_then(|data| data.get(BUNDLE));
    let bytes = bytes.ok_or(InvalidBundle::Missing)?;
    read(std::str::from_utf8(&bytes.0).map_err(|_| InvalidBundle::NoText)?)
}

/// Those of a Secret: some put them there beside a certificate.
///
/// # Errors
/// [`InvalidBundle`]
pub fn of_secret(secret: &Secret) -> Result<Authorities, InvalidBundle> {
    let text = entry(secret, BUNDLE).map_err(|error| match error {
        InvalidSecret::Missing(_) => InvalidBundle::Missing,
        InvalidSecret::NoText(_) | InvalidSecret::Pair(_) => InvalidBundle::NoText,
    })?;
    read(text)
}

/// Those of a ClusterTrustBundle.
///
/// # Errors
/// [`InvalidBundle`]
pub fn of_trust_bundle(bundle: &ClusterTrustBundle) -> Result<Authorities, InvalidBundle> {
    let pem = bundle.spec.trust_bundle.as_str();
    check_authorities(pem).map_err(InvalidBundle::TrustBundle)?;
    Ok(Authorities::new(pem))
}

fn read(pem: &str) -> Result<Authorities, InvalidBundle> {
    check_authorities(pem)?;
    Ok(Authorities::new(pem))
}

#[cfg(test)]
mod tests;
