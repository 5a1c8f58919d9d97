use super::*;
use crate::proxy::auth::messages::{HeaderValue as Field, HttpStatus, OkHttpResponse, Status};
use crate::proxy::rpc::unframe;
use bytes::Bytes;
use proptest::prelude::*;

fn option(key: &str, value: &str, append: Option<bool>, append_action: i32) -> HeaderValueOption {
    let header = Field { key: key.to_owned(), value: value.to_owned(), raw_value: Vec::new() };
    HeaderValueOption { header: Some(header), append, append_action }
}

fn name(name: &'static str) -> HeaderName {
    HeaderName::from_static(name)
}

fn value(value: &'static str) -> HeaderValue {
    HeaderValue::from_static(value)
}

fn of(code: i32, http_response: Option<HttpResponse>) -> CheckResponse {
    CheckResponse { status: Some(Status { code }), http_response }
}

fn allowed(response: CheckResponse) -> Option<(Vec<Change>, Vec<Change>)> {
    match judge(response) {
        Some(Verdict::Allowed { request, answer }) => Some((request, answer)),
        _ => None,
    }
}

fn denied(response: CheckResponse) -> Option<(u16, HeaderMap)> {
    match judge(response) {
        Some(Verdict::Denied(response)) => Some((response.status().as_u16(), response.headers().clone())),
        _ => None,
    }
}

#[test]
fn ok_lets_a_request_go_on_with_its_changes() {
    let ok = OkHttpResponse {
        headers: vec![
            option("X-User", "alice", None, 0),
            option("x-group", "a", Some(true), 0),
            option("x-new", "1", None, 1),
            option("x-set", "2", Some(false), 2),
            option("x-old", "3", None, 3),
            option("Host", "evil", None, 0),
            option(":path", "/evil", None, 0),
            option("content-length", "0", None, 0),
            option("x-bad", "a\nb", None, 0),
            HeaderValueOption::default(),
        ],
        headers_to_remove: vec!["Authorization".to_owned(), "host".to_owned(), "no name".to_owned()],
        response_headers_to_add: vec![
            option("set-cookie", "a=b", None, 0),
            option("x-a", "1", Some(false), 0),
        ],
    };
    let request = vec![
        Change::Set(name("x-user"), value("alice")),
        Change::Append(name("x-group"), value("a")),
        Change::Add(name("x-new"), value("1")),
        Change::Set(name("x-set"), value("2")),
        Change::Replace(name("x-old"), value("3")),
        Change::Remove(name("authorization")),
    ];
    let answer = vec![Change::Append(name("set-cookie"), value("a=b")), Change::Set(name("x-a"), value("1"))];
    assert_eq!(allowed(of(0, Some(HttpResponse::Ok(ok.clone())))), Some((request, answer)));
    assert_eq!(allowed(of(0, None)), Some((vec![], vec![])));
    // Of another status nothing goes on, whatever else is said.
    assert_eq!(denied(of(7, Some(HttpResponse::Ok(ok)))), Some((403, HeaderMap::new())));
}

#[test]
fn what_is_not_ok_is_answered_as_the_service_says() {
    assert_eq!(denied(of(7, None)), Some((403, HeaderMap::new())));
    let denial = |code| DeniedHttpResponse {
        status: Some(HttpStatus { code }),
        headers: vec![option("location", "/login", None, 0), option("connection", "x", None, 0)],
        body: Bytes::from_static(b"log in"),
    };
    let location = HeaderMap::from_iter([(name("location"), value("/login"))]);
    for (code, status) in [(302, 302), (401, 401), (0, 403), (-1, 403), (70_000, 403), (101, 403)] {
        let found = denied(of(16, Some(HttpResponse::Denied(denial(code)))));
        assert_eq!(found, Some((status, location.clone())), "{code}");
    }
    // Two words that contradict each other are no permission.
    assert_eq!(denied(of(0, Some(HttpResponse::Denied(denial(401))))), Some((401, location)));
}

#[test]
fn an_answer_that_says_nothing_is_none() {
    assert!(judge(CheckResponse::default()).is_none());
}

#[test]
fn fields_become_one_line_each() {
    let mut from = HeaderMap::new();
    for (name, value) in [("x-a", "1"), ("x-a", "2"), ("cookie", "a=b"), ("cookie", "c=d"), ("host", "h")] {
        from.append(name, value.parse().unwrap());
    }
    let all = [("cookie", "a=b; c=d"), ("host", "h"), ("x-a", "1,2")];
    let all = all.map(|(name, value)| (name.to_owned(), value.to_owned()));
    assert_eq!(headers(&from, &[]), BTreeMap::from(all.clone()));
    assert_eq!(headers(&from, &[name("x-a"), name("missing")]), BTreeMap::from([all[2].clone()]));
}

proptest! {
    #[test]
    fn whatever_a_service_answers_is_read_or_refused(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
        if let Some(response) = unframe(&bytes) {
            let _ = judge(response);
        }
        let mut framed = vec![0, 0, 0, (bytes.len() >> 8) as u8, bytes.len() as u8];
        framed.extend(&bytes);
        if let Some(response) = unframe(&framed) {
            let _ = judge(response);
        }
    }
}
