//! Which fields are in the schemas that the API server publishes. Every client that it knows may read
//! them.

use crate::api::{Kind, Optional};
use http::Request;
use http::header::ACCEPT;
use kube::Client;
use serde::Deserialize;
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};

/// What the API server said of fields.
#[derive(Debug, Default)]
pub(super) struct Fields {
    /// Those that it serves.
    pub(super) served: BTreeSet<Optional>,
    /// Documents by their path, with the address that changes when they do.
    read: BTreeMap<String, String>,
}

/// All documents.
#[derive(Debug, Deserialize)]
struct Documents {
    paths: BTreeMap<String, Document>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Document {
    #[serde(rename = "serverRelativeURL")]
    server_relative_url: String,
}

impl Fields {
    /// Asks anew. After an error what was known before holds on.
    pub(super) async fn ask(&mut self, client: &Client) -> kube::Result<()> {
        let known = match get::<Documents>(client, "/openapi/v3").await {
            // One that does not say it, or not to this client.
            Err(kube::Error::Api(status)) if matches!(status.code, 401 | 403 | 404) => BTreeMap::new(),
            answer => answer?.paths,
        };
        let mut kinds: BTreeMap<Kind, Vec<(Optional, &str)>> = BTreeMap::new();
        for field in Optional::FIELDS {
            if let Optional::Field(kind, path) = field {
                kinds.entry(kind).or_default().push((field, path));
            }
        }
        for (kind, fields) in kinds {
            let path = format!("apis/{}", kind.api_version());
            let Some(document) = known.get(&path) else {
                self.read.remove(&path);
                self.served.retain(|served| fields.iter().all(|(field, _)| field != served));
                continue;
            };
            // They are large, and hardly ever change.
            if self.read.get(&path) == Some(&document.server_relative_url) {
                continue;
            }
            let schemas: Value = get(client, &format!("/openapi/v3/{path}")).await?;
            let schema = schema_of(&schemas, kind);
            for (field, place) in fields {
                match schema.is_some_and(|schema| has(schema, place)) {
                    true => self.served.insert(field),
                    false => self.served.remove(&field),
                };
            }
            self.read.insert(path, document.server_relative_url.clone());
        }
        Ok(())
    }
}

async fn get<T: serde::de::DeserializeOwned>(client: &Client, path: &str) -> kube::Result<T> {
    let request = Request::get(path).header(ACCEPT, "application/json").body(Vec::new());
    client.request(request.map_err(kube::Error::HttpError)?).await
}

fn schema_of(document: &Value, kind: Kind) -> Option<&Value> {
    let schemas = document.pointer("/components/schemas")?.as_object()?;
    schemas.values().find(|schema| {
        let kinds = schema["x-kubernetes-group-version-kind"].as_array();
        kinds.into_iter().flatten().any(|known| {
            known["group"] == kind.group()
                && known["version"] == kind.version()
                && known["kind"] == kind.name()
        })
    })
}

/// Whether a schema has the field at a path.
fn has(schema: &Value, path: &str) -> bool {
    path.split('.')
        .try_fold(schema, |schema, segment| {
            let (name, is_list) = segment.strip_suffix("[]").map_or((segment, false), |name| (name, true));
            let field = schema["properties"].get(name)?;
            if is_list { field.get("items") } else { Some(field) }
        })
        .is_some()
}

#[cfg(test)]
mod tests;
