//! Services that ask for ClusterIPs.

use super::{InfraWriter, place, problem};
use crate::api::Service;
use crate::infra::without_cluster_ips;

/// "Invalid": the API server says this of a ClusterIP that it cannot give.
const INVALID: u16 = 422;

impl InfraWriter {
    /// Makes the Service as it is wanted; where its ClusterIPs cannot be had, without these. So they keep
    /// no Gateway from its other addresses, and as it is made then, nothing is tried again.
    pub(super) async fn apply_service(&mut self, wanted: &Service) -> Result<(), String> {
        let mut refused = match self.objects.apply(wanted).await {
            Ok(_) => return Ok(()),
            Err(error) => error,
        };
        for service in without_cluster_ips(wanted) {
            let kube::Error::Api(status) = &refused else { break };
            if status.code != INVALID {
                break;
            }
            match self.objects.apply(&service).await {
                Ok(_) => {
                    let (kind, namespace, name) = place(wanted);
                    tracing::warn!(
                        "{kind} {namespace}/{name} has not all ClusterIPs asked for: {}",
                        status.message
                    );
                    return Ok(());
                }
                Err(error) => refused = error,
            }
        }
        Err(problem(wanted, &refused))
    }
}
