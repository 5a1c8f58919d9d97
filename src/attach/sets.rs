//! ListenerSets: which of them a Gateway takes, in which order, and what becomes of them.

use super::gateway::created;
use super::listeners::Listener;
use super::parents::{NamespaceChoice, labels};
use super::run::Head;
use super::verdict::{NotHonoured, SetAccepted, Verdict};
use crate::api::gateway::{self, FromNamespaces, ParentGatewayReference};
use crate::api::{Kind, ObjectId};
use crate::convert::unsupported::{self, Effect, Found};
use crate::index::{Broken, Dependency, Index};
use crate::model::ObjectKey;
use std::ops::Range;
use std::sync::Arc;

/// A ListenerSet that names a Gateway of this controller, with all that was found of it.
#[derive(Clone, Debug, PartialEq)]
pub struct ListenerSet {
    /// Which state of the object this is about.
    pub head: Head,
    /// Whether it produces any configuration.
    pub accepted: Verdict<SetAccepted>,
    /// Set while a field is not honoured, without harm.
    pub not_honoured: Option<Verdict<NotHonoured>>,
    /// The places of its listeners among those of the Gateway; none unless the Gateway takes it.
    pub(super) listeners: Range<usize>,
}

/// A ListenerSet that names a Gateway.
pub(super) struct Naming<'a> {
    pub(super) key: &'a ObjectKey,
    object: Result<&'a Arc<gateway::ListenerSet>, &'a Arc<Broken>>,
}

/// A ListenerSet that a Gateway takes.
pub(super) struct Taken<'a> {
    pub(super) key: &'a ObjectKey,
    pub(super) wire: &'a gateway::ListenerSet,
    /// Fields that are not honoured.
    pub(super) found: Vec<Found>,
}

/// The Gateway that a ListenerSet names, whether it could be decoded or not.
pub(super) fn parent(index: &Index, set: &ObjectKey) -> Option<Result<ObjectKey, String>> {
    let id = ObjectId { kind: Kind::ListenerSet, key: set.clone() };
    let reference = match (index.get::<gateway::ListenerSet>(set), index.why_broken(&id)) {
        (Some(wire), _) => wire.spec.parent_ref.clone(),
        (None, Some(broken)) => match broken.parent_gateway() {
            Some(reference) => reference,
            None => return Some(Err(broken.message())),
        },
        (None, None) => return None,
    };
    let ParentGatewayReference { group, kind, namespace, name } = &reference;
    Some(match Kind::find(group, kind) {
        Some(Kind::Gateway) => {
            Ok(ObjectKey::new(namespace.as_deref().unwrap_or(&set.namespace), name.as_str()))
        }
        _ => Err(format!("spec.parentRef: kind {kind:?} of group {group:?} takes no ListenerSets here")),
    })
}

/// All that name the Gateway, in the order of precedence: the oldest, then the first by
/// `namespace/name`.
pub(super) fn naming<'a>(index: &'a Index, gateway: &ObjectKey) -> Vec<Naming<'a>> {
    let gateway = Dependency::Object(ObjectId { kind: Kind::Gateway, key: gateway.clone() });
    let ids = index.referrers_of_kind(&gateway, Kind::ListenerSet);
    let found = ids.filter_map(|id| {
        let object = match index.get::<gateway::ListenerSet>(&id.key) {
            Some(wire) => Ok(wire),
            None => Err(index.why_broken(id)?),
        };
        Some(Naming { key: &id.key, object })
    });
    let mut found: Vec<_> = found.collect();
    found.sort_by_cached_key(|set| (set.created(), set.key.to_string()));
    found
}

impl Naming<'_> {
    fn created(&self) -> i64 {
        match self.object {
            Ok(wire) => created(&wire.metadata),
            Err(broken) => broken.created().map_or(0, |created| created.0.as_second()),
        }
    }

    /// One without any listeners.
    pub(super) fn without_listeners(&self, accepted: Verdict<SetAccepted>) -> ListenerSet {
        let head = match self.object {
            Ok(wire) => Head::of(&wire.metadata),
            Err(broken) => Head::of_broken(broken),
        };
        ListenerSet { head, accepted, not_honoured: None, listeners: 0..0 }
    }
}

