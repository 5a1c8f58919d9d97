//! Metrics as OpenMetrics text.

use super::{
    ControllerMetrics, DatagramDrop, DatagramMetrics, EventWrite, ListenerMetrics, Metrics, MirrorDrop,
    MirrorMetrics, RouteMetrics, SpanDrop, TraceMetrics, UpstreamMetrics,
};
use crate::model::{ListenerKey, Reason, RouteKey, UpstreamKey};
use crate::telemetry::series::{Counter, Gauge, Histogram};
use prometheus_client::collector::Collector;
use prometheus_client::encoding::text;
use prometheus_client::encoding::{DescriptorEncoder, MetricEncoder, NoLabelSet};
use prometheus_client::metrics::MetricType;
use prometheus_client::registry::{Registry, Unit};
use std::fmt::{self, Display};
use std::sync::Arc;
use std::time::UNIX_EPOCH;

/// The label of a route's status class; a class's place is its number less one.
const CLASSES: [&str; 5] = ["1xx", "2xx", "3xx", "4xx", "5xx"];

impl Metrics {
    /// All series as OpenMetrics text, in a stable order.
    pub fn encode(self: &Arc<Self>) -> String {
        let mut registry = Registry::with_prefix("tidegate");
        registry.register_collector(Box::new(Exported(self.clone())));
        let mut out = String::new();
        // Only a writer can fail, and a `String` does not.
        let _ = text::encode(&mut out, &registry);
        out
    }
}

#[derive(Debug)]
struct Exported(Arc<Metrics>);

impl Collector for Exported {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> fmt::Result {
        routes(&mut encoder, &self.0.routes.snapshot())?;
        listeners(&mut encoder, &self.0.listeners.snapshot())?;
        upstreams(&mut encoder, &self.0.upstreams.snapshot())?;
        mirrors(&mut encoder, &self.0.process().mirrors)?;
        traces(&mut encoder, &self.0.process().traces)?;
        datagrams(&mut encoder, &self.0.process().datagrams)?;
        controller(&mut encoder, self.0.controller())?;
        process(&mut encoder, &self.0)
    }
}

fn routes(encoder: &mut DescriptorEncoder<'_>, routes: &[(RouteKey, Arc<RouteMetrics>)]) -> fmt::Result {
    let help = "Requests by route and class of the answer's status.";
    let mut family = encoder.encode_descriptor("route_requests", help, None, MetricType::Counter)?;
    for (key, route) in routes {
        let name = key.to_string();
        for (class, requests) in CLASSES.iter().zip(&route.requests) {
            let labels = [("route", name.as_str()), ("status_class", *class)];
            counter(&mut family.encode_family(&labels)?, requests)?;
        }
    }
    Ok(())
}

type Listeners<'a> = Objects<'a, ListenerKey, ListenerMetrics>;

fn listeners(
    encoder: &mut DescriptorEncoder<'_>,
    all: &[(ListenerKey, Arc<ListenerMetrics>)],
) -> fmt::Result {
    let objects: Listeners<'_> = Objects { label: "listener", all };
    let help = "Open connections of clients.";
    objects.gauges(encoder, "listener_active_connections", help, |of| &of.active_connections)?;
    let help = "Connections of clients that were opened.";
    objects.counters(encoder, "listener_connections", help, |of| &of.connections)?;
    let help = "UDP sessions with clients.";
    objects.gauges(encoder, "listener_active_sessions", help, |of| &of.active_sessions)?;
    let help = "UDP sessions that were begun.";
    objects.counters(encoder, "listener_sessions", help, |of| &of.sessions)?;
    let help = "TLS handshakes of clients that failed or took too long.";
    objects.counters(encoder, "listener_tls_handshake_failures", help, |of| &of.tls_handshake_failures)?;
    let help = "From a request's head to the end of its answer.";
    objects.durations(encoder, "listener_request_duration", help, |of| &of.request_duration)
}

