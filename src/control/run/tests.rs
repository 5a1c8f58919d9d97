mod cluster;

use super::*;
use crate::api::{Decoded, Kind, Object, decode};
use crate::attach::Options as Decisions;
use crate::control::NotReady;
use crate::proxy::BindFailure;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::sync::Mutex;
use tokio::task::JoinHandle;

/// A data plane that notes what it is told.
struct Plane {
    published: mpsc::UnboundedSender<(Instant, Delta)>,
    acknowledged: watch::Sender<u64>,
    failures: watch::Sender<BindFailures>,
    /// What `publish` finds out.
    will_fail: Mutex<BindFailures>,
    retries: Mutex<usize>,
    since_tick: Mutex<Duration>,
}

impl DataPlane for Plane {
    fn publish(&self, delta: Delta) {
        let will_fail = self.will_fail.lock().unwrap().clone();
        self.failures
            .send_if_modified(|failures| std::mem::replace(failures, will_fail.clone()) != will_fail);
        self.published.send((now(), delta)).unwrap();
    }

    fn acknowledged(&self) -> watch::Receiver<u64> {
        self.acknowledged.subscribe()
    }

    fn bind_failures(&self) -> watch::Receiver<BindFailures> {
        self.failures.subscribe()
    }

    fn retry_binds(&self) {
        *self.retries.lock().unwrap() += 1;
    }

    fn workers(&self) -> Vec<WorkerState> {
        let since_tick = *self.since_tick.lock().unwrap();
        vec![WorkerState { name: "worker-0".to_owned(), since_tick, version: 0 }]
    }
}

fn failure(address: &str, in_use: bool) -> BindFailures {
    let failure = BindFailure { in_use, why: "taken".to_owned() };
    BindFailures::from([(address.parse().unwrap(), failure)])
}

/// A running loop with the time in the tests' hands.
struct Bed {
    events: mpsc::Sender<Vec<Event>>,
    plane: Arc<Plane>,
    published: mpsc::UnboundedReceiver<(Instant, Delta)>,
    view: Arc<View>,
    metrics: Arc<Metrics>,
    running: JoinHandle<End>,
}

impl Bed {
    fn new() -> Self {
        Self::failing(BindFailures::new())
    }

    fn failing(will_fail: BindFailures) -> Self {
        let (published_sender, published) = mpsc::unbounded_channel();
        let plane = Arc::new(Plane {
            published: published_sender,
            acknowledged: watch::Sender::new(0),
            failures: watch::Sender::new(BindFailures::new()),
            will_fail: Mutex::new(will_fail),
            retries: Mutex::new(0),
            since_tick: Mutex::new(Duration::ZERO),
        });
        let (events, receiver) = mpsc::channel(100);
        let source = Source { events: receiver, problems: watch::channel(Arc::default()).1, referred: None };
        let options = Options { decisions: Decisions::standalone(), acknowledgements: true };
        let metrics = Metrics::new();
        let control = Control::new(source, plane.clone(), options, metrics.clone());
        let view = control.view();
        Self { events, plane, published, view, metrics, running: tokio::spawn(control.run()) }
    }

    /// A loop that serves a route, and that every worker follows.
    async fn serving() -> Self {
        let mut bed = Self::new();
        bed.send([gateway(80), route(1), service(), slice(&[1, 2])].map(apply)).await;
        bed.send(Kind::ALL.map(Event::Listed)).await;
        let (_, delta) = bed.published.recv().await.unwrap();
        bed.plane.acknowledged.send_replace(delta.version);
        bed.settle().await;
        bed
    }

    async fn send(&self, events: impl Into<Vec<Event>>) {
        self.events.send(events.into()).await.unwrap();
    }

    /// Lets the loop do what it has to do now.
    async fn settle(&self) {
        tokio::time::sleep(Duration::from_millis(1)).await;
    }

    async fn status_of(&self, kind: &str) -> Value {
        let objects = self.view.status()["objects"].as_array().unwrap().clone();
        objects.into_iter().find(|object| object["kind"] == kind).unwrap()
    }
}

fn object(manifest: Value) -> Object {
    match decode(manifest) {
        Decoded::Object { object, .. } => object,
        other => panic!("{other:?}"),
    }
}

