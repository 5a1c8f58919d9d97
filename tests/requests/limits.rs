//! Limits of time and size, as the flags set them.

use crate::common::backend::Backend;
use crate::common::raw::{Client, ask};
use crate::common::tidegate::{Options, Tidegate};

fn with_flags(backend: &Backend, flags: &[&str]) -> Tidegate {
    let flags = flags.iter().map(|flag| (*flag).to_owned()).collect();
    Tidegate::start_with(Options { flags, ..Options::default() }, &Tidegate::files_in_front_of(backend))
}

#[test]
fn a_head_that_does_not_come_to_its_end_is_given_up() {
    let backend = Backend::start("only");
    let tidegate = with_flags(&backend, &["--head-timeout=300ms"]);
    for beginning in ["", "G", "GET / HTTP/1.1\r\nHost: a\r\nX-Slow: "] {
        assert!(Client::connect(tidegate.http()).send(beginning).is_closed(), "{beginning:?}");
    }
    let mut client = Client::connect(tidegate.http());
    assert_eq!(client.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n").answer().status(), 200);
    assert!(client.send("GET / HTTP/1.1\r\n").is_closed(), "the second head");
    assert_eq!(backend.requests(), 1);
}

/// Neither limit is one for requests that are under way.
#[test]
fn a_slow_answer_takes_the_time_that_it_takes() {
    let backend = Backend::start("only");
    let tidegate = with_flags(&backend, &["--head-timeout=200ms", "--idle-timeout=200ms"]);
    let answer = ask(tidegate.http(), "GET / HTTP/1.1\r\nHost: a\r\nx-answer: bytes=10 delay=1500\r\n\r\n");
    assert_eq!((answer.status(), answer.body.len()), (200, 10));
}

#[test]
fn an_idle_connection_is_closed_after_its_time() {
    let backend = Backend::start("only");
    let tidegate = with_flags(&backend, &["--idle-timeout=300ms"]);
    let mut client = Client::connect(tidegate.http());
    assert_eq!(client.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n").answer().status(), 200);
    assert!(client.is_closed());
}

#[test]
fn sizes_are_as_the_flags_say() {
    let backend = Backend::start("only");
    let tidegate = with_flags(&backend, &["--max-uri=256", "--max-head-fields=10", "--max-head=16KiB"]);
    // Host and one long field are two of the fields.
    let status = |target: usize, fields: usize, value: usize| {
        let fields: String = (2..fields).map(|number| format!("X-{number}: y\r\n")).collect();
        let (target, value) = ("x".repeat(target - 1), "x".repeat(value));
        ask(tidegate.http(), format!("GET /{target} HTTP/1.1\r\nHost: a\r\n{fields}X: {value}\r\n\r\n"))
            .status()
    };
    assert_eq!(status(256, 10, 1), 200);
    assert_eq!(status(257, 2, 1), 414);
    assert_eq!(status(1, 11, 1), 431);
    assert_eq!(status(1, 2, 15 << 10), 200);
    assert_eq!(status(1, 2, 17 << 10), 431);
}
