//! Own entries into an object's newest status, everything of others untouched.

use super::entries::{BACKEND_ANCESTORS, PARENTS, POLICY_ANCESTORS, SharedEntry};
use super::ingress;
use super::wanted::{Body, ListenerBody, ParentBody, Wanted, is_own_condition};
use crate::api::gateway::{
    GatewayClassStatus, GatewayStatus, GatewayStatusAddress, ListenerSetStatus, ListenerStatus,
    ParentReference, PolicyStatus, RouteStatus, SupportedFeature,
};
use crate::api::ingress::IngressStatus;
use crate::api::upstream::{UpstreamStatus, UpstreamTargetsStatus};
use crate::api::{Condition as WireCondition, Kind, Object, Time};
use crate::attach::verdict::Condition;

/// What the API takes in one list of conditions.
const CONDITIONS_LIMIT: usize = 8;

/// A status of any kind.
#[derive(Clone, Debug, PartialEq)]
pub enum Status {
    /// Of a GatewayClass.
    Class(GatewayClassStatus),
    /// Of a Gateway.
    Gateway(GatewayStatus),
    /// Of a ListenerSet.
    ListenerSet(ListenerSetStatus),
    /// Of a route.
    Route(RouteStatus),
    /// Of a policy or an XBackend.
    Policy(PolicyStatus),
    /// Of an Upstream.
    Upstream(UpstreamStatus),
    /// Of an Ingress.
    Ingress(IngressStatus),
}

/// What is to be written.
#[derive(Clone, Debug, PartialEq)]
pub struct Merged {
    /// The whole status.
    pub status: Status,
    /// Whether it differs from what is there: times of conditions move only on a flip, so an
    /// equal meaning is an equal status.
    pub changed: bool,
    /// Parents or ancestors for which there was no room beside those of other controllers: to be logged and
    /// told by an event.
    pub left_out: Vec<ParentReference>,
}

/// Merges what is wanted into the newest status of the object, if it has one. None if nothing
/// can be written for this object.
pub fn merge(wanted: &Wanted, newest: Option<&Status>, controller_name: &str, now: &Time) -> Option<Merged> {
    let writer = Writer { generation: wanted.head.generation, now: second(now), controller_name };
    let mut left_out = Vec::new();
    let status = match (&wanted.body, newest) {
        (Body::Class { conditions, features }, newest) => {
            let live = if let Some(Status::Class(live)) = newest { Some(live) } else { None };
            Status::Class(writer.class(live, conditions, features))
        }
        (Body::Gateway { conditions, addresses, listeners, attached_sets }, newest) => {
            let live = if let Some(Status::Gateway(live)) = newest { Some(live) } else { None };
            let addresses = addresses.iter().map(|address| GatewayStatusAddress {
                type_: address.address.type_().to_owned(),
                value: address.address.to_string(),
                routability: address.routability.map(str::to_owned),
            });
            let live_sets = live.and_then(|live| live.attached_listener_sets);
            let live_listeners = live.map(|live| &*live.listeners);
            Status::Gateway(GatewayStatus {
                addresses: addresses.collect(),
                conditions: writer.conditions(live.map(|live| &*live.conditions), conditions),
                listeners: writer.listeners(live_listeners, listeners),
                // Where there is nothing to count the field is left alone: an older CRD has none.
                attached_listener_sets: attached_sets.map(count).or(live_sets.map(|_| 0)),
            })
        }
        (Body::ListenerSet { conditions, listeners }, newest) => {
            let live = if let Some(Status::ListenerSet(live)) = newest { Some(live) } else { None };
            Status::ListenerSet(ListenerSetStatus {
                conditions: writer.conditions(live.map(|live| &*live.conditions), conditions),
                listeners: writer.listeners(live.map(|live| &*live.listeners), listeners),
            })
        }
        (Body::Route(parents), newest) => {
            let live = if let Some(Status::Route(live)) = newest { &*live.parents } else { &[] };
            Status::Route(RouteStatus { parents: writer.entries(live, parents, PARENTS, &mut left_out) })
        }
        (Body::Policy(ancestors), newest) => {
            let live = if let Some(Status::Policy(live)) = newest { &*live.ancestors } else { &[] };
            let limit = if wanted.id.kind == Kind::XBackend { BACKEND_ANCESTORS } else { POLICY_ANCESTORS };
            Status::Policy(PolicyStatus { ancestors: writer.entries(live, ancestors, limit, &mut left_out) })
        }
        (Body::Upstream { conditions, targets }, newest) => {
            let live = if let Some(Status::Upstream(live)) = newest { Some(live) } else { None };
            Status::Upstream(writer.upstream(live, conditions, *targets))
        }
        (Body::Ingress { addresses, .. }, newest) => {
            return Some(ingress::merge(addresses, of_ingress(newest)));
        }
        (Body::IngressLeft { addresses }, newest) => {
            return Some(ingress::leave(addresses, of_ingress(newest)));
        }
        (Body::Told(_) | Body::Unwritten, _) => return None,
    };
    let changed = newest.map_or(!status.says_nothing(), |newest| *newest != status);
    Some(Merged { status, changed, left_out })
}

fn of_ingress(status: Option<&Status>) -> Option<&IngressStatus> {
    if let Some(Status::Ingress(status)) = status { Some(status) } else { None }
}

impl Status {
    /// Whether it is as good as none: the object is another controller's.
    fn says_nothing(&self) -> bool {
        match self {
            Self::Route(status) => status.parents.is_empty(),
            Self::Policy(status) => status.ancestors.is_empty(),
            Self::Class(_)
            | Self::Gateway(_)
            | Self::ListenerSet(_)
            | Self::Upstream(_)
            | Self::Ingress(_) => false,
        }
    }

