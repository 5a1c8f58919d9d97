use super::*;
use crate::model::{
    Attachment, Backend, BackendTarget, Certificate, CertificateKey, Endpoint, Endpoints, EndpointsKey,
    Filters, HeaderEdit, HeaderMatch, IpProtocol, ObjectKey, Protocol, Reason, Retry, RuleKey, Timeouts,
    Transport, UpstreamKey, ValueMatch,
};
use crate::table::testing::{
    RouteBuilder, address, builder, builder_with, delta, find, listener, listener_key, removal, route,
    route_key, serve,
};
use crate::table::{Rule, Target};
use crate::upstream::Splits;
use rcgen::{CertificateParams, KeyPair};
use std::time::Duration;

fn work(routes: usize, buckets: usize, listeners: usize, tls: usize, binds: usize) -> Work {
    Work { routes, buckets, listeners, tls, binds }
}

/// A listener with ten routes, each for a host of its own.
fn ten_hosts() -> (Builder, Arc<Table>) {
    let mut builder = builder();
    let routes =
        (0..10).map(|n| route(&format!("r{n}")).hosts(&[&format!("h{n}.com")]).rule(&["/"]).resource());
    let table = builder.apply(delta(1, [Resource::Listener(listener("http", ""))].into_iter().chain(routes)));
    (builder, table)
}

fn bucket<'a>(table: &'a Table, hostname: &str) -> &'a Arc<Bucket> {
    let listener = table.bind(address()).unwrap().listener_for(hostname).unwrap();
    listener.buckets.get(Some(&Hostname::parse(hostname).unwrap())).unwrap()
}

#[test]
fn everything_is_made_once_at_first() {
    let (builder, table) = ten_hosts();
    assert_eq!(builder.work, work(10, 10, 1, 0, 1));
    assert_eq!(table.version, 1);
    assert_eq!(serve(&table, "h7.com", "/").as_deref(), Some("r7 0"));
}

#[test]
fn an_edit_of_a_route_makes_its_hosts_anew_and_shares_the_rest() {
    let (mut builder, before) = ten_hosts();
    let edited = route("r3").hosts(&["h3.com"]).rule(&["/new"]).resource();
    let after = builder.apply(delta(2, [edited]));
    assert_eq!(builder.work, work(1, 1, 1, 0, 1));
    assert_eq!(serve(&after, "h3.com", "/"), None);
    assert_eq!(serve(&after, "h3.com", "/new").as_deref(), Some("r3 0"));
    assert_eq!(serve(&before, "h3.com", "/").as_deref(), Some("r3 0"), "who pinned the old table keeps it");
    assert!(Arc::ptr_eq(bucket(&before, "h4.com"), bucket(&after, "h4.com")));
    assert!(!Arc::ptr_eq(bucket(&before, "h3.com"), bucket(&after, "h3.com")));
}

#[test]
fn what_did_not_change_makes_nothing_anew() {
    let (mut builder, before) = ten_hosts();
    let same = route("r3").hosts(&["h3.com"]).rule(&["/"]).resource();
    let after = builder.apply(delta(2, [same]));
    assert_eq!(builder.work, Work::default());
    assert_eq!(after.version, 2);
    assert!(Arc::ptr_eq(&before.binds, &after.binds));
}

#[test]
fn endpoints_and_upstreams_touch_no_route_and_no_listener() {
    let (mut builder, before) = ten_hosts();
    let key = EndpointsKey { service: ObjectKey::new("shop", "cart"), port: 80, protocol: IpProtocol::Tcp };
    let endpoint =
        Endpoint { address: address().address, ready: true, serving: true, terminating: false, zone: None };
    let resource = Resource::Endpoints(Endpoints { key: key.clone(), endpoints: vec![endpoint] });
    let upstream = model::Upstream {
        key: upstream_key("cart"),
        entries: vec![model::Entry {
            name: "pods".into(),
            weight: 1,
            source: model::EntrySource::Endpoints(key.clone()),
            protocol: model::BackendProtocol::Http,
            tls: None,
            base_path: "".into(),
            retry_budgets: Vec::new(),
        }],
        retries: None,
    };
    let after = builder.apply(delta(2, [resource, Resource::Upstream(upstream)]));
    assert_eq!(builder.work, Work::default());
    assert!(Arc::ptr_eq(&before.binds, &after.binds));
    assert_eq!(after.upstreams.iter().count(), 1);

    let gone = builder.apply(removal(3, ResourceKey::Upstream(upstream_key("cart"))));
    builder.apply(removal(4, ResourceKey::Endpoints(key)));
    assert_eq!(builder.work, Work::default());
    assert_eq!(gone.upstreams.iter().count(), 0);
}

