//! What Gateways tell of their requests.

use super::{Attachments, Changes};
use crate::api::{Kind, ObjectId};
use crate::attach::backends::Known;
use crate::attach::grants::References;
use crate::attach::telemetry::{self, Context};
use crate::index::Index;
use crate::model::{self, ObjectKey};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// What each Gateway does, and by which policy.
pub(super) type Tracing = BTreeMap<ObjectKey, (ObjectKey, Arc<model::Tracing>)>;

impl Attachments {
    /// How a Gateway's requests become spans, if they do.
    pub fn tracing(&self, gateway: &ObjectKey) -> Option<&Arc<model::Tracing>> {
        self.tracing.get(gateway).map(|(_, tracing)| tracing)
    }

    /// Looks at policies again, and at those that refer to an Upstream or XBackend that changed; returns them, and
    /// those that hold now or did before on the Gateways that changed.
    pub(super) fn update_telemetry(
        &mut self,
        index: &Index,
        mut dirty: BTreeSet<ObjectKey>,
        changes: &mut Changes,
    ) -> BTreeSet<ObjectId> {
        let upstreams =
            changes.objects.iter().filter(|id| matches!(id.kind, Kind::Upstream | Kind::XBackend));
        dirty.extend(telemetry::concerned(index, upstreams.cloned()));
        let references = References { index, options: &self.options };
        let context = Context {
            references,
            known: Known { upstreams: &self.upstreams, xbackends: &self.xbackends.found },
        };
        let touched = self.telemetry.judge(index, dirty.iter(), |key| telemetry::judge(context, key));
        let changed = changes.of(Kind::Gateway).cloned();
        let touched = touched.objects.into_iter().filter(|id| id.kind == Kind::Gateway).map(|id| id.key);
        for gateway in changed.chain(touched).collect::<BTreeSet<_>>() {
            let is_ours = self.gateways.contains_key(&gateway);
            let now = self.telemetry.of_gateway(index, &gateway).filter(|_| is_ours);
            let before = self.tracing.get(&gateway);
            if before.map(|(policy, tracing)| (policy, &**tracing))
                == now.as_ref().map(|(policy, tracing)| (policy, tracing))
            {
                continue;
            }
            dirty.extend(before.map(|(policy, _)| policy.clone()));
            dirty.extend(now.as_ref().map(|(policy, _)| policy.clone()));
            match now {
                Some((policy, tracing)) => {
                    drop(self.tracing.insert(gateway.clone(), (policy, Arc::new(tracing))));
                }
                None => drop(self.tracing.remove(&gateway)),
            }
            changes.add(Kind::Gateway, &gateway);
        }
        dirty.into_iter().map(|key| ObjectId { kind: Kind::XTelemetryPolicy, key }).collect()
    }
}

/// The Gateways for which a policy holds.
pub(super) fn traced_by(tracing: &Tracing, policy: &ObjectKey) -> BTreeSet<ObjectKey> {
    let traced = tracing.iter().filter(|(_, (by, _))| by == policy);
    traced.map(|(gateway, _)| gateway.clone()).collect()
}
