//! Listeners on one Gateway: its own and those of its ListenerSets.

mod filters;

use super::addresses::{Binds, port_of};
use super::backends::Known;
use super::certificates::{Certificates, NoCertificate};
use super::conflicts::{Conflict, Identity, conflicts, overlaps};
use super::frontend::Validations;
use super::grants::{References, Referrer};
use super::parents::{Admission, NamespaceChoice};
use super::verdict::{
    ListenerAccepted, ListenerConflicted, ListenerOverlapping, ListenerResolvedRefs, NotHonoured, Verdict,
};
use super::{PROBLEMS_SPELLED_OUT, route_kinds};
use crate::api::Kind;
use crate::api::gateway::{self, RouteGroupKind};
use crate::api::ingress::is_of_class;
use crate::convert::unsupported::{Effect, Found};
use crate::convert::{self, AuthReference, ListenerProtocol};
use crate::model::{
    self, Certificate, ClientValidation, Hostname, ListenerKey, ListenerSettings, ObjectKey, Protocol,
};
use std::sync::Arc;

/// A listener with all that was found of it.
#[derive(Clone, Debug, PartialEq)]
pub struct Listener {
    /// What decides which routes it lets in.
    pub admission: Admission,
    /// What is spoken, if that is supported.
    pub protocol: Option<Protocol>,
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

/// What all listeners on one Gateway have in common.
pub(super) struct Context<'a> {
    pub(super) references: References<'a>,
    pub(super) key: &'a ObjectKey,
    pub(super) gateway: &'a gateway::Gateway,
    /// Fields of the Gateway that are not honoured.
    pub(super) found: &'a [Found],
    /// Where to listen; none if the Gateway is not accepted.
    pub(super) binds: Option<&'a Binds<'a>>,
    /// Which certificates clients have to show.
    pub(super) validations: &'a Validations,
    /// What backends are shown.
    pub(super) client_certificate: Option<&'a model::ClientCertificate>,
    /// What holds for clients.
    pub(super) settings: Arc<ListenerSettings>,
    /// Those that are known by now.
    pub(super) known: Known<'a>,
}

/// An object with listeners on a Gateway: the Gateway itself, or a ListenerSet.
pub(super) struct Owner<'a> {
    pub(super) kind: Kind,
    pub(super) key: &'a ObjectKey,
    pub(super) listeners: &'a [gateway::Listener],
    /// Fields of it that are not honoured.
    pub(super) found: &'a [Found],
}

/// A listener in the spec of its owner.
struct Entry<'a> {
    owner: &'a Owner<'a>,
    /// Of the owner, in the order of precedence.
    rank: usize,
    /// In the owner's spec.
    index: usize,
    wire: &'a gateway::Listener,
    hostname: Result<Option<Hostname>, convert::InvalidField>,
    protocol: Option<Protocol>,
    filters: Result<Vec<AuthReference>, convert::InvalidField>,
}

impl Entry<'_> {
    fn identity(&self) -> Identity<'_> {
        Identity {
            owner: self.rank,
            port: self.wire.port,
            protocol: self.protocol.filter(|_| self.hostname.is_ok()),
            hostname: self.hostname.as_ref().ok().and_then(Option::as_ref),
        }
    }

    fn field(&self, name: &str) -> String {
        format!("spec.listeners[{}].{name}", self.index)
    }

    /// As whom it refers. What the owner of an object grants to the Gateway its ListenerSets have not, nor
    /// the reverse.
    fn referrer(&self) -> Referrer<'_> {
        Referrer { kind: self.owner.kind, namespace: &self.owner.key.namespace }
    }

    /// As a message of another listener names it.
    fn title(&self, reader: &Self) -> String {
        match self.rank == reader.rank {
            true => self.wire.name.clone(),
            false => format!("{} of {} {}", self.wire.name, self.owner.kind, self.owner.key),
        }
    }
}

