//! XTelemetryPolicy: what a Gateway tells of the requests that it serves.

use super::resource::kind;
use super::{
    BackendObjectReference, Fraction, HttpHeader, LocalPolicyTargetReferenceWithSectionName, PolicyStatus,
};
use serde::{Deserialize, Serialize};

kind! {
    /// Some Gateways tell of their requests by traces.
    XTelemetryPolicy, "XTelemetryPolicy", "xtelemetrypolicies", k8s_openapi::NamespaceResourceScope,
    of: "gateway.networking.x-k8s.io", "v1alpha1",
    spec: TelemetryPolicySpec, status: PolicyStatus
}

/// Which Gateways, and what they tell.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct TelemetryPolicySpec {
    /// What the policy is attached to; never a section.
    pub target_refs: Vec<LocalPolicyTargetReferenceWithSectionName>,
    /// Traces.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tracing: Option<TracingConfig>,
}

/// How traces are made, and who gets them.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct TracingConfig {
    /// Whether there are any.
    #[serde(default)]
    pub mode: PolicyMode,
    /// Who gets them; with `Enabled` only, and then always.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub provider: Option<TracingProvider>,
    /// The share of new traces that are recorded.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sampling_rate: Option<Fraction>,
    /// What becomes of traces that began before.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub parent_based_sampling: Option<ParentBasedSampling>,
    /// The resource's `service.name`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub service_name: Option<String>,
    /// The name of every span.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub span_name: Option<String>,
    /// What every span has besides.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub attributes: Vec<TelemetryAttribute>,
}

/// Whether something is done.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum PolicyMode {
    /// It is.
    Enabled,
    /// It is not.
    Disabled,
    /// Each implementation says for itself.
    #[default]
    ImplementationDefault,
}

/// Who gets traces.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct TracingProvider {
    /// A collector that speaks OTLP.
    pub backend_ref: BackendObjectReference,
    /// Fields of each request to it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub headers: Vec<HttpHeader>,
}

/// Whether the one before decides what is recorded.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ParentBasedSampling {
    /// Whether it does.
    #[serde(default)]
    pub mode: PolicyMode,
    /// The share of what the one before records that is recorded here, too; all by default.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sampling_rate: Option<Fraction>,
}

/// An attribute of every span; the field that `sourceType` names is set.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct TelemetryAttribute {
    /// Its key.
    pub name: String,
    /// Where its value comes from.
    pub source_type: AttributeSourceType,
    /// A field of the request or the answer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub header_name: Option<String>,
    /// The value itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub literal_value: Option<String>,
    /// The key of an attribute of OpenTelemetry's semantic conventions.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub attribute_key: Option<String>,
}

/// Where an attribute's value comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum AttributeSourceType {
    /// A field of the request or the answer.
    Header,
    /// The policy.
    Literal,
    /// What is known of the request.
    Attribute,
}
