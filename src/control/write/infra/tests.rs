use super::*;
use crate::api::Service;
use crate::infra::objects_for_tests::{gateway, home, settings};
use crate::infra::{Member, plan};
use crate::model::IpProtocol;
use crate::source::cluster::testing::ApiServer;
use serde_json::{Value, json};
use std::net::IpAddr;

const PORTS: &str = "/api/v1/namespaces/tidegate-system/configmaps";

/// A writer that runs beside an API server.
struct World {
    server: ApiServer,
    plans: watch::Sender<Option<Arc<Plan>>>,
    leads: watch::Sender<bool>,
    /// What the Gateways ask for.
    cluster_ips: Vec<IpAddr>,
}

impl World {
    fn new(server: ApiServer) -> Self {
        let leads = watch::Sender::new(true);
        let ports = ObjectKey::new("tidegate-system", "tidegate-ports");
        let (writer, plans) = InfraWriter::new(server.client(), home(), ports, leads.subscribe());
        tokio::spawn(writer.run());
        Self { server, plans, leads, cluster_ips: Vec::new() }
    }

    /// Plans for these Gateways from what the server has by now, as the loop does on every event.
    async fn plan(&self, uids: &[&str]) -> Vec<String> {
        let before = self.server.writes().len();
        let gateways: Vec<_> = uids.iter().map(|uid| gateway("web", uid, uid, Value::Null)).collect();
        let claims: Vec<_> = uids.iter().map(|uid| BTreeSet::from([claim(uid)])).collect();
        let settings = settings();
        let members = gateways.iter().zip(&claims).map(|(gateway, claims)| Member {
            gateway,
            class_uid: Some("c"),
            claims,
            created: 0,
            accepted: true,
            address: None,
            cluster_ips: &self.cluster_ips,
            cluster_count: self.cluster_ips.len(),
            usual_count: 0,
            internal: false,
            by_host: false,
            settings: &settings,
        });
        let ports = self.ports().and_then(|ports| serde_json::from_value(ports["data"].clone()).ok());
        let (allocation, _) = Allocation::read(&ports.unwrap_or_default());
        let services: Vec<_> = self.services().into_iter().map(Arc::new).collect();
        self.plans.send_replace(Some(Arc::new(plan(&home(), &allocation, members, services.iter()))));
        self.writes_since(before).await
    }

    async fn writes_since(&self, before: usize) -> Vec<String> {
        // The clock stands still as long as anything can go on: it moves when nothing does.
        tokio::time::sleep(Duration::from_millis(1)).await;
        let writes = self.server.writes();
        let writes = writes[before..].iter();
        writes
            .map(|asked| format!("{} {}", asked.method, asked.path.trim_start_matches("/api/v1/namespaces/")))
            .collect()
    }

    fn ports(&self) -> Option<Value> {
        self.server.get(&object("ConfigMap", "tidegate-ports"))
    }

    fn services(&self) -> Vec<Service> {
        let names = ["gw-web-one-one", "gw-web-two-two"];
        let there = names.iter().filter_map(|name| self.server.get(&object("Service", name)));
        there.map(|service| serde_json::from_value(service).unwrap()).collect()
    }
}

fn claim(uid: &str) -> Claim {
    Claim { gateway_uid: uid.into(), protocol: IpProtocol::Tcp, port: 80 }
}

fn object(kind: &str, name: &str) -> Value {
    json!({
        "apiVersion": "v1", "kind": kind, "metadata": { "namespace": "tidegate-system", "name": name },
    })
}

#[tokio::test(start_paused = true)]
async fn a_gateway_gets_a_port_then_its_service() {
    let world = World::new(ApiServer::new());
    let account = "PATCH web/serviceaccounts/one-tide-one".to_owned();
    assert_eq!(world.plan(&["one"]).await, ["POST tidegate-system/configmaps".to_owned(), account]);
    assert_eq!(world.ports().unwrap()["data"], json!({ "one.tcp.80": "10240" }));
    assert_eq!(world.plan(&["one"]).await, ["PATCH tidegate-system/services/gw-web-one-one"]);
    assert_eq!(world.plan(&["one"]).await, [""; 0]);
}

#[tokio::test(start_paused = true)]
async fn a_new_leader_writes_nothing_that_is_there() {
    let server = ApiServer::new();
    let world = World::new(server.clone());
    world.plan(&["one"]).await;
    world.plan(&["one"]).await;
    drop(world);
    let next = World::new(server);
    assert_eq!(next.plan(&["one"]).await, [""; 0]);
}

#[tokio::test(start_paused = true)]
async fn a_service_that_somebody_deletes_or_bends_comes_again() {
    let world = World::new(ApiServer::new());
    for _ in 0..3 {
        world.plan(&["one"]).await;
    }
    let patch = "PATCH tidegate-system/services/gw-web-one-one";
    let service = object("Service", "gw-web-one-one");
    let mut bent = world.server.get(&service).unwrap();
    bent["spec"]["selector"] = json!({ "app": "mine" });
    world.server.put(bent);
    assert_eq!(world.plan(&["one"]).await, [patch]);
    assert_eq!(world.server.get(&service).unwrap()["spec"]["selector"], json!({ "app": "tidegate" }));
    world.plan(&["one"]).await;
    world.server.delete(&service);
    assert_eq!(world.plan(&["one"]).await, [patch]);
}

