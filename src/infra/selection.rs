//! The Services that find the pods of XBackends. There is no other way to have Kubernetes keep
//! EndpointSlices of pods with some labels.

use super::objects::{Home, MANAGED_BY, shortened};
use super::plan::{leads_alike, mark, marked};
use crate::api::gateway::{EXPERIMENTAL_GROUP, XBACKEND_LABEL};
use crate::api::{Kind, ObjectMeta, Service, ServicePort};
use crate::model::ObjectKey;
use k8s_openapi::api::core::v1::ServiceSpec;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::OwnerReference;
use k8s_openapi::apimachinery::pkg::util::intstr::IntOrString;
use std::collections::BTreeMap;
use std::sync::Arc;

/// The port of such a Service. Nobody connects to it, and as long as it stays the same, the port of the
/// pods changes in place.
const PORT: i32 = 80;

/// What an XBackend needs, and what of that is there.
#[derive(Clone, Debug, PartialEq)]
pub struct Selection {
    /// The XBackend.
    pub xbackend: ObjectKey,
    /// Its `metadata.uid`.
    pub uid: Arc<str>,
    /// What is to be there.
    pub wish: Wish,
    /// What was made for it, the one that counts first; there is to be one.
    pub there: Vec<Arc<Service>>,
}

/// Whose release it is that made a Service: several can have one name, each in a namespace of its own.
const HOME: &str = "tidegate.dev/namespace";

/// What is to be there for an XBackend.
#[derive(Clone, Debug, PartialEq)]
pub enum Wish {
    /// This, by a name that nobody can know before.
    Service(Box<Service>),
    /// What there is.
    Keep,
    /// Nothing.
    Nothing,
}

/// The Service that finds the pods with these labels. It goes with the XBackend.
pub fn selecting(
    home: &Home,
    xbackend: &ObjectKey,
    uid: &str,
    labels: &BTreeMap<String, String>,
    port: u16,
) -> Service {
    let name = &*xbackend.name;
    let metadata = ObjectMeta {
        generate_name: Some(format!("{}-", beginning(name))),
        namespace: Some(xbackend.namespace.to_string()),
        labels: Some(BTreeMap::from([
            (XBACKEND_LABEL.to_owned(), shortened(name, uid)),
            (MANAGED_BY.to_owned(), home.managed_by.clone()),
            (HOME.to_owned(), home.namespace.clone()),
        ])),
        owner_references: Some(vec![OwnerReference {
            api_version: Kind::XBackend.api_version(),
            kind: Kind::XBackend.name().to_owned(),
            name: name.to_owned(),
            uid: uid.to_owned(),
            ..OwnerReference::default()
        }]),
        ..ObjectMeta::default()
    };
    let spec = ServiceSpec {
        type_: Some("ClusterIP".to_owned()),
        cluster_ip: Some("None".to_owned()),
        selector: Some(labels.clone()),
        ports: Some(vec![ServicePort {
            port: PORT,
            protocol: Some("TCP".to_owned()),
            target_port: Some(IntOrString::Int(port.into())),
            ..ServicePort::default()
        }]),
        ..ServiceSpec::default()
    };
    marked(Service { metadata, spec: Some(spec), ..Service::default() })
}

/// Whether a Service was made for the XBackend with this uid.
pub fn is_selecting(home: &Home, metadata: &ObjectMeta, uid: &str) -> bool {
    let label = |name| metadata.labels.as_ref()?.get(name);
    let owners = metadata.owner_references.iter().flatten();
    let mut owners = owners.filter(|owner| {
        owner.api_version.starts_with(EXPERIMENTAL_GROUP) && owner.kind == Kind::XBackend.name()
    });
    label(MANAGED_BY) == Some(&home.managed_by)
        && label(HOME) == Some(&home.namespace)
        && label(XBACKEND_LABEL).is_some()
        && owners.any(|owner| owner.uid == uid)
}

impl Selection {
    /// The wanted Service under the name of the one that is there, if these differ. With the uid and the
    /// version it is about that one alone: an apply would make one that is gone anew, by a name that may
    /// be a user's by now.
    pub fn edit(&self) -> Option<Service> {
        let (Wish::Service(wanted), [there, ..]) = (&self.wish, self.there.as_slice()) else { return None };
        let same = mark(&**there) == mark(&**wanted) && leads_alike(there, wanted);
        (!same).then(|| {
            let mut wanted = (**wanted).clone();
            wanted.metadata.generate_name = None;
            wanted.metadata.name.clone_from(&there.metadata.name);
            wanted.metadata.uid.clone_from(&there.metadata.uid);
            wanted.metadata.resource_version.clone_from(&there.metadata.resource_version);
            wanted
        })
    }

    /// The wanted Service, if there is none.
    pub fn missing(&self) -> Option<&Service> {
        match (&self.wish, self.there.as_slice()) {
            (Wish::Service(wanted), []) => Some(wanted),
            _ => None,
        }
    }

    /// What is there and should not be: of several the others.
    pub fn surplus(&self) -> &[Arc<Service>] {
        match &self.wish {
            Wish::Nothing => &self.there,
            Wish::Service(_) | Wish::Keep => self.there.get(1..).unwrap_or_default(),
        }
    }
}

/// A Service's name has no dots, begins with a letter, and is short enough for what the API server puts
/// behind it.
fn beginning(name: &str) -> String {
    const LONGEST: usize = 50;
    let whole: String = format!("xb-{}", name.replace('.', "-")).chars().take(LONGEST).collect();
    whole.trim_end_matches('-').to_owned()
}

#[cfg(test)]
mod tests;
