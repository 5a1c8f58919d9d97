use super::testing::{gateway, home, member};
use super::*;
use crate::api::gateway_parameters::{ExternalTrafficPolicy, IpFamilyPolicy};
use crate::convert::ServiceSettings;
use serde_json::{Value, json};

fn claim(port: u16) -> Claim {
    Claim { gateway_uid: "0a1b2c3d-4e5f".into(), protocol: IpProtocol::Tcp, port }
}

#[test]
fn a_service_leads_from_listener_ports_to_those_of_the_pods() {
    let wanted = json!({ "labels": { "team": "a" }, "annotations": { "cloud.example/size": "small" } });
    let gateway = gateway("web", "shop", "0a1b2c3d-4e5f", wanted);
    let udp = Claim { protocol: IpProtocol::Udp, ..claim(80) };
    let ports = BTreeMap::from([(claim(80), 10240), (claim(443), 10241), (udp, 10242)]);
    let service =
        serde_json::to_value(service(&home(), &member(&gateway, &ServiceSettings::default()), &ports))
            .unwrap();
    assert_eq!(
        service,
        json!({
            "apiVersion": "v1", "kind": "Service",
            "metadata": {
                "namespace": "tidegate-system", "name": "gw-web-shop-0a1b2c3d",
                "labels": {
                    "team": "a",
                    "app.kubernetes.io/managed-by": "tidegate",
                    "gateway.networking.k8s.io/gateway-name": "shop",
                    "gateway.networking.k8s.io/gateway-class-name": "tide",
                    "tidegate.dev/gateway-namespace": "web",
                    "tidegate.dev/gateway-uid": "0a1b2c3d-4e5f",
                },
                "annotations": { "cloud.example/size": "small" },
                "ownerReferences": [{ "apiVersion": "apps/v1", "kind": "Deployment", "name": "tidegate", "uid": "d" }],
            },
            "spec": {
                "type": "LoadBalancer", "selector": { "app": "tidegate" },
                "ports": [
                    { "name": "tcp-80", "protocol": "TCP", "port": 80, "targetPort": 10240 },
                    { "name": "tcp-443", "protocol": "TCP", "port": 443, "targetPort": 10241 },
                    { "name": "udp-80", "protocol": "UDP", "port": 80, "targetPort": 10242 },
                ],
            },
        })
    );
}

#[test]
fn two_gateways_never_share_a_service_however_they_are_named() {
    let name =
        |namespace: &str, name: &str, uid: &str| service_name(&gateway(namespace, name, uid, Value::Null));
    assert_ne!(name("a-b", "c", "11111111-a"), name("a", "b-c", "22222222-a"));
    assert_ne!(name("a", "b.c", "11111111-a"), name("a", "b-c", "22222222-a"));
    let long = "x".repeat(253);
    assert_ne!(name("a", &long, "11111111-a"), name("a", &format!("{}y", &long[1..]), "22222222-a"));
    for name in [name("1a", "b.c", "11111111-a"), name("a", &long, "11111111-a")] {
        assert!(name.len() <= 63 && name.starts_with("gw-") && !name.contains('.'), "{name}");
    }
}

#[test]
fn nobody_can_say_of_an_object_that_it_is_another_gateways() {
    let wanted = json!({ "labels": {
        "tidegate.dev/gateway-uid": "another", "app.kubernetes.io/managed-by": "me",
    } });
    let gateway = gateway("web", "shop", "mine", wanted);
    let service = service(&home(), &member(&gateway, &ServiceSettings::default()), &BTreeMap::new());
    assert_eq!(Owned::of(&service.metadata, &home()), Some(Owned { gateway_uid: "mine".to_owned() }));
    let other = Home { managed_by: "second".to_owned(), ..home() };
    assert_eq!(Owned::of(&service.metadata, &other), None);
}

