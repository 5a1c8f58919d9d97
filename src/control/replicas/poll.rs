//! Asks the other replicas what they serve, each in its own time.

use crate::control::served::Report;
use bytes::Bytes;
use http::Request;
use http::header::{CONNECTION, HOST};
use http_body_util::{BodyExt, Empty, Limited};
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::TcpStream;
use tokio::sync::{mpsc, watch};
use tokio::task::AbortHandle;
use tokio::time::{Instant, sleep_until, timeout};

/// For one answer. Shorter by far than the time after which nobody waits for a replica.
const ANSWER: Duration = Duration::from_secs(2);

/// The longest answer, in bytes: some hundred thousand objects.
const MAX_BODY: usize = 32 << 20;

/// Answers that may wait to be taken.
const MAX_WAITING: usize = 16;

/// Whom to ask.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::control) struct Plan {
    /// By pod.
    pub(in crate::control) replicas: BTreeMap<Arc<str>, SocketAddr>,
    /// How often.
    pub(in crate::control) every: Duration,
}

/// A pod with its answer.
pub(in crate::control) type Answer = (Arc<str>, Report);

/// Where the poller is told whom to ask, and where its answers come.
pub(in crate::control) struct Link {
    pub(in crate::control) plan: watch::Sender<Plan>,
    pub(in crate::control) answers: mpsc::Receiver<Answer>,
}

/// Begins to poll, in tasks of the current runtime that end with the link.
pub(in crate::control) fn start() -> Link {
    let (plan, plans) = watch::channel(Plan { replicas: BTreeMap::new(), every: Duration::MAX });
    let (sender, answers) = mpsc::channel(MAX_WAITING);
    tokio::spawn(run(plans, sender));
    Link { plan, answers }
}

async fn run(mut plans: watch::Receiver<Plan>, answers: mpsc::Sender<Answer>) {
    let mut asked = BTreeMap::<(Arc<str>, SocketAddr), AbortHandle>::new();
    while plans.changed().await.is_ok() {
        let wanted = plans.borrow_and_update().replicas.clone();
        asked.retain(|(name, address), task| {
            let kept = wanted.get(name) == Some(address);
            if !kept {
                task.abort();
            }
            kept
        });
        for one in wanted {
            let (name, address) = one.clone();
            asked.entry(one).or_insert_with(|| {
                tokio::spawn(ask_again_and_again(name, address, plans.clone(), answers.clone()))
                    .abort_handle()
            });
        }
    }
    asked.values().for_each(AbortHandle::abort);
}

async fn ask_again_and_again(
    name: Arc<str>,
    address: SocketAddr,
    mut plans: watch::Receiver<Plan>,
    answers: mpsc::Sender<Answer>,
) {
    // Of which process what is known, and up to where.
    let mut known: Option<(Arc<str>, u64)> = None;
    let mut trouble = false;
    loop {
        let begun = Instant::now();
        let answer = timeout(ANSWER, ask(address, known.as_ref())).await;
        match answer.unwrap_or_else(|_| Err("no answer in time".to_owned())) {
            Ok(report) => {
                known = Some((report.process.clone(), report.cursor));
                if std::mem::take(&mut trouble) {
                    tracing::info!("replica {name} tells again what it serves");
                }
                if answers.send((name.clone(), report)).await.is_err() {
                    return;
                }
            }
            Err(why) => {
                if !std::mem::replace(&mut trouble, true) {
                    tracing::warn!("replica {name} ({address}) does not tell what it serves: {why}");
                }
            }
        }
        // As often as is wanted by then, also if that changes while it waits.
        loop {
            let Some(next) = begun.checked_add(plans.borrow_and_update().every) else { break };
            tokio::select! {
                () = sleep_until(next) => break,
                changed = plans.changed() => if changed.is_err() { return },
            }
        }
    }
}

/// What changed since what is known.
async fn ask(address: SocketAddr, known: Option<&(Arc<str>, u64)>) -> Result<Report, String> {
    let stream = TcpStream::connect(address).await.map_err(|error| error.to_string())?;
    let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await.map_err(text)?;
    let connection = tokio::spawn(connection);
    let path = match known {
        Some((process, cursor)) => format!("/served?process={process}&since={cursor}"),
        None => "/served".to_owned(),
    };
    let request = Request::get(path)
        .header(HOST, address.to_string())
        .header(CONNECTION, "close")
        .body(Empty::<Bytes>::new())
        .map_err(|error| error.to_string())?;
    let response = sender.send_request(request).await.map_err(text)?;
    if !response.status().is_success() {
        return Err(format!("it answers {}", response.status()));
    }
    let body = Limited::new(response.into_body(), MAX_BODY).collect().await;
    let body = body.map_err(|error| error.to_string())?.to_bytes();
    connection.abort();
    serde_json::from_slice(&body).map_err(|error| format!("its answer cannot be read: {error}"))
}

fn text(error: hyper::Error) -> String {
    error.to_string()
}

#[cfg(test)]
mod tests;
