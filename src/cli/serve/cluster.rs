//! Taking part in a cluster.

use crate::api::{Kind, ObjectId};
use crate::attach::{HostPorts, Options as Decisions, Pods};
use crate::control::{Control, Elector, EventWriter, InfraWriter, Peers, SelectionWriter, StatusWriter};
use crate::infra::Home;
use crate::model::ObjectKey;
use crate::source::Source;
use crate::source::cluster::{self, Client, Scope};
use crate::support::backoff::Backoff;
use crate::support::forbidden::TargetPolicy;
use crate::telemetry::Metrics;
use ipnet::IpNet;
use k8s_openapi::api::apps::v1::Deployment;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::OwnerReference;
use kube::Api;
use std::collections::BTreeSet;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

/// While the API server does not answer at the start.
const BACKOFF: Backoff = Backoff::new(Duration::from_millis(200), Duration::from_secs(5));

/// What is told of the cluster on the command line and in the environment of the pod.
#[derive(Clone, Debug, clap::Args)]
#[command(next_help_heading = "In a cluster (without --source)")]
pub(super) struct ClusterArgs {
    /// GatewayClasses with this controllerName are served
    #[arg(long, value_name = "NAME", default_value = Decisions::CONTROLLER_NAME)]
    controller_name: String,
    /// IngressClasses with this controller are served
    #[arg(long, value_name = "NAME", default_value = Decisions::INGRESS_CONTROLLER)]
    ingress_controller_name: String,
    /// The Deployment of these pods, by which the Lease and what is made for Gateways are named
    #[arg(long, value_name = "NAME", default_value = "tidegate")]
    instance: String,
    /// Namespace whose objects count; may be given several times. Without it all of them do
    #[arg(long, value_name = "NAMESPACE")]
    watch_namespace: Vec<String>,
    /// Network that Upstreams may lead to although it is loopback or link-local; may be given
    /// several times
    #[arg(long, value_name = "CIDR")]
    allow_target: Vec<IpNet>,
    /// Gateway that is reached by ports of the nodes (hostPort)
    #[arg(long, value_name = "NAMESPACE/NAME", value_parser = gateway, requires = "host_port")]
    host_gateway: Option<ObjectKey>,
    /// A port of the nodes, which is that of a listener, and the port of the pods to which it leads;
    /// may be given several times
    #[arg(long, value_name = "PORT:PORT", value_parser = ports, requires = "host_gateway")]
    host_port: Vec<(u16, u16)>,
    /// Name of this pod
    #[arg(long, value_name = "NAME", env = "POD_NAME", default_value = "")]
    pod_name: String,
    /// Namespace of this pod
    #[arg(long, value_name = "NAMESPACE", env = "POD_NAMESPACE", default_value = "")]
    pod_namespace: String,
    /// Addresses of this pod
    #[arg(long, value_name = "IP", env = "POD_IPS", value_delimiter = ',')]
    pod_ips: Vec<IpAddr>,
    /// Addresses of the node of this pod
    #[arg(long, value_name = "IP", env = "NODE_IPS", value_delimiter = ',')]
    node_ips: Vec<IpAddr>,
}

/// A place in the cluster.
pub(super) struct Member {
    client: Client,
    pods: Pods,
    args: ClusterArgs,
    metrics: Arc<Metrics>,
}

impl Member {
    /// Finds out where this pod belongs; waits for an API server that does not answer yet.
    pub(super) async fn new(args: &ClusterArgs, metrics: Arc<Metrics>) -> Result<Self, String> {
        for (value, name, field) in [
            (args.pod_name.is_empty(), "POD_NAME", "metadata.name"),
            (args.pod_namespace.is_empty(), "POD_NAMESPACE", "metadata.namespace"),
            (args.pod_ips.is_empty(), "POD_IPS", "status.podIPs"),
        ] {
            if value {
                return Err(format!(
                    "neither --source nor {name} is given: outside of a cluster give --source DIR, in a pod set \
                     {name} from the field {field}, as the chart does"
                ));
            }
        }
        let client = cluster::client().await?;
        let deployment = deployment(&client, args).await?;
        let selector = deployment.spec.and_then(|spec| spec.selector.match_labels).unwrap_or_default();
        let home = Home {
            namespace: args.pod_namespace.clone(),
            selector,
            owner: OwnerReference {
                api_version: "apps/v1".to_owned(),
                kind: "Deployment".to_owned(),
                name: args.instance.clone(),
                uid: deployment.metadata.uid.unwrap_or_default(),
                ..OwnerReference::default()
            },
            managed_by: args.instance.clone(),
        };
        let ports = ObjectKey::new(&*args.pod_namespace, format!("{}-ports", args.instance));
        let host = args
            .host_gateway
            .clone()
            .map(|gateway| HostPorts { gateway, ports: args.host_port.iter().copied().collect() });
        let pods = Pods { home, ports, binds: binds(&args.pod_ips), host };
        Ok(Self { client, pods, args: args.clone(), metrics })
    }

