//! Routes on listeners.

use super::verdict::{RouteAccepted, Verdict};
use crate::api::gateway::{FromNamespaces, ParentReference};
use crate::api::{Kind, LabelSelector, Namespace, ObjectId};
use crate::convert::Selector;
use crate::index::Index;
use crate::model::{Attachment, Hostname, ListenerKey, ObjectKey};
use std::collections::BTreeMap;

/// The label that Kubernetes puts on every namespace.
const NAMESPACE_NAME: &str = "kubernetes.io/metadata.name";

/// What decides which routes a listener lets in. Nothing else of a Gateway matters to its
/// routes: whether the listener is served or has its certificates does not, by the API.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Admission {
    /// The listener.
    pub listener: ListenerKey,
    /// For `parentRef.port`.
    pub port: u16,
    /// The hosts that it serves.
    pub hostname: Option<Hostname>,
    /// The kinds of routes that it takes.
    pub kinds: Vec<Kind>,
    /// Where its routes may be.
    pub namespaces: NamespaceChoice,
}

/// Namespaces that a listener takes routes of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum NamespaceChoice {
    /// Each.
    All,
    /// That of the object that has the listener, or takes the ListenerSets.
    Same,
    /// Those with certain labels.
    Selected(Selector),
    /// None: the listener's choice is not known.
    None,
}

impl NamespaceChoice {
    /// Reads `from` and `selector`; with a selector that cannot be used none is chosen, and it is said why.
    pub(super) fn read(from: FromNamespaces, selector: Option<&LabelSelector>) -> (Self, Option<String>) {
        match (from, selector) {
            (FromNamespaces::All, _) => (Self::All, None),
            (FromNamespaces::Same, _) => (Self::Same, None),
            (FromNamespaces::None, _) => (Self::None, None),
            (FromNamespaces::Selector, None) => {
                (Self::None, Some("selector: from Selector needs a selector".to_owned()))
            }
            (FromNamespaces::Selector, Some(selector)) => match Selector::parse(selector) {
                Ok(selector) => (Self::Selected(selector), None),
                Err(error) => (Self::None, Some(format!("selector.{error}"))),
            },
        }
    }

    /// Whether an object of the namespace is let in by one of the namespace `own`. Without labels nothing
    /// is known of the namespace.
    pub(super) fn lets_in(&self, own: &str, namespace: &str, labels: Option<&Labels>) -> bool {
        match self {
            Self::All => true,
            Self::Same => own == namespace,
            Self::Selected(selector) => labels.is_some_and(|labels| selector.selects(labels)),
            Self::None => false,
        }
    }
}

pub(super) type Labels = BTreeMap<String, String>;

/// The labels of a namespace; none if they are not known.
pub(super) fn labels(index: &Index, namespace: &str) -> Option<Labels> {
    let key = ObjectKey::new("", namespace);
    let known = index.get::<Namespace>(&key);
    let id = ObjectId { kind: Kind::Namespace, key };
    // In a directory of files most namespaces have no object of their own.
    index.why_broken(&id).is_none().then(|| {
        let mut labels = known.and_then(|namespace| namespace.metadata.labels.clone()).unwrap_or_default();
        labels.insert(NAMESPACE_NAME.to_owned(), namespace.to_owned());
        labels
    })
}

/// What became of one `parentRef` that names an object of this controller.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Parent {
    /// As in the spec: status repeats it.
    pub reference: ParentReference,
    /// Whether the route is attached.
    pub accepted: Verdict<RouteAccepted>,
    /// The listeners that it is attached to.
    pub listeners: Vec<ListenerKey>,
}

/// The route's side of an attachment.
pub(super) struct Candidate<'a> {
    pub(super) route: &'a ObjectId,
    /// Of its namespace; none if that is not known.
    pub(super) labels: Option<Labels>,
    pub(super) hostnames: &'a [Hostname],
    /// It has rules without a hostname beside those with one.
    pub(super) also_every: bool,
}

impl<'a> Candidate<'a> {
    pub(super) fn new(index: &Index, route: &'a ObjectId, hostnames: &'a [Hostname]) -> Self {
        let labels = labels(index, &route.key.namespace);
        Self { route, labels, hostnames, also_every: false }
    }

