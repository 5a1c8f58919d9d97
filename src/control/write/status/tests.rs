use super::*;
use crate::attach::Head;
use crate::attach::verdict::{Condition, Truth};
use crate::control::EventWriter;
use crate::model::ObjectKey;
use crate::source::cluster::testing::{ApiServer, Asked};
use crate::status::{Body, ParentBody};
use crate::telemetry::EventWrite;
use http::Method;

const US: &str = "tidegate.dev/gateway-controller";

/// A writer that runs beside an API server.
struct World {
    server: ApiServer,
    queue: StatusQueue,
    leads: watch::Sender<bool>,
    metrics: Arc<Metrics>,
}

impl World {
    fn new() -> Self {
        let server = ApiServer::new();
        let leads = watch::Sender::new(true);
        let metrics = Metrics::new();
        let (events_writer, events) = EventWriter::new(server.client(), US.into(), "pod", metrics.clone());
        let (writer, queue) =
            StatusWriter::new(server.client(), US.into(), leads.subscribe(), events, metrics.clone());
        tokio::spawn(writer.run());
        tokio::spawn(events_writer.run());
        Self { server, queue, leads, metrics }
    }

    /// The writes of statuses.
    fn writes(&self) -> Vec<Asked> {
        self.server.writes().into_iter().filter(|asked| asked.path.ends_with("/status")).collect()
    }

    /// Puts this into the queue, waits until nothing more comes of it, and returns all requests.
    async fn after(&self, wanted: Arc<Wanted>) -> Vec<Asked> {
        self.queue.put(wanted);
        // The clock stands still as long as anything can go on: it moves when nothing does.
        tokio::time::sleep(Duration::from_millis(1)).await;
        self.server.requests()
    }
}

fn wanted(uid: &str, truth: Truth) -> Arc<Wanted> {
    let reference = serde_json::from_value(json!({ "name": "web" })).unwrap();
    let condition = Condition {
        type_: "Accepted",
        truth,
        reason: "Because",
        message: String::new(),
        bad: truth == Truth::False,
    };
    let id = ObjectId { kind: Kind::HttpRoute, key: ObjectKey::new("default", "shop") };
    let body = Body::Route(vec![ParentBody { reference, conditions: vec![condition] }]);
    Arc::new(Wanted {
        id,
        head: Head { uid: uid.into(), generation: 5 },
        body,
        notes: Vec::new(),
        bad: false,
    })
}

fn foreign(message: &str) -> Value {
    json!({
        "controllerName": "example.com/other", "parentRef": { "name": "web" }, "tomorrow": [1.50],
        "conditions": [{ "type": "Accepted", "status": "True", "reason": "R", "message": message,
            "lastTransitionTime": "2020-01-01T01:00:00.5+01:00" }],
    })
}

fn route(parents: Value) -> Value {
    json!({ "apiVersion": "gateway.networking.k8s.io/v1", "kind": "HTTPRoute",
        "metadata": { "namespace": "default", "name": "shop", "uid": "u", "generation": 5, "labels": { "a": "b" } },
        "spec": { "parentRefs": [{ "name": "web" }] }, "status": { "parents": parents } })
}

#[tokio::test(start_paused = true)]
async fn one_change_is_one_write_and_no_change_is_none() {
    let world = World::new();
    let before = world.server.put(route(json!([foreign("seen")])));
    world.after(wanted("u", Truth::True)).await;
    let writes = world.writes();
    assert_eq!(writes.len(), 1, "{writes:?}");
    assert_eq!(writes[0].method, Method::PUT);
    assert_eq!(
        writes[0].path,
        "/apis/gateway.networking.k8s.io/v1/namespaces/default/httproutes/shop/status"
    );
    assert_eq!(writes[0].body["metadata"]["resourceVersion"], before["metadata"]["resourceVersion"]);

    let after = world.server.get(&before).unwrap();
    assert_eq!(after["status"]["parents"][0].to_string(), foreign("seen").to_string());
    assert_eq!(after["status"]["parents"][1]["controllerName"], US);
    assert_eq!(after["spec"], before["spec"]);

    world.after(wanted("u", Truth::True)).await;
    assert_eq!(world.writes().len(), 1, "nothing differs");
    world.after(wanted("u", Truth::False)).await;
    assert_eq!(world.writes().len(), 2);
}

