//! Where references to backends lead.

use super::addresses::Port;
use super::backend_tls::{self, BackendTlsPolicies, Securing};
use super::backend_traffic::BackendTrafficPolicies;
use super::grants::{References, Referrer};
use super::upstream::Upstream;
use super::verdict::{ListenerResolvedRefs, RouteResolvedRefs, TelemetryResolvedRefs, UpstreamResolvedRefs};
use super::xbackend::XBackend;
use crate::api::gateway::BackendObjectReference;
use crate::api::{Kind, ObjectId, Service};
use crate::convert::{self, BackendReference, InvalidServicePort};
use crate::index::Index;
use crate::model::{
    self, BackendProtocol, EndpointsKey, Entry, EntrySource, IpProtocol, ObjectKey, OriginateTls, Reason,
    UpstreamKey,
};
use std::borrow::Cow;
use std::collections::BTreeMap;
use std::sync::Arc;

/// What was found of the kinds of backends that are judged themselves.
#[derive(Clone, Copy)]
pub(super) struct Known<'a> {
    pub(super) upstreams: &'a BTreeMap<ObjectKey, Upstream>,
    pub(super) xbackends: &'a BTreeMap<ObjectKey, XBackend>,
}

/// Why a reference leads nowhere.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Refusal {
    pub(super) cause: Cause,
    /// Names the object and what to do.
    pub(super) message: String,
}

/// The kind of trouble with a reference.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Cause {
    NotPermitted,
    UnknownKind,
    NotFound,
    UnsupportedProtocol,
    /// What the pods speak is not known here.
    UnknownAppProtocol,
    UnsupportedValue,
}

impl Cause {
    /// On a route.
    pub(super) fn on_route(self) -> RouteResolvedRefs {
        match self {
            Self::NotPermitted => RouteResolvedRefs::RefNotPermitted,
            Self::UnknownKind => RouteResolvedRefs::InvalidKind,
            Self::NotFound => RouteResolvedRefs::BackendNotFound,
            Self::UnsupportedProtocol | Self::UnknownAppProtocol => RouteResolvedRefs::UnsupportedProtocol,
            Self::UnsupportedValue => RouteResolvedRefs::UnsupportedValue,
        }
    }

    /// On an Upstream.
    pub(super) fn on_upstream(self) -> UpstreamResolvedRefs {
        match self {
            Self::NotPermitted => UpstreamResolvedRefs::RefNotPermitted,
            Self::NotFound => UpstreamResolvedRefs::BackendNotFound,
            Self::UnsupportedProtocol | Self::UnknownAppProtocol => UpstreamResolvedRefs::UnsupportedProtocol,
            Self::UnknownKind | Self::UnsupportedValue => UpstreamResolvedRefs::UnsupportedValue,
        }
    }

    /// On a listener.
    pub(super) fn on_listener(self) -> ListenerResolvedRefs {
        match self {
            Self::NotPermitted => ListenerResolvedRefs::RefNotPermitted,
            _ => ListenerResolvedRefs::InvalidListenerFilterRef,
        }
    }

    /// On an XTelemetryPolicy.
    pub(super) fn on_telemetry(self) -> TelemetryResolvedRefs {
        match self {
            Self::NotPermitted => TelemetryResolvedRefs::RefNotPermitted,
            Self::UnknownKind => TelemetryResolvedRefs::InvalidKind,
            Self::NotFound => TelemetryResolvedRefs::BackendNotFound,
            Self::UnsupportedProtocol | Self::UnknownAppProtocol => {
                TelemetryResolvedRefs::UnsupportedProtocol
            }
            Self::UnsupportedValue => TelemetryResolvedRefs::UnsupportedValue,
        }
    }

    /// In the access log.
    pub(super) fn in_traffic(self) -> Reason {
        match self {
            Self::NotPermitted => Reason::RefNotPermitted,
            Self::NotFound => Reason::BackendNotFound,
            Self::UnknownKind
            | Self::UnsupportedProtocol
            | Self::UnknownAppProtocol
            | Self::UnsupportedValue => Reason::InvalidBackend,
        }
    }

    fn because(self, message: impl Into<String>) -> Refusal {
        Refusal { cause: self, message: message.into() }
    }
}

/// The object that a backend names, with the number of a port that it gives by name.
pub(super) fn with_port<'a>(
    index: &Index,
    backend: &'a BackendReference,
) -> Result<Cow<'a, BackendObjectReference>, Refusal> {
    let Some(name) = &backend.port_name else { return Ok(Cow::Borrowed(&backend.object)) };
    let namespace = backend.object.namespace.as_deref().unwrap_or_default();
    let key = ObjectKey::new(namespace, backend.object.name.as_str());
    let service = known_service(index, &key)?;
    let ports = service.spec.iter().flat_map(|spec| spec.ports.iter().flatten());
    let number = ports
        .filter(|port| port.name.as_deref() == Some(name))
        .find_map(|port| u16::try_from(port.port).ok());
    let Some(number) = number else {
        return Err(Cause::NotFound.because(format!("Service {key} has no port named {name:?}")));
    };
    Ok(Cow::Owned(BackendObjectReference { port: Some(number), ..backend.object.clone() }))
}

