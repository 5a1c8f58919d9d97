use super::*;

fn gateway(name: &str) -> ObjectKey {
    ObjectKey::new("default", name)
}

fn sockets(ports: &[u16]) -> BTreeSet<SocketAddr> {
    ports.iter().map(|port| SocketAddr::from(([127, 0, 0, 1], *port))).collect()
}

fn owners(sockets: &Sockets, ports: &[u16]) -> Vec<String> {
    let owner = |port: &u16| sockets.owner(SocketAddr::from(([127, 0, 0, 1], *port)));
    ports.iter().map(|port| owner(port).map_or("nobody", |key| &key.name).to_owned()).collect()
}

#[test]
fn the_oldest_has_the_socket_whatever_the_order() {
    let claims = [("young", 3), ("old", 1), ("also-old", 1)];
    for order in [[0, 1, 2], [2, 1, 0], [1, 2, 0], [1, 0, 2]] {
        let mut all = Sockets::default();
        for at in order {
            all.set(&gateway(claims[at].0), claims[at].1, sockets(&[80]));
        }
        assert_eq!(owners(&all, &[80]), ["also-old"]);
    }
}

#[test]
fn those_who_win_or_lose_a_socket_are_told() {
    let mut all = Sockets::default();
    assert_eq!(all.set(&gateway("a"), 2, sockets(&[80, 81])), BTreeSet::new());
    assert_eq!(all.set(&gateway("b"), 1, sockets(&[81, 82])), BTreeSet::from([gateway("a")]));
    assert_eq!(owners(&all, &[80, 81, 82]), ["a", "b", "b"]);
    assert_eq!(all.set(&gateway("b"), 1, sockets(&[81, 82])), BTreeSet::new());
    assert_eq!(all.set(&gateway("b"), 1, sockets(&[82])), BTreeSet::from([gateway("a")]));
    assert_eq!(owners(&all, &[81]), ["a"]);
    all.set(&gateway("a"), 2, sockets(&[]));
    assert_eq!(owners(&all, &[80, 81, 82]), ["nobody", "nobody", "b"]);
    assert_eq!(all.all().count(), 1);
}
