use super::*;

fn first<'a>(query: &'a Query<'a>, name: &str) -> Option<&'a str> {
    query.first(name).map(|value| std::str::from_utf8(value).unwrap())
}

#[test]
fn the_first_of_one_name_counts_and_names_are_case_sensitive() {
    let query = Query::new(Some("a=1&b=2&a=3&A=4"));
    assert_eq!(first(&query, "a"), Some("1"));
    assert_eq!(first(&query, "b"), Some("2"));
    assert_eq!(first(&query, "A"), Some("4"));
    assert_eq!(first(&query, "c"), None);
}

#[test]
fn names_and_values_are_decoded() {
    let query = Query::new(Some("a%20b=c+d%2Be&%61=%C3%BC&x=1=2&f&&=g"));
    assert_eq!(first(&query, "a b"), Some("c d+e"));
    assert_eq!(first(&query, "a"), Some("ü"));
    assert_eq!(first(&query, "x"), Some("1=2"));
    assert_eq!(first(&query, "f"), Some(""));
    assert_eq!(first(&query, ""), Some("g"));
}

#[test]
fn broken_escapes_stand_for_themselves_and_any_byte_may_come_out() {
    let query = Query::new(Some("a=%&b=%4&c=%zz&d=%+1&e=%FF"));
    assert_eq!(
        ["a", "b", "c", "d"].map(|name| first(&query, name)),
        [Some("%"), Some("%4"), Some("%zz"), Some("% 1")]
    );
    assert_eq!(query.first("e"), Some(&[0xff][..]));
}

#[test]
fn nothing_is_read_before_it_is_asked_for() {
    let query = Query::new(Some("a=1"));
    assert!(query.parameters.get().is_none());
    assert_eq!(first(&query, "b"), None);
    assert_eq!(query.parameters.get().map(HashMap::len), Some(1));
    assert_eq!(first(&Query::new(None), "a"), None);
}
