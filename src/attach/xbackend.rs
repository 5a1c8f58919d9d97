//! XBackends: what they want by themselves, and the Gateways that send requests there.
//!
//! ```text
//!  XBackends that are dirty ─► judge ─► those of which routes see something else ─► routes
//!  routes that were judged ──► settle ─► the Gateways that are told
//! ```

use super::authorities::Bundles;
use super::backend_tls::originate;
use super::backend_traffic::BackendTrafficPolicies;
use super::certificates::{Certificates, NoCertificate};
use super::gateway::created;
use super::grants::{References, Referrer};
use super::list_problems;
use super::options::Place;
use super::policies;
use super::run::Head;
use super::verdict::{
    BackendTlsResolvedRefs, NotHonoured, Verdict, XBackendAccepted as Accepted,
    XBackendResolvedRefs as Resolved,
};
use crate::api::gateway::{self, XBACKEND_LABEL, XBackendProtocol};
use crate::api::{Kind, ObjectId, Service, ServicePort};
use crate::convert;
use crate::convert::unsupported::{self, Effect};
use crate::infra::{self, Home, Selection, Wish};
use crate::model::{
    self, Certificate, EndpointsKey, Entry, EntrySource, IpProtocol, ObjectKey, OriginateTls, Reason,
    SessionPersistence, Shown, UpstreamKey,
};
use crate::support::relation::Relation;
use k8s_openapi::apimachinery::pkg::util::intstr::IntOrString;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

const KIND: Kind = Kind::XBackend;

/// An XBackend with all that was found of it.
#[derive(Clone, Debug, PartialEq)]
pub struct XBackend {
    /// Which state of the object this is about.
    pub head: Head,
    /// Whether requests can be sent there.
    pub accepted: Verdict<Accepted>,
    /// Whether its references lead somewhere.
    pub resolved_refs: Verdict<Resolved>,
    /// Set while a field is not honoured, without harm.
    pub not_honoured: Option<Verdict<NotHonoured>>,
    /// The Gateways that send requests there.
    pub gateways: BTreeSet<ObjectKey>,
    /// As the data plane is told, if a route uses it; none if it is not understood.
    pub served: Option<model::Upstream>,
    /// What it is shown of the gateway, if it is to be something of its own.
    pub certificate: Option<Arc<Certificate>>,
    /// For routes that do not say it themselves.
    pub(super) session: Option<SessionPersistence>,
    protocol: Option<XBackendProtocol>,
    /// The pods that it selects, and their port.
    pods: Option<(BTreeMap<String, String>, u16)>,
}

/// All of them.
#[derive(Debug, Default)]
pub(super) struct XBackends {
    pub(super) found: BTreeMap<ObjectKey, XBackend>,
    /// By which routes requests reach each.
    routes: Relation<ObjectKey, ObjectId>,
    /// Those of which the Gateways have to be looked at.
    unsettled: BTreeSet<ObjectKey>,
}

/// What came of judging some.
#[derive(Debug, Default)]
pub(super) struct Touched {
    /// Those of which anything changed.
    pub(super) changed: BTreeSet<ObjectKey>,
    /// Those among them of which routes see something else.
    pub(super) seen: BTreeSet<ObjectKey>,
}

/// What one of them is made from.
struct Context<'a> {
    references: References<'a>,
    traffic: &'a BackendTrafficPolicies,
    bundles: &'a mut Bundles,
    certificates: &'a mut Certificates,
    /// Nothing is said yet: it is not known whether what it refers to is there.
    waits: bool,
}

impl XBackends {
    /// Looks at some by themselves.
    pub(super) fn judge<'a>(
        &mut self,
        (references, traffic): (References<'_>, &BackendTrafficPolicies),
        bundles: &mut Bundles,
        certificates: &mut Certificates,
        dirty: impl Iterator<Item = &'a ObjectKey>,
    ) -> Touched {
        let mut touched = Touched::default();
        for key in dirty {
            let mut context = Context { references, traffic, bundles, certificates, waits: false };
            let mut judged = context.judge(key);
            let before = self.found.get(key);
            if context.waits && before.is_some() {
                // What it said before goes on until it is known, which takes some milliseconds.
                continue;
            }
            if let (Some(judged), Some(before)) = (&mut judged, before) {
                judged.gateways.clone_from(&before.gateways);
            }
            if before == judged.as_ref() {
                continue;
            }
            if before.map(XBackend::seen_by_routes) != judged.as_ref().map(XBackend::seen_by_routes) {
                touched.seen.insert(key.clone());
            }
            touched.changed.insert(key.clone());
            self.unsettled.insert(key.clone());
            match judged {
                Some(judged) => drop(self.found.insert(key.clone(), judged)),
                None => drop(self.found.remove(key)),
            }
        }
        touched
    }

