//! Clients of HTTP/2: several streams at once on each connection.

use super::connect::connect;
use super::exchange::{Upload, describe, record};
use super::plan::{Job, Pace, STREAMS};
use super::report::What;
use super::{Kind, Shared, Target};
use hyper::client::conn::http2;
use hyper_util::rt::{TokioExecutor, TokioIo};
use std::sync::Arc;
use tokio::sync::Mutex;
use tokio::task::JoinSet;

/// The connection that new streams are opened on, and its number.
type Current = Arc<Mutex<(u64, Option<http2::SendRequest<Upload>>)>>;

/// Starts the streams of one connection.
pub(super) fn spawn(clients: &mut JoinSet<()>, target: &Target, number: u64, shared: &Arc<Shared>) {
    let current = Current::default();
    for stream in 0..STREAMS {
        let pace = Pace::new(Kind::Http2, number * STREAMS + stream + 1_000);
        clients.spawn(run(target.clone(), pace, current.clone(), shared.clone()));
    }
}

async fn run(target: Target, mut pace: Pace, current: Current, shared: Arc<Shared>) {
    loop {
        shared.pause_until(pace.next_due()).await;
        if shared.stopped() {
            return;
        }
        let job = pace.next_job();
        let begun = std::time::Instant::now();
        let exchange = exchange(&target, &job, &current, &shared);
        let outcome = tokio::time::timeout_at(job.deadline(), exchange).await.unwrap_or(Err(What::Timeout));
        let failed = outcome.is_err();
        record(&shared, Kind::Http2, &job, begun, "on a stream".to_owned(), outcome);
        if failed {
            shared.pause_after_failure().await;
        }
    }
}

async fn exchange(target: &Target, job: &Job, current: &Current, shared: &Shared) -> Result<String, What> {
    let mut request = job.request(Kind::Http2, target);
    loop {
        let (number, mut sender, fresh) = take(target, current).await?;
        // The request comes back if no stream could be opened any more: after a GOAWAY or a close.
        let unsent = match sender.ready().await {
            Err(error) => (request, error),
            Ok(()) => match sender.try_send_request(request).await {
                Ok(response) => return job.judge(response).await,
                Err(mut error) => match error.take_message() {
                    Some(unsent) => (unsent, error.into_error()),
                    None => {
                        give_up(current, number).await;
                        return Err(What::NoAnswer(describe(&error.into_error())));
                    }
                },
            },
        };
        if fresh {
            return Err(What::Connect(format!("closed before the request: {}", describe(&unsent.1))));
        }
        if give_up(current, number).await {
            shared.tally.reopened();
        }
        request = unsent.0;
    }
}

/// The current connection, opened if there is none; whether it is new.
async fn take(target: &Target, current: &Current) -> Result<(u64, http2::SendRequest<Upload>, bool), What> {
    let mut current = current.lock().await;
    if let Some(sender) = &current.1 {
        return Ok((current.0, sender.clone(), false));
    }
    let stream = connect(target, "h2").await.map_err(|error| What::Connect(describe(&error)))?;
    let handshake = http2::handshake(TokioExecutor::new(), TokioIo::new(stream)).await;
    let (sender, connection) = handshake.map_err(|error| What::Connect(describe(&error)))?;
    // What breaks the connection is told by the requests on it.
    tokio::spawn(async move { drop(connection.await) });
    *current = (current.0 + 1, Some(sender.clone()));
    Ok((current.0, sender, true))
}

/// Opens no more streams on that connection; those under way go on. Whether it was the current one.
async fn give_up(current: &Current, number: u64) -> bool {
    let mut current = current.lock().await;
    current.0 == number && current.1.take().is_some()
}
