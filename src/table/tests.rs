//! The specification's traps of matching and of listeners, each by its values.

use super::testing::{address, find, listener, listener_key, route, serve, table, with_found};
use super::{Belonging, Bind};
use crate::model::{PathMatch, Resource};
use std::sync::Arc;

/// One listener for every host, with these routes.
fn routes(routes: impl IntoIterator<Item = Resource>) -> Arc<super::Table> {
    table([Resource::Listener(listener("http", ""))].into_iter().chain(routes))
}

#[test]
fn only_the_most_specific_listener_serves_a_host_even_without_a_route() {
    let table = table([
        Resource::Listener(listener("every", "")),
        Resource::Listener(listener("wide", "*.example.com")),
        Resource::Listener(listener("narrow", "*.foo.example.com")),
        Resource::Listener(listener("one", "abc.foo.example.com")),
        route("every").on("every").rule(&["/"]).resource(),
        route("wide").on("wide").rule(&["/wide"]).resource(),
        route("narrow").on("narrow").rule(&["/narrow"]).resource(),
        route("one").on("one").rule(&["/one"]).resource(),
    ]);
    for (host, own) in [
        ("bar.com", "every"),
        ("example.com", "every"),
        ("bar.example.com", "wide"),
        ("bar.foo.example.com", "narrow"),
        ("a.b.foo.example.com", "narrow"),
        ("foo.example.com", "wide"),
        ("abc.foo.example.com", "one"),
    ] {
        for name in ["every", "wide", "narrow", "one"] {
            let served = serve(&table, host, &format!("/{name}"));
            let wanted = (name == own || own == "every").then(|| format!("{own} 0"));
            assert_eq!(served, wanted, "{host}/{name}");
        }
    }
}

/// The listeners of a socket as the official test of misdirected requests has them.
fn tls_bind(with_every: bool) -> Arc<Bind> {
    let hostnames = [("every", ""), ("second", "second-example.org"), ("wildcard", "*.wildcard.org")];
    let listeners = hostnames.into_iter().filter(|(name, _)| with_every || *name != "every");
    let table = table(listeners.map(|(name, hostname)| Resource::Listener(listener(name, hostname))));
    table.bind(address()).unwrap().clone()
}

fn belonging(bind: &Bind, connection: &str, host: &str) -> &'static str {
    match bind.belonging(&listener_key(connection), host) {
        Belonging::Here(listener) => {
            assert_eq!(listener.key, listener_key(connection));
            "here"
        }
        Belonging::Misdirected => "misdirected",
        Belonging::Nowhere => "nowhere",
    }
}

#[test]
fn a_host_of_another_listener_is_misdirected() {
    let bind = tls_bind(true);
    for (connection, host, wanted) in [
        ("every", "example.org", "here"),
        ("every", "unknown-example.org", "here"),
        ("every", "second-example.org", "misdirected"),
        ("every", "very.specific.wildcard.org", "misdirected"),
        ("second", "second-example.org", "here"),
        ("second", "example.org", "misdirected"),
        ("second", "unknown-example.org", "misdirected"),
        ("wildcard", "a.wildcard.org", "here"),
        ("wildcard", "wildcard.org", "misdirected"),
        ("wildcard", "second-example.org", "misdirected"),
        ("gone", "example.org", "misdirected"),
    ] {
        assert_eq!(belonging(&bind, connection, host), wanted, "{host} on {connection}");
    }
}

#[test]
fn a_host_of_no_listener_is_not_found_instead() {
    let bind = tls_bind(false);
    assert_eq!(belonging(&bind, "second", "unknown-example.org"), "nowhere");
    assert_eq!(belonging(&bind, "second", "a.wildcard.org"), "misdirected");
    assert_eq!(belonging(&bind, "second", ""), "nowhere");
    assert_eq!(belonging(&bind, "gone", "unknown-example.org"), "nowhere");
}

#[test]
fn the_name_of_a_tls_client_chooses_the_listener() {
    let name = |bind: &Bind, sni| bind.listener_for_sni(sni).map(|listener| listener.key.name.to_string());
    let bind = tls_bind(true);
    assert_eq!(name(&bind, Some("second-example.org")).as_deref(), Some("second"));
    assert_eq!(name(&bind, Some("a.b.wildcard.org")).as_deref(), Some("wildcard"));
    assert_eq!(name(&bind, Some("other.org")).as_deref(), Some("every"));
    assert_eq!(name(&bind, None).as_deref(), Some("every"));
    let bind = tls_bind(false);
    assert_eq!(name(&bind, Some("other.org")), None);
    assert_eq!(name(&bind, None), None);
}

