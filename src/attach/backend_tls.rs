//! BackendTLSPolicies: how Services want to be spoken to.

use super::authorities::{self, Bundles, NoBundle};
use super::policies::{self, Attachable, Judged, Policies, Standing, Target};
use super::run::Head;
use super::verdict::{BackendTlsResolvedRefs, PolicyAccepted, Verdict};
use super::{list_problems, not_honoured};
use crate::api::{Kind, ObjectId, Service, gateway};
use crate::convert::{self, Issuers, unsupported};
use crate::index::Index;
use crate::model::{EndpointsKey, IpProtocol, ObjectKey, OriginateTls, Shown, Trust};

const KIND: Kind = Kind::BackendTlsPolicy;

/// All of them.
pub(super) type BackendTlsPolicies = Policies<OriginateTls>;

/// How a port of a Service is spoken to.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Securing {
    /// In plain text.
    Plain,
    /// By TLS.
    Tls(OriginateTls),
    /// Not at all: it is known only that it must not be in plain text.
    Closed,
}

impl BackendTlsPolicies {
    /// How a Service's port is spoken to.
    pub(super) fn of_port(&self, index: &Index, service: &ObjectKey, port: u16) -> Securing {
        match in_force(index, service, port).map(|policy| self.wanted(&policy)) {
            None => Securing::Plain,
            Some(Some(Ok(tls))) => Securing::Tls(tls.clone()),
            Some(_) => Securing::Closed,
        }
    }
}

/// The policy that holds for a Service's port, good or not.
pub(super) fn in_force(index: &Index, service: &ObjectKey, port: u16) -> Option<ObjectKey> {
    let port =
        index.service_port(&EndpointsKey { service: service.clone(), port, protocol: IpProtocol::Tcp })?;
    let service = ObjectId { kind: Kind::Service, key: service.clone() };
    policies::in_force(index, KIND, &service, port.name.as_deref().unwrap_or_default())
}

/// Looks at a policy by itself; none if it is gone.
pub(super) fn judge(index: &Index, bundles: &mut Bundles, key: &ObjectKey) -> Option<Judged<OriginateTls>> {
    let id = ObjectId { kind: KIND, key: key.clone() };
    let targets = policies::attached(index, &id)?.targets;
    let resolved = Verdict::good(BackendTlsResolvedRefs::ResolvedRefs);
    let Some(wire) = index.get::<gateway::BackendTlsPolicy>(key) else {
        let broken = index.why_broken(&id)?;
        return Some(Judged {
            head: Head::of_broken(broken),
            targets,
            wanted: Err(Verdict::new(PolicyAccepted::Invalid, broken.message())),
            resolved_refs: Some(resolved.condition()),
            not_honoured: None,
            waits: false,
        });
    };
    let mut waits = false;
    let (wanted, resolved_refs) = match convert::backend_tls(&wire.spec.validation, "spec.validation") {
        Ok(wanted) => originate(index, bundles, key, wanted, &mut waits),
        Err(errors) => {
            let errors: Vec<_> = errors.iter().map(ToString::to_string).collect();
            (Err(Verdict::new(PolicyAccepted::Invalid, list_problems(&errors))), resolved)
        }
    };
    let found = unsupported::find(KIND, &**wire);
    let head = Head::of(&wire.metadata);
    Some(Judged {
        head,
        targets,
        wanted,
        resolved_refs: Some(resolved_refs.condition()),
        not_honoured: not_honoured(found.iter()),
        waits,
    })
}

/// TLS with the certificates that the references lead to: those that lead nowhere leave the trust
/// to the others.
pub(super) fn originate(
    index: &Index,
    bundles: &mut Bundles,
    key: &ObjectKey,
    wanted: convert::BackendTls,
    waits: &mut bool,
) -> (Result<OriginateTls, Verdict<PolicyAccepted>>, Verdict<BackendTlsResolvedRefs>) {
    let convert::BackendTls { server_name, subjects, issuers } = wanted;
    let made = |trust| OriginateTls { server_name, trust, subjects, shown: Shown::OfGateway };
    let resolved = Verdict::good(BackendTlsResolvedRefs::ResolvedRefs);
    let references = match issuers {
        Issuers::System => {
            return (Ok(made(Trust::System)), resolved);
        }
        Issuers::Referred(references) => references,
    };
    let (mut found, mut problems) = (Vec::new(), Vec::new());
    for (field, reference) in &references {
        let kind = (reference.group.as_str(), reference.kind.as_str());
        let referred = authorities::referred(&key.namespace, kind, &reference.name);
        match referred.and_then(|id| bundles.find(index, &id)) {
            Ok(authorities) => found.push(authorities),
            Err(NoBundle::Awaited) => *waits = true,
            Err(NoBundle::Kind(why)) => {
                problems.push((BackendTlsResolvedRefs::InvalidKind, format!("{field}: {why}")));
            }
            Err(NoBundle::Object(why)) => {
                problems.push((BackendTlsResolvedRefs::InvalidCaCertificateRef, format!("{field}: {why}")));
            }
        }
    }
    let messages: Vec<_> = problems.iter().map(|(_, message)| message.clone()).collect();
    let message = list_problems(&messages);
    let resolved = problems.first().map_or(resolved, |(reason, _)| Verdict::new(*reason, message.as_str()));
    let Some(trust) = authorities::join(&found) else {
        return (Err(Verdict::new(PolicyAccepted::NoValidCaCertificate, message)), resolved);
    };
    (Ok(made(Trust::Authorities(trust))), resolved)
}

impl Attachable for OriginateTls {
    const KIND: Kind = KIND;

    fn fits(index: &Index, target: &Target) -> Standing {
        let Target { field, section, .. } = target;
        let not = |reason, message: String| Err(Verdict::new(reason, format!("{field}: {message}")));
        let object = match &target.object {
            Some(object) if object.kind == Kind::Service => object,
            _ => {
                let message =
                    format!("{} takes no BackendTLSPolicy: use a Service (group \"\")", target.kind);
                return not(PolicyAccepted::Invalid, message);
            }
        };
        let Some(service) = index.get::<Service>(&object.key) else {
            let message = policies::missing(index, object).unwrap_or_default();
            return not(PolicyAccepted::TargetNotFound, message);
        };
        let is_meant = |name: Option<&str>| section.is_none() || section.as_deref() == name;
        let ports = service.spec.iter().flat_map(|spec| spec.ports.iter().flatten());
        let ports: Vec<_> = ports.filter(|port| is_meant(port.name.as_deref())).collect();
        let is_tcp =
            |port: &&crate::api::ServicePort| convert::is_of(port.protocol.as_deref(), IpProtocol::Tcp);
        if let (Some(section), []) = (section, ports.as_slice()) {
            return not(PolicyAccepted::TargetNotFound, format!("{object} has no port named {section:?}"));
        }
        if !ports.is_empty() && !ports.iter().any(is_tcp) {
            let message = format!("{object} has no TCP port there: TLS is spoken by TCP");
            return not(PolicyAccepted::Invalid, message);
        }
        let in_part = !ports.iter().all(is_tcp);
        Ok(in_part.then(|| format!("{field}: it holds for the TCP ports of {object} only")))
    }
}

#[cfg(test)]
mod tests;
