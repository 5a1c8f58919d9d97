use super::*;
use crate::attach::Options;
use crate::index::testing::{events, id};

const KIND: Kind = Kind::BackendTlsPolicy;

/// A policy with these targets: Services, perhaps with a section behind a slash.
fn policy(name: &str, created: &str, targets: &[&str]) -> String {
    let target = |text: &&str| match text.split_once('/') {
        Some((name, section)) => {
            format!("{{group: '', kind: Service, name: {name}, sectionName: {section}}}")
        }
        None => format!("{{group: '', kind: Service, name: {text}}}"),
    };
    let targets = targets.iter().map(target).collect::<Vec<_>>().join(", ");
    format!(
        "
apiVersion: gateway.networking.k8s.io/v1
kind: BackendTLSPolicy
metadata: {{name: {name}, creationTimestamp: '{created}'}}
spec: {{targetRefs: [{targets}], validation: {{hostname: a.example, wellKnownCACertificates: System}}}}
"
    )
}

fn index(yaml: &[String]) -> Index {
    let mut index = Index::default();
    yaml.iter().flat_map(|yaml| events(yaml)).for_each(|event| index.handle(event));
    index
}

const OLD: &str = "2026-01-01T00:00:00Z";
const NEW: &str = "2026-01-02T00:00:00Z";

#[test]
fn the_oldest_holds_and_then_the_first_by_name() {
    let index = index(&[
        policy("a-new", NEW, &["shop"]),
        policy("c-old", OLD, &["shop"]),
        policy("b-old", OLD, &["shop"]),
        policy("older-elsewhere", "2025-01-01T00:00:00Z", &["other"]),
        policy("of-section", NEW, &["shop/https"]),
    ]);
    let shop = id(Kind::Service, "shop");
    let first = |section| first(&index, KIND, &shop, section).unwrap().name;
    assert_eq!(&*first(None), "b-old");
    assert_eq!(&*first(Some("https")), "of-section");
    let holds = |section| in_force(&index, KIND, &shop, section).unwrap().name;
    assert_eq!(&*holds("https"), "of-section", "although it is younger");
    assert_eq!(&*holds("http"), "b-old");
    assert_eq!(&*holds(""), "b-old", "a port without a name");
    assert_eq!(in_force(&index, KIND, &id(Kind::Service, "none"), "https"), None);
}

#[test]
fn one_that_cannot_be_decoded_is_where_it_says() {
    let text = policy("broken", OLD, &["shop/https", "other"]).replace("hostname: a.example, ", "");
    let index = index(&[text, policy("whole", NEW, &["other"])]);
    let attached = attached(&index, &id(KIND, "broken")).unwrap();
    assert_eq!(attached.created, 1_767_225_600);
    let sections: Vec<_> = attached.targets.iter().map(|target| target.section.as_deref()).collect();
    assert_eq!(sections, [Some("https"), None]);
    let holds = in_force(&index, KIND, &id(Kind::Service, "other"), "").unwrap();
    assert_eq!(&*holds.name, "broken");
}

const ROUTES: &str = "
apiVersion: gateway.networking.k8s.io/v1
kind: HTTPRoute
metadata: {name: direct}
spec: {parentRefs: [{name: web}], rules: [{backendRefs: [{name: shop, port: 80}]}]}
---
apiVersion: gateway.networking.k8s.io/v1
kind: HTTPRoute
metadata: {name: by-upstream}
spec: {parentRefs: [{name: web}], rules: [{backendRefs: [{name: up, group: tidegate.dev, kind: Upstream}]}]}
---
apiVersion: gateway.networking.k8s.io/v1
kind: HTTPRoute
metadata: {name: not-permitted, namespace: other}
spec: {parentRefs: [{name: web}], rules: [{backendRefs: [{name: shop, namespace: default, port: 80}]}]}
---
apiVersion: tidegate.dev/v1alpha1
kind: Upstream
metadata: {name: up}
spec: {targets: [{name: a, serviceRef: {name: shop, port: 80}}]}
";

#[test]
fn routes_are_found_from_both_ends() {
    let index = index(&[ROUTES.to_owned()]);
    let options = Options::standalone();
    let references = References { index: &index, options: &options };
    let names = |ids: BTreeSet<ObjectId>| ids.iter().map(ToString::to_string).collect::<Vec<_>>();
    let shop = id(Kind::Service, "shop");
    let found = names(routes_to(references, &shop));
    assert_eq!(found, ["HTTPRoute default/by-upstream", "HTTPRoute default/direct"]);
    assert_eq!(names(led_to(&index, &id(Kind::HttpRoute, "direct"))), ["Service default/shop"]);
    let both = ["Upstream default/up", "Service default/shop"];
    assert_eq!(names(led_to(&index, &id(Kind::HttpRoute, "by-upstream"))), both);
    assert_eq!(names(led_to(&index, &id(Kind::Upstream, "up"))), both);
}

#[test]
fn a_gateway_is_told_of_the_targets_that_it_reaches() {
    let key = |name: &str| ObjectKey::new("default", name);
    let bad = |reason, message: &str| Err(Verdict::new(reason, message));
    let standings = [
        Ok(None),
        bad(PolicyAccepted::Conflicted, "taken"),
        Ok(Some("only a part".to_owned())),
        bad(PolicyAccepted::Invalid, "reached by nobody"),
    ];
    let reached = [("a", [0].as_slice()), ("b", &[1]), ("c", &[0, 1, 2])];
    let reached = reached.map(|(name, targets)| (key(name), targets.iter().copied().collect()));
    let found = ancestors(reached.into(), &standings);
    let found: Vec<_> = found
        .iter()
        .map(|one| (&*one.gateway.name, one.accepted.reason, one.accepted.message.as_str()))
        .collect();
    assert_eq!(
        found,
        [
            ("a", PolicyAccepted::Accepted, "reached by nobody"),
            ("b", PolicyAccepted::Conflicted, "taken; reached by nobody"),
            ("c", PolicyAccepted::Accepted, "taken; only a part; reached by nobody"),
        ]
    );
}