    /// The status that an object came with.
    pub fn of(object: &Object) -> Option<Self> {
        match object {
            Object::GatewayClass(object) => object.status.clone().map(Self::Class),
            Object::Gateway(object) => object.status.clone().map(Self::Gateway),
            Object::ListenerSet(object) => object.status.clone().map(Self::ListenerSet),
            Object::BackendTlsPolicy(object) => object.status.clone().map(Self::Policy),
            Object::XBackend(object) => object.status.clone().map(Self::Policy),
            Object::XBackendTrafficPolicy(object) => object.status.clone().map(Self::Policy),
            Object::XTelemetryPolicy(object) => object.status.clone().map(Self::Policy),
            Object::Upstream(object) => object.status.clone().map(Self::Upstream),
            Object::Ingress(object) => object.status.clone().map(Self::Ingress),
            other => other.as_route()?.status().cloned().map(Self::Route),
        }
    }
}

/// The API server keeps whole seconds: what it stores must equal what was meant.
fn second(time: &Time) -> Time {
    Time(jiff::Timestamp::from_second(time.0.as_second()).unwrap_or(time.0))
}

fn count(number: usize) -> i32 {
    i32::try_from(number).unwrap_or(i32::MAX)
}

struct Writer<'a> {
    generation: i64,
    now: Time,
    controller_name: &'a str,
}

impl Writer<'_> {
    fn class(
        &self,
        live: Option<&GatewayClassStatus>,
        conditions: &[Condition],
        features: &[&str],
    ) -> GatewayClassStatus {
        let features = features.iter().map(|name| SupportedFeature { name: (*name).to_owned() });
        GatewayClassStatus {
            conditions: self.conditions(live.map(|live| &*live.conditions), conditions),
            supported_features: features.collect(),
        }
    }

    fn listeners(&self, live: Option<&[ListenerStatus]>, wanted: &[ListenerBody]) -> Vec<ListenerStatus> {
        let each = wanted.iter().map(|listener| {
            let live = live.unwrap_or_default().iter().find(|live| live.name == *listener.name);
            ListenerStatus {
                name: listener.name.to_string(),
                supported_kinds: listener.supported_kinds.clone(),
                attached_routes: count(listener.attached_routes),
                conditions: self.conditions(live.map(|live| &*live.conditions), &listener.conditions),
            }
        });
        each.collect()
    }

    fn upstream(
        &self,
        live: Option<&UpstreamStatus>,
        conditions: &[Condition],
        targets: usize,
    ) -> UpstreamStatus {
        let total = count(targets);
        UpstreamStatus {
            observed_generation: Some(self.generation),
            conditions: self.conditions(live.map(|live| &*live.conditions), conditions),
            targets: Some(UpstreamTargetsStatus { total }),
        }
    }

    /// Replaces own entries in place, removes those that are not wanted any more, and puts new
    /// ones behind; an entry is own by its controller name and known by its whole reference.
    fn entries<E: SharedEntry>(
        &self,
        live: &[E],
        wanted: &[ParentBody],
        limit: usize,
        left_out: &mut Vec<ParentReference>,
    ) -> Vec<E> {
        let mut missing: Vec<_> = wanted.iter().collect();
        let mut entries = Vec::new();
        for entry in live {
            if entry.controller_name() != self.controller_name {
                entries.push(entry.clone());
            } else if let Some(at) = missing.iter().position(|own| own.reference == *entry.reference()) {
                let own = missing.remove(at);
                entries.push(self.entry(own, Some(entry.conditions())));
            }
        }
        for own in missing {
            if entries.len() < limit {
                entries.push(self.entry(own, None));
            } else {
                left_out.push(own.reference.clone());
            }
        }
        entries
    }

    fn entry<E: SharedEntry>(&self, own: &ParentBody, live: Option<&[WireCondition]>) -> E {
        E::new(own.reference.clone(), self.controller_name.to_owned(), self.conditions(live, &own.conditions))
    }

    /// Conditions of other types stay as they are and where they are.
    fn conditions(&self, live: Option<&[WireCondition]>, wanted: &[Condition]) -> Vec<WireCondition> {
        let mut missing: Vec<_> = wanted.iter().collect();
        let mut merged = Vec::new();
        for condition in live.unwrap_or_default() {
            if let Some(at) = missing.iter().position(|own| own.type_ == condition.type_) {
                merged.push(self.condition(missing.remove(at), Some(condition)));
            } else if !is_own_condition(&condition.type_) {
                merged.push(condition.clone());
            }
        }
        merged.extend(missing.into_iter().map(|own| self.condition(own, None)));
        merged.truncate(CONDITIONS_LIMIT.max(live.unwrap_or_default().len()));
        merged
    }

    fn condition(&self, wanted: &Condition, live: Option<&WireCondition>) -> WireCondition {
        // "If the observedGeneration of a Condition is greater than the value the implementation
        // knows about, then it MUST NOT perform the update on that Condition."
        if let Some(newer) = live.filter(|live| live.observed_generation > Some(self.generation)) {
            return newer.clone();
        }
        let unflipped = live.filter(|live| live.status == wanted.truth.as_str());
        WireCondition {
            type_: wanted.type_.to_owned(),
            status: wanted.truth.as_str().to_owned(),
            reason: wanted.reason.to_owned(),
            message: wanted.message.clone(),
            observed_generation: Some(self.generation),
            last_transition_time: unflipped
                .map_or_else(|| self.now.clone(), |live| live.last_transition_time.clone()),
        }
    }
}

#[cfg(test)]
mod tests;
