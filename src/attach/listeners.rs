//! Listeners of one Gateway.

use super::addresses::{Binds, port_of};
use super::certificates::{Certificates, NoCertificate};
use super::conflicts::{Identity, conflict, overlapping};
use super::frontend::Validations;
use super::grants::References;
use super::parents::{Admission, NamespaceChoice};
use super::route_kinds;
use super::verdict::{
    ListenerAccepted, ListenerConflicted, ListenerOverlapping, ListenerResolvedRefs, NotHonoured, Verdict,
};
use crate::api::Kind;
use crate::api::gateway::{self, FromNamespaces, RouteGroupKind, RouteNamespaces};
use crate::api::ingress::is_of_class;
use crate::convert::unsupported::{Effect, Found};
use crate::convert::{self, ListenerProtocol, Selector};
use crate::model::{
    self, Certificate, ClientValidation, Hostname, ListenerKey, ListenerSettings, ObjectKey, Protocol,
};
use std::sync::Arc;

/// A listener with all that was found of it.
#[derive(Clone, Debug, PartialEq)]
pub struct Listener {
    /// What decides which routes it lets in.
    pub admission: Admission,
    /// The kinds of routes that it can have.
    pub supported_kinds: Vec<RouteGroupKind>,
    /// Whether it produces any configuration.
    pub accepted: Verdict<ListenerAccepted>,
    /// Whether it conflicts with another.
    pub conflicted: Verdict<ListenerConflicted>,
    /// Whether its references lead somewhere.
    pub resolved_refs: Verdict<ListenerResolvedRefs>,
    /// Set while hostnames overlap with those of another HTTPS listener of the port.
    pub overlapping: Option<Verdict<ListenerOverlapping>>,
    /// Set while a field is not honoured, without harm.
    pub not_honoured: Option<Verdict<NotHonoured>>,
    /// As the data plane is told, if it is.
    pub served: Option<model::Listener>,
    /// Those of `served`.
    pub certificates: Vec<Arc<Certificate>>,
}

/// What the listeners of one Gateway have in common.
pub(super) struct Context<'a> {
    pub(super) references: References<'a>,
    pub(super) key: &'a ObjectKey,
    pub(super) gateway: &'a gateway::Gateway,
    /// Fields that are not honoured.
    pub(super) found: &'a [Found],
    /// Where to listen; none if the Gateway is not accepted.
    pub(super) binds: Option<&'a Binds<'a>>,
    /// Which certificates clients have to show.
    pub(super) validations: &'a Validations,
    /// What backends are shown.
    pub(super) client_certificate: Option<&'a model::ClientCertificate>,
    /// What holds for clients.
    pub(super) settings: Arc<ListenerSettings>,
}

/// The listeners of a Gateway, in the order of the spec.
pub(super) fn judge(context: &Context<'_>, certificates: &mut Certificates) -> Vec<Listener> {
    let wire = &context.gateway.spec.listeners;
    let hostnames: Vec<_> =
        wire.iter().enumerate().map(|(index, wire)| convert::listener_hostname(wire, index)).collect();
    let identity = |index: usize| Identity {
        name: &wire[index].name,
        port: wire[index].port,
        protocol: served_protocol(&wire[index]),
        hostname: hostnames[index].as_ref().ok().and_then(Option::as_ref),
    };
    // Those of an IngressClass are made without conflicts, and there may be thousands.
    let compared = if is_of_class(context.key) { 0 } else { wire.len() };
    let others = |index: usize| (0..compared).filter(move |other| *other != index).map(identity);
    let each = wire.iter().enumerate().map(|(index, listener)| {
        let mut judged = one(context, index, listener, &hostnames[index]);
        if let Some((reason, names)) = conflict(identity(index), others(index)) {
            judged.set_conflict(reason, &names.join(", "));
        }
        let overlaps = overlapping(identity(index), others(index));
        if !overlaps.is_empty() {
            let message = format!(
                "spec.listeners[{index}].hostname overlaps with that of listener {}: a request on a \
                 connection that was made for the other is answered with 421",
                overlaps.join(", ")
            );
            judged.overlapping = Some(Verdict::new(ListenerOverlapping::OverlappingHostnames, message));
        }
        judged.serve(context, index, listener, certificates);
        judged
    });
    each.collect()
}

