//! What `kubectl` takes, and what is filled in.

use super::*;
use crate::api::gateway::PathMatchType;

#[test]
fn kinds_of_others_are_ignored() {
    for (api_version, kind) in [
        ("apps/v1", "Deployment"),
        ("v1", "Pod"),
        ("v1", "ServiceAccount"),
        ("networking.istio.io/v1", "Gateway"),
        ("serving.knative.dev/v1", "Service"),
        ("gateway.networking.x-k8s.io/v1alpha1", "XMesh"),
    ] {
        let manifest =
            json!({"apiVersion": api_version, "kind": kind, "metadata": {"name": "a", "namespace": "b"}});
        let ignored = Ignored {
            api_version: api_version.to_owned(),
            kind: kind.to_owned(),
            key: Some(ObjectKey::new("b", "a")),
        };
        assert_eq!(decode(manifest), Decoded::Ignored(ignored));
    }
}

#[test]
fn a_gateway() {
    let Object::Gateway(gateway) = accepted(
        "
apiVersion: gateway.networking.k8s.io/v1
kind: Gateway
metadata: {name: edge}
spec:
  gatewayClassName: tidegate
  listeners:
  - {name: http, port: 80, protocol: HTTP}
  - name: https
    port: 443.0
    protocol: HTTPS
    hostname: '*.example.com'
    tls: {certificateRefs: [{name: cert}]}
",
    ) else {
        panic!("a Gateway")
    };
    assert_eq!(gateway.metadata.namespace.as_deref(), Some("default"));
    assert_eq!(gateway.metadata.uid, None);
    assert_eq!(gateway.status, None);
    let [http, https] = gateway.spec.listeners.as_slice() else { panic!("two listeners") };
    assert_eq!((http.port, https.port), (80, 443));
    assert_eq!(serde_json::to_value(&http.allowed_routes).unwrap(), json!({"namespaces": {"from": "Same"}}));
    assert_eq!(
        serde_json::to_value(&https.tls).unwrap(),
        json!({"mode": "Terminate", "certificateRefs": [{"group": "", "kind": "Secret", "name": "cert"}]})
    );
}

#[test]
fn a_route_in_the_older_version() {
    let Object::HttpRoute(route) = accepted(
        "
apiVersion: gateway.networking.k8s.io/v1beta1
kind: HTTPRoute
metadata:
  name: shop
  namespace: web
  uid: 4a0d3a4e-0000-0000-0000-000000000000
  generation: 7
  creationTimestamp: 2024-05-01T10:00:00Z
  labels: {app.kubernetes.io/name: shop, empty: ''}
  annotations: {Example.com/Note: anything goes here}
spec:
  parentRefs: [{name: edge}]
  rules:
  - matches: [{path: {value: /cart}}, {headers: [{name: x, value: z}]}]
    backendRefs: [{name: v1, port: 80, weight: 90}, {name: v2, port: 80, weight: 10}]
status:
  parents: [{nonsense: true}]
",
    ) else {
        panic!("an HTTPRoute")
    };
    assert_eq!(route.metadata.namespace.as_deref(), Some("web"));
    assert_eq!(route.metadata.generation, Some(7));
    let created = route.metadata.creation_timestamp.clone().map(|time| time.0.to_string());
    assert_eq!(created.as_deref(), Some("2024-05-01T10:00:00Z"));
    assert_eq!(route.status, None);
    let [cart, header] = route.spec.rules[0].matches.as_slice() else { panic!("two matches") };
    assert_eq!((cart.path.type_, cart.path.value.as_str()), (PathMatchType::PathPrefix, "/cart"));
    assert_eq!((header.path.type_, header.path.value.as_str()), (PathMatchType::PathPrefix, "/"));
    assert_eq!(route.spec.rules[0].backend_refs[1].backend.weight, 10);
}

