//! Rules that wait for a backend to become known.
//!
//! A route, the Service that it names and that Service's EndpointSlices arrive in any order. A
//! rule that changes to a backend of which nothing has arrived yet would answer errors until it
//! has, so it keeps the backends that it had, for a short time.

use crate::api::gateway::{BackendObjectReference, XBackend};
use crate::api::upstream::Upstream;
use crate::api::{Kind, Service};
use crate::attach::Route;
use crate::index::Index;
use crate::model::{Backend, BackendTarget, EntrySource, Match, ObjectKey, Reason, RuleKey};
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// How long a rule waits at most: the three objects of one `kubectl apply` arrive within a few
/// milliseconds, and endpoints of a new Service within some hundred.
const LIMIT: Duration = Duration::from_millis(500);

/// What is in force of one rule.
#[derive(Clone, Debug)]
struct InForce {
    matches: Vec<Match>,
    backends: Vec<Backend>,
    references: Vec<BackendObjectReference>,
}

/// A rule that keeps its previous backends.
#[derive(Clone, Debug)]
struct Hold {
    until: Instant,
    awaited: Vec<BackendObjectReference>,
}

/// The rules of one route.
#[derive(Clone, Debug, Default)]
pub(super) struct Holds {
    in_force: BTreeMap<RuleKey, InForce>,
    held: BTreeMap<RuleKey, Hold>,
}

impl Holds {
    /// Replaces the backends of rules that have to wait by those that they had.
    pub(super) fn apply(
        &mut self,
        index: &Index,
        route: &Route,
        now: Instant,
    ) -> Option<crate::model::Route> {
        let mut served = route.served.clone()?;
        let mut in_force = BTreeMap::new();
        let mut held = BTreeMap::new();
        for (rule, references) in served.rules.iter_mut().zip(&route.references) {
            let before = self.in_force.get(&rule.key);
            let hold = before.and_then(|before| {
                // Without a name, a rule is the same only if it is about the same requests.
                let same = matches!(rule.key, RuleKey::Name(_)) || before.matches == rule.matches;
                let awaited =
                    if same { awaited(index, &rule.backends, references, before) } else { Vec::new() };
                self.hold(&rule.key, awaited, now)
            });
            let now_in_force = match (before, hold) {
                (Some(before), Some(hold)) => {
                    rule.backends.clone_from(&before.backends);
                    held.insert(rule.key.clone(), hold);
                    InForce { matches: rule.matches.clone(), ..before.clone() }
                }
                _ => InForce {
                    matches: rule.matches.clone(),
                    backends: rule.backends.clone(),
                    references: references.clone(),
                },
            };
            in_force.insert(rule.key.clone(), now_in_force);
        }
        *self = Self { in_force, held };
        Some(served)
    }

    fn hold(&self, key: &RuleKey, awaited: Vec<BackendObjectReference>, now: Instant) -> Option<Hold> {
        if awaited.is_empty() {
            return None;
        }
        // Waiting for the same does not begin anew with each edit of the route.
        let until = match self.held.get(key) {
            Some(known) if awaited.iter().all(|reference| known.awaited.contains(reference)) => known.until,
            _ => now + LIMIT,
        };
        (now < until).then_some(Hold { until, awaited })
    }

    /// Ends the waiting: what the route says now is in force from the next time on.
    pub(super) fn release(&mut self) {
        for (key, hold) in std::mem::take(&mut self.held) {
            if let Some(in_force) = self.in_force.get_mut(&key) {
                in_force.references.extend(hold.awaited);
            }
        }
    }

    /// When the first rule has waited long enough.
    pub(super) fn deadline(&self) -> Option<Instant> {
        self.held.values().map(|hold| hold.until).min()
    }

    /// Whether a rule waits for this Service.
    pub(super) fn awaits(&self, index: &Index, service: &ObjectKey) -> bool {
        let awaited = self.held.values().flat_map(|hold| &hold.awaited);
        awaited.into_iter().any(|reference| services_of(index, reference).contains(service))
    }
}

/// References that the rule did not have before, and of which nothing is known.
fn awaited(
    index: &Index,
    backends: &[Backend],
    references: &[BackendObjectReference],
    before: &InForce,
) -> Vec<BackendObjectReference> {
    let new = references.iter().zip(backends).filter(|(reference, backend)| {
        backend.weight > 0 && !before.references.contains(reference) && is_unknown(index, reference, backend)
    });
    new.map(|(reference, _)| reference.clone()).collect()
}

fn is_unknown(index: &Index, reference: &BackendObjectReference, backend: &Backend) -> bool {
    match &backend.target {
        BackendTarget::Broken { reason, .. } => *reason == Reason::BackendNotFound,
        BackendTarget::Upstream(_) => {
            let services = services_of(index, reference);
            services.iter().any(|service| !index.slices_received(service))
                || services.is_empty() && selects_pods(index, reference)
        }
    }
}

/// The Services that a reference leads to.
fn services_of(index: &Index, reference: &BackendObjectReference) -> Vec<ObjectKey> {
    let key = ObjectKey::new(reference.namespace.as_deref().unwrap_or_default(), reference.name.as_str());
    match Kind::find(&reference.group, &reference.kind) {
        Some(Kind::Service) => vec![key],
        Some(Kind::Upstream) => {
            let targets = index.get::<Upstream>(&key).map(|upstream| upstream.spec.targets.as_slice());
            let services =
                targets.unwrap_or_default().iter().filter_map(|target| target.service_ref.as_ref());
            let namespace = |own: &Option<String>| own.clone().unwrap_or_else(|| key.namespace.to_string());
            services.map(|own| ObjectKey::new(namespace(&own.namespace), own.name.as_str())).collect()
        }
        Some(Kind::XBackend) => {
            let services = index.services_of_xbackend(&key);
            let name = |service: &Arc<Service>| service.metadata.name.clone().unwrap_or_default();
            services.map(|service| ObjectKey::new(key.namespace.clone(), name(service))).collect()
        }
        _ => Vec::new(),
    }
}

/// Whether it is to an XBackend for which a Service finds the pods.
fn selects_pods(index: &Index, reference: &BackendObjectReference) -> bool {
    if Kind::find(&reference.group, &reference.kind) != Some(Kind::XBackend) {
        return false;
    }
    let key = ObjectKey::new(reference.namespace.as_deref().unwrap_or_default(), reference.name.as_str());
    index.get::<XBackend>(&key).is_some_and(|xbackend| xbackend.spec.endpoint_selector.is_some())
}

/// The endpoints that an entry takes its addresses from.
pub(super) fn endpoints_of(source: &EntrySource) -> Option<crate::model::EndpointsKey> {
    match source {
        EntrySource::Endpoints(key) => Some(key.clone()),
        EntrySource::Address(_) | EntrySource::Dns { .. } | EntrySource::Broken | EntrySource::Closed(_) => {
            None
        }
    }
}
