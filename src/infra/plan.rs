//! All that is to be there for all Gateways and XBackends.

use super::objects::{self, Home, Owned};
use super::ports::{Allocation, Claim};
use super::selection::Selection;
use crate::api::gateway::Gateway;
use crate::api::{ObjectMeta, Service};
use crate::convert::ServiceSettings;
use k8s_openapi::api::core::v1::ServiceAccount;
use std::collections::{BTreeMap, BTreeSet};
use std::hash::{DefaultHasher, Hash, Hasher};
use std::net::IpAddr;
use std::sync::Arc;

/// Holds what an object was made from, so that one that is as wanted is not written again.
const APPLIED: &str = "tidegate.dev/applied";

/// A Gateway of this controller, as far as it matters here.
#[derive(Clone, Debug)]
pub struct Member<'a> {
    /// The object.
    pub gateway: &'a Gateway,
    /// `metadata.uid` of its GatewayClass.
    pub class_uid: Option<&'a str>,
    /// Whether it is accepted. While it is not, what was made for it stays as it is.
    pub accepted: bool,
    /// The ports that it needs, or had when it was accepted.
    pub claims: &'a BTreeSet<Claim>,
    /// Its creation time, in seconds since 1970.
    pub created: i64,
    /// The address that it asks for.
    pub address: Option<IpAddr>,
    /// The ClusterIPs that it asks for.
    pub cluster_ips: &'a [IpAddr],
    /// How many ClusterIPs it asks for, these among them.
    pub cluster_count: usize,
    /// How many of the default behaviour it asks for.
    pub usual_count: usize,
    /// Whether it is to be reached from inside of the cluster only.
    pub internal: bool,
    /// Whether clients reach it by ports of the nodes, without its Service.
    pub by_host: bool,
    /// How its Service is to be.
    pub settings: &'a ServiceSettings,
}

/// What is to be there, and what is.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Plan {
    /// Every port that is needed, with the creation time of its Gateway.
    pub claims: BTreeMap<Claim, i64>,
    /// One for each Gateway with ports.
    pub services: Vec<Service>,
    /// One for each Gateway.
    pub accounts: Vec<ServiceAccount>,
    /// Services that are there and were made for a Gateway, as they are.
    pub existing: BTreeMap<String, Arc<Service>>,
    /// What XBackends need.
    pub selections: Vec<Selection>,
    /// The uids of all Gateways: what was made for another may go.
    gateways: BTreeSet<String>,
}

/// Puts together what all Gateways need. `services` are those in Tidegate's own namespace.
pub fn plan<'a>(
    home: &Home,
    allocation: &Allocation,
    members: impl Iterator<Item = Member<'a>>,
    services: impl Iterator<Item = &'a Arc<Service>>,
) -> Plan {
    let own = services.filter(|service| Owned::of(&service.metadata, home).is_some());
    let existing = own.filter_map(|service| Some((service.metadata.name.clone()?, service.clone())));
    let mut plan = Plan { existing: existing.collect(), ..Plan::default() };
    for member in members {
        let Member { gateway, claims, created, .. } = member;
        let Some(uid) = gateway.metadata.uid.clone() else { continue };
        plan.gateways.insert(uid);
        plan.claims.extend(claims.iter().map(|claim| (claim.clone(), created)));
        if let Some(class_uid) = member.class_uid {
            plan.accounts.push(marked(objects::service_account(home, gateway, class_uid)));
        }
        let ports: BTreeMap<_, _> =
            claims.iter().filter_map(|claim| Some((claim.clone(), allocation.port(claim)?))).collect();
        if member.accepted && !ports.is_empty() {
            let mut service = marked(objects::service(home, &member, &ports));
            // They are for its beginning: nothing changes them later, so the mark is without them.
            if !service.metadata.name.as_ref().is_some_and(|name| plan.existing.contains_key(name)) {
                objects::set_cluster_ips(&mut service, &member);
            }
            plan.services.push(service);
        }
    }
    plan
}

impl Plan {
    /// Whether a Service that is there is as this one of the plan.
    pub fn is_there(&self, wanted: &Service) -> bool {
        let there = wanted.metadata.name.as_ref().and_then(|name| self.existing.get(name));
        there.is_some_and(|there| mark(&**there) == mark(wanted) && leads_alike(there, wanted))
    }

    /// Whether an object was made for a Gateway that is gone.
    pub fn is_orphan(&self, home: &Home, metadata: &ObjectMeta) -> bool {
        Owned::of(metadata, home).is_some_and(|owned| !self.gateways.contains(&owned.gateway_uid))
    }
}

/// What an object was made from, if it says so.
pub fn mark<T: kube::ResourceExt>(object: &T) -> Option<&str> {
    object.annotations().get(APPLIED).map(String::as_str)
}

pub(super) fn marked<T: kube::ResourceExt + serde::Serialize>(mut object: T) -> T {
    let mut hasher = DefaultHasher::new();
    // Plain data with text keys, which always serialize.
    serde_json::to_string(&object).unwrap_or_default().hash(&mut hasher);
    object.annotations_mut().insert(APPLIED.to_owned(), format!("{:016x}", hasher.finish()));
    object
}

/// Whether both lead to the same pods by the same ports, whatever else somebody wrote into one.
pub(super) fn leads_alike(there: &Service, wanted: &Service) -> bool {
    let parts = |service: &Service| {
        let spec = service.spec.clone().unwrap_or_default();
        let port =
            |port: &crate::api::ServicePort| (port.port, port.protocol.clone(), port.target_port.clone());
        let ports: Vec<_> = spec.ports.iter().flatten().map(port).collect();
        (spec.type_, spec.selector, ports)
    };
    parts(there) == parts(wanted)
}

#[cfg(test)]
mod tests;