pub(super) fn served_protocol(wire: &gateway::Listener) -> Option<Protocol> {
    match convert::listener_protocol(wire) {
        ListenerProtocol::Served(protocol) => Some(protocol),
        ListenerProtocol::Unsupported => None,
    }
}

/// A listener before anything outside of it is looked at.
fn one(
    context: &Context<'_>,
    index: usize,
    wire: &gateway::Listener,
    hostname: &Result<Option<Hostname>, convert::InvalidField>,
) -> Listener {
    let protocol = served_protocol(wire);
    let mut accepted = Verdict::good(ListenerAccepted::Accepted);
    let mut refuse = |reason, message: String| accepted = Verdict::new(reason, message);
    let (namespaces, selector_error) = namespaces(&wire.allowed_routes.namespaces, index);
    if let Some(error) = selector_error {
        refuse(ListenerAccepted::UnsupportedValue, error);
    }
    if let Err(error) = hostname {
        refuse(ListenerAccepted::UnsupportedValue, error.to_string());
    }
    if let Some(found) = context.found.iter().find(|found| refuses(found, index)) {
        let message = format!("{} is not supported: {}", found.path, found.field.instead);
        refuse(ListenerAccepted::UnsupportedValue, message);
    }
    if protocol.is_none() {
        let message = format!(
            "spec.listeners[{index}].protocol: {:?} is not supported: use HTTP, HTTPS, TLS or TCP",
            wire.protocol
        );
        refuse(ListenerAccepted::UnsupportedProtocol, message);
    }
    let (kinds, resolved_refs) = match is_of_class(context.key) {
        true => (vec![Kind::Ingress], Verdict::good(ListenerResolvedRefs::ResolvedRefs)),
        false => route_kinds::choose(wire, protocol, index),
    };
    let supported_kinds = kinds.iter().copied().map(route_kinds::wire).collect();
    let told = context.found.iter().filter(|found| {
        found.field.effect == Effect::Told && is_listeners(found) && found.indices.first() == Some(&index)
    });
    Listener {
        admission: Admission {
            listener: ListenerKey { gateway: context.key.clone(), name: wire.name.as_str().into() },
            port: wire.port,
            hostname: hostname.as_ref().ok().cloned().flatten(),
            // A hostname that is not understood must not become "every host".
            kinds: if hostname.is_ok() { kinds } else { Vec::new() },
            namespaces,
        },
        supported_kinds,
        accepted,
        conflicted: Verdict::good(ListenerConflicted::NoConflicts),
        resolved_refs,
        overlapping: None,
        not_honoured: super::not_honoured(told),
        served: None,
        certificates: Vec::new(),
    }
}

pub(super) fn is_listeners(found: &Found) -> bool {
    found.field.path.starts_with("spec.listeners[]")
}

/// Whether a field that is not honoured makes this listener refuse to serve.
fn refuses(found: &Found, index: usize) -> bool {
    found.field.effect == Effect::RefusesListener && found.indices.first() == Some(&index)
}

fn namespaces(wire: &RouteNamespaces, index: usize) -> (NamespaceChoice, Option<String>) {
    let field = format!("spec.listeners[{index}].allowedRoutes.namespaces.selector");
    match (wire.from, &wire.selector) {
        (FromNamespaces::All, _) => (NamespaceChoice::All, None),
        (FromNamespaces::Same, _) => (NamespaceChoice::Same, None),
        (FromNamespaces::None, _) => (NamespaceChoice::None, None),
        (FromNamespaces::Selector, None) => {
            (NamespaceChoice::None, Some(format!("{field}: from Selector needs a selector")))
        }
        (FromNamespaces::Selector, Some(selector)) => match Selector::parse(selector) {
            Ok(selector) => (NamespaceChoice::Selected(selector), None),
            Err(error) => (NamespaceChoice::None, Some(format!("{field}.{error}"))),
        },
    }
}

