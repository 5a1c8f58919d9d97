//! Ingresses: what one change does, and that every request goes where the specification says.

use super::*;
use crate::infra::Address;
use crate::model::{Hostname, PathMatch, RuleHost};
use proptest::prelude::*;

/// An Ingress with one path of one host.
fn ingress(name: &str, created: &str, rest: &str) -> String {
    format!(
        "
apiVersion: networking.k8s.io/v1
kind: Ingress
metadata: {{name: {name}, uid: {name}, generation: 1, creationTimestamp: '{created}T00:00:00Z'}}
spec: {{{rest}}}
"
    )
}

fn path(host: &str, path: &str, service: &str) -> String {
    format!(
        "rules: [{{host: '{host}', http: {{paths: [{{path: '{path}', pathType: Prefix, backend: \
         {{service: {{name: {service}, port: {{number: 80}}}}}}}}]}}}}]"
    )
}

const OURS: &str = "ingressClassName: tidegate";

fn class(name: &str, annotations: &str) -> String {
    format!(
        "{{apiVersion: networking.k8s.io/v1, kind: IngressClass, metadata: {{name: {name}, generation: 1, \
         annotations: {{{annotations}}}}}, spec: {{controller: tidegate.dev/ingress-controller}}}}"
    )
}

fn listeners(fixture: &Fixture) -> Vec<String> {
    let all = fixture.pipeline.snapshot().upserts.into_iter();
    all.filter_map(|resource| match resource {
        Resource::Listener(listener) => Some(format!("{} {}", listener.key, listener.port)),
        _ => None,
    })
    .collect()
}

#[test]
fn who_loses_a_path_gets_it_when_the_other_goes() {
    let young = ingress("young", "2026-02-02", &format!("{OURS}, {}", path("a.example.com", "/x", "a")));
    let old = ingress("old", "2026-01-01", &format!("{OURS}, {}", path("a.example.com", "/x/", "b")));
    let mut fixture = Fixture::with(&[&young, &service("a"), &service("b")]);
    assert_eq!(fixture.targets("young"), ["Service default/a:80"]);
    let step = fixture.apply(&[&old]);
    assert_eq!(
        told(&step, Kind::Ingress, "old").unwrap(),
        ["Accepted=Accepted", "ResolvedRefs=ResolvedRefs"]
    );
    let lost = ["Accepted=Accepted", "ResolvedRefs=ResolvedRefs", "Conflicted=PathTaken"];
    assert_eq!(told(&step, Kind::Ingress, "young").unwrap(), lost);
    assert_eq!(
        (fixture.targets("old"), fixture.targets("young")),
        (vec!["Service default/b:80".to_owned()], vec![])
    );

    let step = fixture.delete(Kind::Ingress, "old");
    assert_eq!(told(&step, Kind::Ingress, "young").unwrap(), lost[..2]);
    assert_eq!(fixture.targets("young"), ["Service default/a:80"]);
    assert_eq!(step.gone, [id(Kind::Ingress, "old")]);
}

#[test]
fn an_edit_of_a_path_judges_that_ingress_alone() {
    let one = ingress("one", "2026-01-01", &format!("{OURS}, {}", path("a.example.com", "/x", "a")));
    let other = ingress("other", "2026-01-01", &format!("{OURS}, {}", path("a.example.com", "/y", "a")));
    let mut fixture = Fixture::with(&[&one, &other, &service("a")]);
    let step = fixture.apply(&[&one.replace("'/x'", "'/z'")]);
    assert_eq!(step.work, Work { routes: 1, ..Work::default() });
    assert_eq!(upserts(&step).len(), 1);
}

