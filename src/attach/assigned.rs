//! Which address stands for which entry of `spec.addresses`. Each entry is judged by itself, and none gets
//! an address of another routability than it asks for (GEP-5093).

use crate::infra::Address;
use crate::model::ObjectKey;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// From where an address can be reached.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Routability {
    /// From where the kind of Service, or of socket, makes it reachable: nothing is promised.
    Default,
    /// The same, under the name that the conformance suite asks for.
    Sentinel,
    /// From inside of the cluster: a ClusterIP of a Service.
    Cluster,
    /// As nobody here knows it.
    Unknown(Arc<str>),
}

impl Routability {
    const CLUSTER: &'static str = "Cluster";
    const SENTINEL: &'static str = "testing.x-k8s.io/sentinel";

    /// As the spec has it.
    pub(super) fn of(text: Option<&str>) -> Self {
        match text.unwrap_or_default() {
            "" => Self::Default,
            Self::CLUSTER => Self::Cluster,
            Self::SENTINEL => Self::Sentinel,
            other => Self::Unknown(other.into()),
        }
    }

    /// As a status has it; none that is unknown is ever in one.
    pub fn as_str(&self) -> &'static str {
        match self {
            Self::Cluster => Self::CLUSTER,
            Self::Sentinel => Self::SENTINEL,
            Self::Default | Self::Unknown(_) => "",
        }
    }

    /// Whether addresses of the default behaviour will do.
    pub(super) fn is_usual(&self) -> bool {
        matches!(self, Self::Default | Self::Sentinel)
    }
}

/// One of `spec.addresses`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// Whether it is of type Hostname; else it is of type IPAddress.
    pub is_name: bool,
    /// The very address; none: any of the type will do.
    pub value: Option<Address>,
    /// From where it is to be reached.
    pub routability: Routability,
}

impl Entry {
    fn fits(&self, address: &Address) -> bool {
        match &self.value {
            Some(value) => value == address,
            None => self.is_name == address.ip().is_none(),
        }
    }

    /// Whether it asks for one address in the way that there always was, without routability.
    pub(super) fn is_static(&self) -> bool {
        self.routability == Routability::Default && self.value.is_some()
    }
}

/// An address that a Gateway has and may tell.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Assigned {
    /// The entry of the spec for which it stands; none if the spec has no entries.
    pub entry: Option<usize>,
    /// The address.
    pub address: Address,
    /// As it is told.
    pub routability: Routability,
}

/// An entry of the spec for which there is no address.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unsatisfied {
    /// Its index.
    pub entry: usize,
    /// For people, with its path.
    pub why: String,
    /// Whether there will be one.
    pub lack: Lack,
}

/// Why an entry has no address.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Lack {
    /// Whoever gives addresses has not given any yet.
    Waits,
    /// The same, and this one was asked for by its value.
    NotGiven,
    /// Another entry was asked for in its place: only one can be.
    NotAsked,
    /// It cannot be had.
    Never,
}

/// Who gives addresses of the default behaviour.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Giver {
    /// Nobody: they are bound, without a cluster.
    Sockets,
    /// A load balancer.
    Balancer,
    /// The nodes with pods that are ready.
    Nodes,
    /// The Service itself: they are its ClusterIPs.
    Service,
}

/// All that can be given.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stock {
    /// Who gives `usual`.
    pub giver: Giver,
    /// Addresses of the default behaviour; or why there are none yet.
    pub usual: Result<Vec<Address>, String>,
    /// ClusterIPs.
    pub cluster: Vec<Address>,
    /// For messages; empty without a cluster.
    pub service: String,
}

/// Entries of the spec whose address is another Gateway's.
pub(super) type Foreign = BTreeMap<usize, ObjectKey>;

impl Stock {
    pub(super) fn usual(&self) -> &[Address] {
        self.usual.as_deref().unwrap_or_default()
    }

    /// Everything by which the Gateway can be reached.
    pub(super) fn all(&self) -> Vec<Address> {
        let others = self.cluster.iter().filter(|address| !self.usual().contains(address));
        self.usual().iter().chain(others).cloned().collect()
    }

    /// What is told of an address where nothing certain was asked for.
    fn routability(&self, address: &Address) -> Routability {
        if self.cluster.contains(address) { Routability::Cluster } else { Routability::Default }
    }

    /// Where nothing is asked for: all of the default behaviour.
    pub(super) fn unasked(&self) -> Vec<Assigned> {
        let each = self.usual().iter().map(|address| Assigned {
            entry: None,
            address: address.clone(),
            routability: self.routability(address),
        });
        each.collect()
    }