#[test]
fn a_route_that_moves_is_not_compiled_again() {
    let (mut builder, _) = ten_hosts();
    let moved = route("r3").hosts(&["new.com"]).rule(&["/"]).resource();
    let table = builder.apply(delta(2, [moved]));
    assert_eq!(builder.work, work(0, 2, 1, 0, 1));
    assert_eq!(serve(&table, "h3.com", "/"), None);
    assert_eq!(serve(&table, "new.com", "/").as_deref(), Some("r3 0"));
    assert_eq!(table.bind(address()).unwrap().listener_for("x").unwrap().buckets.iter().count(), 10);
}

#[test]
fn a_route_that_was_made_anew_is_younger_though_its_rules_are_the_same() {
    let mut builder = builder();
    let aged = |name: &str, created| route(name).created(created).rule(&["/"]).resource();
    let http = Resource::Listener(listener("http", ""));
    let before = builder.apply(delta(1, [http, aged("a", 1), aged("b", 2)]));
    assert_eq!(serve(&before, "x", "/").as_deref(), Some("a 0"));
    let after = builder.apply(delta(2, [aged("a", 3)]));
    assert_eq!(builder.work, work(0, 1, 1, 0, 1));
    assert_eq!(serve(&after, "x", "/").as_deref(), Some("b 0"));
}

#[test]
fn only_the_listeners_of_a_route_are_made_anew() {
    let mut builder = builder();
    let other = model::Listener { binds: vec!["127.0.0.1:1".parse().unwrap()], ..listener("other", "") };
    builder.apply(delta(1, [Resource::Listener(listener("http", "")), Resource::Listener(other)]));
    builder.apply(delta(2, [route("r").rule(&["/"]).resource()]));
    assert_eq!(builder.work, work(1, 1, 1, 0, 1));
}

#[test]
fn a_listener_finds_the_routes_that_came_before_it() {
    let mut builder = builder();
    let early = builder.apply(delta(1, [route("r").hosts(&["a.com"]).rule(&["/"]).resource()]));
    assert!(early.bind(address()).is_none());
    let table = builder.apply(delta(2, [Resource::Listener(listener("http", ""))]));
    assert_eq!(serve(&table, "a.com", "/").as_deref(), Some("r 0"));

    let gone = builder.apply(removal(3, ResourceKey::Listener(listener_key("http"))));
    assert_eq!(gone.binds().count(), 0);
    let again = builder.apply(delta(4, [Resource::Listener(listener("http", ""))]));
    assert_eq!(serve(&again, "a.com", "/").as_deref(), Some("r 0"));
}

#[test]
fn a_listener_moves_to_another_socket_and_host() {
    let mut builder = builder();
    builder.apply(delta(1, [Resource::Listener(listener("http", "")), route("r").rule(&["/"]).resource()]));
    let new: BindAddress = "[::1]:8443".parse().unwrap();
    let moved = model::Listener { binds: vec![new], ..listener("http", "*.a.com") };
    let table = builder.apply(delta(2, [Resource::Listener(moved)]));
    assert_eq!(builder.work, work(0, 0, 1, 0, 1));
    assert!(table.bind(address()).is_none());
    let bind = table.bind(new).unwrap();
    assert!(bind.listener_for("b.com").is_none());
    assert_eq!(find(bind.listener_for("x.a.com").unwrap(), "x.a.com", "/").as_deref(), Some("r 0"));
}