#[test]
fn annotations_count_without_a_new_generation() {
    let plain = ingress("one", "2026-01-01", &format!("{OURS}, {}", path("", "/x", "a")));
    let mut fixture = Fixture::with(&[&plain, &service("a")]);
    let annotated = plain.replace("uid:", "annotations: {nginx.ingress.kubernetes.io/auth-url: x}, uid:");
    let step = fixture.apply(&[&annotated]);
    assert_eq!(
        told(&step, Kind::Ingress, "one").unwrap(),
        ["Accepted=Accepted", "ResolvedRefs=ResolvedRefs", "tidegate.dev/NotHonoured=UnsupportedValue"]
    );
}

#[test]
fn an_ingress_that_leaves_its_class_gives_back_its_address() {
    let one = ingress("one", "2026-01-01", &format!("{OURS}, {}", path("", "/x", "a")));
    let mut fixture = Fixture::with(&[&one, &service("a")]);
    assert_eq!(listeners(&fixture), ["tidegate/http 8080"]);
    let body = |step: &Step| {
        step.statuses.iter().find(|wanted| wanted.id == id(Kind::Ingress, "one")).unwrap().body.clone()
    };
    let addresses = vec![Address::Ip([127, 0, 0, 1].into())];
    let step = fixture.apply(&[&one.replace("ingressClassName: tidegate", "ingressClassName: other")]);
    assert_eq!(body(&step), Body::IngressLeft { addresses: addresses.clone() });
    assert_eq!((listeners(&fixture), fixture.targets("one")), (vec![], vec![]));
    assert!(step.gone.contains(&id(Kind::IngressClass, "tidegate")), "its Gateway went with it");
    // And comes back.
    let step = fixture.apply(&[&one]);
    assert!(matches!(body(&step), Body::Ingress { addresses: back, .. } if back == addresses));
    assert_eq!(listeners(&fixture), ["tidegate/http 8080"]);
}

#[test]
fn a_default_class_takes_ingresses_without_one() {
    let one = ingress("one", "2026-01-01", &path("", "/x", "a"));
    let mut fixture = Fixture::with(&[&one, &service("a")]);
    assert_eq!(fixture.targets("one"), Vec::<String>::new());
    let default = "ingressclass.kubernetes.io/is-default-class: 'true'";
    fixture.apply(&[&class("ours", default)]);
    assert_eq!(fixture.targets("one"), ["Service default/a:80"]);
    assert_eq!(listeners(&fixture), ["ours/http 8080"]);
    // Another Gateway's listener, on another port: the route is where it was.
    fixture.apply(&[&class("ours", &format!("{default}, tidegate.dev/http-port: '81'"))]);
    assert_eq!(listeners(&fixture), ["ours/http 81"]);
    fixture.apply(&[&class("ours", "")]);
    assert_eq!(fixture.targets("one"), Vec::<String>::new());
}

#[test]
fn whose_certificate_a_host_has_follows_the_ingresses() {
    let tls = |name: &str| {
        format!(
            "{OURS}, tls: [{{hosts: [a.example.com], secretName: {name}}}], {}",
            path("a.example.com", &format!("/{name}"), "a")
        )
    };
    let (one, two) = (ingress("one", "2026-01-01", &tls("one")), ingress("two", "2026-02-01", &tls("two")));
    let mut fixture = Fixture::with(&[&one, &service("a")]);
    assert_eq!(listeners(&fixture), ["tidegate/http 8080", "tidegate/https-a.example.com 8443"]);
    let step = fixture.apply(&[&two]);
    let with = |reason: &str| {
        vec![
            "Accepted=Accepted".to_owned(),
            "ResolvedRefs=ResolvedRefs".to_owned(),
            format!("Certificates={reason}"),
        ]
    };
    assert_eq!(told(&step, Kind::Ingress, "two").unwrap(), with("HostTaken"));
    let step = fixture.delete(Kind::Ingress, "one");
    assert_eq!(told(&step, Kind::Ingress, "two").unwrap(), with("InvalidCertificateRef"));
    // What is said of the Secret is said anew when it comes, good or bad.
    let secret = "{apiVersion: v1, kind: Secret, metadata: {name: two}, type: kubernetes.io/tls, \
                  stringData: {tls.crt: no, tls.key: no}}";
    let step = fixture.apply(&[secret]);
    assert_eq!(told(&step, Kind::Ingress, "two").unwrap(), with("InvalidCertificateRef"));
}

