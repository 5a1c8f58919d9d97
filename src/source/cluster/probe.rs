//! What the API server serves of that which it need not serve, by its own word.
//!
//! To ask for the objects of a kind and see it fail would tell as well, but in every cluster without
//! them that is a line in the API server's log every few seconds. And a field that is not there is
//! dropped from what is written without a word.

mod fields;

use crate::api::Optional;
use fields::Fields;
use kube::Client;
use std::collections::BTreeSet;
use std::time::Duration;
use tokio::sync::watch;
use tokio::time::{sleep, timeout};

/// It changes with an upgrade of the cluster or of Gateway API's definitions.
const EVERY: Duration = Duration::from_secs(30);
/// While the API server does not answer.
const AGAIN: Duration = Duration::from_secs(2);
/// So long an answer on fields may take: everything waits for the first one.
const PATIENCE: Duration = Duration::from_secs(5);

/// The one kind that need not be served.
pub(super) const OPTIONAL: crate::api::Kind = crate::api::Kind::ClusterTrustBundle;

/// What is served.
pub(super) type Served = BTreeSet<Optional>;

/// Tells what is served, and when that changes, until nobody listens any more.
pub(super) async fn run(client: Client, served: watch::Sender<Option<Served>>) {
    let asking = async {
        let mut fields = Fields::default();
        loop {
            let pause = ask(&client, &mut fields, &served).await;
            sleep(pause).await;
        }
    };
    tokio::select! {
        () = asking => {}
        () = served.closed() => {}
    }
}

/// Returns when it is to be asked again.
async fn ask(client: &Client, fields: &mut Fields, served: &watch::Sender<Option<Served>>) -> Duration {
    let has_bundles = match has_bundles(client).await {
        Ok(has) => has,
        Err(error) => {
            tracing::debug!(%error, "the API server does not say which kinds it serves");
            return AGAIN;
        }
    };
    // Nothing has to wait for these: they only say what is claimed and told.
    let is_known = match timeout(PATIENCE, fields.ask(client)).await {
        Ok(Ok(())) => true,
        Ok(Err(error)) => {
            tracing::debug!(%error, "the API server does not say which fields it serves");
            false
        }
        Err(_) => false,
    };
    let mut now = fields.served.clone();
    now.extend(has_bundles.then_some(Optional::TRUST_BUNDLES));
    served.send_if_modified(|known| {
        let changed = known.as_ref() != Some(&now);
        *known = Some(now);
        changed
    });
    if is_known { EVERY } else { AGAIN }
}

async fn has_bundles(client: &Client) -> kube::Result<bool> {
    match look_for_bundles(client).await {
        // Who may not know what there is may not read it either.
        Err(kube::Error::Api(status)) if matches!(status.code, 403 | 404) => Ok(false),
        answer => answer,
    }
}

async fn look_for_bundles(client: &Client) -> kube::Result<bool> {
    let groups = client.list_api_groups().await?.groups;
    let group = groups.into_iter().find(|group| group.name == OPTIONAL.group());
    let versions = group.into_iter().flat_map(|group| group.versions);
    for version in versions.filter(|version| OPTIONAL.versions().contains(&version.version.as_str())) {
        let resources = client.list_api_group_resources(&version.group_version).await?.resources;
        if resources.iter().any(|resource| resource.name == OPTIONAL.plural()) {
            return Ok(true);
        }
    }
    Ok(false)
}
