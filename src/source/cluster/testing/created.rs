//! What comes of an object that is posted.

use serde_json::Value;

/// In that namespace, and with a name that nobody could know before if it asks for one.
pub(super) fn created(mut object: Value, namespace: &str, version: u64) -> Value {
    let metadata = &mut object["metadata"];
    metadata["namespace"] = namespace.into();
    if let Some(prefix) = metadata["generateName"].as_str() {
        metadata["name"] = format!("{prefix}{version}").into();
    }
    object
}

/// With this begin the ClusterIPs that there are.
const SERVICE_CIDR: &str = "10.96.";

/// Whether a Service, if it is one, asks for no others.
pub(super) fn can_have_cluster_ips(object: &Value) -> bool {
    let ips = object.pointer("/spec/clusterIPs").and_then(Value::as_array);
    ips.into_iter().flatten().all(|ip| ip.as_str().unwrap().starts_with(SERVICE_CIDR))
}
