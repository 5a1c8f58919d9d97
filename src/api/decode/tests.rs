use super::*;
use serde_json::json;

fn parse(yaml: &str) -> Value {
    serde_saphyr::from_str(yaml).unwrap_or_else(|error| panic!("{error}\n{yaml}"))
}

fn accepted(yaml: &str) -> Object {
    match decode(parse(yaml)) {
        Decoded::Object { object, not_judged } if not_judged.is_empty() => object,
        other => panic!("{yaml}\n{other:?}"),
    }
}

#[test]
fn kinds_of_others_are_ignored() {
    for (api_version, kind) in [
        ("apps/v1", "Deployment"),
        ("v1", "ConfigMap"),
        ("v1", "ServiceAccount"),
        ("networking.istio.io/v1", "Gateway"),
        ("serving.knative.dev/v1", "Service"),
        ("gateway.networking.k8s.io/v1alpha2", "TCPRoute"),
        ("gateway.networking.x-k8s.io/v1alpha1", "XBackend"),
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
