use super::*;

fn exact(text: &str) -> Value {
    Value::Exact(text.into())
}

fn pattern(text: &str) -> Value {
    Value::Pattern(Arc::new(Pattern::compile(text).unwrap()))
}

fn headers(fields: &[(&'static str, &[u8])]) -> HeaderMap {
    let mut headers = HeaderMap::new();
    for (name, value) in fields {
        headers.append(*name, HeaderValue::from_bytes(value).unwrap());
    }
    headers
}

fn header_matches(fields: &[(&'static str, &[u8])], wanted: (&'static str, Value)) -> bool {
    let conditions = Conditions {
        headers: Box::new([(HeaderName::from_static(wanted.0), wanted.1)]),
        ..Conditions::default()
    };
    conditions.fields_hold(&headers(fields), &Query::new(None))
}

#[test]
fn a_header_has_to_be_there_with_its_whole_value() {
    assert!(header_matches(&[("x-a", b"one")], ("x-a", exact("one"))));
    assert!(!header_matches(&[("x-a", b"One")], ("x-a", exact("one"))));
    assert!(!header_matches(&[("x-b", b"one")], ("x-a", exact("one"))));
    assert!(header_matches(&[("x-a", b"")], ("x-a", exact(""))));
    assert!(!header_matches(&[], ("x-a", pattern(".*"))));
    assert!(header_matches(&[("x-a", b"one")], ("x-a", pattern("o.e"))));
    assert!(!header_matches(&[("x-a", b"one two")], ("x-a", pattern("o.e"))));
}

#[test]
fn fields_of_one_name_count_as_one_list() {
    let fields: &[(_, &[u8])] = &[("x-a", b"one"), ("x-a", b"two")];
    assert!(header_matches(fields, ("x-a", exact("one,two"))));
    assert!(!header_matches(fields, ("x-a", exact("one"))));
    assert!(!header_matches(fields, ("x-a", exact("two"))));
    assert!(header_matches(fields, ("x-a", pattern("one,.*"))));
}

#[test]
fn the_crumbs_of_a_cookie_are_put_together_as_they_were() {
    let fields: &[(_, &[u8])] = &[("cookie", b"a=1"), ("cookie", b"b=2")];
    assert!(header_matches(fields, ("cookie", exact("a=1; b=2"))));
}

#[test]
fn bytes_that_are_no_text_are_compared_too() {
    assert!(!header_matches(&[("x-a", b"gr\xfcn")], ("x-a", exact("grün"))));
    assert!(header_matches(&[("x-a", "grün".as_bytes())], ("x-a", exact("grün"))));
}

#[test]
fn all_conditions_have_to_hold() {
    let conditions = Conditions {
        method: Some("GET".into()),
        one_label_before: None,
        headers: Box::new([(HeaderName::from_static("x-a"), exact("1"))]),
        queries: Box::new([("q".into(), exact("a b")), ("r".into(), pattern("[0-9]+"))]),
    };
    let fields = headers(&[("x-a", b"1")]);
    let holds = |query| conditions.fields_hold(&fields, &Query::new(query));
    assert!(holds(Some("q=a+b&r=12")));
    assert!(!holds(Some("q=a+b&r=x")));
    assert!(!holds(Some("q=a+b")));
    assert!(!holds(Some("Q=a+b&r=12")));
    assert!(!holds(None));
    assert!(!conditions.fields_hold(&HeaderMap::new(), &Query::new(Some("q=a+b&r=12"))));
    assert!(conditions.method_holds(&Method::GET));
    assert!(!conditions.method_holds(&Method::from_bytes(b"get").unwrap()));
    assert!(Conditions::default().method_holds(&Method::DELETE));
}
