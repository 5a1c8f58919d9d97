//! What the API server serves of that which it need not serve.

use super::Index;
use crate::api::{Kind, Optional};
use std::collections::BTreeSet;

impl Index {
    pub(super) fn served(&mut self, what: Optional, served: bool) {
        let changed = if served { self.unserved.remove(&what) } else { self.unserved.insert(what) };
        if !changed {
            return;
        }
        // They say what is supported.
        self.mark_all(Kind::GatewayClass);
        match what {
            Optional::Kind(kind) => {
                let referred: Vec<_> = self.referred(kind).cloned().collect();
                referred.iter().for_each(|id| self.mark_referrers(id));
            }
            Optional::Field(kind, _) => self.mark_all(kind),
        }
    }

    fn mark_all(&mut self, kind: Kind) {
        self.dirty.objects.extend(self.ids(kind).cloned().collect::<Vec<_>>());
    }

    /// What it does not serve.
    pub fn unserved(&self) -> &BTreeSet<Optional> {
        &self.unserved
    }

    /// Whether it serves this.
    pub fn is_served(&self, what: Optional) -> bool {
        !self.unserved.contains(&what)
    }
}