    /// One address for each entry, and for none the same as for another.
    pub(super) fn assign(&self, asked: &[Entry], foreign: &Foreign) -> (Vec<Assigned>, Vec<Unsatisfied>) {
        let mut order: Vec<_> = asked.iter().enumerate().collect();
        // Who takes any address must not take the only one that another takes.
        order.sort_by_key(|(_, entry)| (entry.value.is_none(), entry.routability != Routability::Cluster));
        let mut taken = BTreeSet::new();
        let (mut assigned, mut unsatisfied) = (Vec::new(), Vec::new());
        for (index, entry) in order {
            let all = match entry.routability {
                _ if foreign.contains_key(&index) => &[],
                Routability::Cluster if !entry.is_name => &*self.cluster,
                Routability::Default | Routability::Sentinel => self.usual(),
                Routability::Cluster | Routability::Unknown(_) => &[],
            };
            match all.iter().find(|address| entry.fits(address) && !taken.contains(*address)) {
                Some(address) => {
                    taken.insert(address);
                    let routability = match entry.routability {
                        Routability::Default => self.routability(address),
                        ref other => other.clone(),
                    };
                    let entry = Some(index);
                    assigned.push(Assigned { entry, address: address.clone(), routability });
                }
                None => {
                    let (lack, why) = match (foreign.get(&index), &entry.value) {
                        (Some(owner), Some(value)) => (
                            Lack::Never,
                            format!(": {value} belongs to Gateway {owner}: ask for another one"),
                        ),
                        _ => self.lack(entry, first_of_balancer(asked, foreign)),
                    };
                    unsatisfied.push(Unsatisfied {
                        entry: index,
                        why: format!("spec.addresses[{index}]{why}"),
                        lack,
                    });
                }
            }
        }
        assigned.sort_by_key(|one| one.entry);
        unsatisfied.sort_by_key(|one| one.entry);
        (assigned, unsatisfied)
    }

    fn lack(&self, entry: &Entry, first: Option<&Address>) -> (Lack, String) {
        let none = "leave it empty";
        match &entry.routability {
            Routability::Unknown(text) if self.giver == Giver::Sockets => {
                (Lack::Never, format!(".routability: {text:?} is not supported: {none}"))
            }
            Routability::Unknown(text) => {
                (Lack::Never, format!(".routability: {text:?} is not supported: use \"Cluster\" or {none}"))
            }
            Routability::Cluster if self.giver == Giver::Sockets => {
                (Lack::Never, format!(".routability: without a cluster there are no ClusterIPs: {none}"))
            }
            Routability::Cluster if entry.is_name => {
                (Lack::Never, ".routability: only an IPAddress can have routability \"Cluster\"".to_owned())
            }
            Routability::Cluster => self.no_cluster_ip(entry),
            Routability::Default | Routability::Sentinel => self.no_usual(entry, first),
        }
    }

    fn no_cluster_ip(&self, entry: &Entry) -> (Lack, String) {
        let service = &self.service;
        if self.cluster.is_empty() {
            return (Lack::Waits, format!(": Service {service} has no ClusterIP yet"));
        }
        let why = match &entry.value {
            Some(value) => format!(
                ": {value} is no ClusterIP of Service {service}, which has {}: it is in no ServiceCIDR of the \
                 cluster, in use, or was asked for when the Service was there already, where it cannot be changed \
                 any more: ask for a free one in a Gateway made anew",
                list(&self.cluster)
            ),
            None => format!(
                ": Service {service} has no other ClusterIP than {}: there is one for each IP family at most",
                list(&self.cluster)
            ),
        };
        (Lack::Never, why)
    }

    fn no_usual(&self, entry: &Entry, first: Option<&Address>) -> (Lack, String) {
        let Some(value) = &entry.value else {
            return match &self.usual {
                Err(why) => (Lack::Waits, format!(": {why}")),
                Ok(all) => {
                    let type_ = if entry.is_name { "Hostname" } else { "IPAddress" };
                    (Lack::Never, format!(": no further {type_} was given; the Gateway has {}", list(all)))
                }
            };
        };
        match self.giver {
            Giver::Balancer => {
                if let Some(first) = first.filter(|first| value.ip().is_some() && *first != value) {
                    let why = format!(
                        ": {value} was not asked for, since a Service asks for one address: that is {first}"
                    );
                    return (Lack::NotAsked, why);
                }
                let lack = if self.usual().is_empty() { Lack::NotGiven } else { Lack::Never };
                let why = format!(
                    ": {value} was not given to the Gateway: it is in no range of the cluster's load balancer, or \
                     in use"
                );
                (lack, why)
            }
            Giver::Nodes => match &self.usual {
                Err(why) => (Lack::Waits, format!(": {why}")),
                Ok(_) => {
                    (Lack::Never, format!(": {value} is of no node on which a pod of Tidegate is ready"))
                }
            },
            Giver::Service => self.no_cluster_ip(entry),
            Giver::Sockets => (Lack::Never, format!(": {value} stands for another entry")),
        }
    }
}

/// The one address that a load balancer is asked for.
pub(super) fn first_of_balancer<'a>(asked: &'a [Entry], foreign: &Foreign) -> Option<&'a Address> {
    let ours = asked.iter().enumerate().filter(|(index, _)| !foreign.contains_key(index));
    let usual = ours.filter(|(_, entry)| entry.routability.is_usual());
    usual.filter_map(|(_, entry)| entry.value.as_ref()).find(|address| address.ip().is_some())
}

fn list(addresses: &[Address]) -> String {
    let all: Vec<_> = addresses.iter().map(ToString::to_string).collect();
    if all.is_empty() { "none".to_owned() } else { all.join(", ") }
}

#[cfg(test)]
mod tests;
