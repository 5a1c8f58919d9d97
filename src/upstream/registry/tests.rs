use super::*;
use crate::model::{
    Authorities, Endpoint as ModelEndpoint, Endpoints, Entry as ModelEntry, ObjectKey, Trust,
};
use crate::support::pem::read_pair;
use crate::upstream::Splits;
use rustls::RootCertStore;

fn registry() -> Registry {
    Registry::new(
        TargetPolicy::new(false, vec![]),
        ClientConfigs::new(RootCertStore::empty()),
        Metrics::new(),
    )
}

fn service() -> EndpointsKey {
    EndpointsKey { service: ObjectKey::new("default", "shop"), port: 80, protocol: IpProtocol::Tcp }
}

fn key() -> UpstreamKey {
    UpstreamKey::Upstream(ObjectKey::new("default", "orders"))
}

fn upstream(entries: &[(&str, u32, EntrySource)]) -> model::Upstream {
    let entry = |(name, weight, source): &(&str, u32, EntrySource)| ModelEntry {
        name: (*name).into(),
        weight: *weight,
        source: source.clone(),
        protocol: BackendProtocol::Http,
        tls: None,
        base_path: "".into(),
        retry_budgets: Vec::new(),
    };
    model::Upstream { key: key(), entries: entries.iter().map(entry).collect(), retries: None }
}

fn endpoints(list: &[(&str, &str)]) -> Endpoints {
    let endpoint = |(address, state): &(&str, &str)| ModelEndpoint {
        address: address.parse().unwrap(),
        ready: *state == "ready",
        serving: *state != "down",
        terminating: *state == "terminating",
        zone: None,
    };
    Endpoints { key: service(), endpoints: list.iter().map(endpoint).collect() }
}

fn picked(upstreams: &Upstreams, slot: Slot, tried: &[u64]) -> Result<(String, u64), Reason> {
    let upstream = upstreams.get(slot).unwrap();
    upstream
        .pick(&mut Splits::default(), tried)
        .map(|pick| (pick.endpoint.label.to_string(), pick.endpoint.id))
}

#[test]
fn ready_endpoints_else_those_that_still_serve() {
    let mut registry = registry();
    let slot = registry.slot(&key());
    registry.upsert_upstream(upstream(&[("pods", 1, EntrySource::Endpoints(service()))]));
    assert_eq!(picked(&registry.snapshot(), slot, &[]), Err(Reason::NoReadyTargets));
    registry.upsert_endpoints(endpoints(&[("10.0.0.1:80", "ready"), ("10.0.0.2:80", "terminating")]));
    assert_eq!(picked(&registry.snapshot(), slot, &[]).unwrap().0, "10.0.0.1:80");
    registry.upsert_endpoints(endpoints(&[("10.0.0.1:80", "down"), ("10.0.0.2:80", "terminating")]));
    assert_eq!(picked(&registry.snapshot(), slot, &[]).unwrap().0, "10.0.0.2:80");
    registry.remove_endpoints(&service());
    assert_eq!(picked(&registry.snapshot(), slot, &[]), Err(Reason::NoReadyTargets));
}

#[test]
fn endpoints_that_turn_unready_at_once_count_where_there_is_nothing_else() {
    let mut registry = registry();
    let slot = registry.slot(&key());
    let fixed = EntrySource::Address("10.0.0.9:80".parse().unwrap());
    let with = |weight| {
        upstream(&[("pods", 1, EntrySource::Endpoints(service())), ("fixed", weight, fixed.clone())])
    };
    registry.upsert_upstream(with(0));
    registry.upsert_endpoints(endpoints(&[("10.0.0.1:80", "ready"), ("10.0.0.2:80", "ready")]));
    registry.upsert_endpoints(endpoints(&[("10.0.0.1:80", "down"), ("10.0.0.2:80", "down")]));
    let held = registry.snapshot();
    let (first, id) = picked(&held, slot, &[]).unwrap();
    let (second, _) = picked(&held, slot, &[id]).unwrap();
    assert_eq!(BTreeSet::from([&*first, &*second]), BTreeSet::from(["10.0.0.1:80", "10.0.0.2:80"]));
    // An entry with a healthy target takes their share.
    registry.upsert_upstream(with(1));
    let upstreams = registry.snapshot();
    assert!((0..20).all(|_| picked(&upstreams, slot, &[]).unwrap().0 == "10.0.0.9:80"));
    registry.upsert_upstream(with(0));
    registry.upsert_endpoints(endpoints(&[("10.0.0.1:80", "down"), ("10.0.0.2:80", "ready")]));
    let upstreams = registry.snapshot();
    assert!((0..20).all(|_| picked(&upstreams, slot, &[]).unwrap().0 == "10.0.0.2:80"));
}

