//! Somebody with a copy of the repository and a shell.

use std::io::Read;
use std::net::Ipv4Addr;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::atomic::{AtomicU8, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};
use std::{fs, process};
use tempfile::TempDir;

/// For whatever should come at once, on a machine that is busy with other things.
const SOON: Duration = Duration::from_secs(30);

/// What README's commands need.
const NEEDED: [&str; 3] = ["Makefile", ".ci", "manifests"];

pub struct Reader {
    directory: TempDir,
    /// Stands for 127.0.0.1, so that nothing else on this machine is in the way.
    address: Ipv4Addr,
    running: Option<Running>,
}

/// `make run` and all that it has said.
struct Running {
    child: Child,
    output: Arc<Mutex<String>>,
    readers: Vec<JoinHandle<()>>,
}

/// A process that knows the reader's address.
#[derive(Debug, PartialEq, Eq)]
pub struct Process {
    pub id: String,
    pub command: String,
}

impl Reader {
    pub fn new() -> Self {
        static COUNT: AtomicU8 = AtomicU8::new(100);
        let [_, _, high, low] = process::id().to_be_bytes();
        let address = Ipv4Addr::new(127, COUNT.fetch_add(1, Ordering::Relaxed), high, low);
        let directory = TempDir::with_prefix("readme-").unwrap();
        let reader = Self { directory, address, running: None };
        for name in NEEDED {
            reader.copy(Path::new(name));
        }
        fs::create_dir(reader.path("build")).unwrap();
        std::os::unix::fs::symlink(env!("CARGO_BIN_EXE_tidegate"), reader.path("build/tidegate")).unwrap();
        reader
    }

    pub fn address(&self) -> Ipv4Addr {
        self.address
    }

    fn path(&self, name: impl AsRef<Path>) -> PathBuf {
        self.directory.path().join(name)
    }

    /// The same with the reader's own address.
    fn localize(&self, text: &str) -> String {
        text.replace("127.0.0.1", &self.address.to_string())
    }

    fn copy(&self, name: &Path) {
        let from = Path::new(".").join(name);
        if from.is_dir() {
            fs::create_dir(self.path(name)).unwrap();
            for entry in fs::read_dir(from).unwrap() {
                self.copy(&name.join(entry.unwrap().file_name()));
            }
            return;
        }
        fs::write(self.path(name), self.localize(&fs::read_to_string(&from).unwrap())).unwrap();
        fs::set_permissions(self.path(name), fs::metadata(&from).unwrap().permissions()).unwrap();
    }

    /// `make run`, with the binary that is under test, up to where it tells what to do next.
    pub fn start(&mut self) {
        self.spawn();
        self.wait_for(|running| {
            assert_eq!(running.child.try_wait().unwrap(), None, "{}", running.output());
            running.output().contains("Ctrl-C ends everything").then_some(())
        });
    }

    /// `make run`, which cannot work.
    pub fn run_in_vain(&mut self) -> (ExitStatus, String) {
        self.spawn();
        self.ended()
    }

    fn spawn(&mut self) {
        // A shell ignores Ctrl-C in what it starts in the background, such as these tests: all that they
        // start would ignore it, too.
        let mut child = Command::new("env")
            .args(["--default-signal=INT", "make", "--old-file=build", "run"])
            .current_dir(self.directory.path())
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            // A terminal's Ctrl-C reaches the whole group.
            .process_group(0)
            .spawn()
            .unwrap();
        let output = Arc::<Mutex<String>>::default();
        let readers = vec![
            gather(child.stdout.take().unwrap(), output.clone()),
            gather(child.stderr.take().unwrap(), output.clone()),
        ];
        self.running = Some(Running { child, output, readers });
    }

    /// Ends `make run` as a terminal does; returns what it has said.
    pub fn press_ctrl_c(&mut self) -> String {
        let group = self.running.as_ref().unwrap().child.id();
        signal("INT", &format!("-{group}"));
        let (_, output) = self.ended();
        assert!(!output.contains("Error"), "{output}");
        assert_eq!(self.processes(), [], "are left");
        output
    }

