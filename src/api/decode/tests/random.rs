//! Manifests with something put where it does not belong.

use super::*;
use proptest::prelude::*;

/// Objects with every field that a rule looks at.
fn everything() -> Vec<Value> {
    serde_saphyr::from_multiple(include_str!("../../schema/rules/everything.yaml")).unwrap()
}

fn anything() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        (-2_i64..3).prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        "[ -~é\\\\x00]{0,12}".prop_map(Value::from),
        Just(json!("Exact")),
        Just(json!("/")),
    ];
    leaf.prop_recursive(2, 8, 3, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..3).prop_map(Value::from),
            prop::collection::btree_map("[a-z]{1,6}|name|type|value|kind", inner, 0..3)
                .prop_map(|map| Value::Object(map.into_iter().collect())),
        ]
    })
}

/// Every node of the tree, in order.
fn nodes(value: &mut Value, visit: &mut impl FnMut(&mut Value)) {
    visit(value);
    match value {
        Value::Object(fields) => fields.values_mut().for_each(|value| nodes(value, visit)),
        Value::Array(items) => items.iter_mut().for_each(|value| nodes(value, visit)),
        _ => {}
    }
}

fn replace(value: &mut Value, place: prop::sample::Index, with: Value) {
    let mut count = 0;
    nodes(value, &mut |_| count += 1);
    let place = place.index(count);
    let (mut index, mut with) = (0, Some(with));
    nodes(value, &mut |node| {
        if index == place
            && let Some(with) = with.take()
        {
            *node = with;
        }
        index += 1;
    });
}

proptest! {
    #[test]
    fn every_manifest_gets_a_verdict(
        which in 0..13_usize,
        changes in prop::collection::vec((any::<prop::sample::Index>(), anything()), 0..3),
    ) {
        let mut manifest = everything().swap_remove(which);
        let untouched = changes.is_empty();
        for (place, with) in changes {
            replace(&mut manifest, place, with);
        }
        match decode(manifest) {
            Decoded::Object { object, not_judged } => {
                prop_assert_eq!(not_judged, vec![]);
                // What was accepted is accepted again, and nothing more is filled in.
                let Decoded::Object { object: again, .. } = decode(written(&object)) else {
                    return Err(TestCaseError::fail(format!("refused again: {object:?}")));
                };
                prop_assert_eq!(object, again);
            }
            Decoded::Invalid(invalid) => {
                prop_assert!(!untouched, "{:?}", invalid.errors);
                prop_assert!(!invalid.errors.is_empty());
                // The schema must find it; serde's own words say no field.
                prop_assert!(
                    invalid.kind.is_none() || invalid.errors.iter().all(|error| !error.path.is_empty()),
                    "{:?}", invalid.errors
                );
            }
            Decoded::Ignored(_) => prop_assert!(!untouched),
        }
    }
}

fn written(object: &Object) -> Value {
    match object {
        Object::GatewayClass(object) => serde_json::to_value(object),
        Object::Gateway(object) => serde_json::to_value(object),
        Object::ListenerSet(object) => serde_json::to_value(object),
        Object::HttpRoute(object) => serde_json::to_value(object),
        Object::GrpcRoute(object) => serde_json::to_value(object),
        Object::TlsRoute(object) => serde_json::to_value(object),
        Object::TcpRoute(object) => serde_json::to_value(object),
        Object::UdpRoute(object) => serde_json::to_value(object),
        Object::ReferenceGrant(object) => serde_json::to_value(object),
        Object::BackendTlsPolicy(object) => serde_json::to_value(object),
        Object::XBackend(object) => serde_json::to_value(object),
        Object::XBackendTrafficPolicy(object) => serde_json::to_value(object),
        Object::XTelemetryPolicy(object) => serde_json::to_value(object),
        Object::Upstream(object) => serde_json::to_value(object),
        Object::GatewayParameters(object) => serde_json::to_value(object),
        Object::Ingress(object) => serde_json::to_value(object),
        Object::IngressClass(object) => serde_json::to_value(object),
        Object::Service(object) => serde_json::to_value(object),
        Object::EndpointSlice(object) => serde_json::to_value(object),
        Object::Secret(object) => serde_json::to_value(object),
        Object::ConfigMap(object) => serde_json::to_value(object),
        Object::ClusterTrustBundle(object) => serde_json::to_value(object),
        Object::Namespace(object) => serde_json::to_value(object),
    }
    .unwrap()
}
