//! A running `tidegate serve` on an address of its own.

use crate::common::backend::Backend;
use crate::common::raw::{self, Answer};
use serde_json::Value;
use std::fs::{self, File};
use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::sync::Mutex;
use std::sync::atomic::{AtomicU8, Ordering};
use std::time::{Duration, Instant};
use tempfile::TempDir;

/// Far longer than anything takes: only for what will never come.
const PATIENCE: Duration = Duration::from_secs(30);

pub(crate) struct Program {
    root: TempDir,
    log: PathBuf,
    ip: Ipv4Addr,
    child: Mutex<Child>,
}

/// Ports below 1024 stand for ones that need no right: 80 is 8080.
fn port(port: u16) -> u16 {
    if port < 1024 { port + 8000 } else { port }
}

/// A Gateway `web` with one HTTP listener. `HOST` is put in its place by [`Program::write`].
pub(crate) fn gateway(listener: u16) -> String {
    format!(
        "---\n{{apiVersion: gateway.networking.k8s.io/v1, kind: Gateway, metadata: {{name: web}}, spec: {{\
         gatewayClassName: tidegate, addresses: [{{value: HOST}}], \
         listeners: [{{name: http, port: {}, protocol: HTTP}}]}}}}\n",
        port(listener)
    )
}

/// A route `shop` that splits everything among the backends, each behind an Upstream of its name.
pub(crate) fn route_to(backends: &[(&Backend, u32)]) -> String {
    let mut text = String::new();
    for (backend, _) in backends {
        text.push_str(&format!(
            "---\n{{apiVersion: tidegate.dev/v1alpha1, kind: Upstream, metadata: {{name: {}}}, \
             spec: {{targets: [{{name: only, url: 'http://{}'}}]}}}}\n",
            backend.name(),
            backend.address()
        ));
    }
    let refs: Vec<_> = backends
        .iter()
        .map(|(backend, weight)| {
            format!("{{group: tidegate.dev, kind: Upstream, name: {}, weight: {weight}}}", backend.name())
        })
        .collect();
    text + &format!(
        "---\n{{apiVersion: gateway.networking.k8s.io/v1, kind: HTTPRoute, metadata: {{name: shop}}, \
         spec: {{parentRefs: [{{name: web}}], rules: [{{backendRefs: [{}]}}]}}}}\n",
        refs.join(", ")
    )
}

/// Runs a command to its end.
pub(crate) fn tidegate(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_tidegate")).args(arguments).stdin(Stdio::null()).output().unwrap()
}

impl Program {
    /// On a directory with these files, once it is ready.
    pub(crate) fn start(files: &[(&str, String)]) -> Self {
        Self::start_with(files, &[])
    }

    pub(crate) fn start_with(files: &[(&str, String)], arguments: &[&str]) -> Self {
        let write =
            |root: &Path| files.iter().for_each(|(path, text)| fs::write(root.join(path), text).unwrap());
        Self::spawn(write, arguments)
    }

    /// On a directory as `fill` leaves it.
    pub(crate) fn prepare(fill: impl FnOnce(&Path)) -> Self {
        Self::spawn(fill, &[])
    }

    fn spawn(fill: impl FnOnce(&Path), arguments: &[&str]) -> Self {
        // An address of one's own in 127.0.0.0/8, so that ports need not be guessed.
        static NEXT: AtomicU8 = AtomicU8::new(1);
        let [.., high, low] = std::process::id().to_be_bytes();
        let ip = Ipv4Addr::new(127, 1 + high % 254, low, NEXT.fetch_add(1, Ordering::Relaxed));
        let root = tempfile::tempdir().unwrap();
        let manifests = root.path().join("manifests");
        fs::create_dir(&manifests).unwrap();
        fill(&manifests);
        put_address(&manifests, ip);
        let log = root.path().join("log");
        let child = Command::new(env!("CARGO_BIN_EXE_tidegate"))
            .args(serve(&manifests, ip))
            .args(if arguments.is_empty() { &["--workers=2", "--drain-min=0s"] } else { arguments })
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(File::create(&log).unwrap())
            .spawn()
            .unwrap();
        let program = Self { root, log, ip, child: Mutex::new(child) };
        program.until("ready", || {
            let connected = raw::Client::try_connect(program.address(9901));
            connected.is_ok() && program.ask(9901, "/readyz").status() == 200
        });
        program
    }