/// Whose ListenerSets a Gateway takes.
pub(super) struct Door<'a> {
    index: &'a Index,
    gateway: &'a ObjectKey,
    choice: NamespaceChoice,
    /// Why none is let in, if so.
    closed: Option<String>,
}

impl<'a> Door<'a> {
    pub(super) fn new(index: &'a Index, gateway: &'a ObjectKey, spec: &gateway::GatewaySpec) -> Self {
        const FIELD: &str = "spec.allowedListeners.namespaces";
        let allowed = spec.allowed_listeners.as_ref().map(|allowed| &allowed.namespaces);
        let from = allowed.map_or(FromNamespaces::None, |namespaces| namespaces.from);
        let (choice, error) = NamespaceChoice::read(from, allowed.and_then(|one| one.selector.as_ref()));
        let closed = match (from, error) {
            (FromNamespaces::None, _) => {
                Some(format!("Gateway {gateway} takes no ListenerSets: set its {FIELD}.from"))
            }
            (_, Some(error)) => Some(format!("Gateway {gateway} takes no ListenerSets: its {FIELD}.{error}")),
            (_, None) => None,
        };
        Self { index, gateway, choice, closed }
    }

    /// Whether it takes any.
    pub(super) fn is_open(&self) -> bool {
        self.closed.is_none()
    }

    /// Why the Gateway does not take those of a namespace, if so.
    pub(super) fn refuses(&self, namespace: &str) -> Option<String> {
        if let Some(closed) = &self.closed {
            return Some(closed.clone());
        }
        let labels = labels(self.index, namespace);
        let lets_in = self.choice.lets_in(&self.gateway.namespace, namespace, labels.as_ref());
        (!lets_in).then(|| {
            format!(
                "Gateway {} does not take ListenerSets of namespace {namespace:?}: look at its \
                 spec.allowedListeners.namespaces",
                self.gateway
            )
        })
    }

    /// Parts the sets into those that are taken and those that are not.
    pub(super) fn sort<'b>(&self, sets: Vec<Naming<'b>>) -> (Vec<Taken<'b>>, Vec<(ObjectKey, ListenerSet)>) {
        let (mut taken, mut left) = (Vec::new(), Vec::new());
        for set in sets {
            let why = match (self.refuses(&set.key.namespace), set.object) {
                (Some(why), _) => Verdict::new(SetAccepted::NotAllowed, why),
                (None, Err(broken)) => Verdict::new(SetAccepted::Invalid, broken.message()),
                (None, Ok(wire)) => {
                    let found = unsupported::find(Kind::ListenerSet, &**wire);
                    taken.push(Taken { key: set.key, wire, found });
                    continue;
                }
            };
            left.push((set.key.clone(), set.without_listeners(why)));
        }
        (taken, left)
    }
}

impl Taken<'_> {
    /// As it is before anything is known of its listeners, which stand at these places.
    pub(super) fn found(&self, listeners: Range<usize>) -> ListenerSet {
        let told = self
            .found
            .iter()
            .filter(|found| found.field.effect == Effect::Told && !super::listeners::is_listeners(found));
        ListenerSet {
            head: Head::of(&self.wire.metadata),
            accepted: Verdict::good(SetAccepted::Accepted),
            not_honoured: super::not_honoured(told),
            listeners,
        }
    }
}

impl ListenerSet {
    /// Draws the verdict from those of its listeners and of the Gateway, which may say why nothing on it
    /// is accepted.
    pub(super) fn sum_up(&mut self, all: &[Listener], refused: Option<&str>) {
        if self.accepted.reason != SetAccepted::Accepted {
            return;
        }
        if let Some(why) = refused {
            self.accepted = Verdict::new(SetAccepted::ParentNotAccepted, why);
            return;
        }
        let own = all.get(self.listeners.clone()).unwrap_or_default();
        let bad = own.iter().filter(|listener| !listener.is_usable());
        let bad: Vec<_> = bad.map(|listener| listener.admission.listener.name.to_string()).collect();
        if !bad.is_empty() {
            let all = bad.len() == own.len();
            let reason = if all { SetAccepted::NoListenerValid } else { SetAccepted::SomeListenersNotValid };
            self.accepted = Verdict::new(reason, format!("not valid: listener {}", bad.join(", ")));
        }
    }
}
