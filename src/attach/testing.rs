//! Manifests, judged.

use super::verdict::PolicyAccepted;
use super::{Attachments, Changes, Options};
use crate::api::Kind;
use crate::index::testing::{events, id, listed};
use crate::index::{Event, Index};

/// All that there is, and what is decided about it.
pub(super) struct World {
    pub(super) index: Index,
    pub(super) attachments: Attachments,
}

impl World {
    /// Without a cluster, with these objects from the start.
    pub(super) fn standalone(yaml: &str) -> Self {
        Self::new(Options::standalone(), yaml)
    }

    pub(super) fn new(options: Options, yaml: &str) -> Self {
        let mut world = Self { index: Index::default(), attachments: Attachments::new(options) };
        listed().for_each(|event| world.index.handle(event));
        world.apply(yaml);
        world
    }

    pub(super) fn apply(&mut self, yaml: &str) -> Changes {
        self.handle(events(yaml))
    }

    pub(super) fn delete(&mut self, kind: Kind, name: &str) -> Changes {
        self.handle([Event::Delete(id(kind, name))])
    }

    pub(super) fn handle(&mut self, events: impl IntoIterator<Item = Event>) -> Changes {
        events.into_iter().for_each(|event| self.index.handle(event));
        let dirty = self.index.take_dirty();
        self.attachments.update(&self.index, &dirty)
    }

    /// The Gateways that a policy is told about, with the verdicts.
    pub(super) fn ancestors(&self, kind: Kind, policy: &str) -> Vec<(String, PolicyAccepted)> {
        let policy = self.attachments.policy(&id(kind, policy)).unwrap();
        let told = policy.ancestors.iter();
        told.map(|one| (one.gateway.to_string(), one.accepted.reason)).collect()
    }
}