    /// Looks for the Gateways of those that were judged, and of those to which the routes lead that were
    /// judged. `gateways_of` has the Gateways that serve a route. Returns those of which something changed.
    pub(super) fn settle<'a>(
        &mut self,
        references: References<'_>,
        routes: impl Iterator<Item = &'a ObjectId>,
        gateways_of: impl Fn(&ObjectId) -> BTreeSet<ObjectKey>,
    ) -> BTreeSet<ObjectKey> {
        for route in routes {
            self.unsettled.extend(self.routes.users_of(route).cloned());
            self.unsettled.extend(policies::referred_of_kind(references.index, route, KIND));
        }
        let mut changed = BTreeSet::new();
        for key in std::mem::take(&mut self.unsettled) {
            let id = ObjectId { kind: KIND, key: key.clone() };
            let Some(found) = self.found.get_mut(&key) else {
                self.routes.set(&key, BTreeSet::new());
                continue;
            };
            let routes: BTreeSet<_> = policies::referring_routes(references, &id).collect();
            let gateways = routes.iter().flat_map(&gateways_of).collect();
            self.routes.set(&key, routes);
            if found.gateways != gateways {
                found.gateways = gateways;
                changed.insert(key);
            }
        }
        changed
    }

    /// The Services that find the pods: those that there should be, and those that there are.
    pub(super) fn selections(&self, references: References<'_>, home: &Home) -> Vec<Selection> {
        let each = self.found.iter().filter_map(|(key, found)| {
            let uid = &*found.head.uid;
            let there: Vec<_> = services(references, key, uid).into_iter().cloned().collect();
            let wish = match &found.pods {
                // A Service is made for traffic; one that is there stays when that goes elsewhere.
                Some(_) if found.gateways.is_empty() && there.is_empty() => return None,
                Some((labels, port)) => {
                    Wish::Service(Box::new(infra::selecting(home, key, uid, labels, *port)))
                }
                // It may be only for a moment that it is not understood.
                None if found.served.is_none() => Wish::Keep,
                None => Wish::Nothing,
            };
            (!uid.is_empty()).then(|| Selection {
                xbackend: key.clone(),
                uid: found.head.uid.clone(),
                wish,
                there,
            })
        });
        each.collect()
    }
}

impl XBackend {
    /// All that a verdict on a route rests on.
    fn seen_by_routes(&self) -> (Option<&str>, Option<XBackendProtocol>, Option<&SessionPersistence>) {
        let refused = self.served.is_none().then_some(&*self.accepted.message);
        (refused, self.protocol, self.session.as_ref())
    }

    /// Why routes of a kind cannot use it although it is good by itself.
    pub(super) fn refuses(&self, route: Kind, is_grpc: bool) -> Option<&'static str> {
        use XBackendProtocol::{Http11, Tcp, Wss};
        match self.protocol? {
            _ if route.is_stream_route() => None,
            Tcp => Some(
                "its protocol is TCP, which is for TCPRoutes and TLSRoutes: use another for requests of HTTP",
            ),
            Http11 | Wss if is_grpc => Some(
                "by its protocol it speaks HTTP/1.1, and gRPC needs HTTP/2: use none, GRPC, HTTP2 or H2C",
            ),
            _ => None,
        }
    }

    /// For people, where there is no Gateway of which it could be told.
    pub fn notes(&self) -> Vec<String> {
        let messages = [&self.accepted.message, &self.resolved_refs.message];
        let problems = messages.into_iter().filter(|message| !message.is_empty()).cloned();
        let unused = "no route on a Gateway of this controller leads to it".to_owned();
        if self.gateways.is_empty() { problems.chain([unused]).collect() } else { Vec::new() }
    }

    fn bad(head: Head, why: String) -> Self {
        Self {
            head,
            accepted: Verdict::new(Accepted::Invalid, why),
            resolved_refs: Verdict::good(Resolved::ResolvedRefs),
            not_honoured: None,
            gateways: BTreeSet::new(),
            served: None,
            certificate: None,
            session: None,
            protocol: None,
            pods: None,
        }
    }
}