#[test]
fn a_removed_route_leaves_nothing_behind() {
    let (mut builder, _) = ten_hosts();
    let table = builder.apply(removal(2, ResourceKey::Route(route_key("r3"))));
    assert_eq!(builder.work, work(0, 1, 1, 0, 1));
    assert_eq!(serve(&table, "h3.com", "/"), None);
    for n in 0..10 {
        builder.apply(removal(3 + n, ResourceKey::Route(route_key(&format!("r{n}")))));
    }
    assert!(builder.attached.is_empty() && builder.routes.is_empty());
    let table = builder.apply(delta(20, []));
    assert_eq!(table.bind(address()).unwrap().listener_for("x").unwrap().buckets.iter().count(), 0);
    assert!(table.splits.is_empty());
}

#[test]
fn of_two_listeners_with_one_hostname_or_protocols_the_first_key_wins() {
    let mut builder = builder();
    let https = model::Listener { protocol: Protocol::Https, ..listener("c", "a.com") };
    let table = builder.apply(delta(
        1,
        [
            Resource::Listener(https),
            Resource::Listener(listener("b", "")),
            Resource::Listener(listener("a", "")),
        ],
    ));
    let bind = table.bind(address()).unwrap();
    assert_eq!(bind.transport, Transport::Http);
    let served: Vec<_> = bind.listeners().map(|listener| listener.key.clone()).collect();
    assert_eq!(served, [listener_key("a")]);
}

fn upstream_key(name: &str) -> UpstreamKey {
    UpstreamKey::Service { service: ObjectKey::new("shop", name), port: 80, protocol: IpProtocol::Tcp }
}

fn backend(name: &str, weight: u32) -> Backend {
    Backend {
        weight,
        target: BackendTarget::Upstream(upstream_key(name)),
        filters: Filters::default(),
        session: None,
    }
}

/// A route `r` whose one rule goes to these.
fn split_to(backends: Vec<Backend>) -> RouteBuilder {
    let mut route = route("r").rule(&["/"]);
    route.0.rules[0].backends = backends;
    route
}

/// The rules of all matches, in their order of paths `/`.
fn only_rule(table: &Table) -> Arc<Rule> {
    let listener = table.bind(address()).unwrap().listener_for("a.com").unwrap();
    crate::table::testing::with_found(listener, "a.com", "/", |found| found.rule.clone()).unwrap()
}

#[test]
fn a_rule_carries_its_names_and_backends() {
    let mut builder = builder();
    let broken = BackendTarget::Broken { reason: Reason::RefNotPermitted, reference: "Service x/y:1".into() };
    let mut resource = split_to(vec![
        backend("cart", 9),
        Backend { weight: 1, target: broken, filters: Filters::default(), session: None },
    ]);
    resource.0.rules[0].key = RuleKey::Name("split".into());
    let timeouts = Timeouts { request: Some(Duration::from_secs(1)), backend_request: None };
    let retry = Retry { codes: vec![503], attempts: 1, backoff: None };
    (resource.0.rules[0].timeouts, resource.0.rules[0].retry) = (timeouts, Some(retry.clone()));
    let table = builder.apply(delta(1, [Resource::Listener(listener("http", "")), resource.resource()]));
    let rule = only_rule(&table);
    assert_eq!((&*rule.route_name, &*rule.name), ("HTTPRoute shop/r", "split"));
    assert_eq!((rule.timeouts, &rule.retry), (timeouts, &Some(retry)));
    assert_eq!(&*rule.backends[0].name, "Service shop/cart:80");
    assert_eq!(&*rule.backends[1].name, "Service x/y:1");
    assert_eq!(rule.backends[1].target, Target::Broken(Reason::RefNotPermitted));
    let Target::Upstream(slot) = rule.backends[0].target else { panic!("{:?}", rule.backends[0]) };
    assert!(table.upstreams.get(slot).is_none(), "no delta brought it yet");

    let mut splits = Splits::default();
    let picks: Vec<_> = (0..10).filter_map(|_| splits.next(rule.split_id, &rule.split)).collect();
    assert_eq!(picks.iter().filter(|pick| **pick == 0).count(), 9);
}

