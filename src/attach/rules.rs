//! The rules of a route: what becomes of each, and where its references lead.

use super::backends::{Known, Refusal, resolve, resolve_for, with_port};
use super::grants::{References, Referrer};
use super::list_problems;
use super::route::Context;
use super::verdict::{RouteAccepted, RoutePartiallyInvalid, RouteResolvedRefs, Verdict};
use crate::api::ObjectId;
use crate::api::gateway::BackendObjectReference;
use crate::convert::{AuthReference, BackendReference, HttpRule, MirrorReference, Standing};
use crate::model::{
    AuthProtocol, Backend, BackendTarget, ExternalAuth, Filters, Mirror, Reason, Rule, SessionPersistence,
    UpstreamKey,
};

/// The rules of a route, sorted by what became of them.
#[derive(Default)]
pub(super) struct Rules {
    pub(super) served: Vec<Rule>,
    pub(super) references: Vec<Vec<BackendObjectReference>>,
    refusals: Vec<(String, Refusal)>,
    bad: Vec<String>,
    good: usize,
    incompatible: bool,
}

pub(super) fn judge(context: &Context<'_>, route: &ObjectId, converted: &[HttpRule]) -> Rules {
    let mut rules = Rules::default();
    for (index, rule) in converted.iter().enumerate() {
        let (filters, backends, references) = match &rule.standing {
            Standing::Dropped(error) => {
                rules.bad.push(format!("{}: {error}", rule.title(index)));
                continue;
            }
            Standing::Closed { problems, incompatible } => {
                rules.incompatible |= incompatible;
                let message = list_problems(problems);
                rules.bad.push(format!("{}: {message}", rule.title(index)));
                (Filters::default(), vec![closed(index)], Vec::new())
            }
            Standing::Good => {
                rules.good += 1;
                let backends = rule.backends.iter();
                let backends = backends.map(|backend| {
                    let backend = one_backend(context, route, backend, &mut rules.refusals);
                    let session = rule.session.clone().or_else(|| session(context, route, &backend.target));
                    Backend { session, ..backend }
                });
                let backends = backends.collect();
                let references = rule.backends.iter().map(|backend| backend.object.clone());
                let filters = with_mirrors(context, route, &rule.filters, &rule.mirrors, &mut rules.refusals);
                let auth = rule.auth.as_ref();
                let from = Referrer { kind: route.kind, namespace: &route.key.namespace };
                let auth = auth.map(|auth| {
                    external_auth(context.references, context.known, from, auth, &mut rules.refusals)
                });
                let filters = Filters { auth, ..filters };
                (filters, backends, references.collect())
            }
        };
        rules.served.push(Rule {
            key: rule.key.clone(),
            host: rule.host.clone(),
            matches: rule.matches.clone(),
            filters,
            backends,
            timeouts: rule.timeouts,
            retry: rule.retry.clone(),
        });
        rules.references.push(references);
    }
    rules
}

/// Stands for a rule of which it is known what requests it is about, but not what to do.
fn closed(index: usize) -> Backend {
    let reference = format!("spec.rules[{index}].filters").into();
    let target = BackendTarget::Broken { reason: Reason::InvalidFilter, reference };
    Backend { weight: 1, target, filters: Filters::default(), session: None }
}

fn one_backend(
    context: &Context<'_>,
    route: &ObjectId,
    backend: &BackendReference,
    refusals: &mut Vec<(String, Refusal)>,
) -> Backend {
    let from = Referrer { kind: route.kind, namespace: &route.key.namespace };
    let resolved = with_port(context.references.index, backend)
        .and_then(|object| resolve(context.references, context.known, from, &object));
    let target = target(resolved, &backend.object, &backend.field, refusals);
    let filters = with_mirrors(context, route, &backend.filters, &backend.mirrors, refusals);
    let auth = backend.auth.as_ref();
    let auth = auth.map(|auth| external_auth(context.references, context.known, from, auth, refusals));
    let filters = Filters { auth, ..filters };
    Backend { weight: backend.weight, target, filters, session: None }
}

