use super::*;

fn gateway(name: &str) -> ObjectKey {
    ObjectKey::new("default", name)
}

fn ports(created: i64, ports: &[u16]) -> BTreeMap<u16, Rank> {
    ports.iter().map(|port| (*port, Rank::Has(created))).collect()
}

fn owners(claims: &Claims<u16>, ports: &[u16]) -> Vec<String> {
    let owner = |port: &u16| claims.owner(port);
    ports.iter().map(|port| owner(port).map_or("nobody", |key| &key.name).to_owned()).collect()
}

#[test]
fn the_oldest_has_the_socket_whatever_the_order() {
    let claims = [("young", 3), ("old", 1), ("also-old", 1)];
    for order in [[0, 1, 2], [2, 1, 0], [1, 2, 0], [1, 0, 2]] {
        let mut all = Claims::default();
        for at in order {
            all.set(&gateway(claims[at].0), ports(claims[at].1, &[80]));
        }
        assert_eq!(owners(&all, &[80]), ["also-old"]);
    }
}

#[test]
fn those_who_win_or_lose_a_socket_are_told() {
    let mut all = Claims::default();
    assert_eq!(all.set(&gateway("a"), ports(2, &[80, 81])), BTreeSet::new());
    assert_eq!(all.set(&gateway("b"), ports(1, &[81, 82])), BTreeSet::from([gateway("a")]));
    assert_eq!(owners(&all, &[80, 81, 82]), ["a", "b", "b"]);
    assert_eq!(all.set(&gateway("b"), ports(1, &[81, 82])), BTreeSet::new());
    assert_eq!(all.set(&gateway("b"), ports(1, &[82])), BTreeSet::from([gateway("a")]));
    assert_eq!(owners(&all, &[81]), ["a"]);
    all.set(&gateway("a"), ports(2, &[]));
    assert_eq!(owners(&all, &[80, 81, 82]), ["nobody", "nobody", "b"]);
    assert_eq!(all.all().count(), 1);
}

#[test]
fn who_has_a_thing_comes_before_who_asks_for_it() {
    let mut all = Claims::default();
    all.set(&gateway("old"), [(80, Rank::Asks(1))].into());
    assert_eq!(owners(&all, &[80]), ["old"]);
    assert_eq!(all.set(&gateway("young"), [(80, Rank::Has(2))].into()), BTreeSet::from([gateway("old")]));
    assert_eq!(owners(&all, &[80]), ["young"]);
    all.set(&gateway("old"), [(80, Rank::Has(1))].into());
    assert_eq!(owners(&all, &[80]), ["old"]);
}