#[test]
fn a_split_keeps_its_identity_over_edits_and_ends_with_its_rule() {
    let mut builder = builder();
    let http = Resource::Listener(listener("http", ""));
    let one = only_rule(&builder.apply(delta(1, [http, split_to(vec![backend("a", 1)]).resource()])));
    let edited = builder.apply(delta(2, [split_to(vec![backend("b", 1), backend("a", 9)]).resource()]));
    let two = only_rule(&edited);
    assert_eq!(one.split_id, two.split_id);
    assert!(one.split_id > u64::from(u32::MAX), "apart from the splits of upstreams");
    assert!(edited.has_split(one.split_id) && !edited.has_split(one.split_id + 1));

    let mut named = split_to(vec![backend("a", 1)]);
    named.0.rules[0].key = RuleKey::Name("a".into());
    let renamed = builder.apply(delta(3, [named.resource()]));
    assert_ne!(only_rule(&renamed).split_id, one.split_id);
    assert!(!renamed.has_split(one.split_id) && renamed.has_split(only_rule(&renamed).split_id));
}

#[test]
fn a_named_rule_keeps_its_split_when_another_is_put_before_it() {
    let mut builder = builder();
    let mut before = route("r").rule(&["/"]);
    before.0.rules[0].key = RuleKey::Name("kept".into());
    let one =
        only_rule(&builder.apply(delta(1, [Resource::Listener(listener("http", "")), before.resource()])));
    let mut after = route("r").rule(&["/other"]).rule(&["/"]);
    after.0.rules[1].key = RuleKey::Name("kept".into());
    assert_eq!(only_rule(&builder.apply(delta(2, [after.resource()]))).split_id, one.split_id);
}

#[test]
fn two_rules_of_one_name_have_two_splits() {
    let mut builder = builder();
    let mut twice = route("r").rule(&["/a"]).rule(&["/b"]);
    twice.0.rules.iter_mut().for_each(|rule| rule.key = RuleKey::Name("n".into()));
    let table = builder.apply(delta(1, [Resource::Listener(listener("http", "")), twice.resource()]));
    assert_eq!(table.splits.len(), 2);
    assert_eq!(serve(&table, "a.com", "/a").as_deref(), Some("r n"));
    assert_eq!(serve(&table, "a.com", "/b").as_deref(), Some("r 1"));
}

#[test]
fn one_service_named_twice_is_two_members_of_the_split() {
    let mut builder = builder();
    let twice = split_to(vec![backend("a", 3), backend("a", 1)]);
    let rule =
        only_rule(&builder.apply(delta(1, [Resource::Listener(listener("http", "")), twice.resource()])));
    assert_eq!(rule.backends[0].target, rule.backends[1].target);
    let mut splits = Splits::default();
    let picks: Vec<_> = (0..8).filter_map(|_| splits.next(rule.split_id, &rule.split)).collect();
    assert_eq!(picks.iter().filter(|pick| **pick == 0).count(), 6);
}

#[test]
fn a_filter_that_cannot_be_honoured_breaks_its_own_part_only() {
    let bad = Filters {
        request_headers: Some(HeaderEdit { remove: vec!["a b".into()], ..HeaderEdit::default() }),
        ..Filters::default()
    };
    let mut builder = builder();
    let http = Resource::Listener(listener("http", ""));
    let on_backend = split_to(vec![backend("a", 1), Backend { filters: bad.clone(), ..backend("b", 1) }]);
    let rule = only_rule(&builder.apply(delta(1, [http, on_backend.resource()])));
    assert!(matches!(rule.backends[0].target, Target::Upstream(_)));
    assert_eq!(rule.backends[1].target, Target::Broken(Reason::InvalidFilter));

    let mut on_rule = split_to(vec![backend("a", 0)]);
    on_rule.0.rules[0].filters = bad;
    let rule = only_rule(&builder.apply(delta(2, [on_rule.resource()])));
    assert_eq!(rule.backends.len(), 1);
    assert_eq!(rule.backends[0].target, Target::Broken(Reason::InvalidFilter));
    assert_eq!(rule.split.single(), Some(0));
}

