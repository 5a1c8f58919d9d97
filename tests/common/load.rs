//! Load as real clients make it, which judges every single answer.
//!
//! The clients never repeat a request by themselves. They are correct, though: they take
//! another connection when the server said `Connection: close` or GOAWAY, and when it had
//! closed the connection *before* they began to send. A close that crosses a request on its
//! way is a failure.

mod connect;
mod exchange;
mod http1;
mod http2;
mod plan;
mod report;
mod websocket;

pub use plan::{Kind, Mix, Target};
#[allow(unused_imports, reason = "each test target uses its own part")]
pub use report::{Failure, Report, What};

use plan::Pace;
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::{Duration, Instant};
use tokio::sync::watch;
use tokio::task::JoinSet;

/// Load that runs on a thread of its own until it is stopped.
pub struct Load {
    mix: Mix,
    shared: Arc<Shared>,
    thread: Option<JoinHandle<()>>,
}

/// What the clients of one load share.
struct Shared {
    started: Instant,
    stop: watch::Sender<bool>,
    tally: report::Tally,
}

impl Shared {
    fn stopped(&self) -> bool {
        *self.stop.borrow()
    }

    /// Keeps a client whose request failed from doing nothing but fail.
    async fn pause_after_failure(&self) {
        self.pause_until(tokio::time::Instant::now() + Duration::from_millis(50)).await;
    }

    /// Sleeps, but not past the stop.
    async fn pause_until(&self, moment: tokio::time::Instant) {
        let mut stop = self.stop.subscribe();
        let _ = tokio::time::timeout_at(moment, stop.wait_for(|stop| *stop)).await;
    }
}

impl Load {
    /// Starts that mix; its connections take the targets in turn.
    pub fn start(mix: Mix, targets: &[Target]) -> Self {
        let shared = Arc::new(Shared {
            started: Instant::now(),
            stop: watch::Sender::new(false),
            tally: report::Tally::default(),
        });
        let targets = targets.to_vec();
        let thread = std::thread::Builder::new()
            .name("load".into())
            .spawn({
                let shared = shared.clone();
                move || {
                    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
                    runtime.block_on(run(mix, targets, shared));
                }
            })
            .unwrap();
        Self { mix, shared, thread: Some(thread) }
    }

    /// Returns when every kind of client has had answers, so that a disturbance meets traffic.
    pub fn wait_until_warm(&self) {
        self.wait_for(|load| load.shared.tally.all_were_answered(load.mix, 3));
    }

    /// Returns after that many more answers of any kind.
    pub fn wait_for_answers(&self, more: u64) {
        let goal = self.shared.tally.answers() + more;
        self.wait_for(|load| load.shared.tally.answers() >= goal);
    }

    /// Returns once that many requests have failed.
    pub fn wait_for_failures(&self, count: usize) {
        self.wait_for(|load| load.shared.tally.failures() >= count);
    }

    fn wait_for(&self, done: impl Fn(&Self) -> bool) {
        let limit = Instant::now() + Duration::from_secs(30);
        while !done(self) {
            assert!(Instant::now() < limit, "the load comes to nothing:\n{}", self.report());
            std::thread::sleep(Duration::from_millis(2));
        }
    }

    /// The time since its start, in which its failures are dated.
    pub fn age(&self) -> Duration {
        self.shared.started.elapsed()
    }

    /// Ends when what was begun is done, and tells what happened.
    pub fn stop(mut self) -> Report {
        self.shared.stop.send_replace(true);
        // Until now requests were begun; what follows would only water the rate down.
        let elapsed = self.shared.started.elapsed();
        let ended = self.thread.take().map(JoinHandle::join);
        assert!(matches!(ended, Some(Ok(()))), "a client of the load panicked");
        self.shared.tally.report(self.mix, elapsed)
    }

    /// Lets it run until it is that old, then stops it.
    pub fn stop_after(self, age: Duration) -> Report {
        std::thread::sleep(age.saturating_sub(self.shared.started.elapsed()));
        self.stop()
    }

    fn report(&self) -> Report {
        self.shared.tally.report(self.mix, self.shared.started.elapsed())
    }
}

impl Drop for Load {
    fn drop(&mut self) {
        self.shared.stop.send_replace(true);
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

async fn run(mix: Mix, targets: Vec<Target>, shared: Arc<Shared>) {
    let mut clients = JoinSet::new();
    for (number, kind) in mix.connections().enumerate() {
        let target = targets[number % targets.len()].clone();
        let pace = Pace::new(kind, number as u64);
        let shared = shared.clone();
        match kind {
            Kind::KeepAlive | Kind::Paused | Kind::Slow | Kind::NewConnection => {
                clients.spawn(http1::run(kind, target, pace, shared));
            }
            Kind::Http2 => http2::spawn(&mut clients, &target, number as u64, &shared),
            Kind::WebSocket => {
                clients.spawn(websocket::run(target, pace, shared));
            }
        }
    }
    while let Some(ended) = clients.join_next().await {
        ended.unwrap();
    }
}
