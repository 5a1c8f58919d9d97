use super::*;
use crate::index::testing::events;

const SECOND: Duration = Duration::from_secs(1);

fn report(complete: bool, objects: &[(&str, i64)], gone: &[&str]) -> Report {
    Report {
        process: "p".into(),
        nodes: ["192.0.2.2".parse().unwrap()].into(),
        cursor: 1,
        version: 1,
        complete,
        objects: objects.iter().map(|(uid, generation)| ((*uid).into(), *generation)).collect(),
        gone: gone.iter().map(|uid| (*uid).into()).collect(),
    }
}

/// Replicas that are ready since now.
fn replicas(names: &[&str], now: Instant) -> Replicas {
    let mut replicas = Replicas::default();
    replicas.follow(addresses(names), now);
    replicas
}

fn addresses(names: &[&str]) -> BTreeMap<Arc<str>, SocketAddr> {
    let address = |at: usize| SocketAddr::from(([10, 0, 0, u8::try_from(at).unwrap()], 9901));
    names.iter().enumerate().map(|(at, name)| ((*name).into(), address(at))).collect()
}

fn set(names: &[&str]) -> BTreeSet<Arc<str>> {
    names.iter().map(|name| (*name).into()).collect()
}

#[test]
fn a_generation_is_served_once_each_replica_told_it_or_a_newer_one() {
    let now = Instant::now();
    let mut two = replicas(&["a", "b"], now);
    assert_eq!(two.standing("u", 2, now), Standing::Behind(set(&["a", "b"])));
    two.answered("a", report(true, &[("u", 2)], &[]), now);
    two.answered("b", report(true, &[("u", 1)], &[]), now);
    assert_eq!(two.standing("u", 2, now), Standing::Behind(set(&["b"])));
    two.answered("b", report(false, &[("u", 3), ("v", 1)], &[]), now);
    assert_eq!(two.standing("u", 2, now), Standing::Served(set(&[])));
    two.answered("b", report(false, &[], &["v"]), now);
    assert_eq!(two.standing("v", 1, now), Standing::Behind(set(&["a", "b"])));
    // A process that began anew.
    two.answered("b", report(true, &[("v", 1)], &[]), now);
    assert_eq!(two.standing("u", 2, now), Standing::Behind(set(&["b"])));
    assert_eq!(Replicas::default().standing("u", 2, now), Standing::Served(set(&[])), "nobody else is there");
}

#[test]
fn who_does_not_answer_for_ten_seconds_is_named_and_not_waited_for() {
    let now = Instant::now();
    let mut two = replicas(&["a", "b"], now);
    two.answered("a", report(true, &[("u", 1)], &[]), now + 4 * SECOND);
    assert_eq!(two.next_silent(now + 5 * SECOND), Some(now + 10 * SECOND));
    assert_eq!(two.standing("u", 1, now + 9 * SECOND), Standing::Behind(set(&["b"])));
    assert_eq!(two.standing("u", 1, now + 10 * SECOND), Standing::Served(set(&["b"])));
    assert_eq!(two.standing("u", 2, now + 10 * SECOND), Standing::Behind(set(&["a"])), "it answered");
    // What somebody told before it fell silent still counts.
    assert_eq!(two.standing("u", 1, now + 60 * SECOND), Standing::Served(set(&["b"])));
    assert_eq!(two.still_behind(&set(&["b"]), "u", 1), set(&["b"]));
    two.answered("b", report(true, &[("u", 1)], &[]), now + 61 * SECOND);
    assert_eq!(two.still_behind(&set(&["b"]), "u", 1), set(&[]));
    two.follow(addresses(&["a"]), now);
    assert_eq!(two.still_behind(&set(&["b"]), "u", 2), set(&[]), "it is gone");
}

#[test]
fn a_pod_at_another_address_is_another_replica() {
    let now = Instant::now();
    let mut one = replicas(&["a"], now);
    one.answered("a", report(true, &[("u", 1)], &[]), now);
    one.follow(addresses(&["a"]), now);
    assert!(one.standing("u", 1, now).is_served());
    one.follow([("a".into(), "10.0.0.9:9901".parse().unwrap())].into(), now);
    assert!(!one.standing("u", 1, now).is_served());
}

#[test]
fn messages_name_a_few() {
    let many: Vec<_> = (0..7).map(|number| format!("pod-{number}")).collect();
    let many = set(&many.iter().map(String::as_str).collect::<Vec<_>>());
    assert_eq!(
        Standing::Behind(many).message(),
        "not yet served by replica pod-0, pod-1, pod-2, pod-3, pod-4 and 2 more"
    );
    assert_eq!(
        Standing::Served(set(&["pod-0"])).message(),
        "whether replica pod-0 serves it is not known: it gives no answer at its health port"
    );
    assert_eq!(Standing::Served(set(&[])).message(), "");
}

#[test]
fn the_others_are_the_ready_pods_of_the_service() {
    let slice = |name: &str, family: &str, rest: &str| {
        format!(
            "
apiVersion: discovery.k8s.io/v1
kind: EndpointSlice
metadata: {{name: {name}, labels: {{kubernetes.io/service-name: tidegate-replicas}}}}
addressType: {family}
{rest}
"
        )
    };
    let pod = |address: &str, ready: bool, name: &str| {
        format!(
            "- {{addresses: ['{address}'], conditions: {{ready: {ready}}}, targetRef: {{kind: Pod, name: {name}}}}}\n"
        )
    };
    let four = format!(
        "ports: [{{name: other, port: 1}}, {{name: health, port: 9901}}]\nendpoints:\n{}{}{}",
        pod("10.0.0.1", true, "own"),
        pod("10.0.0.2", true, "a"),
        pod("10.0.0.3", false, "leaving")
    );
    let six = format!("ports: [{{name: health, port: 9901}}]\nendpoints:\n{}", pod("fd00::2", true, "a"));
    let without = format!("ports: [{{name: http, port: 80}}]\nendpoints:\n{}", pod("10.0.0.4", true, "b"));
    let mut index = Index::default();
    for yaml in [slice("six", "IPv6", &six), slice("four", "IPv4", &four), slice("without", "IPv4", &without)]
    {
        events(&yaml).into_iter().for_each(|event| index.handle(event));
    }
    let peers = Peers { service: ObjectKey::new("default", "tidegate-replicas"), own: "own".into() };
    assert_eq!(ready(&index, &peers), BTreeMap::from([("a".into(), "10.0.0.2:9901".parse().unwrap())]));
    let elsewhere = Peers { service: ObjectKey::new("other", "tidegate-replicas"), own: "own".into() };
    assert_eq!(ready(&index, &elsewhere).len(), 0);
}
