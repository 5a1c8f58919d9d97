//! Where it takes a while to know what is referred to.

use super::*;
use crate::api::Optional;
use crate::model::{EntrySource, IpProtocol, UpstreamKey};

fn policy(generation: i64, ca: &str) -> String {
    format!(
        "
apiVersion: gateway.networking.k8s.io/v1
kind: BackendTLSPolicy
metadata: {{name: tls, generation: {generation}}}
spec:
  targetRefs: [{{group: '', kind: Service, name: v1}}]
  validation: {{hostname: a.example, caCertificateRefs: [{{group: '', kind: ConfigMap, name: {ca}}}]}}
"
    )
}

fn config_map(name: &str) -> String {
    let pem = rcgen::generate_simple_self_signed(["a.example".to_owned()]).unwrap().cert.pem();
    let pem = pem.replace('\n', "\n    ");
    format!("apiVersion: v1\nkind: ConfigMap\nmetadata: {{name: {name}}}\ndata:\n  ca.crt: |\n    {pem}\n")
}

/// Whether requests to the Service are sent by TLS; none while they are sent nowhere.
fn by_tls(fixture: &Fixture) -> Option<bool> {
    let key =
        UpstreamKey::Service { service: id(Kind::Service, "v1").key, port: 80, protocol: IpProtocol::Tcp };
    let snapshot = fixture.pipeline.snapshot();
    let upstream = snapshot.upserts.into_iter().find_map(|resource| match resource {
        Resource::Upstream(upstream) if upstream.key == key => Some(upstream),
        _ => None,
    });
    let entry = upstream.unwrap().entries.remove(0);
    matches!(entry.source, EntrySource::Endpoints(_)).then_some(entry.tls.is_some())
}

fn told_policy(step: &Step) -> Option<Vec<String>> {
    told(step, Kind::BackendTlsPolicy, "tls")
}

#[test]
fn what_is_not_answered_yet_changes_nothing() {
    let mut fixture = Fixture::new(false);
    fixture.pipeline.ask_by_name();
    let backend = route("shop", 1, "{name: v1, port: 80}");
    fixture.pipeline.step(listed(), fixture.now);
    fixture.apply(&[GATEWAY, &backend, &service("v1")]);
    assert_eq!(by_tls(&fixture), Some(false));

    let step = fixture.apply(&[&policy(1, "ca")]);
    assert_eq!((by_tls(&fixture), told_policy(&step)), (None, None), "closed, and nothing is said yet");
    let good = ["Accepted=Accepted", "ResolvedRefs=ResolvedRefs"];
    let step = fixture.apply(&[&config_map("ca")]);
    assert_eq!(
        (by_tls(&fixture), told_policy(&step).unwrap().as_slice()),
        (Some(true), &good.map(String::from)[..])
    );

    let step = fixture.apply(&[&policy(2, "new")]);
    assert_eq!((by_tls(&fixture), told_policy(&step)), (Some(true), None), "it goes on as before");
    let step = fixture.delete(Kind::ConfigMap, "new");
    assert_eq!(by_tls(&fixture), None);
    assert_eq!(told_policy(&step).unwrap()[0], "Accepted=NoValidCACertificate");
    let step = fixture.apply(&[&config_map("new")]);
    assert_eq!(
        (by_tls(&fixture), told_policy(&step).unwrap().as_slice()),
        (Some(true), &good.map(String::from)[..])
    );
}

fn checked(generation: i64, ca: &str) -> String {
    let references = format!("[{{group: '', kind: ConfigMap, name: {ca}}}]");
    format!(
        "
apiVersion: gateway.networking.k8s.io/v1
kind: Gateway
metadata: {{name: web, generation: {generation}}}
spec:
  gatewayClassName: tidegate
  tls: {{frontend: {{default: {{validation: {{caCertificateRefs: {references}}}}}}}}}
  listeners: [{{name: https, port: 443, protocol: HTTPS, tls: {{certificateRefs: [{{name: cert}}]}}}}]
"
    )
}

fn secret() -> String {
    let pair = rcgen::generate_simple_self_signed(["a.example".to_owned()]).unwrap();
    let [certificate, key] =
        [pair.cert.pem(), pair.signing_key.serialize_pem()].map(|pem| pem.replace('\n', "\n    "));
    format!(
        "apiVersion: v1\nkind: Secret\nmetadata: {{name: cert}}\ntype: kubernetes.io/tls\nstringData:\n  \
         tls.crt: |\n    {certificate}\n  tls.key: |\n    {key}\n"
    )
}

/// Whether the listener is in the data plane, lets clients in, and asks them who they are.
fn lets_in(fixture: &Fixture) -> Option<(bool, bool)> {
    fixture.pipeline.snapshot().upserts.into_iter().find_map(|resource| match resource {
        Resource::Listener(listener) => Some((!listener.certificates.is_empty(), listener.clients.is_some())),
        _ => None,
    })
}

/// It must neither let everybody in for a moment, nor turn away those whom it let in before.
#[test]
fn a_gateway_is_not_judged_before_it_is_known_whom_to_trust() {
    let mut fixture = Fixture::new(false);
    fixture.pipeline.ask_by_name();
    fixture.pipeline.step(listed(), fixture.now);
    fixture.apply(&[&secret()]);
    let step = fixture.apply(&[&checked(1, "ca")]);
    assert_eq!((lets_in(&fixture), told(&step, Kind::Gateway, "web")), (None, None));
    fixture.apply(&[&config_map("ca")]);
    assert_eq!(lets_in(&fixture), Some((true, true)));

    let step = fixture.apply(&[&checked(2, "new")]);
    assert_eq!((lets_in(&fixture), told(&step, Kind::Gateway, "web")), (Some((true, true)), None));
    let step = fixture.delete(Kind::ConfigMap, "new");
    assert_eq!(lets_in(&fixture), Some((false, false)));
    assert_eq!(told(&step, Kind::Gateway, "web").unwrap()[0], "Accepted=ListenersNotValid");
    fixture.apply(&[&config_map("new")]);
    assert_eq!(lets_in(&fixture), Some((true, true)));
}

