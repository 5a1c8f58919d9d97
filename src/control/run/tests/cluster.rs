//! The loop between the watches and the writer of a cluster.

use super::*;
use crate::control::{EventWriter, StatusWriter};
use crate::source::cluster::{self, testing::ApiServer};
use http::Method;

/// A replica beside an API server, with workers that serve each version at once.
struct Replica {
    server: ApiServer,
    leads: watch::Sender<bool>,
}

fn plane() -> Arc<Plane> {
    let (published, mut versions) = mpsc::unbounded_channel::<(Instant, Delta)>();
    let plane = Arc::new(Plane {
        published,
        acknowledged: watch::Sender::new(0),
        failures: watch::Sender::default(),
        will_fail: Mutex::default(),
        retries: Mutex::new(0),
        since_tick: Mutex::new(Duration::ZERO),
    });
    let workers = plane.clone();
    tokio::spawn(async move {
        while let Some((_, delta)) = versions.recv().await {
            workers.acknowledged.send_replace(delta.version);
        }
    });
    plane
}

fn peers() -> Peers {
    Peers { service: crate::model::ObjectKey::new("own", "tidegate-replicas"), own: "pod".into() }
}

impl Replica {
    fn start(server: &ApiServer, leads: bool) -> Self {
        let leads = watch::Sender::new(leads);
        let decisions = Decisions::standalone();
        let (metrics, name) = (Metrics::new(), decisions.controller_name.clone());
        let (_, events) = EventWriter::new(server.client(), name.clone(), "pod", metrics.clone());
        let (writer, queue) =
            StatusWriter::new(server.client(), name, leads.subscribe(), events, metrics.clone());
        let options = Options { decisions, acknowledgements: true };
        let control = Control::new(
            cluster::follow(&server.client(), cluster::Scope::default(), &metrics),
            plane(),
            options,
            metrics,
        )
        .writing(queue, watch::Sender::default(), leads.subscribe(), peers());
        tokio::spawn(writer.run());
        tokio::spawn(control.run());
        Self { server: server.clone(), leads }
    }

    /// The paths of all that was written, after nothing more is to be expected.
    async fn written(&self) -> Vec<String> {
        tokio::time::sleep(Duration::from_secs(30)).await;
        self.server
            .writes()
            .iter()
            .map(|asked| asked.path.rsplit_once("/namespaces/").unwrap().1.to_owned())
            .collect()
    }

    fn reads(&self) -> usize {
        let asked = self.server.requests();
        let asked = asked.iter().filter(|asked| asked.method == Method::GET);
        // What is served is asked again and again.
        let asked =
            asked.filter(|asked| asked.path.split('/').count() > 4 && !asked.path.starts_with("/openapi"));
        asked.filter(|asked| !asked.query.contains_key("watch")).count()
    }
}

fn in_default(mut manifest: Value) -> Value {
    manifest["metadata"]["namespace"] = "default".into();
    manifest
}

fn filled() -> ApiServer {
    let server = ApiServer::new();
    for manifest in [gateway(80), route(1), service(), slice(&[1])] {
        server.put(in_default(manifest));
    }
    server
}

#[tokio::test(start_paused = true)]
async fn each_change_is_written_once_and_a_restart_reads_and_writes_nothing() {
    let server = filled();
    let replica = Replica::start(&server, true);
    let mut written = replica.written().await;
    written.sort();
    assert_eq!(written, ["default/gateways/web/status", "default/httproutes/shop/status"]);
    let gateway = server.get(&in_default(gateway(80))).unwrap();
    let conditions = gateway["status"]["conditions"].as_array().unwrap();
    let truths: Vec<_> =
        conditions.iter().map(|c| (c["type"].as_str().unwrap(), c["status"].as_str().unwrap())).collect();
    assert!(truths.contains(&("Programmed", "True")), "{truths:?}");

    let mut edited = server.get(&in_default(route(1))).unwrap();
    edited["metadata"]["generation"] = 2.into();
    edited["spec"]["rules"][0]["backendRefs"][0]["weight"] = 7.into();
    server.put(edited);
    assert_eq!(replica.written().await[2..], ["default/httproutes/shop/status"]);

    let reads = replica.reads();
    let again = Replica::start(&server, true);
    assert_eq!(again.written().await.len(), 3);
    assert_eq!(again.reads(), reads);
}

#[tokio::test(start_paused = true)]
async fn who_begins_to_lead_writes_what_nobody_wrote() {
    let server = filled();
    let replica = Replica::start(&server, false);
    assert_eq!(replica.written().await, [""; 0]);
    replica.leads.send_replace(true);
    assert_eq!(replica.written().await.len(), 2);
}

#[tokio::test(start_paused = true)]
async fn what_somebody_takes_out_of_a_status_is_put_back() {
    let server = filled();
    let replica = Replica::start(&server, true);
    assert_eq!(replica.written().await.len(), 2);
    let mut emptied = server.get(&in_default(route(1))).unwrap();
    emptied["status"]["parents"] = json!([]);
    server.put(emptied);
    assert_eq!(replica.written().await[2..], ["default/httproutes/shop/status"]);
    let route = server.get(&in_default(route(1))).unwrap();
    assert_eq!(route["status"]["parents"].as_array().unwrap().len(), 1);
}

/// A Gateway with a certificate in a Secret that is not of the type for certificates.
fn with_certificate() -> [Value; 2] {
    let certificate = rcgen::generate_simple_self_signed(["a.test".to_owned()]).unwrap();
    let base64 = |text: String| serde_json::to_value(k8s_openapi::ByteString(text.into_bytes())).unwrap();
    let mut gateway = in_default(gateway(443));
    gateway["spec"]["listeners"][0]["protocol"] = "HTTPS".into();
    gateway["spec"]["listeners"][0]["tls"] = json!({ "certificateRefs": [{ "name": "cert" }] });
    let secret = json!({
        "apiVersion": "v1", "kind": "Secret", "type": "Opaque",
        "metadata": { "namespace": "default", "name": "cert" },
        "data": {
            "tls.crt": base64(certificate.cert.pem()),
            "tls.key": base64(certificate.signing_key.serialize_pem()),
        },
    });
    [gateway, secret]
}

#[tokio::test(start_paused = true)]
async fn what_is_followed_by_name_is_known_before_the_first_status_is_written() {
    let server = ApiServer::new();
    let [gateway, secret] = with_certificate();
    server.put(gateway.clone());
    server.put(secret.clone());
    let replica = Replica::start(&server, true);
    assert_eq!(replica.written().await, ["default/gateways/web/status"]);
    let reason = |server: &ApiServer| {
        let gateway = server.get(&gateway).unwrap();
        let conditions = gateway["status"]["listeners"][0]["conditions"].as_array().unwrap().clone();
        conditions.into_iter().find(|condition| condition["type"] == "ResolvedRefs").unwrap()["reason"]
            .clone()
    };
    assert_eq!(reason(&server), "ResolvedRefs");

    let again = Replica::start(&server, true);
    assert_eq!(again.written().await.len(), 1, "a restart writes nothing");

    server.delete(&secret);
    again.written().await;
    assert_eq!(reason(&server), "InvalidCertificateRef");
}
