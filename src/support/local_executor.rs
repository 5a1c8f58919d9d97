//! Tasks on the thread that they are made on.

/// Runs hyper's HTTP/2 connections and helper tasks on the worker's own thread. To be used
/// within a `LocalRuntime` only.
#[derive(Clone, Copy, Debug)]
pub struct LocalExecutor;

impl<F: Future + 'static> hyper::rt::Executor<F> for LocalExecutor {
    fn execute(&self, future: F) {
        tokio::task::spawn_local(async move {
            future.await;
        });
    }
}