const CLASS: &str = "
apiVersion: gateway.networking.k8s.io/v1
kind: GatewayClass
metadata: {name: tidegate}
spec: {controllerName: tidegate.dev/gateway-controller}
";

/// Of a cluster before Kubernetes 1.37 it is to be said that it has none, not that one is missing.
#[test]
fn trust_bundles_are_supported_where_there_can_be_any() {
    let mut fixture = Fixture::new(false);
    fixture.pipeline.step(listed(), fixture.now);
    let to_bundle = |text: String| {
        text.replace("group: '', kind: ConfigMap", "group: certificates.k8s.io, kind: ClusterTrustBundle")
    };
    fixture.apply(&[CLASS, &secret(), &service("v1"), &route("shop", 1, "{name: v1, port: 80}")]);
    fixture.apply(&[&to_bundle(checked(1, "ca")), &to_bundle(policy(1, "ca"))]);
    let served = |served| Event::Served { what: Optional::TRUST_BUNDLES, served };
    let features = |fixture: &Fixture| {
        let class = fixture.pipeline.statuses().find(|wanted| wanted.id.kind == Kind::GatewayClass).cloned();
        match &class.unwrap().body {
            Body::Class { features, .. } => features.contains(&"ClusterTrustBundle"),
            other => panic!("{other:?}"),
        }
    };
    let reasons = |fixture: &Fixture| {
        let gateway = fixture.pipeline.statuses().find(|wanted| wanted.id.kind == Kind::Gateway).cloned();
        let gateway = gateway.unwrap();
        let conditions = gateway.conditions().into_iter().filter(|(title, _)| title == "listener https");
        let conditions = conditions.filter(|(_, condition)| condition.type_ == "ResolvedRefs");
        let listener = conditions.map(|(_, condition)| condition.reason).next().unwrap();
        let policy = fixture.pipeline.attachments.policy(&id(Kind::BackendTlsPolicy, "tls")).unwrap();
        (listener, policy.resolved_refs.as_ref().unwrap().reason)
    };
    let missing = ("InvalidCACertificateRef", "InvalidCACertificateRef");
    assert_eq!((reasons(&fixture), features(&fixture)), (missing, true));
    fixture.pipeline.step([served(false)], fixture.now);
    let unknown = ("InvalidCACertificateKind", "InvalidKind");
    assert_eq!((reasons(&fixture), features(&fixture)), (unknown, false));
    fixture.pipeline.step([served(true)], fixture.now);
    assert_eq!((reasons(&fixture), features(&fixture)), (missing, true));
    let bundle = config_map("ca")
        .replace(
            "apiVersion: v1\nkind: ConfigMap",
            "apiVersion: certificates.k8s.io/v1\nkind: ClusterTrustBundle",
        )
        .replace("data:\n  ca.crt:", "spec:\n  trustBundle:");
    fixture.apply(&[&bundle]);
    let good = ("ResolvedRefs", "ResolvedRefs");
    assert_eq!(
        (reasons(&fixture), lets_in(&fixture), by_tls(&fixture)),
        (good, Some((true, true)), Some(true))
    );
    fixture.delete(Kind::ClusterTrustBundle, "ca");
    assert_eq!(
        (reasons(&fixture), lets_in(&fixture), by_tls(&fixture)),
        (missing, Some((false, false)), None)
    );
}

/// Gateway API's standard channel has neither the fields nor the place in a status.
#[test]
fn fields_of_the_experimental_channel_are_supported_where_they_are() {
    let mut fixture = Fixture::new(false);
    fixture.pipeline.step(listed(), fixture.now);
    fixture.apply(&[CLASS, GATEWAY]);
    let found = |fixture: &Fixture, kind: Kind| {
        fixture.pipeline.statuses().find(|wanted| wanted.id.kind == kind).unwrap().body.clone()
    };
    let claimed = |fixture: &Fixture| {
        let Body::Class { features, .. } = found(fixture, Kind::GatewayClass) else { panic!() };
        ["GatewayAddressRoutability", "GatewayAddressRoutabilityCluster", "GatewayListenerFilters"]
            .map(|feature| features.contains(&feature))
    };
    let told = |fixture: &Fixture| {
        let Body::Gateway { addresses, .. } = found(fixture, Kind::Gateway) else { panic!() };
        addresses[0].routability
    };
    // Without a cluster there are no ClusterIPs.
    assert_eq!((claimed(&fixture), told(&fixture)), ([true, false, true], Some("")));
    let served = |what, served| Event::Served { what, served };
    fixture.pipeline.step([served(Optional::ADDRESS_ROUTABILITY, false)], fixture.now);
    assert_eq!((claimed(&fixture), told(&fixture)), ([false, false, true], None));
    fixture.pipeline.step([served(Optional::LISTENER_FILTERS, false)], fixture.now);
    assert_eq!((claimed(&fixture), told(&fixture)), ([false, false, false], None));
    fixture.pipeline.step(Optional::FIELDS.map(|what| served(what, true)), fixture.now);
    assert_eq!((claimed(&fixture), told(&fixture)), ([true, false, true], Some("")));
}
