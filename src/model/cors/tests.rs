use super::*;

fn matches(allowed: &str, origin: &str) -> bool {
    OriginMatch::parse(allowed).unwrap().matches(origin)
}

#[test]
fn an_origin_is_scheme_host_and_port() {
    for (allowed, origin, expected) in [
        ("https://foo.example", "https://foo.example", true),
        ("https://foo.example", "HTTPS://FOO.example", true),
        ("https://Foo.Example", "https://foo.example", true),
        ("https://foo.example", "http://foo.example", false),
        ("https://foo.example", "https://www.foo.example", false),
        ("https://foo.example", "https://foo.example.", false),
        ("https://foo.example", "https://foo.example/", false),
        // The port that goes without saying.
        ("https://foo.example", "https://foo.example:443", true),
        ("https://foo.example:443", "https://foo.example", true),
        ("http://foo.example:80", "http://foo.example", true),
        ("https://foo.example", "https://foo.example:80", false),
        ("https://foo.example", "https://foo.example:8443", false),
        ("https://foo.example:8443", "https://foo.example:8443", true),
        ("https://foo.example:8443", "https://foo.example", false),
        ("http://127.0.0.1:3000", "http://127.0.0.1:3000", true),
        ("https://foo.example", "null", false),
        ("https://foo.example", "", false),
        ("https://foo.example", "https://foo.example:443:443", false),
        ("https://foo.example", "https://foo.example:", false),
        ("https://foo.example", "foo.example", false),
    ] {
        assert_eq!(matches(allowed, origin), expected, "{allowed} and {origin}");
    }
}

#[test]
fn a_wildcard_stands_for_any_number_of_labels_to_its_left() {
    for (allowed, origin, expected) in [
        ("https://*.bar.com", "https://www.bar.com", true),
        ("https://*.bar.com", "https://xpto.www.bar.com", true),
        ("https://*.bar.com", "https://WWW.BAR.COM", true),
        ("https://*.bar.com", "https://bar.com", false),
        ("https://*.bar.com", "https://.bar.com", false),
        ("https://*.bar.com", "https://foobar.com", false),
        ("https://*.bar.com", "https://www.bar.com.evil.example", false),
        ("https://*.bar.com", "https://evil.example/.bar.com", false),
        ("https://*.bar.com", "https://evil.example#.bar.com", false),
        ("https://*.bar.com", "https://user@www.bar.com", false),
        ("https://*.bar.com", "https://ü.bar.com", false),
        ("https://*.bar.com", "http://www.bar.com", false),
        ("https://*.bar.com", "https://www.bar.com:8443", false),
        ("https://*.bar.com:8443", "https://www.bar.com:8443", true),
        ("https://*", "https://anything.example", true),
        ("https://*", "https://10.0.0.1", true),
        ("https://*", "https://[2001:db8::1]", true),
        ("https://*", "https://[2001:db8::1]:8443", false),
        ("https://*:8443", "https://[2001:db8::1]:8443", true),
        ("https://*", "https://", false),
        ("https://*", "http://anything.example", false),
        ("https://*", "null", false),
        ("*", "http://anything.example:1234", true),
        ("*", "null", true),
    ] {
        assert_eq!(matches(allowed, origin), expected, "{allowed} and {origin}");
    }
}

#[test]
fn what_is_no_origin_is_refused() {
    for text in [
        "",
        "foo.example",
        "ftp://foo.example",
        "https://",
        "https://*foo.example",
        "https://*.",
        "https://foo.*.example",
        "https://foo.example:0",
        "https://foo.example:65536",
        "https://foo.example:x",
        "https://foo.example/path",
        "**",
        "null",
    ] {
        assert_eq!(OriginMatch::parse(text), Err(InvalidOrigin(text.to_owned())), "{text}");
    }
}
