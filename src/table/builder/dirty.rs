//! What a delta touched.

use crate::model::{BindAddress, Hostname, ListenerKey};
use std::collections::{BTreeMap, BTreeSet, HashSet};

/// What has to be made anew at the end of a delta.
#[derive(Debug, Default)]
pub(super) struct Dirty {
    /// Hosts of listeners whose routes changed.
    pub(super) buckets: BTreeMap<ListenerKey, HashSet<Option<Hostname>>>,
    /// Listeners that changed themselves.
    pub(super) listeners: BTreeSet<ListenerKey>,
    /// Sockets that got or lost a listener, or have one that changed.
    pub(super) binds: BTreeSet<BindAddress>,
}
