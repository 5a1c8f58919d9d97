//! Endpoints from names: the DNS names of upstream entries, resolved again and again.

mod resolver;
mod schedule;

pub use resolver::{Answer, Lookup, LookupError, SystemResolver};

use schedule::Schedule;
use std::collections::{HashMap, HashSet};
use std::net::SocketAddr;
use std::sync::Arc;
use tokio::task::JoinHandle;

/// Takes what names stand for. Never called with an empty list: when a name cannot be resolved,
/// its last addresses go on to count.
pub trait EndpointSink: Send + Sync + 'static {
    /// The addresses of a name with its port, in their order, without doubles. Called with the
    /// first answer and with each that differs from the one before.
    fn resolved(&self, host: &Arc<str>, port: u16, addresses: Vec<SocketAddr>);
}

/// Keeps names resolved, each in a task of its own. Dropping it ends them all.
pub struct Discovery<L = SystemResolver> {
    lookup: Arc<L>,
    sink: Arc<dyn EndpointSink>,
    watched: HashMap<(Arc<str>, u16), JoinHandle<()>>,
}

impl Discovery {
    /// With the system's name servers and its hosts file.
    pub fn system(sink: Arc<dyn EndpointSink>) -> Self {
        Self::new(SystemResolver::default(), sink)
    }
}

impl<L: Lookup> Discovery<L> {
    /// With another way to look names up.
    pub fn new(lookup: L, sink: Arc<dyn EndpointSink>) -> Self {
        Self { lookup: Arc::new(lookup), sink, watched: HashMap::new() }
    }

    /// Makes this the set of names that are resolved: new ones are looked up at once, those that
    /// are not in it any more are left alone. To be called inside a tokio runtime.
    pub fn watch(&mut self, names: &HashSet<(Arc<str>, u16)>) {
        self.watched.retain(|name, task| {
            let wanted = names.contains(name);
            if !wanted {
                task.abort();
            }
            wanted
        });
        for (host, port) in names {
            self.watched.entry((host.clone(), *port)).or_insert_with(|| {
                let (lookup, sink) = (self.lookup.clone(), self.sink.clone());
                tokio::spawn(keep_resolved(lookup, sink, host.clone(), *port))
            });
        }
    }
}

impl<L> Drop for Discovery<L> {
    fn drop(&mut self) {
        self.watched.values().for_each(JoinHandle::abort);
    }
}

async fn keep_resolved<L: Lookup>(lookup: Arc<L>, sink: Arc<dyn EndpointSink>, host: Arc<str>, port: u16) {
    let mut schedule = Schedule::default();
    let mut known: Vec<SocketAddr> = Vec::new();
    loop {
        let pause = match lookup.lookup(&host).await {
            Ok(answer) => {
                let mut addresses: Vec<_> =
                    answer.addresses.into_iter().map(|ip| SocketAddr::new(ip, port)).collect();
                addresses.sort_unstable();
                addresses.dedup();
                if addresses != known {
                    tracing::info!(%host, port, ?addresses, "resolved");
                    known.clone_from(&addresses);
                    sink.resolved(&host, port, addresses);
                }
                schedule.after_answer(answer.ttl)
            }
            Err(error) => {
                if schedule.is_first_failure() {
                    let kept = known.len();
                    tracing::warn!(%host, port, %error, kept, "cannot be resolved; the last addresses are kept");
                }
                schedule.after_failure(fastrand::f64())
            }
        };
        tokio::time::sleep(pause).await;
    }
}

#[cfg(test)]
mod tests;
