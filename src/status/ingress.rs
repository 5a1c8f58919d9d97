//! What is wanted of the statuses of Ingresses and IngressClasses. Neither has conditions: what there
//! is to say of them is told in other ways.

use super::merge::{Merged, Status};
use super::wanted::{Body, Progress, Wanted, gateway as gateway_wanted};
use crate::api::Kind;
use crate::api::ObjectId;
use crate::api::ingress::{IngressLoadBalancerIngress, IngressLoadBalancerStatus, IngressStatus};
use crate::attach::verdict::{Condition, GatewayAccepted, GatewayProgrammed, Reason, RouteAccepted, Verdict};
use crate::attach::{Gateway, Route};
use crate::infra::Address;
use crate::model::ObjectKey;

/// Of an Ingress that the Gateway of its class serves, or none that is this controller's.
pub fn ingress(id: &ObjectId, route: &Route, gateway: Option<&Gateway>) -> Wanted {
    let mut conditions = Vec::new();
    let refused = gateway.filter(|gateway| !gateway.accepted.holds());
    for parent in &route.parents {
        let accepted = match refused {
            Some(gateway) => {
                let why = format!("IngressClass {}: {}", parent.reference.name, gateway.accepted.message);
                Verdict::new(RouteAccepted::NoMatchingParent, why)
            }
            None => parent.accepted.clone(),
        };
        conditions.extend([accepted.condition(), route.resolved_refs.condition()]);
        if parent.accepted.holds() {
            conditions.extend(route.partially_invalid.as_ref().map(Verdict::condition));
        }
        conditions.extend(route.not_honoured.as_ref().map(Verdict::condition));
    }
    if let Some(part) = &route.ingress {
        conditions.extend(part.certificates.as_ref().map(Verdict::condition));
        conditions.extend(part.conflicted.as_ref().map(Verdict::condition));
    }
    let body = match (route.parents.is_empty(), gateway) {
        (true, _) => Body::Unwritten,
        (false, gateway) => {
            let accepted = gateway.filter(|gateway| gateway.accepted.holds());
            let addresses = accepted
                .map(|gateway| gateway.reached.assigned.iter().map(|one| one.address.clone()).collect());
            Body::Ingress { conditions, addresses: addresses.unwrap_or_default() }
        }
    };
    let mut wanted = Wanted::new(id.kind, &id.key, &route.head, body);
    wanted.notes.clone_from(&route.notes);
    wanted
}

/// Of an Ingress that was this controller's with these addresses, and is no longer.
pub fn ingress_left(wanted: Wanted, addresses: Vec<Address>) -> Wanted {
    Wanted { body: Body::IngressLeft { addresses }, ..wanted }
}

/// Of an IngressClass that has Ingresses: what there is to say of its Gateway.
pub fn ingress_class(key: &ObjectKey, gateway: &Gateway, progress: Progress<'_>) -> Wanted {
    let whole = gateway_wanted(key, gateway, |_| 0, progress);
    let told =
        |condition: &&Condition| [GatewayAccepted::TYPE, GatewayProgrammed::TYPE].contains(&condition.type_);
    // What is wrong with a certificate is told to its Ingress.
    let conditions = match &whole.body {
        Body::Gateway { conditions, .. } => conditions.iter().filter(told).cloned().collect(),
        _ => Vec::new(),
    };
    let mut conditions: Vec<_> = conditions;
    conditions.extend(gateway.not_honoured.as_ref().map(Verdict::condition));
    Wanted::new(Kind::IngressClass, key, &gateway.head, Body::Told(conditions))
}

/// The addresses in place of those that are there. What else is said of one that stays is left as it
/// is; and nothing changes if it is the same ones.
pub(super) fn merge(addresses: &[Address], newest: Option<&IngressStatus>) -> Merged {
    let live = points(newest);
    let wanted: Vec<_> = addresses
        .iter()
        .map(|address| {
            let known = live.iter().find(|known| is(known, address)).cloned();
            known.unwrap_or_else(|| match address {
                Address::Ip(ip) => {
                    IngressLoadBalancerIngress { ip: Some(ip.to_string()), ..Default::default() }
                }
                Address::Hostname(name) => {
                    IngressLoadBalancerIngress { hostname: Some(name.clone()), ..Default::default() }
                }
            })
        })
        .collect();
    let changed = wanted != live;
    let status = match newest.filter(|_| !changed) {
        Some(newest) => newest.clone(),
        None => IngressStatus { load_balancer: Some(IngressLoadBalancerStatus { ingress: Some(wanted) }) },
    };
    Merged { status: Status::Ingress(status), changed, left_out: Vec::new() }
}

/// Nothing in place of these addresses. If others are there, somebody else wrote them.
pub(super) fn leave(addresses: &[Address], newest: Option<&IngressStatus>) -> Merged {
    let live = points(newest);
    let is_own = live.len() == addresses.len()
        && live.iter().zip(addresses).all(|(known, address)| is(known, address));
    match newest {
        Some(newest) if !is_own => {
            Merged { status: Status::Ingress(newest.clone()), changed: false, left_out: Vec::new() }
        }
        newest => merge(&[], newest),
    }
}

fn points(status: Option<&IngressStatus>) -> &[IngressLoadBalancerIngress] {
    let balancer = status.and_then(|status| status.load_balancer.as_ref());
    balancer.and_then(|balancer| balancer.ingress.as_deref()).unwrap_or_default()
}

fn is(known: &IngressLoadBalancerIngress, address: &Address) -> bool {
    match address {
        Address::Ip(ip) => known.ip.as_deref().and_then(|text| text.parse().ok()) == Some(*ip),
        Address::Hostname(name) => known.ip.is_none() && known.hostname.as_ref() == Some(name),
    }
}

#[cfg(test)]
mod tests;