#[test]
fn a_match_that_cannot_be_compiled_matches_nothing_and_widens_nothing() {
    let mut resource = route("r").rule(&["~/a(", "/b"]).rule(&["/c"]);
    resource.0.rules[1].matches[0].headers =
        vec![HeaderMatch { name: "x".into(), value: ValueMatch::Regex("(".into()) }];
    let mut builder = builder();
    let table = builder.apply(delta(1, [Resource::Listener(listener("http", "")), resource.resource()]));
    assert_eq!(serve(&table, "a.com", "/a("), None);
    assert_eq!(serve(&table, "a.com", "/c x:("), None);
    assert_eq!(serve(&table, "a.com", "/b").as_deref(), Some("r 0"));
}

#[test]
fn expressions_are_compiled_once_while_they_are_used() {
    let mut builder = builder();
    let http = Resource::Listener(listener("http", ""));
    let with = |path: &str| route("r").rule(&[path, "~/a.*"]).resource();
    let pattern = |table: &Table| {
        let listener = table.bind(address()).unwrap().listener_for("a.com").unwrap();
        crate::table::testing::with_found(listener, "a.com", "/abc", |found| {
            found.matched.pattern.clone().unwrap()
        })
        .unwrap()
    };
    let one = builder.apply(delta(1, [http, with("=/x")]));
    let two = builder.apply(delta(2, [with("=/y")]));
    assert!(Arc::ptr_eq(&pattern(&one), &pattern(&two)));
}

#[test]
fn series_live_as_long_as_their_object() {
    let metrics = Metrics::new();
    let mut builder = builder_with(&metrics);
    let http = Resource::Listener(listener("http", ""));
    let table = builder.apply(delta(1, [http, route("r").rule(&["/"]).resource()]));
    only_rule(&table).metrics.count(http::StatusCode::OK);
    let series = "tidegate_route_requests_total{route=\"HTTPRoute shop/r\",status_class=\"2xx\"} 1\n";
    assert!(metrics.encode().contains(series));
    builder.apply(delta(2, [route("r").rule(&["/new"]).resource()]));
    assert!(metrics.encode().contains(series), "an edit keeps the count");

    builder.apply(removal(3, ResourceKey::Route(route_key("r"))));
    builder.apply(removal(4, ResourceKey::Listener(listener_key("http"))));
    only_rule(&table).metrics.count(http::StatusCode::OK);
    let text = metrics.encode();
    assert!(!text.contains("shop/r") && !text.contains("shop/gate"), "{text}");
}

fn certificate(name: &str, host: &str) -> Certificate {
    let key = KeyPair::generate().unwrap();
    let chain = CertificateParams::new([host.to_owned()]).unwrap().self_signed(&key).unwrap();
    Certificate {
        key: CertificateKey(ObjectKey::new("shop", name)),
        chain_pem: chain.pem().into(),
        private_key_pem: key.serialize_pem().into(),
    }
}

fn https(name: &str, certificates: &[&Certificate]) -> Resource {
    Resource::Listener(model::Listener {
        protocol: Protocol::Https,
        certificates: certificates.iter().map(|certificate| certificate.key.clone()).collect(),
        settings: Default::default(),
        tracing: None,
        ..listener(name, &format!("{name}.com"))
    })
}

fn tls<'a>(table: &'a Table, name: &str) -> Option<&'a Arc<rustls::ServerConfig>> {
    table.bind(address()).unwrap().listener_for(&format!("{name}.com")).unwrap().tls.as_ref()
}

