//! Sockets and the listeners that share them.

use super::auth::ExternalAuth;
use super::bucket::Bucket;
use super::conditions::Request;
use super::hosts::Hosts;
use super::query::Query;
use super::rule::{Match, Rule};
use super::tracing::Tracing;
use crate::model::{BindAddress, Hostname, ListenerKey, ListenerSettings, Protocol, Transport};
use crate::telemetry::ListenerMetrics;
use crate::tls::Identity;
use rustls::ServerConfig;
use std::sync::Arc;

/// One socket and the listeners that share it.
#[derive(Debug)]
pub struct Bind {
    /// The socket.
    pub address: BindAddress,
    /// What connections to all of its listeners begin with.
    pub transport: Transport,
    /// What holds for its clients; the same object for as long as nothing of it changes.
    pub settings: Arc<ListenerSettings>,
    /// How its requests become spans, if they do; the same object for as long as nothing of it changes.
    pub tracing: Option<Arc<Tracing>>,
    pub(super) listeners: Hosts<Arc<Listener>>,
}

/// One listener with its routes.
#[derive(Debug)]
pub struct Listener {
    /// Its identity.
    pub key: ListenerKey,
    /// The key as the access log writes it.
    pub name: Arc<str>,
    /// The port as the Gateway writes it.
    pub port: u16,
    /// What is spoken.
    pub protocol: Protocol,
    /// The hosts it serves; none for every host.
    pub hostname: Option<Hostname>,
    /// What TLS clients are shown; none without TLS, or without any certificate that came.
    pub tls: Option<Arc<ServerConfig>>,
    /// Who asks, for targets with TLS.
    pub identity: Identity,
    /// Its counters.
    pub metrics: Arc<ListenerMetrics>,
    /// Who is asked about each request before a rule is looked for, one after the other.
    pub filters: Box<[ExternalAuth]>,
    /// By the hostnames that the routes have themselves, not by what they share with the
    /// listener's: Gateway API's precedence goes by the former.
    pub(super) buckets: Hosts<Arc<Bucket>>,
}

/// The rule for a request.
#[derive(Clone, Copy, Debug)]
pub struct Found<'a> {
    /// The rule.
    pub rule: &'a Arc<Rule>,
    /// Which of its matches it was.
    pub matched: &'a Match,
}

/// Where a request belongs that came over a TLS connection of some listener.
#[derive(Clone, Copy, Debug)]
pub enum Belonging<'a> {
    /// To the connection's listener, here as of this version.
    Here(&'a Arc<Listener>),
    /// To another listener of the socket: 421, so that the client opens a connection for it.
    Misdirected,
    /// To no listener of the socket: 404.
    Nowhere,
}

impl Bind {
    /// The listener whose hostname is the most specific that matches a host (lower case, without
    /// port and trailing dot). It alone serves the host, whether or not it has a route for it.
    pub fn listener_for(&self, host: &str) -> Option<&Arc<Listener>> {
        self.listeners.find_map(host, Some)
    }

    /// The listener for a TLS client that sent this name (in lower case), or none.
    pub fn listener_for_sni(&self, name: Option<&str>) -> Option<&Arc<Listener>> {
        match name {
            Some(name) => self.listener_for(name),
            None => self.listeners.every(),
        }
    }

    /// Whether a request for `host` belongs to the listener that its connection was accepted
    /// for. A name in one certificate with others lets HTTP/2 clients send requests for all of
    /// them over one connection (RFC 9113 §9.1.1), past the listener that is to serve them.
    pub fn belonging(&self, connection: &ListenerKey, host: &str) -> Belonging<'_> {
        match self.listener_for(host) {
            Some(listener) if listener.key == *connection => Belonging::Here(listener),
            Some(_) => Belonging::Misdirected,
            None => Belonging::Nowhere,
        }
    }

    /// All of its listeners, in no order.
    pub fn listeners(&self) -> impl Iterator<Item = &Arc<Listener>> {
        self.listeners.iter()
    }
}

impl Listener {
    /// The rule for a request whose host belongs to this listener: from the routes with the most
    /// specific hostname that have a matching rule, the one that goes first.
    pub fn find(&self, request: &Request<'_>) -> Option<Found<'_>> {
        let query = Query::new(request.query);
        self.buckets.find_map(request.host, |bucket| bucket.find(request, &query))
    }
}
