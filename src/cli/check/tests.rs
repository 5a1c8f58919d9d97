use super::*;
use std::fs;

/// The text for a directory with these files.
fn text(files: &[(&str, &str)]) -> String {
    let root = tempfile::tempdir().unwrap();
    for (name, text) in files {
        fs::write(root.path().join(name), text).unwrap();
    }
    let reading = source::read(root.path()).unwrap();
    let mut pipeline = Pipeline::new(Options { decisions: Decisions::standalone(), acknowledgements: false });
    pipeline.step(reading.events.iter().cloned(), Instant::now());
    text::write(&Report::new(&reading, pipeline.statuses().cloned()))
}

const GATEWAY: &str = "\
apiVersion: gateway.networking.k8s.io/v1
kind: Gateway
metadata: {name: web}
spec:
  gatewayClassName: tidegate
  listeners: [{name: http, port: 8080, protocol: HTTP}]
";

#[test]
fn every_object_is_shown_with_its_place_and_conditions() {
    let route = "\
apiVersion: gateway.networking.k8s.io/v1
kind: HTTPRoute
metadata: {name: shop}
spec:
  parentRefs: [{name: web}]
  rules: [{backendRefs: [{name: shop, port: 80}]}]
---
apiVersion: v1
kind: Service
metadata: {name: shop}
spec: {ports: [{port: 80}]}
";
    assert_eq!(
        text(&[("gateway.yaml", GATEWAY), ("route.yaml", route)]),
        "\
ok   Gateway default/web     gateway.yaml:1
       Accepted           True    Accepted
       Programmed         True    Programmed
       ResolvedRefs       True    ResolvedRefs
       AddressesAssigned  True    AddressesAssigned
       listener http
         Accepted           True    Accepted
         Programmed         True    Programmed
         ResolvedRefs       True    ResolvedRefs
         Conflicted         False   NoConflicts
ok   HTTPRoute default/shop  route.yaml:1
       parent web
         Accepted      True    Accepted
         ResolvedRefs  True    ResolvedRefs
ok   Service default/shop    route.yaml:8

3 objects, all good
"
    );
}

#[test]
fn what_is_bad_is_marked_and_counted() {
    let route = "\
apiVersion: gateway.networking.k8s.io/v1
kind: HTTPRoute
metadata: {name: shop}
spec:
  parentRefs: [{name: web}]
  rules: [{backendRefs: [{name: shop, port: 80}]}]
---
apiVersion: gateway.networking.k8s.io/v1
kind: HTTPRoute
metadata: {name: typo}
spec:
  parentRef: [{name: web}]
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: shop}
";
    let written = text(&[("gateway.yaml", GATEWAY), ("route.yaml", route), ("z.yaml", "a: [")]);
    let has = |line: &str| assert!(written.lines().any(|l| l.starts_with(line)), "{line}\n---\n{written}");
    has("BAD  HTTPRoute default/shop  route.yaml:1");
    has("         ResolvedRefs  False ! BackendNotFound: ");
    has("BAD  HTTPRoute default/typo  route.yaml:8");
    has("       spec.parentRef: ");
    has("Wrong in files:");
    has("  z.yaml: does not parse: ");
    has("Not read:");
    has("  route.yaml:14: Deployment shop: Tidegate does not read Deployment of apps/v1");
    assert!(written.ends_with("\n3 objects, 3 bad\n"), "{written}");
}

#[test]
fn an_empty_directory_is_said_to_be_one() {
    assert_eq!(text(&[]), "0 objects, all good\nNo file is named *.yaml or *.yml, or all are empty.\n");
}
