//! What this controller wants to say of an object.

use super::addresses::{self, GatewayAddress};
use super::features;
use crate::api::gateway::{ParentReference, RouteGroupKind};
use crate::api::{Kind, ObjectId};
use crate::attach::verdict::{
    Condition, GatewayProgrammed, ListenerConflicted, ListenerProgrammed, Reason, Verdict,
};
use crate::attach::{Class, Gateway, Head, Listener, Route, Upstream};
use crate::index::Broken;
use crate::infra::Address;
use crate::model::{BindAddress, ListenerKey, ObjectKey};
use std::collections::BTreeMap;
use std::sync::Arc;

/// All that is wanted of one object's status.
#[derive(Clone, Debug, PartialEq)]
pub struct Wanted {
    /// The object.
    pub id: ObjectId,
    /// The state of it that this is about.
    pub head: Head,
    /// What is to be written.
    pub body: Body,
    /// For people, in the log and in `check`: what no condition can say.
    pub notes: Vec<String>,
    /// Whether something is wrong with the object.
    pub bad: bool,
}

/// The part of the status that is this controller's.
#[derive(Clone, Debug, PartialEq)]
pub enum Body {
    /// Of a GatewayClass.
    Class {
        /// Its conditions.
        conditions: Vec<Condition>,
        /// What is supported.
        features: Vec<&'static str>,
    },
    /// Of a Gateway.
    Gateway {
        /// Its conditions.
        conditions: Vec<Condition>,
        /// Where it is reached.
        addresses: Vec<GatewayAddress>,
        /// In the order of the spec.
        listeners: Vec<ListenerBody>,
        /// How many ListenerSets are attached, if it takes any.
        attached_sets: Option<usize>,
    },
    /// Of a ListenerSet.
    ListenerSet {
        /// Its conditions.
        conditions: Vec<Condition>,
        /// In the order of the spec; none if the Gateway does not take it.
        listeners: Vec<ListenerBody>,
    },
    /// Of a route: one entry for each parent that is this controller's.
    Route(Vec<ParentBody>),
    /// Of a policy: one entry for each Gateway for whose requests it makes a difference. Of an XBackend: one
    /// for each that sends requests there.
    Policy(Vec<ParentBody>),
    /// Of an Upstream.
    Upstream {
        /// Its conditions.
        conditions: Vec<Condition>,
        /// How many targets it has.
        targets: usize,
    },
    /// Of an Ingress.
    Ingress {
        /// What a status has no place for: for the log, `check` and Events.
        conditions: Vec<Condition>,
        /// Where it is reached.
        addresses: Vec<Address>,
    },
    /// Of an Ingress that is no longer this controller's.
    IngressLeft {
        /// What was written of it.
        addresses: Vec<Address>,
    },
    /// Nothing can be written, and this is what there is to say.
    Told(Vec<Condition>),
    /// Nothing can be written: the kind has no status, or the object is not this controller's.
    Unwritten,
}

/// The status of one listener.
#[derive(Clone, Debug, PartialEq)]
pub struct ListenerBody {
    /// Its name.
    pub name: Arc<str>,
    /// Kinds of routes that may attach.
    pub supported_kinds: Vec<RouteGroupKind>,
    /// How many are attached.
    pub attached_routes: usize,
    /// Its conditions.
    pub conditions: Vec<Condition>,
}

/// The status of a route on one parent, or of a policy below one ancestor.
#[derive(Clone, Debug, PartialEq)]
pub struct ParentBody {
    /// Of a route as in the spec.
    pub reference: ParentReference,
    /// Its conditions.
    pub conditions: Vec<Condition>,
}

/// How far a Gateway's configuration has come.
#[derive(Clone, Copy, Debug)]
pub struct Progress<'a> {
    /// Every worker of every replica serves it as it is now.
    pub served: bool,
    /// What there is to say of the other replicas; mostly nothing.
    pub replicas: &'a str,
    /// Sockets that could not be opened, and why.
    pub unusable: &'a BTreeMap<BindAddress, String>,
}

impl Progress<'_> {
    pub(super) fn waits_for(&self) -> &str {
        if self.replicas.is_empty() { "not yet served by every worker" } else { self.replicas }
    }
}

impl Body {
    /// Whether there is a status that has it.
    pub fn is_written(&self) -> bool {
        !matches!(self, Self::Told(_) | Self::Unwritten)
    }

    /// Its conditions, where the status has no place for them.
    pub fn told(&self) -> &[Condition] {
        match self {
            Self::Ingress { conditions, .. } | Self::Told(conditions) => conditions,
            _ => &[],
        }
    }
}

impl Wanted {
    pub(super) fn new(kind: Kind, key: &ObjectKey, head: &Head, body: Body) -> Self {
        let id = ObjectId { kind, key: key.clone() };
        let mut wanted = Self { id, head: head.clone(), body, notes: Vec::new(), bad: false };
        wanted.bad = wanted.conditions().iter().any(|(_, condition)| condition.bad);
        wanted
    }

