use super::*;
use crate::index::testing::events;

const GRANT: &str = "
apiVersion: gateway.networking.k8s.io/v1
kind: ReferenceGrant
metadata: {name: any, namespace: theirs}
spec:
  from: [{group: gateway.networking.k8s.io, kind: HTTPRoute, namespace: default}]
  to: [{group: '', kind: Service, name: shop}]
";

fn answer(watched: Option<&[&str]>, granted: bool, namespace: &str, name: &str) -> Result<(), String> {
    let mut index = Index::default();
    let grants = if granted { events(GRANT) } else { Vec::new() };
    grants.into_iter().for_each(|event| index.handle(event));
    let watched = watched.map(|watched| watched.iter().map(|name| (*name).into()).collect());
    let options = Options { watched, ..Options::standalone() };
    let from = Referrer { kind: Kind::HttpRoute, namespace: "default" };
    References { index: &index, options: &options }.permit(
        from,
        Kind::Service,
        &ObjectKey::new(namespace, name),
    )
}

#[test]
fn another_namespace_takes_a_grant() {
    assert_eq!(answer(None, false, "default", "shop"), Ok(()));
    assert_eq!(answer(None, true, "theirs", "shop"), Ok(()));
    let why = answer(None, true, "theirs", "other").unwrap_err();
    assert!(why.contains("a ReferenceGrant in namespace \"theirs\" must let HTTPRoute"), "{why}");
    assert_eq!(answer(None, false, "theirs", "other"), Err(why), "it tells nothing about what is there");
}

#[test]
fn a_namespace_that_is_not_watched_is_out_of_reach_even_with_a_grant() {
    let watched = Some(["default"].as_slice());
    assert_eq!(answer(watched, false, "default", "shop"), Ok(()));
    assert_eq!(
        answer(watched, true, "theirs", "shop").unwrap_err(),
        "Service theirs/shop is in a namespace that Tidegate does not watch: add it to watchNamespaces, or leave \
         that empty to watch all"
    );
    assert_eq!(answer(Some(&["default", "theirs"]), true, "theirs", "shop"), Ok(()));
}
