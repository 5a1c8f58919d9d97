//! A directory followed on a thread of its own, so that a slow disk keeps nobody waiting.

use super::cluster::Referred;
use super::decode;
use super::files::Notice;
use super::problem::{Problem, ProblemKind, name_some};
use super::watch::Directory;
use crate::api::Kind;
use crate::index::Event;
use std::collections::BTreeSet;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Instant;
use tokio::sync::{mpsc, oneshot, watch};

/// Groups of events that may wait to be taken, before no more files are looked at.
const MAX_WAITING: usize = 64;

/// A followed directory or cluster.
#[derive(Debug)]
pub struct Source {
    /// Events that belong together, in their order. Of a directory the first group holds
    /// everything that was there at the start, and that every kind is listed; of a cluster each
    /// kind comes by itself. Ends only when following ends.
    pub events: mpsc::Receiver<Vec<Event>>,
    /// Everything that is wrong with the files now; nothing for a cluster.
    pub problems: watch::Receiver<Arc<BTreeSet<Problem>>>,
    /// Where a cluster has to be told what to follow by name; none for a directory, of which all is
    /// read anyway.
    pub referred: Option<watch::Sender<Referred>>,
}

/// Reads a directory and follows its changes until the source is dropped.
///
/// # Errors
/// The directory cannot be read, or the system gives no notifications.
pub async fn follow(root: &Path) -> io::Result<Source> {
    let (events_sender, events) = mpsc::channel(MAX_WAITING);
    let (problems_sender, problems) = watch::channel(Arc::default());
    let (opened_sender, opened) = oneshot::channel();
    let follower = Follower {
        root: root.to_owned(),
        events: events_sender,
        problems: problems_sender,
        logged: BTreeSet::new(),
    };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    std::thread::Builder::new()
        .name("source".to_owned())
        .spawn(move || runtime.block_on(follower.run(opened_sender)))?;
    opened.await.map_err(io::Error::other)??;
    Ok(Source { events, problems, referred: None })
}

struct Follower {
    root: PathBuf,
    events: mpsc::Sender<Vec<Event>>,
    problems: watch::Sender<Arc<BTreeSet<Problem>>>,
    /// The problems that the log has.
    logged: BTreeSet<Problem>,
}

impl Follower {
    async fn run(mut self, opened: oneshot::Sender<io::Result<()>>) {
        let mut directory = match Directory::open(&self.root, Instant::now()) {
            Ok(directory) => {
                let _ = opened.send(Ok(()));
                directory
            }
            Err(error) => {
                let _ = opened.send(Err(error));
                return;
            }
        };
        if let Err(error) = self.follow(&mut directory).await {
            // Nothing of this is known to happen. What is served stays.
            tracing::error!(%error, "changes of {} are no longer noticed; restart", self.root.display());
        }
    }

    /// Returns when nobody listens any more.
    async fn follow(&mut self, directory: &mut Directory) -> io::Result<()> {
        let mut listed: Vec<Event> = Kind::ALL.map(Event::Listed).into();
        loop {
            let changes = directory.step(Instant::now())?;
            let mut events: Vec<_> = changes.into_iter().map(|change| decode::event(change).0).collect();
            self.log(directory);
            events.append(&mut listed);
            if !events.is_empty() && self.events.send(events).await.is_err() {
                return Ok(());
            }
            tokio::select! {
                changed = directory.changed() => changed?,
                () = self.events.closed() => return Ok(()),
            }
        }
    }

    /// Says once what is wrong and when it no longer is.
    fn log(&mut self, directory: &mut Directory) {
        for notice in directory.files_mut().take_notices() {
            match notice {
                Notice::Removed(file, objects) => {
                    tracing::warn!(
                        "{file}: stays without most of its objects: removed {}",
                        name_some(&objects)
                    );
                }
                Notice::Restored(file) => tracing::info!("{file}: has its objects again"),
                Notice::TakenOver(object, file) => {
                    tracing::info!("{file}: {object} is now the one that this file defines");
                }
            }
        }
        let problems = directory.problems();
        if problems == self.logged {
            return;
        }
        for problem in problems.difference(&self.logged) {
            match problem.kind {
                ProblemKind::NotRead => tracing::debug!("{problem}"),
                _ => tracing::warn!("{problem}"),
            }
        }
        for problem in self.logged.difference(&problems) {
            match problem.kind {
                // Either a notice tells what was removed, or the file told something newer.
                ProblemKind::HeldBack => {}
                ProblemKind::NotRead => tracing::debug!("no longer: {problem}"),
                _ => tracing::info!("no longer: {problem}"),
            }
        }
        self.problems.send_replace(Arc::new(problems.clone()));
        self.logged = problems;
    }
}

#[cfg(test)]
mod tests;