/// Finds what a route's backendRef names. The order is the API's: an unknown kind before all,
/// then permission, so that nobody learns what exists in a foreign namespace.
pub(super) fn resolve(
    references: References<'_>,
    known: Known<'_>,
    from: Referrer<'_>,
    reference: &BackendObjectReference,
) -> Result<UpstreamKey, Refusal> {
    resolve_for(references, known, (from, from.kind == Kind::GrpcRoute), reference)
}

/// The same, for calls of gRPC or not, whatever the route is for.
pub(super) fn resolve_for(
    references: References<'_>,
    known: Known<'_>,
    (from, is_grpc): (Referrer<'_>, bool),
    reference: &BackendObjectReference,
) -> Result<UpstreamKey, Refusal> {
    let key =
        ObjectKey::new(reference.namespace.as_deref().unwrap_or(from.namespace), reference.name.as_str());
    match Kind::find(&reference.group, &reference.kind) {
        Some(Kind::Service) => {
            let Some(port) = reference.port else {
                let message = format!("Service {key} needs a port: set backendRef.port");
                return Err(Cause::UnsupportedValue.because(message));
            };
            let protocol = from.kind.ip_protocol();
            match service_port(references, from, &key, (protocol, port)) {
                // Bytes are passed on, whatever they mean.
                Err(refusal) if refusal.cause == Cause::UnknownAppProtocol && from.kind.is_stream_route() => {}
                Ok(BackendProtocol::Http1) if is_grpc => {
                    let message = format!(
                        "port {port} of Service {key}: by its appProtocol it speaks HTTP/1.1, and gRPC needs HTTP/2: \
                         use none, \"grpc\" or \"kubernetes.io/h2c\""
                    );
                    return Err(Cause::UnsupportedProtocol.because(message));
                }
                other => drop(other?),
            }
            Ok(UpstreamKey::Service { service: key, port, protocol })
        }
        Some(kind @ Kind::Upstream) => {
            references.permit(from, kind, &key).map_err(|why| Cause::NotPermitted.because(why))?;
            if reference.port.is_some() {
                let message = format!("Upstream {key} takes no port, its targets have their own: remove it");
                return Err(Cause::UnsupportedValue.because(message));
            }
            match known.upstreams.get(&key) {
                None => Err(Cause::NotFound.because(format!("Upstream {key} does not exist"))),
                Some(upstream) if upstream.served.is_none() => {
                    let why = &upstream.accepted.message;
                    Err(Cause::UnsupportedValue.because(format!("Upstream {key} is not accepted: {why}")))
                }
                Some(upstream) => match upstream.served.iter().find_map(|served| senseless(from.kind, served)) {
                    Some(why) => Err(Cause::UnsupportedValue.because(format!("Upstream {key}: {why}"))),
                    None if from.kind == Kind::UdpRoute => Ok(UpstreamKey::UdpUpstream(key)),
                    None => Ok(UpstreamKey::Upstream(key)),
                },
            }
        }
        Some(kind @ Kind::XBackend) => {
            references.permit(from, kind, &key).map_err(|why| Cause::NotPermitted.because(why))?;
            xbackend(known.xbackends.get(&key), (from.kind, is_grpc), &key).map(|()| UpstreamKey::XBackend(key))
        }
        _ => Err(Cause::UnknownKind.because(format!(
            "kind {:?} of group {:?} is no backend: use Service (group \"\"), XBackend (group \"gateway.networking.x-k8s.io\") \
             or Upstream (group \"tidegate.dev\")",
            reference.kind, reference.group
        ))),
    }
}

/// Whether routes of a kind can use an XBackend. Its port is its own, whatever the reference says.
fn xbackend(found: Option<&XBackend>, (from, is_grpc): (Kind, bool), key: &ObjectKey) -> Result<(), Refusal> {
    let Some(found) = found else {
        return Err(Cause::NotFound.because(format!("XBackend {key} does not exist")));
    };
    if found.served.is_none() {
        let why = &found.accepted.message;
        return Err(Cause::UnsupportedValue.because(format!("XBackend {key} is not accepted: {why}")));
    }
    if from == Kind::UdpRoute {
        let message =
            format!("XBackend {key} is reached by TCP, and a UDPRoute has datagrams: use a Service");
        return Err(Cause::UnsupportedProtocol.because(message));
    }
    match found.refuses(from, is_grpc) {
        Some(why) => Err(Cause::UnsupportedProtocol.because(format!("XBackend {key}: {why}"))),
        None => Ok(()),
    }
}

/// What of an Upstream a route that passes bytes on cannot do.
fn senseless(route: Kind, upstream: &model::Upstream) -> Option<String> {
    upstream.entries.iter().filter(|_| route.is_stream_route()).find_map(|entry| {
        let is_url = matches!(entry.source, EntrySource::Address(_) | EntrySource::Dns { .. });
        let (why, instead) = if !entry.base_path.is_empty() {
            ("has a path in its url, and what is passed on has none", "http://HOST:PORT")
        } else if route == Kind::UdpRoute && is_url && entry.tls.is_some() {
            ("has an https url, and datagrams stay as they are", "http://HOST:PORT")
        } else if route == Kind::UdpRoute && !is_url {
            ("has a serviceRef, which stands for a port of TCP", "the Service itself as backendRef")
        } else {
            return None;
        };
        Some(format!("target {:?} {why}: use {instead}", entry.name))
    })
}

/// Finds a Service's port and what is spoken there.
pub(super) fn service_port(
    references: References<'_>,
    from: Referrer<'_>,
    key: &ObjectKey,
    port: Port,
) -> Result<BackendProtocol, Refusal> {
    references.permit(from, Kind::Service, key).map_err(|why| Cause::NotPermitted.because(why))?;
    known_port(references.index, key, port)
}

fn known_service<'a>(index: &'a Index, key: &ObjectKey) -> Result<&'a Arc<Service>, Refusal> {
    index.get::<Service>(key).ok_or_else(|| {
        let id = ObjectId { kind: Kind::Service, key: key.clone() };
        Cause::NotFound.because(match index.why_broken(&id) {
            Some(broken) => format!("Service {key} cannot be read: {}", broken.message()),
            None => format!("Service {key} does not exist"),
        })
    })
}

