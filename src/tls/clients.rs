//! Who of the clients is let in, by their certificates.

use super::{provider, read};
use crate::model::ClientValidation;
use rustls::client::danger::HandshakeSignatureValid;
use rustls::pki_types::{CertificateDer, UnixTime};
use rustls::server::WebPkiClientVerifier;
use rustls::server::danger::{ClientCertVerified, ClientCertVerifier};
use rustls::{DigitallySignedStruct, DistinguishedName, Error, SignatureScheme};
use std::sync::Arc;

/// What judges the certificates of a listener's clients; without a validation none is asked for.
///
/// # Errors
/// None of the authorities can be used.
pub(super) fn verifier(validation: Option<&ClientValidation>) -> Result<Arc<dyn ClientCertVerifier>, Error> {
    let Some(validation) = validation else { return Ok(WebPkiClientVerifier::no_client_auth()) };
    let builder = WebPkiClientVerifier::builder_with_provider(read(&validation.authorities), provider());
    let strict = builder.build().map_err(|error| Error::General(error.to_string()))?;
    Ok(if validation.insecure_fallback { Arc::new(Lenient(strict)) } else { strict })
}

/// Asks for a certificate and lets everybody in, whatever comes. Nothing is made of the certificate,
/// so nobody gains by showing that of somebody else.
#[derive(Debug)]
struct Lenient(Arc<dyn ClientCertVerifier>);

impl ClientCertVerifier for Lenient {
    fn client_auth_mandatory(&self) -> bool {
        false
    }

    fn root_hint_subjects(&self) -> &[DistinguishedName] {
        self.0.root_hint_subjects()
    }

    fn verify_client_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        now: UnixTime,
    ) -> Result<ClientCertVerified, Error> {
        if let Err(error) = self.0.verify_client_cert(end_entity, intermediates, now) {
            tracing::debug!(%error, "a client is let in without a good certificate");
        }
        Ok(ClientCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        _: &[u8],
        _: &CertificateDer<'_>,
        _: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        Ok(HandshakeSignatureValid::assertion())
    }

    fn verify_tls13_signature(
        &self,
        _: &[u8],
        _: &CertificateDer<'_>,
        _: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        Ok(HandshakeSignatureValid::assertion())
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.supported_verify_schemes()
    }
}
