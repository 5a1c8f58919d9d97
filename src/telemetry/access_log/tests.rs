use super::worker::WorkerLog;
use super::*;
use crate::model::Reason;
use serde_json::{Value, json};
use std::io::{self, Write};
use std::sync::Mutex;
use std::sync::mpsc::sync_channel;
use std::time::{SystemTime, UNIX_EPOCH};

const LIMIT: Duration = Duration::from_secs(30);

fn record() -> Record<'static> {
    Record {
        listener: Some("shop/gate/http"),
        route: Some("HTTPRoute shop/cart"),
        rule: Some("0"),
        backend: Some("Service shop/cart:8080"),
        endpoint: Some("[2001:db8::1]:8080".parse().unwrap()),
        attempts: 2,
        retry_reasons: &["ConnectFailed"],
        reason: None,
        client_address: "198.51.100.2".parse().unwrap(),
        peer_address: "192.0.2.7:50000".parse().unwrap(),
        protocol: "HTTP/2",
        method: Some("GET"),
        host: Some("shop.example.com"),
        path: Some("/cart/%22"),
        status: Some(200),
        request_id: Some(b"4c1f"),
        trace_id: Some("0af7651916cd43dd8448eb211c80319c".to_owned()),
        user_agent: Some(b"curl \"8\"\n"),
        bytes_received: 3,
        bytes_sent: 1024,
        datagrams: None,
        duration: Duration::from_micros(1_234_567),
    }
}

fn line(record: &Record<'_>) -> String {
    let mut out = Vec::new();
    record.write(&mut out, "2026-03-01T12:34:56.789Z");
    String::from_utf8(out).unwrap()
}

#[test]
fn a_line_holds_every_field_in_its_order() {
    let text = line(&record());
    let read: Value = serde_json::from_str(&text).unwrap();
    let wanted = json!({
        "time": "2026-03-01T12:34:56.789Z",
        "listener": "shop/gate/http",
        "route": "HTTPRoute shop/cart",
        "rule": "0",
        "backend": "Service shop/cart:8080",
        "endpoint": "[2001:db8::1]:8080",
        "attempts": 2,
        "retry_reasons": ["ConnectFailed"],
        "reason": null,
        "client_address": "198.51.100.2",
        "peer_address": "192.0.2.7:50000",
        "protocol": "HTTP/2",
        "method": "GET",
        "host": "shop.example.com",
        "path": "/cart/%22",
        "status": 200,
        "request_id": "4c1f",
        "trace_id": "0af7651916cd43dd8448eb211c80319c",
        "user_agent": "curl \"8\"\n",
        "bytes_received": 3,
        "bytes_sent": 1024,
        "duration_seconds": 1.234567,
    });
    assert_eq!(read, wanted);
    let keys: Vec<_> = read.as_object().unwrap().keys().map(String::as_str).collect();
    assert_eq!(keys, FIELDS);
    assert!(text.ends_with("}\n") && text.matches('\n').count() == 1);
}

#[test]
fn the_line_of_a_udp_session_counts_datagrams_too() {
    let text = line(&Record { datagrams: Some((7, 5)), ..record() });
    let read: Value = serde_json::from_str(&text).unwrap();
    let read = read.as_object().unwrap();
    assert_eq!((&read["datagrams_received"], &read["datagrams_sent"]), (&7.into(), &5.into()));
    assert_eq!(read.len(), FIELDS.len() + 2);
}

#[test]
fn what_is_not_known_is_null_and_no_field_is_left_out() {
    let bare = Record {
        listener: None,
        route: None,
        rule: None,
        backend: None,
        endpoint: None,
        attempts: 0,
        retry_reasons: &[],
        reason: Some(Reason::BadRequest),
        method: None,
        host: None,
        path: None,
        status: None,
        request_id: None,
        trace_id: None,
        user_agent: None,
        ..record()
    };
    let read: Value = serde_json::from_str(&line(&bare)).unwrap();
    let nulls: Vec<_> =
        read.as_object().unwrap().iter().filter(|(_, v)| v.is_null()).map(|(k, _)| k.as_str()).collect();
    assert_eq!(
        nulls,
        [
            "listener",
            "route",
            "rule",
            "backend",
            "endpoint",
            "method",
            "host",
            "path",
            "status",
            "request_id",
            "trace_id",
            "user_agent"
        ]
    );
    assert_eq!(read["reason"], "BadRequest");
    assert_eq!(read["retry_reasons"], json!([]));
    assert_eq!(read.as_object().unwrap().len(), FIELDS.len());
}

