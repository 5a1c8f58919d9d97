//! BackendTLSPolicy: how gateways speak TLS to a Service.

use super::resource::kind;
use super::{LocalObjectReference, LocalPolicyTargetReferenceWithSectionName, PolicyStatus};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

kind! {
    /// Requests to some Services are sent by TLS, and only to whom has the right certificate.
    BackendTlsPolicy, "BackendTLSPolicy", "backendtlspolicies", k8s_openapi::NamespaceResourceScope,
    spec: BackendTlsPolicySpec, status: PolicyStatus
}

/// Which Services, and which certificate is right.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct BackendTlsPolicySpec {
    /// What the policy is attached to.
    pub target_refs: Vec<LocalPolicyTargetReferenceWithSectionName>,
    /// Which certificate is right.
    pub validation: BackendTlsPolicyValidation,
    /// Settings that each implementation defines for itself.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub options: BTreeMap<String, String>,
}

/// Which certificate is right: who has signed it, and for whom.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct BackendTlsPolicyValidation {
    /// Objects with the certificates of authorities.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub ca_certificate_refs: Vec<LocalObjectReference>,
    /// A set of authorities by its name, instead of references.
    #[serde(default, rename = "wellKnownCACertificates", skip_serializing_if = "Option::is_none")]
    pub well_known_ca_certificates: Option<String>,
    /// The name that is asked for; without `subjectAltNames` the certificate must have it, too.
    pub hostname: String,
    /// Names of which the certificate must have one, in place of `hostname`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub subject_alt_names: Vec<SubjectAltName>,
}

/// A name in a certificate.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SubjectAltName {
    /// What kind of name.
    #[serde(rename = "type")]
    pub type_: SubjectAltNameType,
    /// With `type: Hostname`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hostname: Option<String>,
    /// With `type: URI`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub uri: Option<String>,
}

/// Kinds of names in certificates.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum SubjectAltNameType {
    /// A DNS name.
    Hostname,
    /// A URI, such as a SPIFFE ID.
    #[serde(rename = "URI")]
    Uri,
}
