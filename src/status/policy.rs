//! What is wanted of the statuses of policies.

use super::wanted::{Body, ParentBody, Wanted};
use crate::api::gateway::{GROUP, ParentReference};
use crate::api::ingress::{is_of_class, parent};
use crate::api::{Kind, ObjectId};
use crate::attach::verdict::Verdict;
use crate::attach::{Ancestor, Policy};

/// Of a policy of any kind.
pub fn policy(id: &ObjectId, policy: &Policy) -> Wanted {
    let ancestors = policy.ancestors.iter().map(|ancestor| {
        let mut conditions = vec![ancestor.accepted.condition()];
        conditions.extend(policy.resolved_refs.clone());
        conditions.extend(policy.not_honoured.as_ref().map(Verdict::condition));
        ParentBody { reference: reference(ancestor), conditions }
    });
    let body = Body::Policy(ancestors.collect());
    let mut wanted = Wanted::new(id.kind, &id.key, &policy.head, body);
    wanted.notes.clone_from(&policy.notes);
    wanted
}

/// The Gateway as a whole, in every field: other controllers write it like this, too. Or the
/// IngressClass.
fn reference(ancestor: &Ancestor) -> ParentReference {
    if is_of_class(&ancestor.gateway) {
        return parent(&ancestor.gateway.name);
    }
    ParentReference {
        group: GROUP.to_owned(),
        kind: Kind::Gateway.name().to_owned(),
        namespace: Some(ancestor.gateway.namespace.to_string()),
        name: ancestor.gateway.name.to_string(),
        section_name: None,
        port: None,
    }
}