fn upstreams(
    encoder: &mut DescriptorEncoder<'_>,
    all: &[(UpstreamKey, Arc<UpstreamMetrics>)],
) -> fmt::Result {
    let objects: Objects<'_, UpstreamKey, UpstreamMetrics> = Objects { label: "upstream", all };
    let help = "Requests under way.";
    objects.gauges(encoder, "upstream_active_requests", help, |of| &of.active_requests)?;
    let help = "Tries to have a request answered, retries included.";
    objects.counters(encoder, "upstream_attempts", help, |of| &of.attempts)?;
    let help = "Tries after a first one failed.";
    objects.counters(encoder, "upstream_retries", help, |of| &of.retries)?;
    let help = "Further tries that were not made, as the backend's budget for them was used up.";
    objects.counters(encoder, "upstream_refused_retries", help, |of| &of.refused_retries)?;
    let help = "Connections that were opened.";
    objects.counters(encoder, "upstream_connections", help, |of| &of.connections)?;
    let help = "Connections that could not be opened.";
    objects.counters(encoder, "upstream_connect_failures", help, |of| &of.connect_failures)?;
    let help = "Tries whose connection broke before an answer came.";
    objects.counters(encoder, "upstream_resets", help, |of| &of.resets)?;
    let help = "Tries that took longer than the rule allows.";
    objects.counters(encoder, "upstream_timeouts", help, |of| &of.timeouts)
}

fn mirrors(encoder: &mut DescriptorEncoder<'_>, metrics: &MirrorMetrics) -> fmt::Result {
    let help = "Copies of requests that were answered.";
    counter(
        &mut encoder.encode_descriptor("mirror_requests", help, None, MetricType::Counter)?,
        &metrics.answered,
    )?;
    let help = "Copies of requests that did not arrive, by reason.";
    let mut family = encoder.encode_descriptor("mirror_dropped_requests", help, None, MetricType::Counter)?;
    for reason in MirrorDrop::ALL {
        counter(&mut family.encode_family(&[("reason", reason.as_str())])?, metrics.dropped(reason))?;
    }
    Ok(())
}

fn traces(encoder: &mut DescriptorEncoder<'_>, metrics: &TraceMetrics) -> fmt::Result {
    let help = "Spans that a collector has taken.";
    counter(
        &mut encoder.encode_descriptor("trace_exported_spans", help, None, MetricType::Counter)?,
        &metrics.exported,
    )?;
    let help = "Requests to collectors that failed and were made again.";
    counter(
        &mut encoder.encode_descriptor("trace_export_retries", help, None, MetricType::Counter)?,
        &metrics.export_retries,
    )?;
    let help = "Spans that did not reach their collector, by reason.";
    let mut family = encoder.encode_descriptor("trace_dropped_spans", help, None, MetricType::Counter)?;
    for reason in SpanDrop::ALL {
        counter(&mut family.encode_family(&[("reason", reason.as_str())])?, metrics.dropped(reason))?;
    }
    Ok(())
}

fn datagrams(encoder: &mut DescriptorEncoder<'_>, metrics: &DatagramMetrics) -> fmt::Result {
    let help = "Datagrams of UDP listeners and replies that were dropped, by reason.";
    let mut family = encoder.encode_descriptor("udp_dropped_datagrams", help, None, MetricType::Counter)?;
    for reason in DatagramDrop::ALL {
        counter(&mut family.encode_family(&[("reason", reason.as_str())])?, metrics.dropped(reason))?;
    }
    Ok(())
}

fn controller(encoder: &mut DescriptorEncoder<'_>, metrics: &ControllerMetrics) -> fmt::Result {
    let help = "Attempts to write a status, by kind and how they ended.";
    let mut family = encoder.encode_descriptor("status_writes", help, None, MetricType::Counter)?;
    for ((kind, result), count) in metrics.status_writes.snapshot() {
        let labels = [("kind", kind), ("result", result.as_str())];
        counter(&mut family.encode_family(&labels)?, &count)?;
    }
    let help = "Events about conditions that became bad, by what became of them.";
    let mut family = encoder.encode_descriptor("events", help, None, MetricType::Counter)?;
    for result in EventWrite::ALL {
        counter(&mut family.encode_family(&[("result", result.as_str())])?, metrics.events(result))?;
    }
    let help = "Watches that broke and were begun anew, by kind.";
    let mut family = encoder.encode_descriptor("watch_restarts", help, None, MetricType::Counter)?;
    for (kind, count) in metrics.watch_restarts.snapshot() {
        counter(&mut family.encode_family(&[("kind", kind)])?, &count)?;
    }
    let help = "1 while this process writes statuses, else 0.";
    encoder.encode_descriptor("leader", help, None, MetricType::Gauge)?.encode_gauge(&metrics.leader.get())
}

