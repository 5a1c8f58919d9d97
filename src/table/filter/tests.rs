use super::*;
use crate::model::{ObjectKey, UpstreamKey};
use crate::telemetry::Metrics;
use crate::tls::ClientConfigs;
use crate::upstream::TargetPolicy;

fn registry() -> Registry {
    let tls = ClientConfigs::new(rustls::RootCertStore::empty());
    Registry::new(TargetPolicy::new(true, Vec::new()), tls, Metrics::new())
}

fn edit(name: &str, value: &str) -> model::HeaderEdit {
    model::HeaderEdit {
        set: vec![(name.into(), value.into())],
        add: vec![("x-added".into(), "grün".into())],
        remove: vec!["X-Gone".into()],
    }
}

#[test]
fn names_are_folded_and_values_kept() {
    let edit = HeaderEdit::compile(&edit("X-Set", "a b")).unwrap();
    assert_eq!(edit.remove[..], [HeaderName::from_static("x-gone")]);
    assert_eq!(edit.set[..], [(HeaderName::from_static("x-set"), HeaderValue::from_static("a b"))]);
    assert_eq!(edit.add[0].1.as_bytes(), "grün".as_bytes());
}

#[test]
fn what_cannot_stand_in_a_head_is_refused() {
    let of = |edit| {
        let filters = model::Filters { request_headers: Some(edit), ..Default::default() };
        Filters::compile(&filters, &mut registry())
    };
    assert_eq!(of(edit("x a", "b")).unwrap_err(), InvalidFilter("x a".to_owned()));
    assert_eq!(of(edit("x-a", "b\r\nx-b: c")).unwrap_err(), InvalidFilter("b\r\nx-b: c".to_owned()));
    let rewrite = model::Rewrite { hostname: Some("a b".into()), path: None };
    assert!(Rewrite::compile(&rewrite).is_err());
}

#[test]
fn a_redirect_has_a_status_of_its_class() {
    let redirect = |status| {
        Redirect::compile(&model::Redirect { scheme: None, hostname: None, port: None, path: None, status })
    };
    assert_eq!(redirect(308).unwrap().status, StatusCode::PERMANENT_REDIRECT);
    assert!(redirect(200).is_err() && redirect(0).is_err());
}

#[test]
fn a_host_has_both_forms() {
    let rewrite = model::Rewrite { hostname: Some("one.example.com".into()), path: None };
    let host = Rewrite::compile(&rewrite).unwrap().hostname.unwrap();
    assert_eq!(host.header, "one.example.com");
    assert_eq!(host.authority.host(), "one.example.com");
}

#[test]
fn of_all_draws_a_mirror_takes_its_share() {
    let upstream = UpstreamKey::Upstream(ObjectKey::new("here", "copy"));
    for (numerator, denominator, taken) in
        [(0, 100, 0), (35, 100, 35), (100, 100, 100), (25, 50, 25), (0, 0, 0)]
    {
        let upstream = upstream.clone();
        let mirror = model::Mirror { upstream, numerator, denominator, edited: false, rewritten: false };
        let filters = model::Filters { mirrors: vec![mirror], ..Default::default() };
        let mirror = Filters::compile(&filters, &mut registry()).unwrap().mirrors[0];
        assert_eq!((0..mirror.denominator).filter(|draw| mirror.takes(*draw)).count(), taken);
    }
}
