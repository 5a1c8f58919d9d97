//! Connections, requests and answers.
//!
//! N workers, each a thread with a runtime of its own: its own listening sockets, connections,
//! pools and timers. Nothing on a request's way is locked or shared but the counters and the
//! endpoints' atomics. What the workers serve comes as whole versions ([`Proxy::publish`]), and
//! each says when it serves one.

mod activity;
mod answer;
mod auth;
mod client_stream;
mod coalesce;
mod connection;
mod cors;
mod filters;
mod forward;
mod headers;
mod limits;
mod listen;
mod mirror;
mod proxy_protocol;
mod publish;
mod record;
mod request;
mod request_body;
mod response_body;
mod rpc;
mod screen;
mod session;
mod settings;
mod stream;
mod stream_record;
mod trace;
mod udp;
mod upgrade;
mod worker;

pub use limits::Limits;
pub use publish::{BindFailure, BindFailures};
pub use session::{Session, Tokens};

use crate::model::{BindAddress, Delta, ProxyProtocol};
use crate::support::drain::Watch;
use crate::support::forbidden::TargetPolicy;
use crate::table::Builder;
use crate::telemetry::{AccessLog, Metrics, Mode};
use crate::tls::ClientConfigs;
use crate::upstream::{Connector, Registry};
use ipnet::IpNet;
use publish::Publisher;
use settings::Settings;
use std::collections::HashSet;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;
use tokio::runtime::{Builder as RuntimeBuilder, LocalOptions};
use tokio::sync::watch;
use worker::{Setup, Status};

/// What the data plane is started with.
#[derive(Debug)]
pub struct Config {
    /// Threads that serve; at least 1.
    pub workers: usize,
    /// Limits and timeouts; those for clients where a listener has no others.
    pub limits: Limits,
    /// Proxies in front whose `X-Forwarded-*`, `X-Request-Id` and PROXY protocol are believed,
    /// where a listener has no others.
    pub trusted: Vec<IpNet>,
    /// Which requests get a line in the access log, where a listener says nothing else.
    pub access_log: Mode,
    /// Which targets may be connected to.
    pub targets: TargetPolicy,
    /// Addresses that other parts of the process listen on: no targets.
    pub reserved: Vec<BindAddress>,
    /// Authorities for TLS targets.
    pub tls: ClientConfigs,
    /// What tokens of sessions are sealed with: all replicas have the same, also after a restart.
    pub session_secret: String,
    /// Connections of clients that one worker holds; more wait in the kernel's queue.
    pub max_connections_per_worker: usize,
    /// Sessions of UDP clients that one worker holds; datagrams of more clients are dropped.
    pub max_udp_sessions_per_worker: usize,
    /// Listening sockets over all workers; addresses beyond it are not listened on.
    pub max_listening_sockets: usize,
}

/// The data plane. The workers end when it is dropped.
pub struct Proxy {
    publisher: Publisher,
    workers: Vec<Arc<Status>>,
}

/// A worker, as readiness looks at it.
#[derive(Clone, Debug)]
pub struct WorkerState {
    /// The thread's name.
    pub name: String,
    /// Since the last time that it was not busy or hanging.
    pub since_tick: Duration,
    /// The version that it serves.
    pub version: u64,
}

impl Proxy {
    /// Starts the workers; they listen nowhere yet.
    ///
    /// # Errors
    /// A thread, a runtime or the key of sessions cannot be made.
    pub fn start(config: Config, metrics: &Arc<Metrics>, log: &AccessLog, drain: &Watch) -> io::Result<Self> {
        let registry = Registry::new(config.targets, config.tls, metrics.clone());
        let builder = Builder::new(registry, metrics.clone());
        let workers: Vec<Arc<Status>> = (0..config.workers.max(1))
            .map(|index| Arc::new(Status::new(format!("worker-{index}"))))
            .collect();
        let publisher =
            Publisher::new(builder, workers.clone(), config.reserved, config.max_listening_sockets);
        let tokens = Tokens::new(&config.session_secret).map_err(io::Error::other)?;
        let tokens = Arc::new(tokens);
        let connector = Connector::new(config.limits.backend_connect);
        metrics.process().workers.set(workers.len() as u64);
        let settings = Settings {
            limits: config.limits,
            trusted: config.trusted,
            proxy_protocol: ProxyProtocol::Off,
            access_log: config.access_log,
        };
        for status in &workers {
            let setup = Setup {
                settings: settings.clone(),
                metrics: metrics.clone(),
                log: log.worker(),
                connector,
                drain: drain.clone(),
                published: publisher.subscribe(),
                status: status.clone(),
                max_connections: config.max_connections_per_worker,
                tokens: tokens.clone(),
                max_udp_sessions: config.max_udp_sessions_per_worker,
            };
            start_worker(setup)?;
        }
        Ok(Self { publisher, workers })
    }

    /// Serves a delta: the workers get it as soon as they come round to it.
    pub fn publish(&self, delta: Delta) {
        self.publisher.publish(|builder| builder.apply(delta));
    }

    /// Takes what was found out about a name that an upstream has.
    pub fn resolved(&self, host: &Arc<str>, port: u16, addresses: Vec<SocketAddr>) {
        self.publisher
            .publish(|builder| builder.update_upstreams(|registry| registry.resolved(host, port, addresses)));
    }

    /// Tries addresses again that could not be listened on.
    pub fn retry_binds(&self) {
        self.publisher.publish(|builder| builder.update_upstreams(|_| {}));
    }

    /// The names that upstreams have, to be resolved.
    pub fn names(&self) -> watch::Receiver<HashSet<(Arc<str>, u16)>> {
        self.publisher.names()
    }

    /// The version that every worker serves.
    pub fn acknowledged(&self) -> watch::Receiver<u64> {
        self.publisher.acknowledged()
    }

    /// The addresses that cannot be listened on, and why.
    pub fn bind_failures(&self) -> watch::Receiver<BindFailures> {
        self.publisher.bind_failures()
    }

    /// How the workers are.
    pub fn workers(&self) -> Vec<WorkerState> {
        let state = |status: &Arc<Status>| WorkerState {
            name: status.name.clone(),
            since_tick: status.since_tick(),
            version: status.version(),
        };
        self.workers.iter().map(state).collect()
    }
}

fn start_worker(setup: Setup) -> io::Result<()> {
    let name = setup.status.name.clone();
    // Made here, so that a failure is an error of the start.
    let (failed, result) = std::sync::mpsc::channel();
    std::thread::Builder::new().name(name).spawn(move || {
        let runtime = RuntimeBuilder::new_current_thread().enable_all().build_local(LocalOptions::default());
        match runtime {
            Ok(runtime) => {
                drop(failed);
                runtime.block_on(worker::run(setup));
            }
            Err(error) => {
                let _ = failed.send(error);
            }
        }
    })?;
    result.recv().map_or(Ok(()), Err)
}
