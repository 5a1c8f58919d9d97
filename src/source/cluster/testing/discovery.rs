//! What the API server says of the kinds and fields that it serves; of most it is not asked.

use super::ApiServer;
use serde_json::{Value, json};

/// What is there.
#[derive(Default)]
pub(super) struct Offer {
    /// Whether ClusterTrustBundles are switched on.
    trust_bundles: bool,
    /// Whether Gateway API's definitions are without the experimental fields.
    standard: bool,
}

const GATEWAYS: &str = "apis/gateway.networking.k8s.io/v1";

/// Of Gateway API's definitions, with the fields of the experimental channel or without.
fn documents(standard: bool) -> Value {
    let hash = if standard { "?hash=1" } else { "?hash=2" };
    json!({ "paths": {
        "api/v1": { "serverRelativeURL": "/openapi/v3/api/v1?hash=3" },
        GATEWAYS: { "serverRelativeURL": format!("/openapi/v3/{GATEWAYS}{hash}") },
    } })
}

fn gateways(standard: bool) -> Value {
    let item = |mut fields: Value, experimental: &str| {
        if !standard {
            fields[experimental] = json!({});
        }
        json!({ "type": "array", "items": { "properties": fields } })
    };
    let spec = json!({ "properties": {
        "addresses": item(json!({ "value": {} }), "routability"),
        "listeners": item(json!({ "name": {} }), "filters"),
    } });
    let kind = |kind: &str| json!([{ "group": "gateway.networking.k8s.io", "kind": kind, "version": "v1" }]);
    json!({ "components": { "schemas": {
        "io.k8s.networking.gateway.v1.GatewayClass": { "x-kubernetes-group-version-kind": kind("GatewayClass") },
        "io.k8s.networking.gateway.v1.Gateway": {
            "x-kubernetes-group-version-kind": kind("Gateway"), "properties": { "spec": spec },
        },
    } } })
}

impl Offer {
    pub(super) fn found(&self, path: &str) -> Option<Value> {
        let Self { trust_bundles, standard } = *self;
        let version = json!({ "groupVersion": "certificates.k8s.io/v1beta1", "version": "v1beta1" });
        let resource = json!({ "name": "clustertrustbundles", "singularName": "", "namespaced": false,
        "kind": "ClusterTrustBundle", "verbs": ["list", "watch"] });
        match path.trim_start_matches('/') {
            "openapi/v3" => return Some(documents(standard)),
            "openapi/v3/apis/gateway.networking.k8s.io/v1" => return Some(gateways(standard)),
            _ => {}
        }
        match path {
            "/apis" => Some(json!({ "kind": "APIGroupList", "apiVersion": "v1",
            "groups": [{ "name": "certificates.k8s.io", "versions": [version] }] })),
            "/apis/certificates.k8s.io/v1beta1" => {
                Some(json!({ "kind": "APIResourceList", "apiVersion": "v1",
            "groupVersion": "certificates.k8s.io/v1beta1",
            "resources": if trust_bundles { json!([resource]) } else { json!([]) } }))
            }
            _ => None,
        }
    }
}

impl ApiServer {
    /// Gateway API's definitions are those of the standard channel, or of the experimental one again.
    pub(crate) fn standard_channel(&self, standard: bool) {
        self.state().offer.standard = standard;
    }

    /// ClusterTrustBundles are switched on, or off again.
    pub(crate) fn trust_bundles(&self, served: bool) {
        self.state().offer.trust_bundles = served;
        self.missing("v1/clustertrustbundles", true);
        self.missing("clustertrustbundles", !served);
    }
}
