use crate::api::gateway_parameters::ServiceType;
use crate::attach::{Attachments, Options};
use crate::index::Index;
use crate::index::testing::{events, listed};
use crate::model::ObjectKey;

/// A class and a Gateway of it, each with parameters.
const WORLD: &str = "
apiVersion: gateway.networking.k8s.io/v1
kind: GatewayClass
metadata: {name: edge}
spec:
  controllerName: tidegate.dev/gateway-controller
  parametersRef: {group: tidegate.dev, kind: GatewayParameters, name: all, namespace: infra}
---
apiVersion: gateway.networking.k8s.io/v1
kind: Gateway
metadata: {name: web}
spec:
  gatewayClassName: edge
  infrastructure: {parametersRef: {group: tidegate.dev, kind: GatewayParameters, name: own}}
  listeners: [{name: http, port: 80, protocol: HTTP}]
";

fn all(spec: &str) -> String {
    format!(
        "{{apiVersion: tidegate.dev/v1alpha1, kind: GatewayParameters, metadata: {{name: all, namespace: infra}}, spec: {spec}}}"
    )
}

fn own(spec: &str) -> String {
    format!(
        "{{apiVersion: tidegate.dev/v1alpha1, kind: GatewayParameters, metadata: {{name: own}}, spec: {spec}}}"
    )
}

struct World(Index, Attachments);

impl World {
    fn new() -> Self {
        let mut index = Index::default();
        events(WORLD).into_iter().chain(listed()).for_each(|event| index.handle(event));
        let mut attachments = Attachments::new(Options::standalone());
        attachments.update(&index, &index.clone().take_dirty());
        index.take_dirty();
        Self(index, attachments)
    }

    /// Tells what came; returns what is said of the Gateway, and its Service's type.
    fn tell(&mut self, yaml: &str) -> (String, Option<ServiceType>) {
        events(yaml).into_iter().for_each(|event| self.0.handle(event));
        let dirty = self.0.take_dirty();
        self.1.update(&self.0, &dirty);
        let gateway = &self.1.gateways[&ObjectKey::new("default", "web")];
        (gateway.accepted.message.clone(), gateway.parameters.service.type_)
    }
}

/// Each event reaches the Gateway by the references alone: nothing else is dirty.
#[test]
fn a_change_of_parameters_reaches_the_gateways_of_the_class() {
    let mut world = World::new();
    assert_eq!(
        world.tell(&own("{}")),
        (
            "GatewayClass edge is not accepted: spec.parametersRef: GatewayParameters infra/all does not exist"
                .to_owned(),
            None
        )
    );
    assert_eq!(world.tell(&all("{service: {type: NodePort}}")), (String::new(), Some(ServiceType::NodePort)));
    assert_eq!(
        world.tell(&own("{service: {type: ClusterIP}}")),
        (String::new(), Some(ServiceType::ClusterIP))
    );
    assert_eq!(world.tell(&own("{}")), (String::new(), Some(ServiceType::NodePort)));
    assert_eq!(
        world.tell(&own("{service: {loadBalancerSourceRanges: [10.0.0.0/8]}}")),
        (
            "GatewayParameters infra/all with GatewayParameters default/own: \
             spec.service.loadBalancerSourceRanges: only a Service of type LoadBalancer keeps others out: leave \
             the field empty, or change service.type"
                .to_owned(),
            None
        )
    );
    assert_eq!(
        world.tell(&own("{service: {type: Nodeport}}")).0,
        "spec.infrastructure.parametersRef: GatewayParameters default/own: spec.service.type: \"Nodeport\" is not \
         supported, did you mean \"NodePort\"?"
    );
}

#[test]
fn parameters_in_a_namespace_that_is_not_watched_are_not_known() {
    let mut index = Index::default();
    events(WORLD).into_iter().chain(events(&all("{}"))).for_each(|event| index.handle(event));
    let judge = |watched: &[&str]| {
        let watched = Some(watched.iter().map(|name| (*name).into()).collect());
        let mut attachments = Attachments::new(Options { watched, ..Options::standalone() });
        attachments.update(&index, &index.clone().take_dirty());
        attachments.classes[&ObjectKey::new("", "edge")].accepted.message.clone()
    };
    assert_eq!(judge(&["default", "infra"]), "");
    assert_eq!(
        judge(&["default"]),
        "spec.parametersRef: GatewayParameters infra/all is in a namespace that Tidegate does not watch: add it to \
         watchNamespaces, or leave that empty to watch all"
    );
}