#[tokio::test(start_paused = true)]
async fn who_wrote_meanwhile_is_read_again_and_loses_nothing() {
    let world = World::new();
    let before = world.server.put(route(json!([])));
    world.server.intrude(route(json!([foreign("written meanwhile")])));
    world.queue.put(wanted("u", Truth::True));
    world.server.until(|server| server.writes().len() == 2).await;
    let answers: Vec<_> = world.writes().iter().map(|asked| asked.answered).collect();
    assert_eq!(answers, [409, 200]);
    let parents = world.server.get(&before).unwrap()["status"]["parents"].clone();
    assert_eq!(parents[0].to_string(), foreign("written meanwhile").to_string());
    assert_eq!(parents[1]["controllerName"], US);
}

#[tokio::test(start_paused = true)]
async fn who_does_not_lead_does_not_even_read() {
    let world = World::new();
    world.server.put(route(json!([])));
    world.leads.send_replace(false);
    assert_eq!(world.after(wanted("u", Truth::True)).await, []);
    world.leads.send_replace(true);
    world.after(wanted("u", Truth::True)).await;
    assert_eq!(world.writes().len(), 1);
}

#[tokio::test(start_paused = true)]
async fn who_stops_leading_while_it_waits_for_another_attempt_writes_no_more() {
    let world = World::new();
    world.server.put(route(json!([])));
    world.server.away(true);
    world.queue.put(wanted("u", Truth::True));
    world.server.until(|server| server.requests().len() == 3).await;
    world.leads.send_replace(false);
    world.server.away(false);
    tokio::time::sleep(Duration::from_secs(60)).await;
    assert_eq!(world.server.requests().len(), 3);
}

#[tokio::test(start_paused = true)]
async fn after_the_api_server_was_away_only_the_latest_is_written() {
    let world = World::new();
    let before = world.server.put(route(json!([])));
    world.server.away(true);
    world.queue.put(wanted("u", Truth::True));
    world.server.until(|server| server.requests().len() == 2).await;
    world.queue.put(wanted("u", Truth::True));
    world.queue.put(wanted("u", Truth::False));
    world.server.away(false);
    world.server.until(|server| !server.writes().is_empty()).await;
    tokio::time::sleep(Duration::from_secs(60)).await;
    assert_eq!(world.writes().len(), 1);
    let status = world.server.get(&before).unwrap()["status"].clone();
    assert_eq!(status["parents"][0]["conditions"][0]["status"], "False");
}

#[tokio::test(start_paused = true)]
async fn another_object_by_the_same_name_and_a_newer_state_are_left_alone() {
    let world = World::new();
    assert_eq!(world.after(wanted("u", Truth::True)).await.len(), 1, "it is not there");
    let mut route = route(json!([]));
    world.server.put(route.clone());
    world.after(wanted("another", Truth::True)).await;
    route["metadata"]["generation"] = 6.into();
    world.server.put(route);
    world.after(wanted("u", Truth::True)).await;
    assert_eq!(world.writes(), []);
}

#[tokio::test(start_paused = true)]
async fn a_status_that_cannot_be_read_is_left_as_it_is() {
    let world = World::new();
    world.server.put(route(json!("none")));
    world.after(wanted("u", Truth::True)).await;
    assert_eq!(world.writes(), []);
}

