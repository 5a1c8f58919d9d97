//! The data plane's immutable lookup structure: socket → listener → host → first matching rule.
//!
//! A [`Builder`] turns each [`crate::model::Delta`] into the next [`Table`]. It makes anew only
//! what the delta touches (one host of one listener; nothing at all for endpoints) and shares the
//! rest with the table before.
//!
//! ```text
//! Table ── Bind (socket) ── Listener (by host or SNI) ── Bucket (by the route's own hostname) ── Rule
//! ```

mod auth;
mod bucket;
mod builder;
mod compile;
mod conditions;
mod cors;
mod filter;
mod hosts;
mod listener;
mod query;
mod rule;
mod session;
mod tracing;

pub use auth::{AuthProtocol, ExternalAuth};
pub use builder::Builder;
pub use conditions::Request;
pub use cors::{Allowed, Cors};
pub use filter::{Filters, HeaderEdit, Host, Mirror, Redirect, Rewrite};
pub use listener::{Belonging, Bind, Found, Listener};
pub use rule::{Backend, Match, Rule, Target};
pub use session::{Carrier, SessionPersistence};
pub use tracing::{Attribute, AttributeValue, Tracing};

use crate::model::BindAddress;
use crate::upstream::Upstreams;
use std::collections::{HashMap, HashSet};
use std::sync::Arc;

/// All that is served, as of one version.
#[derive(Clone, Debug, Default)]
pub struct Table {
    /// The version of the delta that made it; 0 before the first.
    pub version: u64,
    /// The upstreams that the rules point at.
    pub upstreams: Upstreams,
    binds: Arc<HashMap<BindAddress, Arc<Bind>>>,
    splits: Arc<HashSet<u64>>,
}

impl Table {
    /// What is served on a socket.
    pub fn bind(&self, address: BindAddress) -> Option<&Arc<Bind>> {
        self.binds.get(&address)
    }

    /// All sockets that have to be listened on, in no order.
    pub fn binds(&self) -> impl Iterator<Item = &Arc<Bind>> {
        self.binds.values()
    }

    /// Whether a split with this identity belongs to a rule or an upstream of this version.
    pub fn has_split(&self, id: u64) -> bool {
        self.splits.contains(&id) || self.upstreams.has_split(id)
    }
}

#[cfg(test)]
mod oracle;
#[cfg(test)]
mod testing;
#[cfg(test)]
mod tests;
