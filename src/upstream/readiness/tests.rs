use super::*;
use std::net::IpAddr;

/// One for each letter, at addresses that count up: `r`eady, `u`nready, `t`erminating but serving, `d`own
/// and terminating, `-` not listed.
fn endpoints(states: &str) -> Vec<Endpoint> {
    let endpoint = |(index, state)| Endpoint {
        address: SocketAddr::from(([10, 0, 0, u8::try_from(index).unwrap()], 80)),
        ready: state == 'r',
        serving: matches!(state, 'r' | 't'),
        terminating: matches!(state, 't' | 'd'),
        zone: None,
    };
    states.chars().enumerate().filter(|(_, state)| *state != '-').map(endpoint).collect()
}

/// The last number of each address.
fn numbers(addresses: &[SocketAddr]) -> Vec<u8> {
    let last = |address: &SocketAddr| address.to_string().split(['.', ':']).nth(3).unwrap().parse().unwrap();
    addresses.iter().map(last).collect()
}

/// Usable and held endpoints after these changes, each at its second.
fn after(changes: &[(u64, &str)]) -> (Vec<u8>, Vec<u8>) {
    let start = Instant::now();
    let mut readiness = Readiness::default();
    for (second, states) in changes {
        readiness.update(endpoints(states), start + Duration::from_secs(*second));
    }
    (numbers(&readiness.usable()), numbers(readiness.held()))
}

#[test]
fn ready_ones_else_those_that_terminate_and_serve() {
    assert_eq!(after(&[]), (vec![], vec![]));
    assert_eq!(after(&[(0, "rut")]), (vec![0], vec![]));
    assert_eq!(after(&[(0, "utd")]), (vec![1], vec![]));
    assert_eq!(after(&[(0, "ud")]), (vec![], vec![]));
}

#[test]
fn all_that_turn_unready_at_once_are_held() {
    assert_eq!(after(&[(0, "rrr"), (1, "uuu")]), (vec![], vec![0, 1, 2]));
    // One by one, but close together.
    assert_eq!(after(&[(0, "rrr"), (1, "urr"), (3, "uur"), (6, "uuu")]), (vec![], vec![0, 1, 2]));
    // The first was away for longer, the last was never ready.
    assert_eq!(after(&[(0, "rrru"), (1, "urru"), (7, "uuuu")]), (vec![], vec![1, 2]));
}

#[test]
fn what_is_said_of_one_pod_is_believed() {
    assert_eq!(after(&[(0, "r"), (1, "u")]), (vec![], vec![]));
    assert_eq!(after(&[(0, "ru"), (1, "uu")]), (vec![], vec![]));
    assert_eq!(after(&[(0, "rr"), (1, "ur"), (7, "uu")]), (vec![], vec![]));
    // Never ready, or gone.
    assert_eq!(after(&[(0, "uu")]), (vec![], vec![]));
    assert_eq!(after(&[(0, "rr"), (1, "--")]), (vec![], vec![]));
    assert_eq!(after(&[(0, "rr"), (1, "dd")]), (vec![], vec![]));
    assert_eq!(after(&[(0, "rr"), (1, "ud")]), (vec![], vec![]));
}

#[test]
fn they_are_held_until_one_is_ready_or_they_go() {
    let held = [(0, "rrr"), (1, "uuu")];
    let and = |more: &[(u64, &'static str)]| after(&[&held, more].concat());
    assert_eq!(and(&[(600, "uuu")]), (vec![], vec![0, 1, 2]));
    assert_eq!(and(&[(600, "udu")]), (vec![], vec![0, 2]));
    assert_eq!(and(&[(600, "u--")]), (vec![], vec![0]));
    // One that is new and was never ready is not among them.
    assert_eq!(and(&[(600, "u--u")]), (vec![], vec![0]));
    assert_eq!(and(&[(600, "uru")]), (vec![1], vec![]));
    assert_eq!(and(&[(600, "uru"), (700, "uuu")]), (vec![], vec![]));
    assert_eq!(and(&[(600, "uru"), (700, "rrr"), (800, "uuu")]), (vec![], vec![0, 1, 2]));
}

/// In a Service of both families each pod has two addresses.
#[test]
fn one_pod_with_two_addresses_is_one_pod() {
    let both = |states: &str| {
        let mut all = endpoints(states);
        let v6 = |endpoint: &Endpoint| {
            let IpAddr::V4(v4) = endpoint.address.ip() else { panic!() };
            Endpoint { address: (v4.to_ipv6_mapped(), 80).into(), ..endpoint.clone() }
        };
        all.extend(all.iter().map(v6).collect::<Vec<_>>());
        all
    };
    let held_after = |changes: &[(u64, &str)]| {
        let start = Instant::now();
        let mut readiness = Readiness::default();
        for (second, states) in changes {
            readiness.update(both(states), start + Duration::from_secs(*second));
        }
        readiness.held().len()
    };
    assert_eq!(held_after(&[(0, "r"), (1, "u")]), 0);
    assert_eq!(held_after(&[(0, "rr"), (1, "ur"), (60, "uu")]), 0);
    assert_eq!(held_after(&[(0, "rr"), (1, "uu")]), 4);
}
