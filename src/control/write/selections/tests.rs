use super::*;
use crate::control::EventWriter;
use crate::infra::objects_for_tests::home;
use crate::infra::selecting;
use crate::model::ObjectKey;
use crate::source::cluster::testing::{ApiServer, Asked};
use crate::telemetry::Metrics;
use http::Method;
use kube::client::Body;
use serde_json::{Value, json};

const SHOP: &str = "/api/v1/namespaces/shop/services";
const QUOTA: &str = "services \"NAME\" is forbidden: exceeded quota: small";

/// A writer that runs beside an API server.
struct World {
    server: ApiServer,
    plans: watch::Sender<Option<Arc<Plan>>>,
    leads: watch::Sender<bool>,
}

impl World {
    fn new(server: ApiServer) -> Self {
        let (plans, leads) = (watch::Sender::new(None), watch::Sender::new(true));
        tokio::spawn(writer(&server, &plans, &leads).run());
        Self { server, plans, leads }
    }

    /// Plans for these, and returns the writes of Services that come of it at once.
    async fn plan(&self, selections: Vec<Selection>) -> Vec<String> {
        let before = self.server.writes().len();
        self.plans.send_replace(Some(planned(selections)));
        self.writes_since(before).await
    }

    async fn writes_since(&self, before: usize) -> Vec<String> {
        // The clock stands still as long as anything can go on: it moves when nothing does.
        tokio::time::sleep(Duration::from_millis(1)).await;
        let writes = self.server.writes();
        let services = writes[before..].iter().filter(|asked| asked.path.contains("/services"));
        services
            .map(|asked| format!("{} {}", asked.method, asked.path.trim_start_matches("/api/v1/namespaces/")))
            .collect()
    }

    /// Plans for `shop/carts` from what the server has by now, as the loop does.
    async fn select(&self, port: u16) -> Vec<String> {
        let there = made(&self.server).await;
        self.plan(vec![with(carts(port), there)]).await
    }

    /// The Services that were to be made in this namespace, also where that was refused.
    fn attempts(&self, namespace: &str) -> usize {
        let path = format!("/api/v1/namespaces/{namespace}/services");
        self.server.writes().iter().filter(|asked| asked.method == Method::POST && asked.path == path).count()
    }

    /// All Events until now, as reason and note.
    async fn events(&self) -> Vec<(String, String)> {
        tokio::time::sleep(Duration::from_millis(100)).await;
        let text = |asked: &Asked, field: &str| asked.body[field].as_str().unwrap().to_owned();
        let writes = self.server.writes();
        let events = writes.iter().filter(|asked| asked.path.ends_with("/events"));
        events.map(|asked| (text(asked, "reason"), text(asked, "note"))).collect()
    }
}

fn writer(
    server: &ApiServer,
    plans: &watch::Sender<Option<Arc<Plan>>>,
    leads: &watch::Sender<bool>,
) -> SelectionWriter {
    let (warnings, events) =
        EventWriter::new(server.client(), "example.com/us".into(), "pod", Metrics::new());
    tokio::spawn(warnings.run());
    SelectionWriter::new(server.client(), home(), plans.subscribe(), leads.subscribe(), events)
}

/// What an XBackend wants of which nothing is there.
fn wanted(namespace: &str, name: &str, port: u16) -> Selection {
    let xbackend = ObjectKey::new(namespace, name);
    let uid: Arc<str> = format!("uid of {name}").into();
    let labels = [("app".to_owned(), name.to_owned())].into();
    let wish = Wish::Service(Box::new(selecting(&home(), &xbackend, &uid, &labels, port)));
    Selection { xbackend, uid, wish, there: Vec::new() }
}

fn carts(port: u16) -> Selection {
    wanted("shop", "carts", port)
}

fn with(selection: Selection, there: Vec<Service>) -> Selection {
    Selection { there: there.into_iter().map(Arc::new).collect(), ..selection }
}