#[tokio::test(start_paused = true)]
async fn a_cluster_ip_that_cannot_be_had_keeps_no_service_from_being_made() {
    let patch = "PATCH tidegate-system/services/gw-web-one-one";
    let service = object("Service", "gw-web-one-one");
    for (asked, attempts, given) in [
        (&["10.96.0.9"][..], 1, json!(["10.96.0.9"])),
        (&["10.1.1.1"], 2, Value::Null),
        (&["10.96.0.9", "fd00::9"], 2, json!(["10.96.0.9"])),
        (&["fd00::9", "10.96.0.9"], 3, json!(["10.96.0.9"])),
        (&["fd00::9", "10.1.1.1"], 4, Value::Null),
    ] {
        let mut world = World::new(ApiServer::new());
        world.cluster_ips = asked.iter().map(|ip| ip.parse().unwrap()).collect();
        world.plan(&["one"]).await;
        assert_eq!(world.plan(&["one"]).await, vec![patch; attempts], "{asked:?}");
        assert_eq!(world.server.get(&service).unwrap()["spec"]["clusterIPs"], given, "{asked:?}");
        // As it is made it stays.
        assert_eq!(world.plan(&["one"]).await, [""; 0]);
        let next = World { cluster_ips: world.cluster_ips.clone(), ..World::new(world.server.clone()) };
        assert_eq!(next.plan(&["one"]).await, [""; 0]);
    }
}

#[tokio::test(start_paused = true)]
async fn what_was_made_for_a_gateway_that_is_gone_goes_and_its_port_rests() {
    let world = World::new(ApiServer::new());
    world.plan(&["one", "two"]).await;
    world.plan(&["one", "two"]).await;
    assert_eq!(world.services().len(), 2);
    let gone = [
        "PUT tidegate-system/configmaps/tidegate-ports",
        "DELETE tidegate-system/services/gw-web-one-one",
        "DELETE web/serviceaccounts/one-tide-one",
    ];
    assert_eq!(world.plan(&["two"]).await, gone);
    assert_eq!(world.plan(&["two"]).await, [""; 0]);
    let data = world.ports().unwrap()["data"].clone();
    assert_eq!(data["two.tcp.80"], "10241");
    assert!(data.get("freed.10240").is_some(), "{data}");
}

/// Its Gateway went while nobody led.
#[tokio::test(start_paused = true)]
async fn a_new_leader_removes_the_service_account_of_a_gateway_that_is_gone() {
    let world = World::new(ApiServer::new());
    world.plan(&["one"]).await;
    world.plan(&["one"]).await;
    let next = World::new(world.server.clone());
    let writes = next.plan(&[]).await;
    assert!(writes.contains(&"DELETE web/serviceaccounts/one-tide-one".to_owned()), "{writes:?}");
}

/// Who leads before it knows all Gateways frees no port, and takes nothing away.
#[tokio::test(start_paused = true)]
async fn nothing_is_written_before_the_first_plan() {
    let world = World::new(ApiServer::new());
    world.plan(&["one"]).await;
    world.plan(&["one"]).await;
    let next = World::new(world.server.clone());
    assert_eq!(next.writes_since(next.server.writes().len()).await, [""; 0]);
    next.leads.send_replace(false);
    next.leads.send_replace(true);
    assert_eq!(next.writes_since(next.server.writes().len()).await, [""; 0]);
}

#[tokio::test(start_paused = true)]
async fn of_two_who_give_ports_at_once_one_finds_the_others() {
    let world = World::new(ApiServer::new());
    world.plan(&["one"]).await;
    let mut others = world.ports().unwrap();
    others["data"]["other.tcp.80"] = "10241".into();
    world.server.intrude(others);
    let before = world.server.writes().len();
    world.plan(&["one", "two"]).await;
    world
        .server
        .until(|server| {
            server.writes()[before..].iter().filter(|asked| asked.path.starts_with(PORTS)).count() == 2
        })
        .await;
    let answers: Vec<_> = world.server.writes()[before..]
        .iter()
        .filter(|asked| asked.path.starts_with(PORTS))
        .map(|asked| asked.answered)
        .collect();
    assert_eq!(answers, [409, 200]);
    // Nobody here knows the other Gateway: its port is not given to this one's all the same.
    let data = world.ports().unwrap()["data"].clone();
    assert_eq!((&data["one.tcp.80"], &data["two.tcp.80"]), (&json!("10240"), &json!("10242")));
}

#[tokio::test(start_paused = true)]
async fn only_the_leader_writes_and_what_fails_is_tried_again() {
    let world = World::new(ApiServer::new());
    world.leads.send_replace(false);
    assert_eq!(world.plan(&["one"]).await, [""; 0]);
    world.server.away(true);
    world.leads.send_replace(true);
    tokio::time::sleep(Duration::from_secs(60)).await;
    assert!(world.ports().is_none());
    world.server.away(false);
    world.server.until(|server| server.get(&object("ConfigMap", "tidegate-ports")).is_some()).await;
}