fn apply(manifest: Value) -> Event {
    Event::Apply(object(manifest))
}

fn gateway(port: u16) -> Value {
    json!({
        "apiVersion": "gateway.networking.k8s.io/v1", "kind": "Gateway",
        "metadata": {"name": "web", "uid": "gateway", "generation": 1},
        "spec": {"gatewayClassName": "tidegate", "listeners": [{"name": "http", "port": port, "protocol": "HTTP"}]}
    })
}

fn route(generation: i64) -> Value {
    json!({
        "apiVersion": "gateway.networking.k8s.io/v1", "kind": "HTTPRoute",
        "metadata": {"name": "shop", "uid": "route", "generation": generation},
        "spec": {
            "parentRefs": [{"name": "web"}],
            "rules": [{"backendRefs": [{"name": "shop", "port": 80, "weight": generation}]}]
        }
    })
}

fn service() -> Value {
    json!({
        "apiVersion": "v1", "kind": "Service", "metadata": {"name": "shop"},
        "spec": {"ports": [{"port": 80}]}
    })
}

fn slice(hosts: &[u8]) -> Value {
    let endpoints: Vec<_> =
        hosts.iter().map(|host| json!({"addresses": [format!("10.0.0.{host}")]})).collect();
    json!({
        "apiVersion": "discovery.k8s.io/v1", "kind": "EndpointSlice",
        "metadata": {"name": "shop-1", "labels": {"kubernetes.io/service-name": "shop"}},
        "addressType": "IPv4", "endpoints": endpoints, "ports": [{"port": 8080}]
    })
}

#[tokio::test(start_paused = true)]
async fn nothing_is_served_before_all_is_listed_and_ready_is_what_every_worker_serves() {
    let mut bed = Bed::new();
    bed.send([gateway(80), route(1), service(), slice(&[1])].map(apply)).await;
    bed.send(Kind::ALL[1..].iter().copied().map(Event::Listed).collect::<Vec<_>>()).await;
    tokio::time::sleep(Duration::from_secs(1)).await;
    assert!(bed.published.is_empty());
    assert_eq!(bed.view.not_ready(), [NotReady::NotListed]);

    bed.send([Event::Listed(Kind::ALL[0])]).await;
    let (_, delta) = bed.published.recv().await.unwrap();
    assert_eq!(delta.upserts.len(), 4);
    bed.settle().await;
    assert_eq!(bed.view.not_ready(), [NotReady::NotServed]);
    assert_eq!(bed.view.served(0, None).objects.len(), 0);

    bed.plane.acknowledged.send_replace(delta.version);
    bed.settle().await;
    assert_eq!(bed.view.not_ready(), []);
    let served = bed.view.served(0, None);
    assert_eq!(served.objects, BTreeMap::from([("gateway".into(), 1), ("route".into(), 1)]));
    assert_eq!(served.version, delta.version);
    assert_eq!(bed.metrics.process().config_version.get(), delta.version as i64);
    let programmed = &bed.status_of("Gateway").await["status"]["conditions"][1];
    assert_eq!((&programmed["type"], &programmed["status"]), (&json!("Programmed"), &json!("True")));

    bed.view.begin_drain();
    assert_eq!(bed.view.not_ready(), [NotReady::Draining]);
}