fn planned(selections: Vec<Selection>) -> Arc<Plan> {
    let mut plan = Plan::default();
    plan.selections = selections;
    Arc::new(plan)
}

/// The Services in `shop`.
async fn made(server: &ApiServer) -> Vec<Service> {
    let api: Api<Service> = Api::namespaced(server.client(), "shop");
    let mut services = api.list(&ListParams::default()).await.unwrap().items;
    services.sort_by_key(|service| service.metadata.name.clone());
    services
}

/// As the server knows it.
fn object(service: &Service) -> Value {
    let mut object = serde_json::to_value(service).unwrap();
    object["apiVersion"] = "v1".into();
    object["kind"] = "Service".into();
    object
}

#[tokio::test(start_paused = true)]
async fn an_xbackend_gets_one_service_whoever_leads() {
    let server = ApiServer::new();
    let world = World::new(server.clone());
    assert_eq!(world.select(8080).await, ["POST shop/services"]);
    assert_eq!(world.select(8080).await, [""; 0]);
    let [first] = &*made(&server).await else { panic!("not one") };
    let name = first.metadata.name.clone().unwrap();
    assert!(name.starts_with("xb-carts-"), "{name}");

    // No watch has told the next leader of it yet.
    drop(world);
    let next = World::new(server);
    assert_eq!(next.plan(vec![carts(8080)]).await, [""; 0]);

    assert_eq!(next.select(8081).await, [format!("PATCH shop/services/{name}")]);
    let [edited] = &*made(&next.server).await else { panic!("not one") };
    let port = &edited.spec.as_ref().unwrap().ports.as_ref().unwrap()[0];
    assert_eq!(serde_json::to_value(&port.target_port).unwrap(), 8081);
    assert_eq!(next.select(8081).await, [""; 0]);
}

#[tokio::test(start_paused = true)]
async fn of_two_services_of_an_xbackend_one_goes_and_one_that_is_gone_comes_again() {
    let world = World::new(ApiServer::new());
    world.select(8080).await;
    let mut twin = object(&made(&world.server).await[0]);
    twin["metadata"]["name"] = "xb-carts-zzzzz".into();
    twin["metadata"]["uid"] = Value::Null;
    world.server.put(twin);
    assert_eq!(world.select(8080).await, ["DELETE shop/services/xb-carts-zzzzz"]);
    world.server.delete(&object(&made(&world.server).await[0]));
    assert_eq!(world.select(8080).await, ["POST shop/services"]);
}

#[tokio::test(start_paused = true)]
async fn only_the_leader_writes() {
    let world = World::new(ApiServer::new());
    world.leads.send_replace(false);
    assert_eq!(world.plan(vec![carts(8080)]).await, [""; 0]);
    world.leads.send_replace(true);
    assert_eq!(world.writes_since(0).await, ["POST shop/services"]);
}

#[tokio::test(start_paused = true)]
async fn one_that_is_refused_is_tried_less_and_less_and_keeps_nobody_else_waiting() {
    let world = World::new(ApiServer::new());
    world.server.refuse(SHOP, Some(QUOTA));
    let both = || vec![carts(8080), wanted("yard", "posts", 80)];
    assert_eq!(world.plan(both()).await, ["POST shop/services", "POST yard/services"]);
    // Another plan is no reason to try it again.
    let more = [both(), vec![wanted("zoo", "apes", 80)]].concat();
    assert_eq!(world.plan(more).await, ["POST zoo/services"]);
    let asked = world.server.requests().len();
    assert_eq!(world.plan(vec![carts(8080)]).await, [""; 0]);
    assert_eq!(world.server.requests().len(), asked, "nor to look whether one is there");

    tokio::time::sleep(Duration::from_secs(3600)).await;
    // 1, 2, 4, … 120 seconds, or half of each.
    let hour = world.attempts("shop");
    assert!((30..75).contains(&hour), "{hour}");
    world.server.refuse(SHOP, None);
    tokio::time::sleep(Duration::from_secs(120)).await;
    assert_eq!(made(&world.server).await.len(), 1);
    tokio::time::sleep(Duration::from_secs(3600)).await;
    assert_eq!(world.attempts("shop"), hour + 1);
}