/// One path of an Ingress, or its default backend, as plain as it can be said.
#[derive(Clone, Debug)]
struct Said {
    created: u8,
    name: usize,
    host: &'static str,
    /// Elements; of an exact path the text.
    path: Option<(&'static str, &'static str)>,
}

const HOSTS: [&str; 4] = ["", "a.x", "*.x", "b.a.x"];
const PATHS: [&str; 5] = ["/", "/a", "/a/", "/a/b", "/ab"];
const ASKED_HOSTS: [&str; 6] = ["a.x", "c.x", "b.a.x", "c.a.x", "x", "y"];
const ASKED_PATHS: [&str; 7] = ["/", "/a", "/a/", "/a/b", "/a/bc", "/ab", "/c"];

/// An Ingress: its age, and its rules as host with type and path; the last says whether it has a
/// default backend.
type Drawn = (u8, Vec<(&'static str, &'static str, &'static str)>, bool);

fn drawn() -> impl Strategy<Value = Vec<Drawn>> {
    let types = prop::sample::select(&["Exact", "Prefix", "ImplementationSpecific"][..]);
    let rule = (prop::sample::select(&HOSTS[..]), types, prop::sample::select(&PATHS[..]));
    prop::collection::vec((0..3_u8, prop::collection::vec(rule, 0..4), any::<bool>()), 1..5)
}

fn manifest(name: usize, (created, rules, default): &Drawn) -> String {
    let backend = |path: usize| format!("{{service: {{name: s{name}-{path}, port: {{number: 80}}}}}}");
    let rules: Vec<_> = rules
        .iter()
        .enumerate()
        .map(|(at, (host, type_, path))| {
            format!(
                "{{host: '{host}', http: {{paths: [{{path: '{path}', pathType: {type_}, backend: {}}}]}}}}",
                backend(at)
            )
        })
        .collect();
    let default = if *default || rules.is_empty() {
        format!(", defaultBackend: {}", backend(99))
    } else {
        String::new()
    };
    ingress(
        &format!("i{name}"),
        &format!("2026-01-0{}", created + 1),
        &format!("{OURS}, rules: [{}]{default}", rules.join(", ")),
    )
}

/// What every Ingress says, one entry for each host and path.
fn said(all: &[Drawn]) -> Vec<(Said, String)> {
    let mut said = Vec::new();
    for (name, (created, rules, default)) in all.iter().enumerate() {
        for (at, (host, type_, path)) in rules.iter().enumerate() {
            let path = Some((if *type_ == "Exact" { "Exact" } else { "Prefix" }, *path));
            said.push((Said { created: *created, name, host, path }, format!("s{name}-{at}")));
        }
        if *default || rules.is_empty() {
            let hosts: Vec<_> =
                if rules.is_empty() { vec![""] } else { rules.iter().map(|(host, ..)| *host).collect() };
            for host in hosts {
                said.push((Said { created: *created, name, host, path: None }, format!("s{name}-99")));
            }
        }
    }
    said
}

/// The specification, looked up by going through everything.
fn answer(all: &[(Said, String)], host: &str, path: &str) -> Option<String> {
    let elements =
        |path: &str| path.split('/').filter(|part| !part.is_empty()).map(str::to_owned).collect::<Vec<_>>();
    // How specific the host is.
    let host_rank = |wanted: &str| match wanted.strip_prefix('*') {
        _ if wanted == host => Some(3),
        Some(rest)
            if host.strip_suffix(rest).is_some_and(|label| !label.is_empty() && !label.contains('.')) =>
        {
            Some(2)
        }
        _ if wanted.is_empty() => Some(1),
        _ => None,
    };
    let path_rank = |wanted: Option<(&str, &str)>| match wanted {
        None => Some((0, 0)),
        Some(("Exact", exact)) => (exact == path).then_some((2, 0)),
        Some((_, prefix)) => {
            let wanted = elements(prefix);
            elements(path).starts_with(&wanted).then_some((1, wanted.len()))
        }
    };
    let matching = all.iter().enumerate().filter_map(|(at, (said, backend))| {
        let rank = (host_rank(said.host)?, path_rank(said.path)?);
        let first = (std::cmp::Reverse(said.created), std::cmp::Reverse(said.name), std::cmp::Reverse(at));
        Some(((rank, first), backend))
    });
    matching.max_by_key(|(rank, _)| *rank).map(|(_, backend)| backend.clone())
}

/// What is served: exactly one rule may be the first.
fn served(fixture: &Fixture, host: &str, path: &str) -> Option<String> {
    let mut found: Vec<((usize, usize), String)> = Vec::new();
    for resource in fixture.pipeline.snapshot().upserts {
        let Resource::Route(route) = resource else { continue };
        for rule in &route.rules {
            let attached = route.attachments.iter().any(|attachment| match rule.host.as_ref().unwrap() {
                RuleHost::Every => attachment.hostnames.is_empty(),
                RuleHost::Named(name) => attachment.hostnames.contains(name),
            });
            assert!(attached, "{rule:?} is in no table");
            let host_rank = match rule.host.as_ref().unwrap() {
                RuleHost::Named(name @ Hostname::Exact(_)) if name.matches(host) => 3,
                RuleHost::Named(Hostname::Wildcard(suffix))
                    if host
                        .strip_suffix(&**suffix)
                        .is_some_and(|label| !label.is_empty() && !label.contains('.')) =>
                {
                    2
                }
                RuleHost::Every => 1,
                RuleHost::Named(_) => continue,
            };
            let path_rank = match &rule.matches[0].path {
                PathMatch::Exact(exact) if **exact == *path => usize::MAX,
                PathMatch::Prefix(prefix)
                    if path
                        .strip_prefix(&**prefix)
                        .is_some_and(|rest| rest.is_empty() || rest.starts_with('/')) =>
                {
                    prefix.len()
                }
                _ => continue,
            };
            let backend = target(&rule.backends[0]);
            let name = backend.strip_prefix("Service default/").unwrap_or(&backend);
            found.push(((host_rank, path_rank), name.split(':').next().unwrap().to_owned()));
        }
    }
    let best = found.iter().map(|(rank, _)| *rank).max()?;
    let mut first = found.into_iter().filter(|(rank, _)| *rank == best).map(|(_, name)| name);
    let one = first.next();
    assert_eq!(first.next(), None, "two rules for {host}{path}");
    one
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 128, ..ProptestConfig::default() })]

    #[test]
    fn requests_go_where_the_specification_says(all in drawn(), order in any::<u64>(), gone in 0..6_usize) {
        let names = (0..5).flat_map(|name| [0, 1, 2, 3, 99].map(|path| service(&format!("s{name}-{path}"))));
        let mut fixture = Fixture::with(&names.collect::<Vec<_>>().iter().map(String::as_str).collect::<Vec<_>>());
        let mut manifests: Vec<_> = all.iter().enumerate().map(|(name, one)| manifest(name, one)).collect();
        let first = usize::try_from(order).unwrap_or_default() % manifests.len();
        manifests.rotate_left(first);
        for manifest in &manifests {
            fixture.apply(&[manifest]);
        }
        let mut said = said(&all);
        // Whoever is left has what the other had.
        if gone < all.len() {
            fixture.delete(Kind::Ingress, &format!("i{gone}"));
            said.retain(|(said, _)| said.name != gone);
        }
        for host in ASKED_HOSTS {
            for path in ASKED_PATHS {
                prop_assert_eq!(served(&fixture, host, path), answer(&said, host, path), "{}{}", host, path);
            }
        }
    }
}
