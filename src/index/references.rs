//! What an object refers to, read from the object alone.

use super::Broken;
use crate::api::gateway::{
    AnyRoute, BackendObjectReference, BackendTlsPolicy, Gateway, GatewayClass, Listener, ListenerSet,
    LocalPolicyTargetReferenceWithSectionName, ParentGatewayReference, ParentReference,
    SecretObjectReference, XBackend, XTelemetryPolicy,
};
use crate::api::ingress::{Ingress, IngressClass, gateway_of_class};
use crate::api::upstream::Upstream;
use crate::api::{Kind, Object, ObjectId};
use crate::model::ObjectKey;
use std::collections::BTreeSet;
use std::sync::Arc;

/// Something that the verdict on an object rests on.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Dependency {
    /// Another object, whether it exists or not.
    Object(ObjectId),
    /// The ReferenceGrants of a namespace.
    GrantsIn(Arc<str>),
}

/// The dependencies of one object while they are collected.
struct Collector<'a> {
    namespace: &'a str,
    found: BTreeSet<Dependency>,
}

impl Collector<'_> {
    fn object(&mut self, kind: Kind, namespace: &str, name: &str) {
        self.found.insert(Dependency::Object(ObjectId { kind, key: ObjectKey::new(namespace, name) }));
    }

    /// A reference that needs a grant if it leaves the namespace.
    fn granted(&mut self, kind: Kind, namespace: Option<&str>, name: &str) {
        let target = namespace.unwrap_or(self.namespace);
        self.object(kind, target, name);
        if target != self.namespace {
            self.found.insert(Dependency::GrantsIn(target.into()));
        }
    }

    /// An object with certificates of authorities.
    fn authorities(&mut self, group: &str, kind: &str, namespace: Option<&str>, name: &str) {
        if let Some(kind @ (Kind::ConfigMap | Kind::Secret)) = Kind::find(group, kind) {
            self.granted(kind, namespace, name);
        } else if let Some(kind @ Kind::ClusterTrustBundle) = Kind::find(group, kind) {
            self.object(kind, "", name);
        }
    }

    fn parents(&mut self, parents: &[ParentReference]) {
        for parent in parents {
            match Kind::find(&parent.group, &parent.kind) {
                Some(kind @ (Kind::Gateway | Kind::ListenerSet)) => {
                    self.object(kind, parent.namespace.as_deref().unwrap_or(self.namespace), &parent.name);
                }
                Some(Kind::IngressClass) => {
                    let key = gateway_of_class(&parent.name);
                    self.found.insert(Dependency::Object(ObjectId { kind: Kind::Gateway, key }));
                }
                _ => {}
            }
        }
    }

    fn certificates<'a>(&mut self, references: impl Iterator<Item = &'a SecretObjectReference>) {
        for reference in references {
            if let Some(kind @ Kind::Secret) = Kind::find(&reference.group, &reference.kind) {
                self.granted(kind, reference.namespace.as_deref(), &reference.name);
            }
        }
    }

    fn parent_gateway(&mut self, parent: &ParentGatewayReference) {
        if let Some(kind @ Kind::Gateway) = Kind::find(&parent.group, &parent.kind) {
            self.object(kind, parent.namespace.as_deref().unwrap_or(self.namespace), &parent.name);
        }
        // Whether the Gateway lets it in can hang on its namespace's labels.
        self.object(Kind::Namespace, "", self.namespace);
    }

    fn parameters(&mut self, group: &str, kind: &str, namespace: &str, name: &str) {
        if let Some(kind @ Kind::GatewayParameters) = Kind::find(group, kind) {
            self.object(kind, namespace, name);
        }
    }

    fn class(&mut self, class: &GatewayClass) {
        if let Some(reference) = &class.spec.parameters_ref {
            let namespace = reference.namespace.as_deref().unwrap_or_default();
            self.parameters(&reference.group, &reference.kind, namespace, &reference.name);
        }
    }

    fn gateway(&mut self, gateway: &Gateway) {
        self.object(Kind::GatewayClass, "", &gateway.spec.gateway_class_name);
        if let Some(infrastructure) = &gateway.spec.infrastructure
            && let Some(reference) = &infrastructure.parameters_ref
        {
            self.parameters(&reference.group, &reference.kind, self.namespace, &reference.name);
        }
        let backend = gateway.spec.tls.as_ref().and_then(|tls| tls.backend.as_ref());
        let shown = backend.and_then(|backend| backend.client_certificate_ref.as_ref());
        if let Some(frontend) = gateway.spec.tls.as_ref().and_then(|tls| tls.frontend.as_ref()) {
            let per_port = frontend.per_port.iter().map(|entry| &entry.tls);
            let validations = std::iter::once(&frontend.default).chain(per_port);
            for validation in validations.filter_map(|tls| tls.validation.as_ref()) {
                for reference in &validation.ca_certificate_refs {
                    let namespace = reference.namespace.as_deref();
                    self.authorities(&reference.group, &reference.kind, namespace, &reference.name);
                }
            }
        }
        self.certificates(shown.into_iter());
        self.listeners(&gateway.spec.listeners);
    }

    fn listeners(&mut self, listeners: &[Listener]) {
        let tls = listeners.iter().filter_map(|listener| listener.tls.as_ref());
        self.certificates(tls.flat_map(|tls| &tls.certificate_refs));
        let filters = listeners.iter().filter_map(|listener| listener.filters.as_ref());
        let auths =
            filters.flat_map(|filters| &filters.requests).filter_map(|one| one.external_auth.as_ref());
        self.backends(auths.map(|auth| &auth.backend_ref));
    }

    fn listener_set(&mut self, set: &ListenerSet) {
        self.parent_gateway(&set.spec.parent_ref);
        self.listeners(&set.spec.listeners);
    }

    fn route(&mut self, route: &dyn AnyRoute) {
        self.parents(&route.common().parent_refs);
        // Whether a listener selects the route can hang on its namespace's labels.
        self.object(Kind::Namespace, "", self.namespace);
        self.backends(route.backends().into_iter());
    }

    fn backends<'a>(&mut self, objects: impl Iterator<Item = &'a BackendObjectReference>) {
        for object in objects {
            if let Some(kind) = Kind::find(&object.group, &object.kind).filter(|kind| kind.is_backend()) {
                self.granted(kind, object.namespace.as_deref(), &object.name);
            }
        }
    }

    /// An Ingress is a route whose certificates are its own, always of its namespace.
    fn ingress(&mut self, ingress: &Ingress) {
        self.route(ingress);
        let secrets = ingress.spec.tls.iter().flatten().filter_map(|entry| entry.secret_name.as_deref());
        for name in secrets.filter(|name| !name.is_empty()) {
            self.object(Kind::Secret, self.namespace, name);
        }
    }

    fn ingress_class(&mut self, class: &IngressClass) {
        let Some(reference) = class.spec.as_ref().and_then(|spec| spec.parameters.as_ref()) else { return };
        let (group, namespace) = (reference.api_group.as_deref(), reference.namespace.as_deref());
        self.parameters(
            group.unwrap_or_default(),
            &reference.kind,
            namespace.unwrap_or_default(),
            &reference.name,
        );
    }

    /// What a policy is attached to: always in its own namespace.
    fn targets(&mut self, targets: &[LocalPolicyTargetReferenceWithSectionName]) {
        for target in targets {
            let kind = Kind::find(&target.group, &target.kind);
            if let Some(kind) = kind.filter(|kind| kind.is_backend() || *kind == Kind::Gateway) {
                self.object(kind, self.namespace, &target.name);
            }
        }
    }

    fn backend_tls_policy(&mut self, policy: &BackendTlsPolicy) {
        for reference in &policy.spec.validation.ca_certificate_refs {
            self.authorities(&reference.group, &reference.kind, None, &reference.name);
        }
    }

    fn telemetry_policy(&mut self, policy: &XTelemetryPolicy) {
        self.targets(&policy.spec.target_refs);
        if let Some(provider) = policy.spec.tracing.as_ref().and_then(|tracing| tracing.provider.as_ref()) {
            self.backends(std::iter::once(&provider.backend_ref));
        }
    }

    fn xbackend(&mut self, xbackend: &XBackend) {
        let tls = &xbackend.spec.tls;
        self.certificates(tls.client_certificate_ref.iter());
        for reference in tls.validation.iter().flat_map(|validation| &validation.ca_certificate_refs) {
            self.authorities(&reference.group, &reference.kind, None, &reference.name);
        }
    }

    fn upstream(&mut self, upstream: &Upstream) {
        for service in upstream.spec.targets.iter().filter_map(|target| target.service_ref.as_ref()) {
            self.granted(Kind::Service, service.namespace.as_deref(), &service.name);
        }
    }
}

