use super::*;
use crate::api::gateway::GatewayStatus;
use crate::api::{Kind, ObjectId};
use crate::attach::Head;
use crate::attach::verdict::Truth;
use crate::model::ObjectKey;
use crate::status::{Body, ListenerBody, ParentBody};
use serde_json::{Value, json};

const US: &str = "tidegate.dev/gateway-controller";

fn condition(type_: &'static str, bad: bool, reason: &'static str, message: &str) -> Condition {
    let truth = if bad { Truth::False } else { Truth::True };
    Condition { type_, truth, reason, message: message.to_owned(), bad }
}

fn gateway(conditions: Vec<Condition>, listener: Vec<Condition>) -> Wanted {
    let listener = ListenerBody {
        name: "http".into(),
        supported_kinds: Vec::new(),
        attached_routes: 0,
        conditions: listener,
    };
    let (addresses, listeners) = (Vec::new(), vec![listener]);
    wanted(Kind::Gateway, Body::Gateway { conditions, addresses, listeners, attached_sets: None })
}

fn wanted(kind: Kind, body: Body) -> Wanted {
    let id = ObjectId { kind, key: ObjectKey::new("default", "a") };
    Wanted { id, head: Head::default(), body, notes: Vec::new(), bad: true }
}

fn live(type_: &str, status: &str) -> Value {
    json!({ "type": type_, "status": status, "reason": "R", "message": "", "lastTransitionTime": "2026-01-01T00:00:00Z" })
}

fn gateway_status(conditions: Value, listener: Value) -> Status {
    let status = json!({ "conditions": conditions,
        "listeners": [{ "name": "http", "attachedRoutes": 0, "supportedKinds": [], "conditions": listener }] });
    Status::Gateway(serde_json::from_value::<GatewayStatus>(status).unwrap())
}

fn told(wanted: &Wanted, live: Option<&Status>) -> Vec<String> {
    flips(wanted, live, US).into_iter().map(|flip| format!("{}|{}", flip.reason, flip.message)).collect()
}

#[test]
fn what_is_bad_and_was_not_is_told() {
    let bad = gateway(
        vec![condition("Accepted", true, "ListenersNotValid", "not accepted: listener http")],
        vec![condition("Accepted", true, "UnsupportedProtocol", "SCTP is not supported")],
    );
    let all = [
        "ListenersNotValid|Accepted=False: not accepted: listener http",
        "UnsupportedProtocol|listener http: Accepted=False: SCTP is not supported",
    ];
    assert_eq!(told(&bad, None), all);
    let good = gateway_status(json!([live("Accepted", "True")]), json!([live("Accepted", "Unknown")]));
    assert_eq!(told(&bad, Some(&good)), all);
    let half = gateway_status(json!([live("Accepted", "True")]), json!([live("Accepted", "False")]));
    assert_eq!(told(&bad, Some(&half)), all[..1]);
    let known = gateway_status(json!([live("Accepted", "False")]), json!([live("Accepted", "False")]));
    assert_eq!(told(&bad, Some(&known)), [""; 0]);
    let well = gateway(vec![condition("Accepted", false, "Accepted", "")], Vec::new());
    assert_eq!(told(&well, Some(&known)), [""; 0]);
}

#[test]
fn what_is_not_there_yet_is_no_news_but_what_was_there_is() {
    let pending =
        gateway(vec![condition("Programmed", true, "AddressNotAssigned", "no address yet")], Vec::new());
    assert_eq!(told(&pending, None), [""; 0]);
    let new = gateway_status(json!([live("Programmed", "Unknown")]), json!([]));
    assert_eq!(told(&pending, Some(&new)), [""; 0]);
    let before = gateway_status(json!([live("Programmed", "True")]), json!([]));
    assert_eq!(told(&pending, Some(&before)), ["AddressNotAssigned|Programmed=False: no address yet"]);
}

#[test]
fn a_condition_that_is_bad_when_it_is_true_flips_the_other_way() {
    let mut partial = condition("PartiallyInvalid", true, "UnsupportedValue", "Dropped Rule 1");
    partial.truth = Truth::True;
    let route = |conditions| {
        let reference = serde_json::from_value(json!({ "name": "web" })).unwrap();
        wanted(Kind::HttpRoute, Body::Route(vec![ParentBody { reference, conditions }]))
    };
    let status = |controller: &str, truth: &str| {
        let parent = json!({ "controllerName": controller, "parentRef": { "name": "web" },
            "conditions": [live("PartiallyInvalid", truth)] });
        Status::Route(serde_json::from_value(json!({ "parents": [parent] })).unwrap())
    };
    let news = ["UnsupportedValue|parent web: PartiallyInvalid=True: Dropped Rule 1"];
    assert_eq!(told(&route(vec![partial.clone()]), Some(&status(US, "False"))), news);
    assert_eq!(told(&route(vec![partial.clone()]), Some(&status(US, "True"))), [""; 0]);
    assert_eq!(told(&route(vec![partial]), Some(&status("example.com/other", "True"))), news);
}

#[test]
fn what_many_conditions_say_alike_is_told_once() {
    let same = || condition("ResolvedRefs", true, "BackendNotFound", "Service web/a does not exist");
    let parents = (0..20).map(|number| {
        let reference = serde_json::from_value(json!({ "name": format!("gate-{number}") })).unwrap();
        ParentBody { reference, conditions: vec![same()] }
    });
    let route = wanted(Kind::HttpRoute, Body::Route(parents.collect()));
    assert_eq!(
        told(&route, None),
        ["BackendNotFound|parent gate-0: ResolvedRefs=False: Service web/a does not exist"]
    );
    let various =
        (0..20).map(|number| condition("ResolvedRefs", true, "BackendNotFound", &number.to_string()));
    assert_eq!(told(&gateway(various.collect(), Vec::new()), None).len(), MOST);
}

#[test]
fn the_reason_why_something_is_not_served_is_told_and_not_that_it_is_not() {
    let why = "Secret web/cert does not exist";
    let listener = vec![
        condition("Accepted", false, "Accepted", ""),
        condition("Programmed", true, "Invalid", why),
        condition("ResolvedRefs", true, "InvalidCertificateRef", why),
    ];
    let said = format!("InvalidCertificateRef|listener http: ResolvedRefs=False: {why}");
    assert_eq!(told(&gateway(Vec::new(), listener), None), [said]);
}
