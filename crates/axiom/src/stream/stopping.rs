//! What a first Ctrl-C sets going: tasks that wait leave the queue, and only then are the running ones interrupted.
//! The other way round, each that ends would give its place to one that nobody wants any more.

use std::time::Duration;

use axiom_client::{Connection, Place};
use axiom_proto::api::StopRequest;
use axiom_proto::id::TaskId;
use tokio::task::JoinHandle;
use tokio::time::timeout;

use super::Millis;

/// How long one task may take to leave the queue. One that has started meanwhile may refuse for longer: its stop goes on
/// without us, and the others are not kept waiting.
const LEAVE_QUEUE_WAIT_MAX: Duration = Duration::from_secs(2);

/// After so long, tasks that still run are named. Some take their time; a shell that was just starting a program keeps
/// the interrupt until that program ends.
const HEEDED_WITHIN: Millis = 3_000;

/// As many are named in one sentence; the others would only make it unreadable.
const NAMED_MAX: usize = 8;

/// How far the stop is.
#[derive(Debug)]
pub(super) enum Stopping {
    /// Nobody asked.
    Unasked,
    /// Waiting tasks leave the queue; it gives those that did.
    Queue(JoinHandle<Vec<TaskId>>),
    /// Every task was asked; who still runs at this moment is named, once.
    Asked { tell_at: Option<Millis> },
}

impl Stopping {
    /// Begins with the tasks that wait, in the order in which they would start.
    pub(super) fn begin(place: Place, waiting: Vec<TaskId>) -> Self {
        Self::Queue(tokio::spawn(empty_queue(place, waiting)))
    }

    pub(super) fn is_asked(&self) -> bool {
        match self {
            Self::Unasked => false,
            Self::Queue(_) | Self::Asked { .. } => true,
        }
    }

    /// The running ones were interrupted now.
    pub(super) fn interrupted(&mut self, now: Millis) {
        *self = Self::Asked { tell_at: Some(now + HEEDED_WITHIN) };
    }

    /// When [`Stopping::is_due`] is to be asked.
    pub(super) fn tells_at(&self) -> Option<Millis> {
        match self {
            Self::Asked { tell_at } => *tell_at,
            Self::Unasked | Self::Queue(_) => None,
        }
    }

    /// Whether it is time to name those that still run; true once.
    pub(super) fn is_due(&mut self, now: Millis) -> bool {
        match self {
            Self::Asked { tell_at } => tell_at.take_if(|at| *at <= now).is_some(),
            Self::Unasked | Self::Queue(_) => false,
        }
    }

    /// Waits until the queue is empty, and gives who left it; for ever where nobody asked. Cancel-safe.
    pub(super) async fn queue_emptied(&mut self) -> Vec<TaskId> {
        let left = match self {
            Self::Queue(emptying) => emptying.await.unwrap_or_default(),
            Self::Unasked | Self::Asked { .. } => std::future::pending().await,
        };
        *self = Self::Asked { tell_at: None };
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

/// What is said of those that still run, though they were asked; nothing where there are none.
pub(super) fn unheeded(live: &[TaskId]) -> Option<String> {
    let ids: Vec<&str> = live.iter().take(NAMED_MAX).map(TaskId::short).collect();
    let (tasks, runs, them) = match live.len() {
        0 => return None,
        1 => ("task", "runs", "it"),
        _ => ("tasks", "run", "them"),
    };
    let more = if live.len() > NAMED_MAX { " …" } else { "" };
    let (count, ids) = (live.len(), ids.join(" "));
    Some(format!("{count} {tasks} still {runs}; what ends {them}: axiom stop {ids}{more}"))
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_still_runs_is_told_once_and_after_a_while() {
        let mut stopping = Stopping::Unasked;
        assert_eq!((stopping.tells_at(), stopping.is_due(u64::MAX)), (None, false));
        stopping.interrupted(10);
        assert_eq!(stopping.tells_at(), Some(10 + HEEDED_WITHIN));
        let due = |at| (at, stopping.is_due(at));
        let moments = [9 + HEEDED_WITHIN, 10 + HEEDED_WITHIN, 11 + HEEDED_WITHIN];
        assert_eq!(moments.map(due).map(|(_, due)| due), [false, true, false]);
        assert_eq!(stopping.tells_at(), None);
    }

    #[test]
    fn the_sentence_counts_all_and_names_some() {
        let ids: Vec<TaskId> =
            (0..=NAMED_MAX).map(|n| format!("{n}kkkkkkkkkkkkkkk").parse().unwrap()).collect();
        let text = |count: usize| unheeded(&ids[..count]);
        assert_eq!(text(0), None);
        assert_eq!(text(1).unwrap(), "1 task still runs; what ends it: axiom stop 0kkkkkkk");
        let all = text(NAMED_MAX + 1).unwrap();
        assert!(
            all.starts_with("9 tasks still run; what ends them: axiom stop 0kkkkkkk 1"),
            "{all}"
        );
        assert!(all.ends_with(" 7kkkkkkk …"), "{all}");
    }
}
