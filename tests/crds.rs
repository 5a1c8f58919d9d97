//! `crds/` holds what the types say.

#![allow(clippy::unwrap_used, clippy::panic)]

use std::collections::BTreeMap;
use std::path::Path;
use std::{env, fs};
use tidegate::proxy::Limits;

/// After a change of a type: `UPDATE_CRDS=1 cargo test --test crds` writes the files anew.
#[test]
fn the_files_are_what_the_types_say() {
    let folder = Path::new(".").join("crds");
    let crds = tidegate::api::crds().unwrap();
    if env::var_os("UPDATE_CRDS").is_some() {
        fs::create_dir_all(&folder).unwrap();
        for (name, yaml) in &crds {
            fs::write(folder.join(name), yaml).unwrap();
        }
    }
    let mut stored: Vec<String> = fs::read_dir(&folder)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    stored.sort();
    assert_eq!(stored, crds.iter().map(|(name, _)| name.clone()).collect::<Vec<_>>());
    for (name, yaml) in &crds {
        let stored = fs::read_to_string(folder.join(name)).unwrap();
        assert_eq!(&stored, yaml, "{name}: run UPDATE_CRDS=1 cargo test --test crds");
    }
}

/// What the API server demands of a structural schema and of one that goes with server-side apply.
#[test]
fn the_schema_is_one_the_api_server_takes() {
    for (name, yaml) in tidegate::api::crds().unwrap() {
        let crd: serde_json::Value = serde_saphyr::from_str(&yaml).unwrap();
        let version = &crd["spec"]["versions"][0];
        let schema = &version["schema"]["openAPIV3Schema"];
        structural(schema, &name);
        let columns = version["additionalPrinterColumns"].as_array().unwrap();
        let columns: Vec<&str> = columns.iter().map(|column| column["name"].as_str().unwrap()).collect();
        let columns_wanted: &[&str] = match name.as_str() {
            "gatewayparameters.yaml" => {
                assert_eq!(version["subresources"]["status"], serde_json::Value::Null, "no status");
                &["Age"]
            }
            "upstreams.yaml" => {
                assert_eq!(version["subresources"]["status"], serde_json::json!({}), "{name}");
                let targets = &schema["properties"]["spec"]["properties"]["targets"];
                assert_eq!(targets["x-kubernetes-list-type"], "map");
                assert_eq!(targets["x-kubernetes-list-map-keys"], serde_json::json!(["name"]));
                &["Targets", "Accepted", "Resolved", "Age"]
            }
            other => panic!("{other} is not expected"),
        };
        assert_eq!(columns, columns_wanted, "{name}");
    }
}

/// The page has a row for each field, and the defaults of the limits.
#[test]
fn the_page_on_parameters_has_every_field() {
    let crds = tidegate::api::crds().unwrap();
    let (_, yaml) = crds.iter().find(|(name, _)| name == "gatewayparameters.yaml").unwrap();
    let crd: serde_json::Value = serde_saphyr::from_str(yaml).unwrap();
    let spec = &crd["spec"]["versions"][0]["schema"]["openAPIV3Schema"]["properties"]["spec"];
    let groups = spec["properties"].as_object().unwrap();
    let fields = groups.iter().flat_map(|(group, schema)| {
        schema["properties"].as_object().unwrap().keys().map(move |field| format!("{group}.{field}"))
    });

    let page = include_str!("../docs/gateway-parameters.md");
    let rows = page.lines().filter_map(|line| {
        let mut cells = line.strip_prefix("| `")?.split(" | ");
        Some((cells.next()?.strip_suffix('`')?.to_owned(), cells.next()?.split(" (").next()?.to_owned()))
    });
    let documented: BTreeMap<String, String> = rows.collect();
    assert_eq!(documented.keys().cloned().collect::<Vec<_>>(), sorted(fields));

    let limits = Limits::default();
    let seconds = |time: std::time::Duration| format!("{}s", time.as_secs());
    for (field, default) in [
        ("limits.headBytes", limits.head_bytes.to_string()),
        ("limits.headFields", limits.head_fields.to_string()),
        ("limits.uriBytes", limits.uri_bytes.to_string()),
        ("limits.http2Streams", limits.http2_streams.to_string()),
        ("timeouts.head", seconds(limits.head_time)),
        ("timeouts.idle", seconds(limits.idle)),
        ("timeouts.tlsHandshake", seconds(limits.tls_handshake)),
    ] {
        assert_eq!(documented[field], default, "{field}");
    }
}

fn sorted(names: impl Iterator<Item = String>) -> Vec<String> {
    let mut names: Vec<_> = names.collect();
    names.sort();
    names
}

fn structural(schema: &serde_json::Value, path: &str) {
    assert!(schema["type"].is_string(), "{path} has a type");
    assert!(schema["description"].is_string(), "{path} says what it is");
    for keyword in ["nullable", "$ref", "anyOf", "oneOf", "allOf", "not"] {
        assert!(schema.get(keyword).is_none(), "{path} has {keyword}");
    }
    for key in schema["x-kubernetes-list-map-keys"].as_array().into_iter().flatten() {
        assert!(schema["items"]["required"].as_array().unwrap().contains(key), "{path} requires {key}");
    }
    for (name, field) in schema["properties"].as_object().into_iter().flatten() {
        structural(field, &format!("{path}.{name}"));
    }
    if let Some(items) = schema.get("items") {
        structural(items, &format!("{path}[]"));
    }
}