impl Listener {
    fn set_conflict(&mut self, reason: ListenerConflicted, with: &str) {
        let (accepted, what) = match reason {
            ListenerConflicted::ProtocolConflict => (ListenerAccepted::ProtocolConflict, "another protocol"),
            ListenerConflicted::HostnameConflict | ListenerConflicted::NoConflicts => {
                (ListenerAccepted::HostnameConflict, "the same hostname")
            }
        };
        let message =
            format!("listener {with} has port {} too, with {what}: change one of them", self.admission.port);
        self.conflicted = Verdict::new(reason, message.clone());
        self.accepted = Verdict::new(accepted, message);
    }

    /// Whether clients can be served on it. A TLS listener without a certificate is in the data
    /// plane all the same: it refuses the clients of its hostname, who must not come to a less
    /// specific listener's certificate and routes.
    pub fn is_usable(&self) -> bool {
        self.served
            .as_ref()
            .is_some_and(|served| !served.protocol.terminates_tls() || !served.certificates.is_empty())
    }

    /// Resolves the certificates and, if the listener is accepted, says what is served. One whose
    /// clients cannot be validated is in the data plane without certificates.
    fn serve(
        &mut self,
        context: &Context<'_>,
        index: usize,
        wire: &gateway::Listener,
        certificates: &mut Certificates,
    ) {
        let Some(protocol) = served_protocol(wire) else { return };
        if protocol.terminates_tls() {
            self.resolve_certificates(context, index, wire, certificates);
        }
        let is_accepted = self.accepted.holds();
        let clients = self.validate_clients(context, protocol);
        if !self.accepted.holds() {
            self.certificates.clear();
        }
        let Some(binds) = context.binds.filter(|_| is_accepted) else {
            self.certificates.clear();
            return;
        };
        self.served = Some(model::Listener {
            key: self.admission.listener.clone(),
            binds: binds.of(port_of(protocol, wire.port)),
            port: wire.port,
            protocol,
            hostname: self.admission.hostname.clone(),
            certificates: self.certificates.iter().map(|certificate| certificate.key.clone()).collect(),
            clients,
            client_certificate: context.client_certificate.cloned(),
            settings: context.settings.clone(),
        });
    }

    /// Which certificates clients have to show. With none of the references leading anywhere the
    /// listener is not accepted, or it would let everybody in.
    fn validate_clients(&mut self, context: &Context<'_>, protocol: Protocol) -> Option<ClientValidation> {
        let validation =
            context.validations.of(self.admission.port).filter(|_| protocol == Protocol::Https)?;
        if let Some(unresolved) = &validation.unresolved {
            if self.resolved_refs.holds() {
                self.resolved_refs = unresolved.clone();
            } else {
                self.resolved_refs.message.push_str(&format!("; {}", unresolved.message));
            }
            if validation.clients.is_none() && self.accepted.holds() {
                let reason = ListenerAccepted::NoValidCaCertificate;
                self.accepted = Verdict::new(reason, unresolved.message.as_str());
            }
        }
        validation.clients.clone()
    }

    fn resolve_certificates(
        &mut self,
        context: &Context<'_>,
        index: usize,
        wire: &gateway::Listener,
        certificates: &mut Certificates,
    ) {
        let references = wire.tls.as_ref().map(|tls| tls.certificate_refs.as_slice()).unwrap_or_default();
        let mut first_problem = None;
        for (place, reference) in references.iter().enumerate() {
            match certificates.find(context.references, &context.key.namespace, reference) {
                Ok(certificate) if self.certificates.contains(&certificate) => {}
                Ok(certificate) => self.certificates.push(certificate),
                Err(why) => {
                    let (reason, why) = match why {
                        NoCertificate::NotPermitted(why) => (ListenerResolvedRefs::RefNotPermitted, why),
                        NoCertificate::Invalid(why) => (ListenerResolvedRefs::InvalidCertificateRef, why),
                    };
                    let message = format!("spec.listeners[{index}].tls.certificateRefs[{place}]: {why}");
                    first_problem.get_or_insert(Verdict::new(reason, message));
                }
            }
        }
        if references.is_empty() {
            let message = format!(
                "spec.listeners[{index}].tls.certificateRefs: TLS that ends here needs a certificate"
            );
            first_problem = Some(Verdict::new(ListenerResolvedRefs::InvalidCertificateRef, message));
        }
        if let Some(verdict) = first_problem {
            self.resolved_refs = verdict;
        }
    }
}
