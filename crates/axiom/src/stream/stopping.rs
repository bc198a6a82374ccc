//! What a first Ctrl-C sets going: tasks that wait leave the queue, and only then are the running ones interrupted.
//! The other way round, each that ends would give its place to one that nobody wants any more.

use std::time::Duration;

use axiom_client::{Connection, Place};
use axiom_proto::api::StopRequest;
use axiom_proto::id::TaskId;
use tokio::task::JoinHandle;
use tokio::time::timeout;

/// How long one task may take to leave the queue. One that has started meanwhile may refuse for longer: its stop goes on
/// without us, and the others are not kept waiting.
const LEAVE_QUEUE_WAIT_MAX: Duration = Duration::from_secs(2);

/// How far the stop is.
#[derive(Debug)]
pub(super) enum Stopping {
    /// Nobody asked.
    Unasked,
    /// Waiting tasks leave the queue; it gives those that did.
    Queue(JoinHandle<Vec<TaskId>>),
    /// Every task was asked.
    Asked,
}

impl Stopping {
    /// Begins with the tasks that wait, in the order in which they would start.
    pub(super) fn begin(place: Place, waiting: Vec<TaskId>) -> Self {
        Self::Queue(tokio::spawn(empty_queue(place, waiting)))
    }

    pub(super) fn is_asked(&self) -> bool {
        match self {
            Self::Unasked => false,
            Self::Queue(_) | Self::Asked => true,
        }
    }

    /// Waits until the queue is empty, and gives who left it; for ever where nobody asked. Cancel-safe.
    pub(super) async fn queue_emptied(&mut self) -> Vec<TaskId> {
        let left = match self {
            Self::Queue(emptying) => emptying.await.unwrap_or_default(),
            Self::Unasked | Self::Asked => std::future::pending().await,
        };
        *self = Self::Asked;
        left
    }
}

impl Drop for Stopping {
    fn drop(&mut self) {
        if let Self::Queue(emptying) = self {
            emptying.abort();
        }
    }
}

/// The newest first, so that none starts because another one left. Gives those that are stopped.
async fn empty_queue(place: Place, waiting: Vec<TaskId>) -> Vec<TaskId> {
    let mut left = Vec::with_capacity(waiting.len());
    let mut open = None;
    for task in waiting.into_iter().rev() {
        let mut connection = match open.take() {
            Some(connection) => connection,
            None => match Connection::open(place.clone()).await {
                Ok(connection) => connection,
                // Whoever is still there is asked like those that run, across the server's death.
                Err(_) => return left,
            },
        };
        let stop = connection.stop(task.as_str(), StopRequest::default());
        match timeout(LEAVE_QUEUE_WAIT_MAX, stop).await {
            Ok(answer) => {
                left.extend(answer.is_ok().then_some(task));
                open = Some(connection);
            }
            // It runs, and its stop goes on.
            Err(_) => left.push(task),
        }
    }
    left
}
