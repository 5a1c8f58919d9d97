//! Tidegate itself, all of `tidegate serve`, on a thread of this process.

use super::backend::Backend;
use super::manifests::{documents, http_gateway, route, route_to, service};
use super::raw::{Answer, ask};
use clap::Parser;
use std::cell::Cell;
use std::io::ErrorKind;
use std::net::{IpAddr, Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::path::Path;
use std::process::ExitCode;
use std::thread::JoinHandle;
use std::time::{Duration, Instant};
use tempfile::TempDir;
use tidegate::cli::serve;
use tokio::sync::mpsc;

/// For anything that is waited for; on a busy machine it may take a while.
const PATIENCE: Duration = Duration::from_secs(30);

/// What a test sets differently from the defaults.
#[derive(Clone, Debug)]
pub struct Options {
    pub workers: usize,
    /// CIDRs whose `X-Forwarded-*` is believed.
    pub trusted: Vec<String>,
    pub drain_min: Duration,
    pub drain_max: Duration,
    /// More flags.
    pub flags: Vec<String>,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            workers: 2,
            trusted: Vec::new(),
            drain_min: Duration::ZERO,
            drain_max: Duration::from_secs(5),
            flags: Vec::new(),
        }
    }
}

/// A running Tidegate with an address of its own; dropping it ends it at once.
pub struct Tidegate {
    directory: TempDir,
    address: Ipv4Addr,
    /// Keeps the address.
    _claim: TcpListener,
    signals: mpsc::Sender<u8>,
    thread: Option<JoinHandle<Result<ExitCode, String>>>,
    /// How many objects were written to see how far it is.
    markers: Cell<u64>,
    stopping: Cell<Option<Instant>>,
}

#[derive(Parser)]
struct Command {
    #[command(flatten)]
    args: serve::Args,
}

/// An address of 127.0.0.0/8 that no other test has, of whatever program, as long as the listener
/// lives. Linux takes all of them for loopback, so every Gateway may listen on the same port.
fn unique_address() -> (Ipv4Addr, TcpListener) {
    // Nobody else listens there.
    const CLAIM: u16 = 65535;
    loop {
        // Not 127.0.0.0/16, where backends and the tests of other programs listen.
        let address = Ipv4Addr::new(127, fastrand::u8(1..=254), fastrand::u8(..), fastrand::u8(1..=254));
        match TcpListener::bind((address, CLAIM)) {
            Ok(claim) => return (address, claim),
            Err(error) if error.kind() == ErrorKind::AddrInUse => {}
            Err(error) => panic!("no address for a test: {error}"),
        }
    }
}

impl Tidegate {
    /// Starts on those files, in which `$ADDRESS` stands for its address, and waits until they
    /// are served.
    #[track_caller]
    pub fn start(files: &[(&str, String)]) -> Self {
        Self::start_with(Options::default(), files)
    }

