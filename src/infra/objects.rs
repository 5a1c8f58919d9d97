//! The Service and the ServiceAccount of a Gateway.

use super::plan::Member;
use super::ports::Claim;
use crate::api::gateway::Gateway;
use crate::api::gateway_parameters::{IpFamilyPolicy, ServiceType};
use crate::api::{ObjectMeta, Service, ServicePort};
use crate::model::IpProtocol;
use k8s_openapi::api::core::v1::{ServiceAccount, ServiceSpec};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::OwnerReference;
use k8s_openapi::apimachinery::pkg::util::intstr::IntOrString;
use std::collections::BTreeMap;
use std::net::IpAddr;
use std::ops::RangeInclusive;

const GATEWAY_NAME: &str = "gateway.networking.k8s.io/gateway-name";
const CLASS_NAME: &str = "gateway.networking.k8s.io/gateway-class-name";
/// In place of the three others, where it is the Gateway of an IngressClass.
const INGRESS_CLASS: &str = "tidegate.dev/ingress-class";
const GATEWAY_NAMESPACE: &str = "tidegate.dev/gateway-namespace";
const GATEWAY_UID: &str = "tidegate.dev/gateway-uid";
pub(super) const MANAGED_BY: &str = "app.kubernetes.io/managed-by";

/// What Kubernetes gives to Services as ports of the nodes, unless it is told otherwise. A listener on
/// such a port gets that very one.
const NODE_PORTS: RangeInclusive<u16> = 30000..=32767;

/// The longest name of a Service, and the longest value of a label.
const LABEL: usize = 63;

/// The pods that serve, and where they are.
#[derive(Clone, Debug, PartialEq)]
pub struct Home {
    /// Tidegate's own namespace.
    pub namespace: String,
    /// The labels by which its pods are found.
    pub selector: BTreeMap<String, String>,
    /// Its Deployment: what it owns goes with it.
    pub owner: OwnerReference,
    /// The controller, as value of a label.
    pub managed_by: String,
}

impl Home {
    /// Selects what was made by this controller.
    pub fn label(&self) -> String {
        format!("{MANAGED_BY}={}", self.managed_by)
    }
}

/// What tells that an object was made for a Gateway, for a list of all of them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Owned {
    /// `metadata.uid` of the Gateway.
    pub(super) gateway_uid: String,
}

impl Owned {
    /// None if an object with these labels was not made by the controller of this home.
    pub(super) fn of(metadata: &ObjectMeta, home: &Home) -> Option<Self> {
        let labels = metadata.labels.as_ref()?;
        let ours = labels.get(MANAGED_BY) == Some(&home.managed_by);
        labels.get(GATEWAY_UID).filter(|_| ours).map(|uid| Self { gateway_uid: uid.clone() })
    }
}

/// The Service of a Gateway, in Tidegate's namespace: clients come to its ports, and Kubernetes
/// leads them to those of the pods.
pub(super) fn service(home: &Home, member: &Member<'_>, ports: &BTreeMap<Claim, u16>) -> Service {
    let Member { gateway, settings, address, .. } = *member;
    let type_ = type_of(member);
    let from_outside = type_ != ServiceType::ClusterIP;
    let balanced = type_ == ServiceType::LoadBalancer;
    let ports = ports.iter().map(|(claim, pod_port)| {
        let (name, protocol) = match claim.protocol {
            IpProtocol::Tcp => ("tcp", "TCP"),
            IpProtocol::Udp => ("udp", "UDP"),
        };
        ServicePort {
            name: Some(format!("{name}-{}", claim.port)),
            protocol: Some(protocol.to_owned()),
            port: claim.port.into(),
            target_port: Some(IntOrString::Int((*pod_port).into())),
            node_port: (type_ == ServiceType::NodePort && NODE_PORTS.contains(&claim.port))
                .then(|| claim.port.into()),
            ..ServicePort::default()
        }
    });
    let spec = ServiceSpec {
        type_: text_of(type_),
        selector: Some(home.selector.clone()),
        ports: Some(ports.collect()),
        // Deprecated in favour of annotations that every load balancer has of its own; nearly all
        // of them honour it.
        load_balancer_ip: address.filter(|_| balanced).map(|ip| ip.to_string()),
        load_balancer_class: settings.load_balancer_class.clone().filter(|_| balanced),
        load_balancer_source_ranges: settings.load_balancer_source_ranges.clone().filter(|_| balanced),
        // The API server refuses these where the type has no use for them.
        external_traffic_policy: settings.external_traffic_policy.filter(|_| from_outside).and_then(text_of),
        ip_family_policy: ip_family_policy(member).and_then(text_of),
        ..ServiceSpec::default()
    };
    let mut metadata = metadata(home, gateway);
    if !settings.annotations.is_empty() {
        // What the Gateway itself says comes first.
        let mut annotations = settings.annotations.clone();
        annotations.extend(metadata.annotations.take().unwrap_or_default());
        metadata.annotations = Some(annotations);
    }
    metadata.name = Some(service_name(gateway));
    metadata.namespace = Some(home.namespace.clone());
    metadata.owner_references = Some(vec![home.owner.clone()]);
    Service { metadata, spec: Some(spec), ..Service::default() }
}

