//! The load itself: it finds nothing where nothing is wrong, and every kind of loss that there is.

use crate::common::backend::{Ask, Backend};
use crate::common::content::content;
use crate::common::load::{Kind, Load, Mix, Report, Target, What};
use crate::common::scripted::{Scripted, Step};
use std::time::Duration;

#[test]
fn load_straight_at_a_backend_loses_nothing() {
    let backend = Backend::start_for_load("only");
    let load =
        Load::start(Mix::FULL.without(Kind::Http2), &[Target::http(backend.address(), "a.example.com")]);
    load.wait_until_warm();
    let report = load.stop_after(Duration::from_secs(3));
    assert!(report.failures.is_empty(), "{report}");
    println!("{report}");
}

#[test]
fn load_over_http2_straight_at_a_backend_loses_nothing() {
    let backend = Backend::start_h2c_for_load("only");
    let load = Load::start(Mix::only(Kind::Http2), &[Target::http(backend.address(), "a.example.com")]);
    load.wait_until_warm();
    let report = load.stop_after(Duration::from_secs(3));
    assert!(report.failures.is_empty(), "{report}");
    println!("{report}");
}

#[test]
fn a_killed_backend_is_noticed_in_every_way() {
    let backend = Backend::start_for_load("only");
    let load =
        Load::start(Mix::FULL.without(Kind::Http2), &[Target::http(backend.address(), "a.example.com")]);
    load.wait_until_warm();
    backend.kill();
    load.wait_for_failures(100);
    let report = load.stop();
    println!("{report}");
    let some = |what: fn(&What) -> bool| report.failures.iter().any(|failure| what(&failure.what));
    assert!(some(|what| matches!(what, What::Connect(_))), "{report}");
    assert!(some(|what| matches!(what, What::NoAnswer(_))), "{report}");
    for kind in [Kind::KeepAlive, Kind::Slow, Kind::NewConnection, Kind::WebSocket] {
        assert!(
            report.failures.iter().any(|failure| failure.kind == kind),
            "no failure of {kind:?}: {report}"
        );
    }
}

/// Answers as a backend would, but for what the function makes of it.
fn with_answers(answer: fn(head: String, body: &[u8]) -> Vec<Step>) -> Report {
    let backend = Scripted::start(move |request| {
        let ask: Ask = request.header("x-answer").unwrap().parse().unwrap();
        let body = content(ask.seed, ask.bytes);
        let received = request.header("content-length").unwrap_or("0");
        let head = format!(
            "HTTP/1.1 200 OK\r\nx-backend: b\r\nx-received: {received} same\r\ncontent-length: {}\r\n\r\n",
            body.len()
        );
        answer(head, &body)
    });
    let load = Load::start(Mix::only(Kind::NewConnection), &[Target::http(backend.address, "a.example.com")]);
    load.wait_for_failures(20);
    load.stop()
}

fn all_are(report: &Report, what: fn(&What) -> bool) -> bool {
    report.failures.iter().all(|failure| what(&failure.what))
}

#[test]
fn a_wrong_byte_is_noticed() {
    let report = with_answers(|head, body| {
        let mut bytes = [head.as_bytes(), body].concat();
        *bytes.last_mut().unwrap() ^= 1;
        vec![Step::Send(bytes)]
    });
    assert!(all_are(&report, |what| matches!(what, What::Wrong(_))), "{report}");
}

#[test]
fn a_short_answer_is_noticed_even_if_it_looks_complete() {
    let report = with_answers(|head, body| {
        let head = head.replace(&format!("length: {}", body.len()), "length: 5");
        vec![Step::Send([head.as_bytes(), &body[..5]].concat())]
    });
    assert!(all_are(&report, |what| matches!(what, What::Wrong(_))), "{report}");
}

#[test]
fn an_answer_that_breaks_off_is_told_from_a_short_one() {
    let report =
        with_answers(|head, body| vec![Step::Send([head.as_bytes(), &body[..5]].concat()), Step::Close]);
    assert!(all_are(&report, |what| matches!(what, What::Cut { received: 5, .. })), "{report}");
}

#[test]
fn another_status_is_noticed() {
    let report = with_answers(|head, body| {
        vec![Step::Send([head.replace("200 OK", "503 No").as_bytes(), body].concat())]
    });
    assert!(all_are(&report, |what| *what == What::Status(503)), "{report}");
}

#[test]
fn no_answer_is_noticed() {
    let report = with_answers(|_, _| vec![Step::Hold]);
    assert!(all_are(&report, |what| *what == What::Timeout), "{report}");
}
