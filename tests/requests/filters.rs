//! Header edits, redirects and rewrites.

use crate::common::backend::Backend;
use crate::common::raw::{Client, ask};
use crate::common::tidegate::Tidegate;

#[test]
fn headers_are_edited_on_the_way_there() {
    let backend = Backend::start("only");
    let tidegate = Tidegate::with_rules(
        &[&backend],
        "
- filters:
  - type: RequestHeaderModifier
    requestHeaderModifier:
      set: [{name: X-Set, value: new}, {name: X-Fresh, value: fresh}]
      add: [{name: x-add, value: second}, {name: X-Added, value: only}]
      remove: [X-Remove]
  backendRefs:
  - name: only
    port: 80
    filters:
    - type: RequestHeaderModifier
      requestHeaderModifier: {add: [{name: X-Add, value: third}]}",
    );
    ask(
        tidegate.http(),
        "GET / HTTP/1.1\r\nHost: a\r\nX-SET: old\r\nx-set: older\r\nX-Add: first\r\nX-remove: y\r\n\r\n",
    );
    let seen = backend.last();
    assert_eq!(seen.header("x-set"), Some("new"));
    assert_eq!(seen.header("x-fresh"), Some("fresh"));
    assert_eq!(seen.header("x-added"), Some("only"));
    assert_eq!(seen.header("x-remove"), None);
    let added: Vec<&str> =
        seen.headers.get_all("x-add").iter().map(|value| value.to_str().unwrap()).collect();
    assert_eq!(added.join(",").replace(", ", ","), "first,second,third");
}

#[test]
fn headers_are_edited_on_the_way_back() {
    let backend = Backend::start("only");
    let tidegate = Tidegate::with_rules(
        &[&backend],
        "
- filters:
  - type: ResponseHeaderModifier
    responseHeaderModifier:
      set: [{name: Content-Type, value: text/plain}]
      add: [{name: X-Added, value: rule}]
      remove: [X-Backend]
  backendRefs: [{name: only, port: 80}]",
    );
    let answer = ask(tidegate.http(), "GET / HTTP/1.1\r\nHost: a\r\n\r\n");
    assert_eq!(answer.header("content-type"), Some("text/plain"));
    assert_eq!(answer.header("x-added"), Some("rule"));
    assert_eq!(answer.header("x-backend"), None);
}

/// The filters of a backendRef belong to the requests that went there.
#[test]
fn filters_follow_the_chosen_backend() {
    let backends = ["one", "two"].map(Backend::start);
    let tidegate = Tidegate::with_rules(
        &backends.each_ref(),
        "
- backendRefs:
  - name: one
    port: 80
    filters:
    - type: ResponseHeaderModifier
      responseHeaderModifier: {add: [{name: X-Filter, value: one}]}
  - name: two
    port: 80
    filters:
    - type: ResponseHeaderModifier
      responseHeaderModifier: {add: [{name: X-Filter, value: two}]}",
    );
    let mut client = Client::connect(tidegate.http());
    for _ in 0..20 {
        let answer = client.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n").answer();
        assert_eq!(answer.header("x-backend"), answer.header("x-filter"));
    }
    assert_eq!(backends.map(|backend| backend.requests()), [10, 10]);
}

