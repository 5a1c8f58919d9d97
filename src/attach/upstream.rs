//! Upstreams.

use super::backends::{BackendPolicies, service_port, service_source};
use super::grants::{References, Referrer};
use super::list_problems;
use super::run::Head;
use super::verdict::{UpstreamAccepted, UpstreamResolvedRefs, Verdict};
use crate::api::{Kind, ObjectId, upstream};
use crate::convert::{self, Host, Target, UpstreamTarget};
use crate::model::{self, BackendProtocol, Entry, EntrySource, IpProtocol, ObjectKey, UpstreamKey};

/// An Upstream with all that was found of it.
#[derive(Clone, Debug, PartialEq)]
pub struct Upstream {
    /// Which state of the object this is about.
    pub head: Head,
    /// Whether it can be used.
    pub accepted: Verdict<UpstreamAccepted>,
    /// Whether its references lead somewhere.
    pub resolved_refs: Verdict<UpstreamResolvedRefs>,
    /// As the data plane is told, if a route uses it; none if it is not accepted.
    pub served: Option<model::Upstream>,
}

/// Looks at an Upstream; none if it is gone.
pub(super) fn judge(
    references: References<'_>,
    policies: BackendPolicies<'_>,
    key: &ObjectKey,
) -> Option<Upstream> {
    let index = references.index;
    let resolved_refs = Verdict::good(UpstreamResolvedRefs::ResolvedRefs);
    let bad = |head, message| {
        let accepted = Verdict::new(UpstreamAccepted::Invalid, message);
        Some(Upstream { head, accepted, resolved_refs, served: None })
    };
    let Some(wire) = index.get::<upstream::Upstream>(key) else {
        let broken = index.why_broken(&ObjectId { kind: Kind::Upstream, key: key.clone() })?;
        return bad(Head::of_broken(broken), broken.message());
    };
    let head = Head::of(&wire.metadata);
    let converted = match convert::upstream(wire) {
        Ok(converted) => converted,
        Err(errors) => {
            let errors: Vec<_> = errors.iter().map(ToString::to_string).collect();
            return bad(head, list_problems(&errors));
        }
    };
    let mut problems = Vec::new();
    let targets = converted.targets.iter();
    let entries: Vec<_> =
        targets.map(|target| entry(references, policies, key, target, &mut problems)).collect();
    let accepted = if entries.iter().all(|entry| entry.weight == 0) {
        let message = "spec.targets: every weight is 0, so every request is answered with an error";
        Verdict::new(UpstreamAccepted::NoWeight, message)
    } else {
        Verdict::good(UpstreamAccepted::Accepted)
    };
    let served =
        model::Upstream { key: UpstreamKey::Upstream(key.clone()), entries, retries: converted.retries };
    Some(Upstream { head, accepted, resolved_refs: resolved(&problems), served: Some(served) })
}

fn resolved(problems: &[(UpstreamResolvedRefs, String)]) -> Verdict<UpstreamResolvedRefs> {
    match problems.first() {
        None => Verdict::good(UpstreamResolvedRefs::ResolvedRefs),
        Some((reason, _)) => {
            let messages: Vec<_> = problems.iter().map(|(_, message)| message.clone()).collect();
            Verdict::new(*reason, list_problems(&messages))
        }
    }
}

fn entry(
    references: References<'_>,
    policies: BackendPolicies<'_>,
    key: &ObjectKey,
    target: &UpstreamTarget,
    problems: &mut Vec<(UpstreamResolvedRefs, String)>,
) -> Entry {
    let mut backends = vec![ObjectId { kind: Kind::Upstream, key: key.clone() }];
    let (source, protocol, tls, base_path) = match &target.target {
        Target::Url { host, tls, protocol, base_path } => {
            let source = match host {
                Host::Name(host, port) => EntrySource::Dns { host: host.clone(), port: *port },
                Host::Address(address) => {
                    if !references.options.targets.permits(*address) {
                        let message = format!(
                            "{}.url: {address} must not be connected to (unspecified, multicast, link-local, \
                             loopback, or a listener of this gateway)",
                            target.field
                        );
                        problems.push((UpstreamResolvedRefs::ForbiddenTarget, message));
                    }
                    // The data plane judges again, and answers with the reason.
                    EntrySource::Address(*address)
                }
            };
            (source, *protocol, tls.clone(), base_path.clone())
        }
        Target::Service(reference) => {
            let namespace = reference.namespace.as_deref().unwrap_or(&key.namespace);
            let service = ObjectKey::new(namespace, reference.name.as_str());
            let from = Referrer { kind: Kind::Upstream, namespace: &key.namespace };
            let port = (IpProtocol::Tcp, reference.port);
            match service_port(references, from, &service, port) {
                Ok(protocol) => {
                    backends.insert(0, ObjectId { kind: Kind::Service, key: service.clone() });
                    let (source, tls) = service_source(references.index, policies.tls, &service, port);
                    (source, protocol, tls, "".into())
                }
                Err(refusal) => {
                    let message = format!("{}.serviceRef: {}", target.field, refusal.message);
                    problems.push((refusal.cause.on_upstream(), message));
                    (EntrySource::Broken, BackendProtocol::Http, None, "".into())
                }
            }
        }
    };
    Entry {
        name: target.name.clone(),
        weight: target.weight,
        source,
        protocol,
        tls,
        base_path,
        retry_budgets: policies.traffic.budgets(references.index, &backends),
    }
}