fn known_port(index: &Index, key: &ObjectKey, port: Port) -> Result<BackendProtocol, Refusal> {
    let service = known_service(index, key)?;
    if convert::is_external_name(service) {
        let message = format!(
            "Service {key} is an ExternalName, which can be pointed anywhere (CVE-2021-25740): \
             use an Upstream with a url"
        );
        return Err(Cause::UnsupportedValue.because(message));
    }
    let (protocol, port) = port;
    let endpoints = EndpointsKey { service: key.clone(), port, protocol };
    let Some(port) = index.service_port(&endpoints) else {
        return Err(Cause::NotFound.because(format!("Service {key} has no port {port}")));
    };
    let spoken = convert::backend_protocol(port, protocol).map_err(|error| {
        let message = format!("port {} of Service {key}: {error}", port.port);
        match error {
            InvalidServicePort::Transport(_) | InvalidServicePort::NotUdp(_) => {
                Cause::UnsupportedProtocol.because(message)
            }
            InvalidServicePort::AppProtocol(_) => Cause::UnknownAppProtocol.because(message),
        }
    })?;
    // Of datagrams nothing is looked at, and nothing is put around them.
    if protocol.is_tcp()
        && convert::wants_tls(port)
        && backend_tls::in_force(index, key, endpoints.port).is_none()
    {
        let message = format!(
            "port {} of Service {key}: its appProtocol is {:?}, and no BackendTLSPolicy says which certificate \
             is right there: attach one to the Service",
            port.port,
            port.app_protocol.as_deref().unwrap_or_default()
        );
        return Err(Cause::UnsupportedProtocol.because(message));
    }
    Ok(spoken)
}

/// What policies say of backends.
#[derive(Clone, Copy)]
pub(super) struct BackendPolicies<'a> {
    pub(super) tls: &'a BackendTlsPolicies,
    pub(super) traffic: &'a BackendTrafficPolicies,
}

/// A Service's port as the data plane is told; none if it cannot take requests. Whether
/// somebody may refer to it is not asked here: that is between the two of them.
pub(super) fn service_upstream(
    index: &Index,
    policies: BackendPolicies<'_>,
    service: &ObjectKey,
    port: Port,
) -> Option<model::Upstream> {
    let spoken = match known_port(index, service, port) {
        Ok(spoken) => spoken,
        // Only routes whose bytes are passed on refer to it.
        Err(refusal) if refusal.cause == Cause::UnknownAppProtocol => BackendProtocol::Http,
        Err(_) => return None,
    };
    let (source, tls) = service_source(index, policies.tls, service, port);
    let id = ObjectId { kind: Kind::Service, key: service.clone() };
    let (protocol, port) = port;
    Some(model::Upstream {
        key: UpstreamKey::Service { service: service.clone(), port, protocol },
        entries: vec![Entry {
            name: port.to_string().into(),
            weight: 1,
            source,
            protocol: spoken,
            tls,
            base_path: "".into(),
            retry_budgets: policies.traffic.budgets(index, &[id]),
        }],
        retries: None,
    })
}

/// The endpoints of a Service's port, and how they are spoken to. A policy that cannot be honoured
/// closes them: its owner wants TLS.
pub(super) fn service_source(
    index: &Index,
    policies: &BackendTlsPolicies,
    service: &ObjectKey,
    port: Port,
) -> (EntrySource, Option<OriginateTls>) {
    let (protocol, port) = port;
    let endpoints = EntrySource::Endpoints(EndpointsKey { service: service.clone(), port, protocol });
    if protocol == IpProtocol::Udp {
        // TLS goes over TCP: no policy is about this port.
        return (endpoints, None);
    }
    match policies.of_port(index, service, port) {
        Securing::Plain => (endpoints, None),
        Securing::Tls(tls) => (endpoints, Some(tls)),
        Securing::Closed => (EntrySource::Closed(Reason::InvalidBackendTls), None),
    }
}
