use super::*;
use crate::api::upstream::{UpstreamServiceRef, UpstreamTarget as WireTarget};

fn url(url: &str) -> Result<String, &'static str> {
    let target = url_target(url)?;
    let Target::Url { host, tls, base_path, .. } = target else { panic!("{target:?}") };
    let tls = tls.map_or_else(String::new, |tls| format!(" as {}", tls.server_name));
    Ok(match host {
        Host::Address(address) => format!("{address}{base_path}{tls}"),
        Host::Name(name, port) => format!("dns {name}:{port}{base_path}{tls}"),
    })
}

#[test]
fn urls_are_read_with_their_defaults() {
    for (text, expected) in [
        ("http://10.0.0.7", "10.0.0.7:80"),
        ("https://10.0.0.7", "10.0.0.7:443 as 10.0.0.7"),
        ("HTTP://Api.Example.COM./", "dns api.example.com:80"),
        ("https://api_1.local:8443/v1//", "dns api_1.local:8443/v1/ as api_1.local"),
        ("http://[fd00::1]:8080/a/./%7eb/../c/", "[fd00::1]:8080/a/c"),
        ("https://[FD00::1]", "[fd00::1]:443 as fd00::1"),
        ("http://h/%2F", "dns h:80/%2F"),
    ] {
        assert_eq!(url(text).as_deref(), Ok(expected), "{text}");
    }
}

#[test]
fn everything_else_is_refused() {
    for (text, problem) in [
        ("10.0.0.7", "has no scheme"),
        ("ftp://a", "has a scheme other than http and https"),
        ("http://user:secret@a", "has a user name"),
        ("http://a?b", "has a query or a fragment"),
        ("http://a/#b", "has a query or a fragment"),
        ("http://a:0", "has a port beyond 1 to 65535"),
        ("http://a:65536", "has a port beyond 1 to 65535"),
        ("http://a:", "has a port beyond 1 to 65535"),
        ("http://a:http", "has a port that is no number"),
        ("http://a:+80", "has a port that is no number"),
        ("http://", "has no host name and no IP address"),
        ("http://a..b", "has no host name and no IP address"),
        ("http://a b", "has no host name and no IP address"),
        ("http://fd00::1", "has an IPv6 address without brackets"),
        ("http://[fd00::1", "has a \"[\" without \"]\""),
        ("http://[10.0.0.1]", "has no IPv6 address in its brackets"),
        ("http://[::1]x", "has something between \"]\" and the port"),
        ("http://127.1", "has a host that is half an IP address"),
        ("http://0x7f000001", "has a host that is half an IP address"),
        ("http://2130706433", "has a host that is half an IP address"),
        ("http://a/..", "has a path without normal form"),
        ("http://a/\\b", "has a path without normal form"),
    ] {
        assert_eq!(url(text), Err(problem), "{text}");
    }
}

#[test]
fn a_password_is_not_repeated() {
    let mut wire = upstream::Upstream::default();
    wire.spec.targets = vec![WireTarget {
        name: "a".to_owned(),
        url: Some("http://u:secret@h".to_owned()),
        ..WireTarget::default()
    }];
    let errors = upstream(&wire).unwrap_err();
    assert_eq!(errors.len(), 1);
    assert!(
        errors[0].to_string().starts_with("spec.targets[0].url: \"http://…@h\" has a user name"),
        "{}",
        errors[0]
    );
}

#[test]
fn every_bad_target_is_named() {
    let target = |name: &str, url: Option<&str>, service: bool| WireTarget {
        name: name.to_owned(),
        url: url.map(str::to_owned),
        service_ref: service.then(UpstreamServiceRef::default),
        weight: 1,
    };
    let mut wire = upstream::Upstream::default();
    wire.spec.targets = vec![
        target("a", None, false),
        target("b", Some("http://x"), true),
        target("b", Some("http://x"), false),
    ];
    let errors: Vec<_> = upstream(&wire).unwrap_err().iter().map(|error| error.field.clone()).collect();
    assert_eq!(errors, ["spec.targets[0]", "spec.targets[1]", "spec.targets[2].name"]);
}
