//! Weighted splits are exact, also while the weights are edited.

use crate::common::backend::Backend;
use crate::common::manifests::{documents, http_gateway, route, service};
use crate::common::raw::Client;
use crate::common::tidegate::{Options, Tidegate};

fn split(weights: &[(&str, u32)]) -> String {
    let backends: Vec<String> = weights
        .iter()
        .map(|(name, weight)| format!("{{name: {name}, port: 80, weight: {weight}}}"))
        .collect();
    route("split", &[], &format!("- backendRefs: [{}]", backends.join(", ")))
}

/// One worker, for each has a cursor of its own.
fn one_worker() -> Options {
    Options { workers: 1, ..Options::default() }
}

#[test]
fn every_window_has_its_shares() {
    let backends = ["a", "b", "c", "d"].map(Backend::start);
    let mut texts = vec![http_gateway(), split(&[("a", 70), ("b", 20), ("c", 10), ("d", 0)])];
    texts.extend(backends.iter().map(|backend| service(backend.name(), &[backend])));
    let tidegate = Tidegate::start_with(one_worker(), &[("all.yaml", documents(&texts))]);
    let mut client = Client::connect(tidegate.http());
    let names: Vec<String> = (0..300)
        .map(|_| {
            let answer = client.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n").answer();
            answer.header("x-backend").unwrap().to_owned()
        })
        .collect();
    for window in names.windows(100) {
        let count = |name: &str| window.iter().filter(|chosen| *chosen == name).count();
        assert_eq!([count("a"), count("b"), count("c"), count("d")], [70, 20, 10, 0]);
    }
    // Smooth, not in blocks: the small share is never far away.
    for window in names.windows(20) {
        assert!(window.iter().any(|name| name == "c"), "{window:?}");
    }
}

#[test]
fn an_edit_counts_from_the_next_request_on() {
    let backends = ["a", "b"].map(Backend::start);
    let mut texts = vec![http_gateway()];
    texts.extend(backends.iter().map(|backend| service(backend.name(), &[backend])));
    let tidegate = Tidegate::start_with(
        one_worker(),
        &[("all.yaml", documents(&texts)), ("split.yaml", split(&[("a", 1)]))],
    );
    let mut client = Client::connect(tidegate.http());
    for step in 0..=10 {
        tidegate.apply(&[("split.yaml", split(&[("a", 100 - step * 10), ("b", step * 10)]))]);
        let before = backends.each_ref().map(Backend::requests);
        for _ in 0..100 {
            assert_eq!(client.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n").answer().status(), 200);
        }
        let after = backends.each_ref().map(Backend::requests);
        assert_eq!(
            (after[0] - before[0], after[1] - before[1]),
            (100 - u64::from(step) * 10, u64::from(step) * 10)
        );
    }
}

/// The share of a broken reference is answered with 500, and no more than its share.
#[test]
fn a_broken_reference_keeps_its_share() {
    let backend = Backend::start("a");
    let texts = [http_gateway(), split(&[("a", 75), ("missing", 25)]), service("a", &[&backend])];
    let tidegate = Tidegate::start_with(one_worker(), &[("all.yaml", documents(&texts))]);
    let mut client = Client::connect(tidegate.http());
    let statuses: Vec<u16> =
        (0..100).map(|_| client.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n").answer().status()).collect();
    assert_eq!(statuses.iter().filter(|status| **status == 500).count(), 25);
    assert_eq!(backend.requests(), 75);
}

/// An entry of an Upstream has its weight, however many endpoints are behind it.
#[test]
fn the_entries_of_an_upstream_have_their_shares() {
    let pods = ["p1", "p2", "p3"].map(Backend::start);
    let fixed = Backend::start("fixed");
    let upstream = format!(
        "apiVersion: tidegate.dev/v1alpha1
kind: Upstream
metadata: {{name: mixed}}
spec:
  targets:
  - {{name: pods, serviceRef: {{name: pods, port: 80}}, weight: 3}}
  - {{name: fixed, url: \"http://{}\", weight: 1}}
",
        fixed.address()
    );
    let rule = "- backendRefs: [{group: tidegate.dev, kind: Upstream, name: mixed}]";
    let texts = [http_gateway(), service("pods", &pods.each_ref()), upstream, route("mixed", &[], rule)];
    let tidegate = Tidegate::start_with(one_worker(), &[("all.yaml", documents(&texts))]);
    let mut client = Client::connect(tidegate.http());
    for _ in 0..100 {
        assert_eq!(client.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n").answer().status(), 200);
    }
    assert_eq!(fixed.requests(), 25);
    assert_eq!(pods.iter().map(Backend::requests).sum::<u64>(), 75);
}

/// The base path of an Upstream's URL stands before the request's.
#[test]
fn a_url_may_have_a_base_path() {
    let backend = Backend::start("only");
    let upstream = format!(
        "apiVersion: tidegate.dev/v1alpha1
kind: Upstream
metadata: {{name: based}}
spec:
  targets: [{{name: only, url: \"http://{}/v1/\"}}]
",
        backend.address()
    );
    let rule = "- backendRefs: [{group: tidegate.dev, kind: Upstream, name: based}]";
    let texts = [http_gateway(), upstream, route("based", &[], rule)];
    let tidegate = Tidegate::start(&[("all.yaml", documents(&texts))]);
    for (path, target) in [("/", "/v1/"), ("/a?b", "/v1/a?b"), ("/../a", "")] {
        let answer =
            crate::common::raw::ask(tidegate.http(), format!("GET {path} HTTP/1.1\r\nHost: a\r\n\r\n"));
        match target {
            "" => assert_eq!(answer.status(), 400),
            _ => assert_eq!(backend.last().target, target, "{path}"),
        }
    }
}
