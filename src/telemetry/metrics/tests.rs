use super::*;
use crate::model::{IpProtocol, ObjectKey, RouteKind};
use std::collections::BTreeMap;
use std::time::{Duration, UNIX_EPOCH};

fn route(name: &str) -> RouteKey {
    RouteKey { kind: RouteKind::Http, object: ObjectKey::new("shop", name) }
}

fn listener() -> ListenerKey {
    ListenerKey::of_gateway(ObjectKey::new("shop", "gate"), "http")
}

fn upstream() -> UpstreamKey {
    UpstreamKey::Service { service: ObjectKey::new("shop", "cart"), port: 8080, protocol: IpProtocol::Tcp }
}

/// Series and their values.
fn values(text: &str) -> BTreeMap<&str, &str> {
    text.lines().filter(|line| !line.starts_with('#')).map(|line| line.rsplit_once(' ').unwrap()).collect()
}

#[test]
fn a_route_has_five_series_one_a_status_class() {
    let metrics = Metrics::new();
    let cart = metrics.route(&route("cart"));
    for status in [101, 200, 204, 301, 404, 503, 599, 999] {
        cart.count(StatusCode::from_u16(status).unwrap());
    }
    let text = metrics.encode();
    let of_route: Vec<_> = text.lines().filter(|line| line.contains("HTTPRoute shop/cart")).collect();
    assert_eq!(
        of_route,
        [
            "tidegate_route_requests_total{route=\"HTTPRoute shop/cart\",status_class=\"1xx\"} 1",
            "tidegate_route_requests_total{route=\"HTTPRoute shop/cart\",status_class=\"2xx\"} 2",
            "tidegate_route_requests_total{route=\"HTTPRoute shop/cart\",status_class=\"3xx\"} 1",
            "tidegate_route_requests_total{route=\"HTTPRoute shop/cart\",status_class=\"4xx\"} 1",
            "tidegate_route_requests_total{route=\"HTTPRoute shop/cart\",status_class=\"5xx\"} 3",
        ]
    );
    assert_eq!([1, 2, 3, 4, 5, 6].map(|class| cart.requests(class)), [1, 2, 1, 1, 3, 0]);
}

#[test]
fn series_end_with_their_object_though_a_stream_still_counts() {
    let metrics = Metrics::new();
    let (cart, gate, service) =
        (metrics.route(&route("cart")), metrics.listener(&listener()), metrics.upstream(&upstream()));
    let others = metrics.route(&route("other"));
    assert!(metrics.encode().contains("shop/cart"));

    metrics.forget_route(&route("cart"));
    metrics.forget_listener(&listener());
    metrics.forget_upstream(&upstream());
    cart.count(StatusCode::OK);
    gate.connections.increment();
    service.attempts.increment();
    others.count(StatusCode::OK);

    let text = metrics.encode();
    assert!(!text.contains("shop/cart") && !text.contains("shop/gate"), "{text}");
    assert!(text.ends_with("# EOF\n"));
    assert_eq!(
        values(&text)["tidegate_route_requests_total{route=\"HTTPRoute shop/other\",status_class=\"2xx\"}"],
        "1"
    );
}

#[test]
fn every_counter_shows_in_its_own_series() {
    let metrics = Metrics::started_at(UNIX_EPOCH + Duration::from_millis(1_500));
    let gate = metrics.listener(&listener());
    gate.active_connections.set(1);
    gate.connections.add(2);
    gate.active_sessions.set(22);
    gate.sessions.add(23);
    gate.tls_handshake_failures.add(3);
    gate.request_duration.record(Duration::from_millis(4));
    let service = metrics.upstream(&upstream());
    service.active_requests.set(5);
    service.attempts.add(6);
    service.retries.add(7);
    service.refused_retries.add(25);
    service.connections.add(8);
    service.connect_failures.add(9);
    service.resets.add(10);
    service.timeouts.add(21);
    let process = metrics.process();
    process.config_version.set(11);
    process.workers.set(12);
    process.listening_sockets.set(13);
    process.unrecognized_names.add(14);
    process.access_log_dropped_lines.add(15);
    process.open_files_limit.set(16);
    process.proxy_protocol_failures.add(17);
    process.count_answer(Reason::Misdirected);
    process.mirrors.answered.add(20);
    process.mirrors.dropped(MirrorDrop::Timeout).add(21);
    process.traces.dropped(SpanDrop::QueueFull).add(22);
    process.datagrams.dropped(DatagramDrop::BufferFull).add(24);
    let controller = metrics.controller();
    controller.status_writes("Gateway", StatusWrite::Conflict).add(17);
    controller.events(EventWrite::Dropped).add(18);
    controller.watch_restarts("Secret").add(19);
    controller.leader.set(1);

    let text = metrics.encode();
    let values = values(&text);
    for (series, value) in [
        ("listener_active_connections{listener=\"shop/gate/http\"}", "1"),
        ("listener_connections_total{listener=\"shop/gate/http\"}", "2"),
        ("listener_active_sessions{listener=\"shop/gate/http\"}", "22"),
        ("listener_sessions_total{listener=\"shop/gate/http\"}", "23"),
        ("udp_dropped_datagrams_total{reason=\"BufferFull\"}", "24"),
        ("udp_dropped_datagrams_total{reason=\"NoRoute\"}", "0"),
        ("listener_tls_handshake_failures_total{listener=\"shop/gate/http\"}", "3"),
        ("listener_request_duration_seconds_sum{listener=\"shop/gate/http\"}", "0.004"),
        ("listener_request_duration_seconds_count{listener=\"shop/gate/http\"}", "1"),
        ("listener_request_duration_seconds_bucket{le=\"0.0025\",listener=\"shop/gate/http\"}", "0"),
        ("listener_request_duration_seconds_bucket{le=\"0.005\",listener=\"shop/gate/http\"}", "1"),
        ("listener_request_duration_seconds_bucket{le=\"+Inf\",listener=\"shop/gate/http\"}", "1"),
        ("upstream_active_requests{upstream=\"Service shop/cart:8080\"}", "5"),
        ("upstream_attempts_total{upstream=\"Service shop/cart:8080\"}", "6"),
        ("upstream_retries_total{upstream=\"Service shop/cart:8080\"}", "7"),
        ("upstream_refused_retries_total{upstream=\"Service shop/cart:8080\"}", "25"),
        ("upstream_connections_total{upstream=\"Service shop/cart:8080\"}", "8"),
        ("upstream_connect_failures_total{upstream=\"Service shop/cart:8080\"}", "9"),
        ("upstream_resets_total{upstream=\"Service shop/cart:8080\"}", "10"),
        ("upstream_timeouts_total{upstream=\"Service shop/cart:8080\"}", "21"),
        ("config_version", "11"),
        ("mirror_requests_total", "20"),
        ("mirror_dropped_requests_total{reason=\"Timeout\"}", "21"),
        ("mirror_dropped_requests_total{reason=\"Reset\"}", "0"),
        ("trace_dropped_spans_total{reason=\"QueueFull\"}", "22"),
        ("workers", "12"),
        ("listening_sockets", "13"),
        ("unrecognized_names_total", "14"),
        ("access_log_dropped_lines_total", "15"),
        ("open_files_limit", "16"),
        ("proxy_protocol_failures_total", "17"),
        ("process_start_time_seconds", "1.5"),
        ("gateway_answers_total{reason=\"Misdirected\"}", "1"),
        ("gateway_answers_total{reason=\"NoRoute\"}", "0"),
        ("status_writes_total{kind=\"Gateway\",result=\"conflict\"}", "17"),
        ("events_total{result=\"written\"}", "0"),
        ("events_total{result=\"dropped\"}", "18"),
        ("watch_restarts_total{kind=\"Secret\"}", "19"),
        ("leader", "1"),
    ] {
        assert_eq!(values.get(format!("tidegate_{series}").as_str()), Some(&value), "{series}\n{text}");
    }
}

