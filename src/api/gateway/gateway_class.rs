//! GatewayClass: which controller a Gateway is for.

use super::resource::kind;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition;
use serde::{Deserialize, Serialize};

kind! {
    /// A class of Gateways, all handled by one controller.
    GatewayClass, "GatewayClass", "gatewayclasses", k8s_openapi::ClusterResourceScope,
    spec: GatewayClassSpec, status: GatewayClassStatus
}

/// What a class is.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct GatewayClassSpec {
    /// The controller's name, a domain with a path.
    pub controller_name: String,
    /// Settings for all Gateways of the class.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub parameters_ref: Option<ParametersReference>,
    /// For people.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
}

/// An object with a controller's own settings; with a namespace unless its kind has none.
pub type ParametersReference = super::ObjectReference;

/// What the controller says of a class.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct GatewayClassStatus {
    /// Its conditions.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub conditions: Vec<Condition>,
    /// What the controller can do, sorted by name.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub supported_features: Vec<SupportedFeature>,
}

/// One feature of Gateway API.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct SupportedFeature {
    /// Its name in the conformance suite.
    pub name: String,
}
