//! Whether the API server serves a kind that it need not serve, by its own word.
//!
//! To ask for the objects and see it fail would tell as well, but in every cluster without them
//! that is a line in the API server's log every few seconds.

use crate::api::Kind;
use kube::Client;
use std::time::Duration;
use tokio::sync::watch;
use tokio::time::sleep;

/// The one such kind.
pub(super) const OPTIONAL: Kind = Kind::ClusterTrustBundle;

/// It changes with an upgrade of the cluster.
const EVERY: Duration = Duration::from_secs(30);
/// While the API server does not answer.
const AGAIN: Duration = Duration::from_secs(2);

/// Tells whether it is served, and when that changes, until nobody listens any more.
pub(super) async fn run(client: Client, served: watch::Sender<Option<bool>>) {
    let asking = async {
        loop {
            let pause = match is_served(&client).await {
                Ok(now) => {
                    served.send_if_modified(|known| known.replace(now) != Some(now));
                    EVERY
                }
                Err(error) => {
                    tracing::debug!(%error, "the API server does not say which kinds it serves");
                    AGAIN
                }
            };
            sleep(pause).await;
        }
    };
    tokio::select! {
        () = asking => {}
        () = served.closed() => {}
    }
}

async fn is_served(client: &Client) -> kube::Result<bool> {
    match ask(client).await {
        // Who may not know what there is may not read it either.
        Err(kube::Error::Api(status)) if matches!(status.code, 403 | 404) => Ok(false),
        answer => answer,
    }
}

async fn ask(client: &Client) -> kube::Result<bool> {
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