/// A client that proved itself to one authority must not come back by a ticket under another.
#[test]
fn tls_settings_are_others_for_other_authorities_of_clients() {
    let one = certificate("one", "a.com");
    let authorities = [certificate("two", "b.com"), certificate("three", "c.com")]
        .map(|certificate| model::Authorities::new(&certificate.chain_pem));
    let with = |clients: Option<(&model::Authorities, bool)>| {
        let Resource::Listener(listener) = https("a", &[&one]) else { panic!() };
        let clients = clients.map(|(authorities, insecure_fallback)| model::ClientValidation {
            authorities: authorities.clone(),
            insecure_fallback,
        });
        Resource::Listener(model::Listener { clients, ..listener })
    };
    let mut builder = builder();
    let mut made = Vec::new();
    let [old, new] = &authorities;
    for (version, clients) in
        [None, Some((old, false)), Some((old, true)), Some((new, true)), Some((new, false))]
            .into_iter()
            .enumerate()
    {
        let version = version as u64 + 1;
        let table = builder.apply(delta(version, [with(clients), Resource::Certificate(one.clone())]));
        let config = tls(&table, "a").unwrap().clone();
        assert_eq!(config.ticketer.enabled(), clients.is_none());
        assert!(made.iter().all(|known| !Arc::ptr_eq(known, &config)));
        made.push(config);
        let same = builder.apply(delta(100 + version, [with(clients)]));
        assert!(Arc::ptr_eq(tls(&same, "a").unwrap(), made.last().unwrap()));
    }
}

#[test]
fn tls_settings_stay_the_same_until_their_certificates_change() {
    let (one, two) = (certificate("one", "a.com"), certificate("two", "b.com"));
    let mut builder = builder();
    let first = builder.apply(delta(
        1,
        [
            https("a", &[&one]),
            https("b", &[&two]),
            Resource::Certificate(one.clone()),
            Resource::Certificate(two.clone()),
        ],
    ));
    assert_eq!(builder.work.tls, 2);

    let mut edited = route("r").on("a").rule(&["/"]);
    edited.0.attachments.push(Attachment { listener: listener_key("b"), hostnames: Vec::new() });
    let second = builder.apply(delta(2, [edited.resource(), Resource::Certificate(one.clone())]));
    assert_eq!((builder.work.listeners, builder.work.tls), (2, 0));
    assert!(Arc::ptr_eq(tls(&first, "a").unwrap(), tls(&second, "a").unwrap()));

    let renewed = Certificate { key: one.key.clone(), ..certificate("one", "a.com") };
    let third = builder.apply(delta(3, [Resource::Certificate(renewed)]));
    assert_eq!((builder.work.listeners, builder.work.tls), (1, 1));
    assert!(!Arc::ptr_eq(tls(&second, "a").unwrap(), tls(&third, "a").unwrap()));
    assert!(Arc::ptr_eq(tls(&second, "b").unwrap(), tls(&third, "b").unwrap()));
}

#[test]
fn a_listener_has_tls_as_soon_and_as_long_as_one_certificate_is_there() {
    let (one, two) = (certificate("one", "a.com"), certificate("two", "a.com"));
    let mismatched = Certificate { private_key_pem: two.private_key_pem.clone(), ..one.clone() };
    let mut builder = builder();
    let table = builder.apply(delta(1, [https("a", &[&one, &two]), Resource::Certificate(mismatched)]));
    assert!(tls(&table, "a").is_none());
    let table = builder.apply(delta(2, [Resource::Certificate(two.clone())]));
    assert!(tls(&table, "a").is_some());
    let table = builder.apply(delta(3, [Resource::Certificate(one.clone())]));
    assert_eq!(builder.work.tls, 1, "one more certificate makes other settings");
    assert!(tls(&table, "a").is_some());
    builder.apply(removal(4, ResourceKey::Certificate(one.key)));
    let table = builder.apply(removal(5, ResourceKey::Certificate(two.key)));
    assert!(tls(&table, "a").is_none(), "a Secret that is deleted takes effect at once");
}
