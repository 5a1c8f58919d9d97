//! The ports of the pods, each Gateway's Service and ServiceAccount, and the Services of XBackends.

mod selections;
mod services;

use crate::api::{ConfigMap, ObjectMeta, Service};
use crate::infra::{Allocation, Claim, Home, Plan, mark};
use crate::model::ObjectKey;
use crate::source::cluster::Client;
use crate::support::backoff::Backoff;
use k8s_openapi::NamespaceResourceScope;
use k8s_openapi::api::core::v1::ServiceAccount;
use kube::api::{DeleteParams, ListParams, Patch, PatchParams, PostParams, Preconditions};
use kube::{Api, Resource};
use serde::Serialize;
use serde::de::DeserializeOwned;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Debug;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::watch;

/// After the API server did not answer.
const BACKOFF: Backoff = Backoff::new(Duration::from_millis(100), Duration::from_secs(10));

/// A port that rested long enough is given to whoever waits for one by then.
const LOOK_AGAIN: Duration = Duration::from_secs(60);

/// Kind, namespace and name.
type Place = (&'static str, String, String);

/// Writes what the newest plan wants, as long as this process leads.
pub struct InfraWriter {
    client: Client,
    home: Home,
    ports: ObjectKey,
    /// Where Gateways can be; none: everywhere.
    namespaces: Option<BTreeSet<Arc<str>>>,
    /// None until the first: what nobody planned is neither made nor removed.
    plans: watch::Receiver<Option<Arc<Plan>>>,
    leads: watch::Receiver<bool>,
    /// What was written since this process leads: the plan sees it later.
    written: BTreeMap<Place, String>,
    /// The ServiceAccounts that are there, once they were listed.
    accounts: Option<BTreeMap<Place, ServiceAccount>>,
    /// Claims for which there was no port, as the log has it.
    left_out: BTreeSet<Claim>,
}

impl InfraWriter {
    /// A writer for the pods at home, and where it is told what is wanted.
    pub fn new(
        client: Client,
        home: Home,
        ports: ObjectKey,
        leads: watch::Receiver<bool>,
    ) -> (Self, watch::Sender<Option<Arc<Plan>>>) {
        let (sender, plans) = watch::channel(None);
        let writer = Self {
            client,
            home,
            ports,
            namespaces: None,
            plans,
            leads,
            written: BTreeMap::new(),
            accounts: None,
            left_out: BTreeSet::new(),
        };
        (writer, sender)
    }

    /// Looks for what it made before only in these namespaces, if any are given.
    pub fn within(mut self, namespaces: Option<BTreeSet<Arc<str>>>) -> Self {
        self.namespaces = namespaces;
        self
    }

    /// Runs until nobody plans any more.
    pub async fn run(mut self) {
        let mut backoff = BACKOFF;
        let mut told = None;
        let mut again = None;
        loop {
            let pause = async {
                match again {
                    Some(wait) => tokio::time::sleep(wait).await,
                    None => std::future::pending().await,
                }
            };
            tokio::select! {
                changed = self.plans.changed() => if changed.is_err() { return },
                changed = self.leads.changed() => if changed.is_err() { return },
                () = pause => {}
            }
            if !*self.leads.borrow_and_update() {
                self.written.clear();
                self.accounts = None;
                again = None;
                continue;
            }
            let Some(plan) = self.plans.borrow_and_update().clone() else { continue };
            match self.write(&plan).await {
                Ok(()) => {
                    backoff.reset();
                    told = None;
                    again = (!self.left_out.is_empty()).then_some(LOOK_AGAIN);
                }
                Err(why) => {
                    if told.as_ref() != Some(&why) {
                        tracing::warn!("what Gateways need cannot be written, tried again: {why}");
                        told = Some(why);
                    }
                    again = Some(backoff.wait());
                }
            }
        }
    }

    async fn write(&mut self, plan: &Plan) -> Result<(), String> {
        let mut problems = Vec::new();
        if let Err(error) = self.settle(plan).await {
            problems.push(format!("ConfigMap {}: {error}", self.ports));
        }
        for service in &plan.services {
            if plan.is_there(service) {
                // Should somebody delete it, it is made again.
                self.written.remove(&place(service));
            } else {
                problems.extend(self.apply_service(service).await.err());
            }
        }
        for service in plan.existing.values() {
            if plan.is_orphan(&self.home, &service.metadata) {
                problems.extend(self.delete(&**service).await.err());
            }
        }
        for selection in &plan.selections {
            problems.extend(self.select(selection).await);
        }
        match self.write_accounts(plan).await {
            Ok(more) => problems.extend(more),
            Err(error) => problems.push(format!("the ServiceAccounts cannot be listed: {error}")),
        }
        if problems.is_empty() { Ok(()) } else { Err(problems.join("; ")) }
    }

    /// Nobody watches these: they are listed when this process begins to lead, and known from then on.
    async fn write_accounts(&mut self, plan: &Plan) -> Result<Vec<String>, kube::Error> {
        let mut accounts = match self.accounts.take() {
            Some(accounts) => accounts,
            None => self.list_accounts().await?,
        };
        let mut problems = Vec::new();
        for account in &plan.accounts {
            match self.apply(account).await {
                Ok(None) => {}
                Ok(Some(made)) => drop(accounts.insert(place(&made), made)),
                Err(problem) => problems.push(problem),
            }
        }
        let is_orphan = |account: &ServiceAccount| plan.is_orphan(&self.home, &account.metadata);
        let orphans: Vec<_> = accounts.values().filter(|account| is_orphan(account)).cloned().collect();
        for orphan in orphans {
            match self.delete(&orphan).await {
                Ok(()) => drop(accounts.remove(&place(&orphan))),
                Err(problem) => problems.push(problem),
            }
        }
        self.accounts = Some(accounts);
        Ok(problems)
    }

    /// Gives a port to each listener port that has none. Written with the version that was read:
    /// of two who believe that they lead, one finds the other's.
    async fn settle(&mut self, plan: &Plan) -> Result<(), kube::Error> {
        let api: Api<ConfigMap> = Api::namespaced(self.client.clone(), &self.ports.namespace);
        let mut backoff = BACKOFF;
        loop {
            let there = api.get_opt(&self.ports.name).await?;
            let data = there.as_ref().and_then(|there| there.data.clone()).unwrap_or_default();
            let (mut allocation, broken) = Allocation::read(&data);
            for problem in broken {
                tracing::warn!("ConfigMap {}: {problem}", self.ports);
            }
            let left_out = allocation.settle(&plan.claims, jiff::Timestamp::now().as_second());
            self.say(left_out);
            let settled = allocation.write();
            if settled == data && there.is_some() {
                return Ok(());
            }
            let metadata = there.map(|there| there.metadata).unwrap_or_else(|| ObjectMeta {
                name: Some(self.ports.name.to_string()),
                owner_references: Some(vec![self.home.owner.clone()]),
                ..ObjectMeta::default()
            });
            let is_new = metadata.resource_version.is_none();
            let wanted = ConfigMap { metadata, data: Some(settled), ..ConfigMap::default() };
            let written = if is_new {
                api.create(&PostParams::default(), &wanted).await
            } else {
                api.replace(&self.ports.name, &PostParams::default(), &wanted).await
            };
            match written {
                Err(kube::Error::Api(status)) if status.code == 409 => {
                    tokio::time::sleep(backoff.wait()).await
                }
                other => return other.map(drop),
            }
            if !*self.leads.borrow() {
                return Ok(());
            }
        }
    }

    fn say(&mut self, left_out: BTreeSet<Claim>) {
        if !left_out.is_empty() && left_out != self.left_out {
            let first: Vec<_> = left_out.iter().take(8).map(ToString::to_string).collect();
            tracing::warn!("no port is left for {} listener ports: {}", left_out.len(), first.join(", "));
        }
        self.left_out = left_out;
    }

    /// Makes the object as it is wanted, unless that was done; returns it if it was made.
    async fn apply<T: Made>(&mut self, wanted: &T) -> Result<Option<T>, String> {
        self.try_apply(wanted).await.map_err(|error| problem(wanted, &error))
    }

    async fn try_apply<T: Made>(&mut self, wanted: &T) -> Result<Option<T>, kube::Error> {
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
            Err(error) => Err(error),
        }
    }

    async fn delete<T: Made>(&mut self, made: &T) -> Result<(), String> {
        let place = place(made);
        let (kind, namespace, name) = place.clone();
        let gone = "deleted".to_owned();
        if self.written.get(&place) == Some(&gone) || !*self.leads.borrow() {
            return Ok(());
        }
        let api: Api<T> = Api::namespaced(self.client.clone(), &namespace);
        let this = Preconditions { uid: made.meta().uid.clone(), resource_version: None };
        let parameters = DeleteParams { preconditions: Some(this), ..DeleteParams::default() };
        match api.delete(&name, &parameters).await {
            Ok(_) => tracing::info!("{kind} {namespace}/{name}, which nothing needs any more, is deleted"),
            // Gone already, or another one by that name.
            Err(kube::Error::Api(status)) if matches!(status.code, 404 | 409) => {}
            Err(error) => return Err(format!("{kind} {namespace}/{name}: {error}")),
        }
        self.written.insert(place, gone);
        Ok(())
    }

    /// Learns which ServiceAccounts are there already, so that a new leader writes none anew, and
    /// removes those of Gateways that went while nobody led.
    async fn list_accounts(&mut self) -> Result<BTreeMap<Place, ServiceAccount>, kube::Error> {
        let client = || self.client.clone();
        let apis: Vec<Api<ServiceAccount>> = match &self.namespaces {
            None => vec![Api::all(client())],
            Some(namespaces) => namespaces.iter().map(|one| Api::namespaced(client(), one)).collect(),
        };
        let mut accounts = BTreeMap::new();
        for api in apis {
            for account in api.list_metadata(&ListParams::default().labels(&self.home.label())).await? {
                let account = ServiceAccount { metadata: account.metadata, ..ServiceAccount::default() };
                if let Some(mark) = mark(&account) {
                    self.written.insert(place(&account), mark.to_owned());
                }
                accounts.insert(place(&account), account);
            }
        }
        Ok(accounts)
    }
}

/// A kind of object that Gateways need.
trait Made:
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

fn place<T: Resource<DynamicType = ()> + k8s_openapi::Resource>(object: &T) -> Place {
    let metadata = object.meta();
    (T::KIND, metadata.namespace.clone().unwrap_or_default(), metadata.name.clone().unwrap_or_default())
}

fn problem<T: Made>(object: &T, error: &kube::Error) -> String {
    let (kind, namespace, name) = place(object);
    format!("{kind} {namespace}/{name}: {error}")
}

/// Nothing can be made any more in a namespace that is being deleted.
fn is_going(status: &kube::core::Status) -> bool {
    status.code == 403 && status.message.contains("is being terminated")
}

#[cfg(test)]
mod tests;
