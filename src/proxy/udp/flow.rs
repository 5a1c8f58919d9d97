//! The way to one endpoint, and how it is found.

use super::socket;
use crate::model::Reason;
use crate::proxy::request::pick;
use crate::proxy::stream::find;
use crate::proxy::worker::Worker;
use crate::table::{Listener, Rule, Table, Target};
use crate::telemetry::DatagramDrop;
use crate::upstream::{InFlight, Slot, Upstream};
use std::cell::Cell;
use std::rc::Rc;
use std::sync::Arc;
use tokio::net::UdpSocket;
use tokio::task::AbortHandle;

/// Endpoints of which the socket cannot even be connected are passed over, this many at most.
const TRIES: usize = 3;

/// A socket that is connected to an endpoint. Dropping it ends the task that takes its replies.
pub(super) struct Flow {
    pub(super) socket: Rc<UdpSocket>,
    pub(super) upstream: Arc<Upstream>,
    pub(super) in_flight: InFlight,
    pub(super) replies: Option<AbortHandle>,
    slot: Slot,
    /// The version of the table by which it was right last.
    checked: Cell<u64>,
}

/// What a table has for the datagrams of a socket.
pub(super) struct Way<'a> {
    pub(super) listener: &'a Arc<Listener>,
    pub(super) rule: &'a Arc<Rule>,
}

impl Drop for Flow {
    fn drop(&mut self) {
        if let Some(replies) = &self.replies {
            replies.abort();
        }
    }
}

impl<'a> Way<'a> {
    pub(super) fn of(listener: &'a Arc<Listener>) -> Option<Self> {
        Some(Self { listener, rule: find(listener, None)? })
    }

    fn leads_to(&self, slot: Slot) -> bool {
        self.rule.backends.iter().any(|backend| backend.target == Target::Upstream(slot))
    }
}

impl Flow {
    /// Connects to an endpoint of the backend whose turn it is; rather not to those in `tried`.
    pub(super) fn open(
        worker: &Worker,
        table: &Table,
        way: &Way<'_>,
        tried: &mut Vec<u64>,
    ) -> Result<Self, DatagramDrop> {
        let backend = pick(worker, way.rule).map_err(dropped)?;
        let slot = match backend.target {
            Target::Upstream(slot) => slot,
            Target::Broken(reason) => return Err(dropped(reason)),
        };
        let upstream = table.upstreams.get(slot).ok_or(DatagramDrop::NoReadyTargets)?;
        for _ in 0..TRIES {
            let pick = upstream.pick(&mut worker.splits.borrow_mut(), tried).map_err(dropped)?;
            upstream.metrics.attempts.increment();
            match socket::connect(pick.endpoint.address) {
                Ok(socket) => {
                    upstream.metrics.connections.increment();
                    return Ok(Self {
                        socket: Rc::new(socket),
                        upstream: upstream.clone(),
                        in_flight: InFlight::new(pick.endpoint),
                        replies: None,
                        slot,
                        checked: Cell::new(table.version),
                    });
                }
                Err(error) => {
                    upstream.metrics.connect_failures.increment();
                    tracing::debug!(upstream = %upstream.label, endpoint = %pick.endpoint.label, %error, "no socket");
                    tried.push(pick.endpoint.id);
                }
            }
        }
        Err(DatagramDrop::NoSocket)
    }

    /// Whether the endpoint still gets datagrams, and the listener's route still leads there: by which
    /// weight does not matter.
    pub(super) fn is_right(&self, table: &Table, way: &Way<'_>) -> bool {
        if self.checked.get() != table.version {
            if !way.leads_to(self.slot) {
                return false;
            }
            self.checked.set(table.version);
        }
        !self.in_flight.endpoint().has_left()
    }
}

fn dropped(reason: Reason) -> DatagramDrop {
    match reason {
        Reason::NoRoute => DatagramDrop::NoRoute,
        Reason::NoReadyTargets | Reason::ForbiddenTarget => DatagramDrop::NoReadyTargets,
        _ => DatagramDrop::NoBackend,
    }
}