/// What a TLS client with this SNI gets for a request to this host.
fn over_tls(bind: &Bind, sni: &str, host: &str) -> String {
    let Some(listener) = bind.listener_for_sni(Some(sni)) else { return "unrecognized_name".to_owned() };
    match bind.belonging(&listener.key, host) {
        Belonging::Here(listener) => find(listener, host, "/").unwrap_or_else(|| "404".to_owned()),
        Belonging::Misdirected => "421".to_owned(),
        Belonging::Nowhere => "404".to_owned(),
    }
}

#[test]
fn each_connection_serves_its_own_listener_only() {
    let table = table([
        Resource::Listener(listener("every", "")),
        Resource::Listener(listener("second", "second-example.org")),
        Resource::Listener(listener("wildcard", "*.wildcard.org")),
        Resource::Listener(listener("fourth", "fourth-example.wildcard.org")),
        route("r1").on("every").hosts(&["example.org"]).rule(&["/"]).resource(),
        route("r2").on("second").rule(&["/"]).resource(),
        route("r3").on("wildcard").rule(&["/"]).resource(),
        route("r4").on("fourth").rule(&["/"]).resource(),
    ]);
    let bind = table.bind(address()).unwrap();
    for (sni, host, wanted) in [
        ("example.org", "example.org", "r1 0"),
        ("example.org", "second-example.org", "421"),
        ("example.org", "unknown-example.org", "404"),
        ("second-example.org", "second-example.org", "r2 0"),
        ("second-example.org", "example.org", "421"),
        ("second-example.org", "unknown-example.org", "421"),
        ("third.wildcard.org", "third.wildcard.org", "r3 0"),
        ("third.wildcard.org", "fifth.wildcard.org", "r3 0"),
        ("third.wildcard.org", "fourth-example.wildcard.org", "421"),
        ("third.wildcard.org", "second-example.org", "421"),
        ("third.wildcard.org", "unknown-example.org", "421"),
        ("fourth-example.wildcard.org", "fourth-example.wildcard.org", "r4 0"),
        ("fourth-example.wildcard.org", "fifth.wildcard.org", "421"),
        ("unknown-example.org", "example.org", "r1 0"),
        ("unknown-example.org", "unknown-example.org", "404"),
    ] {
        assert_eq!(over_tls(bind, sni, host), wanted, "{host} over {sni}");
    }
}

#[test]
fn a_wildcard_takes_several_labels_and_not_the_apex() {
    let table = table([
        Resource::Listener(listener("http", "*.example.com")),
        route("r").hosts(&["*.example.com"]).rule(&["/"]).resource(),
    ]);
    for (host, served) in [
        ("a.example.com", true),
        ("a.b.example.com", true),
        ("example.com", false),
        ("notexample.com", false),
        ("a.example.com.org", false),
    ] {
        assert_eq!(serve(&table, host, "/").is_some(), served, "{host}");
    }
}

#[test]
fn the_routes_own_hostname_goes_before_the_path_and_the_age() {
    let table = routes([
        route("none").created(0).rule(&["=/exact/path"]).resource(),
        route("wide").created(1).hosts(&["*.com"]).rule(&["=/exact/path"]).resource(),
        route("wild").created(2).hosts(&["*.example.com"]).rule(&["/exact"]).resource(),
        route("exact").created(3).hosts(&["a.example.com"]).rule(&["/"]).resource(),
    ]);
    assert_eq!(serve(&table, "a.example.com", "/exact/path").as_deref(), Some("exact 0"));
    assert_eq!(serve(&table, "b.example.com", "/exact/path").as_deref(), Some("wild 0"));
    assert_eq!(serve(&table, "b.com", "/exact/path").as_deref(), Some("wide 0"));
    assert_eq!(serve(&table, "b.org", "/exact/path").as_deref(), Some("none 0"));
}

#[test]
fn a_less_specific_hostname_serves_what_the_more_specific_has_no_rule_for() {
    let table = routes([
        route("exact").hosts(&["a.example.com"]).rule(&["/one"]).resource(),
        route("wild").hosts(&["*.example.com"]).rule(&["/two"]).resource(),
        route("none").rule(&["/three"]).resource(),
    ]);
    let served = ["/one", "/two", "/three", "/four"].map(|path| serve(&table, "a.example.com", path));
    assert_eq!(served.map(|rule| rule.unwrap_or_default()), ["exact 0", "wild 0", "none 0", ""]);
}