/// Of which type a Gateway's Service is to be; `set` is what the parameters say. What is asked for comes
/// before that: who wants to be reached from inside of the cluster only is never exposed.
pub fn service_type(set: Option<ServiceType>, by_host: bool, internal: bool) -> ServiceType {
    let usual = if by_host { ServiceType::ClusterIP } else { ServiceType::LoadBalancer };
    if internal { ServiceType::ClusterIP } else { set.unwrap_or(usual) }
}

fn type_of(member: &Member<'_>) -> ServiceType {
    service_type(member.settings.type_, member.by_host, member.internal)
}

/// The type of a Service that is there, if it is another.
pub fn other_type(service: &Service, wanted: ServiceType) -> Option<&str> {
    let type_ = service.spec.as_ref()?.type_.as_deref()?;
    (text_of(wanted).as_deref() != Some(type_)).then_some(type_)
}

/// There is one ClusterIP for each family: who asks for two needs both.
fn ip_family_policy(member: &Member<'_>) -> Option<IpFamilyPolicy> {
    let others = if has_cluster_ips_only(member) { member.usual_count } else { 0 };
    let count = member.cluster_count + others;
    member.settings.ip_family_policy.or((count > 1).then_some(IpFamilyPolicy::PreferDualStack))
}

/// Whether ClusterIPs are what it gets by default.
fn has_cluster_ips_only(member: &Member<'_>) -> bool {
    type_of(member) == ServiceType::ClusterIP && !member.by_host
}

/// Sets the addresses that a Service is to begin with.
pub(super) fn set_cluster_ips(service: &mut Service, member: &Member<'_>) {
    let is_own = has_cluster_ips_only(member);
    let mut wanted: Vec<IpAddr> = Vec::new();
    for ip in member.cluster_ips.iter().chain(member.address.as_ref().filter(|_| is_own)) {
        if wanted.iter().all(|other| other.is_ipv4() != ip.is_ipv4()) {
            wanted.push(*ip);
        }
    }
    if matches!(ip_family_policy(member), None | Some(IpFamilyPolicy::SingleStack)) {
        wanted.truncate(1);
    }
    with_cluster_ips(service, &wanted);
}

fn with_cluster_ips(service: &mut Service, ips: &[IpAddr]) {
    let ips: Vec<_> = ips.iter().map(ToString::to_string).collect();
    let Some(spec) = &mut service.spec else { return };
    spec.cluster_ip = ips.first().cloned();
    spec.cluster_ips = (!ips.is_empty()).then_some(ips);
}

/// The Service with fewer and fewer of the ClusterIPs that it asks for, at last with none: what is tried
/// when the API server refuses them.
pub fn without_cluster_ips(service: &Service) -> Vec<Service> {
    let asked = service.spec.as_ref().and_then(|spec| spec.cluster_ips.clone()).unwrap_or_default();
    let ips: Vec<IpAddr> = asked.iter().filter_map(|ip| ip.parse().ok()).collect();
    let each = ips.iter().map(std::slice::from_ref).filter(|_| ips.len() > 1);
    let sets = each.chain((!ips.is_empty()).then_some(&[][..]));
    let tried = sets.map(|ips| {
        let mut service = service.clone();
        with_cluster_ips(&mut service, ips);
        service
    });
    tried.collect()
}