#[test]
fn a_null_is_nothing() {
    accepted(
        "{apiVersion: v1, kind: Service, metadata: {name: a, labels: null}, \
         spec: {selector: null, ports: [{port: 80, name: null}]}}",
    );
    let Object::HttpRoute(route) = accepted(
        "{apiVersion: gateway.networking.k8s.io/v1, kind: HTTPRoute, metadata: {name: a, annotations: null}, \
         spec: {hostnames: null, rules: null}}",
    ) else {
        panic!("an HTTPRoute")
    };
    assert_eq!((route.spec.hostnames.len(), route.spec.rules.len()), (0, 1));
    // But not as an entry of a list, and not under an unknown name.
    assert_eq!(
        errors(
            "{apiVersion: gateway.networking.k8s.io/v1, kind: HTTPRoute, metadata: {name: a}, \
             spec: {hostnames: [null], rule: null}}"
        ),
        [
            "spec.rule: unknown field, did you mean \"rules\"?",
            "spec.hostnames[0]: must be a string, not null"
        ]
    );
}

#[test]
fn what_kubectl_get_wrote_can_be_read_back() {
    let items = expand(parse(
        "
apiVersion: v1
kind: List
metadata: {resourceVersion: ''}
items:
- apiVersion: v1
  kind: Namespace
  metadata:
    name: shop
    namespace: dropped
    labels: {team: a}
    managedFields:
    - apiVersion: v1
      fieldsType: FieldsV1
      fieldsV1: {'f:metadata': {'f:labels': {.: {}, 'f:team': {}}}}
      manager: kubectl
      operation: Update
  spec: {finalizers: [kubernetes]}
  status: {phase: Active}
- apiVersion: v1
  kind: Secret
  metadata: {name: s}
  data: {a: aGVsbG8=, b: ''}
  stringData: {b: plain}
",
    ));
    let decoded = items.into_iter().map(|item| match decode(item) {
        Decoded::Object { object, .. } => object,
        other => panic!("{other:?}"),
    });
    let objects: Vec<Object> = decoded.collect();
    let [Object::Namespace(namespace), Object::Secret(secret)] = objects.as_slice() else {
        panic!("{objects:?}")
    };
    assert_eq!(objects[0].key(), ObjectKey::new("", "shop"));
    let labels = namespace.metadata.labels.clone().unwrap();
    assert_eq!(labels["kubernetes.io/metadata.name"], "shop");
    assert_eq!(labels["team"], "a");
    assert_eq!(secret.type_.as_deref(), Some("Opaque"));
    let data = secret.data.clone().unwrap();
    assert_eq!((data["a"].0.as_slice(), data["b"].0.as_slice()), (b"hello".as_slice(), b"plain".as_slice()));
    assert_eq!(secret.string_data, None);
}

#[test]
fn a_service() {
    let Object::Service(service) = accepted(
        "
apiVersion: v1
kind: Service
metadata: {name: shop}
spec:
  selector: {app: shop}
  ports:
  - {name: http, port: 80}
  - {name: grpc, port: 81, targetPort: grpc, appProtocol: kubernetes.io/h2c}
",
    ) else {
        panic!("a Service")
    };
    let spec = serde_json::to_value(service.spec.as_ref().unwrap()).unwrap();
    assert_eq!(spec["type"], "ClusterIP");
    assert_eq!(
        spec["ports"],
        json!([
            {"name": "http", "port": 80, "protocol": "TCP", "targetPort": 80},
            {"name": "grpc", "port": 81, "protocol": "TCP", "targetPort": "grpc", "appProtocol": "kubernetes.io/h2c"},
        ])
    );
    accepted("{apiVersion: v1, kind: Service, metadata: {name: a}, spec: {clusterIP: None}}");
    accepted(
        "{apiVersion: v1, kind: Service, metadata: {name: a}, \
         spec: {type: ExternalName, externalName: a.example.com}}",
    );
}

