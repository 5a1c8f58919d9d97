//! What an API server need not serve, though the rest of the API is there.

use super::Kind;

/// One thing that is there or is not, by what the API server says of itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Optional {
    /// A kind.
    Kind(Kind),
    /// A field of a kind by its path, as `spec.listeners[].name`.
    Field(Kind, &'static str),
}

impl Optional {
    /// Kubernetes serves them from 1.37 on, or where they are switched on.
    pub const TRUST_BUNDLES: Self = Self::Kind(Kind::ClusterTrustBundle);

    /// Only in the experimental channel.
    pub const ADDRESS_ROUTABILITY: Self = Self::Field(Kind::Gateway, "spec.addresses[].routability");

    /// Only in the experimental channel.
    pub const LISTENER_FILTERS: Self = Self::Field(Kind::Gateway, "spec.listeners[].filters");

    /// The fields among them.
    pub const FIELDS: [Self; 2] = [Self::ADDRESS_ROUTABILITY, Self::LISTENER_FILTERS];
}
