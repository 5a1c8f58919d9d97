//! Spans on their way to collectors.
//!
//! Each worker keeps what it recorded for a collector until there is a batch of it or a second has
//! passed, and sends it as a request of its own. A collector that is slow or away costs spans, which
//! are counted, and never a request: what waits is bounded, and nobody waits for it.

use super::untraced;
use crate::model::OtlpProtocol;
use crate::proxy::forward::{Outgoing, exchange};
use crate::proxy::request_body::Source;
use crate::proxy::response_body::ResponseBody;
use crate::proxy::rpc;
use crate::proxy::worker::Worker;
use crate::support::backoff::Backoff;
use crate::support::drain::{Hold, Phase};
use crate::table::{Table, Tracing};
use crate::telemetry::SpanDrop;
use crate::telemetry::otlp::{ExportRequest, ExportResponse, Span, export_request};
use crate::telemetry::trace_context::TRACEPARENT;
use bytes::{Bytes, BytesMut};
use http::header::{CONTENT_LENGTH, CONTENT_TYPE, HOST, HeaderMap, HeaderValue, RETRY_AFTER};
use http::{Method, Response, StatusCode, Uri};
use http_body::Body;
use prost::Message;
use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::future::poll_fn;
use std::pin::Pin;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::Notify;
use tokio::time::{sleep, timeout};

const GRPC: &str = "/opentelemetry.proto.collector.trace.v1.TraceService/Export";
const HTTP: &str = "/v1/traces";

/// Bytes of a batch: what servers of gRPC take by default is 4 MiB.
const BATCH_BYTES: usize = 2 * 1024 * 1024;
/// Bytes of an answer, which says at most that something was not taken.
const ANSWER: usize = 64 * 1024;
/// Requests for one batch at most; what a collector does not take in half a minute it hardly will.
const ATTEMPTS: u32 = 5;
/// The first pause between two of them, and the longest, also of those that a collector asks for.
const PAUSE: (Duration, Duration) = (Duration::from_secs(1), Duration::from_secs(10));
/// While the process ends, what comes is gathered for so long only.
const LAST: Duration = Duration::from_millis(100);

/// What a worker has recorded and not sent yet.
#[derive(Default)]
pub(in crate::proxy) struct Exporter(RefCell<Vec<Rc<Queue>>>);

/// That of one Gateway.
struct Queue {
    tracing: Arc<Tracing>,
    spans: RefCell<VecDeque<Span>>,
    /// While there are any, the process waits for them at its end.
    hold: RefCell<Option<Hold>>,
    /// There are spans, enough for a batch, or no more will come.
    changed: Notify,
    /// No table has it any more.
    retired: Cell<bool>,
    /// The last request failed, which is logged once.
    failing: Cell<bool>,
}

/// What became of a request to a collector.
#[derive(Debug, PartialEq, Eq)]
enum Outcome {
    /// It has taken all but so many.
    Taken { rejected: u64 },
    /// It will never take them.
    Refused(String),
    /// It may do so later, but not before that time.
    Later(String, Option<Duration>),
}

impl Exporter {
    /// Takes spans of one request.
    pub(super) fn export(&self, worker: &Rc<Worker>, tracing: &Arc<Tracing>, spans: Vec<Span>) {
        let queue = self.queue(worker, tracing);
        let limits = worker.limits();
        let mut waiting = queue.spans.borrow_mut();
        if waiting.len() + spans.len() > limits.spans {
            return worker.metrics.process().traces.dropped(SpanDrop::QueueFull).add(spans.len() as u64);
        }
        let is_first = waiting.is_empty();
        waiting.extend(spans);
        if is_first {
            *queue.hold.borrow_mut() = Some(worker.drain.hold());
        }
        if is_first || waiting.len() >= limits.spans_of_batch {
            queue.changed.notify_one();
        }
    }

    fn queue(&self, worker: &Rc<Worker>, tracing: &Arc<Tracing>) -> Rc<Queue> {
        let mut queues = self.0.borrow_mut();
        if let Some(known) = queues.iter().find(|queue| Arc::ptr_eq(&queue.tracing, tracing)) {
            return known.clone();
        }
        let queue = Rc::new(Queue {
            tracing: tracing.clone(),
            spans: RefCell::default(),
            hold: RefCell::default(),
            changed: Notify::new(),
            // A request may be older than the table.
            retired: Cell::new(!is_used(&worker.table(), tracing)),
            failing: Cell::new(false),
        });
        queues.push(queue.clone());
        tokio::task::spawn_local(queue.clone().run(worker.clone()));
        queue
    }