    /// All conditions, each with what it is about: empty for the object as a whole, else for
    /// example `listener http` or `parent web/http`.
    pub fn conditions(&self) -> Vec<(String, &Condition)> {
        let mut parts: Vec<(String, &[Condition])> = Vec::new();
        match &self.body {
            Body::Class { conditions, .. }
            | Body::Upstream { conditions, .. }
            | Body::Ingress { conditions, .. }
            | Body::Told(conditions) => {
                parts.push((String::new(), conditions));
            }
            Body::Gateway { conditions, listeners, .. } | Body::ListenerSet { conditions, listeners } => {
                parts.push((String::new(), conditions));
                parts
                    .extend(listeners.iter().map(|one| (format!("listener {}", one.name), &*one.conditions)));
            }
            Body::Route(parents) => {
                parts.extend(
                    parents.iter().map(|one| (entry_title(PARENT, &one.reference), &*one.conditions)),
                );
            }
            Body::Policy(ancestors) => {
                parts.extend(
                    ancestors.iter().map(|one| (entry_title(ANCESTOR, &one.reference), &*one.conditions)),
                );
            }
            Body::IngressLeft { .. } | Body::Unwritten => {}
        }
        let each = parts.into_iter();
        each.flat_map(|(title, all)| all.iter().map(move |condition| (title.clone(), condition))).collect()
    }
}

/// What an entry of a route's status is about, and one of a policy's.
pub(super) const PARENT: &str = "parent";
pub(super) const ANCESTOR: &str = "ancestor";

/// As conditions name the object that they are about.
pub(super) fn entry_title(what: &str, reference: &ParentReference) -> String {
    let mut title = format!("{what} ");
    if let Some(namespace) = &reference.namespace {
        title.push_str(&format!("{namespace}/"));
    }
    title.push_str(&reference.name);
    if let Some(section) = &reference.section_name {
        title.push_str(&format!(" listener {section}"));
    }
    if let Some(port) = reference.port {
        title.push_str(&format!(" port {port}"));
    }
    title
}

/// Of a GatewayClass.
pub fn class(key: &ObjectKey, class: &Class) -> Wanted {
    let conditions = vec![class.accepted.condition(), class.supported_version.condition()];
    let features = features::of_class(class);
    Wanted::new(Kind::GatewayClass, key, &class.head, Body::Class { conditions, features })
}

/// Of an Upstream.
pub fn upstream(key: &ObjectKey, upstream: &Upstream) -> Wanted {
    let conditions = vec![upstream.accepted.condition(), upstream.resolved_refs.condition()];
    let targets = upstream.served.as_ref().map_or(0, |served| served.entries.len());
    Wanted::new(Kind::Upstream, key, &upstream.head, Body::Upstream { conditions, targets })
}

/// Of a route.
pub fn route(id: &ObjectId, route: &Route) -> Wanted {
    let parents = route.parents.iter().map(|parent| {
        let mut conditions = vec![parent.accepted.condition(), route.resolved_refs.condition()];
        // "This condition MUST NOT be set if a Route is … not accepted."
        if parent.accepted.holds() {
            conditions.extend(route.partially_invalid.as_ref().map(Verdict::condition));
        }
        conditions.extend(route.shadowed(parent).as_ref().map(Verdict::condition));
        conditions.extend(route.not_honoured.as_ref().map(Verdict::condition));
        ParentBody { reference: parent.reference.clone(), conditions }
    });
    let mut wanted = Wanted::new(id.kind, &id.key, &route.head, Body::Route(parents.collect()));
    wanted.notes.clone_from(&route.notes);
    wanted
}

/// Of an object whose status is not written: one that cannot be decoded and has none, or one
/// that is not this controller's.
pub fn unwritten(id: &ObjectId, broken: Option<&Broken>, notes: Vec<String>) -> Wanted {
    let mut wanted = Wanted::new(id.kind, &id.key, &Head::default(), Body::Unwritten);
    wanted.notes = notes;
    if let Some(broken) = broken {
        wanted.notes.extend(broken.problems.iter().cloned());
        wanted.bad = true;
    }
    wanted
}

/// Of a Gateway; `attached` tells how many routes a listener has.
pub fn gateway(
    key: &ObjectKey,
    gateway: &Gateway,
    attached: impl Fn(&ListenerKey) -> usize,
    progress: Progress<'_>,
) -> Wanted {
    let mut conditions = vec![
        gateway.accepted.condition(),
        gateway_programmed(gateway, progress).condition(),
        gateway.resolved_refs.condition(),
    ];
    conditions.extend(addresses::assigned(gateway, progress).as_ref().map(Verdict::condition));
    conditions.extend(gateway.insecure.as_ref().map(Verdict::condition));
    conditions.extend(gateway.not_honoured.as_ref().map(Verdict::condition));
    let sets = gateway.count_sets();
    let body = Body::Gateway {
        conditions,
        addresses: addresses::told(gateway, progress),
        listeners: listener_bodies(gateway, gateway.own_listeners(), attached, progress),
        attached_sets: (gateway.takes_sets || sets > 0).then_some(sets),
    };
    Wanted::new(Kind::Gateway, key, &gateway.head, body)
}

