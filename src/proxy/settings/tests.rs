use super::*;
use std::time::Duration;

fn defaults() -> Settings {
    Settings {
        limits: Limits::default(),
        trusted: vec!["192.0.2.0/24".parse().unwrap()],
        proxy_protocol: ProxyProtocol::Off,
        access_log: Mode::Share(0.5),
    }
}

fn ip(text: &str) -> IpAddr {
    text.parse().unwrap()
}

#[test]
fn what_is_not_wanted_otherwise_is_as_the_process_was_started() {
    let settings = defaults().with(&ListenerSettings::default());
    assert_eq!(settings.limits, Limits::default());
    assert_eq!(settings.trusted, defaults().trusted);
    assert_eq!((settings.proxy_protocol, settings.access_log), (ProxyProtocol::Off, Mode::Share(0.5)));
}

#[test]
fn every_setting_replaces_a_default() {
    let second = Duration::from_secs(1);
    let settings = defaults().with(&ListenerSettings {
        trusted: Some(Vec::new()),
        proxy_protocol: Some(ProxyProtocol::Required),
        head_bytes: Some(1),
        head_fields: Some(2),
        uri_bytes: Some(3),
        http2_streams: Some(4),
        head_time: Some(second),
        idle: Some(second * 2),
        tls_handshake: Some(second * 3),
        min_tls: None,
        logged_per_million: Some(250_000),
    });
    let limits = Limits {
        head_bytes: 1,
        head_fields: 2,
        uri_bytes: 3,
        http2_streams: 4,
        head_time: second,
        idle: second * 2,
        tls_handshake: second * 3,
        ..Limits::default()
    };
    assert_eq!(settings.limits, limits);
    assert_eq!(settings.trusted, []);
    assert_eq!((settings.proxy_protocol, settings.access_log), (ProxyProtocol::Required, Mode::Share(0.25)));
    let log = |number| ListenerSettings { logged_per_million: Some(number), ..ListenerSettings::default() };
    assert_eq!(defaults().with(&log(0)).access_log, Mode::Off);
    assert_eq!(defaults().with(&log(1_000_000)).access_log, Mode::Full);
}

#[test]
fn whose_header_counts() {
    let settings = |proxy_protocol, trusted: &[&str]| Settings {
        proxy_protocol,
        trusted: trusted.iter().map(|net| net.parse().unwrap()).collect(),
        ..defaults()
    };
    use ProxyProtocol::{Optional, Required};
    for (proxy_protocol, trusted, peer, counts) in [
        (Required, [].as_slice(), "198.51.100.1", true),
        (Required, &["192.0.2.0/24"], "198.51.100.1", false),
        (Required, &["192.0.2.0/24"], "192.0.2.1", true),
        (Optional, &["192.0.2.0/24", "2001:db8::/32"], "2001:db8::1", true),
        (Optional, &["192.0.2.0/24"], "198.51.100.1", false),
        (Optional, &[], "198.51.100.1", false),
    ] {
        let settings = settings(proxy_protocol, trusted);
        assert_eq!(settings.takes_header_of(ip(peer)), counts, "{proxy_protocol:?} {trusted:?} {peer}");
    }
}

#[test]
fn a_socket_takes_what_a_new_table_says_of_it() {
    let wanted = Arc::new(ListenerSettings::default());
    let socket = Socket::new("127.0.0.1:80".parse().unwrap(), &wanted, &defaults());
    let before = socket.settings();
    assert_eq!((0..4).filter(|_| socket.sampler.take()).count(), 2);

    socket.update(&wanted, &defaults());
    assert!(Rc::ptr_eq(&socket.settings(), &before), "nothing new");

    let other = ListenerSettings {
        logged_per_million: Some(0),
        trusted: Some(vec![]),
        ..ListenerSettings::default()
    };
    socket.update(&Arc::new(other), &defaults());
    assert!(!socket.settings().trusts(ip("192.0.2.1")) && before.trusts(ip("192.0.2.1")));
    assert_eq!((0..4).filter(|_| socket.sampler.take()).count(), 0);
}
