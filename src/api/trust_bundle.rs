//! ClusterTrustBundle: certificates of authorities for a whole cluster.

use super::ObjectMeta;
use serde::{Deserialize, Serialize};

/// What every version of it says. The typed client of one version would refuse objects of another.
pub(super) const SCHEMA: &str = r#"{
  "type": "object",
  "required": ["spec"],
  "properties": {
    "spec": {
      "type": "object",
      "required": ["trustBundle"],
      "properties": { "signerName": { "type": "string" }, "trustBundle": { "type": "string" } }
    }
  }
}"#;

/// Certificates of authorities that every namespace may refer to.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct ClusterTrustBundle {
    /// The object's head.
    #[serde(default)]
    pub metadata: ObjectMeta,
    /// What is in it.
    pub spec: ClusterTrustBundleSpec,
}

/// What is in a ClusterTrustBundle.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ClusterTrustBundleSpec {
    /// PEM certificates.
    pub trust_bundle: String,
}