/// TLS that is to be, as far as it can be.
struct Tls {
    tls: Result<OriginateTls, Verdict<Accepted>>,
    resolved: Verdict<Resolved>,
    certificate: Option<Arc<Certificate>>,
}

impl Context<'_> {
    fn judge(&mut self, key: &ObjectKey) -> Option<XBackend> {
        let index = self.references.index;
        let Some(wire) = index.get::<gateway::XBackend>(key) else {
            let broken = index.why_broken(&ObjectId { kind: KIND, key: key.clone() })?;
            return Some(XBackend::bad(Head::of_broken(broken), broken.message()));
        };
        let head = Head::of(&wire.metadata);
        let converted = match convert::xbackend(wire) {
            Ok(converted) => converted,
            Err(errors) => {
                let errors: Vec<_> = errors.iter().map(ToString::to_string).collect();
                return Some(XBackend::bad(head, list_problems(&errors)));
            }
        };
        let mut resolved_refs = Verdict::good(Resolved::ResolvedRefs);
        let (mut source, pods) = match converted.place {
            convert::Place::Host(host) => (EntrySource::Dns { host, port: converted.port }, None),
            convert::Place::Pods(labels) => {
                let source = endpoints(self.references, key, &head.uid, converted.port);
                resolved_refs = source.as_ref().err().cloned().unwrap_or(resolved_refs);
                (source.unwrap_or(EntrySource::Broken), Some((labels, converted.port)))
            }
        };
        let mut accepted = Verdict::good(Accepted::Accepted);
        let (mut tls, mut certificate) = (None, None);
        if let Some(wanted) = converted.tls {
            let found = self.tls(key, wanted);
            certificate = found.certificate;
            if !found.resolved.holds() {
                resolved_refs = found.resolved;
            }
            match found.tls {
                Ok(found) => tls = Some(found),
                Err(why) => {
                    accepted = why;
                    source = EntrySource::Closed(Reason::InvalidBackendTls);
                }
            }
        }
        let id = ObjectId { kind: KIND, key: key.clone() };
        let entry = Entry {
            name: "backend".into(),
            weight: 1,
            source,
            protocol: converted.protocol,
            tls,
            retry_budgets: self.traffic.budgets(index, &[id]),
            base_path: "".into(),
        };
        let key = UpstreamKey::XBackend(key.clone());
        Some(XBackend {
            served: Some(model::Upstream { key, entries: vec![entry], retries: None }),
            certificate,
            session: converted.session,
            protocol: wire.spec.protocol,
            pods,
            accepted,
            resolved_refs,
            not_honoured: not_honoured(self.references, wire),
            ..XBackend::bad(head, String::new())
        })
    }

    fn tls(&mut self, key: &ObjectKey, wanted: convert::XBackendTls) -> Tls {
        let (tls, resolved) =
            originate(self.references.index, self.bundles, key, wanted.wanted, &mut self.waits);
        let resolved = Verdict::new(
            match resolved.reason {
                BackendTlsResolvedRefs::ResolvedRefs => Resolved::ResolvedRefs,
                BackendTlsResolvedRefs::InvalidCaCertificateRef => Resolved::InvalidCaCertificateRef,
                BackendTlsResolvedRefs::InvalidKind => Resolved::InvalidKind,
            },
            resolved.message,
        );
        let tls = tls.map_err(|why| Verdict::new(Accepted::NoValidCaCertificate, why.message));
        // The Gateway's own certificate is for those of whom nobody has said what they are to see.
        let shown = |shown| move |tls| OriginateTls { shown, ..tls };
        let Some(reference) = wanted.shown else {
            return Tls { tls: tls.map(shown(Shown::Nothing)), resolved, certificate: None };
        };
        let from = Referrer { kind: KIND, namespace: &key.namespace };
        let why = match self.certificates.find(self.references, from, &reference) {
            Ok(found) => {
                let tls = tls.map(shown(Shown::Own(found.key.clone())));
                return Tls { tls, resolved, certificate: Some(found) };
            }
            Err(NoCertificate::NotPermitted(why)) => (Resolved::RefNotPermitted, why),
            Err(NoCertificate::Invalid(why)) => (Resolved::InvalidClientCertificateRef, why),
        };
        let namespace = reference.namespace.as_deref().unwrap_or(&key.namespace);
        let secret = ObjectId { kind: Kind::Secret, key: ObjectKey::new(namespace, reference.name.as_str()) };
        self.waits |= self.references.index.is_awaited(&secret);
        let message =
            format!("spec.tls.clientCertificateRef: {}; until then no request is sent there", why.1);
        let tls = tls.and_then(|_| Err(Verdict::new(Accepted::NoClientCertificate, message.as_str())));
        Tls { tls, resolved: Verdict::new(why.0, message), certificate: None }
    }
}