#[test]
fn redirects() {
    let tidegate = Tidegate::with_rules(
        &[],
        "
- matches: [{path: {value: /scheme}}]
  filters: [{type: RequestRedirect, requestRedirect: {scheme: https}}]
- matches: [{path: {value: /host}}]
  filters: [{type: RequestRedirect, requestRedirect: {hostname: b.example.com, statusCode: 301}}]
- matches: [{path: {value: /port}}]
  filters: [{type: RequestRedirect, requestRedirect: {port: 9443, scheme: https}}]
- matches: [{path: {value: /same-port}}]
  filters: [{type: RequestRedirect, requestRedirect: {port: 80, scheme: http}}]
- matches: [{path: {value: /full}}]
  filters:
  - type: RequestRedirect
    requestRedirect: {path: {type: ReplaceFullPath, replaceFullPath: /new}, statusCode: 308}
- matches: [{path: {value: /prefix/}}]
  filters:
  - type: RequestRedirect
    requestRedirect: {path: {type: ReplacePrefixMatch, replacePrefixMatch: /new/}, statusCode: 307}
- matches: [{path: {value: /root}}]
  filters:
  - type: RequestRedirect
    requestRedirect: {path: {type: ReplacePrefixMatch, replacePrefixMatch: /}, statusCode: 303}",
    );
    let cases = [
        ("/scheme/x?y=z", 302, "https://a.example.com/scheme/x?y=z"),
        ("/host", 301, "http://b.example.com:8080/host"),
        ("/port", 302, "https://a.example.com:9443/port"),
        ("/same-port", 302, "http://a.example.com/same-port"),
        ("/full/x?y", 308, "http://a.example.com:8080/new?y"),
        ("/prefix/x", 307, "http://a.example.com:8080/new/x"),
        ("/prefix", 307, "http://a.example.com:8080/new"),
        ("/root/x", 303, "http://a.example.com:8080/x"),
        ("/root", 303, "http://a.example.com:8080/"),
    ];
    let mut client = Client::connect(tidegate.http());
    for (path, status, location) in cases {
        let answer = client.send(format!("GET {path} HTTP/1.1\r\nHost: a.example.com:8080\r\n\r\n")).answer();
        assert_eq!(answer.status(), status, "{path}");
        let given = answer.header("location").map(|given| given.replace("/new/?", "/new?"));
        // Gateway API leaves both forms of the replaced prefix itself: with and without the slash.
        let given =
            given.map(|given| if path == "/prefix" { given.trim_end_matches('/').to_owned() } else { given });
        assert_eq!(given.as_deref(), Some(location), "{path}");
    }
}

#[test]
fn rewrites() {
    let backend = Backend::start("only");
    let tidegate = Tidegate::with_rules(
        &[&backend],
        "
- matches: [{path: {value: /host}}]
  filters: [{type: URLRewrite, urlRewrite: {hostname: b.example.com}}]
  backendRefs: [{name: only, port: 80}]
- matches: [{path: {value: /full}}]
  filters: [{type: URLRewrite, urlRewrite: {path: {type: ReplaceFullPath, replaceFullPath: /new}}}]
  backendRefs: [{name: only, port: 80}]
- matches: [{path: {value: /prefix}}]
  filters: [{type: URLRewrite, urlRewrite: {path: {type: ReplacePrefixMatch, replacePrefixMatch: /new}}}]
  backendRefs: [{name: only, port: 80}]
- matches: [{path: {value: /root}}]
  filters: [{type: URLRewrite, urlRewrite: {path: {type: ReplacePrefixMatch, replacePrefixMatch: /}}}]
  backendRefs: [{name: only, port: 80}]
- matches: [{path: {value: /backend}}]
  backendRefs:
  - name: only
    port: 80
    filters: [{type: URLRewrite, urlRewrite: {hostname: c.example.com, path: {type: ReplaceFullPath, replaceFullPath: /c}}}]",
    );
    let cases = [
        ("/host/x?y", "b.example.com", "/host/x?y"),
        ("/full/x?y", "a.example.com", "/new?y"),
        ("/prefix/x?y=%2f", "a.example.com", "/new/x?y=%2f"),
        ("/prefix", "a.example.com", "/new"),
        ("/prefix/", "a.example.com", "/new/"),
        ("/prefix//x", "a.example.com", "/new//x"),
        ("/root/x", "a.example.com", "/x"),
        ("/root", "a.example.com", "/"),
        ("/root?y", "a.example.com", "/?y"),
        ("/a/../root/./%78", "a.example.com", "/x"),
        ("/backend/x", "c.example.com", "/c"),
    ];
    for (path, host, target) in cases {
        ask(tidegate.http(), format!("GET {path} HTTP/1.1\r\nHost: a.example.com\r\n\r\n"));
        let seen = backend.last();
        assert_eq!((seen.header("host"), seen.target.as_str()), (Some(host), target), "{path}");
        assert_eq!(seen.header("x-forwarded-host"), Some("a.example.com"), "{path}");
    }
}
