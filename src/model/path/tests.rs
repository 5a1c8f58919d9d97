use super::*;
use proptest::prelude::*;

#[test]
fn normal_forms() {
    for (path, normal) in [
        ("/", "/"),
        ("/a/b.html", "/a/b.html"),
        ("/a//b/", "/a//b/"),
        ("//", "//"),
        ("/a/./b", "/a/b"),
        ("/a/../b", "/b"),
        ("/a/b/..", "/a/"),
        ("/a/.", "/a/"),
        ("/.", "/"),
        ("/a/..", "/"),
        ("/a//../b", "/a/b"),
        ("/...", "/..."),
        ("/.a/..b", "/.a/..b"),
        ("/%61%2D%7e", "/a-~"),
        ("/%2e%2E/a", ""),
        ("/a/%2e%2e/b", "/b"),
        ("/a%2fb", "/a%2Fb"),
        ("/a%2f..%2fb", "/a%2F..%2Fb"),
        ("/a%5c..", "/a%5C.."),
        ("/a;x=1/b", "/a;x=1/b"),
        ("/%25%32%65", "/%252e"),
        ("/ä", "/%C3%A4"),
        ("/%c3%a4", "/%C3%A4"),
    ] {
        match normalize_path(path) {
            Ok(got) => assert_eq!(got, normal, "of {path}"),
            Err(error) => assert_eq!((normal, error), ("", InvalidPath::AboveRoot), "of {path}"),
        }
    }
}

#[test]
fn refused() {
    use InvalidPath::*;
    for (path, error) in [
        ("", Relative),
        ("*", Relative),
        ("a", Relative),
        ("/%", Escape),
        ("/%4", Escape),
        ("/%zz", Escape),
        ("/%00", Escape),
        ("/a\\b", Character),
        ("/a b", Character),
        ("/a\u{1}", Character),
        ("/..", AboveRoot),
        ("/a/../..", AboveRoot),
        ("/%2e%2e/x", AboveRoot),
    ] {
        assert_eq!(normalize_path(path), Err(error), "of {path:?}");
    }
}

proptest! {
    #[test]
    fn a_normal_form_is_its_own(path in "/[a%2EFf./;\\-]{0,12}") {
        if let Ok(normal) = normalize_path(&path) {
            prop_assert!(normal.starts_with('/'));
            prop_assert!(!normal.split('/').any(|element| element == "." || element == ".."));
            let again = normalize_path(&normal);
            prop_assert_eq!(again.as_deref(), Ok(&*normal));
        }
    }
}