    /// Attaches the route to those of the parent's own listeners that the reference names and that let
    /// it in.
    pub(super) fn attach<'b>(
        &self,
        reference: &ParentReference,
        parent: impl Iterator<Item = &'b Admission>,
    ) -> (Verdict<RouteAccepted>, Vec<Attachment>) {
        let named: Vec<_> = parent.filter(|listener| is_named(listener, reference)).collect();
        if named.is_empty() {
            return (no_listener(reference), Vec::new());
        }
        let letting: Vec<_> = named.iter().filter(|listener| self.is_let_in(listener)).collect();
        if letting.is_empty() {
            let message = format!(
                "no listener of {} {} that parentRef names allows {} {} of namespace {:?}: \
                 look at allowedRoutes of listener {}",
                reference.kind,
                reference.name,
                article(self.route.kind),
                self.route.kind,
                self.route.key.namespace,
                names(&named)
            );
            return (Verdict::new(RouteAccepted::NotAllowedByListeners, message), Vec::new());
        }
        let attachments: Vec<_> = letting.iter().flat_map(|listener| self.join(listener)).collect();
        if attachments.is_empty() {
            let hosts: Vec<_> = letting
                .iter()
                .filter_map(|listener| listener.hostname.as_ref())
                .map(Hostname::to_string)
                .collect();
            let message = format!(
                "spec.hostnames: none of {} is within {} of {} {}",
                self.hostnames.iter().map(Hostname::to_string).collect::<Vec<_>>().join(", "),
                hosts.join(", "),
                reference.kind,
                reference.name
            );
            return (Verdict::new(RouteAccepted::NoMatchingListenerHostname, message), Vec::new());
        }
        (Verdict::good(RouteAccepted::Accepted), attachments)
    }

    fn is_let_in(&self, listener: &Admission) -> bool {
        let (own, namespace) = (listener.listener.namespace(), &self.route.key.namespace);
        listener.kinds.contains(&self.route.kind)
            && listener.namespaces.lets_in(own, namespace, self.labels.as_ref())
    }

    /// Keeps the route's own hostnames that the listener shares; none if it shares none.
    fn join(&self, listener: &Admission) -> impl Iterator<Item = Attachment> + use<> {
        let shared: Vec<_> = match &listener.hostname {
            None => self.hostnames.to_vec(),
            Some(host) => {
                self.hostnames.iter().filter(|own| own.intersection(host).is_some()).cloned().collect()
            }
        };
        let attachment = |hostnames| Attachment { listener: listener.listener.clone(), hostnames };
        let own = (self.hostnames.is_empty() || !shared.is_empty()).then(|| attachment(shared));
        let every = (self.also_every && !self.hostnames.is_empty()).then(|| attachment(Vec::new()));
        own.into_iter().chain(every)
    }
}

/// The one that is spoken before the name.
fn article(kind: Kind) -> &'static str {
    if kind == Kind::HttpRoute { "an" } else { "a" }
}

fn is_named(listener: &Admission, reference: &ParentReference) -> bool {
    reference.section_name.as_deref().is_none_or(|name| name.is_empty() || *name == *listener.listener.name)
        && reference.port.is_none_or(|port| port == listener.port)
}

fn no_listener(reference: &ParentReference) -> Verdict<RouteAccepted> {
    let mut wanted = Vec::new();
    if let Some(name) = &reference.section_name {
        wanted.push(format!("sectionName {name:?}"));
    }
    if let Some(port) = reference.port {
        wanted.push(format!("port {port}"));
    }
    let message = match wanted.is_empty() {
        true => format!("{} {} has no listener", reference.kind, reference.name),
        false => {
            format!("{} {} has no listener with {}", reference.kind, reference.name, wanted.join(" and "))
        }
    };
    Verdict::new(RouteAccepted::NoMatchingParent, message)
}

fn names(listeners: &[&Admission]) -> String {
    listeners.iter().map(|listener| &*listener.listener.name).collect::<Vec<_>>().join(", ")
}
