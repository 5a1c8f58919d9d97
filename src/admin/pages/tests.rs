use super::*;

#[test]
fn a_cursor_is_read_from_the_query() {
    assert_eq!(cursor(""), Ok(0));
    assert_eq!(cursor("since=17"), Ok(17));
    assert_eq!(cursor("a=b&since=17&since=18"), Ok(17));
    assert_eq!(parameter("process=x&since=17", "process"), Some("x"));
    assert_eq!(parameter("since=17", "process"), None);
    assert_eq!(
        cursor("since=-1"),
        Err("since=-1 is no cursor: use the one of the last answer, or leave it out\n".to_owned())
    );
}
