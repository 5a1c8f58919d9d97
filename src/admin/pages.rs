//! The pages of the two addresses.

use super::server::{Page, Pages};
use crate::control::View;
use crate::telemetry::{CONTENT_TYPE, Metrics};
use http::StatusCode;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

/// For probes, scrapes and the other replicas: reachable for them.
pub(super) struct Health {
    pub(super) view: Arc<View>,
    pub(super) metrics: Arc<Metrics>,
}

/// For operators: on this machine only, unless they decide otherwise.
pub(super) struct Debug {
    pub(super) view: Arc<View>,
}

impl Health {
    fn ready(&self) -> Page {
        let reasons = self.view.not_ready();
        if reasons.is_empty() {
            return Page::text(StatusCode::OK, "ok\n");
        }
        let lines: String = reasons.iter().map(|reason| format!("{reason}\n")).collect();
        Page::text(StatusCode::SERVICE_UNAVAILABLE, lines)
    }
}

impl Pages for Health {
    fn page<'a>(
        &'a self,
        path: &'a str,
        query: &'a str,
    ) -> Pin<Box<dyn Future<Output = Option<Page>> + Send + 'a>> {
        Box::pin(async move {
            Some(match path {
                // That it is answered is the answer: a process in which something hangs ends itself.
                "/healthz" => Page::text(StatusCode::OK, "ok\n"),
                "/readyz" => self.ready(),
                "/metrics" => {
                    let metrics = self.metrics.clone();
                    elsewhere(move || Page {
                        status: StatusCode::OK,
                        content_type: CONTENT_TYPE,
                        body: metrics.encode().into(),
                    })
                    .await
                }
                "/served" => match cursor(query) {
                    Ok(cursor) => Page::json(&self.view.served(cursor, parameter(query, "process"))),
                    Err(message) => Page::text(StatusCode::BAD_REQUEST, message),
                },
                _ => return None,
            })
        })
    }
}

impl Pages for Debug {
    fn page<'a>(
        &'a self,
        path: &'a str,
        _: &'a str,
    ) -> Pin<Box<dyn Future<Output = Option<Page>> + Send + 'a>> {
        Box::pin(async move {
            match path {
                "/debug/status" => {
                    let view = self.view.clone();
                    Some(elsewhere(move || Page::json(&view.status())).await)
                }
                "/debug/config" => Some(match self.view.config().await {
                    Some(config) => elsewhere(move || Page::json(&config)).await,
                    None => Page::text(StatusCode::SERVICE_UNAVAILABLE, "the process is ending\n"),
                }),
                _ => None,
            }
        })
    }
}

/// Makes a page that may be large on a thread where nobody waits for it: on this one endpoints
/// that leave are to be published at once.
async fn elsewhere(make: impl FnOnce() -> Page + Send + 'static) -> Page {
    let made = tokio::task::spawn_blocking(make).await;
    made.unwrap_or_else(|error| Page::text(StatusCode::INTERNAL_SERVER_ERROR, format!("{error}\n")))
}

/// The number in `since=…`; 0 asks for everything.
fn cursor(query: &str) -> Result<u64, String> {
    parameter(query, "since").map_or(Ok(0), |text| {
        text.parse().map_err(|_| {
            format!("since={text} is no cursor: use the one of the last answer, or leave it out\n")
        })
    })
}

/// The first parameter of this name.
fn parameter<'a>(query: &'a str, name: &str) -> Option<&'a str> {
    let mut pairs = query.split('&').filter_map(|pair| pair.split_once('='));
    pairs.find(|(key, _)| *key == name).map(|(_, value)| value)
}

#[cfg(test)]
mod tests;
