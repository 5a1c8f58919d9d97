//! What one watch is about.

use super::Scope;
use crate::api::{Kind, ObjectId};
use std::fmt;
use std::sync::Arc;

/// The type of Secrets that hold a certificate.
const TLS: &str = "kubernetes.io/tls";

/// Kinds of which Tidegate reads its own namespace even if it does not watch it: the Services that
/// it makes, which pods it runs in, and the parameters of its GatewayClass.
const OWN: [Kind; 3] = [Kind::Service, Kind::EndpointSlice, Kind::GatewayParameters];

/// Objects that are watched together.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Place {
    pub(super) kind: Kind,
    /// Those of this namespace; none: of all.
    pub(super) namespace: Option<Arc<str>>,
    /// The one with this name.
    pub(super) name: Option<Arc<str>>,
}

impl Place {
    /// A single object.
    pub(super) fn named(id: &ObjectId) -> Self {
        let namespace = id.kind.namespaced().then(|| id.key.namespace.clone());
        Self { kind: id.kind, namespace, name: Some(id.key.name.clone()) }
    }

    /// The places that are watched as long as the process runs.
    pub(super) fn all(scope: &Scope) -> Vec<Self> {
        Kind::ALL.into_iter().flat_map(|kind| Self::of_kind(kind, scope)).collect()
    }

    /// All of a kind that is in no namespace.
    pub(super) fn all_of(kind: Kind) -> Self {
        Self { kind, namespace: None, name: None }
    }

    fn of_kind(kind: Kind, scope: &Scope) -> Vec<Self> {
        let place = |namespace| Self { kind, namespace, name: None };
        match (&scope.namespaces, kind) {
            // By name, and only where it is served.
            (_, Kind::ConfigMap | Kind::ClusterTrustBundle) => Vec::new(),
            (Some(namespaces), _) if kind.namespaced() => {
                let own = Some(&scope.own).filter(|own| OWN.contains(&kind) && !namespaces.contains(*own));
                namespaces.iter().chain(own).map(|namespace| place(Some(namespace.clone()))).collect()
            }
            _ => vec![place(None)],
        }
    }

    /// What the API server is asked for.
    pub(super) fn fields(&self) -> Option<String> {
        match (&self.name, self.kind) {
            (Some(name), _) => Some(format!("metadata.name={name}")),
            (None, Kind::Secret) => Some(format!("type={TLS}")),
            (None, _) => None,
        }
    }

    /// The object, if it is a single one.
    pub(super) fn id(&self) -> Option<ObjectId> {
        let namespace = self.namespace.clone().unwrap_or_default();
        let name = self.name.clone()?;
        Some(ObjectId { kind: self.kind, key: crate::model::ObjectKey { namespace, name } })
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (&self.namespace, &self.name) {
            (Some(namespace), Some(name)) => write!(f, "{} {namespace}/{name}", self.kind),
            (None, Some(name)) => write!(f, "{} {name}", self.kind),
            (Some(namespace), None) => write!(f, "{} of namespace {namespace}", self.kind),
            (None, None) => write!(f, "{}", self.kind),
        }
    }
}