/// Everything that the verdict on this object rests on.
pub(super) fn of_object(object: &Object) -> BTreeSet<Dependency> {
    let namespace = object.metadata().namespace.as_deref().unwrap_or_default();
    let mut collector = Collector { namespace, found: BTreeSet::new() };
    collector.targets(object.target_refs().unwrap_or_default());
    match object {
        Object::GatewayClass(class) => collector.class(class),
        Object::Gateway(gateway) => collector.gateway(gateway),
        Object::ListenerSet(set) => collector.listener_set(set),
        Object::BackendTlsPolicy(policy) => collector.backend_tls_policy(policy),
        Object::XBackend(xbackend) => collector.xbackend(xbackend),
        Object::XTelemetryPolicy(policy) => collector.telemetry_policy(policy),
        Object::Upstream(upstream) => collector.upstream(upstream),
        Object::Ingress(ingress) => collector.ingress(ingress),
        Object::IngressClass(class) => collector.ingress_class(class),
        other => {
            if let Some(route) = other.as_route() {
                collector.route(route);
            }
        }
    }
    collector.found
}

/// Whose a broken object is can still change.
pub(super) fn of_broken(broken: &Broken) -> BTreeSet<Dependency> {
    let mut collector = Collector { namespace: &broken.id.key.namespace, found: BTreeSet::new() };
    match broken.id.kind {
        Kind::Gateway => {
            if let Some(class) = broken.gateway_class_name() {
                collector.object(Kind::GatewayClass, "", class);
            }
        }
        Kind::ListenerSet => {
            if let Some(parent) = broken.parent_gateway() {
                collector.parent_gateway(&parent);
            }
        }
        // What it was meant to protect is closed.
        kind if kind.is_policy() => collector.targets(&broken.target_refs()),
        kind if kind.is_route() => collector.parents(&broken.parent_refs()),
        _ => {}
    }
    collector.found
}
