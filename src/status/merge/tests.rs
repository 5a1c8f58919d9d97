use super::*;
use crate::api::{Kind, ObjectId};
use crate::attach::Head;
use crate::attach::verdict::Truth;
use crate::infra::Address;
use crate::model::ObjectKey;
use crate::status::FEATURES;
use crate::status::GatewayAddress;
use serde_json::{Value, json};

const US: &str = "tidegate.dev/gateway-controller";

fn condition(type_: &'static str, truth: Truth) -> Condition {
    Condition { type_, truth, reason: "Because", message: "why".to_owned(), bad: false }
}

fn reference(value: Value) -> ParentReference {
    serde_json::from_value(value).unwrap()
}

fn parent(value: Value, truth: Truth) -> ParentBody {
    ParentBody { reference: reference(value), conditions: vec![condition("Accepted", truth)] }
}

fn wanted(body: Body) -> Wanted {
    let id = ObjectId { kind: Kind::HttpRoute, key: ObjectKey::new("default", "shop") };
    Wanted { id, head: Head { uid: "u".into(), generation: 5 }, body, notes: Vec::new(), bad: false }
}

fn at(text: &str) -> Time {
    Time(text.parse().unwrap())
}

/// Merges and returns the status as JSON.
fn merged(body: Body, newest: Option<Status>, now: &str) -> (Value, bool, usize) {
    let merged = merge(&wanted(body), newest.as_ref(), US, &at(now)).unwrap();
    let value = match &merged.status {
        Status::Class(status) => serde_json::to_value(status),
        Status::Gateway(status) => serde_json::to_value(status),
        Status::ListenerSet(status) => serde_json::to_value(status),
        Status::Route(status) => serde_json::to_value(status),
        Status::Policy(status) => serde_json::to_value(status),
        Status::Upstream(status) => serde_json::to_value(status),
        Status::Ingress(status) => serde_json::to_value(status),
    };
    (value.unwrap(), merged.changed, merged.left_out.len())
}

fn route_status(value: Value) -> Option<Status> {
    Some(Status::Route(serde_json::from_value(value).unwrap()))
}

fn foreign() -> Value {
    json!({
        "parentRef": {"group": "gateway.networking.k8s.io", "kind": "Gateway", "name": "unmanaged"},
        "controllerName": "example.com/other",
        "conditions": [{
            "type": "Accepted", "status": "True", "reason": "Accepted", "message": "",
            "observedGeneration": 1, "lastTransitionTime": "2020-01-01T00:00:00Z",
        }],
    })
}

fn own(parent_ref: Value, status: &str, generation: i64, time: &str) -> Value {
    json!({
        "parentRef": parent_ref,
        "controllerName": US,
        "conditions": [{
            "type": "Accepted", "status": status, "reason": "Because", "message": "why",
            "observedGeneration": generation, "lastTransitionTime": time,
        }],
    })
}

fn web() -> Value {
    json!({"group": "gateway.networking.k8s.io", "kind": "Gateway", "name": "web"})
}

fn web_section() -> Value {
    json!({"group": "gateway.networking.k8s.io", "kind": "Gateway", "name": "web", "sectionName": "http"})
}

#[test]
fn times_move_only_on_a_flip() {
    let body = |truth| Body::Route(vec![parent(web(), truth)]);
    let (first, changed, _) = merged(body(Truth::True), None, "2026-01-01T00:00:00.9Z");
    assert!(changed);
    assert_eq!(first, json!({"parents": [own(web(), "True", 5, "2026-01-01T00:00:00Z")]}));
    let (again, changed, _) = merged(body(Truth::True), route_status(first.clone()), "2026-02-02T00:00:00Z");
    assert_eq!((again, changed), (first.clone(), false), "the same meaning is the same status");
    let (flipped, changed, _) = merged(body(Truth::False), route_status(first), "2026-02-02T00:00:00Z");
    assert!(changed);
    assert_eq!(flipped["parents"][0]["conditions"][0]["lastTransitionTime"], "2026-02-02T00:00:00Z");
}