#[test]
fn an_endpoint_stays_the_same_while_it_stays() {
    let mut registry = registry();
    let slot = registry.slot(&key());
    registry.upsert_upstream(upstream(&[("pods", 1, EntrySource::Endpoints(service()))]));
    registry.upsert_endpoints(endpoints(&[("10.0.0.1:80", "ready"), ("10.0.0.2:80", "ready")]));
    let before = registry.snapshot();
    let (_, first) = picked(&before, slot, &[2]).unwrap();
    registry.upsert_upstream(upstream(&[("pods", 7, EntrySource::Endpoints(service()))]));
    registry.upsert_endpoints(endpoints(&[("10.0.0.1:80", "ready")]));
    let after = registry.snapshot();
    assert_eq!(picked(&after, slot, &[]).unwrap(), ("10.0.0.1:80".to_owned(), first));
    let left: Vec<bool> =
        before.get(slot).unwrap().entries[0].endpoints.iter().map(|endpoint| endpoint.has_left()).collect();
    assert_eq!(left, [false, true]);
    // A stream that pins the old version does not choose what has left.
    assert!((0..50).all(|_| picked(&before, slot, &[]).unwrap().1 == first));
}

#[test]
fn untried_endpoints_first_then_any() {
    let mut registry = registry();
    let slot = registry.slot(&key());
    registry.upsert_upstream(upstream(&[
        ("a", 1, EntrySource::Address("10.0.0.1:80".parse().unwrap())),
        ("b", 1000, EntrySource::Address("10.0.0.2:80".parse().unwrap())),
        ("off", 0, EntrySource::Address("10.0.0.3:80".parse().unwrap())),
    ]));
    let upstreams = registry.snapshot();
    let (_, heavy) = picked(&upstreams, slot, &[1]).unwrap();
    assert_eq!(heavy, 2);
    for _ in 0..20 {
        assert_eq!(picked(&upstreams, slot, &[heavy]).unwrap().0, "10.0.0.1:80");
        assert_ne!(picked(&upstreams, slot, &[1, 2]).unwrap().0, "10.0.0.3:80");
    }
}

#[test]
fn entries_without_endpoints_leave_their_share_to_the_others() {
    let mut registry = registry();
    let slot = registry.slot(&key());
    registry.upsert_upstream(upstream(&[
        ("pods", 9, EntrySource::Endpoints(service())),
        ("named", 9, EntrySource::Dns { host: "a.example".into(), port: 80 }),
        ("fixed", 1, EntrySource::Address("10.0.0.9:80".parse().unwrap())),
    ]));
    let upstreams = registry.snapshot();
    assert!((0..20).all(|_| picked(&upstreams, slot, &[]).unwrap().0 == "10.0.0.9:80"));
    assert_eq!(registry.names(), HashSet::from([("a.example".into(), 80)]));
    registry.resolved(&"a.example".into(), 80, vec!["10.0.0.8:80".parse().unwrap()]);
    registry.upsert_upstream(upstream(&[(
        "named",
        9,
        EntrySource::Dns { host: "a.example".into(), port: 80 },
    )]));
    assert_eq!(picked(&registry.snapshot(), slot, &[]).unwrap().0, "10.0.0.8:80");
}

#[test]
fn forbidden_targets_are_no_targets() {
    let mut registry = registry();
    let slot = registry.slot(&key());
    registry.upsert_upstream(upstream(&[(
        "a",
        1,
        EntrySource::Address("169.254.169.254:80".parse().unwrap()),
    )]));
    assert_eq!(picked(&registry.snapshot(), slot, &[]), Err(Reason::ForbiddenTarget));
    registry.upsert_upstream(upstream(&[("a", 1, EntrySource::Address("10.0.0.1:80".parse().unwrap()))]));
    assert!(picked(&registry.snapshot(), slot, &[]).is_ok());
    registry.set_own_addresses([BindAddress::udp("10.0.0.1:80".parse().unwrap())]);
    assert!(picked(&registry.snapshot(), slot, &[]).is_ok());
    registry.set_own_addresses([BindAddress::tcp("10.0.0.1:80".parse().unwrap())]);
    assert_eq!(picked(&registry.snapshot(), slot, &[]), Err(Reason::ForbiddenTarget));
}

#[test]
fn only_what_is_touched_is_built() {
    let mut registry = registry();
    registry.upsert_upstream(upstream(&[("pods", 1, EntrySource::Endpoints(service()))]));
    let mut other = upstream(&[("a", 1, EntrySource::Address("10.0.0.1:80".parse().unwrap()))]);
    other.key = UpstreamKey::Upstream(ObjectKey::new("default", "other"));
    registry.upsert_upstream(other);
    registry.snapshot();
    assert_eq!(registry.builds, 2);
    registry.upsert_endpoints(endpoints(&[("10.0.0.1:80", "ready")]));
    registry.snapshot();
    assert_eq!(registry.builds, 3);
    registry.snapshot();
    assert_eq!(registry.builds, 3);
}