#[tokio::test(start_paused = true)]
async fn a_namespace_that_refuses_comes_last() {
    let world = World::new(ApiServer::new());
    world.server.refuse(SHOP, Some(QUOTA));
    let all = vec![carts(8080), wanted("shop", "more", 80), wanted("yard", "posts", 80)];
    let (shop, yard) = ("POST shop/services", "POST yard/services");
    assert_eq!(world.plan(all).await, [shop, yard, shop]);
}

#[tokio::test(start_paused = true)]
async fn another_wish_or_another_xbackend_is_tried_at_once() {
    let world = World::new(ApiServer::new());
    world.server.refuse(SHOP, Some(QUOTA));
    let post = ["POST shop/services"];
    assert_eq!(world.plan(vec![carts(8080)]).await, post);
    assert_eq!(world.plan(vec![carts(8081)]).await, post);
    assert_eq!(world.plan(vec![carts(8081)]).await, [""; 0]);
    assert_eq!(world.plan(Vec::new()).await, [""; 0]);
    assert_eq!(world.plan(vec![carts(8081)]).await, post, "it was gone, and comes again");
}

#[tokio::test(start_paused = true)]
async fn a_newer_plan_ends_the_pass_over_the_one_before() {
    let (server, plans, leads) = (ApiServer::new(), watch::Sender::new(None), watch::Sender::new(true));
    server.refuse("/api/v1/namespaces/", Some(QUOTA));
    let [first, second, third] = ["a", "b", "c"].map(|name| wanted(name, name, 80));
    let newer = planned(vec![first.clone(), third.clone()]);
    let mut writer = writer(&server, &plans, &leads);
    // It comes with the first attempt.
    let (inner, comes) = (server.client(), newer.clone());
    let service = tower::service_fn(move |request: http::Request<Body>| {
        if request.method() == Method::POST {
            plans.send_replace(Some(comes.clone()));
        }
        let inner = inner.clone();
        async move { inner.send(request).await }
    });
    writer.objects.client = Client::new(service, "default");
    let posts = || {
        let writes = server.writes().into_iter().filter(|asked| asked.path.ends_with("/services"));
        writes.map(|asked| asked.path).collect::<Vec<_>>()
    };
    writer.write(&planned(vec![first, second, third])).await;
    assert_eq!(posts(), ["/api/v1/namespaces/a/services"]);
    writer.plans.mark_unchanged();
    writer.write(&newer).await;
    assert_eq!(posts(), ["/api/v1/namespaces/a/services", "/api/v1/namespaces/c/services"]);
}

#[tokio::test(start_paused = true)]
async fn a_refusal_is_an_event_of_the_xbackend_once() {
    let world = World::new(ApiServer::new());
    world.server.refuse(SHOP, Some(QUOTA));
    world.plan(vec![carts(8080)]).await;
    let expected = "The Service that finds its pods cannot be made, and until then requests get 503. It is \
                    tried again; mend the quota, the admission webhook or the role that the API server \
                    names: services \"xb-carts-\" is forbidden: exceeded quota: small";
    let quota = ("ServiceNotMade".to_owned(), expected.to_owned());
    assert_eq!(world.events().await, std::slice::from_ref(&quota));
    let event = world.server.writes().into_iter().find(|asked| asked.path.ends_with("/events")).unwrap();
    assert_eq!(event.path, "/apis/events.k8s.io/v1/namespaces/shop/events");
    assert_eq!(
        event.body["regarding"],
        json!({
            "apiVersion": "gateway.networking.x-k8s.io/v1alpha1", "kind": "XBackend", "namespace": "shop",
            "name": "carts", "uid": "uid of carts",
        })
    );

    // The API server has a new name in its message each time.
    tokio::time::sleep(Duration::from_secs(600)).await;
    assert!(world.attempts("shop") > 5);
    assert_eq!(world.events().await.len(), 1);

    world.server.refuse(SHOP, Some("denied by a webhook"));
    tokio::time::sleep(Duration::from_secs(120)).await;
    let events = world.events().await;
    assert_eq!((events.len(), &events[0]), (2, &quota));
    assert!(events[1].1.ends_with("the API server names: denied by a webhook"), "{events:?}");

    // An Event is kept for an hour.
    tokio::time::sleep(Duration::from_secs(3600)).await;
    assert_eq!(world.events().await[2..], [events[1].clone()]);
}

