//! The Services that find the pods of XBackends.

use super::{InfraWriter, is_going, place};
use crate::api::Service;
use crate::infra::{Selection, is_selecting};
use kube::Api;
use kube::api::{ListParams, PostParams};

impl InfraWriter {
    /// Makes what is there as it is wanted. Returns what went wrong.
    pub(super) async fn select(&mut self, selection: &Selection) -> Vec<String> {
        let mut problems = Vec::new();
        for surplus in selection.surplus() {
            problems.extend(self.delete(&**surplus).await.err());
        }
        match selection.edit() {
            Some(edited) => problems.extend(self.apply(&edited).await.err()),
            // Should somebody bend it, it is straightened again.
            None => {
                selection.there.iter().take(1).for_each(|there| drop(self.written.remove(&place(&**there))))
            }
        }
        if let Some(missing) = selection.missing() {
            problems.extend(self.make(missing).await.err());
        }
        problems
    }

    /// Makes a Service with a name that the API server chooses. One can be there of which no watch has
    /// told yet, made by this process or by who led before: so it is asked for first.
    async fn make(&mut self, wanted: &Service) -> Result<(), String> {
        if !*self.leads.borrow() {
            return Ok(());
        }
        let metadata = &wanted.metadata;
        let (namespace, name) = (
            metadata.namespace.clone().unwrap_or_default(),
            metadata.generate_name.clone().unwrap_or_default(),
        );
        let uid = metadata.owner_references.iter().flatten().map(|owner| owner.uid.as_str()).next();
        let problem = |error: kube::Error| format!("Service {namespace}/{name}: {error}");
        let api: Api<Service> = Api::namespaced(self.client.clone(), &namespace);
        let labels = metadata.labels.iter().flatten().map(|(key, value)| format!("{key}={value}"));
        let ours = ListParams::default().labels(&labels.collect::<Vec<_>>().join(","));
        let there = api.list_metadata(&ours).await.map_err(problem)?;
        if there.iter().any(|one| is_selecting(&self.home, &one.metadata, uid.unwrap_or_default())) {
            return Ok(());
        }
        let parameters =
            PostParams { field_manager: Some(self.home.managed_by.clone()), ..PostParams::default() };
        match api.create(&parameters, wanted).await {
            Ok(_) => Ok(()),
            Err(kube::Error::Api(status)) if status.code == 404 || is_going(&status) => Ok(()),
            Err(error) => Err(problem(error)),
        }
    }
}
