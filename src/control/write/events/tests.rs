use super::*;
use crate::api::Kind;
use crate::model::ObjectKey;
use crate::source::cluster::testing::{ApiServer, Asked};

struct World {
    server: ApiServer,
    events: Events,
    metrics: Arc<Metrics>,
}

impl World {
    fn new() -> Self {
        let (server, metrics) = (ApiServer::new(), Metrics::new());
        let (writer, events) =
            EventWriter::new(server.client(), "example.com/us".into(), "pod-a", metrics.clone());
        tokio::spawn(writer.run());
        Self { server, events, metrics }
    }

    fn tell(&self, kind: Kind, name: &str, message: &str) {
        let namespace = if kind.namespaced() { "web" } else { "" };
        let id = ObjectId { kind, key: ObjectKey::new(namespace, name) };
        let flip = Flip { reason: "Broken", message: message.to_owned() };
        self.events.tell(&id, &format!("uid of {name}").as_str().into(), flip);
    }

    /// All that was written, after nothing more is to be expected.
    async fn written(&self) -> Vec<Asked> {
        sleep(Duration::from_secs(60)).await;
        self.server.writes()
    }

    fn count(&self, result: EventWrite) -> u64 {
        self.metrics.controller().events(result).get()
    }
}

#[tokio::test(start_paused = true)]
async fn an_event_says_what_is_wrong_with_what() {
    let world = World::new();
    world.tell(Kind::Gateway, "gate", "Accepted=False: no listener");
    world.tell(Kind::GatewayClass, "class", "Accepted=False");
    let written = world.written().await;
    let paths: Vec<_> = written.iter().map(|asked| asked.path.as_str()).collect();
    assert_eq!(
        paths,
        ["/apis/events.k8s.io/v1/namespaces/web/events", "/apis/events.k8s.io/v1/namespaces/default/events"]
    );
    let mut event = written[0].body.clone();
    assert!(event["metadata"]["name"].as_str().unwrap().starts_with("gate."));
    assert!(event["eventTime"].is_string());
    for field in ["metadata", "eventTime", "apiVersion"] {
        event.as_object_mut().unwrap().remove(field);
    }
    assert_eq!(
        event,
        serde_json::json!({
            "kind": "Event", "type": "Warning", "reason": "Broken", "note": "Accepted=False: no listener",
            "action": "Reconcile", "reportingController": "example.com/us", "reportingInstance": "pod-a",
            "regarding": {
                "apiVersion": "gateway.networking.k8s.io/v1", "kind": "Gateway", "namespace": "web",
                "name": "gate", "uid": "uid of gate",
            },
        })
    );
    assert_eq!(written[1].body["regarding"]["namespace"], serde_json::Value::Null);
}

#[tokio::test(start_paused = true)]
async fn an_object_that_flaps_is_told_a_few_times_and_then_once_a_minute() {
    let world = World::new();
    for _ in 0..30 {
        world.tell(Kind::Gateway, "flaps", "Programmed=False");
    }
    world.tell(Kind::Gateway, "calm", "Programmed=False");
    assert_eq!(world.written().await.len(), BURST as usize + 1, "what is calm is told too");
    assert_eq!(world.count(EventWrite::Dropped), 30 - u64::from(BURST));
    for _ in 0..30 {
        world.tell(Kind::Gateway, "flaps", "Programmed=False");
    }
    assert_eq!(world.written().await.len(), BURST as usize + 2);
}

#[tokio::test(start_paused = true)]
async fn when_too_much_becomes_bad_at_once_the_rest_is_dropped_and_counted() {
    let world = World::new();
    for number in 0..MAX_WAITING + 5 {
        world.tell(Kind::HttpRoute, &format!("route-{number}"), "Accepted=False");
    }
    assert_eq!(world.count(EventWrite::Dropped), 5);
    assert_eq!(world.written().await.len(), MAX_WAITING);
    assert_eq!(world.count(EventWrite::Written), MAX_WAITING as u64);
}

#[tokio::test(start_paused = true)]
async fn one_that_cannot_be_written_does_not_hold_up_the_next_for_ever() {
    let world = World::new();
    world.server.away(true);
    world.tell(Kind::Gateway, "a", "Programmed=False");
    world.written().await;
    assert_eq!(world.count(EventWrite::Failed), 1);
    world.server.away(false);
    world.tell(Kind::Gateway, "b", "Programmed=False");
    world.written().await;
    assert_eq!(world.count(EventWrite::Written), 1);
}

#[test]
fn a_long_text_is_cut_where_a_character_ends() {
    let cut = shortened("ä".repeat(NOTE_LIMIT), NOTE_LIMIT);
    assert_eq!((cut.len(), cut.ends_with("ä…")), (NOTE_LIMIT - 1, true));
    assert_eq!(shortened("ä".to_owned(), NOTE_LIMIT), "ä");
}

#[test]
fn what_is_remembered_of_objects_is_bounded() {
    let (mut allowance, now) = (Allowance::default(), Instant::now());
    for number in 0..3 * MAX_OBJECTS {
        assert!(allowance.take(&number.to_string().as_str().into(), now));
    }
    assert!(allowance.0.len() <= MAX_OBJECTS);
    let mut later = Allowance::default();
    for number in 0..MAX_OBJECTS {
        later.take(&number.to_string().as_str().into(), now + EACH * u32::try_from(number % 2).unwrap());
    }
    later.take(&"new".into(), now + EACH);
    assert_eq!(later.0.len(), MAX_OBJECTS / 2 + 1, "who told nothing for a while is forgotten first");
}
