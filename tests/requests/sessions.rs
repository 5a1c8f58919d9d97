//! Session persistence: requests of one client that go to one endpoint.

use crate::common::backend::Backend;
use crate::common::certificates::Authority;
use crate::common::manifests::{documents, gateway, http_gateway, route, secret, service, service_at};
use crate::common::raw::{Answer, ask};
use crate::common::scripted::Scripted;
use crate::common::tidegate::{Options, Tidegate};
use std::collections::BTreeMap;
use std::net::TcpListener;
use std::time::{SystemTime, UNIX_EPOCH};
use tidegate::proxy::{Session, Tokens};
use tidegate::support::stable_hash::stable_hash;

const COOKIE: &str = "sessionPersistence: {cookie: {name: session}}";

/// A rule that splits requests among those Services.
fn rule(weights: &[(&str, u32)], persistence: &str) -> String {
    let backends: Vec<String> = weights
        .iter()
        .map(|(name, weight)| format!("{{name: {name}, port: 80, weight: {weight}}}"))
        .collect();
    format!("- backendRefs: [{}]\n  {persistence}", backends.join(", "))
}

fn split(weights: &[(&str, u32)], persistence: &str) -> String {
    route("split", &[], &rule(weights, persistence))
}

fn backends(service: &str, count: usize) -> Vec<Backend> {
    (0..count).map(|number| Backend::start(&format!("{service}{number}"))).collect()
}

fn slices(name: &str, backends: &[Backend]) -> String {
    service(name, &backends.iter().collect::<Vec<_>>())
}

/// Three endpoints of one Service.
fn three(persistence: &str) -> (Vec<Backend>, Tidegate) {
    let backends = backends("a", 3);
    let files = [
        ("gateway.yaml", http_gateway()),
        ("a.yaml", slices("a", &backends)),
        ("route.yaml", split(&[("a", 1)], persistence)),
    ];
    let tidegate = Tidegate::start(&files);
    (backends, tidegate)
}

/// What a client remembers.
#[derive(Clone, Default)]
struct Browser {
    cookie: Option<String>,
    /// How often it was told one.
    told: usize,
}

impl Browser {
    /// Asks on a new connection, which any worker may get.
    #[track_caller]
    fn ask(&mut self, tidegate: &Tidegate) -> Answer {
        self.ask_for(tidegate, "")
    }

    #[track_caller]
    fn ask_for(&mut self, tidegate: &Tidegate, fields: &str) -> Answer {
        let cookie = self.cookie.as_ref().map(|cookie| format!("Cookie: {cookie}\r\n")).unwrap_or_default();
        let answer = ask(tidegate.http(), format!("GET / HTTP/1.1\r\nHost: a\r\n{cookie}{fields}\r\n"));
        if let Some(set) = answer.header("set-cookie") {
            self.cookie = set.split(';').next().map(str::to_owned);
            self.told += 1;
        }
        answer
    }

    /// Asks and returns who answered.
    #[track_caller]
    fn meet(&mut self, tidegate: &Tidegate) -> String {
        let answer = self.ask(tidegate);
        assert_eq!(answer.status(), 200);
        answer.header("x-backend").unwrap().to_owned()
    }
}

#[test]
fn a_client_meets_one_endpoint_on_every_worker() {
    let (backends, tidegate) = three(COOKIE);
    let mut met = BTreeMap::<String, usize>::new();
    for _ in 0..20 {
        let mut browser = Browser::default();
        let first = browser.meet(&tidegate);
        for _ in 0..10 {
            assert_eq!(browser.meet(&tidegate), first);
        }
        assert_eq!(browser.told, 1);
        *met.entry(first).or_default() += 1;
    }
    // Twenty sessions on one of three: not once in a billion runs.
    assert!(met.len() > 1, "{met:?}");
    // The backend sees the cookie, too.
    let asked = backends.iter().flat_map(Backend::seen).filter(|seen| seen.header("cookie").is_some());
    assert_eq!(asked.count(), 200);
}

/// GEP-1619: "Session persistence MUST NOT override which backend is selected during traffic
/// splitting", and in each backend the client has its endpoint.
#[test]
fn weights_go_before_sessions() {
    let (a, b) = (backends("a", 3), backends("b", 3));
    let texts = [http_gateway(), slices("a", &a), slices("b", &b), split(&[("a", 7), ("b", 3)], COOKIE)];
    let one_worker = Options { workers: 1, ..Options::default() };
    let tidegate = Tidegate::start_with(one_worker, &[("all.yaml", documents(&texts))]);
    let mut browser = Browser::default();
    let mut met = BTreeMap::<String, usize>::new();
    for _ in 0..50 {
        *met.entry(browser.meet(&tidegate)).or_default() += 1;
    }
    assert_eq!(met.values().collect::<Vec<_>>(), [&35, &15], "{met:?}");
    assert!(met.keys().next().unwrap().starts_with('a') && met.keys().last().unwrap().starts_with('b'));
    // One for each backend that it met.
    assert_eq!(browser.told, 2);
}

