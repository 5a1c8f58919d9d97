//! What tests of this module begin with.

use super::Home;
use crate::api::gateway::Gateway;
use crate::convert::ServiceSettings;
use crate::infra::Member;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::OwnerReference;
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};

pub(crate) fn home() -> Home {
    Home {
        namespace: "tidegate-system".to_owned(),
        selector: BTreeMap::from([("app".to_owned(), "tidegate".to_owned())]),
        owner: OwnerReference {
            api_version: "apps/v1".to_owned(),
            kind: "Deployment".to_owned(),
            name: "tidegate".to_owned(),
            uid: "d".to_owned(),
            ..OwnerReference::default()
        },
        managed_by: "tidegate".to_owned(),
    }
}

pub(crate) fn gateway(namespace: &str, name: &str, uid: &str, infrastructure: Value) -> Gateway {
    serde_json::from_value(json!({
        "metadata": { "namespace": namespace, "name": name, "uid": uid },
        "spec": { "gatewayClassName": "tide", "listeners": [], "infrastructure": infrastructure },
    }))
    .unwrap()
}

/// What is so where nobody says anything.
pub(crate) fn settings() -> ServiceSettings {
    ServiceSettings::default()
}

/// Without claims.
pub(crate) fn member<'a>(gateway: &'a Gateway, settings: &'a ServiceSettings) -> Member<'a> {
    static NONE: BTreeSet<crate::infra::Claim> = BTreeSet::new();
    Member {
        gateway,
        class_uid: Some("c"),
        claims: &NONE,
        created: 0,
        accepted: true,
        address: None,
        cluster_ips: &[],
        cluster_count: 0,
        usual_count: 0,
        internal: false,
        by_host: false,
        settings,
    }
}
