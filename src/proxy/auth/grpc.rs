//! A service that is asked by a call of `envoy.service.auth.v3.Authorization/Check`.

use super::change::is_fixed;
use super::messages::{
    Address, AttributeContext, CheckRequest, CheckResponse, DeniedHttpResponse, HeaderValueOption,
    HttpRequest, HttpResponse, Peer, Request, SocketAddress, Timestamp,
};
use super::{Change, Question, Verdict};
use crate::model::Reason;
use crate::proxy::forward::exchange;
use crate::proxy::headers::X_REQUEST_ID;
use crate::proxy::request_body::Source;
use crate::proxy::response_body::ResponseBody;
use crate::proxy::rpc;
use crate::upstream::Upstream;
use http::header::{CONTENT_LENGTH, COOKIE, HOST, HeaderMap, HeaderName, HeaderValue};
use http::{Method, Response, StatusCode, Uri, Version};
use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

const METHOD: &str = "/envoy.service.auth.v3.Authorization/Check";
/// Bytes of an answer: heads and a page that says what is missing fit.
const MOST: usize = 256 * 1024;

pub(super) async fn ask(
    question: &Question<'_>,
    upstream: &Arc<Upstream>,
    send: &[HeaderName],
) -> Result<Verdict, Reason> {
    let message = rpc::frame(&request(question, send)).ok_or(Reason::AuthUnavailable)?;
    let mut outgoing = question.outgoing(Method::POST, Uri::from_static(METHOD), None, rpc::headers());
    outgoing.is_rpc = true;
    outgoing.source = Some(Source::whole(vec![message], None));
    let asked = async {
        let response = exchange(&question.client.worker, upstream, &outgoing).await?;
        rpc::read(response, MOST).await.map_err(|_| Reason::UpstreamProtocolError)
    };
    judge(question.within(asked).await?).ok_or(Reason::AuthUnavailable)
}

/// What the service is told of the request.
fn request(question: &Question<'_>, send: &[HeaderName]) -> CheckRequest {
    let (head, client) = (&question.arrived.head, question.client);
    let text = |name: &HeaderName| {
        let value = question.headers.get(name).map(HeaderValue::as_bytes).unwrap_or_default();
        String::from_utf8_lossy(value).into_owned()
    };
    let mut path = question.path.to_string();
    if let Some(query) = head.uri.query() {
        path.push('?');
        path.push_str(query);
    }
    let length = question.headers.get(CONTENT_LENGTH).and_then(|value| value.to_str().ok()?.parse().ok());
    let size = if question.arrived.source.is_none() { Some(0) } else { length };
    let (body, raw_body) = match String::from_utf8(question.body.concat()) {
        Ok(text) => (text, Vec::new()),
        Err(other) => (String::new(), other.into_bytes()),
    };
    let http = HttpRequest {
        id: text(&X_REQUEST_ID),
        method: head.method.to_string(),
        headers: headers(&question.headers, send),
        path,
        host: text(&HOST),
        scheme: client.scheme().to_owned(),
        size: size.unwrap_or(-1),
        protocol: if head.version == Version::HTTP_2 { "HTTP/2" } else { "HTTP/1.1" }.to_owned(),
        body,
        raw_body,
    };
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    let time = Timestamp {
        seconds: i64::try_from(now.as_secs()).unwrap_or(i64::MAX),
        nanos: i32::try_from(now.subsec_nanos()).unwrap_or_default(),
    };
    let attributes = AttributeContext {
        source: Some(peer(client.address)),
        destination: Some(peer(client.socket.address.address)),
        request: Some(Request { time: Some(time), http: Some(http) }),
    };
    CheckRequest { attributes: Some(attributes) }
}

fn peer(address: SocketAddr) -> Peer {
    let socket_address =
        SocketAddress { address: address.ip().to_string(), port_value: address.port().into() };
    Peer { address: Some(Address { socket_address: Some(socket_address) }) }
}

/// All fields, or those that are named; lines of one name become one, as HTTP says.
fn headers(from: &HeaderMap, send: &[HeaderName]) -> BTreeMap<String, String> {
    let named = from.keys().filter(|name| send.is_empty() || send.contains(name));
    let all = named.map(|name| {
        let lines: Vec<_> =
            from.get_all(name).iter().map(|line| String::from_utf8_lossy(line.as_bytes())).collect();
        (name.to_string(), lines.join(if name == COOKIE { "; " } else { "," }))
    });
    all.collect()
}

/// None if it says nothing.
fn judge(response: CheckResponse) -> Option<Verdict> {
    match (response.status.map(|status| status.code), response.http_response) {
        // Status `OK`: a message without anything in it.
        (None | Some(0), Some(HttpResponse::Ok(ok))) => {
            let mut request: Vec<_> = ok.headers.iter().filter_map(|header| change(header, true)).collect();
            let removed = ok.headers_to_remove.iter().filter_map(|name| free_name(name));
            request.extend(removed.map(Change::Remove));
            let answer = ok.response_headers_to_add.iter().filter_map(|header| change(header, false));
            Some(Verdict::Allowed { request, answer: answer.collect() })
        }
        (Some(0), None) => Some(Verdict::Allowed { request: Vec::new(), answer: Vec::new() }),
        (None, None) => None,
        (_, Some(HttpResponse::Denied(denied))) => Some(Verdict::Denied(denial(denied))),
        (Some(_), _) => Some(Verdict::Denied(denial(DeniedHttpResponse::default()))),
    }
}

/// 403 where the service says nothing else.
fn denial(denied: DeniedHttpResponse) -> Response<ResponseBody> {
    let code = denied.status.and_then(|status| u16::try_from(status.code).ok());
    let code = code.and_then(|code| StatusCode::from_u16(code).ok()).filter(|code| !code.is_informational());
    let body = if denied.body.is_empty() { ResponseBody::empty() } else { ResponseBody::full(denied.body) };
    let mut response = Response::new(body);
    *response.status_mut() = code.unwrap_or(StatusCode::FORBIDDEN);
    let changes: Vec<_> = denied.headers.iter().filter_map(|header| change(header, true)).collect();
    super::apply(&changes, response.headers_mut());
    response
}

/// "The `append` field in `HeaderValueOption` defaults to false when used in this message". Two fields
/// of the answer to a client, as with `Set-Cookie`, do not replace each other.
fn change(option: &HeaderValueOption, replaces: bool) -> Option<Change> {
    let header = option.header.as_ref()?;
    let name = free_name(&header.key)?;
    let text = if header.raw_value.is_empty() { header.value.as_bytes() } else { &header.raw_value };
    let value = HeaderValue::from_bytes(text).ok()?;
    Some(match (option.append, option.append_action) {
        (Some(true), _) => Change::Append(name, value),
        (_, 1) => Change::Add(name, value),
        (_, 3) => Change::Replace(name, value),
        (None, 0) if !replaces => Change::Append(name, value),
        _ => Change::Set(name, value),
    })
}

fn free_name(name: &str) -> Option<HeaderName> {
    HeaderName::from_bytes(name.as_bytes()).ok().filter(|name| !is_fixed(name))
}

#[cfg(test)]
mod tests;