    /// A second one on the same files, to its end.
    pub(crate) fn beside(&self, arguments: &[&str]) -> Output {
        let mut all = serve(&self.path(""), self.ip);
        // Of a flag that is there twice clap would complain.
        for pair in arguments.chunks(2) {
            let at = all.iter().position(|argument| argument.starts_with(pair[0])).unwrap();
            all[at] = pair.join("=");
        }
        tidegate(&all.iter().map(String::as_str).collect::<Vec<_>>())
    }

    pub(crate) fn path(&self, path: &str) -> PathBuf {
        self.root.path().join("manifests").join(path)
    }

    pub(crate) fn write(&self, path: &str, text: &str) {
        fs::write(self.path(path), text.replace("HOST", &self.ip.to_string())).unwrap();
    }

    pub(crate) fn address(&self, listener: u16) -> SocketAddr {
        (self.ip, port(listener)).into()
    }

    pub(crate) fn host(&self, port: &str) -> String {
        format!("{}:{port}", self.ip)
    }

    /// A request to a listener.
    pub(crate) fn get(&self, listener: u16, path: &str) -> Answer {
        self.ask(listener, path)
    }

    /// A request to any port.
    pub(crate) fn ask(&self, port: u16, path: &str) -> Answer {
        raw::ask(self.address(port), format!("GET {path} HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n"))
    }

    pub(crate) fn status(&self) -> Value {
        self.ask(9902, "/debug/status").json()
    }

    pub(crate) fn served(&self, cursor: u64) -> Value {
        self.ask(9901, &format!("/served?since={cursor}")).json()
    }

    /// The next report after a cursor that has something new.
    pub(crate) fn wait_served(&self, cursor: u64) -> Value {
        self.until("served", || self.served(cursor)["cursor"] != cursor);
        self.served(cursor)
    }

    pub(crate) fn wait_status(&self, holds: impl Fn(&Value) -> bool) {
        self.until("status", || holds(&self.status()));
    }

    pub(crate) fn signal(&self, name: &str) {
        let pid = self.child.lock().unwrap().id().to_string();
        // The shell's own: the program of that name is not on every machine.
        let kill = format!("kill -s {name} {pid}");
        assert!(Command::new("bash").args(["-c", &kill]).status().unwrap().success());
    }

    /// Its exit code.
    pub(crate) fn wait(&self) -> Option<i32> {
        self.child.lock().unwrap().wait().unwrap().code()
    }

    pub(crate) fn terminate(&self) -> Option<i32> {
        self.signal("TERM");
        self.wait()
    }

    #[track_caller]
    fn until(&self, what: &str, holds: impl Fn() -> bool) {
        let end = Instant::now() + PATIENCE;
        while !holds() {
            let over = self.child.lock().unwrap().try_wait().unwrap();
            let log = || fs::read_to_string(&self.log).unwrap();
            assert_eq!(over, None, "ended while waiting for {what}:\n{}", log());
            assert!(Instant::now() < end, "no {what}:\n{}", log());
            std::thread::sleep(Duration::from_millis(2));
        }
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        let mut child = self.child.lock().unwrap();
        let _ = child.kill();
        let _ = child.wait();
    }
}

fn serve(manifests: &Path, ip: Ipv4Addr) -> Vec<String> {
    vec![
        "serve".to_owned(),
        format!("--source={}", manifests.display()),
        format!("--health-address={ip}:9901"),
        format!("--admin-address={ip}:9902"),
    ]
}

/// Puts the address into every file of the directory, as [`Program::write`] does.
fn put_address(directory: &Path, ip: Ipv4Addr) {
    for entry in fs::read_dir(directory).unwrap() {
        let entry = entry.unwrap();
        if entry.file_type().unwrap().is_dir() {
            put_address(&entry.path(), ip);
        } else if entry.file_type().unwrap().is_file() {
            let text = fs::read_to_string(entry.path()).unwrap();
            fs::write(entry.path(), text.replace("HOST", &ip.to_string())).unwrap();
        }
    }
}
