//! Lets the oldest segments of sessions' journals go, where config.toml bounds what is kept of one session: of a task that runs
//! as of one that has ended. Looks when output has filled a segment, and when one grows too old. Never takes a frame that this
//! server has not got yet, or has not made into events.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use axiom_journal::{TrimBounds, TrimReport, trim};
use axiom_proto::id::TaskId;
use tokio::sync::Notify;
use tokio::time::sleep;

use crate::background::beside;
use crate::clock::now_us;
use crate::fleet::Fleet;
use crate::task::Task;

/// Between two looks for age at least: segments that grow old one after the other cost one look.
const LOOK_EVERY_MIN: Duration = Duration::from_secs(10);

/// The longest sleep while an age is set: a clock that is put forward is noticed by then.
const LOOK_EVERY_MAX: Duration = Duration::from_secs(3_600);

const US_PER_DAY: u64 = 86_400_000_000;

/// What is kept of each session; everything where nothing is said.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct KeepOfSession {
    /// So many bytes of its journal on disk, or its last two segments where those are more.
    pub bytes: Option<u64>,
    /// What was recorded within so many days, by whole segments.
    pub days: Option<u64>,
}

impl KeepOfSession {
    /// What was recorded before this moment is too old, Unix microseconds.
    fn since_unix_us(self, now_us: u64) -> Option<u64> {
        self.days.map(|days| now_us.saturating_sub(days.saturating_mul(US_PER_DAY)))
    }

    /// When something that was recorded then is too old.
    fn due_us(self, recorded_us: u64) -> Option<u64> {
        self.days.map(|days| recorded_us.saturating_add(days.saturating_mul(US_PER_DAY)))
    }
}

/// The tasks to be looked at.
#[derive(Debug, Default)]
pub(crate) struct Trimming {
    /// At most all there are.
    marked: Mutex<BTreeSet<TaskId>>,
    wake: Notify,
}

impl Trimming {
    /// A task's output has filled a segment, or its past has been made into events.
    pub(crate) fn mark(&self, task: TaskId) {
        self.marked().insert(task);
        self.wake.notify_one();
    }

    fn take(&self) -> BTreeSet<TaskId> {
        std::mem::take(&mut *self.marked())
    }

    fn marked(&self) -> MutexGuard<'_, BTreeSet<TaskId>> {
        self.marked.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Trims for as long as the server lives.
pub(crate) async fn run(fleet: Arc<Fleet>, keep: KeepOfSession) {
    if keep == KeepOfSession::default() {
        return;
    }
    // When each task's oldest segment is too old, Unix microseconds.
    let mut due: BTreeMap<TaskId, u64> = BTreeMap::new();
    loop {
        for id in fleet.trimming.take() {
            due.remove(&id);
            let Some(task) = fleet.task(id) else { continue };
            let report = trim_one(&task, keep).await;
            let oldest = report.and_then(|report| report.oldest_unix_us);
            due.extend(oldest.and_then(|oldest| keep.due_us(oldest)).map(|at| (id, at)));
        }
        let wait = due.values().min().map(|at| wait_until(*at));
        tokio::select! {
            () = fleet.trimming.wake.notified() => {}
            () = async {
                match wait {
                    Some(wait) => sleep(wait).await,
                    None => std::future::pending().await,
                }
            } => {
                let now = now_us();
                due.iter().filter(|(_, at)| **at <= now).for_each(|(id, _)| fleet.trimming.mark(*id));
            }
        }
    }
}

fn wait_until(at_us: u64) -> Duration {
    let wait = Duration::from_micros(at_us.saturating_sub(now_us()));
    wait.clamp(LOOK_EVERY_MIN, LOOK_EVERY_MAX)
}

/// Trims one journal; none if it may not be touched yet: it is marked again when it may.
async fn trim_one(task: &Task, keep: KeepOfSession) -> Option<TrimReport> {
    if !task.is_in_events.load(Ordering::SeqCst) {
        return None;
    }
    let unread = task.announced().head?.seq;
    let since_unix_us = keep.since_unix_us(now_us());
    let bounds = TrimBounds { bytes_max: keep.bytes, since_unix_us, unread };
    let folder = task.folder.clone();
    match beside(move || trim(&folder, &bounds)).await {
        Ok(report) => {
            let TrimReport { segments, bytes, oldest_unix_us: _ } = report;
            if segments > 0 {
                tracing::info!(task = task.id().short(), segments, bytes, "no longer kept");
            }
            Some(report)
        }
        // Removed since it was marked, mostly; the next full segment tries again.
        Err(error) => {
            tracing::warn!(task = task.id().short(), %error, "kept beyond its bounds");
            None
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ages_are_counted_in_days_and_never_overflow() {
        let keep = |days| KeepOfSession { bytes: None, days: Some(days) };
        assert_eq!(keep(2).since_unix_us(5 * US_PER_DAY), Some(3 * US_PER_DAY));
        assert_eq!(keep(9).since_unix_us(5 * US_PER_DAY), Some(0));
        assert_eq!(keep(u64::MAX).due_us(5), Some(u64::MAX));
        assert_eq!(KeepOfSession::default().since_unix_us(5), None);
        let due = keep(2).due_us(US_PER_DAY).unwrap();
        assert_eq!(keep(2).since_unix_us(due), Some(US_PER_DAY), "when it is due it is too old");
    }
}