#[test]
fn edits_of_weights_lose_no_session() {
    let (a, b) = (backends("a", 3), backends("b", 3));
    let files = [
        ("gateway.yaml", http_gateway()),
        ("a.yaml", slices("a", &a)),
        ("b.yaml", slices("b", &b)),
        ("route.yaml", split(&[("a", 1), ("b", 1)], COOKIE)),
    ];
    let tidegate = Tidegate::start(&files);
    let mut clients = vec![(Browser::default(), BTreeMap::<char, String>::new()); 8];
    for edit in 0..=20 {
        let weights = [("a", 20 - edit), ("b", edit)];
        tidegate.apply(&[("route.yaml", split(&weights, COOKIE))]);
        for (browser, known) in &mut clients {
            for _ in 0..4 {
                let met = browser.meet(&tidegate);
                let service = met.chars().next().unwrap();
                assert!(weights.contains(&(&met[..1], weights[usize::from(service == 'b')].1)));
                assert_ne!(weights[usize::from(service == 'b')].1, 0, "{met}");
                assert_eq!(known.entry(service).or_insert(met.clone()), &met);
            }
        }
    }
    assert!(clients.iter().all(|(browser, known)| browser.told == known.len()));
}

#[test]
fn a_session_ends_with_its_endpoint() {
    let (mut backends, tidegate) = three(COOKIE);
    let mut browsers = vec![Browser::default(); 12];
    let met: Vec<String> = browsers.iter_mut().map(|browser| browser.meet(&tidegate)).collect();
    let gone = backends.iter().position(|backend| backend.name() == met[0]).unwrap();
    let gone = backends.remove(gone);
    tidegate.apply(&[("a.yaml", slices("a", &backends))]);
    for (browser, before) in browsers.iter_mut().zip(&met) {
        let now = browser.meet(&tidegate);
        assert_eq!(
            (now == *before, browser.told),
            if before == gone.name() { (false, 2) } else { (true, 1) }
        );
        // It stays where it is when the endpoint comes back.
        let told = browser.told;
        let mut all: Vec<&Backend> = backends.iter().collect();
        all.push(&gone);
        tidegate.apply(&[("a.yaml", service("a", &all))]);
        assert_eq!((browser.meet(&tidegate), browser.told), (now, told));
        tidegate.apply(&[("a.yaml", slices("a", &backends))]);
    }
}

#[test]
fn an_endpoint_that_terminates_gets_no_session() {
    let (backends, tidegate) = three(COOKIE);
    let mut browser = Browser::default();
    let first = browser.meet(&tidegate);
    let leaving = backends.iter().find(|backend| backend.name() == first).unwrap().address().port();
    let all = slices("a", &backends);
    let (before, after) = all.split_once(&format!("name: a-{leaving}\n")).unwrap();
    let after = after.replacen("{ready: true}", "{ready: false, serving: true, terminating: true}", 1);
    tidegate.apply(&[("a.yaml", format!("{before}name: a-{leaving}\n{after}"))]);
    let second = browser.meet(&tidegate);
    assert!(second != first && browser.told == 2);
    for _ in 0..10 {
        assert_eq!(browser.meet(&tidegate), second);
    }
}

/// Also one that never saw the client: a restart, or another replica.
#[test]
fn every_tidegate_knows_the_sessions() {
    let (backends, first) = three(COOKIE);
    let mut browsers = vec![Browser::default(); 8];
    let met: Vec<String> = browsers.iter_mut().map(|browser| browser.meet(&first)).collect();
    drop(first);
    let texts = [http_gateway(), slices("a", &backends), split(&[("a", 1)], COOKIE)];
    let second = Tidegate::start(&[("all.yaml", documents(&texts))]);
    let again: Vec<String> = browsers.iter_mut().map(|browser| browser.meet(&second)).collect();
    assert_eq!(again, met);
    assert!(browsers.iter().all(|browser| browser.told == 1));
}

/// A session that began so long ago, with that backend of the Service `a`.
fn begun_ago(backend: &Backend, name: &str, age: u64) -> String {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs();
    let entry = stable_hash(["Service default/a:80", "80"]);
    let began = u32::try_from(now - age).unwrap();
    let session = Session { entry, endpoint: backend.address(), began };
    Tokens::new("").unwrap().seal(name, &[session]).unwrap()
}

