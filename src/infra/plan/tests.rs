use super::*;
use crate::infra::objects::testing::{gateway, home, member};
use crate::model::IpProtocol;
use serde_json::json;

fn claims(uid: &str) -> BTreeSet<Claim> {
    [Claim { gateway_uid: uid.into(), protocol: IpProtocol::Tcp, port: 80 }].into()
}

#[test]
fn a_gateway_gets_its_service_once_it_has_a_port() {
    let settings = ServiceSettings::default();
    let (gateway, claims) = (gateway("web", "shop", "u-1", json!(null)), claims("u-1"));
    let members = || {
        [Member {
            gateway: &gateway,
            class_uid: Some("c"),
            claims: &claims,
            created: 5,
            accepted: true,
            address: None,
            cluster_ips: &[],
            cluster_count: 0,
            usual_count: 0,
            internal: false,
            by_host: false,
            settings: &settings,
        }]
        .into_iter()
    };
    let first = plan(&home(), &Allocation::default(), members(), [].iter());
    assert_eq!(first.claims.values().collect::<Vec<_>>(), [&5]);
    assert_eq!((first.services.len(), first.accounts.len()), (0, 1));

    let mut allocation = Allocation::default();
    assert!(allocation.settle(&first.claims, 0).is_empty());
    let second = plan(&home(), &allocation, members(), [].iter());
    let [service] = &*second.services else { panic!("{second:?}") };
    assert!(!second.is_there(service));

    let mut there = service.clone();
    there.spec.as_mut().unwrap().cluster_ip = Some("10.96.0.9".to_owned());
    let third = plan(&home(), &allocation, members(), [Arc::new(there.clone())].iter());
    assert!(third.is_there(&third.services[0]), "what others add is theirs");

    there.spec.as_mut().unwrap().selector = None;
    let fourth = plan(&home(), &allocation, members(), [Arc::new(there)].iter());
    assert!(!fourth.is_there(&fourth.services[0]), "nobody leads its clients elsewhere");
}

#[test]
fn only_services_made_for_gateways_that_are_gone_are_orphans() {
    let settings = ServiceSettings::default();
    let (gone, kept) = (gateway("web", "a", "u-1", json!(null)), gateway("web", "b", "u-2", json!(null)));
    let ports = BTreeMap::from([(claims("u-1").pop_first().unwrap(), 10240)]);
    let mut services: Vec<_> =
        [&gone, &kept].map(|gateway| objects::service(&home(), &member(gateway, &settings), &ports)).into();
    let mut foreign = services[0].clone();
    foreign.metadata.name = Some("other".to_owned());
    foreign
        .metadata
        .labels
        .as_mut()
        .unwrap()
        .insert("app.kubernetes.io/managed-by".to_owned(), "x".to_owned());
    services.push(foreign);
    let services: Vec<_> = services.into_iter().map(Arc::new).collect();
    // Not accepted, so without claims: its address is kept for it.
    let plan = plan(&home(), &Allocation::default(), [member(&kept, &settings)].into_iter(), services.iter());
    let orphans = plan.existing.iter().filter(|(_, service)| plan.is_orphan(&home(), &service.metadata));
    let orphans: Vec<_> = orphans.map(|(name, _)| name.as_str()).collect();
    assert_eq!(orphans, ["gw-web-a-u1"]);
}

#[test]
fn nothing_changes_for_a_gateway_as_long_as_it_is_not_accepted() {
    let settings = ServiceSettings::default();
    let (gateway, claims) = (gateway("web", "shop", "u-1", json!(null)), claims("u-1"));
    let mut allocation = Allocation::default();
    let members = || {
        let refused = Member { accepted: false, claims: &claims, ..member(&gateway, &settings) };
        [refused].into_iter()
    };
    let first = plan(&home(), &allocation, members(), [].iter());
    allocation.settle(&first.claims, 0);
    let second = plan(&home(), &allocation, members(), [].iter());
    assert_eq!((second.claims.len(), second.services.len()), (1, 0));
}

#[test]
fn cluster_ips_are_asked_for_only_where_there_is_no_service_yet() {
    let settings = ServiceSettings::default();
    let (gateway, claims) = (gateway("web", "shop", "u-1", json!(null)), claims("u-1"));
    let cluster_ips = ["10.96.0.9".parse().unwrap()];
    let members =
        || [Member { claims: &claims, cluster_ips: &cluster_ips, ..member(&gateway, &settings) }].into_iter();
    let mut allocation = Allocation::default();
    allocation.settle(&[(claims.first().unwrap().clone(), 0)].into(), 0);
    let ip = |plan: &Plan| plan.services[0].spec.as_ref().unwrap().cluster_ip.clone();
    let first = plan(&home(), &allocation, members(), [].iter());
    assert_eq!(ip(&first).as_deref(), Some("10.96.0.9"));
    // It cannot be changed, and a Service with another one is as wanted: nothing is written again.
    let mut there = first.services[0].clone();
    there.spec.as_mut().unwrap().cluster_ip = Some("10.96.0.1".to_owned());
    let second = plan(&home(), &allocation, members(), [Arc::new(there)].iter());
    assert_eq!((ip(&second), second.is_there(&second.services[0])), (None, true));
}
