//! The schemas of Gateway API that are kept in the tree.

#![allow(clippy::unwrap_used)]

use serde_json::Value;
use std::path::Path;
use std::{env, fs};

/// Those that only the experimental channel has, in a group of their own.
const EXPERIMENTAL: [&str; 3] = ["xbackends", "xbackendtrafficpolicies", "xtelemetrypolicies"];

const KINDS: [&str; 10] = [
    "backendtlspolicies",
    "gatewayclasses",
    "gateways",
    "grpcroutes",
    "httproutes",
    "listenersets",
    "referencegrants",
    "tcproutes",
    "tlsroutes",
    "udproutes",
];

/// With `GATEWAY_API_CRDS` set (see `tests/fixtures/gateway-api.sh`) it writes the fixture; always it
/// holds that the fixture is what would be written: without descriptions, in this form.
#[test]
fn the_fixture_is_what_the_script_makes() {
    let version = env::var("GATEWAY_API_VERSION").unwrap_or_else(|_| "v1.7.0".to_owned());
    let folder = Path::new(".").join(format!("src/api/schema/gateway-api-{version}"));
    if let Some(crds) = env::var_os("GATEWAY_API_CRDS") {
        fs::create_dir_all(&folder).unwrap();
        let group = |kind| if EXPERIMENTAL.contains(&kind) { "x-k8s.io" } else { "k8s.io" };
        for kind in all() {
            let file = Path::new(&crds).join(format!("gateway.networking.{}_{kind}.yaml", group(kind)));
            let crd: Value = serde_saphyr::from_str(&fs::read_to_string(file).unwrap()).unwrap();
            fs::write(folder.join(format!("{kind}.json")), text(&schema(&crd))).unwrap();
        }
    }
    for kind in all() {
        let stored = fs::read_to_string(folder.join(format!("{kind}.json"))).unwrap();
        let parsed: Value = serde_json::from_str(&stored).unwrap();
        assert!(parsed["properties"]["spec"]["properties"].is_object(), "{kind} has a spec");
        assert_eq!(stored, text(&strip(&parsed)), "{kind}");
    }
}

fn all() -> impl Iterator<Item = &'static str> {
    KINDS.into_iter().chain(EXPERIMENTAL)
}

/// The schema of v1, which v1beta1 shares; older ones are not read, unless there are no others.
fn schema(crd: &Value) -> Value {
    let versions = crd["spec"]["versions"].as_array().unwrap();
    let has_others = !versions.iter().all(is_alpha);
    let served =
        versions.iter().filter(|version| version["served"] == true && !(has_others && is_alpha(version)));
    let mut schemas: Vec<Value> =
        served.map(|version| strip(&version["schema"]["openAPIV3Schema"])).collect();
    schemas.dedup();
    assert_eq!(schemas.len(), 1, "{}: its versions differ", crd["metadata"]["name"]);
    schemas.remove(0)
}

fn is_alpha(version: &Value) -> bool {
    version["name"].as_str().unwrap().contains("alpha")
}

fn text(schema: &Value) -> String {
    serde_json::to_string_pretty(schema).unwrap() + "\n"
}

/// Without descriptions. A field may have that name too, but then it is an object.
fn strip(value: &Value) -> Value {
    match value {
        Value::Object(fields) => fields
            .iter()
            .filter(|(name, value)| *name != "description" || !value.is_string())
            .map(|(name, value)| (name.clone(), strip(value)))
            .collect(),
        Value::Array(items) => items.iter().map(strip).collect(),
        other => other.clone(),
    }
}
