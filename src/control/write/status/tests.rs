use super::*;
use crate::attach::Head;
use crate::attach::verdict::{Condition, Truth};
use crate::model::ObjectKey;
use crate::source::cluster::testing::{ApiServer, Asked};
use crate::status::{Body, ParentBody};
use http::Method;

const US: &str = "tidegate.dev/gateway-controller";

/// A writer that runs beside an API server.
struct World {
    server: ApiServer,
    queue: StatusQueue,
    leads: watch::Sender<bool>,
}

impl World {
    fn new() -> Self {
        let server = ApiServer::new();
        let leads = watch::Sender::new(true);
        let (writer, queue) = StatusWriter::new(server.client(), US.into(), leads.subscribe());
        tokio::spawn(writer.run());
        Self { server, queue, leads }
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
    let writes = world.server.writes();
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
    assert_eq!(world.server.writes().len(), 1, "nothing differs");
    world.after(wanted("u", Truth::False)).await;
    assert_eq!(world.server.writes().len(), 2);
}

#[tokio::test(start_paused = true)]
async fn who_wrote_meanwhile_is_read_again_and_loses_nothing() {
    let world = World::new();
    let before = world.server.put(route(json!([])));
    world.server.intrude(route(json!([foreign("written meanwhile")])));
    world.queue.put(wanted("u", Truth::True));
    world.server.until(|server| server.writes().len() == 2).await;
    let answers: Vec<_> = world.server.writes().iter().map(|asked| asked.answered).collect();
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
    assert_eq!(world.server.writes().len(), 1);
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
    assert_eq!(world.server.writes().len(), 1);
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
    assert_eq!(world.server.writes(), []);
}

#[tokio::test(start_paused = true)]
async fn a_status_that_cannot_be_read_is_left_as_it_is() {
    let world = World::new();
    world.server.put(route(json!("none")));
    world.after(wanted("u", Truth::True)).await;
    assert_eq!(world.server.writes(), []);
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
    let writes = world.server.writes();
    assert_eq!(writes.len(), 1, "{writes:?}");
    assert_eq!(writes[0].method, Method::PATCH);
    assert_eq!(writes[0].path, "/apis/tidegate.dev/v1alpha1/namespaces/default/upstreams/pay/status");
    assert_eq!(writes[0].query["fieldManager"], "tidegate");
    assert_eq!(writes[0].query["force"], "true");
    assert_eq!(writes[0].body["status"], json!({ "observedGeneration": 5, "targets": { "total": 2 } }));
    assert_eq!(world.server.get(&upstream).unwrap()["status"]["targets"]["total"], 2);
}