/// The names in the first column of the table that follows a heading.
fn documented<'a>(page: &'a str, heading: &str) -> Vec<&'a str> {
    let section = page.split_once(heading).unwrap().1;
    let section = section.split_once("\n#").map_or(section, |(section, _)| section);
    section.lines().filter_map(|row| row.strip_prefix("| `")?.split('`').next()).collect()
}

#[test]
fn the_docs_list_the_fields_and_the_reasons() {
    let page = include_str!("../../../docs/access-log.md");
    assert_eq!(documented(page, "\n## Fields\n"), FIELDS);
    assert_eq!(documented(page, "\n## Reasons\n"), Reason::ALL.map(Reason::as_str));
}

#[test]
fn modes_are_read_and_shown() {
    for (text, mode) in [
        ("off", Mode::Off),
        ("0", Mode::Off),
        ("full", Mode::Full),
        ("1", Mode::Full),
        ("1.0", Mode::Full),
        ("0.01", Mode::Share(0.01)),
    ] {
        assert_eq!(text.parse(), Ok(mode), "{text}");
        assert_eq!(mode.to_string().parse(), Ok(mode), "{text}");
    }
    for text in ["", "on", "-0.1", "1.1", "NaN", "inf", "1%"] {
        let error = text.parse::<Mode>().unwrap_err().to_string();
        assert!(error.contains(&format!("{text:?}")) && error.contains("between 0 and 1"), "{error}");
    }
}

fn taken(mode: Mode, requests: usize) -> usize {
    let sampler = Sampler::new(mode);
    (0..requests).filter(|_| sampler.take()).count()
}

#[test]
fn a_share_is_taken_evenly() {
    assert_eq!(taken(Mode::Off, 1000), 0);
    assert_eq!(taken(Mode::Full, 1000), 1000);
    assert_eq!(taken(Mode::Share(0.5), 1000), 500);
    assert_eq!(taken(Mode::Share(0.25), 3), 0);
    assert_eq!(taken(Mode::Share(0.25), 4), 1);
    // The step is cut to 2⁻³², so the last of the wanted ones may be one request late.
    assert!((99..=100).contains(&taken(Mode::Share(0.01), 10_000)));
}

#[test]
fn another_share_goes_on_from_where_the_last_one_was() {
    let sampler = Sampler::new(Mode::Share(0.25));
    assert_eq!((0..3).filter(|_| sampler.take()).count(), 0);
    sampler.set(Mode::Share(0.5));
    assert_eq!((0..3).map(|_| sampler.take()).collect::<Vec<_>>(), [true, false, true]);
    sampler.set(Mode::Off);
    assert_eq!((0..100).filter(|_| sampler.take()).count(), 0);
}

#[test]
fn a_buffer_is_handed_over_when_it_is_full_or_with_the_tick() {
    let (batches, received) = sync_channel(4);
    let log = WorkerLog::new(Some(batches), Metrics::new());
    log.flush();
    assert!(received.try_recv().is_err(), "nothing to hand over");

    log.write(&record());
    assert!(received.try_recv().is_err(), "neither full nor ticked");
    log.flush();
    assert_eq!(received.try_recv().unwrap().lines, 1);

    let length = line(&record()).len() as u64;
    let full = (32 * 1024_u64).div_ceil(length);
    for _ in 0..full {
        log.write(&record());
    }
    let batch = received.try_recv().unwrap();
    assert_eq!((batch.lines, batch.text.len() as u64), (full, full * length));

    log.write(&record());
    drop(log);
    assert_eq!(received.try_recv().unwrap().lines, 1, "the rest goes when the worker ends");
}