#[test]
fn a_new_generation_keeps_the_time() {
    let old = json!({"parents": [own(web(), "True", 4, "2020-01-01T00:00:00Z")]});
    let body = Body::Route(vec![parent(web(), Truth::True)]);
    let (status, changed, _) = merged(body, route_status(old), "2026-02-02T00:00:00Z");
    assert!(changed);
    assert_eq!(status, json!({"parents": [own(web(), "True", 5, "2020-01-01T00:00:00Z")]}));
}

#[test]
fn entries_of_others_stay_byte_for_byte_and_in_place() {
    let live = json!({"parents": [foreign(), own(web(), "True", 4, "2020-01-01T00:00:00Z"), foreign()]});
    let body = Body::Route(vec![parent(web_section(), Truth::True)]);
    let (status, _, _) = merged(body, route_status(live), "2026-02-02T00:00:00Z");
    let added = own(web_section(), "True", 5, "2026-02-02T00:00:00Z");
    assert_eq!(status, json!({"parents": [foreign(), foreign(), added]}), "the own entry's parent is gone");
    let (none, changed, _) =
        merged(Body::Route(vec![]), route_status(json!({"parents": [foreign()]})), "2026-02-02T00:00:00Z");
    assert_eq!((none, changed), (json!({"parents": [foreign()]}), false));
}

#[test]
fn an_entry_is_known_by_its_whole_parent_ref() {
    let live = json!({"parents": [own(web(), "True", 5, "2020-01-01T00:00:00Z"), own(web_section(), "False", 5, "2021-01-01T00:00:00Z")]});
    let body = Body::Route(vec![parent(web_section(), Truth::False), parent(web(), Truth::True)]);
    let (status, changed, _) = merged(body, route_status(live.clone()), "2026-02-02T00:00:00Z");
    assert_eq!((status, changed), (live, false), "order of the spec does not matter");
}

#[test]
fn conditions_of_other_types_stay_within_an_own_entry() {
    let mut live = own(web(), "True", 5, "2020-01-01T00:00:00Z");
    let ours_once = json!({
        "type": "PartiallyInvalid", "status": "True", "reason": "UnsupportedValue", "message": "",
        "observedGeneration": 4, "lastTransitionTime": "2020-01-01T00:00:00Z",
    });
    let theirs = json!({
        "type": "example.com/Seeded", "status": "True", "reason": "Seeded", "message": "",
        "observedGeneration": 2, "lastTransitionTime": "2020-01-01T00:00:00Z",
    });
    let accepted = live["conditions"][0].clone();
    live["conditions"] = json!([theirs, ours_once, accepted]);
    let body = Body::Route(vec![parent(web(), Truth::True)]);
    let (status, _, _) = merged(body, route_status(json!({"parents": [live]})), "2026-02-02T00:00:00Z");
    assert_eq!(status["parents"][0]["conditions"], json!([theirs, accepted]));
}

#[test]
fn a_newer_observation_is_not_overwritten() {
    let live = json!({"parents": [own(web(), "False", 6, "2020-01-01T00:00:00Z")]});
    let body = Body::Route(vec![parent(web(), Truth::True)]);
    let (status, changed, _) = merged(body, route_status(live.clone()), "2026-02-02T00:00:00Z");
    assert_eq!((status, changed), (live, false));
}

#[test]
fn there_is_room_for_32_parents_and_others_come_first() {
    let live = json!({"parents": vec![foreign(); 31]});
    let body = Body::Route(vec![parent(web(), Truth::True), parent(web_section(), Truth::True)]);
    let (status, _, left_out) = merged(body, route_status(live), "2026-02-02T00:00:00Z");
    let parents = status["parents"].as_array().unwrap();
    assert_eq!((parents.len(), left_out), (32, 1));
    assert!(parents[..31].iter().all(|entry| *entry == foreign()));
}

