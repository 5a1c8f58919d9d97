use super::*;

fn map(fields: &[(&'static str, &'static str)]) -> HeaderMap {
    let mut headers = HeaderMap::new();
    for (name, value) in fields {
        headers.append(*name, HeaderValue::from_static(value));
    }
    headers
}

fn names(names: &[&'static str]) -> Vec<HeaderName> {
    names.iter().map(|name| HeaderName::from_static(name)).collect()
}

fn after(
    client: &[(&'static str, &'static str)],
    answer: &[(&'static str, &'static str)],
    copy: &[&'static str],
) -> HeaderMap {
    let mut headers = map(client);
    super::super::apply(&changes(&map(answer), &names(copy)), &mut headers);
    headers
}

#[test]
fn a_service_gets_what_it_must_and_what_is_named() {
    let client = map(&[
        ("host", "a"),
        ("authorization", "Bearer b"),
        ("cookie", "c=d"),
        ("cookie", "e=f"),
        ("content-length", "100"),
        ("x-other", "g"),
    ]);
    assert_eq!(
        headers(&client, &[], &[]),
        map(&[("host", "a"), ("authorization", "Bearer b"), ("content-length", "0")])
    );
    let sent = headers(
        &client,
        &names(&["cookie", "authorization", "content-length", "host", "transfer-encoding", "missing"]),
        &[Bytes::from_static(b"12"), Bytes::from_static(b"345")],
    );
    let wanted = [
        ("host", "a"),
        ("authorization", "Bearer b"),
        ("cookie", "c=d"),
        ("cookie", "e=f"),
        ("content-length", "5"),
    ];
    assert_eq!(sent, map(&wanted));
}

#[test]
fn a_name_that_is_the_services_is_nobody_elses() {
    let client = [("x-user", "root"), ("x-user", "admin"), ("x-role", "root"), ("x-a", "1")];
    let answer = [("x-user", "alice"), ("x-other", "2")];
    let wanted = map(&[("x-user", "alice"), ("x-a", "1")]);
    assert_eq!(after(&client, &answer, &["x-user", "x-role"]), wanted);
}

#[test]
fn without_names_all_is_copied_that_is_no_matter_of_the_answer_itself() {
    let client =
        [("host", "a"), ("content-type", "application/json"), ("content-length", "5"), ("x-user", "root")];
    let answer = [
        ("x-user", "alice"),
        ("x-group", "a"),
        ("x-group", "b"),
        ("host", "evil"),
        ("content-type", "text/plain"),
        ("content-length", "2"),
        ("date", "now"),
        ("server", "auth"),
    ];
    let wanted = [
        ("host", "a"),
        ("content-type", "application/json"),
        ("content-length", "5"),
        ("x-user", "alice"),
        ("x-group", "a"),
        ("x-group", "b"),
    ];
    assert_eq!(after(&client, &answer, &[]), map(&wanted));
}

/// Neither in the list of a filter nor without one.
#[test]
fn nobody_says_where_a_request_belongs() {
    let (client, answer) = ([("host", "a"), ("x-user", "root")], [("host", "evil"), ("x-user", "alice")]);
    let wanted = map(&[("host", "a"), ("x-user", "alice")]);
    assert_eq!(after(&client, &answer, &["host", "x-user"]), wanted);
    assert_eq!(after(&client, &answer, &[]), wanted);
}
