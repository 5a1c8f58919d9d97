//! BackendTLSPolicies: how Services want to be spoken to.
//!
//! ```text
//!  policies that are dirty ─► judge ─► Services that are spoken to in another way ─► routes
//!  routes that were judged ─► settle ─► the Gateways that are told
//! ```

use super::authorities::{self, Bundles, NoBundle};
use super::grants::References;
use super::policies::{self, Ancestor, Standing, Target};
use super::run::Head;
use super::verdict::{BackendTlsResolvedRefs, NotHonoured, PolicyAccepted, Verdict};
use super::{list_problems, not_honoured};
use crate::api::{Kind, ObjectId, Service, gateway};
use crate::convert::{self, Issuers, unsupported};
use crate::index::Index;
use crate::model::{EndpointsKey, IpProtocol, ObjectKey, OriginateTls, Trust};
use crate::support::relation::Relation;
use std::collections::{BTreeMap, BTreeSet};

const KIND: Kind = Kind::BackendTlsPolicy;

/// A BackendTLSPolicy with all that was found of it.
#[derive(Clone, Debug, PartialEq)]
pub struct BackendTlsPolicy {
    /// Which state of the object this is about.
    pub head: Head,
    /// Whether its references lead to certificates.
    pub resolved_refs: Verdict<BackendTlsResolvedRefs>,
    /// Set while a field is not honoured, without harm.
    pub not_honoured: Option<Verdict<NotHonoured>>,
    /// The Gateways for whose requests it makes a difference, with the verdict for each.
    pub ancestors: Vec<Ancestor>,
    /// For people: why there is no Gateway, and what else could be told to none.
    pub notes: Vec<String>,
}

/// All of them.
#[derive(Debug, Default)]
pub(super) struct BackendTlsPolicies {
    pub(super) found: BTreeMap<ObjectKey, BackendTlsPolicy>,
    judged: BTreeMap<ObjectKey, Judged>,
    /// By which routes requests reach the targets of each.
    routes: Relation<ObjectKey, ObjectId>,
    /// Those of which the Gateways have to be looked at.
    unsettled: BTreeSet<ObjectKey>,
}

/// A policy by itself.
#[derive(Clone, Debug, PartialEq)]
struct Judged {
    head: Head,
    targets: Vec<Target>,
    tls: Result<OriginateTls, Verdict<PolicyAccepted>>,
    resolved_refs: Verdict<BackendTlsResolvedRefs>,
    not_honoured: Option<Verdict<NotHonoured>>,
    /// Nothing is said of it yet: it is not known whether what it refers to is there.
    waits: bool,
}

