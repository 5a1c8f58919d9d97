//! `tidegate serve`: traffic, as a directory of manifests or a cluster says.

mod cluster;
mod descriptors;
mod drain;
mod limits;
mod logging;

use super::units::Time;
use crate::admin::{self, Socket};
use crate::attach::Options as Decisions;
use crate::control::{Control, End, View, pipeline};
use crate::discovery::{Discovery, EndpointSink};
use crate::model::BindAddress;
use crate::proxy::{self, Proxy};
use crate::source::{self, Source};
use crate::support::drain as drain_phases;
use crate::telemetry::{AccessLog, Metrics, Mode, Output};
use crate::tls::ClientConfigs;
use cluster::Member;
use ipnet::IpNet;
use std::net::SocketAddr;
use std::num::NonZeroUsize;
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::{mpsc, oneshot};

/// A part of the process hangs or broke: started anew, it works again.
const EXIT_DEFECT: u8 = 70;

/// For the last lines of the access log.
const LAST_LINES: Duration = Duration::from_secs(2);

/// What `tidegate serve` is told on the command line.
#[derive(Clone, Debug, clap::Args)]
#[command(after_help = "Exit codes: 0 after a drain, 1 if it cannot start, 2 if the command line is wrong, \
    70 if a worker hangs, 130 or 143 if a second SIGINT or SIGTERM ends it at once.")]
pub struct Args {
    /// Directory tree of YAML manifests, whose changes are followed; without it, the cluster of
    /// this pod
    #[arg(long, value_name = "DIR")]
    source: Option<PathBuf>,
    /// Where /debug/config and /debug/status are answered
    #[arg(long, value_name = "ADDR", default_value = "127.0.0.1:9902")]
    admin_address: SocketAddr,
    /// Where /healthz, /readyz, /metrics and /served are answered
    #[arg(long, value_name = "ADDR", default_value = "0.0.0.0:9901")]
    health_address: SocketAddr,
    /// Threads that serve; as many as there are processors by default
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=1024))]
    workers: Option<u16>,
    /// Which requests get a line: off, full, or a share such as 0.01
    #[arg(long, value_name = "MODE", default_value_t = Mode::Off)]
    access_log: Mode,
    /// Where those lines go; the standard output by default
    #[arg(long, value_name = "FILE")]
    access_log_file: Option<PathBuf>,
    /// Network of proxies in front whose X-Forwarded-*, X-Request-Id and PROXY protocol are
    /// believed; may be given several times
    #[arg(long, value_name = "CIDR")]
    trusted_cidr: Vec<IpNet>,
    /// For which everything is still served after SIGTERM: at least until nobody sends new
    /// connections here any more
    #[arg(long, value_name = "TIME", default_value = "15s")]
    drain_min: Time,
    /// After which what is left is cut
    #[arg(long, value_name = "TIME", default_value = "60s")]
    drain_max: Time,
    /// How a line of the log looks
    #[arg(long, value_enum, default_value_t = logging::Format::Text)]
    log_format: logging::Format,
    /// What is logged: error, warn, info, debug or trace, also by part (info,tidegate::proxy=debug)
    #[arg(long, value_name = "LEVEL", default_value = "info", value_parser = logging::parse_filter)]
    log_level: String,
    #[command(flatten)]
    cluster: cluster::ClusterArgs,
    #[command(flatten)]
    limits: limits::LimitArgs,
}

/// Serves until a signal ends it.
pub(super) fn run(args: &Args) -> Result<ExitCode, String> {
    if args.drain_max < args.drain_min {
        return Err(format!("--drain-max {} is less than --drain-min {}", args.drain_max, args.drain_min));
    }
    logging::start(args.log_format, &args.log_level);
    logging::abort_on_panic();
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|error| format!("cannot start: {error}"))?;
    runtime.block_on(async { serve(args, signals()?).await })
}

/// Serves until a signal comes, given as the exit code that stands for it; then drains, and a
/// second signal ends it at once. All of the program but its log and its signals.
///
/// # Errors
/// What keeps it from starting, in words for the user.
pub async fn serve(args: &Args, signals: mpsc::Receiver<u8>) -> Result<ExitCode, String> {
    let health = Socket::open(args.health_address, "health and metrics", "--health-address").await;
    let health = health.map_err(|error| error.to_string())?;
    let debug = Socket::open(args.admin_address, "dumps", "--admin-address").await;
    let debug = debug.map_err(|error| error.to_string())?;
    let metrics = Metrics::new();
    let (source, decisions, member) = source(args, &metrics).await?;

    let output = args.access_log_file.clone().map_or(Output::Stdout, Output::File);
    let access_log = AccessLog::start(&output, metrics.clone())
        .map_err(|error| format!("cannot write the access log: {error}"))?;
    let (trigger, watch) = drain_phases::channel();
    let config = config(args, &decisions, &metrics)?;
    let workers = config.workers;
    let proxy = Proxy::start(config, &metrics, &access_log, &watch)
        .map_err(|error| format!("cannot start the workers: {error}"))?;
    let proxy = Arc::new(proxy);

    let options = pipeline::Options { decisions, acknowledgements: true };
    let control = Control::new(source, proxy.clone(), options, metrics.clone());
    let view = control.view();
    tracing::info!(
        version = env!("CARGO_PKG_VERSION"),
        workers,
        health = %args.health_address,
        admin = %args.admin_address,
        "serves {}",
        args.source.as_ref().map_or("this cluster".to_owned(), |source| format!("the manifests in {}", source.display()))
    );
    let mut tasks = vec![
        tokio::spawn(admin::serve_health(health, view.clone(), metrics)),
        tokio::spawn(admin::serve_debug(debug, view.clone())),
        tokio::spawn(discover(proxy)),
    ];
    let (stop, stopped) = oneshot::channel();
    let (control, election) = match member {
        None => (control, None),
        Some(member) => {
            let (control, election, writers) = member.write(control, stopped);
            tasks.extend(writers);
            (control, Some(election))
        }
    };
    let code = until_ended(args, control, &view, trigger, signals, stop).await;
    if let Some(election) = election {
        let _ = election.await;
    }
    // The access log ends with the last worker, a worker with the last holder of the proxy.
    drop(view);
    for task in tasks {
        task.abort();
        let _ = task.await;
    }
    if code.is_ok() && !access_log.close(LAST_LINES) {
        tracing::warn!("the last lines of the access log are lost: its output does not take them");
    }
    code
}

