use super::*;
use serde_json::json;

fn paths(kind: Kind, object: Value) -> Vec<String> {
    find(kind, &object).into_iter().map(|found| found.path).collect()
}

#[test]
fn each_field_is_found_with_its_indices() {
    let route = json!({"spec": {"rules": [
        {"retry": {"attempts": 101, "codes": [503]}},
        {"timeouts": {"request": "10s"}, "sessionPersistence": {}, "matches": [{"method": "CONNECT"}],
         "backendRefs": [{"name": "a"}, {"name": "b", "filters": [{"type": "ExternalAuth", "externalAuth": {"forwardBody": {"maxSize": 1048577}}}]}]},
    ]}});
    let found = find(Kind::HttpRoute, &route);
    let seen: Vec<_> = found.iter().map(|found| (found.path.as_str(), found.indices.as_slice())).collect();
    assert_eq!(
        seen,
        [
            ("spec.rules[1].matches[0].method", [1, 0].as_slice()),
            ("spec.rules[0].retry.attempts", &[0]),
            ("spec.rules[1].backendRefs[1].filters[0].externalAuth.forwardBody.maxSize", &[1, 1, 0]),
        ]
    );
}

#[test]
fn values_that_ask_for_what_happens_anyway_are_honoured() {
    let route = json!({"spec": {"useDefaultGateways": "None", "rules": [{
        "matches": [{"method": "GET"}], "retry": {"attempts": 100},
    }]}});
    assert_eq!(paths(Kind::HttpRoute, route), [""; 0]);
    let gateway = json!({"spec": {
        "allowedListeners": {"namespaces": {"from": "None"}},
        "listeners": [{"filters": {"requests": []}, "tls": {"mode": "Terminate"}}],
    }});
    assert_eq!(paths(Kind::Gateway, gateway), [""; 0]);
}

#[test]
fn filters_of_listeners_are_found_one_by_one() {
    let extension = json!({"type": "ExtensionRef", "extensionRef": {"name": "a"}});
    let asks =
        |size: u32| json!({"type": "ExternalAuth", "externalAuth": {"forwardBody": {"maxSize": size}}});
    let object = json!({"spec": {"listeners": [
        {"filters": {"requests": [asks(1_048_576), extension]}},
        {"filters": {"requests": [asks(1_048_577)]}},
    ]}});
    for kind in [Kind::Gateway, Kind::ListenerSet] {
        let found = find(kind, &object);
        let seen: Vec<_> = found.iter().map(|found| (found.path.as_str(), found.field.effect)).collect();
        assert_eq!(
            seen,
            [
                ("spec.listeners[0].filters.requests[1].extensionRef", Effect::RefusesListener),
                ("spec.listeners[1].filters.requests[0].externalAuth.forwardBody.maxSize", Effect::Told),
            ]
        );
    }
}

#[test]
fn fields_of_another_kind_are_not_looked_for() {
    let parameters = json!({"spec": {"service": {"type": "NodePort"}, "defaultScope": "All"}});
    assert_eq!(paths(Kind::GatewayParameters, parameters), ["spec.service"]);
}
