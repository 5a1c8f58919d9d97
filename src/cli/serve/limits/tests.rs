use super::*;
use clap::Parser;

#[derive(Debug, Parser)]
struct Command {
    #[command(flatten)]
    limits: LimitArgs,
}

fn limits(arguments: &[&str]) -> Result<Limits, String> {
    Command::try_parse_from(["test"].iter().chain(arguments))
        .map(|command| command.limits.limits())
        .map_err(|error| error.to_string())
}

#[test]
fn without_flags_the_limits_are_the_defaults() {
    assert_eq!(limits(&[]), Ok(Limits::default()));
}

#[test]
fn each_flag_sets_its_limit() {
    let seconds = Duration::from_secs;
    let set = limits(&[
        "--max-head=32KiB",
        "--max-head-fields=50",
        "--max-uri=4KiB",
        "--head-timeout=1s",
        "--idle-timeout=2s",
        "--tls-handshake-timeout=3s",
        "--max-http2-streams=7",
        "--stream-idle-timeout=6s",
        "--udp-session-timeout=8s",
        "--max-udp-sessions=9",
        "--backend-connect-timeout=4s",
        "--backend-idle-timeout=5s",
    ]);
    let expected = Limits {
        head_bytes: 32 << 10,
        head_fields: 50,
        uri_bytes: 4 << 10,
        head_time: seconds(1),
        idle: seconds(2),
        tls_handshake: seconds(3),
        http2_streams: 7,
        stream_idle: seconds(6),
        udp_idle: seconds(8),
        udp_sessions: 9,
        backend_connect: seconds(4),
        backend_idle: seconds(5),
        ..Limits::default()
    };
    assert_eq!(set, Ok(expected));
}

#[test]
fn what_makes_no_sense_is_refused_with_the_range() {
    for (flag, part) in [
        ("--max-head=1KiB", "must be from 8KiB to 1MiB"),
        ("--max-uri=0", "must be from 256 to 1MiB"),
        ("--max-head-fields=0", "0 is not in 1..=1000"),
        ("--idle-timeout=0s", "must be from 1ms to 24h"),
        ("--idle-timeout=10", "a time is a whole number with a unit"),
        ("--max-http2-streams=0", "0 is not in 1..=100000"),
    ] {
        let error = limits(&[flag]).unwrap_err();
        assert!(error.contains(part), "{flag}: {error}");
    }
}