#[test]
fn a_line_carries_the_time_it_was_written() {
    let (batches, received) = sync_channel(1);
    let log = WorkerLog::new(Some(batches), Metrics::new());
    let before = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_millis();
    log.write(&record());
    let after = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_millis();
    log.flush();
    let read: Value = serde_json::from_slice(&received.recv().unwrap().text).unwrap();
    let time: jiff::Timestamp = read["time"].as_str().unwrap().parse().unwrap();
    let millis = u128::try_from(time.as_millisecond()).unwrap();
    assert!((before..=after).contains(&millis), "{before} <= {millis} <= {after}");
}

#[test]
fn lines_that_the_writer_does_not_take_are_dropped_and_counted() {
    let metrics = Metrics::new();
    let (batches, received) = sync_channel(1);
    let log = WorkerLog::new(Some(batches), metrics.clone());
    for _ in 0..3 {
        log.write(&record());
        log.write(&record());
        log.flush();
    }
    assert_eq!(metrics.process().access_log_dropped_lines.get(), 4);
    assert_eq!(received.try_iter().count(), 1);

    drop(received);
    log.write(&record());
    log.flush();
    assert_eq!(metrics.process().access_log_dropped_lines.get(), 5);
}

#[test]
fn lines_of_all_workers_reach_the_file_whole() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("access.log");
    std::fs::write(&path, "older\n").unwrap();
    let log = AccessLog::start(&Output::File(path.clone()), Metrics::new()).unwrap();
    std::thread::scope(|scope| {
        for _ in 0..2 {
            let worker = log.worker();
            scope.spawn(move || (0..500).for_each(|_| worker.write(&record())));
        }
    });
    assert!(log.close(LIMIT));

    let text = std::fs::read_to_string(&path).unwrap();
    let (older, lines) = text.split_once('\n').unwrap();
    assert_eq!(older, "older");
    assert_eq!(lines.lines().count(), 1000);
    for line in lines.lines() {
        let read: Value = serde_json::from_str(line).unwrap();
        assert_eq!(read["route"], "HTTPRoute shop/cart");
    }
}

#[test]
fn a_path_that_cannot_be_opened_is_named() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("missing/access.log");
    let error = AccessLog::start(&Output::File(path.clone()), Metrics::new()).unwrap_err();
    assert!(error.to_string().contains(&path.display().to_string()), "{error}");
}

/// Fails the first write and keeps what comes later.
struct FailsOnce {
    failed: bool,
    kept: Arc<Mutex<Vec<u8>>>,
}

impl Write for FailsOnce {
    fn write(&mut self, text: &[u8]) -> io::Result<usize> {
        if !std::mem::replace(&mut self.failed, true) {
            return Err(io::ErrorKind::StorageFull.into());
        }
        self.kept.lock().unwrap().extend_from_slice(text);
        Ok(text.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[test]
fn a_write_that_fails_loses_its_own_lines_only() {
    let metrics = Metrics::new();
    let kept = Arc::new(Mutex::new(Vec::new()));
    let output = FailsOnce { failed: false, kept: kept.clone() };
    let log = AccessLog::write_to(output, metrics.clone()).unwrap();
    let worker = log.worker();
    worker.write(&record());
    worker.write(&record());
    worker.flush();
    worker.write(&record());
    drop(worker);
    assert!(log.close(LIMIT));
    assert_eq!(metrics.process().access_log_dropped_lines.get(), 2);
    assert_eq!(kept.lock().unwrap().iter().filter(|byte| **byte == b'\n').count(), 1);
}

#[test]
fn closing_does_not_wait_for_ever() {
    let log = AccessLog::start(&Output::Stdout, Metrics::new()).unwrap();
    let worker = log.worker();
    assert!(!log.close(Duration::ZERO), "the writer still has a sender");
    drop(worker);
}