#[test]
fn a_wildcard_listener_keeps_the_precedence_of_wider_routes() {
    // The intersection of both routes with the listener is the same; their own names are not.
    let table = table([
        Resource::Listener(listener("http", "a.example.com")),
        route("older").created(0).hosts(&["*.com"]).rule(&["/long/path"]).resource(),
        route("younger").created(9).hosts(&["*.example.com"]).rule(&["/"]).resource(),
    ]);
    assert_eq!(serve(&table, "a.example.com", "/long/path").as_deref(), Some("younger 0"));
}

#[test]
fn matches_go_by_path_then_method_then_headers_then_queries() {
    let table = routes([route("r")
        .rule(&["/match"])
        .rule(&["/match q=1"])
        .rule(&["/match a:1"])
        .rule(&["/match a:1 q=1"])
        .rule(&["/match a:1 b:1"])
        .rule(&["GET /match"])
        .rule(&["/match/longer"])
        .rule(&["~/match/[a-z]+"])
        .rule(&["~/match/exac."])
        .rule(&["=/match/exact"])
        .resource()]);
    for (request, rule) in [
        ("PUT /match", 0),
        ("PUT /match/", 0),
        ("PUT /match?q=1", 1),
        ("PUT /match?q=1 a:1", 3),
        ("PUT /match a:1", 2),
        ("PUT /match?q=1 a:1 b:1", 4),
        ("GET /match?q=1 a:1 b:1", 5),
        ("GET /match/longer/one a:1", 6),
        ("GET /match/longer", 7),
        ("GET /match/exact", 9),
        ("GET /match/exacT a:1 b:1", 8),
    ] {
        assert_eq!(serve(&table, "a.com", request), Some(format!("r {rule}")), "{request}");
    }
}

#[test]
fn the_longer_expression_goes_before_the_shorter_and_before_any_prefix() {
    let table = routes([route("r")
        .rule(&["/api/v1/users"])
        .rule(&["~/api/.*"])
        .rule(&["~/api/v[0-9]+/.*"])
        .resource()]);
    assert_eq!(serve(&table, "a.com", "/api/v1/users").as_deref(), Some("r 2"));
    assert_eq!(serve(&table, "a.com", "/api/users").as_deref(), Some("r 1"));
    assert_eq!(serve(&table, "a.com", "/x/api/v1/users"), None, "the whole path has to match");
}

#[test]
fn ties_go_to_the_older_route_then_the_alphabet_then_the_first_rule() {
    let tied = |name: &str, created| route(name).created(created).rule(&["/"]).resource();
    let first = |resources: Vec<Resource>| serve(&routes(resources), "a.com", "/").unwrap();
    assert_eq!(first(vec![tied("a", 2), tied("b", 1)]), "b 0");
    assert_eq!(first(vec![tied("b", 1), tied("a", 1)]), "a 0");
    assert_eq!(first(vec![tied("y/a", 1), tied("x/b", 1)]), "b 0");
    // "a-b/second" goes before "a/first" in the alphabet, though "a" goes before "a-b".
    assert_eq!(first(vec![tied("a/first", 1), tied("a-b/second", 1)]), "second 0");
    assert_eq!(first(vec![route("r").rule(&["/"]).rule(&["/"]).resource()]), "r 0");
    assert_eq!(first(vec![tied("older", 1), route("exact").created(2).rule(&["=/"]).resource()]), "exact 0");
}

#[test]
fn the_first_of_equal_rules_wins_though_it_is_broken_and_headers_stand_otherwise() {
    let table = routes([route("r").rule(&["/ a:1 b:1"]).rule(&["/ b:1 a:1"]).resource()]);
    assert_eq!(
        serve(&table, "a.com", "/ a:1 b:1").as_deref(),
        Some("r 0"),
        "it has no backends: 500, no fall through"
    );
}

#[test]
fn prefixes_are_matched_by_element() {
    let table =
        routes([route("r").rule(&["/one"]).rule(&["/two/"]).rule(&["=/three"]).rule(&["/%2F"]).resource()]);
    for (path, rule) in [
        ("/one", "r 0"),
        ("/one/", "r 0"),
        ("/one//", "r 0"),
        ("/one/x", "r 0"),
        ("/onex", ""),
        ("/One", ""),
        ("//one", ""),
        ("/two", "r 1"),
        ("/two/x", "r 1"),
        ("/twox", ""),
        ("/three", "r 2"),
        ("/three/", ""),
        ("/Three", ""),
        ("/%2F/x", "r 3"),
        ("/%2Fx", ""),
        ("/", ""),
    ] {
        assert_eq!(serve(&table, "a.com", path).unwrap_or_default(), rule, "{path}");
    }
}

