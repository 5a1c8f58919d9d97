//! No field of Gateway API goes unseen: each is honoured, or a condition says that it is not.

#![allow(clippy::unwrap_used, clippy::panic)]

use serde::Deserialize;
use serde_json::{Map, Value, json};
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::time::Instant;
use tidegate::api::{self, Decoded, Kind};
use tidegate::attach;
use tidegate::control::pipeline::{Options, Pipeline};
use tidegate::convert::unsupported::FIELDS;
use tidegate::index::Event;

/// Those of Gateway API, and Tidegate's own that go with them.
const SCHEMAS: [(Kind, &str); 14] = [
    (Kind::GatewayClass, include_str!("../src/api/schema/gateway-api-v1.7.0/gatewayclasses.json")),
    (Kind::Gateway, include_str!("../src/api/schema/gateway-api-v1.7.0/gateways.json")),
    (Kind::ListenerSet, include_str!("../src/api/schema/gateway-api-v1.7.0/listenersets.json")),
    (Kind::HttpRoute, include_str!("../src/api/schema/gateway-api-v1.7.0/httproutes.json")),
    (Kind::GrpcRoute, include_str!("../src/api/schema/gateway-api-v1.7.0/grpcroutes.json")),
    (Kind::TlsRoute, include_str!("../src/api/schema/gateway-api-v1.7.0/tlsroutes.json")),
    (Kind::TcpRoute, include_str!("../src/api/schema/gateway-api-v1.7.0/tcproutes.json")),
    (Kind::UdpRoute, include_str!("../src/api/schema/gateway-api-v1.7.0/udproutes.json")),
    (Kind::ReferenceGrant, include_str!("../src/api/schema/gateway-api-v1.7.0/referencegrants.json")),
    (Kind::BackendTlsPolicy, include_str!("../src/api/schema/gateway-api-v1.7.0/backendtlspolicies.json")),
    (Kind::XBackend, include_str!("../src/api/schema/gateway-api-v1.7.0/xbackends.json")),
    (
        Kind::XBackendTrafficPolicy,
        include_str!("../src/api/schema/gateway-api-v1.7.0/xbackendtrafficpolicies.json"),
    ),
    (Kind::XTelemetryPolicy, include_str!("../src/api/schema/gateway-api-v1.7.0/xtelemetrypolicies.json")),
    (Kind::GatewayParameters, include_str!("../crds/gatewayparameters.yaml")),
];

/// Written for people; there is nothing that a controller could do with it.
const FOR_PEOPLE: [(Kind, &str); 1] = [(Kind::GatewayClass, "spec.description")];

/// A change of base.yaml.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Edit {
    /// What is replaced, if it is not the field itself.
    at: Option<String>,
    /// By what.
    edit: Value,
    /// Not honoured, but this value of it is.
    but: Option<Value>,
    /// The schema refuses the edit, but an object that was stored under another may have it.
    #[serde(default)]
    stored: bool,
    /// The golden file that shows what comes of the field.
    golden: Option<String>,
}

type Edits = BTreeMap<String, BTreeMap<String, Edit>>;

fn honoured() -> Edits {
    serde_saphyr::from_str(include_str!("fields/honoured.yaml")).unwrap()
}

fn not_honoured() -> Edits {
    serde_saphyr::from_str(include_str!("fields/not-honoured.yaml")).unwrap()
}

fn edits(edits: &Edits, kind: Kind) -> impl Iterator<Item = (&str, &Edit)> {
    edits.get(kind.name()).into_iter().flatten().map(|(path, edit)| (path.as_str(), edit))
}

/// Whether the field lies at the path or below.
fn is_below(field: &str, path: &str) -> bool {
    field.strip_prefix(path).is_some_and(|rest| rest.is_empty() || rest.starts_with(['.', '[', '{']))
}

/// Fields that hold no other fields. With these, those that do are seen too.
fn leaves(schema: &Value, path: &str, found: &mut Vec<String>) {
    let mut below = Vec::new();
    for (name, field) in schema["properties"].as_object().into_iter().flatten() {
        below.push((format!("{path}.{name}"), field));
    }
    below.extend(schema.get("items").map(|items| (format!("{path}[]"), items)));
    below.extend(schema.get("additionalProperties").map(|values| (format!("{path}{{}}"), values)));
    if below.is_empty() {
        found.push(path.to_owned());
    }
    below.into_iter().for_each(|(path, schema)| leaves(schema, &path, found));
}