fn config(args: &Args, decisions: &Decisions, metrics: &Metrics) -> Result<proxy::Config, String> {
    let limit = descriptors::raise().map_err(|error| format!("cannot raise RLIMIT_NOFILE: {error}"))?;
    tracing::info!(limit, "files that may be open");
    metrics.process().open_files_limit.set(limit);
    let workers = match args.workers {
        Some(workers) => usize::from(workers),
        None => std::thread::available_parallelism().map_or(1, NonZeroUsize::get),
    };
    Ok(proxy::Config {
        workers,
        limits: args.limits.limits(),
        trusted: args.trusted_cidr.clone(),
        access_log: args.access_log,
        targets: decisions.targets.clone(),
        reserved: [args.admin_address, args.health_address].map(BindAddress::tcp).into(),
        tls: ClientConfigs::system(),
        session_secret: decisions.installation().to_owned(),
        max_listening_sockets: descriptors::listening_sockets(limit),
        max_connections_per_worker: descriptors::connections_per_worker(limit, workers),
        max_udp_sessions_per_worker: descriptors::sessions_per_worker(limit, workers),
    })
}

/// What is served, and this process's place in the cluster if there is one.
async fn source(args: &Args, metrics: &Arc<Metrics>) -> Result<(Source, Decisions, Option<Member>), String> {
    match &args.source {
        Some(directory) => {
            let source = source::follow(directory).await;
            let source = source
                .map_err(|error| format!("cannot read the manifests in {}: {error}", directory.display()))?;
            Ok((source, Decisions::standalone(), None))
        }
        None => {
            let member = Member::new(&args.cluster, metrics.clone()).await?;
            Ok((member.source(), member.decisions(), Some(member)))
        }
    }
}

/// `stop` is dropped once another replica is to lead.
async fn until_ended(
    args: &Args,
    control: Control,
    view: &View,
    mut trigger: drain_phases::Trigger,
    mut signals: mpsc::Receiver<u8>,
    stop: oneshot::Sender<()>,
) -> Result<ExitCode, String> {
    // Goes on during the drain: endpoints still leave, and Gateways are still edited.
    let mut control = std::pin::pin!(control.run());
    tokio::select! {
        end = &mut control => return ended(end),
        code = next(&mut signals) => tracing::info!(signal = code - 128, "draining; another signal ends it at once"),
    }
    view.begin_drain();
    drop(stop);
    tokio::select! {
        end = &mut control => ended(end),
        code = next(&mut signals) => {
            tracing::warn!("ended at once by a second signal");
            Ok(ExitCode::from(code))
        }
        outcome = drain::run(&mut trigger, args.drain_min.0, args.drain_max.0) => {
            match outcome {
                drain::Outcome::Complete => tracing::info!("drained"),
                drain::Outcome::Cut => tracing::warn!("drained; what did not end by itself was cut"),
            }
            Ok(ExitCode::SUCCESS)
        }
    }
}

fn ended(end: End) -> Result<ExitCode, String> {
    match end {
        End::CannotListen(addresses) => {
            let lines: Vec<_> = addresses
                .iter()
                .map(|(address, failure)| format!("cannot listen on {address}: {}", failure.why))
                .collect();
            Err(format!(
                "{}\nStop what listens there (another tidegate?), or change the port or spec.addresses of the \
                 Gateway.",
                lines.join("\n")
            ))
        }
        End::WorkerLost(name) => {
            tracing::error!("{name} hangs; ending the process, so that it is started anew");
            Ok(ExitCode::from(EXIT_DEFECT))
        }
    }
}

/// Keeps the names of upstreams resolved.
async fn discover(proxy: Arc<Proxy>) {
    struct Sink(Arc<Proxy>);
    impl EndpointSink for Sink {
        fn resolved(&self, host: &Arc<str>, port: u16, addresses: Vec<SocketAddr>) {
            self.0.resolved(host, port, addresses);
        }
    }
    let mut names = proxy.names();
    let mut discovery = Discovery::system(Arc::new(Sink(proxy)));
    loop {
        let wanted = names.borrow_and_update().clone();
        discovery.watch(&wanted);
        if names.changed().await.is_err() {
            return;
        }
    }
}

/// SIGTERM and SIGINT, as the exit codes that stand for them.
fn signals() -> Result<mpsc::Receiver<u8>, String> {
    let (sender, signals) = mpsc::channel(1);
    for (kind, code) in [(SignalKind::terminate(), 143), (SignalKind::interrupt(), 130)] {
        let mut signal = signal(kind).map_err(|error| format!("cannot wait for signals: {error}"))?;
        let sender = sender.clone();
        tokio::spawn(
            async move { while signal.recv().await.is_some() && sender.send(code).await.is_ok() {} },
        );
    }
    Ok(signals)
}

/// The next signal. Whoever can give none any more wants it to go on.
async fn next(signals: &mut mpsc::Receiver<u8>) -> u8 {
    match signals.recv().await {
        Some(code) => code,
        None => std::future::pending().await,
    }
}
