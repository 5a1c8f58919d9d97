//! What is found of an Ingress beside all that is found of a route.

use super::claims::Rank;
use super::gateway::Gateway;
use super::ingress_classes::{HostPath, IngressClasses, TlsHost};
use super::list_problems;
use super::route::Route;
use super::verdict::{IngressCertificates, IngressConflicted, Verdict};
use crate::api::ingress::Ingress;
use crate::convert::{self, HttpRule, Standing};
use crate::model::{Hostname, ObjectKey, PathMatch, RuleHost};
use std::collections::{BTreeMap, BTreeSet};

/// What is found of an Ingress of this controller.
#[derive(Clone, Debug, PartialEq)]
pub struct IngressPart {
    /// The Gateway of its class, which serves it.
    pub gateway: ObjectKey,
    /// Set while a host has not the certificate that is meant.
    pub certificates: Option<Verdict<IngressCertificates>>,
    /// Set while a path is another's.
    pub conflicted: Option<Verdict<IngressConflicted>>,
    /// For each rule that is served.
    places: Vec<Place>,
}

/// Where one rule is.
#[derive(Clone, Debug, PartialEq)]
struct Place {
    at: HostPath,
    rank: Rank,
    /// For example `spec.rules[0].http.paths[1]`.
    field: String,
}

impl IngressPart {
    /// Of an Ingress that is served by this Gateway.
    pub(super) fn new(
        classes: &IngressClasses,
        gateways: &BTreeMap<ObjectKey, Gateway>,
        gateway: &ObjectKey,
        (key, ingress): (&ObjectKey, &Ingress),
        rules: &[HttpRule],
    ) -> Self {
        let created = super::gateway::created(&ingress.metadata);
        let served = rules.iter().filter(|rule| !matches!(rule.standing, Standing::Dropped(_)));
        let places = served.map(|rule| place(gateway, created, rule)).collect();
        let certificates = certificates(classes, gateways.get(gateway), gateway, key, ingress);
        Self { gateway: gateway.clone(), certificates, conflicted: None, places }
    }

    /// What it wants of what only one can have.
    pub(super) fn wanted(&self) -> BTreeMap<HostPath, Rank> {
        let mut wanted = BTreeMap::new();
        for place in &self.places {
            wanted.entry(place.at.clone()).or_insert(place.rank);
        }
        wanted
    }
}

fn place(gateway: &ObjectKey, created: i64, rule: &HttpRule) -> Place {
    let host = rule.host.as_ref().and_then(RuleHost::hostname).map(Hostname::to_string);
    let (exact, path) = match rule.matches.first().map(|matching| &matching.path) {
        Some(PathMatch::Exact(path)) => (true, path.clone()),
        Some(PathMatch::Prefix(path) | PathMatch::Regex(path)) => (false, path.clone()),
        None => (false, "".into()),
    };
    let field = rule.backends.first().map(|backend| backend.field.as_str()).unwrap_or_default();
    Place {
        at: HostPath { gateway: gateway.clone(), host: host.unwrap_or_default(), exact, path },
        rank: if rule.is_default { Rank::Asks(created) } else { Rank::Has(created) },
        field: field.strip_suffix(".backend").unwrap_or(field).to_owned(),
    }
}

/// Takes away the rules of which another Ingress has host and path.
pub(super) fn settle(classes: &IngressClasses, key: &ObjectKey, route: &mut Route) {
    let (Some(part), Some(served)) = (&mut route.ingress, &mut route.served) else { return };
    let (mut kept, mut problems, mut seen) = (Vec::new(), Vec::new(), BTreeSet::new());
    for place in &part.places {
        let owner = classes.paths.first(&place.at);
        let is_ours = owner.is_some_and(|(_, owner)| owner == key);
        let keeps = is_ours && seen.insert(&place.at);
        kept.push(keeps);
        let title = title(&place.at);
        match (owner, place.rank) {
            _ if keeps => {}
            // What is left over is no matter who has the whole.
            (Some((Rank::Has(_), _)), Rank::Asks(_)) => {}
            (_, Rank::Asks(_)) if is_ours => {}
            _ if is_ours => {
                problems.push(format!("{}: {title} is there twice: the first counts", place.field))
            }
            (Some((_, owner)), _) => problems.push(format!(
                "{}: {title} is served by Ingress {owner}, which is older or first by name",
                place.field
            )),
            (None, _) => {}
        }
    }
    let mut kept = kept.iter();
    let mut keeps = || kept.next().copied().unwrap_or(true);
    let together = std::mem::take(&mut served.rules).into_iter().zip(std::mem::take(&mut route.references));
    let (rules, references) = together.filter(|_| keeps()).unzip();
    (served.rules, route.references) = (rules, references);
    if served.rules.is_empty() {
        route.served = None;
    }
    part.conflicted =
        (!problems.is_empty()).then(|| Verdict::new(IngressConflicted::PathTaken, list_problems(&problems)));
}

fn title(at: &HostPath) -> String {
    let host = if at.host.is_empty() { "every host" } else { &at.host };
    let path = if at.path.is_empty() { "/" } else { &at.path };
    format!("{} {path:?} of {host}", if at.exact { "the path" } else { "the prefix" })
}

fn certificates(
    classes: &IngressClasses,
    found: Option<&Gateway>,
    gateway: &ObjectKey,
    key: &ObjectKey,
    ingress: &Ingress,
) -> Option<Verdict<IngressCertificates>> {
    let mut problems = Vec::new();
    let mut first = None;
    let mut add = |reason, problem: String| {
        first.get_or_insert(reason);
        problems.push(problem);
    };
    for (host, (secret, field)) in convert::ingress_certificates(ingress) {
        let title = host.as_deref().unwrap_or("every host").to_owned();
        let host = TlsHost { gateway: gateway.clone(), host };
        let Some(secret) = secret else {
            let problem =
                format!("{field}.secretName: is needed for {title}, as there is no default certificate");
            add(IngressCertificates::NoSecret, problem);
            continue;
        };
        let Some((owner, theirs)) = classes.certificate(&host) else { continue };
        if (&owner.namespace, theirs) != (&key.namespace, &secret) {
            let problem = format!(
                "{field}: the certificate for {title} is that of Ingress {owner}, which is older or first by name"
            );
            add(IngressCertificates::HostTaken, problem);
            continue;
        }
        let listeners = found.into_iter().flat_map(|gateway| &gateway.listeners);
        let name = host.listener();
        let bad = listeners
            .filter(|listener| *listener.admission.listener.name == *name && !listener.resolved_refs.holds());
        for listener in bad {
            let message = &listener.resolved_refs.message;
            // It names the field of a Gateway.
            let why = message.split_once("certificateRefs[0]: ").map_or(message.as_str(), |(_, why)| why);
            add(IngressCertificates::InvalidCertificateRef, format!("{field}.secretName: {why}"));
        }
    }
    first.map(|reason| Verdict::new(reason, list_problems(&problems)))
}