    /// Waits for `make run` to end.
    pub fn ended(&mut self) -> (ExitStatus, String) {
        let status = self.wait_for(|running| running.child.try_wait().unwrap());
        let mut running = self.running.take().unwrap();
        for reader in running.readers.drain(..) {
            reader.join().unwrap();
        }
        (status, running.output())
    }

    fn wait_for<T>(&mut self, mut condition: impl FnMut(&mut Running) -> Option<T>) -> T {
        let running = self.running.as_mut().unwrap();
        let deadline = Instant::now() + SOON;
        loop {
            if let Some(value) = condition(running) {
                return value;
            }
            assert!(Instant::now() < deadline, "{}", running.output());
            thread::sleep(Duration::from_millis(20));
        }
    }

    /// Runs commands and compares what they print with what is shown; a change that was saved
    /// just before may still be on its way.
    pub fn follow(&self, line: usize, commands: &str, shown: Option<&str>) {
        let deadline = Instant::now() + SOON;
        loop {
            let (success, printed) = self.shell(commands);
            let as_shown = shown.is_none_or(|shown| printed == self.localize(shown));
            if success && as_shown {
                return;
            }
            if shown.is_none() || Instant::now() > deadline {
                let log = self.running.as_ref().map(Running::output).unwrap_or_default();
                panic!("README.md:{line}: {commands}prints\n{printed}and not\n{}{log}", shown.unwrap_or(""));
            }
            thread::sleep(Duration::from_millis(20));
        }
    }

    fn shell(&self, commands: &str) -> (bool, String) {
        let output = Command::new("bash")
            .args(["-euo", "pipefail", "-c", &self.localize(commands)])
            .current_dir(self.directory.path())
            .env("no_proxy", "*")
            .output()
            .unwrap();
        let printed = String::from_utf8(output.stdout).unwrap();
        (output.status.success(), printed + &String::from_utf8_lossy(&output.stderr))
    }

    /// One of the manifests has these lines.
    pub fn has(&self, line: usize, lines: &str) {
        let manifests = fs::read_dir(self.path("manifests/quickstart")).unwrap();
        let found = manifests
            .map(|entry| fs::read_to_string(entry.unwrap().path()).unwrap())
            .any(|manifest| manifest.contains(&self.localize(lines)));
        assert!(found, "README.md:{line}: no manifest has these lines");
    }

    /// All processes that were told the reader's address, by `/proc`.
    pub fn processes(&self) -> Vec<Process> {
        let address = self.address.to_string();
        let ids =
            fs::read_dir("/proc").unwrap().filter_map(|entry| entry.unwrap().file_name().into_string().ok());
        ids.filter(|id| id.bytes().all(|byte| byte.is_ascii_digit()))
            .filter_map(|id| {
                // One that has just ended is no mistake.
                let command = fs::read(format!("/proc/{id}/cmdline")).ok()?;
                let command = String::from_utf8_lossy(&command).replace('\0', " ");
                command.contains(&address).then_some(Process { id, command })
            })
            .collect()
    }
}

impl Drop for Reader {
    /// A test that failed leaves nothing running.
    fn drop(&mut self) {
        if let Some(mut running) = self.running.take() {
            signal("TERM", &format!("-{}", running.child.id()));
            let _ = running.child.wait();
        }
    }
}

impl Running {
    fn output(&self) -> String {
        self.output.lock().unwrap().clone()
    }
}

fn gather(mut pipe: impl Read + Send + 'static, output: Arc<Mutex<String>>) -> JoinHandle<()> {
    thread::spawn(move || {
        let mut bytes = [0; 4096];
        loop {
            match pipe.read(&mut bytes).unwrap() {
                0 => return,
                count => output.lock().unwrap().push_str(&String::from_utf8_lossy(&bytes[..count])),
            }
        }
    })
}

/// Sends a signal to a process or, with a minus, to a group.
pub fn signal(name: &str, id: &str) {
    // The shell's own: the program of that name is not on every machine.
    let status = Command::new("bash").args(["-c", &format!("kill -{name} -- {id}")]).status().unwrap();
    assert!(status.success(), "no process {id}");
}

/// What the binary prints.
pub fn output_of(arguments: &[&str]) -> String {
    let output = Command::new(env!("CARGO_BIN_EXE_tidegate")).args(arguments).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}