/// The listeners of all owners, each owner's in the order of its spec. The owners stand in their order:
/// of two with the same listener the first has it.
pub(super) fn judge(
    context: &Context<'_>,
    owners: &[Owner<'_>],
    certificates: &mut Certificates,
) -> Vec<Listener> {
    let each = owners.iter().enumerate().flat_map(|(rank, owner)| {
        owner.listeners.iter().enumerate().map(move |(index, wire)| {
            let hostname = convert::listener_hostname(wire, index);
            let field = format!("spec.listeners[{index}]");
            let filters = convert::listener_filters(wire, &owner.key.namespace, &field);
            Entry { owner, rank, index, wire, hostname, protocol: served_protocol(wire), filters }
        })
    });
    let entries: Vec<_> = each.collect();
    let identities: Vec<_> = entries.iter().map(Entry::identity).collect();
    // Those of an IngressClass are made without conflicts, and there may be thousands.
    let compared = if is_of_class(context.key) { &[][..] } else { &identities[..] };
    let mut conflicts = conflicts(compared);
    conflicts.resize(entries.len(), None);
    let mut overlaps = overlaps(compared, |at| conflicts[at].is_none());
    overlaps.resize(entries.len(), Vec::new());
    let names = |reader: &Entry<'_>, places: &[usize]| {
        let titles: Vec<_> = places.iter().map(|at| entries[*at].title(reader)).collect();
        list_names(&titles)
    };
    let each = entries.iter().zip(&conflicts).zip(&overlaps).map(|((entry, conflict), overlaps)| {
        let mut judged = one(context, entry);
        if let Some(conflict) = conflict {
            judged.set_conflict(conflict, &names(entry, &conflict.with));
        }
        if !overlaps.is_empty() {
            let message = format!(
                "{} overlaps with that of listener {}: a request on a connection that was made for the other \
                 is answered with 421",
                entry.field("hostname"),
                names(entry, overlaps)
            );
            judged.overlapping = Some(Verdict::new(ListenerOverlapping::OverlappingHostnames, message));
        }
        judged.serve(context, entry, certificates);
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
fn one(context: &Context<'_>, entry: &Entry<'_>) -> Listener {
    let Entry { owner, index, wire, hostname, protocol, .. } = entry;
    let mut accepted = Verdict::good(ListenerAccepted::Accepted);
    let mut refuse = |reason, message: String| accepted = Verdict::new(reason, message);
    let wanted = &wire.allowed_routes.namespaces;
    let (namespaces, selector_error) = NamespaceChoice::read(wanted.from, wanted.selector.as_ref());
    if let Some(error) = selector_error {
        let message = format!("{}.{error}", entry.field("allowedRoutes.namespaces"));
        refuse(ListenerAccepted::UnsupportedValue, message);
    }
    if let Err(error) = hostname {
        refuse(ListenerAccepted::UnsupportedValue, error.to_string());
    }
    if let Some(message) = filters::refused(entry) {
        refuse(ListenerAccepted::InvalidListenerFilter, message);
    }
    if let Some(message) = refused_field(entry) {
        refuse(ListenerAccepted::UnsupportedValue, message);
    }
    if protocol.is_none() {
        let message = format!(
            "{}: {:?} is not supported: use HTTP, HTTPS, TLS, TCP or UDP",
            entry.field("protocol"),
            wire.protocol
        );
        refuse(ListenerAccepted::UnsupportedProtocol, message);
    }
    let (kinds, resolved_refs) = match is_of_class(context.key) {
        true => (vec![Kind::Ingress], Verdict::good(ListenerResolvedRefs::ResolvedRefs)),
        false => route_kinds::choose(wire, *protocol, *index),
    };
    let supported_kinds = kinds.iter().copied().map(route_kinds::wire).collect();
    let told = owner.found.iter().filter(|found| {
        found.field.effect == Effect::Told && is_listeners(found) && found.indices.first() == Some(index)
    });
    Listener {
        admission: Admission {
            listener: ListenerKey {
                gateway: context.key.clone(),
                set: (owner.kind == Kind::ListenerSet).then(|| owner.key.clone()),
                name: wire.name.as_str().into(),
            },
            port: wire.port,
            hostname: hostname.as_ref().ok().cloned().flatten(),
            // A hostname that is not understood must not become "every host".
            kinds: if hostname.is_ok() { kinds } else { Vec::new() },
            namespaces,
        },
        protocol: *protocol,
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

/// What is said of a field that is not honoured and makes this listener refuse to serve.
fn refused_field(entry: &Entry<'_>) -> Option<String> {
    let refuses = |found: &&Found| {
        found.field.effect == Effect::RefusesListener && found.indices.first() == Some(&entry.index)
    };
    let found = entry.owner.found.iter().find(refuses)?;
    Some(format!("{} is not supported: {}", found.path, found.field.instead))
}

impl Listener {
    fn set_conflict(&mut self, conflict: &Conflict, with: &str) {
        let (accepted, what, way) = match conflict.reason {
            ListenerConflicted::ProtocolConflict => {
                (ListenerAccepted::ProtocolConflict, "another protocol", "use another port")
            }
            ListenerConflicted::HostnameConflict | ListenerConflicted::NoConflicts => {
                (ListenerAccepted::HostnameConflict, "the same hostname", "use another hostname or port")
            }
        };
        let port = self.admission.port;
        let message = match conflict.outranked {
            true => {
                format!(
                    "listener {with}, which comes before this one, has port {port} too, with {what}: {way}"
                )
            }
            false => format!("listener {with} has port {port} too, with {what}: change one of them"),
        };
        self.conflicted = Verdict::new(conflict.reason, message.clone());
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
    fn serve(&mut self, context: &Context<'_>, entry: &Entry<'_>, certificates: &mut Certificates) {
        let Some(protocol) = entry.protocol else { return };
        if protocol.terminates_tls() {
            self.resolve_certificates(context, entry, certificates);
        }
        let filters = self.resolve_filters(context, entry);
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
            binds: binds.of(port_of(protocol, entry.wire.port)),
            port: entry.wire.port,
            protocol,
            hostname: self.admission.hostname.clone(),
            certificates: self.certificates.iter().map(|certificate| certificate.key.clone()).collect(),
            clients,
            client_certificate: context.client_certificate.cloned(),
            filters,
            settings: context.settings.clone(),
            // That of the Gateway is known only when its policies are.
            tracing: None,
        });
    }

    /// Which certificates clients have to show. With none of the references leading anywhere the
    /// listener is not accepted, or it would let everybody in.
    fn validate_clients(&mut self, context: &Context<'_>, protocol: Protocol) -> Option<ClientValidation> {
        let validation =
            context.validations.of(self.admission.port).filter(|_| protocol == Protocol::Https)?;
        if let Some(unresolved) = &validation.unresolved {
            let mut unresolved = unresolved.clone();
            if self.admission.listener.set.is_some() {
                unresolved.message = format!("Gateway {}: {}", context.key, unresolved.message);
            }
            if validation.clients.is_none() && self.accepted.holds() {
                let reason = ListenerAccepted::NoValidCaCertificate;
                self.accepted = Verdict::new(reason, unresolved.message.as_str());
            }
            self.add_unresolved(unresolved);
        }
        validation.clients.clone()
    }

    /// The first reason stands, and each message.
    fn add_unresolved(&mut self, unresolved: Verdict<ListenerResolvedRefs>) {
        if self.resolved_refs.holds() {
            self.resolved_refs = unresolved;
        } else {
            self.resolved_refs.message.push_str(&format!("; {}", unresolved.message));
        }
    }

    fn resolve_certificates(
        &mut self,
        context: &Context<'_>,
        entry: &Entry<'_>,
        certificates: &mut Certificates,
    ) {
        let tls = entry.wire.tls.as_ref();
        let references = tls.map(|tls| tls.certificate_refs.as_slice()).unwrap_or_default();
        let from = entry.referrer();
        let mut first_problem = None;
        for (place, reference) in references.iter().enumerate() {
            match certificates.find(context.references, from, reference) {
                Ok(certificate) if self.certificates.contains(&certificate) => {}
                Ok(certificate) => self.certificates.push(certificate),
                Err(why) => {
                    let (reason, why) = match why {
                        NoCertificate::NotPermitted(why) => (ListenerResolvedRefs::RefNotPermitted, why),
                        NoCertificate::Invalid(why) => (ListenerResolvedRefs::InvalidCertificateRef, why),
                    };
                    let message = format!("{}[{place}]: {why}", entry.field("tls.certificateRefs"));
                    first_problem.get_or_insert(Verdict::new(reason, message));
                }
            }
        }
        if references.is_empty() {
            let field = entry.field("tls.certificateRefs");
            let message = format!("{field}: TLS that ends here needs a certificate");
            first_problem = Some(Verdict::new(ListenerResolvedRefs::InvalidCertificateRef, message));
        }
        if let Some(verdict) = first_problem {
            self.resolved_refs = verdict;
        }
    }
}

/// Some names, readable even if there are hundreds.
fn list_names(names: &[String]) -> String {
    let some = names.iter().take(PROBLEMS_SPELLED_OUT).cloned().collect::<Vec<_>>().join(", ");
    match names.len().checked_sub(PROBLEMS_SPELLED_OUT).filter(|more| *more > 0) {
        Some(more) => format!("{some} and {more} more"),
        None => some,
    }
}
