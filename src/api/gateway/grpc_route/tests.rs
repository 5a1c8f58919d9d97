use super::*;
use serde_json::json;

#[test]
fn a_stored_route_comes_back_as_it_was() {
    let edit = json!({"type": "RequestHeaderModifier", "requestHeaderModifier": {"remove": ["a"]}});
    let stored = json!({
        "apiVersion": "gateway.networking.k8s.io/v1",
        "kind": "GRPCRoute",
        "metadata": {"name": "cart", "namespace": "default", "generation": 3},
        "spec": {
            "parentRefs": [{"group": "gateway.networking.k8s.io", "kind": "Gateway", "name": "edge", "port": 80}],
            "useDefaultGateways": "All",
            "hostnames": ["cart.example.com"],
            "rules": [{
                "name": "get",
                "matches": [{
                    "method": {"type": "Exact", "service": "shop.Cart", "method": "Get"},
                    "headers": [{"type": "RegularExpression", "name": "x-v", "value": "[12]"}],
                }],
                "filters": [edit],
                "backendRefs": [{
                    "group": "", "kind": "Service", "name": "cart", "port": 8080, "weight": 9, "filters": [edit],
                }],
                "sessionPersistence": {"type": "Header", "header": {"name": "x-session"}},
            }],
        },
    });
    let route: GrpcRoute = serde_json::from_value(stored.clone()).unwrap();
    assert_eq!(route.backends()[0].name, "cart");
    assert_eq!(serde_json::to_value(&route).unwrap(), stored);
}

#[test]
fn what_is_not_given_has_its_default() {
    let spec = json!({"rules": [{"matches": [{"method": {"service": "a"}}]}]});
    let route: GrpcRoute = serde_json::from_value(json!({"metadata": {}, "spec": spec})).unwrap();
    let method = route.spec.rules[0].matches[0].method.as_ref().unwrap();
    assert_eq!((method.type_, method.method.as_deref()), (ValueMatchType::Exact, None));
    // Other than of an HTTPRoute, no rule is no rule.
    let route: GrpcRoute = serde_json::from_value(json!({"metadata": {}, "spec": {}})).unwrap();
    assert_eq!(route.spec, GrpcRouteSpec::default());
    assert_eq!((route.spec.rules.len(), GrpcRouteRule::default().matches.len()), (0, 0));
}
