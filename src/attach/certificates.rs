//! Certificates with their keys: of listeners, and of Gateways for backends.

use super::grants::{References, Referrer};
use crate::api::gateway::SecretObjectReference;
use crate::api::{Kind, ObjectId, Secret};
use crate::convert::{self, InvalidSecret};
use crate::index::Index;
use crate::model::{Certificate, ObjectKey};
use std::collections::BTreeMap;
use std::sync::Arc;

/// Certificates that were read once: making sure that a key belongs to its certificate takes
/// longer than all else that a Gateway needs.
#[derive(Debug, Default)]
pub(super) struct Certificates {
    read: BTreeMap<ObjectKey, Read>,
}

/// What came of reading one state of a Secret.
#[derive(Debug)]
struct Read {
    secret: Arc<Secret>,
    result: Result<Arc<Certificate>, InvalidSecret>,
}

/// Why a reference leads to no certificate. The message says what to do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum NoCertificate {
    /// To an object of another namespace without a grant.
    NotPermitted(String),
    /// To nothing, or to something without a certificate.
    Invalid(String),
}

impl Certificates {
    fn read(&mut self, key: &ObjectKey, secret: &Arc<Secret>) -> Result<Arc<Certificate>, InvalidSecret> {
        if let Some(known) = self.read.get(key).filter(|known| Arc::ptr_eq(&known.secret, secret)) {
            return known.result.clone();
        }
        let result = convert::certificate(key, secret).map(Arc::new);
        self.read.insert(key.clone(), Read { secret: secret.clone(), result: result.clone() });
        result
    }

    /// Forgets Secrets that are gone: a deleted one takes effect at once.
    pub(super) fn forget_gone(&mut self, index: &Index) {
        self.read.retain(|key, _| index.get::<Secret>(key).is_some());
    }

    /// Finds a certificate of a Gateway.
    pub(super) fn find(
        &mut self,
        references: References<'_>,
        from: Referrer<'_>,
        reference: &SecretObjectReference,
    ) -> Result<Arc<Certificate>, NoCertificate> {
        let invalid = |message: String| Err(NoCertificate::Invalid(message));
        if Kind::find(&reference.group, &reference.kind) != Some(Kind::Secret) {
            return invalid(format!(
                "kind {:?} of group {:?} holds no certificates: use a Secret (group \"\")",
                reference.kind, reference.group
            ));
        }
        let namespace = reference.namespace.as_deref().unwrap_or(from.namespace);
        let key = ObjectKey::new(namespace, reference.name.as_str());
        references.permit(from, Kind::Secret, &key).map_err(NoCertificate::NotPermitted)?;
        if let Some(secret) = references.index.get::<Secret>(&key) {
            let secret = secret.clone();
            return self.read(&key, &secret).or_else(|error| invalid(format!("Secret {key}: {error}")));
        }
        match references.index.why_broken(&ObjectId { kind: Kind::Secret, key: key.clone() }) {
            Some(broken) => invalid(format!("Secret {key} cannot be read: {}", broken.message())),
            None => invalid(format!("Secret {key} does not exist")),
        }
    }
}