#[test]
fn reasons_are_counted_by_their_place_in_the_list() {
    let metrics = Metrics::new();
    for (place, reason) in Reason::ALL.into_iter().enumerate() {
        assert_eq!(reason as usize, place);
        (0..=place).for_each(|_| metrics.process().count_answer(reason));
    }
    for (place, reason) in Reason::ALL.into_iter().enumerate() {
        assert_eq!(metrics.process().answers(reason), place as u64 + 1);
    }
}

#[test]
fn drops_are_counted_by_their_place_in_the_list() {
    for (place, reason) in MirrorDrop::ALL.into_iter().enumerate() {
        assert_eq!(reason as usize, place);
    }
    let page = include_str!("../../../docs/mirrors.md");
    let (_, section) = page.split_once("\n## Copies that do not arrive\n").unwrap();
    let rows = section.lines().filter_map(|line| line.strip_prefix("| `"));
    let documented: Vec<_> = rows.filter_map(|row| row.split('`').next()).collect();
    assert_eq!(documented, MirrorDrop::ALL.map(MirrorDrop::as_str));
}

#[test]
fn the_docs_list_every_metric_with_its_type_and_labels() {
    let metrics = Metrics::new();
    metrics.route(&route("cart"));
    metrics.listener(&listener());
    metrics.upstream(&upstream());
    metrics.controller().status_writes("Gateway", StatusWrite::Written);
    metrics.controller().watch_restarts("Gateway");
    let text = metrics.encode();

    let page = include_str!("../../../docs/metrics.md");
    let documented: Vec<String> = page
        .lines()
        .filter_map(|row| row.strip_prefix("| `tidegate_"))
        .map(|row| {
            let columns: Vec<_> = row.split('|').map(|column| column.trim().replace('`', "")).collect();
            format!("tidegate_{} {} {}", columns[0], columns[1], columns[2])
        })
        .collect();
    let exported: Vec<String> = text
        .lines()
        .filter_map(|line| line.strip_prefix("# TYPE "))
        .map(|line| {
            let (family, kind) = line.split_once(' ').unwrap();
            let name = if kind == "counter" { format!("{family}_total") } else { family.to_owned() };
            format!("{name} {kind} {}", labels(&text, family))
        })
        .collect();
    assert_eq!(documented, exported);
}

/// The label names of a family's series, without those of a histogram's buckets.
fn labels(text: &str, family: &str) -> String {
    let series = text.lines().find(|line| {
        line.strip_prefix(family).is_some_and(|rest| {
            ["_total", "_sum", ""]
                .iter()
                .any(|suffix| rest.strip_prefix(suffix).is_some_and(|rest| rest.starts_with(['{', ' '])))
        })
    });
    let Some((_, labels)) = series.unwrap().split_once('{') else { return String::new() };
    let names: Vec<_> = labels.split(',').map(|label| label.split('=').next().unwrap()).collect();
    names.join(", ")
}

#[test]
fn a_listener_of_a_set_is_told_from_every_other() {
    let gateway = listener();
    let set = ListenerKey { set: Some(ObjectKey::new("team", "own")), ..gateway.clone() };
    assert_eq!([gateway.to_string(), set.to_string()], ["shop/gate/http", "shop/gate/team/own/http"]);
    assert_eq!([gateway.namespace(), set.namespace()], ["shop", "team"]);
}
