//! Which rule a request goes by.

use crate::common::backend::Backend;
use crate::common::manifests::{documents, gateway, http_gateway, route, service};
use crate::common::raw::ask;
use crate::common::tidegate::Tidegate;

/// Asks and returns the backend that answered, or the status if none did.
fn backend_of(tidegate: &Tidegate, request: &str) -> String {
    let answer = ask(tidegate.http(), format!("{request}\r\n\r\n"));
    answer.header("x-backend").map_or_else(|| answer.status().to_string(), str::to_owned)
}

#[test]
fn the_more_specific_match_wins() {
    let names = ["exact", "regex", "long", "short", "method", "headers", "queries", "rest"];
    let backends = names.map(Backend::start);
    let tidegate = Tidegate::with_rules(
        &backends.each_ref(),
        r#"
- {backendRefs: [{name: rest, port: 80}]}
- matches: [{path: {type: PathPrefix, value: /shop}}]
  backendRefs: [{name: short, port: 80}]
- matches: [{path: {type: PathPrefix, value: /shop/cart}}]
  backendRefs: [{name: long, port: 80}]
- matches: [{path: {type: RegularExpression, value: "/shop/[0-9]+"}}]
  backendRefs: [{name: regex, port: 80}]
- matches: [{path: {type: Exact, value: /shop/7}}]
  backendRefs: [{name: exact, port: 80}]
- matches: [{path: {type: PathPrefix, value: /shop}, method: DELETE}]
  backendRefs: [{name: method, port: 80}]
- matches:
  - path: {type: PathPrefix, value: /shop}
    headers: [{name: X-Kind, value: Beta}]
  backendRefs: [{name: headers, port: 80}]
- matches:
  - path: {type: PathPrefix, value: /shop}
    queryParams: [{name: Kind, value: a b}]
  backendRefs: [{name: queries, port: 80}]"#,
    );
    let cases = [
        ("GET /shop/7 HTTP/1.1\r\nHost: a", "exact"),
        ("GET /shop/8 HTTP/1.1\r\nHost: a", "regex"),
        ("GET /shop/8x HTTP/1.1\r\nHost: a", "short"),
        ("GET /shop/cart HTTP/1.1\r\nHost: a", "long"),
        ("GET /shop/cart/ HTTP/1.1\r\nHost: a", "long"),
        ("GET /shop/cartoon HTTP/1.1\r\nHost: a", "short"),
        ("GET /shop HTTP/1.1\r\nHost: a", "short"),
        ("GET /shopping HTTP/1.1\r\nHost: a", "rest"),
        ("GET /SHOP HTTP/1.1\r\nHost: a", "rest"),
        ("DELETE /shop HTTP/1.1\r\nHost: a", "method"),
        ("DELETE /shop/cart HTTP/1.1\r\nHost: a", "long"),
        ("GET /shop HTTP/1.1\r\nHost: a\r\nx-kind: Beta", "headers"),
        ("GET /shop HTTP/1.1\r\nHost: a\r\nX-KIND: Beta", "headers"),
        ("GET /shop HTTP/1.1\r\nHost: a\r\nx-kind: beta", "short"),
        ("DELETE /shop HTTP/1.1\r\nHost: a\r\nx-kind: Beta", "method"),
        ("GET /shop?Kind=a%20b HTTP/1.1\r\nHost: a", "queries"),
        ("GET /shop?Kind=a+b HTTP/1.1\r\nHost: a", "queries"),
        ("GET /shop?x=1&Kind=a+b HTTP/1.1\r\nHost: a", "queries"),
        ("GET /shop?Kind=c&Kind=a+b HTTP/1.1\r\nHost: a", "short"),
        ("GET /shop?kind=a+b HTTP/1.1\r\nHost: a", "short"),
        ("GET /shop?Kind=a+b HTTP/1.1\r\nHost: a\r\nx-kind: Beta", "headers"),
    ];
    for (request, wanted) in cases {
        assert_eq!(backend_of(&tidegate, request), wanted, "{request}");
    }
}