/// Which pods are meant nobody looks at where there is no cluster.
fn not_honoured(references: References<'_>, wire: &gateway::XBackend) -> Option<Verdict<NotHonoured>> {
    let found = unsupported::find(KIND, wire);
    let in_cluster = references.options.makes_infrastructure();
    super::not_honoured(
        found.iter().filter(|found| found.field.effect != Effect::ToldStandalone || !in_cluster),
    )
}

/// The Services that find the pods, the one that counts first: the oldest, then the first by name. In a
/// cluster those that were made for this very object, else those that a user labels so.
fn services<'a>(references: References<'a>, key: &ObjectKey, uid: &str) -> Vec<&'a Arc<Service>> {
    let is_ours = |service: &&Arc<Service>| match &references.options.place {
        Place::Pods(pods) => infra::is_selecting(&pods.home, &service.metadata, uid),
        Place::Addresses { .. } => !convert::is_external_name(service),
    };
    let mut services: Vec<_> = references.index.services_of_xbackend(key).filter(is_ours).collect();
    services.sort_by_key(|service| (created(&service.metadata), service.metadata.name.clone()));
    services
}

fn endpoints(
    references: References<'_>,
    key: &ObjectKey,
    uid: &str,
    port: u16,
) -> Result<EntrySource, Verdict<Resolved>> {
    let in_cluster = references.options.makes_infrastructure();
    let Some(service) = services(references, key, uid).first().copied() else {
        // In a cluster it comes within some milliseconds.
        return if in_cluster { Ok(EntrySource::Broken) } else { Err(no_service(key)) };
    };
    let name = service.metadata.name.as_deref().unwrap_or_default();
    let Some(port) = port_for(service, port) else {
        let message =
            format!("Service {}/{name}: no TCP port of it has the targetPort {port}", key.namespace);
        return Err(Verdict::new(Resolved::ServiceNotFound, message));
    };
    let service = ObjectKey::new(key.namespace.clone(), name);
    Ok(EntrySource::Endpoints(EndpointsKey { service, port, protocol: IpProtocol::Tcp }))
}

fn no_service(key: &ObjectKey) -> Verdict<Resolved> {
    let message = format!(
        "spec.endpointSelector: without a cluster there are no pods to select: add a Service with the label \
         {XBACKEND_LABEL}: {} and its EndpointSlices",
        key.name
    );
    Verdict::new(Resolved::ServiceNotFound, message)
}

/// The Service's port that leads to this one of the pods. If it has only one there is no question: what
/// it leads to is about to be changed.
fn port_for(service: &Service, number: u16) -> Option<u16> {
    let ports = service.spec.iter().flat_map(|spec| spec.ports.iter().flatten());
    let ports: Vec<&ServicePort> =
        ports.filter(|port| convert::is_of(port.protocol.as_deref(), IpProtocol::Tcp)).collect();
    let leads_there = |port: &&&ServicePort| match &port.target_port {
        Some(IntOrString::Int(target)) => *target == i32::from(number),
        Some(IntOrString::String(_)) => false,
        None => port.port == i32::from(number),
    };
    let port = match ports.as_slice() {
        [only] => only,
        several => several.iter().find(leads_there)?,
    };
    u16::try_from(port.port).ok()
}

#[cfg(test)]
mod tests;
