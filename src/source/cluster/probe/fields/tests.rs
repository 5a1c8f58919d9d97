use super::*;
use crate::source::cluster::testing::ApiServer;

fn paths(server: &ApiServer) -> Vec<String> {
    server.requests().into_iter().map(|asked| asked.path).collect()
}

#[tokio::test]
async fn a_document_is_read_again_only_when_it_changed() {
    let server = ApiServer::new();
    let client = server.client();
    let mut fields = Fields::default();
    let (all, document) = ("/openapi/v3", "/openapi/v3/apis/gateway.networking.k8s.io/v1");
    fields.ask(&client).await.unwrap();
    fields.ask(&client).await.unwrap();
    assert_eq!(fields.served, Optional::FIELDS.into());
    assert_eq!(paths(&server), [all, document, all]);
    server.standard_channel(true);
    fields.ask(&client).await.unwrap();
    assert_eq!(fields.served, BTreeSet::new());
    assert_eq!(paths(&server).len(), 5);
}

#[tokio::test]
async fn what_was_known_holds_on_while_the_api_server_is_away() {
    let server = ApiServer::new();
    let client = server.client();
    let mut fields = Fields::default();
    server.away(true);
    assert!(fields.ask(&client).await.is_err());
    assert_eq!(fields.served, BTreeSet::new());
    server.away(false);
    fields.ask(&client).await.unwrap();
    server.away(true);
    assert!(fields.ask(&client).await.is_err());
    assert_eq!(fields.served, Optional::FIELDS.into());
}

#[test]
fn a_field_is_found_by_its_whole_path() {
    let list = |fields: Value| serde_json::json!({ "items": { "properties": fields } });
    let schema = serde_json::json!({ "properties": { "spec": { "properties": {
        "addresses": list(serde_json::json!({ "routability": {} })), "routability": {},
    } } } });
    for (path, expected) in [
        ("spec.addresses[].routability", true),
        ("spec.addresses.routability", false),
        ("spec.addresses[].value", false),
        ("spec.listeners[].filters", false),
        ("spec.routability", true),
        ("routability", false),
    ] {
        assert_eq!(has(&schema, path), expected, "{path}");
    }
}
