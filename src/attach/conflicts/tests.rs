use super::*;
use Protocol::{Http, Https};

fn identities(
    listeners: &[(u16, Option<Protocol>, Option<&str>)],
) -> Vec<(String, u16, Option<Protocol>, Option<Hostname>)> {
    let names = ["a", "b", "c", "d"].into_iter();
    let each = names.zip(listeners).map(|(name, (port, protocol, hostname))| {
        (name.to_owned(), *port, *protocol, hostname.map(|text| Hostname::parse(text).unwrap()))
    });
    each.collect()
}

/// What `ask` says of each listener beside the others.
fn each<T>(
    listeners: &[(u16, Option<Protocol>, Option<&str>)],
    ask: impl for<'a> Fn(Identity<'_>, Vec<Identity<'a>>) -> T,
) -> Vec<T> {
    let listeners = identities(listeners);
    let identity =
        |(name, port, protocol, hostname): &'_ (String, u16, Option<Protocol>, Option<Hostname>)| {
            (name.clone(), *port, *protocol, hostname.clone())
        };
    let owned: Vec<_> = listeners.iter().map(identity).collect();
    let view = |at: usize| Identity {
        name: &owned[at].0,
        port: owned[at].1,
        protocol: owned[at].2,
        hostname: owned[at].3.as_ref(),
    };
    let all = 0..owned.len();
    all.clone()
        .map(|at| ask(view(at), all.clone().filter(|other| *other != at).map(view).collect()))
        .collect()
}

fn conflicts(
    listeners: &[(u16, Option<Protocol>, Option<&str>)],
) -> Vec<Option<(ListenerConflicted, String)>> {
    each(listeners, |one, others| {
        conflict(one, others.into_iter()).map(|(reason, names)| (reason, names.join(",")))
    })
}

#[test]
fn listeners_are_told_apart_by_port_and_hostname() {
    let fine = [
        (80, Some(Http), None),
        (80, Some(Http), Some("a.com")),
        (80, Some(Http), Some("*.a.com")),
        (443, Some(Https), None),
    ];
    assert_eq!(conflicts(&fine), [const { None }; 4]);
}

#[test]
fn no_conflicting_listener_wins() {
    use ListenerConflicted::{HostnameConflict, ProtocolConflict};
    let protocols = [(80, Some(Http), None), (80, Some(Https), Some("a.com")), (81, Some(Http), None)];
    let with = |reason, names: &str| Some((reason, names.to_owned()));
    assert_eq!(conflicts(&protocols), [with(ProtocolConflict, "b"), with(ProtocolConflict, "a"), None]);
    let hostnames =
        [(80, Some(Http), Some("a.com")), (80, Some(Http), Some("A.com")), (80, Some(Http), None)];
    assert_eq!(conflicts(&hostnames), [with(HostnameConflict, "b"), with(HostnameConflict, "a"), None]);
    let both = [(80, Some(Http), None), (80, Some(Http), None), (80, Some(Https), None)];
    assert_eq!(conflicts(&both)[0], with(ProtocolConflict, "c"));
}

#[test]
fn a_protocol_that_is_not_supported_conflicts_with_nothing() {
    assert_eq!(conflicts(&[(80, Some(Http), None), (80, None, None)]), [None, None]);
}

#[test]
fn overlaps_are_between_https_listeners_of_one_port() {
    let overlaps =
        |listeners: &[_]| each(listeners, |one, others| overlapping(one, others.into_iter()).join(","));
    let listeners = [
        (443, Some(Https), Some("foo.example.com")),
        (443, Some(Https), Some("foo.example.org")),
        (443, Some(Https), Some("*.example.com")),
        (444, Some(Https), None),
    ];
    assert_eq!(overlaps(&listeners), ["c", "", "a", ""]);
    assert_eq!(overlaps(&[(80, Some(Http), None), (80, Some(Http), Some("a.com"))]), ["", ""]);
    assert_eq!(overlaps(&[(443, Some(Https), None), (443, Some(Https), Some("a.com"))]), ["b", "a"]);
}