/// Of listeners that one object has.
pub(super) fn listener_bodies(
    gateway: &Gateway,
    listeners: &[Listener],
    attached: impl Fn(&ListenerKey) -> usize,
    progress: Progress<'_>,
) -> Vec<ListenerBody> {
    let each = listeners.iter().map(|listener| {
        let programmed = listener_programmed(gateway, listener, progress);
        let mut conditions = vec![
            listener.accepted.condition(),
            programmed.condition(),
            listener.resolved_refs.condition(),
            listener.conflicted.condition(),
        ];
        conditions.extend(listener.overlapping.as_ref().map(Verdict::condition));
        conditions.extend(listener.not_honoured.as_ref().map(Verdict::condition));
        ListenerBody {
            name: listener.admission.listener.name.clone(),
            supported_kinds: listener.supported_kinds.clone(),
            attached_routes: attached(&listener.admission.listener),
            conditions,
        }
    });
    each.collect()
}

pub(super) fn listener_programmed(
    gateway: &Gateway,
    listener: &Listener,
    progress: Progress<'_>,
) -> Verdict<ListenerProgrammed> {
    match listener.conflicted.reason {
        ListenerConflicted::NoConflicts => {}
        ListenerConflicted::HostnameConflict => return Verdict::good(ListenerProgrammed::HostnameConflict),
        ListenerConflicted::ProtocolConflict => return Verdict::good(ListenerProgrammed::ProtocolConflict),
    }
    let Some(served) = listener.served.as_ref().filter(|_| listener.is_usable()) else {
        let why = if !listener.accepted.holds() {
            &listener.accepted.message
        } else if !listener.resolved_refs.holds() {
            &listener.resolved_refs.message
        } else {
            "the Gateway is not accepted"
        };
        return Verdict::new(ListenerProgrammed::Invalid, why);
    };
    if served.binds.is_empty() {
        // Without a cluster it has no addresses; in one, no ports.
        let why = match gateway.claims.is_empty() {
            true => "the Gateway has no address",
            false => "no port of the pods is given yet",
        };
        return Verdict::new(ListenerProgrammed::Pending, why);
    }
    let unusable = served.binds.iter().find_map(|bind| Some((bind, progress.unusable.get(bind)?)));
    if let Some((bind, why)) = unusable {
        let message = format!("{bind} cannot be listened on: {why}");
        return Verdict::new(ListenerProgrammed::PortUnavailable, message);
    }
    if progress.served {
        Verdict::good(ListenerProgrammed::Programmed)
    } else {
        Verdict::new(ListenerProgrammed::Pending, progress.waits_for())
    }
}

pub(super) fn gateway_programmed(gateway: &Gateway, progress: Progress<'_>) -> Verdict<GatewayProgrammed> {
    if let Some(missing) = addresses::missing(gateway, progress) {
        return missing;
    }
    if !gateway.accepted.holds() {
        return Verdict::new(GatewayProgrammed::Invalid, gateway.accepted.message.as_str());
    }
    if !gateway.listeners.iter().any(Listener::is_usable) {
        return Verdict::new(GatewayProgrammed::Invalid, "no listener can be served");
    }
    if !progress.served {
        return Verdict::new(GatewayProgrammed::Pending, progress.waits_for());
    }
    match none_can_be_opened(gateway, &gateway.listeners, progress) {
        Some(why) => Verdict::new(GatewayProgrammed::AddressNotUsable, why),
        None => Verdict::new(GatewayProgrammed::Programmed, progress.replicas),
    }
}

/// Why not one of the listeners can be reached, if it is for their sockets.
pub(super) fn none_can_be_opened(
    gateway: &Gateway,
    listeners: &[Listener],
    progress: Progress<'_>,
) -> Option<String> {
    let mut why = None;
    for listener in listeners {
        let programmed = listener_programmed(gateway, listener, progress);
        match programmed.reason {
            ListenerProgrammed::Programmed => return None,
            ListenerProgrammed::PortUnavailable => why = why.or(Some(programmed.message)),
            _ => {}
        }
    }
    why
}

/// Types of conditions that are this controller's on every object: one that is not wanted any
/// more is removed.
pub(super) fn is_own_condition(type_: &str) -> bool {
    use crate::attach::verdict::{
        GatewayAddressesAssigned, GatewayInsecureValidation, ListenerOverlapping, NotHonoured,
        RoutePartiallyInvalid, RouteShadowed,
    };
    let own = [
        GatewayAddressesAssigned::TYPE,
        GatewayInsecureValidation::TYPE,
        ListenerOverlapping::TYPE,
        NotHonoured::TYPE,
        RoutePartiallyInvalid::TYPE,
        RouteShadowed::TYPE,
    ];
    own.contains(&type_)
}
