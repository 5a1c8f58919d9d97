mod scope;

use super::testing::{ApiServer, Asked};
use super::*;
use crate::api::{Kind, ObjectId, Optional};
use crate::index::{Event, Index};
use crate::model::ObjectKey;
use serde_json::{Value, json};

/// What a source told, as the index has it.
struct World {
    server: ApiServer,
    source: Source,
    index: Index,
    /// Each list that came, with its kind and namespace.
    resets: Vec<(Kind, Option<Arc<str>>)>,
}

impl World {
    async fn listed(server: ApiServer) -> Self {
        Self::following(server, Scope::default(), &[]).await
    }

    /// Everything is listed, with all to which something refers.
    async fn following(server: ApiServer, scope: Scope, referred: &[ObjectId]) -> Self {
        let source = follow(&server.client(), scope, &Metrics::new());
        let mut world = Self { server, source, index: Index::default(), resets: Vec::new() };
        world.refer(referred);
        world.until(Index::all_listed).await;
        world
    }

    fn refer(&self, ids: &[ObjectId]) {
        let referred = Referred { ids: ids.iter().cloned().collect(), complete: true };
        self.source.referred.as_ref().unwrap().send_replace(referred);
    }

    async fn until(&mut self, mut holds: impl FnMut(&Index) -> bool) {
        while !holds(&self.index) {
            for event in self.source.events.recv().await.unwrap() {
                if let Event::Reset { kind, namespace, .. } = &event {
                    self.resets.push((*kind, namespace.clone()));
                }
                self.index.handle(event);
            }
        }
    }

    async fn until_there(&mut self, kind: Kind, names: &[&str]) {
        self.until(|index| self::names(index, kind) == names).await;
    }
}

/// Whether single objects of the kind are followed, so that it is not told as a whole.
fn by_name(kind: Kind) -> bool {
    matches!(kind, Kind::Secret | Kind::ConfigMap)
}

fn names(index: &Index, kind: Kind) -> Vec<String> {
    let mut names: Vec<_> = index.ids(kind).map(|id: &ObjectId| id.key.name.to_string()).collect();
    names.sort();
    names
}

fn service(name: &str) -> Value {
    json!({ "apiVersion": "v1", "kind": "Service", "metadata": { "namespace": "web", "name": name },
        "spec": { "ports": [{ "port": 80 }] } })
}

fn route(name: &str, hostnames: Value) -> Value {
    json!({ "apiVersion": "gateway.networking.k8s.io/v1", "kind": "HTTPRoute",
        "metadata": { "namespace": "web", "name": name, "generation": 1 },
        "spec": { "parentRefs": [{ "name": "gw" }], "hostnames": hostnames } })
}

fn secret(name: &str, type_: &str) -> Value {
    json!({ "apiVersion": "v1", "kind": "Secret", "metadata": { "namespace": "web", "name": name },
        "type": type_, "data": {} })
}

#[tokio::test(start_paused = true)]
async fn every_kind_is_listed_and_then_watched() {
    let server = ApiServer::new();
    server.put(service("a"));
    let mut world = World::listed(server).await;
    assert_eq!(names(&world.index, Kind::Service), ["a"]);
    world.resets.sort();
    let kinds: Vec<_> =
        Kind::ALL.into_iter().filter(|kind| !by_name(*kind)).map(|kind| (kind, None)).collect();
    assert_eq!(world.resets, kinds, "each kind is listed once");

    let b = world.server.put(service("b"));
    world.until_there(Kind::Service, &["a", "b"]).await;
    world.server.delete(&b);
    world.until_there(Kind::Service, &["a"]).await;

    let is_discovery = |asked: &Asked| asked.query.is_empty();
    let (discovery, asked): (Vec<_>, Vec<_>) = world.server.requests().into_iter().partition(is_discovery);
    let discovery: Vec<_> = discovery.into_iter().map(|asked| asked.path).collect();
    let kinds = ["/apis", "/apis/certificates.k8s.io/v1beta1"];
    let fields = ["/openapi/v3", "/openapi/v3/apis/gateway.networking.k8s.io/v1"];
    assert_eq!(discovery, [kinds, fields].concat());
    let unwatched = [Kind::ConfigMap, Kind::ClusterTrustBundle];
    let followed = Kind::ALL.into_iter().filter(|kind| !unwatched.contains(kind));
    assert_eq!(asked.len(), followed.count(), "one request a kind, nothing is polled: {asked:?}");
    assert!(asked.iter().all(|asked| asked.query["sendInitialEvents"] == "true"));
    assert!(asked.iter().all(|asked| asked.query["allowWatchBookmarks"] == "true"));
}

