//! ReferenceGrant: who may refer into a namespace.

use super::resource::kind;
use serde::{Deserialize, Serialize};

kind! {
    /// Leave for objects of other namespaces to refer to objects of this one.
    ReferenceGrant, "ReferenceGrant", "referencegrants", k8s_openapi::NamespaceResourceScope,
    spec: ReferenceGrantSpec
}

/// Each of `from` may refer to each of `to`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReferenceGrantSpec {
    /// Who may refer.
    pub from: Vec<ReferenceGrantFrom>,
    /// What may be referred to.
    pub to: Vec<ReferenceGrantTo>,
}

/// Objects of one kind in one namespace.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct ReferenceGrantFrom {
    /// API group; empty is the core group.
    pub group: String,
    /// Kind.
    pub kind: String,
    /// Namespace.
    pub namespace: String,
}

/// Objects of one kind in the grant's namespace.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct ReferenceGrantTo {
    /// API group; empty is the core group.
    pub group: String,
    /// Kind.
    pub kind: String,
    /// Name of the only one that is meant; all of the kind otherwise.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
}
