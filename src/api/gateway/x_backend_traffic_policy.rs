//! XBackendTrafficPolicy: how often requests to a backend are sent again, and their sessions.

use super::resource::kind;
use super::{Duration, LocalPolicyTargetReferenceWithSectionName, PolicyStatus, SessionPersistence};
use serde::{Deserialize, Serialize};

kind! {
    /// What holds for all requests to some backends, whichever route they come by.
    XBackendTrafficPolicy, "XBackendTrafficPolicy", "xbackendtrafficpolicies",
    k8s_openapi::NamespaceResourceScope, of: "gateway.networking.x-k8s.io", "v1alpha1",
    spec: XBackendTrafficPolicySpec, status: PolicyStatus
}

/// Which backends, and what.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct XBackendTrafficPolicySpec {
    /// What the policy is attached to; always all of an object.
    pub target_refs: Vec<LocalPolicyTargetReferenceWithSectionName>,
    /// When requests are sent again no more.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub retry_constraint: Option<RetryConstraint>,
    /// Of requests by rules that say nothing of sessions. Deprecated by the API: XBackend has it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub session_persistence: Option<SessionPersistence>,
}

/// When requests are sent again no more.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct RetryConstraint {
    /// The share of retries among all requests.
    #[serde(default)]
    pub budget: BudgetDetails,
    /// Retries that are allowed whatever the share.
    #[serde(default = "RequestRate::of_retries")]
    pub min_retry_rate: RequestRate,
}

/// A share of requests.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct BudgetDetails {
    /// In percent.
    #[serde(default = "BudgetDetails::percent")]
    pub percent: u32,
    /// The time over which it is measured.
    #[serde(default = "BudgetDetails::interval")]
    pub interval: Duration,
}

/// Requests in a time.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct RequestRate {
    /// How many.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub count: Option<u32>,
    /// In which time.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub interval: Option<Duration>,
}

impl BudgetDetails {
    fn percent() -> u32 {
        20
    }

    fn interval() -> Duration {
        Duration("10s".to_owned())
    }
}

impl Default for BudgetDetails {
    fn default() -> Self {
        Self { percent: Self::percent(), interval: Self::interval() }
    }
}

impl RequestRate {
    fn of_retries() -> Self {
        Self { count: Some(10), interval: Some(Duration("1s".to_owned())) }
    }
}