#[test]
fn a_slot_is_never_given_to_another() {
    let mut registry = registry();
    registry.upsert_upstream(upstream(&[]));
    let slot = registry.slot(&key());
    registry.snapshot();
    registry.remove_upstream(&key());
    assert!(registry.snapshot().get(slot).is_none());
    let other = UpstreamKey::Upstream(ObjectKey::new("default", "other"));
    assert_ne!(registry.slot(&other), slot);
    assert_eq!(registry.slot(&key()), slot);
}

#[test]
fn what_is_trusted_tells_connections_apart() {
    let mut registry = registry();
    let slot = registry.slot(&key());
    registry.upsert_endpoints(endpoints(&[("10.0.0.1:443", "ready")]));
    let mut id_with = |tls: Option<OriginateTls>| {
        let mut upstream = upstream(&[("pods", 1, EntrySource::Endpoints(service()))]);
        upstream.entries[0].tls = tls;
        registry.upsert_upstream(upstream);
        picked(&registry.snapshot(), slot, &[]).unwrap().1
    };
    let pem = |body: &str| format!("-----BEGIN CERTIFICATE-----\n{body}\n-----END CERTIFICATE-----\n");
    let trusting = |pem: &str| {
        Some(OriginateTls {
            trust: Trust::Authorities(Authorities::new(pem)),
            ..OriginateTls::system("a.example")
        })
    };
    let plain = id_with(None);
    let system = id_with(Some(OriginateTls::system("a.example")));
    let old = id_with(trusting(&pem("AAAA")));
    assert_eq!(old, id_with(trusting(&format!("# the same\n{}", pem("AAAA")))));
    let both = id_with(trusting(&format!("{}{}", pem("AAAA"), pem("BBBB"))));
    let ids = BTreeSet::from([plain, system, old, both]);
    assert_eq!(ids.len(), 4, "no connection is used again for other settings");
}

#[test]
fn an_entry_can_show_a_certificate_of_its_own_or_none() {
    let mut registry = registry();
    let slot = registry.slot(&key());
    registry.upsert_endpoints(endpoints(&[("10.0.0.1:443", "ready")]));
    let set = |registry: &mut Registry, shown: Shown| {
        let mut upstream = upstream(&[("pods", 1, EntrySource::Endpoints(service()))]);
        upstream.entries[0].tls = Some(OriginateTls { shown, ..OriginateTls::system("a.example") });
        registry.upsert_upstream(upstream);
    };
    let shown = |registry: &mut Registry| {
        let upstreams = registry.snapshot();
        let pick = upstreams.get(slot).unwrap().pick(&mut Splits::default(), &[]).unwrap();
        pick.identity(&tls::Identity::Missing).number()
    };
    let (missing, nothing) = (tls::Identity::Missing.number(), tls::Identity::Anonymous.number());
    set(&mut registry, Shown::OfGateway);
    assert_eq!(shown(&mut registry), missing, "as the Gateway says");
    set(&mut registry, Shown::Nothing);
    assert_eq!(shown(&mut registry), nothing);

    let certificate = CertificateKey(ObjectKey::new("default", "own"));
    set(&mut registry, Shown::Own(certificate.clone()));
    assert_eq!(shown(&mut registry), missing, "until it is there");
    let own = rcgen::generate_simple_self_signed(["a.example".to_owned()]).unwrap();
    let (chain, key) = (own.cert.pem(), own.signing_key.serialize_pem());
    let brought = || Some(Arc::new(ClientKey::new(Arc::new(read_pair(&chain, &key).unwrap()))));
    registry.set_certificate(&certificate, brought());
    let first = shown(&mut registry);
    assert!(first != missing && first != nothing);
    registry.set_certificate(&certificate, brought());
    assert_ne!(shown(&mut registry), first, "connections of before are not used on");
    registry.set_certificate(&certificate, None);
    assert_eq!(shown(&mut registry), missing);
}

#[test]
fn who_may_not_be_spoken_to_gets_nothing_and_that_is_the_reason() {
    let mut registry = registry();
    let slot = registry.slot(&key());
    let closed = EntrySource::Closed(Reason::InvalidBackendTls);
    registry.upsert_upstream(upstream(&[("pods", 1, closed.clone())]));
    assert_eq!(picked(&registry.snapshot(), slot, &[]), Err(Reason::InvalidBackendTls));
    let address = EntrySource::Address("10.0.0.9:80".parse().unwrap());
    registry.upsert_upstream(upstream(&[("pods", 9, closed), ("fixed", 1, address)]));
    assert_eq!(picked(&registry.snapshot(), slot, &[]).unwrap().0, "10.0.0.9:80");
}
