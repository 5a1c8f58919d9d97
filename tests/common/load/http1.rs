//! Clients of HTTP/1.1.

use super::connect::connect;
use super::exchange::{Upload, describe, record};
use super::plan::{Job, Pace};
use super::report::What;
use super::{Kind, Shared, Target};
use http::header;
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use std::sync::Arc;

/// An open connection.
struct Connection {
    sender: http1::SendRequest<Upload>,
    requests: u32,
}

/// One client, with at most one connection at a time.
pub(super) async fn run(kind: Kind, target: Target, mut pace: Pace, shared: Arc<Shared>) {
    let mut kept = None;
    loop {
        shared.pause_until(pace.next_due()).await;
        if shared.stopped() {
            return;
        }
        let job = pace.next_job();
        let begun = std::time::Instant::now();
        let place = match &kept {
            Some(Connection { requests, .. }) => format!("request {} of its connection", requests + 1),
            None => "on a new connection".to_owned(),
        };
        let exchange = exchange(kind, &target, &job, &mut kept, &shared);
        let outcome = tokio::time::timeout_at(job.deadline(), exchange).await.unwrap_or(Err(What::Timeout));
        if outcome.is_err() || kind == Kind::NewConnection {
            kept = None;
        }
        let failed = outcome.is_err();
        record(&shared, kind, &job, begun, place, outcome);
        if failed {
            shared.pause_after_failure().await;
        }
    }
}

/// Sends the job on the kept connection, or on a new one if there is none any more.
async fn exchange(
    kind: Kind,
    target: &Target,
    job: &Job,
    kept: &mut Option<Connection>,
    shared: &Shared,
) -> Result<String, What> {
    let mut request = job.request(kind, target);
    let response = loop {
        let (mut connection, fresh) = match kept.take() {
            Some(connection) => (connection, false),
            None => (open(target).await?, true),
        };
        // The request comes back if the server had closed before its first byte was written.
        let unsent = match connection.sender.ready().await {
            Err(error) => (request, error),
            Ok(()) => match connection.sender.try_send_request(request).await {
                Ok(response) => {
                    connection.requests += 1;
                    *kept = Some(connection);
                    break response;
                }
                Err(mut error) => match error.take_message() {
                    Some(unsent) => (unsent, error.into_error()),
                    None => return Err(What::NoAnswer(describe(&error.into_error()))),
                },
            },
        };
        if fresh {
            return Err(What::Connect(format!("closed before the request: {}", describe(&unsent.1))));
        }
        shared.tally.reopened();
        request = unsent.0;
    };
    let closes = response.headers().get(header::CONNECTION).is_some_and(|value| value == "close");
    let judged = job.judge(response).await;
    if closes {
        *kept = None;
    }
    judged
}

async fn open(target: &Target) -> Result<Connection, What> {
    let stream = connect(target, "http/1.1").await.map_err(|error| What::Connect(describe(&error)))?;
    let handshake = http1::handshake(TokioIo::new(stream)).await;
    let (sender, connection) = handshake.map_err(|error| What::Connect(describe(&error)))?;
    // What breaks the connection is told by the request on it.
    tokio::spawn(async move { drop(connection.await) });
    Ok(Connection { sender, requests: 0 })
}