#[test]
fn the_empty_prefix_takes_every_target() {
    let table = routes([route("r").rule(&["/"]).resource()]);
    for path in ["/", "/a", "//", "*"] {
        assert!(serve(&table, "a.com", path).is_some(), "{path}");
    }
}

#[test]
fn names_of_headers_have_no_case_but_names_and_values_of_parameters_have() {
    let table = routes([route("r").rule(&["/ version:one"]).rule(&["/ animal=whale"]).resource()]);
    for (request, rule) in [
        ("/ Version:one", "r 0"),
        ("/ version:One", ""),
        ("/?animal=whale", "r 1"),
        ("/?Animal=whale", ""),
        ("/?animal=Whale", ""),
        ("/?animal=whale&animal=dolphin", "r 1"),
        ("/?animal=dolphin&animal=whale", ""),
        ("/?%61nimal=wh%61le", "r 1"),
        ("/", ""),
    ] {
        assert_eq!(serve(&table, "a.com", request).unwrap_or_default(), rule, "{request}");
    }
}

#[test]
fn a_find_tells_by_which_match_it_was() {
    let table = routes([route("r").rule(&["=/x", "/a/b", "/a"]).resource()]);
    let listener = table.bind(address()).unwrap().listener_for("a.com").unwrap();
    let path = |request| with_found(listener, "a.com", request, |found| found.matched.path().clone());
    assert_eq!(path("/a/b/c"), Some(PathMatch::Prefix("/a/b".into())));
    assert_eq!(path("/a/c"), Some(PathMatch::Prefix("/a".into())));
    assert_eq!(path("/x"), Some(PathMatch::Exact("/x".into())));
}

#[test]
fn a_thousand_routes_of_one_host_cost_a_lookup_no_more_than_one() {
    let thousand = (0..1000).map(|number| {
        let name = format!("r{number}");
        let (exact, prefix) = (format!("=/exact/{number}"), format!("/prefix/{number}"));
        route(&name).hosts(&["a.example.com"]).rule(&[&exact]).rule(&[&prefix]).resource()
    });
    let table = routes(thousand.chain([route("rest").rule(&["/"]).resource()]));
    let listener = table.bind(address()).unwrap().listener_for("a.example.com").unwrap();
    for (path, wanted) in [
        ("/exact/777", "r777 0"),
        ("/prefix/777/x", "r777 1"),
        ("/prefix/77x", "rest 0"),
        ("/other", "rest 0"),
    ] {
        let before = super::bucket::EXAMINED.get();
        assert_eq!(find(listener, "a.example.com", path).as_deref(), Some(wanted));
        assert_eq!(super::bucket::EXAMINED.get() - before, 1, "{path}");
    }
}

#[test]
fn everything_may_be_used_by_all_workers() {
    fn shared<T: Send + Sync>() {}
    shared::<super::Table>();
    shared::<super::Rule>();
}

#[test]
fn calls_go_by_service_then_method_then_headers() {
    let table = routes([route("calls")
        .rule(&["~/[^/]+/Get"])
        .rule(&["/b.B"])
        .rule(&["~/(?:a.*)/(?:.*)"])
        .rule(&["=/a.B/Get"])
        .rule(&["/b.B x:1"])
        .rule(&["/"])
        .rule(&["~/[^/]+/(?:Get|List)"])
        .rule(&["/a.B"])
        .rpc(&[(0, 3), (3, 0), (3, 2), (3, 3), (3, 0), (0, 0), (0, 8), (3, 0)])
        .resource()]);
    for (request, rule) in [
        ("/a.B/Get", "3"),
        // As much of the service, and more of the method.
        ("/a.B/Put", "2"),
        // More of the service, however much of the method.
        ("/b.B/Get", "1"),
        ("/b.B/Get x:1", "4"),
        ("/c.B/Get", "6"),
        ("/c.B/List", "6"),
        ("/c.B/Put", "5"),
    ] {
        assert_eq!(serve(&table, "a", request), Some(format!("calls {rule}")), "{request}");
    }
}
