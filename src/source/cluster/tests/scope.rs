//! By namespace and by name.

use super::*;

fn id(kind: Kind, name: &str) -> ObjectId {
    ObjectId { kind, key: ObjectKey::new("web", name) }
}

fn in_namespace(namespace: &str, mut object: Value) -> Value {
    object["metadata"]["namespace"] = namespace.into();
    object
}

fn config_map(name: &str, value: &str) -> Value {
    json!({ "apiVersion": "v1", "kind": "ConfigMap", "metadata": { "namespace": "web", "name": name },
        "data": { "a": value } })
}

fn with_value(name: &str, type_: &str, value: &str) -> Value {
    let mut secret = secret(name, type_);
    secret["data"] = json!({ "tls.crt": value });
    secret
}

/// What the index has of a Secret.
fn value(index: &Index, name: &str) -> Option<String> {
    let secret = index.get::<crate::api::Secret>(&ObjectKey::new("web", name))?;
    let bytes = secret.data.as_ref()?.get("tls.crt")?;
    Some(String::from_utf8(bytes.0.clone()).unwrap())
}

/// The watches of single objects that are open.
fn by_name(server: &ApiServer) -> Vec<String> {
    server.open_watches().into_iter().filter(|watch| watch.contains("metadata.name")).collect()
}

#[tokio::test(start_paused = true)]
async fn with_namespaces_only_these_are_read_and_of_its_own_only_what_tidegate_needs() {
    let server = ApiServer::new();
    for namespace in ["web", "shop", "own", "other"] {
        server.put(in_namespace(namespace, service(&format!("in-{namespace}"))));
        server.put(in_namespace(namespace, route(&format!("in-{namespace}"), json!([]))));
    }
    let namespaces = Some(["web".into(), "shop".into()].into());
    let scope = Scope { namespaces, own: "own".into(), ..Scope::default() };
    let mut world = World::following(server, scope, &[]).await;
    assert_eq!(names(&world.index, Kind::Service), ["in-own", "in-shop", "in-web"]);
    assert_eq!(names(&world.index, Kind::HttpRoute), ["in-shop", "in-web"]);

    let mut watches = world.server.open_watches();
    watches.retain(|watch| {
        watch.contains("/services?") || watch.contains("routes?") || watch.contains("secrets")
    });
    assert_eq!(
        watches,
        [
            "own/v1/services?",
            "shop/gateway.networking.k8s.io/v1/grpcroutes?",
            "shop/gateway.networking.k8s.io/v1/httproutes?",
            "shop/gateway.networking.k8s.io/v1/tcproutes?",
            "shop/gateway.networking.k8s.io/v1/tlsroutes?",
            "shop/gateway.networking.k8s.io/v1/udproutes?",
            "shop/v1/secrets?type=kubernetes.io/tls",
            "shop/v1/services?",
            "web/gateway.networking.k8s.io/v1/grpcroutes?",
            "web/gateway.networking.k8s.io/v1/httproutes?",
            "web/gateway.networking.k8s.io/v1/tcproutes?",
            "web/gateway.networking.k8s.io/v1/tlsroutes?",
            "web/gateway.networking.k8s.io/v1/udproutes?",
            "web/v1/secrets?type=kubernetes.io/tls",
            "web/v1/services?",
        ]
    );
    let cluster_wide: Vec<_> =
        world.server.open_watches().into_iter().filter(|watch| watch.starts_with('/')).collect();
    assert_eq!(
        cluster_wide,
        [
            "/gateway.networking.k8s.io/v1/gatewayclasses?",
            "/networking.k8s.io/v1/ingressclasses?",
            "/v1/namespaces?"
        ]
    );

    world.server.delete(&in_namespace("shop", service("in-shop")));
    world.until_there(Kind::Service, &["in-own", "in-web"]).await;
}

#[tokio::test(start_paused = true)]
async fn a_list_of_one_namespace_takes_nothing_from_another() {
    let server = ApiServer::new();
    let a = server.put(in_namespace("web", service("a")));
    server.put(in_namespace("shop", service("b")));
    let namespaces = Some(["web".into(), "shop".into()].into());
    let mut world = World::following(server, Scope { namespaces, ..Scope::default() }, &[]).await;
    world.server.away(true);
    world.server.delete(&a);
    world.server.put(in_namespace("shop", service("c")));
    world.server.forget_versions();
    world.server.away(false);
    world.until_there(Kind::Service, &["b", "c"]).await;
}

#[tokio::test(start_paused = true)]
async fn all_is_listed_only_when_every_namespace_is() {
    let server = ApiServer::new();
    let namespaces = Some(["web".into(), "shop".into()].into());
    let source = follow(&server.client(), Scope { namespaces, ..Scope::default() }, &Metrics::new());
    let mut world = World { server, source, index: Index::default(), resets: Vec::new() };
    let services = |world: &World| world.resets.iter().filter(|(kind, _)| *kind == Kind::Service).count();
    while services(&world) < 2 {
        assert!(!world.index.is_listed(Kind::Service));
        let events = world.source.events.recv().await.unwrap();
        for event in events {
            if let Event::Reset { kind, namespace, .. } = &event {
                world.resets.push((*kind, namespace.clone()));
            }
            world.index.handle(event);
        }
    }
    world.until(|index| index.is_listed(Kind::Service)).await;
    assert!(!world.index.is_listed(Kind::Secret), "nobody said yet what is referred to");
    world.refer(&[]);
    world.until(Index::all_listed).await;
}

