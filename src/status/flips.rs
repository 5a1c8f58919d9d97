//! Conditions that become bad, to be told by Events.

use super::entries::SharedEntry;
use super::merge::Status;
use super::wanted::{ANCESTOR, PARENT, Wanted, entry_title};
use crate::api::Condition as WireCondition;
use crate::api::gateway::ListenerStatus;
use crate::attach::verdict::{Condition, GatewayProgrammed, Reason};
use std::collections::{BTreeMap, BTreeSet};

/// The most that is told of one object at once; its status has them all.
const MOST: usize = 8;

/// Reasons of what is not there yet: bad news only where it was there before.
const NOT_YET: [&str; 2] = ["Pending", "AddressNotAssigned"];

/// A condition that becomes bad.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Flip {
    /// The reason of the condition.
    pub reason: &'static str,
    /// What it is about, its type and its message.
    pub message: String,
}

/// The conditions that are bad now and, by the status that the object has, were not before. What
/// several of them say alike is told once.
pub fn flips(wanted: &Wanted, live: Option<&Status>, controller_name: &str) -> Vec<Flip> {
    let before: BTreeMap<_, _> = live.map(|live| conditions(live, controller_name)).unwrap_or_default();
    let was = |title: &str, condition: &Condition| {
        before.get(&(title.to_owned(), condition.type_)).map(|live| live.status.as_str())
    };
    let is_news = |title: &str, condition: &Condition| {
        let before = was(title, condition);
        let held = before.is_some_and(|before| before != "Unknown" && before != condition.truth.as_str());
        condition.bad
            && before != Some(condition.truth.as_str())
            && (held || !NOT_YET.contains(&condition.reason))
    };
    let mut said = BTreeSet::new();
    let mut all = wanted.conditions();
    // That something is not served often only repeats why.
    all.sort_by_key(|(_, condition)| condition.type_ == GatewayProgrammed::TYPE);
    let news = all.iter().filter(|(title, condition)| is_news(title, condition));
    let each = news.filter(|(_, condition)| condition.message.is_empty() || said.insert(&condition.message));
    each.take(MOST).map(|(title, condition)| flip(title, condition)).collect()
}

fn flip(title: &str, condition: &Condition) -> Flip {
    let mut message = String::new();
    if !title.is_empty() {
        message.push_str(&format!("{title}: "));
    }
    message.push_str(&format!("{}={}", condition.type_, condition.truth.as_str()));
    if !condition.message.is_empty() {
        message.push_str(&format!(": {}", condition.message));
    }
    Flip { reason: condition.reason, message }
}

/// This controller's conditions, under the same titles as those that are wanted.
fn conditions<'a>(live: &'a Status, controller_name: &str) -> BTreeMap<(String, &'a str), &'a WireCondition> {
    let whole = String::new();
    let parts: Vec<(String, &[WireCondition])> = match live {
        Status::Class(status) => vec![(whole, &status.conditions)],
        Status::Upstream(status) => vec![(whole, &status.conditions)],
        Status::Gateway(status) => with_listeners(&status.conditions, &status.listeners),
        Status::ListenerSet(status) => with_listeners(&status.conditions, &status.listeners),
        Status::Route(status) => own(PARENT, &status.parents, controller_name),
        Status::Policy(status) => own(ANCESTOR, &status.ancestors, controller_name),
        Status::Ingress(_) => Vec::new(),
    };
    let each = parts.into_iter();
    each.flat_map(|(title, all)| all.iter().map(move |one| ((title.clone(), one.type_.as_str()), one)))
        .collect()
}

fn with_listeners<'a>(
    whole: &'a [WireCondition],
    listeners: &'a [ListenerStatus],
) -> Vec<(String, &'a [WireCondition])> {
    let listeners = listeners.iter().map(|one| (format!("listener {}", one.name), &*one.conditions));
    std::iter::once((String::new(), whole)).chain(listeners).collect()
}

/// This controller's entries of a list that it shares.
fn own<'a, E: SharedEntry>(
    what: &str,
    entries: &'a [E],
    controller_name: &str,
) -> Vec<(String, &'a [WireCondition])> {
    let own = entries.iter().filter(|entry| entry.controller_name() == controller_name);
    own.map(|entry| (entry_title(what, entry.reference()), entry.conditions())).collect()
}

#[cfg(test)]
mod tests;