#[tokio::test(start_paused = true)]
async fn only_secrets_with_certificates_are_asked_for() {
    let server = ApiServer::new();
    server.put(secret("password", "Opaque"));
    server.put(secret("certificate", "kubernetes.io/tls"));
    let world = World::listed(server).await;
    assert_eq!(names(&world.index, Kind::Secret), ["certificate"]);
    let selectors: Vec<_> = world
        .server
        .requests()
        .iter()
        .filter_map(|asked| Some((asked.path.clone(), asked.query.get("fieldSelector")?.clone())))
        .collect();
    assert_eq!(selectors, [("/api/v1/secrets".to_owned(), "type=kubernetes.io/tls".to_owned())]);
}

#[tokio::test(start_paused = true)]
async fn an_object_that_cannot_be_decoded_is_told_and_stops_nothing() {
    let server = ApiServer::new();
    let broken = server.put(route("broken", json!(5)));
    server.put(route("whole", json!(["a.example"])));
    let mut world = World::listed(server).await;
    assert_eq!(names(&world.index, Kind::HttpRoute), ["broken", "whole"]);
    assert_eq!(world.index.all_broken().count(), 1);

    world.server.put(route("whole", json!("b.example")));
    world.until(|index| index.all_broken().count() == 2).await;
    world.server.put(route("whole", json!(["b.example"])));
    world.until(|index| index.all_broken().count() == 1).await;
    world.server.delete(&broken);
    world.until_there(Kind::HttpRoute, &["whole"]).await;
}

#[tokio::test(start_paused = true)]
async fn while_the_api_server_is_away_all_stays_and_then_it_goes_on_without_a_list() {
    let server = ApiServer::new();
    let a = server.put(service("a"));
    let mut world = World::listed(server).await;
    world.server.away(true);
    let asked = world.server.requests().len();
    world.server.until(|server| server.requests().len() > asked + 30).await;
    assert!(world.source.events.try_recv().is_err(), "nothing is told");

    world.server.put(service("b"));
    world.server.delete(&a);
    world.server.away(false);
    world.until_there(Kind::Service, &["b"]).await;
    let lists = Kind::ALL.into_iter().filter(|kind| !by_name(*kind)).count();
    assert_eq!(world.resets.len(), lists, "what happened meanwhile was told, not listed");
}

#[tokio::test(start_paused = true)]
async fn who_was_away_too_long_lists_anew() {
    let server = ApiServer::new();
    let a = server.put(service("a"));
    let mut world = World::listed(server).await;
    world.server.away(true);
    world.server.put(service("b"));
    world.server.delete(&a);
    world.server.forget_versions();
    world.server.away(false);
    world.until_there(Kind::Service, &["b"]).await;
    assert_eq!(world.resets.iter().filter(|(kind, _)| *kind == Kind::Service).count(), 2);
}

#[tokio::test(start_paused = true)]
async fn a_kind_that_is_not_installed_counts_as_empty_until_it_comes() {
    let server = ApiServer::new();
    server.missing("httproutes", true);
    let mut world = World::listed(server).await;
    assert_eq!(names(&world.index, Kind::HttpRoute), [""; 0]);
    assert!(world.index.is_listed(Kind::HttpRoute));

    world.server.put(route("r", json!([])));
    world.server.missing("httproutes", false);
    world.until_there(Kind::HttpRoute, &["r"]).await;
}

#[tokio::test(start_paused = true)]
async fn one_answer_that_a_kind_is_unknown_takes_nothing_away() {
    let server = ApiServer::new();
    server.put(route("r", json!([])));
    let mut world = World::listed(server).await;
    world.server.missing("httproutes", true);
    let misses = |server: &ApiServer| {
        server.requests().iter().filter(|asked| asked.answered == 404 && asked.path.contains("/v1/")).count()
    };
    world.server.until(|server| misses(server) == 1).await;
    assert!(world.source.events.try_recv().is_err(), "nothing is told after one");
    world.until_there(Kind::HttpRoute, &[]).await;
    assert_eq!(misses(&world.server), 3);
}