#[test]
fn a_gateway_keeps_what_others_say_of_its_listeners() {
    let theirs = json!({
        "type": "example.com/Seeded", "status": "True", "reason": "Seeded", "message": "",
        "observedGeneration": 2, "lastTransitionTime": "2020-01-01T00:00:00Z",
    });
    let listener = |name: &str| ListenerBody {
        name: name.into(),
        supported_kinds: Vec::new(),
        attached_routes: 3,
        conditions: vec![condition("Accepted", Truth::True)],
    };
    let live = serde_json::from_value(json!({
        "attachedListenerSets": 2,
        "conditions": [theirs],
        "listeners": [
            {"name": "gone", "attachedRoutes": 1, "conditions": [theirs]},
            {"name": "http", "attachedRoutes": 1, "conditions": [theirs]},
        ],
    }))
    .unwrap();
    let body = Body::Gateway {
        conditions: vec![condition("Accepted", Truth::True)],
        addresses: vec![
            GatewayAddress { address: Address::Ip("::1".parse().unwrap()), routability: None },
            GatewayAddress {
                address: Address::Ip("10.0.0.1".parse().unwrap()),
                routability: Some("Cluster"),
            },
            GatewayAddress { address: Address::Hostname("a.example".to_owned()), routability: Some("") },
        ],
        listeners: vec![listener("http"), listener("new")],
        attached_sets: Some(1),
    };
    let (status, _, _) = merged(body, Some(Status::Gateway(live)), "2026-02-02T00:00:00Z");
    assert_eq!(status["conditions"][0], theirs);
    assert_eq!(status["conditions"][1]["observedGeneration"], 5);
    assert_eq!(
        status["addresses"],
        json!([
            {"type": "IPAddress", "value": "::1"},
            {"type": "IPAddress", "value": "10.0.0.1", "routability": "Cluster"},
            {"type": "Hostname", "value": "a.example", "routability": ""},
        ])
    );
    assert_eq!(status["attachedListenerSets"], 1);
    let listeners = status["listeners"].as_array().unwrap();
    assert_eq!(
        (listeners.len(), &listeners[0]["name"], &listeners[1]["name"]),
        (2, &json!("http"), &json!("new"))
    );
    assert_eq!(listeners[0]["conditions"][0], theirs);
    assert_eq!(listeners[0]["supportedKinds"], json!([]), "an empty list is written, not left out");
}

#[test]
fn sets_are_counted_where_there_is_something_to_count() {
    let body = |attached_sets| Body::Gateway {
        conditions: Vec::new(),
        addresses: Vec::new(),
        listeners: Vec::new(),
        attached_sets,
    };
    let live = |sets: i32| {
        Some(Status::Gateway(serde_json::from_value(json!({"attachedListenerSets": sets})).unwrap()))
    };
    let count = |attached_sets, live| {
        let (status, ..) = merged(body(attached_sets), live, "2026-02-02T00:00:00Z");
        status["attachedListenerSets"].clone()
    };
    assert_eq!(count(Some(0), None), 0);
    assert_eq!(count(None, live(2)), 0, "one that takes none any more");
    // A CRD that does not know the field drops it, and it would be written again and again.
    assert_eq!(count(None, None), Value::Null);
}

#[test]
fn a_listener_set_keeps_what_others_say_and_loses_what_it_was_made_with() {
    let theirs = json!({
        "type": "example.com/Issued", "status": "True", "reason": "Issued", "message": "",
        "observedGeneration": 2, "lastTransitionTime": "2020-01-01T00:00:00Z",
    });
    // As the schema fills it in.
    let waiting = json!({
        "type": "Accepted", "status": "Unknown", "reason": "Pending", "message": "Waiting for controller",
        "lastTransitionTime": "1970-01-01T00:00:00Z",
    });
    let live = json!({
        "conditions": [waiting, theirs],
        "listeners": [{"name": "http", "attachedRoutes": 0, "conditions": [theirs]}],
    });
    let body = Body::ListenerSet {
        conditions: vec![condition("Accepted", Truth::True)],
        listeners: vec![ListenerBody {
            name: "http".into(),
            supported_kinds: Vec::new(),
            attached_routes: 2,
            conditions: vec![condition("Accepted", Truth::True)],
        }],
    };
    let live = Some(Status::ListenerSet(serde_json::from_value(live).unwrap()));
    let (status, changed, _) = merged(body.clone(), live, "2026-02-02T00:00:00Z");
    assert!(changed);
    assert_eq!((&status["conditions"][0]["status"], &status["conditions"][1]), (&json!("True"), &theirs));
    assert_eq!(status["conditions"][0]["lastTransitionTime"], "2026-02-02T00:00:00Z");
    let listener = &status["listeners"][0];
    assert_eq!((&listener["attachedRoutes"], &listener["conditions"][0]), (&json!(2), &theirs));
    let again = Some(Status::ListenerSet(serde_json::from_value(status).unwrap()));
    assert!(!merged(body, again, "2027-01-01T00:00:00Z").1);
}