#[test]
fn the_service_account_is_the_gateways_own_and_has_no_token() {
    let gateway = gateway("web", &"g".repeat(100), "0a1b2c3d-4e5f", json!({ "labels": { "team": "a" } }));
    let account = serde_json::to_value(service_account(&home(), &gateway, "c-1")).unwrap();
    let short = format!("{}-0a1b2c3d", "g".repeat(54));
    let metadata = &account["metadata"];
    assert_eq!((&metadata["namespace"], &metadata["name"]), (&json!("web"), &json!(short)));
    assert_eq!(metadata["labels"]["gateway.networking.k8s.io/gateway-name"], short);
    assert_eq!(metadata["labels"]["team"], "a");
    let owner = json!({
        "apiVersion": "gateway.networking.k8s.io/v1", "kind": "GatewayClass", "name": gateway.spec.gateway_class_name, "uid": "c-1",
    });
    assert_eq!(metadata["ownerReferences"], json!([owner]));
    assert_eq!(account["automountServiceAccountToken"], false);
}

#[test]
fn settings_go_into_the_service_where_its_type_has_a_use_for_them() {
    let wanted = json!({ "annotations": { "cloud.example/size": "small" } });
    let gateway = gateway("web", "shop", "0a1b2c3d-4e5f", wanted);
    let ports = BTreeMap::from([(claim(80), 10240), (claim(30443), 10241)]);
    let settings = |type_| ServiceSettings {
        type_: Some(type_),
        annotations: [("cloud.example/size", "large"), ("cloud.example/kind", "fast")]
            .map(|(key, value)| (key.to_owned(), value.to_owned()))
            .into(),
        external_traffic_policy: Some(ExternalTrafficPolicy::Local),
        load_balancer_class: Some("cloud.example/fast".to_owned()),
        load_balancer_source_ranges: Some(vec!["192.0.2.0/24".to_owned()]),
        ip_family_policy: Some(IpFamilyPolicy::PreferDualStack),
    };
    let made = |type_| {
        let settings = settings(type_);
        let member = Member { address: "198.51.100.7".parse().ok(), ..member(&gateway, &settings) };
        serde_json::to_value(service(&home(), &member, &ports)).unwrap()
    };
    let (balanced, nodes, inside) =
        (made(ServiceType::LoadBalancer), made(ServiceType::NodePort), made(ServiceType::ClusterIP));
    assert_eq!(
        balanced["metadata"]["annotations"],
        json!({ "cloud.example/size": "small", "cloud.example/kind": "fast" })
    );
    let fields = |service: &Value| {
        let of = |name: &str| service["spec"].get(name).cloned().unwrap_or_default();
        (
            of("type"),
            of("loadBalancerIP"),
            of("loadBalancerClass"),
            of("loadBalancerSourceRanges"),
            of("externalTrafficPolicy"),
            of("ipFamilyPolicy"),
            service["spec"]["ports"][1].get("nodePort").cloned().unwrap_or_default(),
        )
    };
    let (none, dual) = (Value::Null, json!("PreferDualStack"));
    assert_eq!(
        fields(&balanced),
        (
            json!("LoadBalancer"),
            json!("198.51.100.7"),
            json!("cloud.example/fast"),
            json!(["192.0.2.0/24"]),
            json!("Local"),
            dual.clone(),
            none.clone(),
        )
    );
    let left_out = || (none.clone(), none.clone(), none.clone());
    let (ip, class, ranges) = left_out();
    assert_eq!(
        fields(&nodes),
        (json!("NodePort"), ip, class, ranges, json!("Local"), dual.clone(), json!(30443))
    );
    let (ip, class, ranges) = left_out();
    assert_eq!(fields(&inside), (json!("ClusterIP"), ip, class, ranges, none.clone(), dual, none));
}

