//! IngressClasses of this controller. Each stands for one Gateway, which is no object: on its listeners
//! the class's Ingresses are served, as routes are on those of any other.

use super::claims::{Claims, Rank};
use super::gateway::created;
use super::options::Options;
use super::parameters::{self, Resolved};
use crate::api::gateway::{
    AllowedRoutes, FromNamespaces, Gateway, GatewaySpec, GatewaySpecAddress, Listener, ListenerTlsConfig,
    ObjectReference, RouteNamespaces, SecretObjectReference,
};
use crate::api::ingress::{DEFAULT_CLASS_ANNOTATION, Ingress, IngressClass, gateway_of_class};
use crate::api::{Kind, ObjectId, ObjectMeta};
use crate::convert;
use crate::index::{Dirty, Index};
use crate::model::ObjectKey;
use crate::support::relation::Relation;
use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// Annotations of an IngressClass.
const HTTP_PORT: &str = "tidegate.dev/http-port";
const HTTPS_PORT: &str = "tidegate.dev/https-port";
const ADDRESSES: &str = "tidegate.dev/addresses";

/// The usual ports, where a load balancer has them.
const BALANCED: (u16, u16) = (80, 443);
/// On this machine, where those are only for root.
const LOCAL: (u16, u16) = (8080, 8443);

/// Whose an Ingress is.
pub(super) enum Membership {
    /// Of this controller's class with this Gateway.
    Ours(ObjectKey),
    /// Of no class: why, for people.
    Nobodys(String),
    /// Of somebody else's class: why, for people.
    Foreign(String),
}

/// All classes, as they are now.
pub(super) struct Classes<'a> {
    index: &'a Index,
    options: &'a Options,
    default: Option<&'a str>,
}

impl<'a> Classes<'a> {
    pub(super) fn new(index: &'a Index, options: &'a Options) -> Self {
        let defaults = index.all::<IngressClass>().filter(|class| {
            let annotations = class.metadata.annotations.as_ref();
            annotations.and_then(|all| all.get(DEFAULT_CLASS_ANNOTATION)).is_some_and(|value| value == "true")
        });
        // Of several the newest, then the first by name: so the API server chooses for new Ingresses.
        let default = defaults.min_by_key(|class| (Reverse(created(&class.metadata)), &class.metadata.name));
        Self { index, options, default: default.and_then(|class| class.metadata.name.as_deref()) }
    }

    /// Whose an Ingress is.
    pub(super) fn of(&self, ingress: &Ingress) -> Membership {
        let Some(name) = ingress.class().or(self.default) else {
            let why = "spec.ingressClassName: it names no class, and no IngressClass is the default one";
            return Membership::Nobodys(why.to_owned());
        };
        let key = gateway_of_class(name);
        let ours = &self.options.ingress_controller;
        if let Some(class) = self.index.get::<IngressClass>(&key) {
            let controller = class.spec.as_ref().and_then(|spec| spec.controller.as_deref());
            return match controller.unwrap_or_default() {
                controller if *controller == **ours => Membership::Ours(key),
                other => Membership::Foreign(format!(
                    "spec.ingressClassName: IngressClass {name} is for controller {other:?}, not for {ours:?}"
                )),
            };
        }
        let id = ObjectId { kind: Kind::IngressClass, key: key.clone() };
        Membership::Nobodys(match self.index.why_broken(&id) {
            Some(broken) => format!("IngressClass {name} cannot be read: {}", broken.message()),
            None if self.options.implicit_class.as_deref() == Some(name) => return Membership::Ours(key),
            None => format!("spec.ingressClassName: IngressClass {name} does not exist"),
        })
    }
}

/// What holds for the clients of a class's Gateway.
///
/// # Errors
/// Why that is not known, in words that name the field.
pub(super) fn parameters(index: &Index, options: &Options, key: &ObjectKey) -> Result<Resolved, String> {
    let Some(class) = index.get::<IngressClass>(key) else { return Ok(Resolved::default()) };
    ports(options, Some(class))?;
    let Some(wire) = class.spec.as_ref().and_then(|spec| spec.parameters.as_ref()) else {
        return Ok(Resolved::default());
    };
    let reference = ObjectReference {
        group: wire.api_group.clone().unwrap_or_default(),
        kind: wire.kind.clone(),
        name: wire.name.clone(),
        namespace: wire.namespace.clone(),
    };
    parameters::of_reference(index, options, "spec.parameters", &reference)
}

