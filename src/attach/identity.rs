//! What the backends of a Gateway are shown of it.

use super::certificates::{Certificates, NoCertificate};
use super::grants::{References, Referrer};
use super::verdict::{GatewayResolvedRefs, Verdict};
use crate::api::Kind;
use crate::api::gateway::GatewaySpec;
use crate::model::{Certificate, ClientCertificate};
use std::sync::Arc;

/// The certificate of a Gateway for backends with TLS.
#[derive(Debug, Default)]
pub(super) struct Identity {
    /// As the data plane is told; none if the Gateway asks for none.
    pub(super) shown: Option<ClientCertificate>,
    /// The one in `shown`.
    pub(super) certificate: Option<Arc<Certificate>>,
    /// Why it cannot be had.
    pub(super) unresolved: Option<Verdict<GatewayResolvedRefs>>,
}

impl Identity {
    pub(super) fn find(
        references: References<'_>,
        certificates: &mut Certificates,
        namespace: &str,
        spec: &GatewaySpec,
    ) -> Self {
        let backend = spec.tls.as_ref().and_then(|tls| tls.backend.as_ref());
        let Some(reference) = backend.and_then(|backend| backend.client_certificate_ref.as_ref()) else {
            return Self::default();
        };
        let from = Referrer { kind: Kind::Gateway, namespace };
        match certificates.find(references, from, reference) {
            Ok(certificate) => Self {
                shown: Some(ClientCertificate::Shown(certificate.key.clone())),
                certificate: Some(certificate),
                unresolved: None,
            },
            Err(why) => {
                let (reason, why) = match why {
                    NoCertificate::NotPermitted(why) => (GatewayResolvedRefs::RefNotPermitted, why),
                    NoCertificate::Invalid(why) => (GatewayResolvedRefs::InvalidClientCertificateRef, why),
                };
                let message = format!(
                    "spec.tls.backend.clientCertificateRef: {why}; until then nothing is sent to backends with TLS"
                );
                Self {
                    shown: Some(ClientCertificate::Missing),
                    certificate: None,
                    unresolved: Some(Verdict::new(reason, message)),
                }
            }
        }
    }
}
