//! Making and deleting objects, as long as this process leads, and each state of one only once.

use crate::api::Service;
use crate::infra::{Home, mark};
use crate::source::cluster::Client;
use k8s_openapi::NamespaceResourceScope;
use k8s_openapi::api::core::v1::ServiceAccount;
use kube::api::{DeleteParams, Patch, PatchParams, Preconditions};
use kube::{Api, Resource};
use serde::Serialize;
use serde::de::DeserializeOwned;
use std::collections::BTreeMap;
use std::fmt::Debug;
use tokio::sync::watch;

/// Kind, namespace and name.
pub(super) type Place = (&'static str, String, String);

/// In place of the mark of what was written.
const DELETED: &str = "deleted";

pub(super) struct ObjectWriter {
    pub(super) client: Client,
    pub(super) home: Home,
    pub(super) leads: watch::Receiver<bool>,
    /// What was written since this process leads: the plan sees it later.
    pub(super) written: BTreeMap<Place, String>,
}

impl ObjectWriter {
    pub(super) fn new(client: Client, home: Home, leads: watch::Receiver<bool>) -> Self {
        Self { client, home, leads, written: BTreeMap::new() }
    }

    /// Makes the object as it is wanted, unless that was done; returns it if it was made. One that is
    /// wanted with a uid is only edited.
    pub(super) async fn apply<T: Made>(&mut self, wanted: &T) -> Result<Option<T>, kube::Error> {
        let place = place(wanted);
        let (_, namespace, name) = place.clone();
        let mark = mark(wanted).unwrap_or_default().to_owned();
        if self.written.get(&place) == Some(&mark) || !*self.leads.borrow() {
            return Ok(None);
        }
        let api: Api<T> = Api::namespaced(self.client.clone(), &namespace);
        // What others wrote into these fields is not theirs to write.
        let parameters = PatchParams::apply(&self.home.managed_by).force();
        match api.patch(&name, &parameters, &Patch::Apply(wanted)).await {
            Ok(made) => {
                self.written.insert(place, mark);
                Ok(Some(made))
            }
            // The Gateway's namespace is going, and the Gateway with it.
            Err(kube::Error::Api(status)) if status.code == 404 || is_going(&status) => Ok(None),
            // It is gone or another one by now, of which the watch tells.
            Err(kube::Error::Api(status)) if status.code == 409 && wanted.meta().uid.is_some() => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Deletes this very object, unless that was done.
    pub(super) async fn delete<T: Made>(&mut self, made: &T) -> Result<(), kube::Error> {
        let place = place(made);
        let (kind, namespace, name) = place.clone();
        if self.written.get(&place).is_some_and(|written| written == DELETED) || !*self.leads.borrow() {
            return Ok(());
        }
        let api: Api<T> = Api::namespaced(self.client.clone(), &namespace);
        let this = Preconditions { uid: made.meta().uid.clone(), resource_version: None };
        let parameters = DeleteParams { preconditions: Some(this), ..DeleteParams::default() };
        match api.delete(&name, &parameters).await {
            Ok(_) => tracing::info!("{kind} {namespace}/{name}, which nothing needs any more, is deleted"),
            // Gone already, or another one by that name.
            Err(kube::Error::Api(status)) if matches!(status.code, 404 | 409) => {}
            Err(error) => return Err(error),
        }
        self.written.insert(place, DELETED.to_owned());
        Ok(())
    }
}

/// A kind of object that Gateways or XBackends need.
pub(super) trait Made:
    Resource<Scope = NamespaceResourceScope, DynamicType = ()>
    + k8s_openapi::Resource
    + Serialize
    + DeserializeOwned
    + Clone
    + Debug
{
}

impl Made for Service {}
impl Made for ServiceAccount {}

pub(super) fn place<T: Made>(object: &T) -> Place {
    let metadata = object.meta();
    (T::KIND, metadata.namespace.clone().unwrap_or_default(), metadata.name.clone().unwrap_or_default())
}

/// Nothing can be made any more in a namespace that is being deleted.
pub(super) fn is_going(status: &kube::core::Status) -> bool {
    status.code == 403 && status.message.contains("is being terminated")
}
