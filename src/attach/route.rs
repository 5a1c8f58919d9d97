//! Routes.

use super::backend_traffic::BackendTrafficPolicies;
use super::backends::Known;
use super::gateway::{Gateway, created};
use super::grants::{References, not_watched};
use super::ingress::IngressPart;
use super::ingress_classes::{Classes, IngressClasses, Membership};
use super::listeners::Listener;
use super::parents::{Candidate, Parent};
use super::rivals::Losses;
use super::rules;
use super::run::Head;
use super::shadows::Shadowed;
use super::verdict::{NotHonoured, RouteAccepted, RoutePartiallyInvalid, RouteResolvedRefs, Verdict};
use super::{list_problems, not_honoured};
use crate::api::gateway::{BackendObjectReference, ParentReference};
use crate::api::ingress::Ingress;
use crate::api::{Kind, Object, ObjectId};
use crate::convert::{self, HttpRule};
use crate::model::{self, Attachment, ObjectKey, RouteKey, RuleHost};
use std::collections::BTreeMap;
use std::sync::Arc;

/// A route with all that was found of it.
#[derive(Clone, Debug, PartialEq)]
pub struct Route {
    /// Which state of the object this is about.
    pub head: Head,
    /// Its parents that are this controller's.
    pub parents: Vec<Parent>,
    /// Whether its references lead somewhere.
    pub resolved_refs: Verdict<RouteResolvedRefs>,
    /// Set while some of its rules are served and others are not.
    pub partially_invalid: Option<Verdict<RoutePartiallyInvalid>>,
    /// What of it gets no requests.
    pub(super) shadowed: Shadowed,
    /// Set while a field is not honoured, without harm.
    pub not_honoured: Option<Verdict<NotHonoured>>,
    /// As the data plane is told, if it is.
    pub served: Option<model::Route>,
    /// For each rule of `served`, what its backends stand for.
    pub references: Vec<Vec<BackendObjectReference>>,
    /// Of an Ingress of this controller.
    pub ingress: Option<IngressPart>,
    /// For people: parents that are not this controller's.
    pub notes: Vec<String>,
}

/// A converted route with the object that it was made from, so that a change of another object
/// does not compile its expressions again.
#[derive(Clone, Debug)]
pub(super) struct Converted {
    source: Object,
    route: Arc<convert::Route>,
}

/// All that a route is judged with.
pub(super) struct Context<'a> {
    pub(super) references: References<'a>,
    pub(super) gateways: &'a BTreeMap<ObjectKey, Gateway>,
    pub(super) ingress_classes: &'a IngressClasses,
    /// The Gateways of this controller that ListenerSets name.
    pub(super) sets: &'a BTreeMap<ObjectKey, ObjectKey>,
    /// Why Gateways and ListenerSets are not this controller's.
    pub(super) foreign: &'a BTreeMap<ObjectId, String>,
    pub(super) known: Known<'a>,
    pub(super) traffic: &'a BackendTrafficPolicies,
}

/// A route that does not know yet what routes of other kinds leave to it.
pub(super) struct Judged {
    pub(super) route: Route,
    /// Its age.
    pub(super) created: i64,
    /// Where it is attached if they leave it everything.
    pub(super) wanted: Vec<Attachment>,
}