fn process(encoder: &mut DescriptorEncoder<'_>, metrics: &Metrics) -> fmt::Result {
    let process = metrics.process();
    let help = "Answers that Tidegate made itself, by reason.";
    let mut family = encoder.encode_descriptor("gateway_answers", help, None, MetricType::Counter)?;
    for reason in Reason::ALL {
        let labels = [("reason", reason.as_str())];
        counter(&mut family.encode_family(&labels)?, &process.answers[reason as usize])?;
    }
    let counters = [
        (
            "unrecognized_names",
            "TLS connections for which no listener was found.",
            &process.unrecognized_names,
        ),
        (
            "proxy_protocol_failures",
            "Connections that did not begin as the PROXY protocol demands.",
            &process.proxy_protocol_failures,
        ),
        (
            "access_log_dropped_lines",
            "Access-log lines that were not written.",
            &process.access_log_dropped_lines,
        ),
    ];
    for (name, help, value) in counters {
        counter(&mut encoder.encode_descriptor(name, help, None, MetricType::Counter)?, value)?;
    }
    let gauges = [
        ("config_version", "The configuration version that every worker serves.", &process.config_version),
        ("workers", "Worker threads.", &process.workers),
        ("listening_sockets", "Listening sockets over all workers.", &process.listening_sockets),
        ("open_files_limit", "How many files the process may have open.", &process.open_files_limit),
    ];
    for (name, help, value) in gauges {
        encoder.encode_descriptor(name, help, None, MetricType::Gauge)?.encode_gauge(&value.get())?;
    }
    let started = process.started.duration_since(UNIX_EPOCH).unwrap_or_default().as_secs_f64();
    let help = "When the process started, in seconds since the epoch.";
    let unit = Some(&Unit::Seconds);
    encoder.encode_descriptor("process_start_time", help, unit, MetricType::Gauge)?.encode_gauge(&started)
}

/// Objects of one kind, each series of them labelled with the object's name.
struct Objects<'a, K, V> {
    label: &'static str,
    all: &'a [(K, Arc<V>)],
}

impl<K: Display, V> Objects<'_, K, V> {
    fn counters(
        &self,
        encoder: &mut DescriptorEncoder<'_>,
        name: &str,
        help: &str,
        value: impl Fn(&V) -> &Counter,
    ) -> fmt::Result {
        let family = encoder.encode_descriptor(name, help, None, MetricType::Counter)?;
        self.each(family, |metric, of| counter(metric, value(of)))
    }

    fn gauges(
        &self,
        encoder: &mut DescriptorEncoder<'_>,
        name: &str,
        help: &str,
        value: impl Fn(&V) -> &Gauge,
    ) -> fmt::Result {
        let family = encoder.encode_descriptor(name, help, None, MetricType::Gauge)?;
        self.each(family, |metric, of| metric.encode_gauge(&value(of).get()))
    }

    fn durations(
        &self,
        encoder: &mut DescriptorEncoder<'_>,
        name: &str,
        help: &str,
        value: impl Fn(&V) -> &Histogram,
    ) -> fmt::Result {
        let family = encoder.encode_descriptor(name, help, Some(&Unit::Seconds), MetricType::Histogram)?;
        self.each(family, |metric, of| {
            let (sum, buckets) = value(of).snapshot();
            let count = buckets.iter().map(|(_, count)| count).sum();
            metric.encode_histogram::<NoLabelSet>(sum, count, &buckets, None)
        })
    }

    fn each(
        &self,
        mut family: MetricEncoder<'_>,
        encode: impl Fn(&mut MetricEncoder<'_>, &V) -> fmt::Result,
    ) -> fmt::Result {
        for (key, of) in self.all {
            let name = key.to_string();
            encode(&mut family.encode_family(&[(self.label, name.as_str())])?, of)?;
        }
        Ok(())
    }
}

fn counter(metric: &mut MetricEncoder<'_>, value: &Counter) -> fmt::Result {
    metric.encode_counter::<NoLabelSet, _, u64>(&value.get(), None)
}
