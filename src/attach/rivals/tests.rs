use super::*;
use crate::model::ObjectKey;

fn listener(name: &str) -> ListenerKey {
    ListenerKey::of_gateway(ObjectKey::new("a", "web"), name)
}

/// `http:NAME` or `grpc:NAME`.
fn id(text: &str) -> ObjectId {
    let (kind, name) = text.split_once(':').unwrap();
    let kind = if kind == "http" { Kind::HttpRoute } else { Kind::GrpcRoute };
    let (namespace, name) = name.split_once('/').unwrap_or(("a", name));
    ObjectId { kind, key: ObjectKey::new(namespace, name) }
}

fn attachment(name: &str, hostnames: &[&str]) -> Attachment {
    let hostnames = hostnames.iter().map(|name| Hostname::parse(name).unwrap()).collect();
    Attachment { listener: listener(name), hostnames }
}

/// Who loses the listener `l` to whom, by route, age and hostnames.
fn decide(routes: &[(&str, i64, &[&str])]) -> Vec<(ObjectId, ObjectId)> {
    let mut rivals = Rivals::default();
    for (route, created, hostnames) in routes {
        rivals.set(&id(route), *created, vec![attachment("l", hostnames)]);
    }
    let changed = rivals.settle();
    let lost: Vec<_> =
        rivals.lost.iter().map(|(id, lost)| (id.clone(), lost[&listener("l")].clone())).collect();
    assert_eq!(
        changed.into_iter().collect::<Vec<_>>(),
        lost.iter().map(|(id, _)| id.clone()).collect::<Vec<_>>()
    );
    lost
}

#[test]
fn the_older_then_the_first_by_name_has_a_hostname() {
    for (routes, loser) in [
        ([("http:x", 1, [].as_slice()), ("grpc:x", 2, &[])], Some("grpc:x")),
        ([("http:x", 2, &[]), ("grpc:x", 1, &[])], Some("http:x")),
        ([("http:y", 1, &[]), ("grpc:x", 1, &[])], Some("http:y")),
        // "a-b/x" is before "a/x".
        ([("http:a/x", 1, &[]), ("grpc:a-b/x", 1, &[])], Some("http:a/x")),
        ([("http:x", 1, &[]), ("http:y", 2, &[])], None),
    ] {
        let lost: Vec<_> = decide(&routes).into_iter().map(|(loser, _)| loser).collect();
        assert_eq!(lost, loser.map(id).into_iter().collect::<Vec<_>>(), "{routes:?}");
    }
}

#[test]
fn hostnames_conflict_where_they_intersect() {
    for (one, other, conflict) in [
        ([].as_slice(), [].as_slice(), true),
        (&[], &["a.x"], true),
        (&["a.x"], &[], true),
        (&["*.x"], &[], true),
        (&["a.x"], &["a.x"], true),
        (&["a.x"], &["b.x"], false),
        (&["a.x"], &["aa.x", "x"], false),
        (&["*.x"], &["a.x"], true),
        (&["a.b.x"], &["*.x"], true),
        (&["*.x"], &["x"], false),
        (&["*.x"], &["*.b.x"], true),
        (&["*.b.x"], &["*.x"], true),
        (&["*.b.x"], &["*.bb.x", "*.c.x"], false),
        (&["a.x", "c.x"], &["b.x", "c.x"], true),
    ] {
        let lost = decide(&[("http:x", 1, one), ("grpc:x", 2, other)]);
        let expected = if conflict { vec![(id("grpc:x"), id("http:x"))] } else { vec![] };
        assert_eq!(lost, expected, "{one:?} {other:?}");
        let intersect =
            |hosts: &[&str]| hosts.iter().map(|h| Hostname::parse(h).unwrap()).collect::<Vec<_>>();
        let pairs =
            intersect(one).iter().any(|a| intersect(other).iter().any(|b| a.intersection(b).is_some()));
        assert_eq!(conflict, pairs || one.is_empty() || other.is_empty(), "{one:?} {other:?}");
    }
}

#[test]
fn who_lost_takes_nothing_from_anybody() {
    // The second loses to the first, so the third has the hostname that only the second wanted too.
    let lost = decide(&[("http:x", 1, &["a.x"]), ("grpc:x", 2, &["a.x", "b.x"]), ("http:y", 3, &["b.x"])]);
    assert_eq!(lost, [(id("grpc:x"), id("http:x"))]);
}

#[test]
fn what_a_winner_leaves_is_given_on() {
    let mut rivals = Rivals::default();
    let both = || vec![attachment("l", &[]), attachment("m", &["a.x"])];
    rivals.set(&id("http:x"), 1, both());
    rivals.set(&id("grpc:x"), 2, both());
    assert_eq!(rivals.settle(), [id("grpc:x")].into());
    assert_eq!(rivals.losses(&id("grpc:x")).unwrap().len(), 2);
    // Nothing changed, so nothing is decided anew.
    rivals.set(&id("http:x"), 1, both());
    assert!(rivals.touched.is_empty());
    rivals.set(&id("http:x"), 1, vec![attachment("l", &[]), attachment("m", &["b.x"])]);
    assert_eq!(rivals.settle(), [id("grpc:x")].into());
    let lost: Vec<_> = rivals.losses(&id("grpc:x")).unwrap().keys().cloned().collect();
    assert_eq!(lost, [listener("l")]);
    rivals.set(&id("http:x"), 1, Vec::new());
    assert_eq!(rivals.settle(), [id("grpc:x")].into());
    assert_eq!(rivals.losses(&id("grpc:x")), None);
    rivals.set(&id("grpc:x"), 2, Vec::new());
    assert_eq!(rivals.settle(), BTreeSet::new());
    assert!(rivals.on.is_empty() && rivals.of.is_empty() && rivals.lost.is_empty());
}
