//! What runs beside requests: every task of the runtime that we start is kept here, and joined at the end.
//! A panic in one of them ends that one, is logged, and touches nobody else.

use std::future::Future;
use std::sync::{Mutex, MutexGuard, PoisonError};

use tokio::task::{JoinError, JoinSet};

/// The runtime's tasks that are ours.
#[derive(Debug, Default)]
pub(crate) struct Background {
    set: Mutex<JoinSet<()>>,
}

impl Background {
    /// Starts one. Those that have ended are let go.
    pub(crate) fn spawn(&self, work: impl Future<Output = ()> + Send + 'static) {
        let mut set = self.set();
        while let Some(ended) = set.try_join_next() {
            report(ended);
        }
        set.spawn(work);
    }

    /// Ends all of them where they wait, and returns when they are gone.
    pub(crate) async fn end(&self) {
        let mut set = std::mem::take(&mut *self.set());
        set.abort_all();
        while let Some(ended) = set.join_next().await {
            report(ended);
        }
    }

    fn set(&self) -> MutexGuard<'_, JoinSet<()>> {
        self.set.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn report(ended: Result<(), JoinError>) {
    if ended.is_err_and(|error| error.is_panic()) {
        tracing::error!("a part of the server panicked; the rest goes on");
    }
}

/// Runs what may block beside the runtime, and waits for it. A panic in there goes on in the caller.
pub(crate) async fn beside<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> T {
    match tokio::task::spawn_blocking(work).await {
        Ok(answer) => answer,
        Err(error) => match error.try_into_panic() {
            Ok(panic) => std::panic::resume_unwind(panic),
            // The runtime is going down and takes nothing on: the caller is about to be dropped.
            Err(_cancelled) => std::future::pending().await,
        },
    }
}
