//! A service that is asked in HTTP: 200 lets a request go on, anything else is the answer.

use super::change::is_fixed;
use super::{Change, Question, Verdict};
use crate::model::Reason;
use crate::proxy::forward::exchange;
use crate::proxy::request_body::Source;
use crate::upstream::Upstream;
use bytes::Bytes;
use http::header::{
    AUTHORIZATION, CONTENT_ENCODING, CONTENT_LANGUAGE, CONTENT_LENGTH, CONTENT_LOCATION, CONTENT_RANGE,
    CONTENT_TYPE, DATE, ETAG, HOST, HeaderMap, HeaderName, HeaderValue, LAST_MODIFIED, SERVER,
};
use http::{HeaderMap as Headers, StatusCode};
use std::sync::Arc;

/// Fields that are about the service's own answer. Where all fields are to be copied, these are not
/// meant: a backend would take a request's body for what the service's was.
const ITS_OWN: [HeaderName; 9] = [
    CONTENT_ENCODING,
    CONTENT_LANGUAGE,
    CONTENT_LOCATION,
    CONTENT_RANGE,
    CONTENT_TYPE,
    DATE,
    ETAG,
    LAST_MODIFIED,
    SERVER,
];

pub(super) async fn ask(
    question: &Question<'_>,
    upstream: &Arc<Upstream>,
    prefix: &str,
    send: &[HeaderName],
    copy: &[HeaderName],
) -> Result<Verdict, Reason> {
    let head = &question.arrived.head;
    let headers = headers(&question.headers, send, &question.body);
    let path = [prefix, &question.path].concat().into();
    let mut outgoing = question.outgoing(head.method.clone(), head.uri.clone(), Some(path), headers);
    outgoing.source = (!question.body.is_empty()).then(|| Source::whole(question.body.clone(), None));
    let response = question.within(exchange(&question.client.worker, upstream, &outgoing)).await?;
    if response.status() != StatusCode::OK {
        return Ok(Verdict::Denied(response));
    }
    let (head, body) = response.into_parts();
    body.discard();
    Ok(Verdict::Allowed { request: changes(&head.headers, copy), answer: Vec::new() })
}

/// "The following headers must always be sent", and those that are named.
fn headers(from: &Headers, send: &[HeaderName], body: &[Bytes]) -> HeaderMap {
    let mut headers = HeaderMap::new();
    let named = send.iter().filter(|name| **name != AUTHORIZATION && !is_fixed(name));
    for name in [HOST, AUTHORIZATION].iter().chain(named) {
        for value in from.get_all(name) {
            headers.append(name, value.clone());
        }
    }
    let length: usize = body.iter().map(Bytes::len).sum();
    headers.insert(CONTENT_LENGTH, HeaderValue::from(length));
    headers
}

/// What the client itself said under a name that is the service's goes, also if the service says
/// nothing: a backend may take it for the service's word.
fn changes(answer: &Headers, copy: &[HeaderName]) -> Vec<Change> {
    let all: Vec<HeaderName>;
    let names = if copy.is_empty() {
        all = answer.keys().filter(|name| !ITS_OWN.contains(name) && !is_fixed(name)).cloned().collect();
        &all
    } else {
        copy
    };
    let mut changes = Vec::new();
    for name in names.iter().filter(|name| !is_fixed(name)) {
        changes.push(Change::Remove(name.clone()));
        changes.extend(answer.get_all(name).iter().map(|value| Change::Append(name.clone(), value.clone())));
    }
    changes
}

#[cfg(test)]
mod tests;
