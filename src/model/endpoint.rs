//! The pods behind a Service port.

use super::EndpointsKey;
use serde::{Deserialize, Serialize};
use std::net::SocketAddr;
use std::sync::Arc;

/// One address of an EndpointSlice, with its conditions.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Endpoint {
    /// Address and target port.
    pub address: SocketAddr,
    /// Gets new requests.
    pub ready: bool,
    /// Can still answer: used while terminating if no endpoint is ready.
    pub serving: bool,
    /// Is going away.
    pub terminating: bool,
    /// The topology zone.
    pub zone: Option<Arc<str>>,
}

/// All endpoints of one Service port, over all of its slices, without doubles.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Endpoints {
    /// Whose they are.
    pub key: EndpointsKey,
    /// In the order of their addresses.
    pub endpoints: Vec<Endpoint>,
}
