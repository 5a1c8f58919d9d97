//! What is noted of a connection without HTTP; written once, when it ends.

use super::connection::Client;
use crate::model::Reason;
use crate::table::{Listener, Rule};
use crate::telemetry;
use crate::upstream::{InFlight, Upstream};
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Instant;

/// The record of one connection.
pub(super) struct StreamRecord<'a> {
    client: &'a Client,
    client_address: IpAddr,
    peer_address: SocketAddr,
    is_logged: bool,
    started: Instant,
    listener: Arc<Listener>,
    protocol: &'static str,
    name: Option<Box<str>>,
    rule: Option<Arc<Rule>>,
    upstream: Option<Arc<Upstream>>,
    in_flight: Option<InFlight>,
    attempts: u32,
    retry_reasons: Vec<&'static str>,
    reason: Option<Reason>,
    bytes: (u64, u64),
}

impl<'a> StreamRecord<'a> {
    pub(super) fn begin(
        client: &'a Client,
        listener: &Arc<Listener>,
        protocol: &'static str,
        name: Option<&str>,
    ) -> Self {
        Self {
            client,
            client_address: client.address.ip(),
            peer_address: client.peer,
            is_logged: client.socket.sampler.take(),
            started: Instant::now(),
            listener: listener.clone(),
            protocol,
            name: name.map(Box::from),
            rule: None,
            upstream: None,
            in_flight: None,
            attempts: 0,
            retry_reasons: Vec::new(),
            reason: None,
            bytes: (0, 0),
        }
    }

    /// The rule that it goes by.
    pub(super) fn rule(&mut self, rule: &Arc<Rule>) {
        self.rule = Some(rule.clone());
    }

    /// An endpoint is tried.
    pub(super) fn attempt(&mut self, upstream: &Arc<Upstream>, in_flight: InFlight) {
        self.attempts += 1;
        upstream.metrics.attempts.increment();
        if self.attempts > 1 {
            upstream.metrics.retries.increment();
        }
        self.upstream = Some(upstream.clone());
        self.in_flight = Some(in_flight);
    }

    /// It could not be connected to, and there will be another.
    pub(super) fn retried(&mut self, reason: Reason) {
        self.retry_reasons.push(reason.as_str());
    }

    /// The connection is closed by Tidegate.
    pub(super) fn failed(&mut self, reason: Reason) {
        self.client.worker.metrics.process().count_answer(reason);
        self.reason = Some(reason);
    }

    /// Bytes from the client, and to it.
    pub(super) fn moved(&mut self, received: u64, sent: u64) {
        self.bytes = (received, sent);
    }
}

impl Drop for StreamRecord<'_> {
    fn drop(&mut self) {
        if !self.is_logged {
            return;
        }
        self.client.worker.log.write(&telemetry::Record {
            listener: Some(&self.listener.name),
            route: self.rule.as_ref().map(|rule| &*rule.route_name),
            rule: self.rule.as_ref().map(|rule| &*rule.name),
            backend: self.upstream.as_ref().map(|upstream| &*upstream.label),
            endpoint: self.in_flight.as_ref().map(|in_flight| in_flight.endpoint().address),
            attempts: self.attempts,
            retry_reasons: &self.retry_reasons,
            reason: self.reason,
            client_address: self.client_address,
            peer_address: self.peer_address,
            protocol: self.protocol,
            method: None,
            host: self.name.as_deref(),
            path: None,
            status: None,
            request_id: None,
            trace_id: None,
            user_agent: None,
            bytes_received: self.bytes.0,
            bytes_sent: self.bytes.1,
            datagrams: None,
            duration: self.started.elapsed(),
        });
    }
}
