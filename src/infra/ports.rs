//! Which port of the pods stands for which listener port of which Gateway.
//!
//! The pods run without privileges and serve every Gateway, so each listener port gets a port of
//! its own in the pods. All of them are in one ConfigMap, written with its version: two leaders
//! cannot both give out a port.

use crate::model::IpProtocol;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::ops::RangeInclusive;
use std::str::FromStr;
use std::sync::Arc;

/// Above what needs privileges, below what the system takes for outgoing connections (from 32768).
const RANGE: RangeInclusive<u16> = 10240..=29999;

/// For so many seconds a port that was freed is not given to another Gateway: load balancers and
/// node proxies that hear late would send it the traffic of the one that had it.
const REST: i64 = 15 * 60;

/// Begins the keys of ports that rest.
const FREED: &str = "freed.";

/// A port of a Gateway's address.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Claim {
    /// The uid and not the name: what is made anew under an old name is another Gateway.
    pub gateway_uid: Arc<str>,
    /// TCP or UDP.
    pub protocol: IpProtocol,
    /// As clients see it.
    pub port: u16,
}

/// All ports that are given, and when those that are not were freed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Allocation {
    given: BTreeMap<Claim, u16>,
    /// In seconds since 1970.
    freed: BTreeMap<u16, i64>,
}

/// What a replica serves of an allocation.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Given {
    /// The pods' port of each claim.
    pub(super) ports: BTreeMap<Claim, u16>,
    /// Claims whose port an older Gateway has too: not served until they have another.
    pub(super) taken: BTreeSet<Claim>,
}

impl Allocation {
    /// From a ConfigMap's `data`, with one sentence for each entry that is none. Such an entry
    /// gives nothing: whoever can write here still cannot have a port outside of the range.
    pub fn read(data: &BTreeMap<String, String>) -> (Self, Vec<String>) {
        let (mut allocation, mut problems) = (Self::default(), Vec::new());
        for (key, value) in data {
            if let Err(problem) = allocation.read_entry(key, value) {
                problems.push(format!("data[{key:?}]: {problem}; the entry is not used"));
            }
        }
        (allocation, problems)
    }

    fn read_entry(&mut self, key: &str, value: &str) -> Result<(), String> {
        if let Some(port) = key.strip_prefix(FREED) {
            let time = value.parse().map_err(|_| format!("{value:?} is no time in seconds since 1970"))?;
            self.freed.insert(in_range(port)?, time);
        } else {
            self.given.insert(key.parse()?, in_range(value)?);
        }
        Ok(())
    }

    /// As a ConfigMap's `data`.
    pub fn write(&self) -> BTreeMap<String, String> {
        let given = self.given.iter().map(|(claim, port)| (claim.to_string(), port.to_string()));
        let freed = self.freed.iter().map(|(port, time)| (format!("{FREED}{port}"), time.to_string()));
        given.chain(freed).collect()
    }

    /// Gives a port to each claim that has none, and frees those that nobody claims any more.
    /// `wanted` is every claim with the creation time of its Gateway, `now` is in seconds since
    /// 1970. Returns the claims for which there is no port.
    pub fn settle(&mut self, wanted: &BTreeMap<Claim, i64>, now: i64) -> BTreeSet<Claim> {
        let unwanted: Vec<_> = self.given.extract_if(.., |claim, _| !wanted.contains_key(claim)).collect();
        self.freed.extend(unwanted.into_iter().map(|(_, port)| (port, now)));
        for claim in self.given(wanted).taken {
            self.given.remove(&claim);
        }
        let held: BTreeSet<u16> = self.given.values().copied().collect();
        self.freed.retain(|port, _| !held.contains(port));
        let mut missing: Vec<_> = wanted
            .iter()
            .filter(|(claim, _)| !self.given.contains_key(claim))
            .map(|(claim, created)| (*created, claim.clone()))
            .collect();
        // If not all can have one, the older Gateways do.
        missing.sort_unstable();
        let ports = self.free(&held, missing.len(), now);
        let left_out = missing.iter().skip(ports.len()).map(|(_, claim)| claim.clone()).collect();
        for ((_, claim), port) in missing.into_iter().zip(ports) {
            self.freed.remove(&port);
            self.given.insert(claim, port);
        }
        left_out
    }

    /// Ports that may be given, the longest rested first; one that was never given has rested
    /// longest.
    fn free(&self, held: &BTreeSet<u16>, most: usize, now: i64) -> Vec<u16> {
        let fresh = RANGE.filter(|port| !held.contains(port) && !self.freed.contains_key(port));
        let rested = self.freed.iter().filter(|(_, time)| now.saturating_sub(**time) >= REST);
        let mut rested: Vec<_> = rested.map(|(port, time)| (*time, *port)).collect();
        rested.sort_unstable();
        fresh.chain(rested.into_iter().map(|(_, port)| port)).take(most).collect()
    }

    /// The pods' port of a claim. Two claims may name one: the older Gateway's listeners have it.
    pub fn port(&self, claim: &Claim) -> Option<u16> {
        self.given.get(claim).copied()
    }

    /// Whether every port is given or rests.
    pub fn is_full(&self) -> bool {
        self.given.len() + self.freed.len() >= RANGE.len()
    }

    /// The Gateways that have other ports here than there.
    pub fn differences(&self, other: &Self) -> BTreeSet<Arc<str>> {
        let only = |a: &Self, b: &Self| {
            let changed = a.given.iter().filter(|(claim, port)| b.given.get(claim) != Some(port));
            changed.map(|(claim, _)| claim.gateway_uid.clone()).collect::<Vec<_>>()
        };
        only(self, other).into_iter().chain(only(other, self)).collect()
    }

    /// What is served of it. Of two claims with one port that of the older Gateway has it, so
    /// that no replica ever sends one Gateway's traffic to another.
    pub(super) fn given(&self, wanted: &BTreeMap<Claim, i64>) -> Given {
        let mut claims: Vec<_> =
            self.given.iter().filter_map(|(claim, port)| Some((*wanted.get(claim)?, claim, *port))).collect();
        claims.sort_unstable();
        let (mut given, mut held) = (Given::default(), BTreeSet::new());
        for (_, claim, port) in claims {
            if held.insert(port) {
                given.ports.insert(claim.clone(), port);
            } else {
                given.taken.insert(claim.clone());
            }
        }
        given
    }
}

fn in_range(text: &str) -> Result<u16, String> {
    text.parse()
        .ok()
        .filter(|port| RANGE.contains(port))
        .ok_or_else(|| format!("{text:?} is no port from {} to {}", RANGE.start(), RANGE.end()))
}

impl fmt::Display for Claim {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let protocol = match self.protocol {
            IpProtocol::Tcp => "tcp",
            IpProtocol::Udp => "udp",
        };
        write!(f, "{}.{protocol}.{}", self.gateway_uid, self.port)
    }
}

impl FromStr for Claim {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let mut parts = text.rsplitn(3, '.');
        let port = parts.next().and_then(|port| port.parse().ok()).filter(|port| *port > 0);
        let protocol = match parts.next() {
            Some("tcp") => Some(IpProtocol::Tcp),
            Some("udp") => Some(IpProtocol::Udp),
            _ => None,
        };
        let uid = parts.next().filter(|uid| !uid.is_empty());
        match (uid, protocol, port) {
            (Some(uid), Some(protocol), Some(port)) => Ok(Self { gateway_uid: uid.into(), protocol, port }),
            _ => Err("must be a Gateway's uid, tcp or udp, and a port, with dots between".to_owned()),
        }
    }
}

#[cfg(test)]
mod tests;