#[tokio::test(start_paused = true)]
async fn that_the_api_server_is_away_is_told_to_no_xbackend() {
    let world = World::new(ApiServer::new());
    world.server.away(true);
    world.plan(vec![carts(8080)]).await;
    tokio::time::sleep(Duration::from_secs(600)).await;
    world.server.away(false);
    tokio::time::sleep(UNANSWERED).await;
    assert_eq!(made(&world.server).await.len(), 1);
    assert_eq!(world.events().await, []);
}

#[tokio::test(start_paused = true)]
async fn what_cannot_be_edited_or_deleted_is_told_too() {
    let world = World::new(ApiServer::new());
    world.select(8080).await;
    let there = made(&world.server).await;
    let name = there[0].metadata.name.clone().unwrap();
    world.server.refuse(SHOP, Some("services \"NAME\" is forbidden"));
    assert_eq!(world.select(8081).await, [format!("PATCH shop/services/{name}")]);
    let nothing = Selection { wish: Wish::Nothing, ..with(carts(8081), there) };
    assert_eq!(world.plan(vec![nothing]).await, [format!("DELETE shop/services/{name}")]);
    let events = world.events().await;
    let reasons: Vec<_> = events.iter().map(|(reason, _)| reason.as_str()).collect();
    assert_eq!(reasons, ["ServiceNotEdited", "ServiceNotDeleted"]);
    assert!(events.iter().all(|(_, note)| note.contains(&format!("Service {name}"))), "{events:?}");
}

/// By its name a server-side apply would make it anew, or take over what a user made by that name.
#[tokio::test(start_paused = true)]
async fn an_edit_makes_no_service_that_is_gone() {
    let world = World::new(ApiServer::new());
    world.select(8080).await;
    let there = made(&world.server).await;
    world.server.delete(&object(&there[0]));
    let name = there[0].metadata.name.clone().unwrap();
    let patch = [format!("PATCH shop/services/{name}")];
    assert_eq!(world.plan(vec![with(carts(8081), there.clone())]).await, patch);
    assert_eq!(made(&world.server).await, []);

    let mut users = object(&there[0]);
    users["metadata"] = json!({ "namespace": "shop", "name": name });
    let users = world.server.put(users);
    assert_eq!(world.plan(vec![with(carts(8082), there)]).await, patch);
    assert_eq!(world.server.get(&users), Some(users));
    assert_eq!(world.events().await, [], "of both the watch tells");
}

#[tokio::test(start_paused = true)]
async fn names_of_services_that_are_gone_are_forgotten() {
    let (server, plans, leads) = (ApiServer::new(), watch::Sender::new(None), watch::Sender::new(true));
    let mut writer = writer(&server, &plans, &leads);
    writer.write(&planned(vec![carts(8080)])).await;
    let there = made(&server).await;
    writer.write(&planned(vec![with(carts(8081), there)])).await;
    assert_eq!(writer.objects.written.len(), 1);
    let there = made(&server).await;
    writer.write(&planned(vec![Selection { wish: Wish::Nothing, ..with(carts(8081), there) }])).await;
    assert_eq!(writer.objects.written.values().collect::<Vec<_>>(), ["deleted"]);
    writer.write(&planned(Vec::new())).await;
    assert_eq!(writer.objects.written.len(), 0);
}
