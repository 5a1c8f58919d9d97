use super::*;
use Change::{Add, Append, Remove, Replace, Set};

fn name(name: &'static str) -> HeaderName {
    HeaderName::from_static(name)
}

fn value(value: &'static str) -> HeaderValue {
    HeaderValue::from_static(value)
}

#[test]
fn changes_are_made_in_their_order() {
    let mut headers = HeaderMap::new();
    for (name, text) in [("a", "1"), ("a", "2"), ("b", "1"), ("c", "1")] {
        headers.append(name, value(text));
    }
    let changes = [
        Remove(name("a")),
        Append(name("a"), value("3")),
        Append(name("a"), value("4")),
        Append(name("b"), value("2")),
        Set(name("c"), value("2")),
        Add(name("c"), value("3")),
        Add(name("d"), value("1")),
        Replace(name("d"), value("2")),
        Replace(name("e"), value("1")),
    ];
    apply(&changes, &mut headers);
    let mut all: Vec<_> =
        headers.iter().map(|(name, value)| (name.as_str(), value.to_str().unwrap())).collect();
    all.sort_unstable();
    assert_eq!(all, [("a", "3"), ("a", "4"), ("b", "1"), ("b", "2"), ("c", "2"), ("d", "2")]);
}

#[test]
fn what_frames_a_message_is_fixed() {
    for fixed in ["host", "content-length", "transfer-encoding", "connection", "upgrade", "te", "keep-alive"]
    {
        assert!(is_fixed(&name(fixed)), "{fixed}");
    }
    for free in ["authorization", "x-user", "cookie", "content-type"] {
        assert!(!is_fixed(&name(free)), "{free}");
    }
}