    /// Nothing more is recorded for what no table has.
    pub(in crate::proxy) fn retire(&self, table: &Table) {
        for queue in self.0.borrow().iter().filter(|queue| !is_used(table, &queue.tracing)) {
            queue.retired.set(true);
            queue.changed.notify_one();
        }
    }

    fn forget(&self, queue: &Rc<Queue>) {
        self.0.borrow_mut().retain(|known| !Rc::ptr_eq(known, queue));
    }
}

fn is_used(table: &Table, tracing: &Arc<Tracing>) -> bool {
    table.binds().any(|bind| bind.tracing.as_ref().is_some_and(|used| Arc::ptr_eq(used, tracing)))
}

impl Queue {
    async fn run(self: Rc<Self>, worker: Rc<Worker>) {
        loop {
            if self.spans.borrow().is_empty() {
                *self.hold.borrow_mut() = None;
                if self.retired.get() {
                    return worker.exporter.forget(&self);
                }
                self.changed.notified().await;
                continue;
            }
            self.gather(&worker).await;
            // Whoever waits for the end of the process waits for these, too.
            let hold = worker.drain.hold();
            let batch = self.take(worker.limits().spans_of_batch);
            self.send(&worker, batch).await;
            drop(hold);
        }
    }

    /// Waits until there is a batch, or time to send what there is.
    async fn gather(&self, worker: &Worker) {
        let limits = worker.limits();
        let mut drain = worker.drain.clone();
        let is_draining = drain.phase() >= Phase::Announcing;
        let time = async {
            tokio::select! {
                () = sleep(if is_draining { LAST } else { limits.spans_time }) => {}
                () = drain.reached(Phase::Announcing), if !is_draining => sleep(LAST).await,
            }
        };
        let full = async {
            while self.spans.borrow().len() < limits.spans_of_batch && !self.retired.get() {
                self.changed.notified().await;
            }
        };
        tokio::select! {
            () = time => {}
            () = full => {}
        }
    }

    fn take(&self, most: usize) -> Vec<Span> {
        let mut waiting = self.spans.borrow_mut();
        let mut bytes = 0;
        let fitting = waiting.iter().take(most).take_while(|span| {
            bytes += span.encoded_len();
            bytes <= BATCH_BYTES
        });
        let count = fitting.count().max(1).min(waiting.len());
        waiting.drain(..count).collect()
    }

    async fn send(&self, worker: &Rc<Worker>, batch: Vec<Span>) {
        let count = batch.len() as u64;
        let traces = &worker.metrics.process().traces;
        let request = export_request(self.tracing.service_name(), &self.tracing.gateway().namespace, batch);
        let mut drain = worker.drain.clone();
        let outcome = tokio::select! {
            biased;
            outcome = self.deliver(worker, &request) => outcome,
            () = drain.reached(Phase::Cutting) => {
                return traces.dropped(SpanDrop::Shutdown).add(count);
            }
        };
        match outcome {
            Outcome::Taken { rejected } => {
                let rejected = rejected.min(count);
                traces.exported.add(count - rejected);
                traces.dropped(SpanDrop::Rejected).add(rejected);
                self.log(None);
            }
            Outcome::Refused(why) => {
                traces.dropped(SpanDrop::Rejected).add(count);
                self.log(Some(&why));
            }
            Outcome::Later(why, _) => {
                traces.dropped(SpanDrop::ExportFailed).add(count);
                self.log(Some(&why));
            }
        }
    }

    /// Sends a batch until the collector has said something final, or often enough.
    async fn deliver(&self, worker: &Rc<Worker>, request: &ExportRequest) -> Outcome {
        let mut backoff = Backoff::new(PAUSE.0, PAUSE.1);
        let mut left = ATTEMPTS;
        loop {
            let limit = worker.limits().spans_export;
            let asked = timeout(limit, ask(worker, &self.tracing, request)).await;
            let outcome = asked.unwrap_or_else(|_| Outcome::Later("no answer in time".to_owned(), None));
            left -= 1;
            let Outcome::Later(_, after) = &outcome else { return outcome };
            // A process that ends has no time for a collector that is away.
            if left == 0 || worker.drain.phase() >= Phase::Closing {
                return outcome;
            }
            worker.metrics.process().traces.export_retries.increment();
            let pause = backoff.wait().max(after.unwrap_or_default()).min(PAUSE.1);
            let mut drain = worker.drain.clone();
            tokio::select! {
                () = sleep(pause) => {}
                () = drain.reached(Phase::Closing) => {}
            }
        }
    }

    /// Says once that spans are lost, and once that they are no more.
    fn log(&self, why: Option<&str>) {
        let gateway = self.tracing.gateway();
        match (self.failing.replace(why.is_some()), why) {
            (false, Some(why)) => tracing::warn!(%gateway, why, "spans do not reach their collector"),
            (true, None) => tracing::info!(%gateway, "spans reach their collector again"),
            _ => {}
        }
    }
}

