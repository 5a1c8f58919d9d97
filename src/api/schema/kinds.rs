//! The schema of each kind.

use super::node::Schema;
use crate::api::gateway_parameters::GatewayParameters;
use crate::api::ingress::{Ingress, IngressClass};
use crate::api::upstream::Upstream;
use crate::api::{
    ConfigMap, EndpointSlice, Kind, Namespace, ObjectMeta, Secret, Service, crds, trust_bundle,
};
use schemars::JsonSchema;
use schemars::generate::SchemaSettings;
use serde_json::Value;
use std::sync::LazyLock;

/// Makes [`of`] from one line a kind: how its schema is made, once, when it is first needed.
macro_rules! schemas {
    ($($kind:ident: $make:expr,)*) => {
        /// The schema of a kind. It fails only if the schema itself cannot be read.
        pub(crate) fn of(kind: Kind) -> Result<&'static Schema, &'static str> {
            let schema: &'static LazyLock<Result<Schema, String>> = match kind {
                $(Kind::$kind => {
                    static SCHEMA: LazyLock<Result<Schema, String>> = LazyLock::new(|| $make);
                    &SCHEMA
                })*
            };
            schema.as_ref().map_err(String::as_str)
        }
    };
}

schemas! {
    GatewayClass: embedded(include_str!("gateway-api-v1.7.0/gatewayclasses.json")),
    Gateway: embedded(include_str!("gateway-api-v1.7.0/gateways.json")),
    ListenerSet: embedded(include_str!("gateway-api-v1.7.0/listenersets.json")),
    HttpRoute: embedded(include_str!("gateway-api-v1.7.0/httproutes.json")),
    GrpcRoute: embedded(include_str!("gateway-api-v1.7.0/grpcroutes.json")),
    TlsRoute: embedded(include_str!("gateway-api-v1.7.0/tlsroutes.json")),
    TcpRoute: embedded(include_str!("gateway-api-v1.7.0/tcproutes.json")),
    UdpRoute: embedded(include_str!("gateway-api-v1.7.0/udproutes.json")),
    ReferenceGrant: embedded(include_str!("gateway-api-v1.7.0/referencegrants.json")),
    BackendTlsPolicy: embedded(include_str!("gateway-api-v1.7.0/backendtlspolicies.json")),
    XBackend: embedded(include_str!("gateway-api-v1.7.0/xbackends.json")),
    XBackendTrafficPolicy: embedded(include_str!("gateway-api-v1.7.0/xbackendtrafficpolicies.json")),
    XTelemetryPolicy: embedded(include_str!("gateway-api-v1.7.0/xtelemetrypolicies.json")),
    Upstream: read(crds::schema::<Upstream>()),
    GatewayParameters: read(crds::schema::<GatewayParameters>()),
    Ingress: typed::<Ingress>(),
    IngressClass: typed::<IngressClass>(),
    Service: typed::<Service>(),
    EndpointSlice: typed::<EndpointSlice>(),
    Secret: typed::<Secret>(),
    ConfigMap: typed::<ConfigMap>(),
    ClusterTrustBundle: embedded(trust_bundle::SCHEMA),
    Namespace: typed::<Namespace>(),
}

/// The schema of a kind that is given as text.
fn embedded(text: &str) -> Result<Schema, String> {
    read(serde_json::from_str(text).map_err(|error| error.to_string())?)
}

/// A custom resource's schema says of `metadata` only that it is an object: every object has the
/// same.
fn read(schema: Value) -> Result<Schema, String> {
    let mut schema: Schema = serde_json::from_value(schema).map_err(|error| error.to_string())?;
    schema.properties.insert("metadata".to_owned(), typed::<ObjectMeta>()?);
    for name in ["apiVersion", "kind"] {
        schema.properties.entry(name.to_owned()).or_default();
    }
    Ok(schema)
}

/// The schema of a kind that is not defined by one but by its type in Go.
fn typed<T: JsonSchema>() -> Result<Schema, String> {
    let generator =
        SchemaSettings::openapi3().with(|settings| settings.inline_subschemas = true).into_generator();
    let mut schema = generator.into_root_schema_for::<T>().to_value();
    loosen(&mut schema);
    serde_json::from_value(schema).map_err(|error| error.to_string())
}

/// In Go, what is missing has its zero value; what must not, [`crate::api::core`] knows. And an
/// object of which nothing more is known may have any field.
fn loosen(schema: &mut Value) {
    let Some(schema) = schema.as_object_mut() else { return };
    schema.remove("required");
    let closed = schema.contains_key("properties") || schema.contains_key("additionalProperties");
    if schema.get("type").is_some_and(|kind| kind == "object") && !closed {
        schema.insert("x-kubernetes-preserve-unknown-fields".to_owned(), Value::Bool(true));
    }
    if let Some(Value::Object(properties)) = schema.get_mut("properties") {
        properties.values_mut().for_each(loosen);
    }
    for inner in ["items", "additionalProperties"] {
        if let Some(inner) = schema.get_mut(inner) {
            loosen(inner);
        }
    }
}