#[tokio::test(start_paused = true)]
async fn own_kinds_are_applied() {
    let world = World::new();
    let upstream = json!({ "apiVersion": "tidegate.dev/v1alpha1", "kind": "Upstream",
        "metadata": { "namespace": "default", "name": "pay", "uid": "u", "generation": 5 }, "spec": {} });
    world.server.put(upstream.clone());
    let id = ObjectId { kind: Kind::Upstream, key: ObjectKey::new("default", "pay") };
    let body = Body::Upstream { conditions: Vec::new(), targets: 2 };
    let head = Head { uid: "u".into(), generation: 5 };
    let wanted = Arc::new(Wanted { id, head, body, notes: Vec::new(), bad: false });
    for _ in 0..2 {
        world.after(wanted.clone()).await;
    }
    let writes = world.writes();
    assert_eq!(writes.len(), 1, "{writes:?}");
    assert_eq!(writes[0].method, Method::PATCH);
    assert_eq!(writes[0].path, "/apis/tidegate.dev/v1alpha1/namespaces/default/upstreams/pay/status");
    assert_eq!(writes[0].query["fieldManager"], "tidegate");
    assert_eq!(writes[0].query["force"], "true");
    assert_eq!(writes[0].body["status"], json!({ "observedGeneration": 5, "targets": { "total": 2 } }));
    assert_eq!(world.server.get(&upstream).unwrap()["status"]["targets"]["total"], 2);
}

/// The Events that were written, as reason and note.
fn events(server: &ApiServer) -> Vec<(String, String)> {
    let writes = server.writes();
    let events = writes.iter().filter(|asked| asked.path.contains("/events"));
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    events.map(|asked| (text(&asked.body["reason"]), text(&asked.body["note"]))).collect()
}

#[tokio::test(start_paused = true)]
async fn what_becomes_bad_is_told_once_and_what_was_bad_is_not() {
    let world = World::new();
    world.server.put(route(json!([])));
    world.after(wanted("u", Truth::True)).await;
    assert_eq!(events(&world.server), []);
    world.after(wanted("u", Truth::False)).await;
    let told = [("Because".to_owned(), "parent web: Accepted=False".to_owned())];
    assert_eq!(events(&world.server), told);
    let event = world.server.writes().pop().unwrap();
    assert_eq!(event.path, "/apis/events.k8s.io/v1/namespaces/default/events");
    assert_eq!(event.body["type"], "Warning");
    assert_eq!(event.body["regarding"]["kind"], "HTTPRoute");
    assert_eq!(event.body["regarding"]["uid"], "u");

    // As after a restart: the status says already that it is bad, and differs in something else.
    let mut newer = wanted("u", Truth::False);
    Arc::make_mut(&mut newer).head.generation = 6;
    let mut live = world.server.get(&route(json!([]))).unwrap();
    live["metadata"]["generation"] = 6.into();
    world.server.put(live);
    world.after(newer).await;
    assert_eq!(events(&world.server), told);
    assert_eq!(world.metrics.controller().status_writes("HTTPRoute", StatusWrite::Written).get(), 3);
    assert_eq!(world.metrics.controller().events(EventWrite::Written).get(), 1);
}

#[tokio::test(start_paused = true)]
async fn an_event_that_cannot_be_written_keeps_no_status_waiting() {
    let world = World::new();
    let before = world.server.put(route(json!([])));
    world.server.missing("events", true);
    for truth in [Truth::False, Truth::True, Truth::False] {
        world.after(wanted("u", truth)).await;
    }
    let status = world.server.get(&before).unwrap()["status"].clone();
    assert_eq!(status["parents"][0]["conditions"][0]["status"], "False");
    tokio::time::sleep(Duration::from_secs(10)).await;
    assert_eq!(world.metrics.controller().events(EventWrite::Failed).get(), 2);
}

#[tokio::test(start_paused = true)]
async fn parents_without_room_are_told_once_and_nothing_of_others_is_touched() {
    let world = World::new();
    let full: Vec<_> = (0..32).map(|number| foreign(&number.to_string())).collect();
    let before = world.server.put(route(full.into()));
    for _ in 0..2 {
        world.after(wanted("u", Truth::True)).await;
    }
    let told = events(&world.server);
    assert_eq!(told.len(), 1, "{told:?}");
    assert_eq!(told[0].0, "StatusFull");
    assert_eq!(world.server.get(&before).unwrap(), before);
}