#[tokio::test(start_paused = true)]
async fn what_is_followed_by_name_is_there_before_all_is_listed_and_goes_with_the_reference() {
    let server = ApiServer::new();
    server.put(with_value("opaque", "Opaque", "b25l"));
    server.put(with_value("nobodys", "Opaque", "b25l"));
    server.put(config_map("ports", "1"));
    server.put(config_map("nobodys", "1"));
    let scope = Scope { named: [id(Kind::ConfigMap, "ports")].into(), ..Scope::default() };
    let referred = [id(Kind::Secret, "opaque"), id(Kind::Secret, "later")];
    let mut world = World::following(server, scope, &referred).await;
    assert_eq!(names(&world.index, Kind::Secret), ["opaque"]);
    assert_eq!(names(&world.index, Kind::ConfigMap), ["ports"]);
    let followed = by_name(&world.server);
    assert_eq!(
        followed,
        [
            "web/v1/configmaps?metadata.name=ports",
            "web/v1/secrets?metadata.name=later",
            "web/v1/secrets?metadata.name=opaque"
        ]
    );

    world.server.put(secret("later", "Opaque"));
    world.until_there(Kind::Secret, &["later", "opaque"]).await;
    world.server.put(with_value("opaque", "Opaque", "dHdv"));
    world.until(|index| value(index, "opaque").as_deref() == Some("two")).await;

    world.refer(&[id(Kind::Secret, "later")]);
    world.until_there(Kind::Secret, &["later"]).await;
    let ended = |server: &ApiServer| by_name(server).len() == 2;
    assert!(ended(&world.server), "{:?}", by_name(&world.server));
}

#[tokio::test(start_paused = true)]
async fn a_secret_of_certificates_needs_no_watch_of_its_own_and_no_watch_takes_away_what_another_told() {
    let server = ApiServer::new();
    server.put(with_value("cert", "kubernetes.io/tls", "b25l"));
    let mut world = World::following(server, Scope::default(), &[id(Kind::Secret, "cert")]).await;
    assert_eq!(value(&world.index, "cert").as_deref(), Some("one"));
    assert_eq!(by_name(&world.server), [""; 0]);

    // Made anew with another type: known by name now.
    world.server.delete(&secret("cert", "kubernetes.io/tls"));
    world.server.put(with_value("cert", "Opaque", "dHdv"));
    world.until(|index| value(index, "cert").as_deref() == Some("two")).await;
    assert_eq!(by_name(&world.server), ["web/v1/secrets?metadata.name=cert"]);

    // A new list of all certificates, in which it is not, says nothing about it.
    world.server.put(secret("other", "kubernetes.io/tls"));
    world.server.away(true);
    world.server.forget_versions();
    world.server.away(false);
    world.server.put(secret("another", "kubernetes.io/tls"));
    world.until_there(Kind::Secret, &["another", "cert", "other"]).await;

    // And back.
    world.server.delete(&secret("cert", "Opaque"));
    world.until_there(Kind::Secret, &["another", "other"]).await;
    world.server.put(with_value("cert", "kubernetes.io/tls", "dGhyZWU="));
    world.until(|index| value(index, "cert").as_deref() == Some("three")).await;
    world.server.put(with_value("cert", "kubernetes.io/tls", "Zm91cg=="));
    world.until(|index| value(index, "cert").as_deref() == Some("four")).await;
    assert_eq!(by_name(&world.server), [""; 0]);
    world.refer(&[]);
    world.server.delete(&secret("other", "kubernetes.io/tls"));
    world.until_there(Kind::Secret, &["another", "cert"]).await;
}

#[tokio::test(start_paused = true)]
async fn a_name_that_may_not_be_read_keeps_nothing_waiting() {
    let server = ApiServer::new();
    server.forbid("metadata.name=opaque", true);
    server.put(secret("opaque", "Opaque"));
    let mut world = World::following(server, Scope::default(), &[id(Kind::Secret, "opaque")]).await;
    assert_eq!(names(&world.index, Kind::Secret), [""; 0]);
    world.server.forbid("metadata.name=opaque", false);
    world.until_there(Kind::Secret, &["opaque"]).await;
}

#[tokio::test(start_paused = true)]
async fn names_of_one_namespace_do_not_take_all_connections() {
    let ids: Vec<_> = (0..300).map(|number| id(Kind::Secret, &format!("s{number:03}"))).collect();
    let mut world = World::following(ApiServer::new(), Scope::default(), &ids).await;
    assert_eq!(by_name(&world.server).len(), join::MAX_NAMED);
    world.refer(&ids[299..]);
    world.server.put(secret("s299", "Opaque"));
    world.until_there(Kind::Secret, &["s299"]).await;
}