#[test]
fn who_asks_for_cluster_ips_only_is_never_exposed() {
    let gateway = gateway("web", "shop", "0a1b2c3d-4e5f", Value::Null);
    let ports = BTreeMap::from([(claim(80), 10240)]);
    let types = |type_: Option<ServiceType>, by_host| {
        let settings = ServiceSettings { type_, ..ServiceSettings::default() };
        let of = |internal| {
            let member = Member { internal, by_host, ..member(&gateway, &settings) };
            service(&home(), &member, &ports).spec.unwrap().type_.unwrap()
        };
        (of(false), of(true))
    };
    let inside = "ClusterIP".to_owned();
    assert_eq!(types(None, false), ("LoadBalancer".to_owned(), inside.clone()));
    assert_eq!(types(Some(ServiceType::LoadBalancer), false), ("LoadBalancer".to_owned(), inside.clone()));
    assert_eq!(types(Some(ServiceType::NodePort), false), ("NodePort".to_owned(), inside.clone()));
    assert_eq!(types(None, true), (inside.clone(), inside));
}

#[test]
fn a_service_begins_with_the_cluster_ips_that_are_asked_for() {
    let gateway = gateway("web", "shop", "0a1b2c3d-4e5f", Value::Null);
    let ips = |texts: &[&str]| texts.iter().map(|ip| ip.parse().unwrap()).collect::<Vec<IpAddr>>();
    let made = |type_, ip_family_policy, cluster_ips: &[&str], address: Option<&str>| {
        let settings = ServiceSettings { type_, ip_family_policy, ..ServiceSettings::default() };
        let cluster_ips = ips(cluster_ips);
        let member = Member {
            cluster_ips: &cluster_ips,
            cluster_count: cluster_ips.len(),
            address: address.map(|ip| ip.parse().unwrap()),
            ..member(&gateway, &settings)
        };
        let mut made = service(&home(), &member, &BTreeMap::new());
        set_cluster_ips(&mut made, &member);
        let tried = without_cluster_ips(&made);
        let all = [made].into_iter().chain(tried).map(|service| {
            let spec = service.spec.unwrap();
            assert_eq!(spec.cluster_ip, spec.cluster_ips.iter().flatten().next().cloned());
            (spec.ip_family_policy.unwrap_or_default(), spec.cluster_ips.unwrap_or_default().join(" "))
        });
        all.map(|(policy, ips)| format!("{policy} {ips}").trim().to_owned()).collect::<Vec<_>>()
    };
    let (inside, single) = (Some(ServiceType::ClusterIP), Some(IpFamilyPolicy::SingleStack));
    assert_eq!(made(None, None, &[], Some("192.0.2.1")), [""]);
    assert_eq!(made(inside, None, &[], Some("10.0.0.1")), ["10.0.0.1", ""]);
    assert_eq!(made(None, None, &["10.0.0.1"], Some("192.0.2.1")), ["10.0.0.1", ""]);
    let both = ["10.0.0.1 fd00::1", "10.0.0.1", "fd00::1", ""].map(|ips| format!("PreferDualStack {ips}"));
    assert_eq!(made(None, None, &["10.0.0.1", "fd00::1"], None), both.map(|text| text.trim().to_owned()));
    assert_eq!(made(None, single, &["fd00::1", "10.0.0.1"], None), ["SingleStack fd00::1", "SingleStack"]);
    assert_eq!(made(None, None, &["10.0.0.1", "10.0.0.2"], None)[0], "PreferDualStack 10.0.0.1");
}

#[test]
fn who_asks_for_two_cluster_ips_gets_both_families() {
    let gateway = gateway("web", "shop", "0a1b2c3d-4e5f", Value::Null);
    let policy = |type_, by_host, cluster_count, usual_count| {
        let settings = ServiceSettings { type_, ..ServiceSettings::default() };
        let member = Member { by_host, cluster_count, usual_count, ..member(&gateway, &settings) };
        service(&home(), &member, &BTreeMap::new()).spec.unwrap().ip_family_policy
    };
    let (inside, both) = (Some(ServiceType::ClusterIP), Some("PreferDualStack".to_owned()));
    assert_eq!(policy(None, false, 2, 0), both);
    assert_eq!(policy(None, false, 1, 1), None, "one is the load balancer's");
    assert_eq!(policy(inside, false, 1, 1), both);
    assert_eq!(policy(inside, false, 0, 1), None);
    assert_eq!(policy(inside, true, 1, 1), None, "one is a node's");
}