/// Services of which something else is said than before.
#[derive(Debug, Default)]
pub(super) struct Touched {
    /// All of them.
    pub(super) services: BTreeSet<ObjectKey>,
    /// Those to which other policies are attached than before.
    pub(super) attached: BTreeSet<ObjectKey>,
}

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
    /// Looks at policies by themselves.
    pub(super) fn judge<'a>(
        &mut self,
        index: &Index,
        bundles: &mut Bundles,
        dirty: impl Iterator<Item = &'a ObjectKey>,
    ) -> Touched {
        let mut touched = Touched::default();
        for key in dirty {
            let judged = judge(index, bundles, key);
            if let (Some(judged), Some(before)) = (&judged, self.judged.get(key))
                && judged.waits
                && judged.targets == before.targets
            {
                // What it said before goes on until it is known, which takes some milliseconds.
                continue;
            }
            let before = match judged.clone() {
                Some(judged) => self.judged.insert(key.clone(), judged),
                None => self.judged.remove(key),
            };
            self.unsettled.insert(key.clone());
            let targets = |judged: &Option<Judged>| {
                let targets = judged.iter().flat_map(|judged| &judged.targets);
                targets.filter_map(|target| target.object.clone()).collect::<BTreeSet<_>>()
            };
            let objects = &targets(&before) | &targets(&judged);
            for object in &objects {
                // Who holds instead of whom can be another.
                self.unsettled.extend(policies::attached_to(index, KIND, object).cloned());
            }
            if before == judged {
                continue;
            }
            let services = objects.into_iter().filter(|object| object.kind == Kind::Service);
            let services: BTreeSet<_> = services.map(|object| object.key).collect();
            let same_targets = before.map(|judged| judged.targets) == judged.map(|judged| judged.targets);
            if !same_targets {
                touched.attached.extend(services.iter().cloned());
            }
            touched.services.extend(services);
        }
        touched
    }

    /// Looks for the Gateways of policies that were judged, and of those that the routes and
    /// Upstreams which were judged concern. `gateways_of` has the Gateways that serve a route.
    /// Returns the policies of which something changed.
    pub(super) fn settle(
        &mut self,
        references: References<'_>,
        routes_and_upstreams: impl Iterator<Item = ObjectId>,
        gateways_of: impl Fn(&ObjectId) -> BTreeSet<ObjectKey>,
    ) -> BTreeSet<ObjectKey> {
        let index = references.index;
        for id in routes_and_upstreams {
            self.unsettled.extend(self.routes.users_of(&id).cloned());
            if id.kind == Kind::Upstream {
                // What it led to before its routes led to as well.
                for route in policies::referring_routes(references, &id) {
                    self.unsettled.extend(self.routes.users_of(&route).cloned());
                }
            }
            for object in policies::led_to(index, &id) {
                self.unsettled.extend(policies::attached_to(index, KIND, &object).cloned());
            }
        }
        let unsettled = std::mem::take(&mut self.unsettled);
        let settled = unsettled.into_iter().filter(|key| self.settle_one(references, key, &gateways_of));
        settled.collect()
    }

    /// Whether something changed.
    fn settle_one(
        &mut self,
        references: References<'_>,
        key: &ObjectKey,
        gateways_of: &impl Fn(&ObjectId) -> BTreeSet<ObjectKey>,
    ) -> bool {
        let Some(judged) = self.judged.get(key) else {
            self.routes.set(key, BTreeSet::new());
            return self.found.remove(key).is_some();
        };
        if judged.waits {
            return false;
        }
        let mut reached = BTreeMap::<ObjectKey, BTreeSet<usize>>::new();
        let mut routes = BTreeSet::new();
        for (at, object) in judged.targets.iter().enumerate() {
            let Some(object) = &object.object else { continue };
            for route in policies::routes_to(references, object) {
                for gateway in gateways_of(&route) {
                    reached.entry(gateway).or_default().insert(at);
                }
                routes.insert(route);
            }
        }
        self.routes.set(key, routes);
        let found = judged.settled(references.index, key, reached);
        if self.found.get(key) == Some(&found) {
            return false;
        }
        self.found.insert(key.clone(), found);
        true
    }

    /// How a Service's port is spoken to.
    pub(super) fn of_port(&self, index: &Index, service: &ObjectKey, port: u16) -> Securing {
        match in_force(index, service, port).map(|policy| self.judged.get(&policy)) {
            None => Securing::Plain,
            Some(Some(Judged { tls: Ok(tls), .. })) => Securing::Tls(tls.clone()),
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

fn judge(index: &Index, bundles: &mut Bundles, key: &ObjectKey) -> Option<Judged> {
    let id = ObjectId { kind: KIND, key: key.clone() };
    let targets = policies::attached(index, &id)?.targets;
    let resolved = Verdict::good(BackendTlsResolvedRefs::ResolvedRefs);
    let Some(wire) = index.get::<gateway::BackendTlsPolicy>(key) else {
        let broken = index.why_broken(&id)?;
        return Some(Judged {
            head: Head::of_broken(broken),
            targets,
            tls: Err(Verdict::new(PolicyAccepted::Invalid, broken.message())),
            resolved_refs: resolved,
            not_honoured: None,
            waits: false,
        });
    };
    let mut waits = false;
    let (tls, resolved_refs) = match convert::backend_tls(&wire.spec) {
        Ok(wanted) => originate(index, bundles, key, wanted, &mut waits),
        Err(errors) => {
            let errors: Vec<_> = errors.iter().map(ToString::to_string).collect();
            (Err(Verdict::new(PolicyAccepted::Invalid, list_problems(&errors))), resolved)
        }
    };
    let found = unsupported::find(KIND, &**wire);
    let head = Head::of(&wire.metadata);
    Some(Judged { head, targets, tls, resolved_refs, not_honoured: not_honoured(found.iter()), waits })
}

/// TLS with the certificates that the references lead to: those that lead nowhere leave the trust
/// to the others.
fn originate(
    index: &Index,
    bundles: &mut Bundles,
    key: &ObjectKey,
    wanted: convert::BackendTls,
    waits: &mut bool,
) -> (Result<OriginateTls, Verdict<PolicyAccepted>>, Verdict<BackendTlsResolvedRefs>) {
    let convert::BackendTls { server_name, subjects, issuers } = wanted;
    let resolved = Verdict::good(BackendTlsResolvedRefs::ResolvedRefs);
    let references = match issuers {
        Issuers::System => {
            return (Ok(OriginateTls { server_name, trust: Trust::System, subjects }), resolved);
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
    (Ok(OriginateTls { server_name, trust: Trust::Authorities(trust), subjects }), resolved)
}

impl Judged {
    fn settled(
        &self,
        index: &Index,
        key: &ObjectKey,
        reached: BTreeMap<ObjectKey, BTreeSet<usize>>,
    ) -> BackendTlsPolicy {
        let standing = |target: &Target| match &self.tls {
            Err(bad) => Err(bad.clone()),
            Ok(_) => standing(index, key, target),
        };
        let standings: Vec<Standing> = self.targets.iter().map(standing).collect();
        let mut notes = Vec::new();
        if reached.is_empty() {
            notes.extend(
                standings.iter().filter_map(|standing| Some(standing.as_ref().err()?.message.clone())),
            );
            notes.dedup();
            notes.push("no route on a Gateway of this controller leads to a target of it".to_owned());
        }
        let mut ancestors = policies::ancestors(reached, &standings);
        if let Err(bad) = &self.tls {
            // The same for all targets: said once.
            ancestors.iter_mut().for_each(|ancestor| ancestor.accepted = bad.clone());
        }
        BackendTlsPolicy {
            head: self.head.clone(),
            resolved_refs: self.resolved_refs.clone(),
            not_honoured: self.not_honoured.clone(),
            ancestors,
            notes,
        }
    }
}

/// Whether a policy that is good by itself holds for a target.
fn standing(index: &Index, key: &ObjectKey, target: &Target) -> Standing {
    let Target { field, section, .. } = target;
    let not = |reason, message: String| Err(Verdict::new(reason, format!("{field}: {message}")));
    let object = match &target.object {
        Some(object) if object.kind == Kind::Service => object,
        _ => {
            let message = format!("{} takes no BackendTLSPolicy: use a Service (group \"\")", target.kind);
            return not(PolicyAccepted::Invalid, message);
        }
    };
    let Some(service) = index.get::<Service>(&object.key) else {
        let message = match index.why_broken(object) {
            Some(broken) => format!("{object} cannot be read: {}", broken.message()),
            None => format!("{object} does not exist"),
        };
        return not(PolicyAccepted::TargetNotFound, message);
    };
    let is_meant = |name: Option<&str>| section.is_none() || section.as_deref() == name;
    let ports = service.spec.iter().flat_map(|spec| spec.ports.iter().flatten());
    let ports: Vec<_> = ports.filter(|port| is_meant(port.name.as_deref())).collect();
    let is_tcp = |port: &&crate::api::ServicePort| convert::is_of(port.protocol.as_deref(), IpProtocol::Tcp);
    if let (Some(section), []) = (section, ports.as_slice()) {
        return not(PolicyAccepted::TargetNotFound, format!("{object} has no port named {section:?}"));
    }
    if !ports.is_empty() && !ports.iter().any(is_tcp) {
        let message = format!("{object} has no TCP port there: TLS is spoken by TCP");
        return not(PolicyAccepted::Invalid, message);
    }
    match policies::first(index, KIND, object, section.as_deref()) {
        Some(first) if first != *key => {
            let part = section.as_ref().map(|name| format!("port {name:?} of ")).unwrap_or_default();
            let message = format!(
                "{KIND} {first} holds for {part}{object}: of several the oldest does, then the first by name"
            );
            not(PolicyAccepted::Conflicted, message)
        }
        _ if ports.iter().all(is_tcp) => Ok(None),
        _ => Ok(Some(format!("{field}: it holds for the TCP ports of {object} only"))),
    }
}

#[cfg(test)]
mod tests;