#[test]
fn a_session_lasts_for_its_absolute_timeout() {
    let (backends, tidegate) =
        three("sessionPersistence: {absoluteTimeout: 1h, cookie: {name: session, lifetimeType: Permanent}}");
    for (age, lasts) in [(0, true), (3500, true), (3600, false), (100_000, false)] {
        for backend in &backends {
            let token = begun_ago(backend, "session", age);
            let mut browser = Browser { cookie: Some(format!("session={token}")), told: 0 };
            let met = browser.meet(&tidegate);
            assert_eq!(browser.told, usize::from(!lasts), "{age}");
            assert!(!lasts || met == backend.name());
        }
    }
}

#[test]
fn no_token_leads_to_other_endpoints() {
    let (backends, tidegate) = three(COOKIE);
    let stranger = Backend::start("stranger");
    let good = begun_ago(&backends[0], "session", 0);
    for token in [
        begun_ago(&stranger, "session", 0),
        begun_ago(&backends[0], "other", 0),
        stranger.address().to_string(),
        good[..good.len() - 1].to_owned(),
        format!("{good}A"),
        "A".repeat(4000),
        String::new(),
        "%00;".to_owned(),
    ] {
        let mut browser = Browser { cookie: Some(format!("session={token}")), told: 0 };
        browser.meet(&tidegate);
        assert_eq!(browser.told, 1, "{token}");
    }
    assert_eq!(stranger.requests(), 0);
    let mut browser = Browser { cookie: Some(format!("session={good}")), told: 0 };
    assert_eq!((browser.meet(&tidegate), browser.told), (backends[0].name().to_owned(), 0));
}

#[test]
fn the_cookie_says_what_was_asked_for() {
    let backend = Backend::start("a");
    let rules = "
- matches: [{path: {value: /default}}]
  backendRefs: [{name: a, port: 80}]
  sessionPersistence: {absoluteTimeout: 90s, cookie: {name: one}}
- matches: [{path: {value: /permanent}}]
  backendRefs: [{name: a, port: 80}]
  sessionPersistence: {absoluteTimeout: 1h30m, cookie: {name: two, path: /permanent, lifetimeType: Permanent}}
- matches: [{path: {value: /edited}}]
  filters: [{type: ResponseHeaderModifier, responseHeaderModifier: {remove: [set-cookie]}}]
  backendRefs: [{name: a, port: 80}]
  sessionPersistence: {cookie: {name: three}}
- backendRefs: [{name: a, port: 80}]
  sessionPersistence: {cookie: {}}";
    let authority = Authority::new();
    let listeners = "
- {name: http, protocol: HTTP, port: 8080}
- {name: https, protocol: HTTPS, port: 8443, tls: {certificateRefs: [{name: shop}]}}";
    let texts = [
        gateway(listeners),
        secret("shop", &authority.issue(&["shop.example.com"])),
        service("a", &[&backend]),
        route("all", &[], rules),
    ];
    let options = Options { trusted: vec!["127.0.0.0/8".to_owned()], ..Options::default() };
    let tidegate = Tidegate::start_with(options, &[("all.yaml", documents(&texts))]);
    let said = |path: &str, fields: &str| {
        let answer = ask(tidegate.http(), format!("GET {path} HTTP/1.1\r\nHost: a\r\n{fields}\r\n"));
        let said = answer.header("set-cookie").unwrap();
        let (pair, attributes) = said.split_once("; ").unwrap();
        (pair.split('=').next().unwrap().to_owned(), attributes.to_owned())
    };
    let https = "X-Forwarded-Proto: https\r\n";
    for (path, fields, name, attributes) in [
        ("/default", "", "one", "Path=/; HttpOnly; SameSite=Strict"),
        ("/default", https, "one", "Path=/; HttpOnly; SameSite=Strict; Secure"),
        ("/permanent", "", "two", "Path=/permanent; Max-Age=5400; HttpOnly; SameSite=Strict"),
        ("/edited", "", "three", "Path=/; HttpOnly; SameSite=Strict"),
    ] {
        assert_eq!(said(path, fields), (name.to_owned(), attributes.to_owned()), "{path}");
    }
    let (name, _) = said("/", "");
    assert!(name.starts_with("tidegate-") && name.len() == "tidegate-".len() + 16, "{name}");
}

