//! XBackendTrafficPolicies: how often requests to a backend are sent again, and their sessions.

use super::list_problems;
use super::not_honoured;
use super::policies::{self, Attachable, Judged, Policies, Standing, Target};
use super::run::Head;
use super::verdict::{PolicyAccepted, Verdict};
use crate::api::gateway::{EXPERIMENTAL_GROUP, XBackendTrafficPolicy};
use crate::api::{Kind, ObjectId};
use crate::convert::{self, BackendTraffic, unsupported};
use crate::index::Index;
use crate::model::{ObjectKey, RetryBudget, SessionPersistence, UpstreamKey};

const KIND: Kind = Kind::XBackendTrafficPolicy;

/// All of them.
pub(super) type BackendTrafficPolicies = Policies<BackendTraffic>;

/// Looks at a policy by itself; none if it is gone.
pub(super) fn judge(index: &Index, key: &ObjectKey) -> Option<Judged<BackendTraffic>> {
    let id = ObjectId { kind: KIND, key: key.clone() };
    let targets = policies::attached(index, &id)?.targets;
    let invalid = |message| Err(Verdict::new(PolicyAccepted::Invalid, message));
    let judged = |head, wanted, not_honoured| {
        Some(Judged { head, targets, wanted, resolved_refs: None, not_honoured, waits: false })
    };
    let Some(wire) = index.get::<XBackendTrafficPolicy>(key) else {
        let broken = index.why_broken(&id)?;
        return judged(Head::of_broken(broken), invalid(broken.message()), None);
    };
    let wanted = convert::backend_traffic(wire).or_else(|errors| {
        let errors: Vec<_> = errors.iter().map(ToString::to_string).collect();
        invalid(list_problems(&errors))
    });
    let told = unsupported::find(KIND, &**wire);
    judged(Head::of(&wire.metadata), wanted, not_honoured(told.iter()))
}

impl Attachable for BackendTraffic {
    const KIND: Kind = KIND;

    fn fits(index: &Index, target: &Target) -> Standing {
        let Target { field, object, kind, .. } = target;
        let not = |reason, message: String| Err(Verdict::new(reason, format!("{field}: {message}")));
        let Some(object) = object.as_ref().filter(|object| object.kind.is_backend()) else {
            let message = format!(
                "{kind} takes no {KIND}: use a Service (group \"\"), an XBackend (group \"{EXPERIMENTAL_GROUP}\") or an \
                 Upstream (group \"tidegate.dev\")"
            );
            return not(PolicyAccepted::Invalid, message);
        };
        match policies::missing(index, object) {
            Some(message) => not(PolicyAccepted::TargetNotFound, message),
            None => Ok(None),
        }
    }
}

impl BackendTrafficPolicies {
    /// What holds for a backend. A policy that cannot be understood asks for nothing.
    fn of(&self, index: &Index, backend: &ObjectId) -> Option<&BackendTraffic> {
        self.wanted(&policies::in_force(index, KIND, backend, "")?)?.as_ref().ok()
    }

    /// How many of the requests to these backends may be sent again: each of them has a say.
    pub(super) fn budgets(&self, index: &Index, backends: &[ObjectId]) -> Vec<RetryBudget> {
        let each = backends.iter().filter_map(|backend| {
            let constraint = self.of(index, backend)?.retries.clone()?;
            Some(RetryBudget { backend: backend.to_string().into(), constraint })
        });
        each.collect()
    }

    /// How sessions with a backend are held together.
    pub(super) fn session(&self, index: &Index, backend: &UpstreamKey) -> Option<SessionPersistence> {
        self.of(index, &object(backend))?.session.clone()
    }
}

/// The object that a policy for the backend is attached to.
fn object(backend: &UpstreamKey) -> ObjectId {
    let (kind, key) = match backend {
        UpstreamKey::Service { service, .. } => (Kind::Service, service),
        UpstreamKey::Upstream(key) | UpstreamKey::UdpUpstream(key) => (Kind::Upstream, key),
        UpstreamKey::XBackend(key) => (Kind::XBackend, key),
    };
    ObjectId { kind, key: key.clone() }
}

#[cfg(test)]
mod tests;
