//! What a source tells: the same from a directory of files and from a cluster.

use crate::api::gateway::{
    LocalPolicyTargetReferenceWithSectionName, ParentGatewayReference, ParentReference,
};
use crate::api::{Kind, Object, ObjectId, Optional, Time};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::Value;
use std::sync::Arc;

/// An object that could not be decoded. It counts as wholly bad: it gets a verdict, it is not
/// served, and no other object is touched.
#[derive(Clone, Debug, PartialEq)]
pub struct Broken {
    /// Which one.
    pub id: ObjectId,
    /// Why: one sentence each, naming the field and what to do.
    pub problems: Vec<String>,
    /// The object as it came, `null` if it is not known: whose it is and its generation are
    /// read from here, so that its owner can be told.
    pub raw: Value,
}

/// A change in the objects of one kind.
#[derive(Clone, Debug, PartialEq)]
pub enum Event {
    /// The object is new or changed.
    Apply(Object),
    /// The object is there but cannot be understood.
    Broken(Broken),
    /// The object is gone, or was looked for by its name and is not there; always followed, also for
    /// one that was broken.
    Delete(ObjectId),
    /// These are all objects of the kind, or of the kind in a namespace; others are gone. Of the
    /// whole kind it counts as [`Event::Listed`].
    Reset {
        /// The kind.
        kind: Kind,
        /// The namespace; none: all of them.
        namespace: Option<Arc<str>>,
        /// All objects there.
        objects: Vec<Result<Object, Broken>>,
    },
    /// Every object of the kind that was there at the start has been told. Nothing is served
    /// and no status is written before this came for every kind.
    Listed(Kind),
    /// Whether the API server serves what it need not serve; until it is told, it does.
    Served {
        /// What.
        what: Optional,
        /// Whether it does.
        served: bool,
    },
}

impl Broken {
    /// `metadata.uid`
    pub fn uid(&self) -> Option<&str> {
        self.raw.pointer("/metadata/uid")?.as_str()
    }

    /// `metadata.generation`
    pub fn generation(&self) -> Option<i64> {
        self.raw.pointer("/metadata/generation")?.as_i64()
    }

    /// `spec.gatewayClassName` of a Gateway.
    pub fn gateway_class_name(&self) -> Option<&str> {
        self.raw.pointer("/spec/gatewayClassName")?.as_str()
    }

    /// `spec.parentRef` of a ListenerSet, if it can be understood.
    pub fn parent_gateway(&self) -> Option<ParentGatewayReference> {
        ParentGatewayReference::deserialize(self.raw.pointer("/spec/parentRef")?).ok()
    }

    /// `spec.controllerName` of a GatewayClass.
    pub fn controller_name(&self) -> Option<&str> {
        self.raw.pointer("/spec/controllerName")?.as_str()
    }

    /// Those of a route's `spec.parentRefs` that can be understood.
    pub fn parent_refs(&self) -> Vec<ParentReference> {
        self.understood("/spec/parentRefs")
    }

    /// Those of a policy's `spec.targetRefs` that can be understood.
    pub fn target_refs(&self) -> Vec<LocalPolicyTargetReferenceWithSectionName> {
        self.understood("/spec/targetRefs")
    }

    /// `metadata.creationTimestamp`
    pub fn created(&self) -> Option<Time> {
        serde_json::from_value(self.raw.pointer("/metadata/creationTimestamp")?.clone()).ok()
    }

    fn understood<T: DeserializeOwned>(&self, list: &str) -> Vec<T> {
        let list = self.raw.pointer(list).and_then(Value::as_array);
        list.into_iter().flatten().filter_map(|item| T::deserialize(item).ok()).collect()
    }

    /// All problems in one sentence.
    pub fn message(&self) -> String {
        self.problems.join("; ")
    }
}