/// Looks at a route by itself; none if it is gone.
pub(super) fn judge(context: &Context<'_>, id: &ObjectId, memo: &mut Option<Converted>) -> Option<Judged> {
    let Some(object) = context.references.index.object(id) else {
        *memo = None;
        return judge_broken(context, id);
    };
    let kind = id.kind.route()?;
    let converted = match memo {
        Some(known) if known.source.is(object) => known.route.clone(),
        _ => {
            let route = Arc::new(convert::route(object)?);
            *memo = Some(Converted { source: object.clone(), route: route.clone() });
            route
        }
    };
    let rules = rules::judge(context, id, &converted.rules);
    let hostnames = converted.hostnames.as_deref().unwrap_or_default();
    let mut candidate = Candidate::new(context.references.index, id, hostnames);
    candidate.also_every = converted.rules.iter().any(|rule| rule.host == Some(RuleHost::Every));
    let parent_refs = &object.as_route()?.common().parent_refs;
    let (mut parents, notes, mut attachments) = attach_all(context, &candidate, parent_refs);
    let whole = match &converted.hostnames {
        Err(error) => {
            attachments.clear();
            Some(Verdict::new(RouteAccepted::UnsupportedValue, error.to_string()))
        }
        Ok(_) => rules.wholly_bad(),
    };
    if let Some(bad) = &whole {
        for parent in parents.iter_mut().filter(|parent| parent.accepted.holds()) {
            parent.accepted = bad.clone();
        }
    }
    let created = created(object.metadata());
    let wanted = if whole.is_none() { attachments.clone() } else { Vec::new() };
    let served = !attachments.is_empty() && !rules.served.is_empty();
    let route = Route {
        head: Head::of(object.metadata()),
        partially_invalid: if whole.is_none() { rules.partially_bad() } else { None },
        shadowed: Shadowed::default(),
        not_honoured: not_honoured(converted.told.iter()),
        resolved_refs: rules.resolved_refs(),
        ingress: ingress_part(context, object, id, &converted.rules),
        references: if served { rules.references } else { Vec::new() },
        served: served.then(|| model::Route {
            key: RouteKey { kind, object: id.key.clone() },
            created,
            attachments,
            rules: rules.served,
        }),
        parents,
        notes,
    };
    Some(Judged { route, created, wanted })
}

/// A route that could not be decoded tells so at each parent that can be made out.
fn judge_broken(context: &Context<'_>, id: &ObjectId) -> Option<Judged> {
    let broken = context.references.index.why_broken(id)?;
    let candidate = Candidate::new(context.references.index, id, &[]);
    let (mut parents, notes, _) = attach_all(context, &candidate, &broken.parent_refs());
    for parent in &mut parents {
        parent.accepted = Verdict::new(RouteAccepted::UnsupportedValue, broken.message());
        parent.listeners.clear();
    }
    let route = Route {
        head: Head::of_broken(broken),
        parents,
        resolved_refs: Verdict::good(RouteResolvedRefs::ResolvedRefs),
        partially_invalid: None,
        shadowed: Shadowed::default(),
        not_honoured: None,
        ingress: None,
        served: None,
        references: Vec::new(),
        notes,
    };
    Some(Judged { route, created: 0, wanted: Vec::new() })
}

impl Route {
    /// Takes away the listeners on which a route of another kind has its hostnames.
    pub(super) fn lose(&mut self, lost: &Losses) {
        for parent in self.parents.iter_mut().filter(|parent| parent.accepted.holds()) {
            let taken = parent.listeners.iter().filter_map(|listener| Some((listener, lost.get(listener)?)));
            let problems: Vec<_> = taken
                .map(|(listener, winner)| {
                    format!(
                        "on listener {} {winner}, which is older or first by name, has a hostname of this route: \
                         routes of two kinds cannot share one, so use others or another listener",
                        listener.name
                    )
                })
                .collect();
            if problems.is_empty() {
                continue;
            }
            parent.listeners.retain(|listener| !lost.contains_key(listener));
            let reason = match parent.listeners.is_empty() {
                true => RouteAccepted::HostnameConflict,
                false => RouteAccepted::Accepted,
            };
            parent.accepted = Verdict::new(reason, list_problems(&problems));
        }
        let Some(served) = &mut self.served else { return };
        served.attachments.retain(|attachment| !lost.contains_key(&attachment.listener));
        if served.attachments.is_empty() {
            self.served = None;
            self.references.clear();
        }
    }
}

