//! A cluster as a stream of events: one watch for each kind.
//!
//! ```text
//!  API server ─► follow (one task a kind) ─► decode ─► index::Event
//!                 list, watch, again after an error
//! ```
//!
//! Nothing is polled but what is not there: a kind that the API server does not know is asked for
//! again every few seconds. While the API server is away, what was told stays.

mod decode;
mod follow;
#[cfg(test)]
pub(crate) mod testing;

use super::Source;
use crate::api::Kind;
use crate::model::ObjectKey;
use follow::Follower;
use std::sync::Arc;
use tokio::sync::{mpsc, watch};

/// What talks to the API server; cheap to clone.
pub use kube::Client;

/// Events that may wait to be taken, before no more is read from the API server.
const MAX_WAITING: usize = 1024;

/// A client by the kubeconfig that the environment names, or by the service account of the pod.
///
/// # Errors
/// Neither is there, or what is there cannot be used; in words for the user.
pub async fn client() -> Result<Client, String> {
    Client::try_default().await.map_err(|error| format!("no way to an API server: {error}"))
}

/// Follows all kinds until the source is dropped; of the ConfigMaps only the one with the ports of
/// the pods. Runs in tasks of the current runtime.
pub fn follow(client: &Client, ports: &ObjectKey) -> Source {
    let (sender, events) = mpsc::channel(MAX_WAITING);
    // There are no files with which something could be wrong.
    let (_, problems) = watch::channel(Arc::default());
    for kind in Kind::ALL {
        tokio::spawn(Follower::new(kind, client.clone(), ports.clone(), sender.clone()).run());
    }
    Source { events, problems }
}

#[cfg(test)]
mod tests;
