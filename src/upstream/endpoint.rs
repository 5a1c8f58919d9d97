//! One address that requests are sent to, as all workers share it.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};

/// Live state of an endpoint. The same object stands in every version of its upstream.
#[derive(Debug)]
pub struct Endpoint {
    /// Never given twice in the life of the process.
    pub id: u64,
    /// Where to connect.
    pub address: SocketAddr,
    /// The address as the access log writes it.
    pub label: Box<str>,
    in_flight: AtomicU32,
    left: AtomicBool,
}

impl Endpoint {
    pub(super) fn new(id: u64, address: SocketAddr) -> Self {
        Self {
            id,
            address,
            label: address.to_string().into(),
            in_flight: AtomicU32::new(0),
            left: AtomicBool::new(false),
        }
    }

    /// Requests that wait for this endpoint's answer or its end, over all workers.
    pub fn in_flight(&self) -> u32 {
        self.in_flight.load(Ordering::Relaxed)
    }

    /// Whether it gets no new requests any more, so that its idle connections are of no use.
    pub fn has_left(&self) -> bool {
        self.left.load(Ordering::Relaxed)
    }

    pub(super) fn set_left(&self, left: bool) {
        self.left.store(left, Ordering::Relaxed);
    }
}

/// Counts a request as in flight at an endpoint until it is dropped.
#[derive(Debug)]
pub struct InFlight(Arc<Endpoint>);

impl InFlight {
    /// Counts one more request.
    pub fn new(endpoint: &Arc<Endpoint>) -> Self {
        endpoint.in_flight.fetch_add(1, Ordering::Relaxed);
        Self(endpoint.clone())
    }

    /// The endpoint.
    pub fn endpoint(&self) -> &Arc<Endpoint> {
        &self.0
    }
}

impl Drop for InFlight {
    fn drop(&mut self) {
        self.0.in_flight.fetch_sub(1, Ordering::Relaxed);
    }
}