#[tokio::test(start_paused = true)]
async fn each_attempt_is_counted_by_its_end() {
    let world = World::new();
    world.server.put(route(json!([])));
    world.server.intrude(route(json!([foreign("written meanwhile")])));
    world.queue.put(wanted("u", Truth::True));
    world.server.until(|server| server.writes().len() == 2).await;
    world.server.away(true);
    world.queue.put(wanted("u", Truth::False));
    let asked = world.server.requests().len();
    world.server.until(|server| server.requests().len() == asked + 2).await;
    world.server.away(false);
    tokio::time::sleep(Duration::from_secs(20)).await;
    let count = |result| world.metrics.controller().status_writes("HTTPRoute", result).get();
    assert_eq!([StatusWrite::Written, StatusWrite::Conflict, StatusWrite::Failed].map(count), [2, 1, 2]);
}

fn ingress_route(status: Value) -> Value {
    json!({ "apiVersion": "networking.k8s.io/v1", "kind": "Ingress",
        "metadata": { "namespace": "default", "name": "shop", "uid": "u", "generation": 5 },
        "spec": { "ingressClassName": "tidegate" }, "status": status })
}

fn wanted_of_ingress(body: Body) -> Arc<Wanted> {
    let id = ObjectId { kind: Kind::Ingress, key: ObjectKey::new("default", "shop") };
    let head = Head { uid: "u".into(), generation: 5 };
    Arc::new(Wanted { id, head, body, notes: Vec::new(), bad: false })
}

/// What an Ingress' status has no place for is an Event, said once, whether or not an address is written.
#[tokio::test(start_paused = true)]
async fn of_an_ingress_the_address_is_written_and_the_rest_is_said_once() {
    let world = World::new();
    let object = world.server.put(ingress_route(json!({})));
    let bad = |message: &str| Condition {
        type_: "Conflicted",
        truth: Truth::True,
        reason: "PathTaken",
        message: message.to_owned(),
        bad: true,
    };
    let addresses = vec![crate::infra::Address::Ip([192, 0, 2, 1].into())];
    let wanted = |conditions| wanted_of_ingress(Body::Ingress { conditions, addresses: addresses.clone() });
    let said = || {
        let all = world.server.writes();
        let events = all.iter().filter(|asked| asked.path.ends_with("/events"));
        events.map(|asked| asked.body["note"].as_str().unwrap().to_owned()).collect::<Vec<_>>()
    };
    world.after(wanted(vec![bad("one")])).await;
    assert_eq!(world.writes().len(), 1);
    assert_eq!(world.writes()[0].path, "/apis/networking.k8s.io/v1/namespaces/default/ingresses/shop/status");
    assert_eq!(
        world.server.get(&object).unwrap()["status"],
        json!({ "loadBalancer": { "ingress": [{ "ip": "192.0.2.1" }] } })
    );
    world.server.until(|_| said() == ["Conflicted=True: one"]).await;

    world.after(wanted(vec![bad("one"), bad("two")])).await;
    world.server.until(|_| said().len() == 2).await;
    assert_eq!(said()[1], "Conflicted=True: two");
    assert_eq!(world.writes().len(), 1, "the address is there");

    world.after(wanted_of_ingress(Body::IngressLeft { addresses: addresses.clone() })).await;
    assert_eq!(world.server.get(&object).unwrap()["status"], json!({ "loadBalancer": { "ingress": [] } }));
    world.server.put(ingress_route(json!({ "loadBalancer": { "ingress": [{ "ip": "198.51.100.1" }] } })));
    world.after(wanted_of_ingress(Body::IngressLeft { addresses: addresses.clone() })).await;
    assert_eq!(world.writes().len(), 2, "somebody else's is left as it is");
}
