//! XTelemetryPolicies: what Gateways tell of their requests, and to whom.

use super::backends::{Known, Refusal, resolve};
use super::grants::{References, Referrer};
use super::policies::{self, Attachable, Judged, Policies, Standing, Target};
use super::run::Head;
use super::verdict::{NotHonoured, PolicyAccepted, TelemetryResolvedRefs, Verdict};
use super::{list_problems, not_honoured};
use crate::api::gateway::XTelemetryPolicy;
use crate::api::{Kind, ObjectId};
use crate::convert::{self, unsupported};
use crate::index::{Dependency, Index};
use crate::model::{self, BackendProtocol, Entry, EntrySource, ObjectKey, OtlpProtocol, UpstreamKey};
use std::collections::BTreeSet;
use std::sync::Arc;

const KIND: Kind = Kind::XTelemetryPolicy;

/// The port that collectors listen on for OTLP/gRPC.
const GRPC_PORT: u16 = 4317;

/// All of them; what each asks for is none if no traces are wanted, or if they lead nowhere.
pub(super) type TelemetryPolicies = Policies<Option<Traces>>;

/// What a Gateway is to do, but for what hangs on the Gateway.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Traces {
    converted: Arc<convert::Tracing>,
    collector: UpstreamKey,
    protocol: OtlpProtocol,
    authority: Arc<str>,
}

/// What the verdicts rest on.
#[derive(Clone, Copy)]
pub(super) struct Context<'a> {
    pub(super) references: References<'a>,
    pub(super) known: Known<'a>,
}

impl TelemetryPolicies {
    /// What a Gateway does, and by which policy.
    pub(super) fn of_gateway(
        &self,
        index: &Index,
        gateway: &ObjectKey,
    ) -> Option<(ObjectKey, model::Tracing)> {
        let id = ObjectId { kind: Kind::Gateway, key: gateway.clone() };
        let policy = policies::first(index, KIND, &id, None)?;
        let traces = self.wanted(&policy)?.as_ref().ok()?.as_ref()?;
        let converted = &traces.converted;
        let tracing = model::Tracing {
            gateway: gateway.clone(),
            collector: traces.collector.clone(),
            protocol: traces.protocol,
            authority: traces.authority.clone(),
            headers: converted.headers.clone(),
            sampling: converted.sampling,
            parent_sampling: converted.parent_sampling,
            service_name: converted.service_name.clone().unwrap_or_else(|| gateway.name.clone()),
            span_name: converted.span_name.clone(),
            attributes: converted.attributes.clone(),
        };
        Some((policy, tracing))
    }
}

impl Attachable for Option<Traces> {
    const KIND: Kind = KIND;
    const NOWHERE: &'static str = "no target of it is a Gateway of this controller";

    fn fits(index: &Index, target: &Target) -> Standing {
        let Target { field, section, .. } = target;
        let not = |reason, message: String| Err(Verdict::new(reason, format!("{field}: {message}")));
        match &target.object {
            Some(object) if object.kind == Kind::Gateway && section.is_none() => {
                match policies::missing(index, object).filter(|_| index.why_broken(object).is_none()) {
                    Some(missing) => not(PolicyAccepted::TargetNotFound, missing),
                    None => Ok(None),
                }
            }
            _ => {
                let message = format!(
                    "{} takes no {KIND}: use a Gateway (group \"gateway.networking.k8s.io\")",
                    target.kind
                );
                not(PolicyAccepted::Invalid, message)
            }
        }
    }
}

/// The policies to look at again because of objects that changed.
pub(super) fn concerned(index: &Index, objects: impl Iterator<Item = ObjectId>) -> BTreeSet<ObjectKey> {
    let each = objects.flat_map(|id| index.referrers_of_kind(&Dependency::Object(id), KIND));
    each.map(|policy| policy.key.clone()).collect()
}

/// Looks at a policy by itself; none if it is gone.
pub(super) fn judge(context: Context<'_>, key: &ObjectKey) -> Option<Judged<Option<Traces>>> {
    let index = context.references.index;
    let id = ObjectId { kind: KIND, key: key.clone() };
    let targets = policies::attached(index, &id)?.targets;
    let mut resolved_refs = Verdict::good(TelemetryResolvedRefs::ResolvedRefs);
    let invalid = |message: String| Err(Verdict::new(PolicyAccepted::Invalid, message));
    let Some(wire) = index.get::<XTelemetryPolicy>(key) else {
        let broken = index.why_broken(&id)?;
        return Some(Judged {
            head: Head::of_broken(broken),
            targets,
            wanted: invalid(broken.message()),
            resolved_refs: Some(resolved_refs.condition()),
            not_honoured: None,
            waits: false,
        });
    };
    let mut unknown = None;
    let wanted = match wire.spec.tracing.as_ref().map_or(Ok(None), convert::tracing) {
        Err(errors) => {
            let errors: Vec<_> = errors.iter().map(ToString::to_string).collect();
            invalid(list_problems(&errors))
        }
        Ok(None) => Ok(None),
        Ok(Some(converted)) => {
            unknown = unknown_keys(&converted.unknown);
            let traces = find_collector(context, key, converted).map_err(|refusal| {
                let message = format!("spec.tracing.provider.backendRef: {}", refusal.message);
                resolved_refs = Verdict::new(refusal.cause.on_telemetry(), message);
            });
            Ok(traces.ok())
        }
    };
    let found = unsupported::find(KIND, &**wire);
    Some(Judged {
        head: Head::of(&wire.metadata),
        targets,
        wanted,
        resolved_refs: Some(resolved_refs.condition()),
        not_honoured: unknown.or_else(|| not_honoured(found.iter())),
        waits: false,
    })
}

