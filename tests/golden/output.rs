//! A step as text for people.

use serde_json::{Map, Value, json};
use tidegate::attach::verdict::Condition;
use tidegate::control::pipeline::Step;
use tidegate::status::{Body, GatewayAddress, ListenerBody, Wanted};

/// Everything that the step says, as YAML.
pub(crate) fn write(step: &Step) -> String {
    let delta = step.delta.as_ref().unwrap();
    assert!(delta.removals.is_empty(), "the first delta removes nothing");
    let mut resources = serde_json::to_value(&delta.upserts).unwrap();
    shorten(&mut resources);
    let statuses: Map<_, _> =
        step.statuses.iter().map(|wanted| (wanted.id.to_string(), status(wanted))).collect();
    let mut text = serde_saphyr::to_string(&json!({"resources": resources, "statuses": statuses})).unwrap();
    if !text.ends_with('\n') {
        text.push('\n');
    }
    text
}

/// Keys become one text, what is not set goes, and keys of certificates are not shown.
fn shorten(value: &mut Value) {
    match value {
        Value::Array(items) => items.iter_mut().for_each(shorten),
        Value::Object(fields) => {
            fields.values_mut().for_each(shorten);
            fields.retain(|name, value| !is_unset(value) && !name.ends_with("_pem"));
            if let Some(short) = short_key(fields) {
                *value = short;
            }
        }
        _ => {}
    }
}

fn is_unset(value: &Value) -> bool {
    match value {
        Value::Null | Value::Bool(false) => true,
        Value::Array(items) => items.is_empty(),
        Value::Object(fields) => fields.is_empty(),
        _ => false,
    }
}

/// `{namespace: a, name: b}` is `a/b`, and so on for keys that hold another.
fn short_key(fields: &Map<String, Value>) -> Option<Value> {
    let names: Vec<_> = fields.keys().map(String::as_str).collect();
    let text = |name: &str| match &fields[name] {
        Value::String(text) => text.clone(),
        other => other.to_string(),
    };
    Some(Value::String(match names.as_slice() {
        ["namespace", "name"] => format!("{}/{}", text("namespace"), text("name")),
        ["gateway", "name"] => format!("{}/{}", text("gateway"), text("name")),
        ["service", "port"] => format!("{}:{}", text("service"), text("port")),
        ["kind", "object"] => format!("{} {}", text("kind"), text("object")),
        [variant @ ("Service" | "Upstream" | "XBackend" | "Endpoints" | "Index" | "Name")]
            if !fields[*variant].is_object() =>
        {
            format!("{variant} {}", text(variant))
        }
        _ => return None,
    }))
}

fn status(wanted: &Wanted) -> Value {
    let mut status = Map::new();
    match &wanted.body {
        Body::Class { conditions: all, .. } => {
            status.insert("conditions".to_owned(), conditions(all));
        }
        Body::Upstream { conditions: all, targets } => {
            status.insert("conditions".to_owned(), conditions(all));
            status.insert("targets".to_owned(), json!(targets));
        }
        Body::Gateway { conditions: all, addresses, listeners: those, attached_sets } => {
            status.insert(
                "addresses".to_owned(),
                json!(addresses.iter().map(told_address).collect::<Vec<_>>()),
            );
            status.insert("conditions".to_owned(), conditions(all));
            status.insert("listeners".to_owned(), listeners(those));
            if let Some(sets) = attached_sets {
                status.insert("attachedListenerSets".to_owned(), json!(sets));
            }
        }
        Body::ListenerSet { conditions: all, listeners: those } => {
            status.insert("conditions".to_owned(), conditions(all));
            status.insert("listeners".to_owned(), listeners(those));
        }
        Body::Route(parents) => {
            let parents = parents.iter().map(|parent| {
                let mut reference = serde_json::to_value(&parent.reference).unwrap();
                shorten(&mut reference);
                json!({"parentRef": reference, "conditions": conditions(&parent.conditions)})
            });
            status.insert("parents".to_owned(), parents.collect());
        }
        Body::Policy(ancestors) => {
            let ancestors = ancestors.iter().map(|ancestor| {
                let mut reference = serde_json::to_value(&ancestor.reference).unwrap();
                shorten(&mut reference);
                json!({"ancestorRef": reference, "conditions": conditions(&ancestor.conditions)})
            });
            status.insert("ancestors".to_owned(), ancestors.collect());
        }
        Body::Ingress { conditions: all, addresses } => {
            let addresses = addresses.iter().map(ToString::to_string);
            status.insert("addresses".to_owned(), json!(addresses.collect::<Vec<_>>()));
            status.insert("told".to_owned(), conditions(all));
        }
        Body::IngressLeft { addresses } => {
            let addresses = addresses.iter().map(ToString::to_string);
            status.insert("left".to_owned(), json!(addresses.collect::<Vec<_>>()));
        }
        Body::Told(all) => {
            status.insert("told".to_owned(), conditions(all));
        }
        Body::Unwritten => {}
    }
    if !wanted.notes.is_empty() {
        status.insert("notes".to_owned(), json!(wanted.notes));
    }
    if wanted.bad {
        status.insert("bad".to_owned(), json!(true));
    }
    Value::Object(status)
}

fn listeners(all: &[ListenerBody]) -> Value {
    let each = all.iter().map(|listener| {
        let kinds: Vec<_> = listener.supported_kinds.iter().map(|kind| kind.kind.as_str()).collect();
        json!({
            "name": listener.name,
            "supportedKinds": kinds,
            "attachedRoutes": listener.attached_routes,
            "conditions": conditions(&listener.conditions),
        })
    });
    each.collect()
}

fn conditions(all: &[Condition]) -> Value {
    let line = |condition: &Condition| {
        let end =
            if condition.message.is_empty() { String::new() } else { format!(": {}", condition.message) };
        format!("{}={} {}{end}", condition.type_, condition.truth.as_str(), condition.reason)
    };
    all.iter().map(line).collect()
}

fn told_address(one: &GatewayAddress) -> String {
    format!("{} {}", one.address, one.routability.unwrap_or_default()).trim_end().to_owned()
}
