use super::*;
use crate::infra::objects_for_tests::home;
use serde_json::json;

fn key() -> ObjectKey {
    ObjectKey::new("shop", "carts")
}

fn labels(app: &str) -> BTreeMap<String, String> {
    [("app".to_owned(), app.to_owned())].into()
}

fn wanted(app: &str, port: u16) -> Service {
    selecting(&home(), &key(), "u-1", &labels(app), port)
}

/// As the API server has it.
fn there(name: &str, service: Service) -> Arc<Service> {
    let mut service = service;
    service.metadata.generate_name = None;
    service.metadata.name = Some(name.to_owned());
    Arc::new(service)
}

fn selection(wish: Wish, there: &[&Arc<Service>]) -> Selection {
    let there = there.iter().map(|service| (*service).clone()).collect();
    Selection { xbackend: key(), uid: "u-1".into(), wish, there }
}

#[test]
fn the_service_only_finds_pods_and_goes_with_its_owner() {
    let mut service = wanted("carts", 8080);
    assert_eq!(service.metadata.annotations.take().unwrap().len(), 1);
    assert_eq!(
        serde_json::to_value(&service).unwrap(),
        json!({
            "apiVersion": "v1",
            "kind": "Service",
            "metadata": {
                "generateName": "xb-carts-",
                "namespace": "shop",
                "labels": {
                    "tidegate.dev/xbackend": "carts",
                    "app.kubernetes.io/managed-by": "tidegate",
                    "tidegate.dev/namespace": "tidegate-system",
                },
                "ownerReferences": [{
                    "apiVersion": "gateway.networking.x-k8s.io/v1alpha1", "kind": "XBackend", "name": "carts", "uid": "u-1",
                }],
            },
            "spec": {
                "type": "ClusterIP",
                "clusterIP": "None",
                "selector": {"app": "carts"},
                "ports": [{"port": 80, "protocol": "TCP", "targetPort": 8080}],
            },
        })
    );
}

#[test]
fn a_name_or_label_is_never_too_long_for_a_service() {
    let long = ObjectKey::new("shop", format!("{}.{}", "a".repeat(60), "b".repeat(190)));
    let service = selecting(&home(), &long, "u-1", &labels("a"), 80);
    let name = service.metadata.generate_name.unwrap();
    // The API server puts five characters behind it.
    assert!(name.len() + 5 <= 63 && name.starts_with("xb-aaa") && !name.contains('.'), "{name}");
    assert!(service.metadata.labels.unwrap()[XBACKEND_LABEL].len() <= 63);
    let owners = service.metadata.owner_references.unwrap();
    assert_eq!(owners[0].name, *long.name, "whose it is can be read all the same");
}

#[test]
fn what_others_made_is_not_ours() {
    let service = wanted("carts", 8080);
    let is_ours = |service: &Service, uid: &str| is_selecting(&home(), &service.metadata, uid);
    assert!(is_ours(&service, "u-1"));
    assert!(!is_ours(&service, "u-2"), "of an XBackend of the same name before");
    for label in [XBACKEND_LABEL, MANAGED_BY, HOME] {
        let mut foreign = service.clone();
        foreign.metadata.labels.as_mut().unwrap().insert(label.to_owned(), "other".to_owned());
        assert_eq!(is_ours(&foreign, "u-1"), label == XBACKEND_LABEL, "{label}");
        foreign.metadata.labels.as_mut().unwrap().remove(label);
        assert!(!is_ours(&foreign, "u-1"), "{label}");
    }
}

#[test]
fn one_is_made_and_then_only_edited() {
    let service = || Wish::Service(Box::new(wanted("carts", 8080)));
    let none = selection(service(), &[]);
    assert_eq!((none.missing(), none.edit(), none.surplus().len()), (Some(&wanted("carts", 8080)), None, 0));

    let same = there("xb-carts-1", wanted("carts", 8080));
    let done = selection(service(), &[&same]);
    assert_eq!((done.missing(), done.edit(), done.surplus().len()), (None, None, 0));

    for other in [wanted("other", 8080), wanted("carts", 8081)] {
        let other = there("xb-carts-1", other);
        let edit = selection(service(), &[&other]).edit().unwrap();
        assert_eq!(edit, *same, "the same name, and all that is wanted");
    }
    let mut live = (*there("xb-carts-1", wanted("other", 8080))).clone();
    live.metadata.uid = Some("s-1".to_owned());
    live.metadata.resource_version = Some("7".to_owned());
    let edit = selection(service(), &[&Arc::new(live)]).edit().unwrap();
    let precondition = (edit.metadata.uid.as_deref(), edit.metadata.resource_version.as_deref());
    assert_eq!(precondition, (Some("s-1"), Some("7")), "this very one, as it was seen");

    let mut bent = (*same).clone();
    bent.spec.as_mut().unwrap().selector = Some(labels("mine"));
    assert_eq!(selection(service(), &[&Arc::new(bent)]).edit().unwrap(), *same);
}

#[test]
fn the_first_stays_and_others_go() {
    let [first, second] = ["xb-carts-1", "xb-carts-2"].map(|name| there(name, wanted("carts", 8080)));
    let both = [&first, &second];
    for wish in [Wish::Service(Box::new(wanted("carts", 8080))), Wish::Keep] {
        let selection = selection(wish, &both);
        assert_eq!(selection.surplus(), std::slice::from_ref(&second));
        assert_eq!((selection.missing(), selection.edit()), (None, None));
    }
    assert_eq!(selection(Wish::Nothing, &both).surplus(), [first.clone(), second]);
}
