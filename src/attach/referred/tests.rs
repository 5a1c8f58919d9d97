use super::*;
use crate::index::testing::events;

/// A Gateway with certificates in these namespaces.
fn gateway(class: &str, namespaces: &[&str]) -> String {
    let references: Vec<_> =
        namespaces.iter().map(|namespace| format!("{{name: cert, namespace: {namespace}}}")).collect();
    let references = references.join(", ");
    format!(
        "
apiVersion: gateway.networking.k8s.io/v1
kind: Gateway
metadata: {{name: of-{class}}}
spec:
  gatewayClassName: {class}
  listeners:
  - {{name: https, port: 443, protocol: HTTPS, tls: {{certificateRefs: [{references}]}}}}
"
    )
}

const GRANT: &str = "
apiVersion: gateway.networking.k8s.io/v1
kind: ReferenceGrant
metadata: {name: any, namespace: granting}
spec:
  from: [{group: gateway.networking.k8s.io, kind: Gateway, namespace: default}]
  to: [{group: '', kind: Secret}]
";

fn found(yaml: &[&str], options: &Options) -> Vec<String> {
    let mut index = Index::default();
    yaml.iter().flat_map(|yaml| events(yaml)).for_each(|event| index.handle(event));
    referred(&index, options).iter().map(|id| id.key.to_string()).collect()
}

#[test]
fn only_what_may_be_referred_to_is_asked_for() {
    let ours = gateway("tidegate", &["default", "granting", "secretive"]);
    let all = Options::standalone();
    assert_eq!(found(&[&ours, GRANT], &all), ["default/cert", "granting/cert"]);
    assert_eq!(found(&[&ours], &all), ["default/cert"]);
    let some = Options { watched: Some(["default".into()].into()), ..all };
    assert_eq!(found(&[&ours, GRANT], &some), ["default/cert"]);
}

#[test]
fn gateways_of_others_ask_for_nothing() {
    assert_eq!(found(&[&gateway("nginx", &["default"])], &Options::standalone()), [""; 0]);
    let both = [gateway("nginx", &["default"]), gateway("tidegate", &["default"])];
    assert_eq!(found(&[&both[0], &both[1]], &Options::standalone()), ["default/cert"]);
}

#[test]
fn a_gateway_whose_class_is_refused_for_a_while_keeps_its_secrets() {
    let class = "
apiVersion: gateway.networking.k8s.io/v1
kind: GatewayClass
metadata: {name: tidegate}
spec: {controllerName: tidegate.dev/gateway-controller, parametersRef: {group: x.y, kind: Z, name: n}}
";
    assert_eq!(found(&[&gateway("tidegate", &["default"]), class], &Options::standalone()), ["default/cert"]);
    let theirs = class.replace("tidegate.dev/gateway-controller", "example.com/other");
    assert_eq!(found(&[&gateway("tidegate", &["default"]), &theirs], &Options::standalone()), [""; 0]);
}

#[test]
fn policies_ask_for_what_they_refer_to_in_their_own_namespace() {
    let policy = "
apiVersion: gateway.networking.k8s.io/v1
kind: BackendTLSPolicy
metadata: {name: tls}
spec:
  targetRefs: [{group: '', kind: Service, name: shop}]
  validation:
    hostname: a.example
    caCertificateRefs:
    - {group: '', kind: ConfigMap, name: ca}
    - {group: '', kind: Secret, name: secret-ca}
    - {group: apps, kind: Deployment, name: none}
";
    assert_eq!(found(&[policy], &Options::standalone()), ["default/secret-ca", "default/ca"]);
}

#[test]
fn a_gateway_opens_only_the_secrets_of_sets_that_it_takes() {
    let taking = |from: &str| {
        gateway("tidegate", &["default"]).replace(
            "  listeners:",
            &format!("  allowedListeners: {{namespaces: {{from: {from}}}}}\n  listeners:"),
        )
    };
    let set = "
apiVersion: gateway.networking.k8s.io/v1
kind: ListenerSet
metadata: {name: more, namespace: team}
spec:
  parentRef: {name: of-tidegate, namespace: default}
  listeners:
  - name: https
    port: 443
    protocol: HTTPS
    tls: {certificateRefs: [{name: own}, {name: theirs, namespace: granting}, {name: secret, namespace: secretive}]}
";
    let grant = GRANT.replace("kind: Gateway, namespace: default", "kind: ListenerSet, namespace: team");
    let all = Options::standalone();
    assert_eq!(found(&[&taking("All"), set, &grant], &all), ["default/cert", "granting/theirs", "team/own"]);
    // What is granted to Gateways is not granted to their sets.
    assert_eq!(found(&[&taking("All"), set, GRANT], &all), ["default/cert", "team/own"]);
    for refused in ["Same", "None"] {
        assert_eq!(found(&[&taking(refused), set, &grant], &all), ["default/cert"]);
    }
    assert_eq!(found(&[&taking("All").replace("Name: tidegate", "Name: nginx"), set, &grant], &all), [""; 0]);
}