fn unknown_keys(unknown: &[(String, Arc<str>)]) -> Option<Verdict<NotHonoured>> {
    let told: Vec<_> = unknown
        .iter()
        .map(|(field, key)| format!("{field} ({key:?} is not known of a request: spans are without it)"))
        .collect();
    let message = format!("accepted and not honoured: {}", list_problems(&told));
    (!told.is_empty()).then(|| Verdict::new(NotHonoured::UnsupportedValue, message))
}

/// Where the collector is, and what it speaks.
fn find_collector(
    context: Context<'_>,
    key: &ObjectKey,
    converted: convert::Tracing,
) -> Result<Traces, Refusal> {
    let from = Referrer { kind: KIND, namespace: &key.namespace };
    let collector = resolve(context.references, context.known, from, &converted.backend)?;
    let (protocol, authority) = match &collector {
        UpstreamKey::Service { service, port, .. } => {
            let protocol = protocol_of_service(context.references.index, &collector, *port);
            (protocol, format!("{}.{}.svc:{port}", service.name, service.namespace))
        }
        UpstreamKey::Upstream(object) | UpstreamKey::UdpUpstream(object) | UpstreamKey::XBackend(object) => {
            let Known { upstreams, xbackends } = context.known;
            let served = match &collector {
                UpstreamKey::XBackend(_) => xbackends.get(object).and_then(|found| found.served.as_ref()),
                _ => upstreams.get(object).and_then(|found| found.served.as_ref()),
            };
            let first = served.and_then(|served| served.entries.first());
            let protocol = first.map_or(OtlpProtocol::Http, protocol_of_entry);
            (protocol, first.map(authority).unwrap_or_else(|| object.name.to_string()))
        }
    };
    Ok(Traces { converted: Arc::new(converted), collector, protocol, authority: authority.into() })
}

/// What the port's `appProtocol` says, else a part of its name, else its number.
fn protocol_of_service(index: &Index, collector: &UpstreamKey, port: u16) -> OtlpProtocol {
    let UpstreamKey::Service { service, protocol, .. } = collector else { return OtlpProtocol::Http };
    let endpoints = model::EndpointsKey { service: service.clone(), port, protocol: *protocol };
    let wire = index.service_port(&endpoints);
    let said = |text: Option<&str>| text.and_then(protocol_by_name);
    said(wire.and_then(|wire| wire.app_protocol.as_deref()))
        .or_else(|| said(wire.and_then(|wire| wire.name.as_deref())))
        .unwrap_or_else(|| protocol_by_port(port))
}

/// Of a name such as `otlp-grpc` or `kubernetes.io/h2c`.
fn protocol_by_name(name: &str) -> Option<OtlpProtocol> {
    let parts = || name.split(['-', '/']);
    if parts().any(|part| matches!(part, "grpc" | "h2c")) {
        return Some(OtlpProtocol::Grpc);
    }
    parts().any(|part| matches!(part, "http" | "ws")).then_some(OtlpProtocol::Http)
}

fn protocol_by_port(port: u16) -> OtlpProtocol {
    if port == GRPC_PORT { OtlpProtocol::Grpc } else { OtlpProtocol::Http }
}

fn protocol_of_entry(entry: &Entry) -> OtlpProtocol {
    match (entry.protocol, &entry.source) {
        (BackendProtocol::H2c, _) => OtlpProtocol::Grpc,
        (_, EntrySource::Dns { port, .. }) => protocol_by_port(*port),
        (_, EntrySource::Address(address)) => protocol_by_port(address.port()),
        (_, EntrySource::Endpoints(key)) => protocol_by_port(key.port),
        (_, EntrySource::Broken | EntrySource::Closed(_)) => OtlpProtocol::Http,
    }
}

fn authority(entry: &Entry) -> String {
    match &entry.source {
        // Without the dot that ends the name of an XBackend.
        EntrySource::Dns { host, port } => format!("{}:{port}", host.trim_end_matches('.')),
        EntrySource::Address(address) => address.to_string(),
        EntrySource::Endpoints(key) => {
            format!("{}.{}.svc:{}", key.service.name, key.service.namespace, key.port)
        }
        EntrySource::Broken | EntrySource::Closed(_) => entry.name.to_string(),
    }
}

#[cfg(test)]
mod tests;
