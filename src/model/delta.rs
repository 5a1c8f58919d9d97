//! What changed, as the data plane is told.

use super::{
    Certificate, CertificateKey, Endpoints, EndpointsKey, Listener, ListenerKey, Route, RouteKey, Upstream,
    UpstreamKey,
};
use serde::{Deserialize, Serialize};

/// Changes that belong together: a worker applies all of them at once or none yet.
///
/// A reference may point at a resource that no delta brought (an upstream without endpoints, a
/// listener without its certificate): that part is then not served, and comes to life with a
/// later delta.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Delta {
    /// Grows by at least one with each delta.
    pub version: u64,
    /// New and changed resources, whole.
    pub upserts: Vec<Resource>,
    /// Resources that are gone; a key is never also among the upserts.
    pub removals: Vec<ResourceKey>,
}

/// Anything that a delta carries.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Resource {
    /// A listener.
    Listener(Listener),
    /// A route with its rules.
    Route(Route),
    /// An upstream with its entries.
    Upstream(Upstream),
    /// The endpoints of a Service port.
    Endpoints(Endpoints),
    /// A certificate with its key.
    Certificate(Certificate),
}

/// The identity of a [`Resource`].
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub enum ResourceKey {
    /// Of a listener.
    Listener(ListenerKey),
    /// Of a route.
    Route(RouteKey),
    /// Of an upstream.
    Upstream(UpstreamKey),
    /// Of a Service port's endpoints.
    Endpoints(EndpointsKey),
    /// Of a certificate.
    Certificate(CertificateKey),
}

impl Resource {
    /// Its identity.
    pub fn key(&self) -> ResourceKey {
        match self {
            Self::Listener(listener) => ResourceKey::Listener(listener.key.clone()),
            Self::Route(route) => ResourceKey::Route(route.key.clone()),
            Self::Upstream(upstream) => ResourceKey::Upstream(upstream.key.clone()),
            Self::Endpoints(endpoints) => ResourceKey::Endpoints(endpoints.key.clone()),
            Self::Certificate(certificate) => ResourceKey::Certificate(certificate.key.clone()),
        }
    }
}
