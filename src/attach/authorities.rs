//! Objects with certificates of authorities, to which others refer.

use crate::api::{Kind, Object, ObjectId, Optional};
use crate::convert::{self, InvalidBundle};
use crate::index::Index;
use crate::model::{Authorities, ObjectKey};
use std::collections::BTreeMap;

/// Bundles that were read once: some have hundreds of certificates, and many policies refer to
/// one.
#[derive(Debug, Default)]
pub(super) struct Bundles {
    read: BTreeMap<ObjectId, Read>,
}

/// What came of reading one state of an object.
#[derive(Debug)]
struct Read {
    object: Object,
    result: Result<Authorities, InvalidBundle>,
}

/// Why a reference leads to no certificates. The message says what to do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum NoBundle {
    /// To an object of a kind that has none.
    Kind(String),
    /// To an object that is not there, or has none.
    Object(String),
    /// To an object of which nobody has said yet whether it is there.
    Awaited,
}

/// The object that a reference of an object of this namespace is to.
///
/// # Errors
/// Objects of its kind hold no certificates of authorities.
pub(super) fn referred(
    namespace: &str,
    (group, kind): (&str, &str),
    name: &str,
) -> Result<ObjectId, NoBundle> {
    match Kind::find(group, kind) {
        Some(kind @ (Kind::ConfigMap | Kind::Secret)) => {
            Ok(ObjectId { kind, key: ObjectKey::new(namespace, name) })
        }
        Some(kind @ Kind::ClusterTrustBundle) => Ok(ObjectId { kind, key: ObjectKey::new("", name) }),
        _ => Err(NoBundle::Kind(format!(
            "kind {kind:?} of group {group:?} holds no certificates of authorities: use a ConfigMap or a Secret \
             (group \"\") with an entry \"ca.crt\", or a ClusterTrustBundle (group \"certificates.k8s.io\")"
        ))),
    }
}

/// All of them together; none if there is none.
pub(super) fn join(found: &[Authorities]) -> Option<Authorities> {
    match found {
        [] => None,
        [one] => Some(one.clone()),
        several => Some(Authorities::new(&several.iter().map(Authorities::pem).collect::<String>())),
    }
}

impl Bundles {
    /// Finds the certificates that an object holds.
    pub(super) fn find(&mut self, index: &Index, id: &ObjectId) -> Result<Authorities, NoBundle> {
        if !index.is_served(Optional::Kind(id.kind)) {
            return Err(NoBundle::Kind(format!(
                "the API server does not serve kind {} of group {:?}: use a ConfigMap, or switch the kind on there \
                 (Kubernetes 1.37 serves it)",
                id.kind,
                id.kind.group()
            )));
        }
        let Some(object) = index.object(id) else {
            self.read.remove(id);
            if index.is_awaited(id) {
                return Err(NoBundle::Awaited);
            }
            return Err(NoBundle::Object(match index.why_broken(id) {
                Some(broken) => format!("{id} cannot be read: {}", broken.message()),
                None => format!("{id} does not exist"),
            }));
        };
        let result = match self.read.get(id) {
            Some(known) if known.object.is(object) => known.result.clone(),
            _ => self.read(id, object),
        };
        result.map_err(|error| NoBundle::Object(format!("{id}: {error}")))
    }

    fn read(&mut self, id: &ObjectId, object: &Object) -> Result<Authorities, InvalidBundle> {
        let result = match object {
            Object::ConfigMap(config_map) => convert::of_config_map(config_map),
            Object::Secret(secret) => convert::of_secret(secret),
            Object::ClusterTrustBundle(bundle) => convert::of_trust_bundle(bundle),
            _ => Err(InvalidBundle::Missing),
        };
        self.read.insert(id.clone(), Read { object: object.clone(), result: result.clone() });
        result
    }

    /// Forgets objects that are gone.
    pub(super) fn forget_gone(&mut self, index: &Index) {
        self.read.retain(|id, _| index.object(id).is_some());
    }
}
