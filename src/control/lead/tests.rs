use super::*;
use crate::source::cluster::testing::ApiServer;
use serde_json::{Value, json};
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

/// One who takes part.
struct Replica {
    leads: watch::Receiver<bool>,
    stop: oneshot::Sender<()>,
    running: JoinHandle<()>,
    metrics: Arc<Metrics>,
}

impl Replica {
    fn start(server: &ApiServer, identity: &str) -> Self {
        let metrics = Metrics::new();
        let (elector, leads) =
            Elector::new(server.client(), "system", "tidegate-leader", identity, metrics.clone());
        let elector =
            elector.owned_by(OwnerReference { name: "pods".to_owned(), ..OwnerReference::default() });
        let (stop, stopped) = oneshot::channel();
        let running = tokio::spawn(elector.run(async {
            let _ = stopped.await;
        }));
        Self { leads, stop, running, metrics }
    }

    async fn until(&mut self, leads: bool) {
        self.leads.wait_for(|now| *now == leads).await.unwrap();
        assert_eq!(self.metrics.controller().leader.get(), i64::from(leads));
    }

    fn leads(&self) -> bool {
        *self.leads.borrow()
    }
}

fn object(server: &ApiServer) -> Value {
    let lease = json!({ "apiVersion": "coordination.k8s.io/v1", "kind": "Lease",
        "metadata": { "namespace": "system", "name": "tidegate-leader" } });
    server.get(&lease).unwrap()
}

fn lease(server: &ApiServer) -> Value {
    object(server)["spec"].clone()
}

#[tokio::test(start_paused = true)]
async fn the_first_leads_and_goes_on_as_long_as_it_renews() {
    let server = ApiServer::new();
    let mut first = Replica::start(&server, "a");
    first.until(true).await;
    let second = Replica::start(&server, "b");
    let taken = lease(&server);
    assert_eq!((&taken["holderIdentity"], &taken["leaseTransitions"]), (&json!("a"), &json!(0)));
    assert_eq!(taken["leaseDurationSeconds"], 15);
    assert_eq!(object(&server)["metadata"]["ownerReferences"][0]["name"], "pods");

    sleep(DURATION * 4).await;
    assert!(first.leads() && !second.leads());
    let renewed = lease(&server);
    assert_eq!(renewed["acquireTime"], taken["acquireTime"]);
    assert_ne!(renewed["renewTime"], taken["renewTime"]);
    assert_eq!(renewed["leaseTransitions"], 0);
}

#[tokio::test(start_paused = true)]
async fn who_stops_gives_the_lease_back_and_another_leads_soon() {
    let server = ApiServer::new();
    let mut first = Replica::start(&server, "a");
    first.until(true).await;
    let mut second = Replica::start(&server, "b");
    first.stop.send(()).unwrap();
    first.running.await.unwrap();
    assert_eq!(lease(&server)["holderIdentity"], "");
    let stopped = Instant::now();
    second.until(true).await;
    assert!(stopped.elapsed() <= RETRY, "{:?}", stopped.elapsed());
    let taken = lease(&server);
    assert_eq!((&taken["holderIdentity"], &taken["leaseTransitions"]), (&json!("b"), &json!(1)));
}

#[tokio::test(start_paused = true)]
async fn one_that_is_gone_is_followed_by_another_when_its_lease_ran_out() {
    let server = ApiServer::new();
    let mut first = Replica::start(&server, "a");
    first.until(true).await;
    let mut second = Replica::start(&server, "b");
    sleep(RETRY).await;
    first.running.abort();
    let renewed = Instant::now() - RETRY;
    second.until(true).await;
    assert!(renewed.elapsed() >= DURATION, "{:?}", renewed.elapsed());
    assert!(renewed.elapsed() <= DURATION + RETRY * 3, "{:?}", renewed.elapsed());
}

#[tokio::test(start_paused = true)]
async fn who_cannot_renew_stops_leading_before_another_can_begin() {
    let server = ApiServer::new();
    let mut first = Replica::start(&server, "a");
    first.until(true).await;
    let cut = Instant::now();
    server.away(true);
    first.until(false).await;
    assert!(cut.elapsed() <= RENEW_WITHIN, "{:?}", cut.elapsed());
    server.away(false);
    first.until(true).await;
    assert_eq!(lease(&server)["leaseTransitions"], 0, "nobody else led meanwhile");
}

#[tokio::test(start_paused = true)]
async fn of_two_that_try_at_once_one_leads() {
    let server = ApiServer::new();
    let mut replicas: Vec<_> = ["a", "b", "c"].map(|name| Replica::start(&server, name)).into();
    for _ in 0..3 {
        sleep(DURATION * 2).await;
        let leading: Vec<_> = (0..replicas.len()).filter(|at| replicas[*at].leads()).collect();
        assert_eq!(leading.len(), 1, "{leading:?}");
        let leader = replicas.remove(leading[0]);
        leader.stop.send(()).unwrap();
        leader.running.await.unwrap();
    }
}

#[tokio::test(start_paused = true)]
async fn a_lease_that_somebody_takes_away_is_led_by_nobody_twice() {
    let server = ApiServer::new();
    let mut first = Replica::start(&server, "a");
    first.until(true).await;
    server.put(json!({ "apiVersion": "coordination.k8s.io/v1", "kind": "Lease",
        "metadata": { "namespace": "system", "name": "tidegate-leader" },
        "spec": { "holderIdentity": "b", "leaseDurationSeconds": 15, "leaseTransitions": 1 } }));
    let taken = Instant::now();
    first.until(false).await;
    assert!(taken.elapsed() <= RETRY, "{:?}", taken.elapsed());
}

#[tokio::test(start_paused = true)]
async fn a_lease_that_a_former_release_left_gets_the_new_owner() {
    let server = ApiServer::new();
    server.put(json!({ "apiVersion": "coordination.k8s.io/v1", "kind": "Lease",
        "metadata": { "namespace": "system", "name": "tidegate-leader",
            "ownerReferences": [{ "apiVersion": "apps/v1", "kind": "Deployment", "name": "gone", "uid": "1" }] },
        "spec": { "holderIdentity": "", "leaseDurationSeconds": 1, "leaseTransitions": 1 } }));
    let mut first = Replica::start(&server, "a");
    first.until(true).await;
    let owners = object(&server)["metadata"]["ownerReferences"].clone();
    assert_eq!((owners.as_array().unwrap().len(), &owners[0]["name"]), (1, &json!("pods")));
}