#[tokio::test(start_paused = true)]
async fn a_kind_that_is_there_only_in_an_older_version_is_read_in_that() {
    let server = ApiServer::new();
    let grant = json!({ "apiVersion": "gateway.networking.k8s.io/v1beta1", "kind": "ReferenceGrant",
        "metadata": { "namespace": "web", "name": "g" },
        "spec": { "from": [], "to": [] } });
    server.missing("v1/referencegrants", true);
    server.put(grant);
    let world = World::listed(server).await;
    assert_eq!(names(&world.index, Kind::ReferenceGrant), ["g"]);
}

#[tokio::test(start_paused = true)]
async fn an_api_server_that_refuses_to_stream_lists_is_asked_for_pages() {
    let server = ApiServer::new();
    server.no_streaming();
    is_asked_for_pages(server).await;
}

#[tokio::test(start_paused = true)]
async fn an_api_server_whose_storage_cannot_stream_lists_is_asked_for_pages() {
    let server = ApiServer::new();
    server.broken_streaming();
    is_asked_for_pages(server).await;
}

async fn is_asked_for_pages(server: ApiServer) {
    let all: Vec<String> = (0..1001).map(|number| format!("s{number:04}")).collect();
    for name in &all {
        server.put(service(name));
    }
    let mut world = World::listed(server).await;
    assert_eq!(names(&world.index, Kind::Service), all);
    let pages = world.server.requests();
    let pages =
        pages.iter().filter(|asked| asked.path == "/api/v1/services" && asked.query.contains_key("limit"));
    assert_eq!(pages.count(), 3);
    world.server.put(service("t"));
    world.until(|index| index.ids(Kind::Service).count() == 1002).await;
}

#[tokio::test(start_paused = true)]
async fn following_ends_with_the_source() {
    let server = ApiServer::new();
    let world = World::listed(server.clone()).await;
    let asked = server.requests().len();
    drop(world);
    server.away(true);
    // More than every wait: nobody asks any more.
    tokio::time::sleep(std::time::Duration::from_secs(60)).await;
    assert_eq!(server.requests().len(), asked);
}

#[tokio::test]
async fn a_client_can_be_made_for_tls() {
    // With two implementations of cryptography among the dependencies, or none, this would end the
    // process when it starts, and only in a cluster.
    let config = kube::Config::new("https://127.0.0.1:1".parse().unwrap());
    let client = Client::try_from(config).unwrap();
    assert!(client.apiserver_version().await.is_err(), "nobody listens there");
}

fn trust_bundle(text: &str) -> Value {
    json!({ "apiVersion": "certificates.k8s.io/v1beta1", "kind": "ClusterTrustBundle",
        "metadata": { "name": "example.com:clients:v1" },
        "spec": { "signerName": "example.com/clients", "trustBundle": text } })
}

/// Asked of what the API server says that it serves, not by a request that fails.
#[tokio::test(start_paused = true)]
async fn trust_bundles_are_followed_while_the_api_server_serves_them() {
    let server = ApiServer::new();
    server.put(trust_bundle("old"));
    let mut world = World::listed(server).await;
    let kind = Optional::TRUST_BUNDLES;
    let text = |index: &Index| {
        let key = ObjectKey::new("", "example.com:clients:v1");
        index.get::<crate::api::ClusterTrustBundle>(&key).map(|bundle| bundle.spec.trust_bundle.clone())
    };
    assert_eq!((world.index.is_served(kind), text(&world.index)), (false, None));

    world.server.trust_bundles(true);
    world.until(|index| text(index).as_deref() == Some("old")).await;
    assert!(world.index.is_served(kind));
    world.server.put(trust_bundle("new"));
    world.until(|index| text(index).as_deref() == Some("new")).await;
    let watches = || world.server.open_watches().into_iter().filter(|watch| watch.contains("trustbundles"));
    assert_eq!(watches().collect::<Vec<_>>(), ["/certificates.k8s.io/v1beta1/clustertrustbundles?"]);

    world.server.trust_bundles(false);
    world.until(|index| !index.is_served(kind)).await;
    assert_eq!(text(&world.index), None);
}

#[tokio::test(start_paused = true)]
async fn fields_count_while_the_installed_definitions_have_them() {
    let mut world = World::listed(ApiServer::new()).await;
    let is_served = |index: &Index| Optional::FIELDS.map(|field| index.is_served(field));
    assert_eq!(is_served(&world.index), [true, true]);
    world.server.standard_channel(true);
    world.until(|index| is_served(index) == [false, false]).await;
    world.server.standard_channel(false);
    world.until(|index| is_served(index) == [true, true]).await;
}
