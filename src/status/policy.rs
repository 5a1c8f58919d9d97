//! What is wanted of the statuses of policies, and of what has the same status.

use super::wanted::{Body, ParentBody, Wanted};
use crate::api::gateway::{GROUP, ParentReference};
use crate::api::ingress::{is_of_class, parent};
use crate::api::{Kind, ObjectId};
use crate::attach::verdict::Verdict;
use crate::attach::{Policy, XBackend};
use crate::model::ObjectKey;

/// Of a policy of any kind.
pub fn policy(id: &ObjectId, policy: &Policy) -> Wanted {
    let ancestors = policy.ancestors.iter().map(|ancestor| {
        let mut conditions = vec![ancestor.accepted.condition()];
        conditions.extend(policy.resolved_refs.clone());
        conditions.extend(policy.not_honoured.as_ref().map(Verdict::condition));
        ParentBody { reference: reference(&ancestor.gateway), conditions }
    });
    let body = Body::Policy(ancestors.collect());
    let mut wanted = Wanted::new(id.kind, &id.key, &policy.head, body);
    wanted.notes.clone_from(&policy.notes);
    wanted
}

/// Of an XBackend.
pub fn xbackend(key: &ObjectKey, xbackend: &XBackend) -> Wanted {
    let mut conditions = vec![xbackend.accepted.condition(), xbackend.resolved_refs.condition()];
    conditions.extend(xbackend.not_honoured.as_ref().map(Verdict::condition));
    let entry = |gateway| ParentBody { reference: reference(gateway), conditions: conditions.clone() };
    let ancestors = xbackend.gateways.iter().map(entry);
    let body = Body::Policy(ancestors.collect());
    let mut wanted = Wanted::new(Kind::XBackend, key, &xbackend.head, body);
    wanted.notes = xbackend.notes();
    wanted
}

/// The Gateway as a whole, in every field: other controllers write it like this, too. Or the
/// IngressClass.
fn reference(gateway: &ObjectKey) -> ParentReference {
    if is_of_class(gateway) {
        return parent(&gateway.name);
    }
    ParentReference {
        group: GROUP.to_owned(),
        kind: Kind::Gateway.name().to_owned(),
        namespace: Some(gateway.namespace.to_string()),
        name: gateway.name.to_string(),
        section_name: None,
        port: None,
    }
}
