//! The ports of the pods, and each Gateway's Service and ServiceAccount.

mod services;

use super::objects::{Made, ObjectWriter, Place, place};
use crate::api::{ConfigMap, ObjectMeta};
use crate::infra::{Allocation, Claim, Home, Plan, mark};
use crate::model::ObjectKey;
use crate::source::cluster::Client;
use crate::support::backoff::Backoff;
use k8s_openapi::api::core::v1::ServiceAccount;
use kube::Api;
use kube::api::{ListParams, PostParams};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::watch;

/// After the API server did not answer.
const BACKOFF: Backoff = Backoff::new(Duration::from_millis(100), Duration::from_secs(10));

/// A port that rested long enough is given to whoever waits for one by then.
const LOOK_AGAIN: Duration = Duration::from_secs(60);

/// Writes what Gateways want by the newest plan, as long as this process leads.
pub struct InfraWriter {
    objects: ObjectWriter,
    ports: ObjectKey,
    /// Where Gateways can be; none: everywhere.
    namespaces: Option<BTreeSet<Arc<str>>>,
    /// None until the first: what nobody planned is neither made nor removed.
    plans: watch::Receiver<Option<Arc<Plan>>>,
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
            objects: ObjectWriter::new(client, home, leads),
            ports,
            namespaces: None,
            plans,
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
                changed = self.objects.leads.changed() => if changed.is_err() { return },
                () = pause => {}
            }
            if !*self.objects.leads.borrow_and_update() {
                self.objects.written.clear();
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
                self.objects.written.remove(&place(service));
            } else {
                problems.extend(self.apply_service(service).await.err());
            }
        }
        for service in plan.existing.values() {
            if plan.is_orphan(&self.objects.home, &service.metadata) {
                problems.extend(self.delete(&**service).await.err());
            }
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
        let is_orphan = |account: &ServiceAccount| plan.is_orphan(&self.objects.home, &account.metadata);
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
        let api: Api<ConfigMap> = Api::namespaced(self.objects.client.clone(), &self.ports.namespace);
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
                owner_references: Some(vec![self.objects.home.owner.clone()]),
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
            if !*self.objects.leads.borrow() {
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

    async fn apply<T: Made>(&mut self, wanted: &T) -> Result<Option<T>, String> {
        self.objects.apply(wanted).await.map_err(|error| problem(wanted, &error))
    }

    async fn delete<T: Made>(&mut self, made: &T) -> Result<(), String> {
        self.objects.delete(made).await.map_err(|error| problem(made, &error))
    }

    /// Learns which ServiceAccounts are there already, so that a new leader writes none anew, and
    /// removes those of Gateways that went while nobody led.
    async fn list_accounts(&mut self) -> Result<BTreeMap<Place, ServiceAccount>, kube::Error> {
        let client = || self.objects.client.clone();
        let apis: Vec<Api<ServiceAccount>> = match &self.namespaces {
            None => vec![Api::all(client())],
            Some(namespaces) => namespaces.iter().map(|one| Api::namespaced(client(), one)).collect(),
        };
        let mut accounts = BTreeMap::new();
        for api in apis {
            for account in
                api.list_metadata(&ListParams::default().labels(&self.objects.home.label())).await?
            {
                let account = ServiceAccount { metadata: account.metadata, ..ServiceAccount::default() };
                if let Some(mark) = mark(&account) {
                    self.objects.written.insert(place(&account), mark.to_owned());
                }
                accounts.insert(place(&account), account);
            }
        }
        Ok(accounts)
    }
}

fn problem<T: Made>(object: &T, error: &kube::Error) -> String {
    let (kind, namespace, name) = place(object);
    format!("{kind} {namespace}/{name}: {error}")
}

#[cfg(test)]
mod tests;
