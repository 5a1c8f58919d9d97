//! Live state of what requests are sent to: endpoints, balancing, pools, connecting.
//!
//! The [`Registry`] belongs to the thread that publishes; it turns the model's upstreams and
//! endpoints into immutable [`Upstreams`], in which the live objects ([`Endpoint`]) are the same
//! from one version to the next. Each worker keeps its own cursors ([`Splits`]) and connections
//! ([`Pool`]), keyed by identity, so that no change of configuration resets them.

mod budget;
mod connect;
mod endpoint;
mod http1;
mod pool;
mod readiness;
mod registry;
mod resolved;
mod split;
mod stream;

pub use crate::support::forbidden::TargetPolicy;
pub use connect::{ConnectError, Connected, Connector};
pub use endpoint::{Endpoint, InFlight};
pub use http1::{Http1, Http1Error, RequestHead, SendError};
pub use pool::{Http2, Line, Pool, PoolLimits, StreamGuard};
pub use registry::{Registry, Slot, Upstreams};
pub use resolved::{Entry, Pick, Speaks, Upstream, Wants};
pub use split::{Member, Split, Splits};
pub use stream::Stream;
