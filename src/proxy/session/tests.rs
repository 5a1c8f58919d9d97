use super::*;
use crate::model::{self, BackendProtocol, Entry, EntrySource, ObjectKey, Reason, UpstreamKey};
use crate::support::forbidden::TargetPolicy;
use crate::telemetry::Metrics;
use crate::tls::ClientConfigs;
use crate::upstream::{Registry, Splits};
use std::net::SocketAddr;

/// A moment; the tests say how much later it is.
const BEGIN: u32 = 1_800_000_000;

fn address(port: u16) -> SocketAddr {
    ([10, 0, 0, 1], port).into()
}

/// An upstream with a target for each of those ports with their weights.
fn upstream(name: &str, targets: &[(u16, u32)]) -> Arc<Upstream> {
    let tls = ClientConfigs::new(rustls::RootCertStore::empty());
    let mut registry = Registry::new(TargetPolicy::new(false, vec![]), tls, Metrics::new());
    let key = UpstreamKey::Upstream(ObjectKey::new("default", name));
    let slot = registry.slot(&key);
    let entry = |(port, weight): &(u16, u32)| Entry {
        name: format!("port-{port}").into(),
        weight: *weight,
        source: EntrySource::Address(address(*port)),
        protocol: BackendProtocol::Http,
        tls: None,
        base_path: "".into(),
        retry_budgets: Vec::new(),
    };
    let entries = targets.iter().map(entry).collect();
    registry.upsert_upstream(model::Upstream { key, entries, retries: None });
    registry.snapshot().get(slot).unwrap().clone()
}

fn cookie(lasts: Option<u32>) -> Arc<SessionPersistence> {
    let carrier = Carrier::Cookie { name: "shop".into(), attributes: "; Path=/; HttpOnly".into() };
    Arc::new(SessionPersistence { carrier, lasts })
}

fn header() -> Arc<SessionPersistence> {
    let carrier = Carrier::Header(http::HeaderName::from_static("x-session"));
    Arc::new(SessionPersistence { carrier, lasts: None })
}

/// A client that keeps what it is told, and the gateway's side of its requests.
struct Client {
    tokens: Tokens,
    headers: HeaderMap,
}

impl Client {
    fn new() -> Self {
        Self { tokens: Tokens::new("secret").unwrap(), headers: HeaderMap::new() }
    }

    /// A request that goes where its session is, else to the port; returns the port and what the
    /// answer said.
    fn ask(
        &mut self,
        persistence: &Arc<SessionPersistence>,
        upstream: &Upstream,
        else_to: u16,
        now: u32,
    ) -> (u16, HeaderMap) {
        let mut sticky = Sticky::new(persistence, upstream, &self.headers, &self.tokens, now);
        let pick = sticky.pick(upstream, &[]).unwrap_or_else(|| pick(upstream, else_to));
        sticky.went_to(&pick);
        let mut answer = HeaderMap::new();
        sticky.mark(&self.tokens, false, &mut answer);
        if let Some(set) = answer.get(SET_COOKIE) {
            let pair = set.to_str().unwrap().split(';').next().unwrap().to_owned();
            self.headers.insert(COOKIE, pair.try_into().unwrap());
        }
        if let Some(token) = answer.get("x-session") {
            self.headers.insert("x-session", token.clone());
        }
        (pick.endpoint.address.port(), answer)
    }
}

/// As if that one's turn had come.
fn pick(upstream: &Upstream, port: u16) -> Pick<'_> {
    let mut splits = Splits::default();
    let mut picks = (0..100).map(|_| upstream.pick(&mut splits, &[]).unwrap());
    picks.find(|pick| pick.endpoint.address.port() == port).unwrap()
}

#[test]
fn a_session_goes_where_it_began_and_is_told_once() {
    let (mut client, upstream) = (Client::new(), upstream("a", &[(1, 1), (2, 1)]));
    let (port, answer) = client.ask(&cookie(None), &upstream, 2, BEGIN);
    let set = answer[SET_COOKIE].to_str().unwrap();
    assert!(port == 2 && set.starts_with("shop=") && set.ends_with("; Path=/; HttpOnly"), "{set}");
    // Whatever the time, where none is said.
    for now in [BEGIN, BEGIN + 1, u32::MAX, 0] {
        let (port, answer) = client.ask(&cookie(None), &upstream, 1, now);
        assert_eq!((port, answer.len()), (2, 0));
    }
}