/// The ServiceAccount in the Gateway's own namespace, by which others find what a Gateway is made
/// of. Nothing runs under it, so it has no token. Its owner is the GatewayClass, which the chart brings
/// and takes away: were it the Gateway, it would outlive an uninstalled release.
pub(super) fn service_account(home: &Home, gateway: &Gateway, class_uid: &str) -> ServiceAccount {
    let mut metadata = metadata(home, gateway);
    let (name, uid) = (text(gateway.metadata.name.as_ref()), text(gateway.metadata.uid.as_ref()));
    let class = &gateway.spec.gateway_class_name;
    // Neither another Gateway's (`a-b` of class `c`, `a` of class `b-c`) nor one of the user's own.
    metadata.name = Some(with_uid(&format!("{name}-{class}"), uid));
    metadata.namespace.clone_from(&gateway.metadata.namespace);
    metadata.owner_references = Some(vec![OwnerReference {
        api_version: format!("{}/v1", crate::api::gateway::GROUP),
        kind: "GatewayClass".to_owned(),
        name: class.clone(),
        uid: class_uid.to_owned(),
        ..OwnerReference::default()
    }]);
    ServiceAccount { metadata, automount_service_account_token: Some(false), ..ServiceAccount::default() }
}

/// Labels and annotations as the Gateway wants them, except that nobody can say of an object that
/// it is another Gateway's.
fn metadata(home: &Home, gateway: &Gateway) -> ObjectMeta {
    let infrastructure = gateway.spec.infrastructure.as_ref();
    let mut labels: BTreeMap<String, String> = BTreeMap::new();
    let mut annotations: BTreeMap<String, String> = BTreeMap::new();
    if let Some(wanted) = infrastructure {
        labels.extend(wanted.labels.iter().map(|(key, value)| (key.clone(), value.clone())));
        annotations.extend(wanted.annotations.iter().map(|(key, value)| (key.clone(), value.clone())));
    }
    let uid = text(gateway.metadata.uid.as_ref());
    let (name, namespace) = (text(gateway.metadata.name.as_ref()), text(gateway.metadata.namespace.as_ref()));
    let whose = match namespace {
        "" => vec![(INGRESS_CLASS, name)],
        _ => vec![
            (GATEWAY_NAME, name),
            (CLASS_NAME, &*gateway.spec.gateway_class_name),
            (GATEWAY_NAMESPACE, namespace),
        ],
    };
    let own = whose.into_iter().chain([(GATEWAY_UID, uid), (MANAGED_BY, &*home.managed_by)]);
    labels.extend(own.map(|(key, value)| (key.to_owned(), shortened(value, uid))));
    ObjectMeta {
        labels: Some(labels),
        annotations: (!annotations.is_empty()).then_some(annotations),
        ..ObjectMeta::default()
    }
}

/// Readable, and with a part of the uid, which no tenant can choose: `a-b/c` and `a/b-c` are two
/// Gateways, and neither may have the other's Service.
pub fn service_name(gateway: &Gateway) -> String {
    let (namespace, name) = (text(gateway.metadata.namespace.as_ref()), text(gateway.metadata.name.as_ref()));
    // A Service's name has no dots and begins with a letter. That of an IngressClass has no namespace.
    let whole =
        if namespace.is_empty() { format!("ingress-{name}") } else { format!("gw-{namespace}-{name}") };
    let whole = whole.replace('.', "-");
    let uid = text(gateway.metadata.uid.as_ref());
    with_uid(&whole, uid)
}

/// As it is if it is short enough, else its beginning and a part of the uid.
pub(super) fn shortened(whole: &str, uid: &str) -> String {
    if whole.len() <= LABEL { whole.to_owned() } else { with_uid(whole, uid) }
}

fn with_uid(whole: &str, uid: &str) -> String {
    const PART: usize = 8;
    let part: String = uid.chars().filter(char::is_ascii_alphanumeric).take(PART).collect();
    // Names in Kubernetes are ASCII; for what is not, whole characters are kept.
    let beginning: String = whole.chars().take(LABEL - PART - 1).collect();
    let beginning = beginning.trim_end_matches(['-', '.', '_']);
    format!("{beginning}-{part}")
}

/// The name of a variant as it stands in a manifest.
fn text_of(value: impl serde::Serialize) -> Option<String> {
    serde_json::to_value(value).ok()?.as_str().map(str::to_owned)
}

fn text(text: Option<&String>) -> &str {
    text.map(String::as_str).unwrap_or_default()
}

#[cfg(test)]
pub(crate) mod testing;
#[cfg(test)]
mod tests;