fn annotation<'a>(class: Option<&'a Arc<IngressClass>>, name: &str) -> Option<&'a str> {
    class?.metadata.annotations.as_ref()?.get(name).map(String::as_str)
}

/// The ports for HTTP and HTTPS.
fn ports(options: &Options, class: Option<&Arc<IngressClass>>) -> Result<(u16, u16), String> {
    let usual = if options.makes_infrastructure() { BALANCED } else { LOCAL };
    let port = |name: &str, usual: u16| match annotation(class, name) {
        None => Ok(usual),
        Some(text) => match text.parse() {
            Ok(0) | Err(_) => {
                Err(format!("metadata.annotations[{name}]: {text:?} is no port: give one from 1 to 65535"))
            }
            Ok(port) => Ok(port),
        },
    };
    let (http, https) = (port(HTTP_PORT, usual.0)?, port(HTTPS_PORT, usual.1)?);
    if http == https {
        return Err(format!("metadata.annotations: {HTTP_PORT} and {HTTPS_PORT} are both {http}"));
    }
    Ok((http, https))
}

/// A host with a certificate, on the Gateway of one class; none for every host.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct TlsHost {
    pub(super) gateway: ObjectKey,
    pub(super) host: Option<Arc<str>>,
}

impl TlsHost {
    /// The listener that is made for it.
    pub(super) fn listener(&self) -> String {
        self.host.as_ref().map_or_else(|| "https".to_owned(), |host| format!("https-{host}"))
    }
}

/// A host with a path, on the Gateway of one class: what only one Ingress can have.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct HostPath {
    pub(super) gateway: ObjectKey,
    /// Empty for every host.
    pub(super) host: String,
    pub(super) exact: bool,
    pub(super) path: Arc<str>,
}

/// What has to be looked at again.
#[derive(Debug, Default)]
pub(super) struct Touched {
    /// Gateways of classes.
    pub(super) gateways: BTreeSet<ObjectKey>,
    /// Ingresses.
    pub(super) ingresses: BTreeSet<ObjectId>,
}

/// The Gateways of all classes, and which Ingress has what on them.
#[derive(Debug, Default)]
pub(super) struct IngressClasses {
    gateways: BTreeMap<ObjectKey, Arc<Gateway>>,
    /// Ingress to Gateway.
    members: Relation<ObjectKey, ObjectKey>,
    hosts: Claims<TlsHost>,
    /// The Secrets of each Ingress by host.
    secrets: BTreeMap<ObjectKey, BTreeMap<TlsHost, Arc<str>>>,
    pub(super) paths: Claims<HostPath>,
}

impl IngressClasses {
    /// The Gateway of a class, while an Ingress is of that class.
    pub(super) fn gateway(&self, key: &ObjectKey) -> Option<&Arc<Gateway>> {
        self.gateways.get(key)
    }

    /// The Gateway by which an Ingress is served.
    pub(super) fn gateway_of(&self, ingress: &ObjectKey) -> Option<&ObjectKey> {
        self.members.used_by(ingress).next()
    }

    /// The Ingresses that are served by a Gateway.
    pub(super) fn members(&self, gateway: &ObjectKey) -> impl Iterator<Item = &ObjectKey> {
        self.members.users_of(gateway)
    }

    /// Whose certificate a host has: an Ingress and its Secret.
    pub(super) fn certificate(&self, host: &TlsHost) -> Option<(&ObjectKey, &Arc<str>)> {
        let owner = self.hosts.owner(host)?;
        Some((owner, self.secrets.get(owner)?.get(host)?))
    }