    /// What happens in the cluster.
    pub(super) fn source(&self) -> Source {
        let ports = ObjectId { kind: Kind::ConfigMap, key: self.pods.ports.clone() };
        let own = self.pods.ports.namespace.clone();
        let scope = Scope { namespaces: self.watched(), own, named: [ports].into() };
        cluster::follow(&self.client, scope, &self.metrics)
    }

    /// The namespaces that count; none: all of them.
    fn watched(&self) -> Option<BTreeSet<Arc<str>>> {
        let given = &self.args.watch_namespace;
        (!given.is_empty()).then(|| given.iter().map(|name| name.as_str().into()).collect())
    }

    /// How its objects are judged.
    pub(super) fn decisions(&self) -> Decisions {
        let targets = TargetPolicy::new(false, self.args.allow_target.clone());
        let targets = targets.with_local(self.args.pod_ips.clone());
        let name = self.args.controller_name.as_str().into();
        let ingress_controller = self.args.ingress_controller_name.as_str().into();
        let decisions = Decisions::cluster(name, self.pods.clone(), targets);
        Decisions { watched: self.watched(), ingress_controller, ..decisions }
    }

    /// Takes part in the election until `stop`, and has the leader write. The tasks end with what
    /// they are told by, but the first: it ends once the Lease is given back.
    pub(super) fn write(
        self,
        control: Control,
        stop: oneshot::Receiver<()>,
    ) -> (Control, JoinHandle<()>, Vec<JoinHandle<()>>) {
        let watched = self.watched();
        let Self { client, pods, args, metrics } = self;
        // As the chart names it.
        let replicas = ObjectKey::new(&*args.pod_namespace, format!("{}-replicas", args.instance));
        let home = (args.pod_namespace.as_str(), args.instance.as_str());
        let (elector, leads) = Elector::new(client.clone(), home.0, home.1, &args.pod_name, metrics.clone());
        let elector = elector.owned_by(pods.home.owner.clone());
        let name: Arc<str> = args.controller_name.as_str().into();
        let (warnings, events) =
            EventWriter::new(client.clone(), name.clone(), &args.pod_name, metrics.clone());
        let (statuses, queue) =
            StatusWriter::new(client.clone(), name, leads.clone(), events.clone(), metrics.clone());
        let (infra, plans) = InfraWriter::new(client.clone(), pods.home.clone(), pods.ports, leads.clone());
        let selections = SelectionWriter::new(client, pods.home, plans.subscribe(), leads.clone(), events);
        let election = tokio::spawn(elector.run(async {
            // Stopped by its sender's end too.
            let _ = stop.await;
        }));
        let writers = vec![
            tokio::spawn(statuses.run()),
            tokio::spawn(infra.within(watched).run()),
            tokio::spawn(selections.run()),
            tokio::spawn(warnings.run()),
        ];
        let peers = Peers { service: replicas, own: args.pod_name.as_str().into() };
        let control =
            control.on_node(args.node_ips.into_iter().collect()).writing(queue, plans, leads, peers);
        (control, election, writers)
    }
}

async fn deployment(client: &Client, args: &ClusterArgs) -> Result<Deployment, String> {
    let api: Api<Deployment> = Api::namespaced(client.clone(), &args.pod_namespace);
    let mut backoff = BACKOFF;
    let mut told = None;
    loop {
        match api.get_opt(&args.instance).await {
            Ok(Some(deployment)) => return Ok(deployment),
            Ok(None) => {
                return Err(format!(
                    "there is no Deployment {}/{}: --instance must name that of this pod",
                    args.pod_namespace, args.instance
                ));
            }
            Err(error) => {
                let error = error.to_string();
                if told.as_ref() != Some(&error) {
                    tracing::warn!(
                        "Deployment {}/{} cannot be read, tried again: {error}",
                        args.pod_namespace,
                        args.instance
                    );
                    told = Some(error);
                }
                tokio::time::sleep(backoff.wait()).await;
            }
        }
    }
}

fn gateway(text: &str) -> Result<ObjectKey, String> {
    match text.split_once('/') {
        Some((namespace, name)) if !namespace.is_empty() && !name.is_empty() => {
            Ok(ObjectKey::new(namespace, name))
        }
        _ => Err("must be a namespace and a name with / between".to_owned()),
    }
}

fn ports(text: &str) -> Result<(u16, u16), String> {
    let port = |text: &str| text.parse().ok().filter(|port| *port > 0);
    let both = text.split_once(':').and_then(|(node, pod)| Some((port(node)?, port(pod)?)));
    both.ok_or_else(|| "must be two ports with : between".to_owned())
}

/// The unspecified address of each family that the pod has: its listeners are reached by
/// `kubectl port-forward` too, which comes by loopback.
fn binds(pod: &[IpAddr]) -> Vec<IpAddr> {
    let mut binds = Vec::new();
    if pod.iter().any(IpAddr::is_ipv4) {
        binds.push(Ipv4Addr::UNSPECIFIED.into());
    }
    if pod.iter().any(IpAddr::is_ipv6) {
        binds.push(Ipv6Addr::UNSPECIFIED.into());
    }
    binds
}
