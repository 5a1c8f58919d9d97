use super::*;

fn matches(pattern: &str, value: &str) -> bool {
    Pattern::compile(pattern).unwrap().matches(value.as_bytes())
}

#[test]
fn the_whole_value_has_to_match() {
    assert!(matches("/v[0-9]+", "/v12"));
    assert!(!matches("/v[0-9]+", "/v12/"));
    assert!(!matches("/v[0-9]+", "x/v12"));
    // The first alternative alone matches a part; the whole needs the second.
    assert!(matches("a|ab", "ab"));
    assert!(!matches("a|ab", "abc") && !matches("a|ab", "xab"));
    assert!(matches("", "") && !matches("", "a"));
}

#[test]
fn flags_and_anchors_of_the_pattern_do_not_loosen_the_ends() {
    assert!(matches("^/a$", "/a"));
    assert!(!matches("(?m)^a$", "a\nb") && !matches("(?m)^a$", "b\na"));
    assert!(!matches("(?s).*b", "a\nbc"));
    assert!(matches("(?i)/Cart", "/cART"));
    assert!(matches("(?x) a b # comment", "ab") && !matches("(?x) a b # comment", "abc"));
}

#[test]
fn parentheses_cannot_leave_the_group() {
    for pattern in ["a)|(b", "a)", "(a", ")(", "(?x)a)|(b #"] {
        assert!(Pattern::compile(pattern).is_err(), "{pattern}");
    }
}

#[test]
fn other_bytes_than_utf8_match_nothing() {
    let any = Pattern::compile(".*").unwrap();
    assert!(any.matches("grüße".as_bytes()));
    assert!(!any.matches(b"gr\xfc\xdfe"));
}

#[test]
fn errors_name_the_pattern_and_the_reason() {
    let error = Pattern::compile("/a[").unwrap_err().to_string();
    assert!(error.contains("\"/a[\"") && error.contains("unclosed character class"), "{error}");
    let error = Pattern::compile(r"(a\w{100}){100}").unwrap_err().to_string();
    assert!(error.contains("more than 1024 KiB") && error.contains("smaller repetitions"), "{error}");
    for unsupported in [r"(?=a)b", r"(a)\1"] {
        assert!(Pattern::compile(unsupported).is_err(), "{unsupported}");
    }
}
