use super::*;
use serde_json::json;

#[test]
fn a_stored_route_comes_back_as_it_was() {
    let stored = json!({
        "apiVersion": "gateway.networking.k8s.io/v1",
        "kind": "HTTPRoute",
        "metadata": {"name": "shop", "namespace": "default", "generation": 3},
        "spec": {
            "parentRefs": [{"group": "gateway.networking.k8s.io", "kind": "Gateway", "name": "edge", "port": 80}],
            "hostnames": ["shop.example.com"],
            "rules": [{
                "name": "cart",
                "matches": [{
                    "path": {"type": "PathPrefix", "value": "/cart"},
                    "headers": [{"type": "RegularExpression", "name": "x-v", "value": "[12]"}],
                    "queryParams": [{"type": "Exact", "name": "q", "value": "1"}],
                    "method": "GET",
                }],
                "filters": [
                    {"type": "RequestHeaderModifier", "requestHeaderModifier": {"set": [{"name": "a", "value": "b"}]}},
                    {"type": "URLRewrite", "urlRewrite": {"path": {"type": "ReplacePrefixMatch", "replacePrefixMatch": "/"}}},
                ],
                "backendRefs": [{"group": "", "kind": "Service", "name": "cart", "port": 8080, "weight": 9}],
                "timeouts": {"request": "10s", "backendRequest": "2s"},
                "retry": {"codes": [503], "attempts": 2, "backoff": "25ms"},
            }],
        },
    });
    let route: HttpRoute = serde_json::from_value(stored.clone()).unwrap();
    assert_eq!(route.spec.rules[0].backend_refs[0].backend.weight, 9);
    assert_eq!(serde_json::to_value(&route).unwrap(), stored);
}

#[test]
fn what_is_not_given_has_its_default() {
    let route: HttpRoute = serde_json::from_value(json!({
        "metadata": {"name": "shop"},
        "spec": {
            "parentRefs": [{"name": "edge"}],
            "rules": [
                {"backendRefs": [{"name": "a", "port": 80}]},
                {"matches": [{"method": "GET"}, {"headers": [{"name": "a", "value": "b"}]}]},
            ],
        },
    }))
    .unwrap();
    let parent = &route.spec.common.parent_refs[0];
    assert_eq!((parent.group.as_str(), parent.kind.as_str()), ("gateway.networking.k8s.io", "Gateway"));
    let [first, second] = route.spec.rules.as_slice() else { panic!("two rules") };
    let root = HttpPathMatch { type_: PathMatchType::PathPrefix, value: "/".to_owned() };
    assert_eq!(first.matches, [HttpRouteMatch { path: root.clone(), ..HttpRouteMatch::default() }]);
    let backend = &first.backend_refs[0].backend;
    assert_eq!(
        (backend.object.group.as_str(), backend.object.kind.as_str(), backend.weight),
        ("", "Service", 1)
    );
    assert_eq!(second.matches[0].path, root);
    assert_eq!(second.matches[1].headers[0].type_, ValueMatchType::Exact);
    let bare: HttpRoute = serde_json::from_value(json!({"metadata": {}, "spec": {}})).unwrap();
    assert_eq!(bare.spec.rules, [HttpRouteRule::default()]);
}

#[test]
fn mirrors_are_among_what_it_sends_traffic_to() {
    let mirror =
        |name: &str| json!({"type": "RequestMirror", "requestMirror": {"backendRef": {"name": name}}});
    let edit = json!({"type": "RequestHeaderModifier", "requestHeaderModifier": {"remove": ["a"]}});
    let route: HttpRoute = serde_json::from_value(json!({"metadata": {}, "spec": {"rules": [
        {"filters": [edit, mirror("rule")], "backendRefs": [{"name": "a", "filters": [mirror("backend")]}]},
        {"backendRefs": [{"name": "b"}]},
    ]}}))
    .unwrap();
    let mut names: Vec<_> = route.backends().iter().map(|object| object.name.as_str()).collect();
    names.sort_unstable();
    assert_eq!(names, ["a", "b", "backend", "rule"]);
}
