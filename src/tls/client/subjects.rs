//! Certificates by names of our own choice, which may be others than the one that is asked for.

use crate::model::{Hostname, SubjectName};
use crate::tls::provider;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::client::verify_server_cert_signed_by_trust_anchor;
use rustls::crypto::{WebPkiSupportedAlgorithms, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::server::ParsedCertificate;
use rustls::{CertificateError, DigitallySignedStruct, Error, OtherError, RootCertStore, SignatureScheme};
use std::sync::Arc;
use webpki::EndEntityCert;

/// Wants a certificate by one of the authorities that has at least one of the names.
#[derive(Debug)]
pub(super) struct SubjectVerifier {
    authorities: Arc<RootCertStore>,
    subjects: Arc<[SubjectName]>,
    algorithms: WebPkiSupportedAlgorithms,
}

/// A good certificate for somebody else.
#[derive(Debug, thiserror::Error)]
#[error("the certificate has none of the names in subjectAltNames; it has {0}")]
struct NoSubject(String);

impl SubjectVerifier {
    pub(super) fn new(authorities: Arc<RootCertStore>, subjects: Arc<[SubjectName]>) -> Self {
        Self { authorities, subjects, algorithms: provider().signature_verification_algorithms }
    }
}

impl ServerCertVerifier for SubjectVerifier {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        _server_name: &ServerName<'_>,
        _ocsp_response: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        let parsed = ParsedCertificate::try_from(end_entity)?;
        let algorithms = self.algorithms.all;
        verify_server_cert_signed_by_trust_anchor(
            &parsed,
            &self.authorities,
            intermediates,
            now,
            algorithms,
        )?;
        let certificate = EndEntityCert::try_from(end_entity)
            .map_err(|_| Error::InvalidCertificate(CertificateError::BadEncoding))?;
        if self.subjects.iter().any(|subject| has(&certificate, subject)) {
            return Ok(ServerCertVerified::assertion());
        }
        let names = certificate.valid_dns_names().chain(certificate.valid_uri_names());
        let names = names.collect::<Vec<_>>().join(", ");
        Err(Error::InvalidCertificate(CertificateError::Other(OtherError(Arc::new(NoSubject(names))))))
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls12_signature(message, certificate, signed, &self.algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls13_signature(message, certificate, signed, &self.algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.algorithms.supported_schemes()
    }
}

/// Whether the certificate is for the name. A wildcard in the certificate stands for one label, as
/// everywhere; one that is asked for stands for itself and every name that it matches.
fn has(certificate: &EndEntityCert<'_>, subject: &SubjectName) -> bool {
    match subject {
        SubjectName::Uri(uri) => certificate.valid_uri_names().any(|name| name == &**uri),
        SubjectName::Dns(Hostname::Exact(name)) => ServerName::try_from(&**name)
            .is_ok_and(|name| certificate.verify_is_valid_for_subject_name(&name).is_ok()),
        SubjectName::Dns(wildcard @ Hostname::Wildcard(suffix)) => {
            certificate.valid_dns_names().map(str::to_ascii_lowercase).any(|name| {
                name.strip_prefix('*').map_or_else(|| wildcard.matches(&name), |rest| *rest == **suffix)
            })
        }
    }
}

#[cfg(test)]
mod tests;
