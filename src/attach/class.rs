//! GatewayClasses.

use super::parameters::Resolved;
use super::run::Head;
use super::verdict::{ClassAccepted, ClassSupportedVersion, Verdict};
use super::{Options, parameters};
use crate::api::gateway::GatewayClass;
use crate::api::{Kind, ObjectId, Optional};
use crate::index::Index;
use crate::model::ObjectKey;
use std::collections::BTreeSet;

/// A GatewayClass of this controller.
#[derive(Clone, Debug, PartialEq)]
pub struct Class {
    /// Which state of the object this is about.
    pub head: Head,
    /// Whether its Gateways are served.
    pub accepted: Verdict<ClassAccepted>,
    /// Whether the installed schema is known.
    pub supported_version: Verdict<ClassSupportedVersion>,
    /// What the API server does not serve, so that it cannot be supported.
    pub unserved: BTreeSet<Optional>,
    /// Whether Gateways can have ClusterIPs.
    pub has_cluster_ips: bool,
}

/// Whose a Gateway is.
pub(super) enum Owner {
    /// This controller's, with the parameters of the class.
    Us(Box<Resolved>),
    /// This controller's, but its class is not accepted: why.
    UsButRefused(String),
    /// Somebody else's, or nobody's yet: why, for people.
    NotUs(String),
}

/// Looks at a class; none if it is not this controller's.
pub(super) fn judge(index: &Index, options: &Options, key: &ObjectKey) -> Option<Class> {
    look(index, options, key).map(|(class, _)| class)
}

/// The same, with the parameters that its Gateways begin with.
fn look(index: &Index, options: &Options, key: &ObjectKey) -> Option<(Class, Resolved)> {
    let (unserved, has_cluster_ips) = (index.unserved().clone(), options.makes_infrastructure());
    let supported_version = Verdict::good(ClassSupportedVersion::SupportedVersion);
    if let Some(class) = index.get::<GatewayClass>(key) {
        if class.spec.controller_name != *options.controller_name {
            return None;
        }
        let (accepted, resolved) = match parameters::of_class(index, options, &class.spec) {
            Ok(resolved) => (Verdict::good(ClassAccepted::Accepted), resolved),
            Err(why) => (Verdict::new(ClassAccepted::InvalidParameters, why), Resolved::default()),
        };
        return Some((
            Class { head: Head::of(&class.metadata), accepted, supported_version, unserved, has_cluster_ips },
            resolved,
        ));
    }
    let broken = index.why_broken(&ObjectId { kind: Kind::GatewayClass, key: key.clone() })?;
    let ours = broken.controller_name() == Some(&options.controller_name);
    let accepted = Verdict::new(ClassAccepted::Invalid, broken.message());
    ours.then(|| {
        (
            Class { head: Head::of_broken(broken), accepted, supported_version, unserved, has_cluster_ips },
            Resolved::default(),
        )
    })
}

/// Finds out whose the Gateways of a class are.
pub(super) fn owner(index: &Index, options: &Options, class_name: &str) -> Owner {
    let key = ObjectKey::new("", class_name);
    if let Some((class, parameters)) = look(index, options, &key) {
        return if class.accepted.holds() {
            Owner::Us(Box::new(parameters))
        } else {
            Owner::UsButRefused(format!(
                "GatewayClass {class_name} is not accepted: {}",
                class.accepted.message
            ))
        };
    }
    let id = ObjectId { kind: Kind::GatewayClass, key };
    if index.object(&id).is_some() || index.why_broken(&id).is_some() {
        let ours = &options.controller_name;
        return Owner::NotUs(format!("GatewayClass {class_name} is not for controller {ours:?}"));
    }
    if options.implicit_class.as_deref() == Some(class_name) {
        return Owner::Us(Box::default());
    }
    Owner::NotUs(match &options.implicit_class {
        Some(class) => format!(
            "spec.gatewayClassName: GatewayClass {class_name} does not exist; class {class:?} needs no object"
        ),
        None => format!("spec.gatewayClassName: GatewayClass {class_name} does not exist"),
    })
}
