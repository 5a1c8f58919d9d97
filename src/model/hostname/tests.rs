use super::*;

fn host(text: &str) -> Hostname {
    Hostname::parse(text).unwrap()
}

#[test]
fn parses_exact_and_wildcard() {
    assert_eq!(host("Shop.Example.com"), Hostname::Exact("shop.example.com".into()));
    assert_eq!(host("*.example.com"), Hostname::Wildcard(".example.com".into()));
    for bad in ["", "*", "*.", "a..b", "-a.b", "1.2.3.4", "a_b.c", "a.*.b", "example.com.", "a b"] {
        assert!(Hostname::parse(bad).is_err(), "{bad:?} was taken");
    }
}

#[test]
fn wildcard_covers_several_labels_but_not_the_apex() {
    let wildcard = host("*.example.com");
    assert!(wildcard.matches("a.example.com"));
    assert!(wildcard.matches("a.b.example.com"));
    assert!(!wildcard.matches("example.com"));
    assert!(!wildcard.matches("aexample.com"));
}

#[test]
fn intersections() {
    for (a, b, both) in [
        ("a.example.com", "a.example.com", Some("a.example.com")),
        ("a.example.com", "b.example.com", None),
        ("a.example.com", "*.example.com", Some("a.example.com")),
        ("example.com", "*.example.com", None),
        ("*.a.example.com", "*.example.com", Some("*.a.example.com")),
        ("*.a.com", "*.b.com", None),
    ] {
        assert_eq!(host(a).intersection(&host(b)).map(|h| h.to_string()).as_deref(), both);
        assert_eq!(host(b).intersection(&host(a)).map(|h| h.to_string()).as_deref(), both);
    }
}

#[test]
fn most_specific_comes_first() {
    let mut all = ["*.com", "*.example.com", "a.com", "a.example.com"].map(host);
    all.sort_by(Hostname::compare_specificity);
    assert_eq!(all.map(|h| h.to_string()), ["a.example.com", "a.com", "*.example.com", "*.com"]);
}

#[test]
fn all_that_cover_a_hostname_from_itself_on() {
    let wider = |text: &str| host(text).and_wider().map(|wider| wider.to_string()).collect::<Vec<_>>();
    assert_eq!(wider("a.b.example.com"), ["a.b.example.com", "*.b.example.com", "*.example.com", "*.com"]);
    assert_eq!(wider("*.b.example.com"), ["*.b.example.com", "*.example.com", "*.com"]);
    assert_eq!(wider("localhost"), ["localhost"]);
    assert_eq!(wider("*.com"), ["*.com"]);
}
