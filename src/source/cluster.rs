//! A cluster as a stream of events: one watch for each kind, or for each kind and namespace.
//!
//! ```text
//!  API server ─► follow (one task a watch) ─► decode ─► join ─► index::Event
//!                 list, watch, again after an error      what all watches tell together
//! ```
//!
//! Secrets that hold certificates are watched as a kind; any other Secret, and every ConfigMap, by
//! its name and only while something refers to it.
//!
//! Nothing is polled but what is not there: a kind that the API server does not know is asked for
//! again every few seconds, and every half a minute whether it serves ClusterTrustBundles. While the API server is away, what was told stays.

mod decode;
mod follow;
mod join;
mod place;
mod probe;
mod run;
#[cfg(test)]
pub(crate) mod testing;

use super::Source;
use crate::api::ObjectId;
use crate::telemetry::Metrics;
use std::collections::BTreeSet;
use std::sync::Arc;
use tokio::sync::{mpsc, watch};

/// What talks to the API server; cheap to clone.
pub use kube::Client;

/// Events that may wait to be taken, before no more is read from the API server.
const MAX_WAITING: usize = 1024;

/// Which part of a cluster is followed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Scope {
    /// The namespaces whose objects count; none: all of them. Kinds without a namespace are always
    /// followed.
    pub namespaces: Option<BTreeSet<Arc<str>>>,
    /// Tidegate's own namespace: its Services, EndpointSlices and GatewayParameters are followed in
    /// any case.
    pub own: Arc<str>,
    /// Objects that are followed by name whether or not something refers to them.
    pub named: BTreeSet<ObjectId>,
}

/// Objects that are followed by name while something refers to them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Referred {
    /// Which ones.
    pub ids: BTreeSet<ObjectId>,
    /// Whether these are all to which objects refer that were there at the start. Until then the
    /// kinds that are followed by name do not count as listed.
    pub complete: bool,
}

/// A client by the kubeconfig that the environment names, or by the service account of the pod.
///
/// # Errors
/// Neither is there, or what is there cannot be used; in words for the user.
pub async fn client() -> Result<Client, String> {
    Client::try_default().await.map_err(|error| format!("no way to an API server: {error}"))
}

/// Follows all kinds until the source is dropped. Runs in tasks of the current runtime.
pub fn follow(client: &Client, scope: Scope, metrics: &Arc<Metrics>) -> Source {
    let (sender, events) = mpsc::channel(MAX_WAITING);
    // There are no files with which something could be wrong.
    let (_, problems) = watch::channel(Arc::default());
    let (referred, referred_receiver) = watch::channel(Referred::default());
    tokio::spawn(run::run(client.clone(), scope, referred_receiver, sender, metrics.clone()));
    Source { events, problems, referred: Some(referred) }
}

#[cfg(test)]
mod tests;