#[test]
fn a_header_carries_a_session_too() {
    let (backends, tidegate) = three("sessionPersistence: {type: Header, header: {name: X-Session}}");
    let mut kept = BTreeMap::new();
    for _ in 0..20 {
        let first = ask(tidegate.http(), "GET / HTTP/1.1\r\nHost: a\r\n\r\n");
        let token = first.header("x-session").unwrap().to_owned();
        let with = format!("GET / HTTP/1.1\r\nHost: a\r\nX-SESSION: {token}\r\n\r\n");
        for _ in 0..5 {
            let again = ask(tidegate.http(), &with);
            assert_eq!(again.header("x-backend"), first.header("x-backend"));
            // So that a client may always send what it was told last.
            assert_eq!(again.header("x-session"), Some(&*token));
            assert_eq!(again.header("set-cookie"), None);
        }
        kept.insert(first.header("x-backend").unwrap().to_owned(), token);
    }
    assert!(kept.len() > 1);
    let (name, token) = kept.pop_first().unwrap();
    let backend = backends.iter().find(|backend| backend.name() == name).unwrap();
    assert_eq!(backend.last().header("x-session"), Some(&*token));
}

/// A retry goes elsewhere, and the session with it.
#[test]
fn a_session_moves_from_an_endpoint_that_fails() {
    let dead = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let good = Backend::start("good");
    let texts = [
        http_gateway(),
        service_at("a", &[dead, good.address()], None),
        split(&[("a", 1)], "sessionPersistence: {type: Header, header: {name: X-Session}}"),
    ];
    let tidegate = Tidegate::start(&[("all.yaml", documents(&texts))]);
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs();
    let entry = stable_hash(["Service default/a:80", "80"]);
    let session = Session { entry, endpoint: dead, began: u32::try_from(now).unwrap() };
    let token = Tokens::new("").unwrap().seal("x-session", &[session]).unwrap();
    let moved = ask(tidegate.http(), format!("GET / HTTP/1.1\r\nHost: a\r\nX-Session: {token}\r\n\r\n"));
    assert_eq!((moved.status(), moved.header("x-backend")), (200, Some("good")));
    let new = moved.header("x-session").unwrap();
    assert_ne!(new, token);
    let opened = Tokens::new("").unwrap().open("x-session", new.as_bytes()).unwrap();
    assert_eq!((opened.len(), opened[0].entry, opened[0].endpoint), (1, entry, good.address()));
}

/// Whoever has not answered gets no session.
#[test]
fn no_session_begins_with_an_answer_of_tidegate() {
    let dead = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let odd = Scripted::always("HTTP/1.1 101 Odd\r\n\r\n");
    for (address, status) in [(dead, 502), (odd.address, 502)] {
        let texts = [http_gateway(), service_at("a", &[address], None), split(&[("a", 1)], COOKIE)];
        let tidegate = Tidegate::start(&[("all.yaml", documents(&texts))]);
        let answer = ask(tidegate.http(), "GET / HTTP/1.1\r\nHost: a\r\n\r\n");
        assert_eq!((answer.status(), answer.header("set-cookie")), (status, None));
    }
}

#[test]
fn what_a_backend_sets_stays() {
    let backend =
        Scripted::always("HTTP/1.1 200 OK\r\nSet-Cookie: own=1; Path=/\r\nContent-Length: 0\r\n\r\n");
    let texts = [http_gateway(), service_at("a", &[backend.address], None), split(&[("a", 1)], COOKIE)];
    let tidegate = Tidegate::start(&[("all.yaml", documents(&texts))]);
    let answer = ask(tidegate.http(), "GET / HTTP/1.1\r\nHost: a\r\n\r\n");
    let set: Vec<_> = answer.head.headers.iter().filter(|header| header.0 == "set-cookie").collect();
    assert_eq!(set.len(), 2);
    assert_eq!(set[0].1, "own=1; Path=/");
    assert!(set[1].1.starts_with("session="));
}

#[test]
fn websockets_belong_to_sessions() {
    let (_backends, tidegate) = three(COOKIE);
    let mut browser = Browser::default();
    let upgrade = "Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n\
                   Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n";
    let first = browser.ask_for(&tidegate, upgrade);
    assert_eq!((first.status(), browser.told), (101, 1));
    for _ in 0..5 {
        let again = browser.ask_for(&tidegate, upgrade);
        assert_eq!(again.header("x-backend"), first.header("x-backend"));
        assert_eq!(browser.ask(&tidegate).header("x-backend"), first.header("x-backend"));
    }
    assert_eq!(browser.told, 1);
}

/// A rule without it says nothing, and hears nothing.
#[test]
fn without_persistence_there_are_no_sessions() {
    let (backends, tidegate) = three("name: plain");
    let token = begun_ago(&backends[0], "session", 0);
    let mut met = BTreeMap::<String, usize>::new();
    for _ in 0..60 {
        let mut browser = Browser { cookie: Some(format!("session={token}")), told: 0 };
        *met.entry(browser.meet(&tidegate)).or_default() += 1;
        assert_eq!(browser.told, 0);
    }
    assert_eq!(met.len(), 3);
}