#[test]
fn a_session_is_over_after_its_time_and_another_begins() {
    let (mut client, upstream) = (Client::new(), upstream("a", &[(1, 1), (2, 1)]));
    client.ask(&cookie(Some(60)), &upstream, 2, BEGIN);
    // Its time counts from the first request, whatever comes in between.
    assert_eq!(client.ask(&cookie(Some(60)), &upstream, 1, BEGIN + 59), (2, HeaderMap::new()));
    let (port, answer) = client.ask(&cookie(Some(60)), &upstream, 1, BEGIN + 60);
    assert!(port == 1 && answer.contains_key(SET_COOKIE));
    assert_eq!(client.ask(&cookie(Some(60)), &upstream, 2, BEGIN + 119).0, 1);
    // By a clock that is behind, it has not begun yet.
    assert_eq!(client.ask(&cookie(Some(60)), &upstream, 2, BEGIN).0, 1);
    // An edit of the time counts for sessions that have begun.
    assert_eq!(client.ask(&cookie(Some(10)), &upstream, 2, BEGIN + 75).0, 2);
}

#[test]
fn an_endpoint_that_gets_no_requests_has_no_sessions() {
    let mut client = Client::new();
    client.ask(&cookie(None), &upstream("a", &[(1, 1), (2, 1)]), 2, BEGIN);
    for without in [&[(1, 1)][..], &[(1, 1), (2, 0)]] {
        let mut other = Client { headers: client.headers.clone(), ..Client::new() };
        let (port, answer) = other.ask(&cookie(None), &upstream("a", without), 1, BEGIN);
        assert!(port == 1 && answer.contains_key(SET_COOKIE), "{without:?}");
        // And does not come back.
        assert_eq!(other.ask(&cookie(None), &upstream("a", &[(1, 1), (2, 1)]), 2, BEGIN).0, 1);
    }
    // That of another upstream is another.
    assert_eq!(client.ask(&cookie(None), &upstream("b", &[(1, 1), (2, 1)]), 1, BEGIN).0, 1);
}

/// GEP-1619: the weights go before the session, so a client has a session with each backend.
#[test]
fn one_token_holds_the_sessions_of_all_backends() {
    let (mut client, a, b) =
        (Client::new(), upstream("a", &[(1, 1), (2, 1)]), upstream("b", &[(1, 1), (2, 1)]));
    assert_eq!(client.ask(&cookie(None), &a, 2, BEGIN).0, 2);
    let (port, answer) = client.ask(&cookie(None), &b, 1, BEGIN);
    assert!(port == 1 && answer.contains_key(SET_COOKIE));
    for _ in 0..3 {
        assert_eq!(client.ask(&cookie(None), &a, 1, BEGIN), (2, HeaderMap::new()));
        assert_eq!(client.ask(&cookie(None), &b, 2, BEGIN), (1, HeaderMap::new()));
    }
    // The oldest of too many goes.
    for number in 0..MOST_OTHERS {
        client.ask(&cookie(None), &upstream(&format!("other-{number}"), &[(1, 1)]), 1, BEGIN);
    }
    assert_eq!(client.ask(&cookie(None), &b, 2, BEGIN), (1, HeaderMap::new()));
    assert_eq!(client.ask(&cookie(None), &a, 1, BEGIN).0, 1);
}

const MOST_OTHERS: usize = token::MOST - 1;

#[test]
fn a_header_is_told_each_time() {
    let (mut client, upstream) = (Client::new(), upstream("a", &[(1, 1), (2, 1)]));
    let (_, first) = client.ask(&header(), &upstream, 2, BEGIN);
    let (port, again) = client.ask(&header(), &upstream, 1, BEGIN + 1);
    assert_eq!((port, &again), (2, &first));
    // What the backend says under this name is not heard.
    let mut sticky = Sticky::new(&header(), &upstream, &client.headers, &client.tokens, BEGIN);
    sticky.went_to(&pick(&upstream, 2));
    let mut answer =
        HeaderMap::from_iter([(http::HeaderName::from_static("x-session"), "b".try_into().unwrap())]);
    sticky.mark(&client.tokens, false, &mut answer);
    assert_eq!(answer, first);
}

