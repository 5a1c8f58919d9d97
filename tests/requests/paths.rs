//! One reading of the path: the normal form is matched and forwarded.

use crate::common::backend::Backend;
use crate::common::raw::ask;
use crate::common::tidegate::Tidegate;

/// What is sent, and what the backend gets; `None` for 400.
const PATHS: [(&str, Option<&str>); 27] = [
    ("/", Some("/")),
    ("/a/b", Some("/a/b")),
    ("/a/./b", Some("/a/b")),
    ("/a/../b", Some("/b")),
    ("/a/b/..", Some("/a/")),
    ("/a/b/.", Some("/a/b/")),
    ("/a/%2e%2e/b", Some("/b")),
    ("/a/%2E/b", Some("/a/b")),
    ("/a/.%2e/b", Some("/b")),
    ("/%61%7E%2d%5f%2e", Some("/a~-_.")),
    ("/a%2fb", Some("/a%2Fb")),
    ("/a%2f..%2fb", Some("/a%2F..%2Fb")),
    ("/a%5cb", Some("/a%5Cb")),
    ("/a;b=c/d", Some("/a;b=c/d")),
    ("/..;/a", Some("/..;/a")),
    ("//a", Some("//a")),
    ("/a//b", Some("/a//b")),
    ("/a//../b", Some("/a/b")),
    ("/a%c3%a9", Some("/a%C3%A9")),
    ("/a%20b", Some("/a%20b")),
    ("/a?b=/../c&d=%2f%zz", Some("/a?b=/../c&d=%2f%zz")),
    ("/a/../b?q", Some("/b?q")),
    ("/a%00b", None),
    ("/a%zzb", None),
    ("/a%2", None),
    ("/..", None),
    ("/a/../../b", None),
];

#[test]
fn the_normal_form_is_forwarded() {
    let backend = Backend::start("only");
    let tidegate = Tidegate::in_front_of(&backend);
    for (sent, wanted) in PATHS {
        let answer = ask(tidegate.http(), format!("GET {sent} HTTP/1.1\r\nHost: a.example.com\r\n\r\n"));
        match wanted {
            Some(wanted) => {
                assert_eq!(answer.status(), 200, "{sent}");
                assert_eq!(backend.last().target, wanted, "{sent}");
            }
            None => assert_eq!(answer.status(), 400, "{sent}"),
        }
    }
    let forwarded = PATHS.iter().filter(|path| path.1.is_some()).count();
    assert_eq!(backend.requests(), forwarded as u64);
}

#[test]
fn a_raw_backslash_is_refused() {
    let backend = Backend::start("only");
    let tidegate = Tidegate::in_front_of(&backend);
    let answer = ask(tidegate.http(), "GET /a\\b HTTP/1.1\r\nHost: a.example.com\r\n\r\n");
    assert_eq!(answer.status(), 400);
    assert_eq!(backend.requests(), 0);
}

/// Nobody gets around a rule by writing its path in another way.
#[test]
fn the_normal_form_is_matched() {
    let open = Backend::start("open");
    let admin = Backend::start("admin");
    let tidegate = Tidegate::with_rules(
        &[&open, &admin],
        "
- matches: [{path: {type: PathPrefix, value: /admin}}]
  backendRefs: [{name: admin, port: 80}]
- backendRefs: [{name: open, port: 80}]",
    );
    let cases = [
        ("/admin", "admin"),
        ("/%61dmin", "admin"),
        ("/./admin", "admin"),
        ("/x/../admin/y", "admin"),
        ("/x/%2e%2e/admin", "admin"),
        ("/admin/../x", "open"),
        ("/admin%2fx", "open"),
        ("//admin", "open"),
        ("/Admin", "open"),
        ("/administrator", "open"),
    ];
    for (path, wanted) in cases {
        let answer = ask(tidegate.http(), format!("GET {path} HTTP/1.1\r\nHost: a.example.com\r\n\r\n"));
        assert_eq!(answer.header("x-backend"), Some(wanted), "{path}");
    }
}