/// One request to the collector.
async fn ask(worker: &Rc<Worker>, tracing: &Tracing, request: &ExportRequest) -> Outcome {
    let Some(upstream) = worker.table().upstreams.get(tracing.collector).cloned() else {
        return Outcome::Later("there is no such backend".to_owned(), None);
    };
    let Some(outgoing) = outgoing(tracing, request) else {
        return Outcome::Refused("a batch is too large".to_owned());
    };
    upstream.metrics.active_requests.increment();
    let answer = exchange(worker, &upstream, &outgoing).await;
    upstream.metrics.active_requests.decrement();
    match answer {
        Err(reason) => Outcome::Later(reason.as_str().to_owned(), None),
        Ok(response) => match tracing.protocol() {
            OtlpProtocol::Grpc => by_call(rpc::read(response, ANSWER).await),
            OtlpProtocol::Http => by_http(response).await,
        },
    }
}

fn outgoing(tracing: &Tracing, request: &ExportRequest) -> Option<Outgoing> {
    let (mut headers, body, path) = match tracing.protocol() {
        OtlpProtocol::Grpc => (rpc::headers(), rpc::frame(request)?, GRPC),
        OtlpProtocol::Http => {
            let mut headers = HeaderMap::new();
            headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/x-protobuf"));
            let body = Bytes::from(request.encode_to_vec());
            headers.insert(CONTENT_LENGTH, HeaderValue::from(body.len()));
            (headers, body, HTTP)
        }
    };
    headers.insert(HOST, tracing.authority.clone());
    for (name, value) in &tracing.headers {
        headers.append(name, value.clone());
    }
    headers.insert(TRACEPARENT, untraced());
    Some(Outgoing {
        method: Method::POST,
        uri: Uri::from_static(path),
        path: None,
        headers,
        source: Some(Source::whole(vec![body], None)),
        upgrade: None,
        is_rpc: tracing.protocol() == OtlpProtocol::Grpc,
        identity: tracing.identity.clone(),
    })
}

fn taken(response: &ExportResponse) -> Outcome {
    let rejected = response.partial_success.as_ref().map_or(0, |partial| partial.rejected_spans);
    Outcome::Taken { rejected: u64::try_from(rejected).unwrap_or_default() }
}

/// By the statuses that the specification of OTLP lets a client try again.
fn by_call(reply: Result<ExportResponse, rpc::NoReply>) -> Outcome {
    match reply {
        Ok(response) => taken(&response),
        Err(rpc::NoReply(None)) => Outcome::Later("an answer that is none of gRPC".to_owned(), None),
        // CANCELLED, DEADLINE_EXCEEDED, RESOURCE_EXHAUSTED, ABORTED, OUT_OF_RANGE, UNAVAILABLE, DATA_LOSS
        Err(rpc::NoReply(Some(status @ (1 | 4 | 8 | 10 | 11 | 14 | 15)))) => {
            Outcome::Later(format!("grpc-status {status}"), None)
        }
        Err(rpc::NoReply(Some(status))) => Outcome::Refused(format!("grpc-status {status}")),
    }
}

async fn by_http(response: Response<ResponseBody>) -> Outcome {
    let (head, body) = response.into_parts();
    let status = head.status;
    if status.is_success() {
        // What it says of them does not make them less taken, if it cannot be read.
        let said = read(body).await.and_then(|bytes| ExportResponse::decode(bytes).ok());
        return taken(&said.unwrap_or_default());
    }
    body.discard();
    let why = format!("status {}", status.as_u16());
    match status {
        StatusCode::TOO_MANY_REQUESTS
        | StatusCode::BAD_GATEWAY
        | StatusCode::SERVICE_UNAVAILABLE
        | StatusCode::GATEWAY_TIMEOUT => {
            let after = head.headers.get(RETRY_AFTER);
            let after = after.and_then(|after| after.to_str().ok()?.parse().ok()).map(Duration::from_secs);
            Outcome::Later(why, after)
        }
        _ => Outcome::Refused(why),
    }
}

async fn read(mut body: ResponseBody) -> Option<Bytes> {
    let mut bytes = BytesMut::new();
    while let Some(frame) = poll_fn(|cx| Pin::new(&mut body).poll_frame(cx)).await {
        if let Ok(data) = frame.ok()?.into_data() {
            bytes.extend_from_slice(&data);
        }
        if bytes.len() > ANSWER {
            return None;
        }
    }
    Some(bytes.freeze())
}

#[cfg(test)]
mod tests;
