//! What is wanted of the statuses of ListenerSets.

use super::wanted::{Body, Progress, Wanted, gateway_programmed, listener_bodies, none_can_be_opened};
use crate::api::Kind;
use crate::attach::verdict::{GatewayProgrammed, SetAccepted, SetProgrammed, Verdict};
use crate::attach::{Gateway, Head, ListenerSet};
use crate::model::{ListenerKey, ObjectKey};

/// Of a ListenerSet on a Gateway; `attached` tells how many routes a listener has. How far the Gateway has
/// come, and how far the set.
pub fn listener_set(
    key: &ObjectKey,
    set: &ListenerSet,
    gateway: &Gateway,
    attached: impl Fn(&ListenerKey) -> usize,
    (of_gateway, progress): (Progress<'_>, Progress<'_>),
) -> Wanted {
    let mut conditions =
        vec![set.accepted.condition(), programmed(set, gateway, of_gateway, progress).condition()];
    conditions.extend(set.not_honoured.as_ref().map(Verdict::condition));
    let listeners = listener_bodies(gateway, gateway.listeners_of(set), attached, progress);
    Wanted::new(Kind::ListenerSet, key, &set.head, Body::ListenerSet { conditions, listeners })
}

/// Of a ListenerSet whose Gateway is gone, and nobody else's: what was said of it holds no more.
pub fn orphaned_listener_set(key: &ObjectKey, head: &Head, why: &str) -> Wanted {
    let accepted = Verdict::new(SetAccepted::ParentNotAccepted, why).condition();
    let programmed = Verdict::new(SetProgrammed::ParentNotProgrammed, why).condition();
    let body = Body::ListenerSet { conditions: vec![accepted, programmed], listeners: Vec::new() };
    Wanted::new(Kind::ListenerSet, key, head, body)
}

fn programmed(
    set: &ListenerSet,
    gateway: &Gateway,
    of_gateway: Progress<'_>,
    progress: Progress<'_>,
) -> Verdict<SetProgrammed> {
    let reason = match set.accepted.reason {
        SetAccepted::Accepted | SetAccepted::SomeListenersNotValid => SetProgrammed::Programmed,
        SetAccepted::NoListenerValid => SetProgrammed::ListenersNotValid,
        SetAccepted::NotAllowed => SetProgrammed::NotAllowed,
        SetAccepted::ParentNotAccepted => SetProgrammed::ParentNotProgrammed,
        SetAccepted::Invalid => SetProgrammed::Invalid,
    };
    if reason != SetProgrammed::Programmed {
        return Verdict::new(reason, set.accepted.message.as_str());
    }
    let parent = gateway_programmed(gateway, of_gateway);
    if parent.reason == GatewayProgrammed::Pending {
        return Verdict::new(SetProgrammed::Pending, parent.message);
    }
    if !parent.holds() {
        let message = format!("the Gateway is not programmed: {}", parent.message);
        return Verdict::new(SetProgrammed::ParentNotProgrammed, message);
    }
    if !progress.served {
        return Verdict::new(SetProgrammed::Pending, progress.waits_for());
    }
    let mut served = gateway.listeners_of(set).iter().filter_map(|listener| listener.served.as_ref());
    if served.any(|served| served.binds.is_empty()) {
        return Verdict::new(SetProgrammed::Pending, "no port of the pods is given yet");
    }
    match none_can_be_opened(gateway, gateway.listeners_of(set), progress) {
        Some(why) => Verdict::new(SetProgrammed::PortUnavailable, why),
        None => Verdict::new(SetProgrammed::Programmed, progress.replicas),
    }
}
