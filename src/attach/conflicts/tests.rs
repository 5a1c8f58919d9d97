use super::*;
use ListenerConflicted::{HostnameConflict, ProtocolConflict};
use Protocol::{Http, Https, Tcp, Tls};

/// Owner, port, protocol and hostname.
type Listener = (usize, u16, Option<Protocol>, Option<&'static str>);

fn with_identities<T>(listeners: &[Listener], ask: impl Fn(&[Identity<'_>]) -> T) -> T {
    let hostnames: Vec<_> =
        listeners.iter().map(|(.., hostname)| hostname.map(|text| Hostname::parse(text).unwrap())).collect();
    let identities: Vec<_> = listeners
        .iter()
        .zip(&hostnames)
        .map(|((owner, port, protocol, _), hostname)| Identity {
            owner: *owner,
            port: *port,
            protocol: *protocol,
            hostname: hostname.as_ref(),
        })
        .collect();
    ask(&identities)
}

fn all(listeners: &[Listener]) -> Vec<Option<Conflict>> {
    with_identities(listeners, conflicts)
}

fn mutual(reason: ListenerConflicted, with: &[usize]) -> Option<Conflict> {
    Some(Conflict { reason, with: with.to_vec(), outranked: false })
}

fn outranked(reason: ListenerConflicted, by: usize) -> Option<Conflict> {
    Some(Conflict { reason, with: vec![by], outranked: true })
}

#[test]
fn listeners_are_told_apart_by_port_and_hostname() {
    let fine = [
        (0, 80, Some(Http), None),
        (0, 80, Some(Http), Some("a.com")),
        (0, 80, Some(Protocol::Udp), None),
        (1, 80, Some(Http), Some("*.a.com")),
        (2, 443, Some(Https), None),
        (3, 443, Some(Tls), Some("a.com")),
    ];
    assert_eq!(all(&fine), [const { None }; 6]);
}

#[test]
fn within_one_object_no_conflicting_listener_wins() {
    let protocols =
        [(0, 80, Some(Http), None), (0, 80, Some(Https), Some("a.com")), (0, 81, Some(Http), None)];
    assert_eq!(all(&protocols), [mutual(ProtocolConflict, &[1]), mutual(ProtocolConflict, &[0]), None]);
    let hostnames =
        [(1, 80, Some(Http), Some("a.com")), (1, 80, Some(Http), Some("A.com")), (1, 80, Some(Http), None)];
    assert_eq!(all(&hostnames), [mutual(HostnameConflict, &[1]), mutual(HostnameConflict, &[0]), None]);
    let both = [(0, 80, Some(Http), None), (0, 80, Some(Http), None), (0, 80, Some(Https), None)];
    assert_eq!(all(&both)[0], mutual(ProtocolConflict, &[2]));
}

#[test]
fn between_objects_the_one_before_has_the_listener() {
    let listeners = [
        (0, 80, Some(Http), Some("a.com")),
        (1, 80, Some(Http), Some("A.com")),
        (1, 80, Some(Http), Some("b.com")),
        (2, 80, Some(Http), Some("b.com")),
        (2, 80, Some(Tcp), None),
        (2, 80, Some(Http), Some("c.com")),
        (3, 80, Some(Http), Some("a.com")),
    ];
    let expected = [
        None,
        outranked(HostnameConflict, 0),
        None,
        outranked(HostnameConflict, 2),
        // It conflicts with its sibling too, which is served all the same.
        outranked(ProtocolConflict, 0),
        None,
        outranked(HostnameConflict, 0),
    ];
    assert_eq!(all(&listeners), expected);
}

#[test]
fn who_is_not_accepted_holds_nothing() {
    let listeners = [
        (0, 80, Some(Http), None),
        (1, 80, Some(Tcp), None),
        (1, 90, Some(Http), None),
        (1, 90, Some(Tcp), None),
        (2, 80, Some(Http), Some("a.com")),
        (2, 90, Some(Tcp), None),
    ];
    let expected = [
        None,
        outranked(ProtocolConflict, 0),
        mutual(ProtocolConflict, &[3]),
        mutual(ProtocolConflict, &[2]),
        None,
        None,
    ];
    assert_eq!(all(&listeners), expected);
}

#[test]
fn a_protocol_that_is_not_supported_conflicts_with_nothing() {
    let listeners =
        [(0, 80, Some(Http), None), (0, 80, None, None), (1, 80, None, None), (1, 80, Some(Http), None)];
    assert_eq!(all(&listeners), [None, None, None, outranked(HostnameConflict, 0)]);
}

#[test]
fn overlaps_are_between_https_listeners_of_one_port() {
    let overlaps = |listeners: &[_]| with_identities(listeners, |all| overlaps(all, |at| at != 4));
    let listeners = [
        (0, 443, Some(Https), Some("foo.example.com")),
        (0, 443, Some(Https), Some("foo.example.org")),
        (1, 443, Some(Https), Some("*.example.com")),
        (2, 444, Some(Https), None),
        // It does not stand.
        (3, 443, Some(Https), None),
    ];
    let none = Vec::<usize>::new;
    assert_eq!(overlaps(&listeners), [vec![2], none(), vec![0], none(), none()]);
    assert_eq!(overlaps(&[(0, 80, Some(Http), None), (0, 80, Some(Http), Some("a.com"))]), [none(), none()]);
    let both = [(0, 443, Some(Https), None), (1, 443, Some(Https), Some("a.com"))];
    assert_eq!(overlaps(&both), [vec![1_usize], vec![0_usize]]);
}
