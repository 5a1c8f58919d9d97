//! What the API server says of the kinds that it serves; of all but one it is not asked.

use super::ApiServer;
use serde_json::{Value, json};

pub(super) fn found(path: &str, trust_bundles: bool) -> Option<Value> {
    let version = json!({ "groupVersion": "certificates.k8s.io/v1beta1", "version": "v1beta1" });
    let resource = json!({ "name": "clustertrustbundles", "singularName": "", "namespaced": false,
        "kind": "ClusterTrustBundle", "verbs": ["list", "watch"] });
    match path {
        "/apis" => Some(json!({ "kind": "APIGroupList", "apiVersion": "v1",
            "groups": [{ "name": "certificates.k8s.io", "versions": [version] }] })),
        "/apis/certificates.k8s.io/v1beta1" => Some(json!({ "kind": "APIResourceList", "apiVersion": "v1",
            "groupVersion": "certificates.k8s.io/v1beta1",
            "resources": if trust_bundles { json!([resource]) } else { json!([]) } })),
        _ => None,
    }
}

impl ApiServer {
    /// ClusterTrustBundles are switched on, or off again.
    pub(crate) fn trust_bundles(&self, served: bool) {
        self.state().trust_bundles = served;
        self.missing("v1/clustertrustbundles", true);
        self.missing("clustertrustbundles", !served);
    }
}