#[test]
fn the_endpoint_that_answered_is_the_one_of_the_session() {
    let (mut client, upstream) = (Client::new(), upstream("a", &[(1, 1), (2, 1)]));
    client.ask(&cookie(None), &upstream, 2, BEGIN);
    let mut sticky = Sticky::new(&cookie(None), &upstream, &client.headers, &client.tokens, BEGIN);
    let failed = sticky.pick(&upstream, &[]).unwrap().endpoint.id;
    assert!(sticky.pick(&upstream, &[failed]).is_none());
    sticky.went_to(&pick(&upstream, 1));
    let mut answer = HeaderMap::new();
    sticky.mark(&client.tokens, false, &mut answer);
    assert!(answer.contains_key(SET_COOKIE));
}

#[test]
fn nothing_is_told_while_nobody_has_answered() {
    let (client, upstream) = (Client::new(), upstream("a", &[(1, 1)]));
    let mut answer = HeaderMap::new();
    Sticky::new(&cookie(None), &upstream, &client.headers, &client.tokens, BEGIN).mark(
        &client.tokens,
        false,
        &mut answer,
    );
    assert!(answer.is_empty());
}

/// One endpoint is all that is there, so no token leads elsewhere.
#[test]
fn a_token_leads_to_no_endpoint_that_is_not_there() {
    let (mut client, a) = (Client::new(), upstream("a", &[(1, 1)]));
    let forged = |entry: u64, endpoint: SocketAddr| {
        let session = Session { entry, endpoint, began: BEGIN };
        Tokens::new("secret").unwrap().seal("shop", &[session]).unwrap()
    };
    let own = pick(&a, 1).entry.identity;
    for token in [
        forged(own, ([169, 254, 169, 254], 80).into()),
        forged(own, address(2)),
        forged(0, address(1)),
        Tokens::new("other").unwrap().seal("shop", &[]).unwrap(),
        "10.0.0.2:80".to_owned(),
        String::new(),
    ] {
        client.headers.insert(COOKIE, format!("shop={token}").try_into().unwrap());
        let sticky = Sticky::new(&cookie(None), &a, &client.headers, &client.tokens, BEGIN);
        assert!(sticky.pick(&a, &[]).is_none(), "{token}");
    }
    assert_eq!(
        a.pick(&mut Splits::default(), &[]).map(|pick| pick.endpoint.address),
        Ok::<_, Reason>(address(1))
    );
}

#[test]
fn the_cookie_is_found_among_others() {
    let (mut client, a) = (Client::new(), upstream("a", &[(1, 1), (2, 1)]));
    let session = Session { entry: pick(&a, 2).entry.identity, endpoint: address(2), began: BEGIN };
    let token = client.tokens.seal("shop", &[session]).unwrap();
    for (lines, is_found) in [
        (vec![format!("shop={token}")], true),
        (vec![format!("a=b; shop={token}; c=d")], true),
        (vec![format!("a=b;shop={token};")], true),
        (vec![format!("shop=\"{token}\"")], true),
        (vec!["a=b".to_owned(), format!("shop={token}")], true),
        // Of a parent's path, or of another service under the same name.
        (vec![format!("shop=a; shop={token}")], true),
        (vec!["shop=a; shop=b; shop=c; shop=d".to_owned(), format!("shop={token}")], false),
        (vec![format!("Shop={token}")], false),
        (vec![format!("myshop={token}")], false),
        (vec![format!("shop2={token}")], false),
        (vec![format!("shop={token}x")], false),
        (vec!["; ;=;shop; shop=".to_owned()], false),
    ] {
        client.headers.remove(COOKIE);
        for line in &lines {
            client.headers.append(COOKIE, line.try_into().unwrap());
        }
        let sticky = Sticky::new(&cookie(None), &a, &client.headers, &client.tokens, BEGIN);
        assert_eq!(sticky.pick(&a, &[]).is_some(), is_found, "{lines:?}");
    }
}

#[test]
fn a_cookie_for_tls_is_for_tls_alone() {
    let (client, upstream) = (Client::new(), upstream("a", &[(1, 1)]));
    let mut sticky = Sticky::new(&cookie(None), &upstream, &client.headers, &client.tokens, BEGIN);
    sticky.went_to(&pick(&upstream, 1));
    let mut answer = HeaderMap::new();
    sticky.mark(&client.tokens, true, &mut answer);
    assert!(answer[SET_COOKIE].to_str().unwrap().ends_with("; HttpOnly; Secure"));
}