#[test]
fn features_are_sorted_as_the_api_demands() {
    assert!(FEATURES.is_sorted());
    let body =
        Body::Class { conditions: vec![condition("Accepted", Truth::True)], features: FEATURES.to_vec() };
    let (status, _, _) = merged(body, None, "2026-02-02T00:00:00Z");
    assert_eq!(status["supportedFeatures"].as_array().unwrap().len(), FEATURES.len());
}

fn ancestor(controller: &str, name: &str, status: &str, time: &str) -> Value {
    json!({
        "ancestorRef": {"group": "gateway.networking.k8s.io", "kind": "Gateway", "namespace": "default", "name": name},
        "controllerName": controller,
        "conditions": [{
            "type": "Accepted", "status": status, "reason": "Because", "message": "why",
            "observedGeneration": 5, "lastTransitionTime": time,
        }],
    })
}

fn policy(names: &[&str]) -> Body {
    let reference = |name: &&str| json!({"group": "gateway.networking.k8s.io", "kind": "Gateway", "namespace": "default", "name": name});
    Body::Policy(names.iter().map(|name| parent(reference(name), Truth::True)).collect())
}

fn policy_status(ancestors: &[Value]) -> Option<Status> {
    Some(Status::Policy(serde_json::from_value(json!({"ancestors": ancestors})).unwrap()))
}

#[test]
fn ancestors_are_merged_like_parents_and_there_are_fewer() {
    let (then, now) = ("2020-01-01T00:00:00Z", "2026-02-02T00:00:00Z");
    let foreign = ancestor("example.com/other", "web", "False", then);
    let live = [foreign.clone(), ancestor(US, "gone", "True", then), ancestor(US, "web", "True", then)];
    let (status, changed, left_out) = merged(policy(&["web", "new"]), policy_status(&live), now);
    let ancestors = [foreign.clone(), live[2].clone(), ancestor(US, "new", "True", now)];
    assert_eq!((status, changed, left_out), (json!({"ancestors": ancestors}), true, 0));

    let full = vec![foreign; 15];
    let (status, _, left_out) = merged(policy(&["web", "new"]), policy_status(&full), now);
    assert_eq!((status["ancestors"].as_array().unwrap().len(), left_out), (16, 1));

    let full = policy_status(&[full, vec![ancestor("example.com/other", "web", "False", then); 16]].concat());
    let mut xbackend = wanted(policy(&["web", "new"]));
    xbackend.id.kind = Kind::XBackend;
    let merged = merge(&xbackend, full.as_ref(), US, &at(now)).unwrap();
    assert_eq!(merged.left_out.len(), 1, "an XBackend has room for 32");
}

#[test]
fn nothing_is_written_where_there_is_nothing_to_say() {
    for body in [Body::Route(vec![]), policy(&[])] {
        let (_, changed, _) = merged(body, None, "2026-02-02T00:00:00Z");
        assert!(!changed, "an object of another controller is left alone");
    }
    let own = [ancestor(US, "gone", "True", "2020-01-01T00:00:00Z")];
    let (status, changed, _) = merged(policy(&[]), policy_status(&own), "2026-02-02T00:00:00Z");
    assert_eq!((status, changed), (json!({"ancestors": []}), true));
}
