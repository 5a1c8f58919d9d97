//! One request and the judgement of its answer, for any version of HTTP.

use super::plan::Job;
use super::report::What;
use super::{Kind, Shared, Target};
use crate::common::content::content;
use bytes::Bytes;
use http::{Request, Response, header};
use http_body::{Body, Frame, SizeHint};
use http_body_util::BodyExt;
use hyper::body::Incoming;
use std::convert::Infallible;
use std::pin::Pin;
use std::task::{Context, Poll};
use tokio::time::Instant;

/// How much of an upload is handed over at once.
const PIECE: usize = 8 << 10;

/// The body of a request, of known content.
pub(super) struct Upload {
    rest: Bytes,
    chunked: bool,
}

impl Body for Upload {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        if self.rest.is_empty() {
            return Poll::Ready(None);
        }
        let length = self.rest.len().min(PIECE);
        Poll::Ready(Some(Ok(Frame::data(self.rest.split_to(length)))))
    }

    fn is_end_stream(&self) -> bool {
        self.rest.is_empty()
    }

    fn size_hint(&self) -> SizeHint {
        if self.chunked { SizeHint::default() } else { SizeHint::with_exact(self.rest.len() as u64) }
    }
}

impl Job {
    /// The request as that kind of connection sends it.
    pub(super) fn request(&self, kind: Kind, target: &Target) -> Request<Upload> {
        let path = format!("{}/load/{}", target.path, self.ask.seed);
        let scheme = if target.tls.is_some() { "https" } else { "http" };
        let mut request = Request::builder().method(self.method.clone());
        request = match kind {
            Kind::Http2 => request.uri(format!("{scheme}://{}{path}", target.host)),
            _ => request.uri(path).header(header::HOST, &target.host),
        };
        if kind == Kind::NewConnection {
            request = request.header(header::CONNECTION, "close");
        }
        let upload = Upload {
            rest: content(self.ask.seed, self.upload.unwrap_or(0)),
            chunked: self.chunked_upload && self.upload.is_some(),
        };
        request
            .header("x-answer", self.ask.to_string())
            .header("x-seed", self.ask.seed.to_string())
            .body(upload)
            .unwrap()
    }

    /// When it has to be done, if it is begun now.
    pub(super) fn deadline(&self) -> Instant {
        Instant::now() + super::plan::PATIENCE + self.ask.delay
    }

    /// Reads the answer to its end; returns the backend that made it.
    pub(super) async fn judge(&self, response: Response<Incoming>) -> Result<String, What> {
        let (head, mut body) = response.into_parts();
        let Some(backend) = head.headers.get("x-backend").filter(|_| head.status == self.ask.status) else {
            return Err(What::Status(head.status.as_u16()));
        };
        let backend = backend.to_str().unwrap_or_default().to_owned();
        let expected = content(self.ask.seed, self.ask.bytes);
        let mut received = 0;
        while let Some(frame) = body.frame().await {
            let frame = frame.map_err(|error| What::Cut {
                received,
                expected: expected.len(),
                error: describe(&error),
            })?;
            if let Some(data) = frame.data_ref() {
                if expected.get(received..received + data.len()) != Some(&**data) {
                    return Err(What::Wrong(format!("a wrong byte after {received} of {}", expected.len())));
                }
                received += data.len();
            }
        }
        if received != expected.len() {
            return Err(What::Wrong(format!("ended after {received} of {} bytes", expected.len())));
        }
        let sent = format!("{} same", self.upload.unwrap_or(0));
        match head.headers.get("x-received").map(|received| received.to_str().unwrap_or_default()) {
            Some(received) if received == sent => Ok(backend),
            received => Err(What::Wrong(format!("the backend got {received:?} and not {sent:?}"))),
        }
    }
}

/// An error with its causes.
pub(super) fn describe(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut next = error.source();
    while let Some(cause) = next {
        text.push_str(": ");
        text.push_str(&cause.to_string());
        next = cause.source();
    }
    text
}

/// Enters the outcome of a job into the tally.
pub(super) fn record(
    shared: &Shared,
    kind: Kind,
    job: &Job,
    begun: std::time::Instant,
    connection: String,
    outcome: Result<String, What>,
) {
    match outcome {
        Ok(backend) => shared.tally.answered(kind, &job.method, &backend),
        Err(what) => shared.tally.failed(super::Failure {
            kind,
            what,
            request: format!(
                "{} ({:?} bytes) for [{}], {connection}",
                job.method,
                job.upload.unwrap_or(0),
                job.ask
            ),
            idempotent: job.method != http::Method::POST,
            begun: begun.duration_since(shared.started),
            took: begun.elapsed(),
        }),
    }
}