    /// Makes the Gateways anew where something changed.
    pub(super) fn follow(&mut self, index: &Index, options: &Options, dirty: &Dirty) -> Touched {
        let of_kind = |kind: Kind| dirty.objects.iter().filter(move |id| id.kind == kind);
        let mut touched = Touched::default();
        touched.gateways.extend(of_kind(Kind::IngressClass).map(|id| gateway_of_class(&id.key.name)));
        touched.ingresses.extend(of_kind(Kind::Ingress).cloned());
        if !touched.gateways.is_empty() {
            // Any may have another class now, or the same in another state.
            touched.ingresses.extend(index.ids(Kind::Ingress).cloned());
        }
        if touched.ingresses.is_empty() {
            return touched;
        }
        let classes = Classes::new(index, options);
        let mut others = BTreeSet::new();
        for id in &touched.ingresses {
            let ingress = index.get::<Ingress>(&id.key);
            let gateway = ingress.and_then(|ingress| match classes.of(ingress) {
                Membership::Ours(gateway) => Some(gateway),
                Membership::Nobodys(_) | Membership::Foreign(_) => None,
            });
            let change = self.members.set(&id.key, gateway.iter().cloned().collect());
            touched.gateways.extend(change.added.into_iter().chain(change.removed));
            let of_ours = ingress.zip(gateway);
            let secrets = of_ours.as_ref().map(|(ingress, gateway)| secrets(ingress, gateway));
            let secrets = secrets.unwrap_or_default();
            let rank = Rank::Has(ingress.map_or(0, |ingress| created(&ingress.metadata)));
            others.extend(self.hosts.set(&id.key, secrets.keys().map(|host| (host.clone(), rank)).collect()));
            let before = self.secrets.insert(id.key.clone(), secrets.clone()).unwrap_or_default();
            // Also for the same ones: what is in a Secret may have changed.
            touched.gateways.extend(before.into_keys().chain(secrets.into_keys()).map(|host| host.gateway));
        }
        self.secrets.retain(|_, secrets| !secrets.is_empty());
        touched.ingresses.extend(others.into_iter().map(|key| ObjectId { kind: Kind::Ingress, key }));
        for key in &touched.gateways {
            match self.make(index, options, key) {
                Some(gateway) => drop(self.gateways.insert(key.clone(), Arc::new(gateway))),
                None => drop(self.gateways.remove(key)),
            }
        }
        touched
    }

    fn make(&self, index: &Index, options: &Options, key: &ObjectKey) -> Option<Gateway> {
        if !self.members.is_used(key) {
            return None;
        }
        let class = index.get::<IngressClass>(key);
        let metadata = class.map(|class| class.metadata.clone()).unwrap_or_default();
        // Where they cannot be understood the Gateway is refused.
        let (http, https) = ports(options, class).unwrap_or(BALANCED);
        let hosts = self.hosts.all().filter(|host| host.gateway == *key);
        let tls = hosts.filter_map(|host| {
            let (ingress, secret) = self.certificate(host)?;
            let reference = SecretObjectReference {
                group: String::new(),
                kind: Kind::Secret.name().to_owned(),
                name: secret.to_string(),
                namespace: Some(ingress.namespace.to_string()),
            };
            let tls = ListenerTlsConfig { certificate_refs: vec![reference], ..ListenerTlsConfig::default() };
            Some(Listener {
                hostname: host.host.as_deref().map(str::to_owned),
                tls: Some(tls),
                ..listener(host.listener(), https, "HTTPS")
            })
        });
        let addresses = annotation(class, ADDRESSES).unwrap_or_default().split(',').map(str::trim);
        let addresses = addresses.filter(|address| !address.is_empty()).map(|address| GatewaySpecAddress {
            type_: "IPAddress".to_owned(),
            value: Some(address.to_owned()),
            routability: None,
        });
        let spec = GatewaySpec {
            gateway_class_name: key.name.to_string(),
            listeners: std::iter::once(listener("http".to_owned(), http, "HTTP")).chain(tls).collect(),
            addresses: addresses.collect(),
            ..GatewaySpec::default()
        };
        let metadata = ObjectMeta {
            name: Some(key.name.to_string()),
            uid: metadata.uid,
            generation: metadata.generation,
            creation_timestamp: metadata.creation_timestamp,
            ..ObjectMeta::default()
        };
        Some(Gateway { metadata, spec, status: None })
    }
}

fn secrets(ingress: &Ingress, gateway: &ObjectKey) -> BTreeMap<TlsHost, Arc<str>> {
    let certificates = convert::ingress_certificates(ingress).into_iter();
    let with_secret = certificates.filter_map(|(host, (secret, _))| Some((host, secret?)));
    with_secret.map(|(host, secret)| (TlsHost { gateway: gateway.clone(), host }, secret)).collect()
}

fn listener(name: String, port: u16, protocol: &str) -> Listener {
    let namespaces = RouteNamespaces { from: FromNamespaces::All, ..RouteNamespaces::default() };
    Listener {
        name,
        hostname: None,
        port,
        protocol: protocol.to_owned(),
        tls: None,
        allowed_routes: AllowedRoutes { namespaces, ..AllowedRoutes::default() },
        filters: None,
    }
}
