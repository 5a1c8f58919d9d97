use super::*;
use crate::api::ObjectId;
use crate::attach::Head;
use crate::attach::verdict::{Condition, Truth};
use crate::model::ObjectKey;
use crate::status::{Body, ListenerBody, ParentBody};
use serde_json::json;

const US: &str = "tidegate.dev/gateway-controller";

fn condition(type_: &'static str) -> Condition {
    Condition { type_, truth: Truth::True, reason: "Because", message: "why".to_owned(), bad: false }
}

fn wanted(kind: Kind, body: Body) -> Wanted {
    let id = ObjectId { kind, key: ObjectKey::new("default", "shop") };
    Wanted { id, head: Head { uid: "u".into(), generation: 5 }, body, notes: Vec::new(), bad: false }
}

fn route() -> Wanted {
    let reference = serde_json::from_value(json!({ "name": "web" })).unwrap();
    wanted(
        Kind::HttpRoute,
        Body::Route(vec![ParentBody { reference, conditions: vec![condition("Accepted")] }]),
    )
}

fn merged(wanted: &Wanted, newest: Option<&Value>) -> MergedJson {
    let now = Time("2026-01-01T00:00:00Z".parse().unwrap());
    merge_json(wanted, newest, US, &now).unwrap().unwrap()
}

/// As nobody here would write it: another form of the time, a field of tomorrow, another order.
fn odd_condition(type_: &str) -> Value {
    json!({
        "observedGeneration": 1, "type": type_, "status": "True", "reason": "R", "message": "",
        "lastTransitionTime": "2020-01-01T01:00:00.250+01:00", "tomorrow": { "a": [1, 2.50] },
    })
}

fn policy() -> Wanted {
    let reference = serde_json::from_value(json!({ "name": "web" })).unwrap();
    let entry = ParentBody { reference, conditions: vec![condition("Accepted")] };
    wanted(Kind::BackendTlsPolicy, Body::Policy(vec![entry]))
}

#[test]
fn entries_of_others_come_back_byte_for_byte() {
    for (wanted, list, reference) in
        [(route(), "parents", "parentRef"), (policy(), "ancestors", "ancestorRef")]
    {
        let foreign = json!({
            "tomorrow": true, "controllerName": "example.com/other",
            "conditions": [odd_condition("Accepted")], reference: { "name": "web" },
        });
        let first = merged(&wanted, Some(&json!({ list: [foreign] })));
        assert!(first.changed);
        assert_eq!(first.status[list].as_array().unwrap().len(), 2);
        assert_eq!(first.status[list][0].to_string(), foreign.to_string());

        let again = merged(&wanted, Some(&first.status));
        assert!(!again.changed);
        assert_eq!(again.status.to_string(), first.status.to_string());
    }
}

#[test]
fn conditions_and_fields_of_others_in_a_shared_status_come_back_byte_for_byte() {
    let listener = |name: &str| ListenerBody {
        name: name.into(),
        supported_kinds: Vec::new(),
        attached_routes: 1,
        conditions: vec![condition("Accepted")],
    };
    let body = Body::Gateway {
        conditions: vec![condition("Accepted")],
        addresses: Vec::new(),
        listeners: vec![listener("b"), listener("a")],
        attached_sets: None,
    };
    let live = json!({
        "tomorrow": 1,
        "conditions": [odd_condition("example.com/Scanned")],
        "listeners": [
            { "name": "a", "attachedRoutes": 0, "supportedKinds": [], "conditions": [odd_condition("example.com/A")] },
            { "name": "b", "attachedRoutes": 0, "supportedKinds": [], "conditions": [odd_condition("example.com/B")] },
        ],
    });
    let merged = merged(&wanted(Kind::Gateway, body), Some(&live)).status;
    assert_eq!(merged["tomorrow"], 1);
    assert_eq!(merged["conditions"][0].to_string(), live["conditions"][0].to_string());
    assert_eq!(merged["conditions"][1]["type"], "Accepted");
    for (at, was) in [(0, 1), (1, 0)] {
        let (new, old) = (&merged["listeners"][at], &live["listeners"][was]);
        assert_eq!((&new["name"], &new["attachedRoutes"]), (&old["name"], &json!(1)));
        assert_eq!(new["conditions"][0].to_string(), old["conditions"][0].to_string());
    }
}

#[test]
fn an_object_without_a_status_gets_one() {
    let merged = merged(&route(), None);
    assert!(merged.changed);
    assert_eq!(merged.status["parents"][0]["controllerName"], US);
}

#[test]
fn what_cannot_be_read_is_not_written_over() {
    let now = Time(jiff::Timestamp::UNIX_EPOCH);
    let error = merge_json(&route(), Some(&json!({ "parents": "none" })), US, &now).unwrap_err();
    assert!(error.to_string().contains("invalid type"), "{error}");
    let unwritten = wanted(Kind::HttpRoute, Body::Unwritten);
    assert_eq!(merge_json(&unwritten, None, US, &now).unwrap(), None);
}
