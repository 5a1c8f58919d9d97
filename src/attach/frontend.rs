//! Which certificates the clients of a Gateway have to show.

use super::authorities::{self, Bundles, NoBundle};
use super::grants::{References, Referrer};
use super::list_problems;
use super::verdict::{GatewayInsecureValidation, ListenerResolvedRefs, Verdict};
use crate::api::Kind;
use crate::api::gateway::{
    FrontendTlsValidation, FrontendValidationModeType, GatewaySpec, ObjectReference, TlsConfig,
};
use crate::model::ClientValidation;

/// Those of all ports.
#[derive(Debug, Default)]
pub(super) struct Validations {
    default: Option<Validation>,
    /// These stand in place of the default, also where they ask for nothing.
    per_port: Vec<(u16, Option<Validation>)>,
}

/// That of a port.
#[derive(Debug)]
pub(super) struct Validation {
    /// None if no reference leads to authorities: nobody is to be let in then.
    pub(super) clients: Option<ClientValidation>,
    /// Set if a reference leads nowhere.
    pub(super) unresolved: Option<Verdict<ListenerResolvedRefs>>,
}

impl Validations {
    pub(super) fn find(
        references: References<'_>,
        bundles: &mut Bundles,
        namespace: &str,
        spec: &GatewaySpec,
    ) -> Self {
        let Some(frontend) = spec.tls.as_ref().and_then(|tls| tls.frontend.as_ref()) else {
            return Self::default();
        };
        let mut find = |tls: &TlsConfig, field: String| {
            let wire = tls.validation.as_ref()?;
            Some(Validation::find(references, bundles, namespace, wire, &format!("{field}.validation")))
        };
        let default = find(&frontend.default, "spec.tls.frontend.default".to_owned());
        let per_port = frontend.per_port.iter().enumerate();
        let per_port = per_port.map(|(index, entry)| {
            (entry.port, find(&entry.tls, format!("spec.tls.frontend.perPort[{index}].tls")))
        });
        Self { default, per_port: per_port.collect() }
    }

    /// What holds on a port.
    pub(super) fn of(&self, port: u16) -> Option<&Validation> {
        match self.per_port.iter().find(|(of, _)| *of == port) {
            Some((_, own)) => own.as_ref(),
            None => self.default.as_ref(),
        }
    }
}

impl Validation {
    fn find(
        references: References<'_>,
        bundles: &mut Bundles,
        namespace: &str,
        wire: &FrontendTlsValidation,
        field: &str,
    ) -> Self {
        let (mut found, mut problems) = (Vec::new(), Vec::new());
        for (index, reference) in wire.ca_certificate_refs.iter().enumerate() {
            match one(references, bundles, namespace, reference) {
                Ok(authorities) => found.push(authorities),
                Err(verdict) => {
                    let message = format!("{field}.caCertificateRefs[{index}]: {}", verdict.message);
                    problems.push((verdict.reason, message));
                }
            }
        }
        let messages: Vec<_> = problems.iter().map(|(_, message)| message.clone()).collect();
        let insecure_fallback = wire.mode == FrontendValidationModeType::AllowInsecureFallback;
        Self {
            clients: authorities::join(&found)
                .map(|authorities| ClientValidation { authorities, insecure_fallback }),
            unresolved: problems.first().map(|(reason, _)| Verdict::new(*reason, list_problems(&messages))),
        }
    }
}

/// An unknown kind comes before all, then permission, so that nobody learns what exists in a foreign
/// namespace.
fn one(
    references: References<'_>,
    bundles: &mut Bundles,
    namespace: &str,
    reference: &ObjectReference,
) -> Result<crate::model::Authorities, Verdict<ListenerResolvedRefs>> {
    use ListenerResolvedRefs::{InvalidCaCertificateKind, InvalidCaCertificateRef, RefNotPermitted};
    let verdict = |why| match why {
        NoBundle::Kind(message) => Verdict::new(InvalidCaCertificateKind, message),
        NoBundle::Object(message) => Verdict::new(InvalidCaCertificateRef, message),
        // A Gateway is not judged before that is known.
        NoBundle::Awaited => Verdict::new(InvalidCaCertificateRef, "not known yet"),
    };
    let kind = (reference.group.as_str(), reference.kind.as_str());
    let target = reference.namespace.as_deref().unwrap_or(namespace);
    let id = authorities::referred(target, kind, &reference.name).map_err(verdict)?;
    if !id.kind.namespaced() && reference.namespace.is_some() {
        return Err(Verdict::new(
            InvalidCaCertificateRef,
            format!("a {} is in no namespace: remove it", id.kind),
        ));
    }
    let from = Referrer { kind: Kind::Gateway, namespace };
    references.permit(from, id.kind, &id.key).map_err(|message| Verdict::new(RefNotPermitted, message))?;
    bundles.find(references.index, &id).map_err(verdict)
}

/// Told where a client without a good certificate is let in, on whatever port.
pub(super) fn insecure(spec: &GatewaySpec) -> Option<Verdict<GatewayInsecureValidation>> {
    let frontend = spec.tls.as_ref()?.frontend.as_ref()?;
    let is_insecure = |tls: &TlsConfig| {
        let mode = tls.validation.as_ref().map(|validation| validation.mode);
        mode == Some(FrontendValidationModeType::AllowInsecureFallback)
    };
    let default = is_insecure(&frontend.default).then(|| "spec.tls.frontend.default.validation".to_owned());
    let per_port = frontend.per_port.iter().enumerate().filter(|(_, entry)| is_insecure(&entry.tls));
    let per_port = per_port.map(|(index, _)| format!("spec.tls.frontend.perPort[{index}].tls.validation"));
    let fields: Vec<_> = default.into_iter().chain(per_port).collect();
    let message = format!(
        "clients are let in without a good certificate: {} has mode AllowInsecureFallback",
        fields.join(", ")
    );
    (!fields.is_empty()).then(|| Verdict::new(GatewayInsecureValidation::ConfigurationChanged, message))
}