#[test]
fn endpoint_slices() {
    let slice = |rest: &str| {
        format!("{{apiVersion: discovery.k8s.io/v1, kind: EndpointSlice, metadata: {{name: a}}, {rest}}}")
    };
    let Object::EndpointSlice(local) = accepted(&slice(
        "addressType: IPv4, endpoints: [{addresses: [127.0.0.1], conditions: {ready: true}}], ports: [{port: 9001}]",
    )) else {
        panic!("an EndpointSlice")
    };
    let ports = local.ports.as_ref().unwrap();
    assert_eq!((ports[0].name.as_deref(), ports[0].protocol.as_deref()), (Some(""), Some("TCP")));
    accepted(&slice("addressType: IPv6, endpoints: [{addresses: ['::1']}]"));
    // Where there are none, the controller of slices writes a null.
    accepted(&slice("addressType: FQDN, endpoints: null"));
}

#[test]
fn upstreams() {
    for url in [
        "http://127.0.0.1",
        "https://example.com",
        "https://example.com.:8443/v1/",
        "http://[::1]:80",
        "http://[2001:db8::1]/a%20b/c;d=e",
        "http://a_b:65535/@:'",
        "http://orders/",
    ] {
        accepted(&format!(
            "{{apiVersion: tidegate.dev/v1alpha1, kind: Upstream, metadata: {{name: a}}, \
             spec: {{targets: [{{name: a, url: \"{url}\"}}]}}}}"
        ));
    }
    let Object::Upstream(upstream) = accepted(
        "
apiVersion: tidegate.dev/v1alpha1
kind: Upstream
metadata: {name: orders}
spec:
  targets:
  - {name: a, serviceRef: {name: orders, namespace: shop, port: 80}, weight: 1000000}
  - {name: b, url: 'http://b'}
  retry: {}
",
    ) else {
        panic!("an Upstream")
    };
    assert_eq!(upstream.spec.targets[1].weight, 1);
    assert_eq!(upstream.spec.retry.as_ref().map(|retry| retry.attempts), Some(1));
}

#[test]
fn what_is_not_judged_is_said() {
    let not_judged = |yaml: &str| match decode(parse(yaml)) {
        Decoded::Object { not_judged, .. } => not_judged.iter().map(ToString::to_string).collect::<Vec<_>>(),
        other => panic!("{other:?}"),
    };
    assert_eq!(
        not_judged(
            "{apiVersion: v1, kind: Service, metadata: {name: a}, \
             spec: {ports: [{port: 80}], trafficDistribution: PreferClose}}"
        ),
        ["spec.trafficDistribution: the value, which means nothing to Tidegate"]
    );
    assert_eq!(
        not_judged("{apiVersion: v1, kind: Secret, metadata: {name: a}, type: kubernetes.io/basic-auth}"),
        ["data: what a Secret of type kubernetes.io/basic-auth must have"]
    );
}

#[test]
fn what_go_lets_through() {
    // An empty text is none, and base64 may be folded.
    let Object::Service(service) = accepted(
        "{apiVersion: v1, kind: Service, metadata: {name: 1a}, \
         spec: {type: '', sessionAffinity: '', ports: [{port: 80, protocol: '', targetPort: ''}]}}",
    ) else {
        panic!("a Service")
    };
    let spec = serde_json::to_value(service.spec.as_ref().unwrap()).unwrap();
    assert_eq!((&spec["type"], &spec["sessionAffinity"]), (&json!("ClusterIP"), &json!("None")));
    assert_eq!(spec["ports"], json!([{"port": 80, "protocol": "TCP", "targetPort": 80}]));
    let Object::Secret(secret) = accepted(
        "{apiVersion: v1, kind: Secret, metadata: {name: a}, type: '', data: {a: \"aGVs\\nbG8=\\n\"}}",
    ) else {
        panic!("a Secret")
    };
    assert_eq!(secret.data.as_ref().unwrap()["a"].0, b"hello");
    accepted(
        "{apiVersion: gateway.networking.k8s.io/v1, kind: Gateway, metadata: {name: a}, spec: \
         {gatewayClassName: a, addresses: [{value: 010.0.0.1}], listeners: [{name: a, port: 80, protocol: HTTP}]}}",
    );
}
