//! From what was found to what is wanted of each object's status, and when that is told.

use super::Pipeline;
use crate::api::ingress::is_of_class;
use crate::api::{Kind, ObjectId};
use crate::attach::Changes;
use crate::index::Dirty;
use crate::model::ObjectKey;
use crate::status::{self, Body, Status, Wanted};
use std::sync::Arc;
use std::time::Instant;

impl Pipeline {
    pub(super) fn restate(
        &mut self,
        dirty: &Dirty,
        changes: &Changes,
        now: Instant,
    ) -> (Vec<Arc<Wanted>>, Vec<ObjectId>) {
        let mut ids = std::mem::take(&mut self.restate);
        ids.extend(changes.objects.iter().filter(|id| !is_of_class_itself(id)).cloned());
        ids.extend(dirty.statuses.iter().cloned());
        for key in changes.of(Kind::Gateway).filter(|key| is_of_class(key)) {
            ids.insert(gateway_id(key));
            let ingresses = self.attachments.ingresses_of(key).cloned();
            ids.extend(ingresses.map(|key| ObjectId { kind: Kind::Ingress, key }));
        }
        let (mut statuses, mut gone) = (Vec::new(), Vec::new());
        for id in ids {
            if self.holds_back(&id, now) {
                self.restate.insert(id);
                continue;
            }
            let Some(wanted) = self.wanted_of(&id) else {
                if self.wanted.remove(&id).is_some() {
                    gone.push(id);
                }
                continue;
            };
            let known = self.wanted.get(&id).is_some_and(|known| **known == wanted);
            if !known
                || self.rewrite.remove(&id)
                || dirty.statuses.contains(&id) && self.was_overwritten(&wanted)
            {
                let wanted = Arc::new(wanted);
                self.wanted.insert(id, wanted.clone());
                statuses.push(wanted);
            }
        }
        (statuses, gone)
    }

    /// Whether the object came with a status, and one that differs from what is wanted.
    pub(super) fn was_overwritten(&self, wanted: &Wanted) -> bool {
        let Some(live) = self.index.object(&wanted.id).and_then(Status::of) else { return false };
        self.merged(wanted, Some(&live)).is_some_and(|merged| merged.changed)
    }

    pub(super) fn merged(&self, wanted: &Wanted, live: Option<&Status>) -> Option<status::Merged> {
        let controller = &self.attachments.options().controller_name;
        // Any time will do: it enters only where the two differ anyway.
        status::merge(wanted, live, controller, &crate::api::Time(jiff::Timestamp::UNIX_EPOCH))
    }

    /// Of an Ingress, also of one that was this controller's.
    fn ingress(&self, id: &ObjectId) -> Option<Wanted> {
        let gateway = self.attachments.gateway_of_ingress(&id.key);
        let gateway = gateway.and_then(|key| self.attachments.gateways.get(key));
        let wanted = status::ingress(id, self.attachments.routes.get(id)?, gateway);
        let before = self.wanted.get(id).filter(|before| before.head.uid == wanted.head.uid);
        Some(match before.map(|before| &before.body) {
            Some(Body::Ingress { addresses, .. } | Body::IngressLeft { addresses })
                if wanted.body == Body::Unwritten =>
            {
                status::ingress_left(wanted, addresses.clone())
            }
            _ => wanted,
        })
    }

    pub(super) fn wanted_of(&self, id: &ObjectId) -> Option<Wanted> {
        let broken = self.index.why_broken(id).map(|broken| &**broken);
        let key = &id.key;
        let found = &self.attachments;
        let wanted = match id.kind {
            Kind::GatewayClass => found.classes.get(key).map(|class| status::class(key, class)),
            Kind::Gateway | Kind::IngressClass => self.wanted_of_gateway(id),
            Kind::ListenerSet => self.wanted_of_set(id),
            Kind::Ingress => self.ingress(id),
            kind if kind.is_route() => found.routes.get(id).map(|route| status::route(id, route)),
            Kind::Upstream => found.upstreams.get(key).map(|upstream| status::upstream(key, upstream)),
            kind if kind.is_policy() => found.policy(id).map(|policy| status::policy(id, policy)),
            Kind::XBackend => found.xbackends().get(key).map(|xbackend| status::xbackend(key, xbackend)),
            _ => None,
        };
        let notes = found.foreign.get(id);
        let unwritten = || {
            (broken.is_some() || notes.is_some())
                .then(|| status::unwritten(id, broken, notes.cloned().into_iter().collect()))
        };
        let mut wanted = wanted.or_else(unwritten)?;
        // A broken route or policy without any Gateway of ours has no condition that could say so.
        let says_nothing = match &wanted.body {
            Body::Route(entries) | Body::Policy(entries) => entries.is_empty(),
            Body::Unwritten | Body::IngressLeft { .. } => true,
            _ => false,
        };
        if let Some(broken) = broken.filter(|_| says_nothing) {
            let problems = broken.problems.iter().filter(|problem| !wanted.notes.contains(problem));
            let problems: Vec<_> = problems.cloned().collect();
            wanted.notes.extend(problems);
            wanted.bad = true;
        }
        Some(wanted)
    }
}

/// What is told of a Gateway is told of the IngressClass, where it is the Gateway of one.
pub(super) fn gateway_id(key: &ObjectKey) -> ObjectId {
    let kind = if is_of_class(key) { Kind::IngressClass } else { Kind::Gateway };
    ObjectId { kind, key: key.clone() }
}

pub(super) fn is_gateway(kind: Kind) -> bool {
    matches!(kind, Kind::Gateway | Kind::IngressClass)
}

/// Whether it is the Gateway of an IngressClass, which is no object.
pub(super) fn is_of_class_itself(id: &ObjectId) -> bool {
    id.kind == Kind::Gateway && is_of_class(&id.key)
}
