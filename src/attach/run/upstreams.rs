//! Upstreams and XBackends among all decisions.

use super::{Attachments, Changes, replace};
use crate::api::{Kind, ObjectId};
use crate::attach::grants::References;
use crate::attach::policies::Touched;
use crate::attach::upstream::{self, Upstream};
use crate::attach::xbackend::XBackend;
use crate::index::{Dependency, Index};
use crate::model::ObjectKey;
use std::collections::{BTreeMap, BTreeSet};

impl Attachments {
    /// All XBackends.
    pub fn xbackends(&self) -> &BTreeMap<ObjectKey, XBackend> {
        &self.xbackends.found
    }

    /// Returns what refers to an Upstream of which it changed whether it can be used at all.
    pub(super) fn update_upstreams(
        &mut self,
        index: &Index,
        dirty: &BTreeSet<ObjectKey>,
        changes: &mut Changes,
    ) -> BTreeSet<ObjectId> {
        let references = References { index, options: &self.options };
        let mut referring = BTreeSet::new();
        for key in dirty {
            changes.work.upstreams += 1;
            let judged = upstream::judge(references, self.backend_policies(), key);
            let after = usable(judged.as_ref());
            if let Some(before) = replace(&mut self.upstreams, key, judged) {
                changes.add(Kind::Upstream, key);
                if usable(before.as_ref()) != after {
                    let id = ObjectId { kind: Kind::Upstream, key: key.clone() };
                    referring.extend(index.referrers(&Dependency::Object(id)).cloned());
                }
            }
        }
        referring
    }

    /// Returns what refers to an XBackend of which it sees something else: whether it can be used at all, its
    /// protocol, or the sessions that it asks for.
    pub(super) fn update_xbackends<'a>(
        &mut self,
        index: &Index,
        dirty: impl Iterator<Item = &'a ObjectKey>,
        changes: &mut Changes,
    ) -> BTreeSet<ObjectId> {
        let references = (References { index, options: &self.options }, &self.backend_traffic);
        let touched = self.xbackends.judge(references, &mut self.bundles, &mut self.certificates, dirty);
        touched.changed.iter().for_each(|key| changes.add(Kind::XBackend, key));
        let seen = touched.seen.into_iter().map(|key| ObjectId { kind: Kind::XBackend, key });
        seen.flat_map(|id| index.referrers(&Dependency::Object(id)).cloned().collect::<Vec<_>>()).collect()
    }
}

/// What has to be told anew where policies say something else of Services and Upstreams.
pub(super) fn follow_policies(
    index: &Index,
    touched: Touched,
    upstreams: &mut BTreeSet<ObjectKey>,
    changes: &mut Changes,
) {
    for object in touched.objects {
        let referring = index.referrers_of_kind(&Dependency::Object(object.clone()), Kind::Upstream);
        upstreams.extend(referring.map(|id| id.key.clone()));
        match object.kind {
            Kind::Service => drop(changes.services.insert(object.key)),
            Kind::Upstream => drop(upstreams.insert(object.key)),
            _ => {}
        }
    }
}

/// All that routes see of an Upstream: its message is theirs while it cannot be used.
fn usable(upstream: Option<&Upstream>) -> Option<Result<(), String>> {
    upstream.map(|upstream| match &upstream.served {
        Some(_) => Ok(()),
        None => Err(upstream.accepted.message.clone()),
    })
}