    #[track_caller]
    pub fn start_with(options: Options, files: &[(&str, String)]) -> Self {
        let directory = TempDir::new().unwrap();
        let (address, claim) = unique_address();
        for (name, text) in files {
            write(directory.path(), name, &text.replace("$ADDRESS", &address.to_string()));
        }
        let Command { args } = Command::parse_from(options.command_line(directory.path(), address));
        let (signals, received) = mpsc::channel(2);
        let thread = std::thread::Builder::new().name("tidegate".into()).spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
            runtime.block_on(serve::serve(&args, received))
        });
        let tidegate = Self {
            directory,
            address,
            _claim: claim,
            signals,
            thread: Some(thread.unwrap()),
            markers: Cell::new(0),
            stopping: Cell::new(None),
        };
        tidegate.wait_until("listens", || TcpStream::connect(tidegate.address(9901)).is_ok());
        tidegate.wait_until_served();
        tidegate
    }

    /// In front of one backend, for every host and path.
    #[track_caller]
    pub fn in_front_of(backend: &Backend) -> Self {
        Self::start(&Self::files_in_front_of(backend))
    }

    pub fn files_in_front_of(backend: &Backend) -> [(&'static str, String); 1] {
        [("all.yaml", documents(&[http_gateway(), service("only", &[backend]), route_to("only")]))]
    }

    /// With one route for every host, of those rules; each backend is a Service of its name.
    #[track_caller]
    pub fn with_rules(backends: &[&Backend], rules: &str) -> Self {
        let mut texts = vec![http_gateway(), route("route", &[], rules)];
        texts.extend(backends.iter().map(|backend| service(backend.name(), &[backend])));
        Self::start(&[("all.yaml", documents(&texts))])
    }

    /// The address of a listener on that port.
    pub fn address(&self, port: u16) -> SocketAddr {
        (IpAddr::from(self.address), port).into()
    }

    /// The listener on port 8080.
    pub fn http(&self) -> SocketAddr {
        self.address(8080)
    }

    /// The listener on port 8443.
    pub fn https(&self) -> SocketAddr {
        self.address(8443)
    }

    /// What the health address says.
    #[track_caller]
    pub fn health(&self, path: &str) -> Answer {
        ask(self.address(9901), format!("GET {path} HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n"))
    }

    /// Writes those files anew, each by a rename, and waits until every worker serves them.
    #[track_caller]
    pub fn apply(&self, files: &[(&str, String)]) {
        for (name, text) in files {
            write(self.directory.path(), name, &text.replace("$ADDRESS", &self.address.to_string()));
        }
        self.wait_until_served();
    }

    /// Deletes those files, and waits until no worker serves them any more.
    #[track_caller]
    pub fn remove(&self, names: &[&str]) {
        for name in names {
            std::fs::remove_file(self.directory.path().join(name)).unwrap();
        }
        self.wait_until_served();
    }

    /// Changes are told in their order, and so are removals, which come later as a moved object is
    /// none. Once every worker is at an object that was written last and has lost the one that was
    /// removed last, it is also at all that was done before.
    #[track_caller]
    fn wait_until_served(&self) {
        let number = self.markers.get();
        self.markers.set(number + 1);
        let marker = format!(
            "apiVersion: gateway.networking.k8s.io/v1
kind: GatewayClass
metadata: {{name: marker-{number}}}
spec: {{controllerName: tidegate.dev/gateway-controller}}
"
        );
        write(self.directory.path(), "marker.yaml", &marker);
        let marker = |number: u64| format!("GatewayClass marker-{number}");
        self.wait_until("serves what was written", || {
            let served = &self.health("/served").json()["objects"];
            !served[marker(number)].is_null() && (number == 0 || served[marker(number - 1)].is_null())
        });
    }

    /// Waits for something that it does by itself.
    #[track_caller]
    pub fn wait_until(&self, what: &str, done: impl Fn() -> bool) {
        let limit = Instant::now() + PATIENCE;
        while !done() {
            assert!(!self.thread.as_ref().is_some_and(JoinHandle::is_finished), "tidegate has ended");
            assert!(Instant::now() < limit, "waited in vain until tidegate {what}");
            std::thread::sleep(Duration::from_millis(1));
        }
    }

    /// Asks it to stop as SIGTERM does, and does not wait.
    pub fn begin_to_stop(&self) {
        self.stopping.set(Some(Instant::now()));
        self.signals.blocking_send(143).unwrap();
    }

    /// Waits until it has stopped; returns how long that took since it was asked.
    #[track_caller]
    pub fn wait_until_stopped(mut self) -> Duration {
        let asked = self.stopping.get().expect("it was asked to stop");
        let ended = self.thread.take().unwrap().join().unwrap();
        assert_eq!(ended, Ok(ExitCode::SUCCESS));
        asked.elapsed()
    }
}

impl Options {
    fn command_line(&self, directory: &Path, address: Ipv4Addr) -> Vec<String> {
        let mut line = vec!["tidegate".to_owned()];
        let mut add = |flag: &str, value: String| line.push(format!("--{flag}={value}"));
        add("source", directory.display().to_string());
        add("health-address", format!("{address}:9901"));
        add("admin-address", format!("{address}:9902"));
        add("workers", self.workers.to_string());
        add("drain-min", format!("{}ms", self.drain_min.as_millis()));
        add("drain-max", format!("{}ms", self.drain_max.as_millis()));
        self.trusted.iter().for_each(|cidr| add("trusted-cidr", cidr.clone()));
        line.extend(self.flags.iter().cloned());
        line
    }
}

/// Writes a file as an editor does: beside it, then over it.
fn write(directory: &Path, name: &str, text: &str) {
    let new = directory.join(format!(".{name}.new"));
    std::fs::write(&new, text).unwrap();
    std::fs::rename(&new, directory.join(name)).unwrap();
}

impl Drop for Tidegate {
    fn drop(&mut self) {
        let Some(thread) = self.thread.take() else { return };
        // The second one ends it without a drain.
        for _ in 0..2 {
            let _ = self.signals.try_send(143);
        }
        let _ = thread.join();
    }
}