fn attach_all(
    context: &Context<'_>,
    candidate: &Candidate<'_>,
    references: &[ParentReference],
) -> (Vec<Parent>, Vec<String>, Vec<Attachment>) {
    let (mut parents, mut notes) = (Vec::<Parent>::new(), Vec::new());
    let mut attachments = Vec::<Attachment>::new();
    for (index, reference) in references.iter().enumerate() {
        if parents.iter().any(|parent| parent.reference == *reference) {
            continue;
        }
        let found = match Kind::find(&reference.group, &reference.kind) {
            Some(kind @ (Kind::Gateway | Kind::ListenerSet)) => {
                let namespace = reference.namespace.as_deref().unwrap_or(&candidate.route.key.namespace);
                let key = ObjectKey::new(namespace, reference.name.as_str());
                context.listeners_of(&ObjectId { kind, key })
            }
            Some(Kind::IngressClass) => match gateway_of_ingress(context, candidate.route) {
                Ok(gateway) => Ok(gateway.own_listeners()),
                Err(note) => {
                    notes.extend(note);
                    continue;
                }
            },
            _ => Err(Closed::Foreign(format!(
                "kind {:?} of group {:?} is no parent here",
                reference.kind, reference.group
            ))),
        };
        let (accepted, attached) = match found {
            Ok(listeners) => {
                candidate.attach(reference, listeners.iter().map(|listener| &listener.admission))
            }
            Err(Closed::Ours(why)) => (Verdict::new(RouteAccepted::NoMatchingParent, why), Vec::new()),
            Err(Closed::Foreign(why)) => {
                notes.push(format!("spec.parentRefs[{index}]: {why}"));
                continue;
            }
        };
        let mut listeners: Vec<_> = attached.iter().map(|attachment| attachment.listener.clone()).collect();
        listeners.dedup();
        for attachment in attached {
            // By two references to one listener.
            if !attachments.contains(&attachment) {
                attachments.push(attachment);
            }
        }
        parents.push(Parent { reference: reference.clone(), accepted, listeners });
    }
    (parents, notes, attachments)
}

/// The Gateway of an Ingress' class, or what there is to say of a class that is not this
/// controller's: in a cluster others have theirs, and that is no news.
fn gateway_of_ingress<'a>(context: &Context<'a>, route: &ObjectId) -> Result<&'a Gateway, Option<String>> {
    let References { index, options } = context.references;
    let Some(ingress) = index.get::<Ingress>(&route.key) else { return Err(None) };
    match Classes::new(index, options).of(ingress) {
        Membership::Ours(gateway) => context.gateways.get(&gateway).ok_or(None),
        Membership::Nobodys(why) => Err(Some(why)),
        Membership::Foreign(why) => Err(Some(why).filter(|_| !options.makes_infrastructure())),
    }
}

fn ingress_part(
    context: &Context<'_>,
    object: &Object,
    id: &ObjectId,
    rules: &[HttpRule],
) -> Option<IngressPart> {
    let Object::Ingress(ingress) = object else { return None };
    let gateway = context.ingress_classes.gateway_of(&id.key)?;
    let (classes, gateways) = (context.ingress_classes, context.gateways);
    Some(IngressPart::new(classes, gateways, gateway, (&id.key, ingress), rules))
}

/// Why an object has no listeners for routes.
enum Closed {
    /// It is this controller's, who may say so in the route's status.
    Ours(String),
    Foreign(String),
}

impl<'a> Context<'a> {
    /// The listeners of a Gateway or a ListenerSet: never those of one by way of the other.
    fn listeners_of(&self, parent: &ObjectId) -> Result<&'a [Listener], Closed> {
        let gateway_key = match parent.kind {
            Kind::ListenerSet => self.sets.get(&parent.key),
            _ => Some(&parent.key),
        };
        let Some(gateway) = gateway_key.and_then(|key| self.gateways.get(key)) else {
            return Err(Closed::Foreign(match self.foreign.get(parent) {
                Some(why) => format!("{parent} is not served: {why}"),
                None if !self.references.options.watches(&parent.key.namespace) => {
                    format!("{parent} is not served: it is in a namespace that {}", not_watched())
                }
                None => format!("{parent} does not exist"),
            }));
        };
        let listeners = gateway.listeners_in(parent);
        let set = gateway.sets.get(&parent.key).filter(|_| parent.kind == Kind::ListenerSet);
        match set.filter(|_| listeners.is_empty()) {
            Some(set) => Err(Closed::Ours(format!("{parent} has no listeners: {}", set.accepted.message))),
            None => Ok(listeners),
        }
    }
}
