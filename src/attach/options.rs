//! What holds for all objects.

use crate::infra::Home;
use crate::model::ObjectKey;
use crate::support::forbidden::TargetPolicy;
use std::collections::{BTreeMap, BTreeSet};
use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;

/// Settings of the decisions.
#[derive(Clone, Debug)]
pub struct Options {
    /// The name under which GatewayClasses and status entries are this controller's.
    pub controller_name: Arc<str>,
    /// The name under which IngressClasses are this controller's.
    pub ingress_controller: Arc<str>,
    /// A class name that needs no GatewayClass object.
    pub implicit_class: Option<Arc<str>>,
    /// Where listeners listen.
    pub place: Place,
    /// The namespaces whose objects count; none: all of them.
    pub watched: Option<BTreeSet<Arc<str>>>,
    /// Which targets may be connected to.
    pub targets: TargetPolicy,
}

/// Where listeners listen, and by what their clients come.
#[derive(Clone, Debug)]
pub enum Place {
    /// On the Gateway's own addresses.
    Addresses {
        /// Of a Gateway that does not ask for one.
        default: IpAddr,
    },
    /// In pods that every Gateway shares, behind a Service for each.
    Pods(Box<Pods>),
}

/// The pods that serve a cluster.
#[derive(Clone, Debug)]
pub struct Pods {
    /// Where they are, and what is made for them.
    pub home: Home,
    /// The ConfigMap with the ports that were given.
    pub ports: ObjectKey,
    /// On which addresses of the pod to listen: the unspecified one of each of its families.
    pub binds: Vec<IpAddr>,
    /// The Gateway that is reached by ports of the nodes, if there is one.
    pub host: Option<HostPorts>,
}

/// Ports of the nodes that lead to ports of the pods (`hostPort`).
#[derive(Clone, Debug)]
pub struct HostPorts {
    /// Whose they are.
    pub gateway: ObjectKey,
    /// From the port of the nodes, which is that of a listener, to that of the pods.
    pub ports: BTreeMap<u16, u16>,
}

impl Options {
    /// The name in a GatewayClass's `controllerName`.
    pub const CONTROLLER_NAME: &'static str = "tidegate.dev/gateway-controller";

    /// The name in an IngressClass's `controller`.
    pub const INGRESS_CONTROLLER: &'static str = "tidegate.dev/ingress-controller";

    /// Without a cluster: Gateways of class `tidegate` need no GatewayClass, and Ingresses of it no IngressClass, listeners bind to
    /// 127.0.0.1 unless told otherwise, and targets may be on this machine.
    pub fn standalone() -> Self {
        Self {
            controller_name: Self::CONTROLLER_NAME.into(),
            ingress_controller: Self::INGRESS_CONTROLLER.into(),
            implicit_class: Some("tidegate".into()),
            place: Place::Addresses { default: Ipv4Addr::LOCALHOST.into() },
            watched: None,
            targets: TargetPolicy::new(true, Vec::new()),
        }
    }

    /// In a cluster: a Gateway's class has to exist, its listeners are in these pods.
    pub fn cluster(controller_name: Arc<str>, pods: Pods, targets: TargetPolicy) -> Self {
        let place = Place::Pods(Box::new(pods));
        let ingress_controller = Self::INGRESS_CONTROLLER.into();
        Self { controller_name, ingress_controller, implicit_class: None, place, watched: None, targets }
    }

    /// The same for all replicas of one installation and for as long as it is there, and known to few
    /// others: the uid of its Deployment. Empty without a cluster.
    pub fn installation(&self) -> &str {
        match &self.place {
            Place::Pods(pods) => &pods.home.owner.uid,
            Place::Addresses { .. } => "",
        }
    }

    /// Whether objects of this namespace count.
    pub(super) fn watches(&self, namespace: &str) -> bool {
        self.watched.as_ref().is_none_or(|watched| watched.contains(namespace))
    }

    /// Whether GatewayParameters of this namespace are known: Tidegate's own is read in any case, for
    /// those of its GatewayClass.
    pub(super) fn reads_parameters(&self, namespace: &str) -> bool {
        let own = match &self.place {
            Place::Pods(pods) => pods.home.namespace == namespace,
            Place::Addresses { .. } => false,
        };
        own || self.watches(namespace)
    }

    /// Whether objects are made for each Gateway, which carry its `infrastructure`.
    pub(super) fn makes_infrastructure(&self) -> bool {
        matches!(self.place, Place::Pods(_))
    }
}