#[tokio::test(start_paused = true)]
async fn edits_in_quick_succession_are_one_version() {
    let mut bed = Bed::serving().await;
    let start = now();
    for generation in 2..6 {
        bed.send([apply(route(generation))]).await;
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
    let (at, delta) = bed.published.recv().await.unwrap();
    assert_eq!((at - start, delta.upserts.len()), (Duration::from_millis(11), 1));
    tokio::time::sleep(Duration::from_secs(1)).await;
    assert!(bed.published.is_empty());
    assert_eq!(bed.view.served(2, None).objects.len(), 0, "not before it is acknowledged");
    bed.plane.acknowledged.send_replace(delta.version);
    bed.settle().await;
    assert_eq!(bed.view.served(2, None).objects, BTreeMap::from([("route".into(), 5)]));
}

#[tokio::test(start_paused = true)]
async fn an_endpoint_that_leaves_is_published_within_ten_milliseconds_whatever_else_comes() {
    let mut bed = Bed::serving().await;
    let start = now();
    bed.send([apply(slice(&[2]))]).await;
    let busy = bed.events.clone();
    let busy = tokio::spawn(async move {
        for generation in 2.. {
            busy.send(vec![apply(route(generation))]).await.unwrap();
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    });
    let (at, delta) = bed.published.recv().await.unwrap();
    assert!(at - start <= Duration::from_millis(10), "{:?}", at - start);
    assert!(delta.upserts.iter().any(|resource| matches!(resource, Resource::Endpoints(_))));
    busy.abort();
}

#[tokio::test(start_paused = true)]
async fn at_the_start_an_address_that_is_taken_ends_the_loop() {
    for failures in [failure("127.0.0.2:80", true), failure("127.0.0.1:80", false)] {
        let bed = Bed::failing(failures.clone());
        bed.send([apply(gateway(80))]).await;
        bed.send(Kind::ALL.map(Event::Listed)).await;
        assert_eq!(bed.running.await.unwrap(), End::CannotListen(failures));
    }
}

#[tokio::test(start_paused = true)]
async fn at_the_start_an_address_that_this_machine_lacks_is_one_gateways_trouble() {
    let mut bed = Bed::failing(failure("192.0.2.1:80", false));
    bed.send([apply(gateway(80))]).await;
    bed.send(Kind::ALL.map(Event::Listed)).await;
    bed.published.recv().await.unwrap();
    bed.settle().await;
    assert!(!bed.running.is_finished());
    assert_eq!(bed.view.status()["cannot_listen"], json!({"192.0.2.1:80": "taken"}));
}

#[tokio::test(start_paused = true)]
async fn later_it_is_a_condition_and_tried_again() {
    let mut bed = Bed::serving().await;
    *bed.plane.will_fail.lock().unwrap() = failure("127.0.0.1:81", true);
    bed.send([apply(gateway(81))]).await;
    let (_, delta) = bed.published.recv().await.unwrap();
    bed.plane.acknowledged.send_replace(delta.version);
    bed.settle().await;
    assert_eq!(bed.view.status()["cannot_listen"], json!({"127.0.0.1:81": "taken"}));
    let gateway = bed.status_of("Gateway").await;
    assert_eq!(gateway["bad"], true, "{gateway}");

    tokio::time::sleep(2 * RETRY_BINDS).await;
    assert!(*bed.plane.retries.lock().unwrap() >= 2);
    bed.plane.failures.send_replace(BindFailures::new());
    bed.settle().await;
    assert_eq!(bed.status_of("Gateway").await["bad"], false);
    let retries = *bed.plane.retries.lock().unwrap();
    tokio::time::sleep(4 * RETRY_BINDS).await;
    assert_eq!(*bed.plane.retries.lock().unwrap(), retries);
    assert_eq!(bed.view.not_ready(), [], "what is served elsewhere is served");
}

#[tokio::test(start_paused = true)]
async fn a_worker_that_hangs_ends_readiness_and_then_the_loop() {
    let bed = Bed::serving().await;
    *bed.plane.since_tick.lock().unwrap() = Duration::from_secs(6);
    assert_eq!(bed.view.not_ready(), [NotReady::WorkerLate("worker-0".to_owned())]);
    *bed.plane.since_tick.lock().unwrap() = Duration::from_secs(31);
    assert_eq!(bed.running.await.unwrap(), End::WorkerLost("worker-0".to_owned()));
}

#[tokio::test(start_paused = true)]
async fn a_source_that_ends_leaves_what_is_served() {
    let mut bed = Bed::serving().await;
    let (closed, _) = mpsc::channel(1);
    drop(std::mem::replace(&mut bed.events, closed));
    tokio::time::sleep(Duration::from_secs(60)).await;
    assert!(!bed.running.is_finished());
    assert!(bed.published.is_empty());
    let config = bed.view.config().await.unwrap();
    assert_eq!(config["resources"]["routes"].as_array().map(Vec::len), Some(1));
}