fn fields(schema: &str) -> Vec<String> {
    // JSON is YAML too; a definition has the schema inside.
    let mut schema: Value = serde_saphyr::from_str(schema).unwrap();
    if let Some(inner) = schema.pointer_mut("/spec/versions/0/schema/openAPIV3Schema") {
        schema = inner.take();
    }
    let mut found = Vec::new();
    leaves(&schema["properties"]["spec"], "spec", &mut found);
    found
}

#[test]
fn each_field_is_honoured_or_answered() {
    let (honoured, not_honoured) = (honoured(), not_honoured());
    let mut wrong = Vec::new();
    let mut count = 0;
    for (kind, schema) in SCHEMAS {
        let fields = fields(schema);
        count += fields.len();
        for field in &fields {
            let is_honoured = edits(&honoured, kind).any(|(path, _)| path == field);
            let answered = FIELDS.iter().find(|known| known.kind == kind && is_below(field, known.path));
            let partly = answered.is_some_and(|answered| {
                edits(&not_honoured, kind).any(|(path, edit)| path == answered.path && edit.but.is_some())
            });
            let for_people = FOR_PEOPLE.contains(&(kind, field));
            match (is_honoured, answered.is_some(), for_people) {
                (true, true, false) if partly => {}
                (true, false, false) | (false, true, false) | (false, false, true) => {}
                (false, false, false) => wrong.push(format!("{kind} {field}: nobody looks at it")),
                _ => wrong.push(format!("{kind} {field}: honoured and not honoured at once")),
            }
        }
        let gone = |path: &str| !fields.iter().any(|field| is_below(field, path));
        for (path, _) in edits(&honoured, kind).filter(|(path, _)| !fields.iter().any(|field| field == path))
        {
            wrong.push(format!("{kind} {path}: honoured.yaml has it, the schema has not"));
        }
        for field in FIELDS.iter().filter(|field| field.kind == kind && gone(field.path)) {
            wrong.push(format!("{kind} {}: FIELDS has it, the schema has not", field.path));
        }
    }
    assert_eq!(wrong, [""; 0]);
    // As many as the schemas have: a smaller number means that fields are no longer found.
    assert_eq!(count, 449);
    let samples: BTreeSet<_> = not_honoured
        .iter()
        .flat_map(|(kind, edits)| edits.keys().map(|path| (kind.as_str(), path.as_str())))
        .collect();
    assert_eq!(samples, FIELDS.iter().map(|field| (field.kind.name(), field.path)).collect());
}

#[test]
fn the_golden_file_of_each_honoured_field_sets_it() {
    let folder = Path::new(".").join("tests/golden");
    for (kind, _) in SCHEMAS {
        for (path, edit) in edits(&honoured(), kind) {
            let name = edit.golden.as_deref().unwrap_or_else(|| panic!("{kind} {path} names no golden file"));
            let file = folder.join(name).with_extension("yaml");
            let text = std::fs::read_to_string(&file)
                .unwrap_or_else(|error| panic!("{kind} {path}: {}: {error}", file.display()));
            let manifests = text.split("\n# Output\n").next().unwrap();
            let manifests: Vec<Value> =
                serde_saphyr::from_multiple(manifests.trim_end_matches("---")).unwrap();
            let mut objects = manifests.iter().filter(|manifest| manifest["kind"] == kind.name());
            assert!(objects.any(|object| is_set(object, path)), "{name}.yaml sets {kind} {path} nowhere");
        }
    }
}

#[test]
fn each_honoured_field_changes_what_is_served() {
    let base = base();
    let before = run(&base);
    assert_eq!(before, run(&base), "the same objects, the same outcome");
    for (kind, _) in SCHEMAS {
        for (path, edit) in edits(&honoured(), kind) {
            let after = run(&edited(&base, kind, path, edit, &edit.edit));
            assert_ne!(before.0, after.0, "{kind} {path} can be edited and nothing changes");
        }
    }
}

#[test]
fn each_field_that_is_not_honoured_is_named_in_a_condition() {
    let base = base();
    for (kind, _) in SCHEMAS {
        for (path, edit) in edits(&not_honoured(), kind) {
            let edit_it = edited(&base, kind, path, edit, &edit.edit);
            let (_, conditions) = if edit.stored { run_stored(&edit_it) } else { run(&edit_it) };
            assert!(names(&conditions, path), "no condition names {kind} {path}:\n{}", conditions.join("\n"));
            if let Some(but) = &edit.but {
                let (_, conditions) = run(&edited(&base, kind, path, edit, but));
                assert!(!names(&conditions, path), "{kind} {path}: {but}:\n{}", conditions.join("\n"));
            }
        }
    }
}

