//! ListenerSet: more listeners for a Gateway.

use super::resource::kind;
use super::shared::{gateway_group, gateway_kind};
use super::{Listener, ListenerStatus};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition;
use serde::{Deserialize, Serialize};

kind! {
    /// Listeners that are served by a Gateway, with an owner of their own.
    ListenerSet, "ListenerSet", "listenersets", k8s_openapi::NamespaceResourceScope,
    spec: ListenerSetSpec, status: ListenerSetStatus
}

/// What a ListenerSet is.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ListenerSetSpec {
    /// The Gateway.
    pub parent_ref: ParentGatewayReference,
    /// At least one; names are unique within the set.
    #[serde(default)]
    pub listeners: Vec<Listener>,
}

/// A Gateway.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ParentGatewayReference {
    /// API group.
    #[serde(default = "gateway_group")]
    pub group: String,
    /// Kind.
    #[serde(default = "gateway_kind")]
    pub kind: String,
    /// Namespace; that of the ListenerSet otherwise.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub namespace: Option<String>,
    /// Name.
    pub name: String,
}

/// What the controller says of a ListenerSet.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ListenerSetStatus {
    /// Its conditions.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub conditions: Vec<Condition>,
    /// One entry a listener.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub listeners: Vec<ListenerStatus>,
}
