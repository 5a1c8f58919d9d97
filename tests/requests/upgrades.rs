//! WebSockets and other protocols through the gateway.

use crate::common::backend::Backend;
use crate::common::load::{Kind, Load, Mix, Target};
use crate::common::manifests::{documents, http_gateway, route_to, service_at};
use crate::common::raw::Client;
use crate::common::scripted::{Scripted, Step};
use crate::common::tidegate::Tidegate;

#[test]
fn websockets_go_through() {
    let backend = Backend::start("only");
    let tidegate = Tidegate::in_front_of(&backend);
    let load = Load::start(Mix::only(Kind::WebSocket), &[Target::http(tidegate.http(), "a.example.com")]);
    load.wait_for_answers(500);
    let report = load.stop();
    assert!(report.failures.is_empty(), "{report}");
    let seen = backend.last();
    assert_eq!(seen.header("upgrade"), Some("websocket"));
    assert!(seen.header("connection").is_some_and(|value| value.eq_ignore_ascii_case("upgrade")));
}

#[test]
fn any_protocol_is_switched_to_byte_by_byte() {
    let backend = Scripted::start(|head| {
        assert_eq!(head.header("upgrade"), Some("example/1"));
        vec![
            Step::Send(
                b"HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: example/1\r\n\r\nfirst"
                    .to_vec(),
            ),
            Step::Hold,
        ]
    });
    let texts = [http_gateway(), service_at("only", &[backend.address], None), route_to("only")];
    let tidegate = Tidegate::start(&[("all.yaml", documents(&texts))]);
    let mut client = Client::connect(tidegate.http());
    client.send("GET / HTTP/1.1\r\nHost: a\r\nConnection: upgrade\r\nUpgrade: example/1\r\n\r\n");
    let head = client.head();
    assert_eq!((head.status(), head.header("upgrade")), (101, Some("example/1")));
    assert_eq!(client.bytes(5), b"first");
    client.finish();
    assert!(client.is_closed());
}

/// A backend may go on in HTTP.
#[test]
fn a_refused_upgrade_is_an_answer() {
    let backend = Scripted::always("HTTP/1.1 403 Forbidden\r\nContent-Length: 2\r\n\r\nno");
    let texts = [http_gateway(), service_at("only", &[backend.address], None), route_to("only")];
    let tidegate = Tidegate::start(&[("all.yaml", documents(&texts))]);
    let mut client = Client::connect(tidegate.http());
    for _ in 0..2 {
        client.send("GET / HTTP/1.1\r\nHost: a\r\nConnection: upgrade\r\nUpgrade: websocket\r\n\r\n");
        let answer = client.answer();
        assert_eq!((answer.status(), answer.body.as_slice()), (403, b"no".as_slice()));
    }
}

/// `Upgrade` counts only if `Connection` names it, and h2c is not switched to.
#[test]
fn an_upgrade_goes_only_as_the_pair() {
    let backend = Backend::start("only");
    let tidegate = Tidegate::in_front_of(&backend);
    for fields in ["Upgrade: websocket", "Connection: upgrade", "Connection: close\r\nUpgrade: websocket"] {
        let answer = Client::connect(tidegate.http())
            .send(format!("GET / HTTP/1.1\r\nHost: a\r\n{fields}\r\n\r\n"))
            .answer();
        assert_eq!(answer.status(), 200, "{fields}");
        assert_eq!(backend.last().header("upgrade"), None, "{fields}");
        assert_eq!(backend.last().header("connection"), None, "{fields}");
    }
}