/// Whether one of the messages has the path, with an index wherever there is a list.
fn names(messages: &[String], path: &str) -> bool {
    let pattern = regex::escape(path).replace(r"\[\]", r"\[[0-9]+\]");
    let pattern = regex::Regex::new(&format!(r"{pattern}\b")).unwrap();
    messages.iter().any(|message| pattern.is_match(message))
}

fn base() -> Vec<Value> {
    let mut manifests: Vec<Value> = serde_saphyr::from_multiple(include_str!("fields/base.yaml")).unwrap();
    let certificate = rcgen::generate_simple_self_signed(["a.example.com".to_owned()]).unwrap();
    manifests.push(json!({
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": {"name": "cert", "namespace": "certs"},
        "type": "kubernetes.io/tls",
        "stringData": {"tls.crt": certificate.cert.pem(), "tls.key": certificate.signing_key.serialize_pem()},
    }));
    for namespace in ["app", "certs"] {
        manifests.push(json!({
            "apiVersion": "v1",
            "kind": "ConfigMap",
            "metadata": {"name": "ca", "namespace": namespace},
            "data": {"ca.crt": certificate.cert.pem()},
        }));
    }
    manifests
}

/// What the data plane is told, and every condition's message.
fn run(manifests: &[Value]) -> (Value, Vec<String>) {
    decide(manifests.iter().map(|manifest| match api::decode(manifest.clone()) {
        Decoded::Object { object, .. } => object,
        other => panic!("{manifest}\n{other:?}"),
    }))
}

/// The same for objects as an API server delivers them.
fn run_stored(manifests: &[Value]) -> (Value, Vec<String>) {
    decide(manifests.iter().map(|manifest| {
        let kind = Kind::ALL.into_iter().find(|kind| manifest["kind"] == kind.name()).unwrap();
        api::Object::from_value(kind, manifest.clone()).unwrap()
    }))
}

fn decide(objects: impl Iterator<Item = api::Object>) -> (Value, Vec<String>) {
    let mut pipeline =
        Pipeline::new(Options { decisions: attach::Options::standalone(), acknowledgements: false });
    pipeline.step(objects.map(Event::Apply).chain(Kind::ALL.map(Event::Listed)), Instant::now());
    let conditions = pipeline.statuses().flat_map(|wanted| {
        let conditions = wanted.conditions().into_iter();
        conditions
            .map(|(title, condition)| format!("{} {title}: {condition:?}", wanted.id))
            .collect::<Vec<_>>()
    });
    (serde_json::to_value(pipeline.snapshot()).unwrap(), conditions.collect())
}

/// The manifests with one node of one object changed: the first that is there, else one is made.
fn edited(base: &[Value], kind: Kind, path: &str, edit: &Edit, to: &Value) -> Vec<Value> {
    let at = edit.at.as_deref().unwrap_or(path);
    let mut manifests = base.to_vec();
    let objects = || manifests.iter().enumerate().filter(|(_, manifest)| manifest["kind"] == kind.name());
    let index = objects().find(|(_, object)| is_set(object, at)).or_else(|| objects().next()).unwrap().0;
    *node(&mut manifests[index], &segments(at)) = to.clone();
    manifests
}

/// `a[].b` as `a`, `[]`, `b`.
fn segments(path: &str) -> Vec<&str> {
    path.split('.')
        .flat_map(|part| {
            let end = part.find(['[', '{']).unwrap_or(part.len());
            [&part[..end], &part[end..]]
        })
        .filter(|segment| !segment.is_empty())
        .collect()
}

fn is_set(value: &Value, path: &str) -> bool {
    fn all_set(value: &Value, segments: &[&str]) -> bool {
        let Some((segment, rest)) = segments.split_first() else { return true };
        match *segment {
            "[]" => value.as_array().into_iter().flatten().any(|item| all_set(item, rest)),
            "{}" => value.as_object().into_iter().flat_map(Map::values).any(|item| all_set(item, rest)),
            name => value.get(name).is_some_and(|value| all_set(value, rest)),
        }
    }
    all_set(value, &segments(path))
}

fn node<'a>(value: &'a mut Value, segments: &[&str]) -> &'a mut Value {
    let Some((segment, rest)) = segments.split_first() else { return value };
    let path = rest.join(".").replace(".[]", "[]");
    match *segment {
        "[]" => {
            let items = value.as_array_mut().unwrap_or_else(|| panic!("no list before {rest:?}"));
            let index = items.iter().position(|item| is_set(item, &path)).unwrap_or(0);
            node(&mut items[index], rest)
        }
        "{}" => node(value.as_object_mut().unwrap().values_mut().next().unwrap(), rest),
        name => node(&mut value[name], rest),
    }
}