/// How sessions with a backend are held together where the rule does not say it.
fn session(context: &Context<'_>, route: &ObjectId, target: &BackendTarget) -> Option<SessionPersistence> {
    match target {
        BackendTarget::Upstream(upstream) if !route.kind.is_stream_route() => {
            let own = match upstream {
                UpstreamKey::XBackend(key) => context.known.xbackends.get(key)?.session.clone(),
                _ => None,
            };
            own.or_else(|| context.traffic.session(context.references.index, upstream))
        }
        _ => None,
    }
}

/// Where a reference leads. What depends on one that leads nowhere is answered with its reason.
fn target(
    resolved: Result<UpstreamKey, Refusal>,
    object: &BackendObjectReference,
    field: &str,
    refusals: &mut Vec<(String, Refusal)>,
) -> BackendTarget {
    match resolved {
        Ok(upstream) => BackendTarget::Upstream(upstream),
        Err(refusal) => {
            let reference = title(object).into();
            let reason = refusal.cause.in_traffic();
            refusals.push((field.to_owned(), refusal));
            BackendTarget::Broken { reason, reference }
        }
    }
}

/// The filter with its service. One that leads nowhere lets no request go on.
pub(super) fn external_auth(
    references: References<'_>,
    known: Known<'_>,
    from: Referrer<'_>,
    auth: &AuthReference,
    refusals: &mut Vec<(String, Refusal)>,
) -> ExternalAuth {
    let is_grpc = matches!(auth.protocol, AuthProtocol::Grpc { .. });
    let resolved = resolve_for(references, known, (from, is_grpc), &auth.object);
    ExternalAuth {
        target: target(resolved, &auth.object, &auth.field, refusals),
        protocol: auth.protocol.clone(),
        max_body: auth.max_body,
        edited: auth.edited,
        rewritten: auth.rewritten,
    }
}

/// The filters with those of the mirrors that lead somewhere. One that does not is left out, as the
/// API says; the requests themselves are none the worse for it.
fn with_mirrors(
    context: &Context<'_>,
    route: &ObjectId,
    filters: &Filters,
    mirrors: &[MirrorReference],
    refusals: &mut Vec<(String, Refusal)>,
) -> Filters {
    let from = Referrer { kind: route.kind, namespace: &route.key.namespace };
    let mut filters = filters.clone();
    for mirror in mirrors {
        match resolve(context.references, context.known, from, &mirror.object) {
            Ok(upstream) => filters.mirrors.push(Mirror {
                upstream,
                numerator: mirror.numerator,
                denominator: mirror.denominator,
                edited: mirror.edited,
                rewritten: mirror.rewritten,
            }),
            Err(refusal) => refusals.push((mirror.field.clone(), refusal)),
        }
    }
    filters
}

/// The reference as the access log names it.
fn title(object: &BackendObjectReference) -> String {
    let namespace = object.namespace.as_deref().unwrap_or_default();
    let port = object.port.map(|port| format!(":{port}")).unwrap_or_default();
    format!("{} {namespace}/{}{port}", object.kind, object.name)
}

impl Rules {
    pub(super) fn wholly_bad(&self) -> Option<Verdict<RouteAccepted>> {
        let reason = if self.incompatible {
            RouteAccepted::IncompatibleFilters
        } else {
            RouteAccepted::UnsupportedValue
        };
        let message = || format!("no rule can be served: rule {}", list_problems(&self.bad));
        (self.good == 0 && !self.bad.is_empty()).then(|| Verdict::new(reason, message()))
    }

    /// "The message for this condition MUST start with the prefix "Dropped Rule"".
    pub(super) fn partially_bad(&self) -> Option<Verdict<RoutePartiallyInvalid>> {
        let reason = if self.incompatible {
            RoutePartiallyInvalid::IncompatibleFilters
        } else {
            RoutePartiallyInvalid::UnsupportedValue
        };
        let message = || format!("Dropped Rule {}", list_problems(&self.bad));
        (self.good > 0 && !self.bad.is_empty()).then(|| Verdict::new(reason, message()))
    }

    pub(super) fn resolved_refs(&self) -> Verdict<RouteResolvedRefs> {
        let Some((_, first)) = self.refusals.first() else {
            return Verdict::good(RouteResolvedRefs::ResolvedRefs);
        };
        let refusals = self.refusals.iter();
        let messages: Vec<_> =
            refusals.map(|(field, refusal)| format!("{field}: {}", refusal.message)).collect();
        Verdict::new(first.cause.on_route(), list_problems(&messages))
    }
}