#[test]
fn the_more_specific_host_wins() {
    let names = ["exact", "wildcard", "longer", "any"];
    let backends = names.map(Backend::start);
    let mut texts = vec![http_gateway()];
    texts.extend(backends.iter().map(|backend| service(backend.name(), &[backend])));
    let hosts: [&[&str]; 4] = [&["shop.example.com"], &["*.example.com"], &["*.eu.example.com"], &[]];
    for (name, hosts) in names.iter().zip(hosts) {
        texts.push(route(name, hosts, &format!("- backendRefs: [{{name: {name}, port: 80}}]")));
    }
    let tidegate = Tidegate::start(&[("all.yaml", documents(&texts))]);
    let cases = [
        ("shop.example.com", "exact"),
        ("SHOP.example.COM", "exact"),
        ("shop.example.com:8080", "exact"),
        ("shop.example.com.", "exact"),
        ("other.example.com", "wildcard"),
        ("a.b.example.com", "wildcard"),
        ("a.eu.example.com", "longer"),
        ("example.com", "any"),
        ("192.0.2.1", "any"),
        ("[2001:db8::1]:8080", "any"),
    ];
    for (host, wanted) in cases {
        assert_eq!(backend_of(&tidegate, &format!("GET / HTTP/1.1\r\nHost: {host}")), wanted, "{host}");
    }
}

/// Only the most specific listener that matches serves a request, also when it has no route.
#[test]
fn listeners_are_isolated() {
    let backend = Backend::start("only");
    let texts = [
        gateway(
            r#"
- {name: any, protocol: HTTP, port: 8080}
- {name: wildcard, protocol: HTTP, port: 8080, hostname: "*.example.com"}
- {name: shop, protocol: HTTP, port: 8080, hostname: shop.example.com}"#,
        ),
        service("only", &[&backend]),
        route("any", &[], "- backendRefs: [{name: only, port: 80}]")
            .replace("[{name: gateway}]", "[{name: gateway, sectionName: any}]"),
        route("shop", &[], "- matches: [{path: {value: /shop}}]\n  backendRefs: [{name: only, port: 80}]")
            .replace("[{name: gateway}]", "[{name: gateway, sectionName: shop}]"),
    ];
    let tidegate = Tidegate::start(&[("all.yaml", documents(&texts))]);
    let cases = [
        ("GET / HTTP/1.1\r\nHost: a.org", "only"),
        ("GET / HTTP/1.1\r\nHost: a.example.com", "404"),
        ("GET / HTTP/1.1\r\nHost: shop.example.com", "404"),
        ("GET /shop HTTP/1.1\r\nHost: shop.example.com", "only"),
    ];
    for (request, wanted) in cases {
        assert_eq!(backend_of(&tidegate, request), wanted, "{request}");
    }
}

#[test]
fn what_no_rule_matches_is_not_found() {
    let backend = Backend::start("only");
    let tidegate = Tidegate::with_rules(
        &[&backend],
        "- matches: [{path: {value: /a}}]\n  backendRefs: [{name: only, port: 80}]",
    );
    let mut client = crate::common::raw::Client::connect(tidegate.http());
    for _ in 0..2 {
        // The connection goes on: nothing is wrong with it.
        assert_eq!(client.send("GET /b HTTP/1.1\r\nHost: a\r\n\r\n").answer().status(), 404);
    }
    assert_eq!(client.send("GET /a HTTP/1.1\r\nHost: a\r\n\r\n").answer().status(), 200);
}

#[test]
fn broken_references_are_answered_with_500() {
    let backend = Backend::start("only");
    let tidegate = Tidegate::with_rules(
        &[&backend],
        r#"
- matches: [{path: {value: /missing}}]
  backendRefs: [{name: missing, port: 80}]
- matches: [{path: {value: /kind}}]
  backendRefs: [{name: only, port: 80, group: example.com, kind: Thing}]
- matches: [{path: {value: /grant}}]
  backendRefs: [{name: only, port: 80, namespace: other}]
- matches: [{path: {value: /none}}]
- matches: [{path: {value: /zero}}]
  backendRefs: [{name: only, port: 80, weight: 0}]
- matches: [{path: {value: /good}}]
  backendRefs: [{name: only, port: 80}]"#,
    );
    for path in ["missing", "kind", "grant", "none", "zero"] {
        assert_eq!(backend_of(&tidegate, &format!("GET /{path} HTTP/1.1\r\nHost: a")), "500", "{path}");
    }
    assert_eq!(backend_of(&tidegate, "GET /good HTTP/1.1\r\nHost: a"), "only");
}

#[test]
fn a_service_without_ready_endpoints_is_answered_with_503() {
    let texts = [
        http_gateway(),
        crate::common::manifests::service_at("empty", &[], None),
        crate::common::manifests::route_to("empty"),
    ];
    let tidegate = Tidegate::start(&[("all.yaml", documents(&texts))]);
    assert_eq!(backend_of(&tidegate, "GET / HTTP/1.1\r\nHost: a"), "503");
}
