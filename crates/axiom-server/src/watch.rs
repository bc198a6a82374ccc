//! Tasks' views, now and whenever they change: the latest of each wins, nothing is queued. What people wait for comes at
//! once; mere counters come together, a few times a second.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use axiom_proto::id::TaskId;
use axiom_proto::task::TaskView;
use tokio::sync::watch;
use tokio::time::{Instant, sleep_until};

use crate::fleet::Fleet;
use crate::operations::is_within;

/// The shortest time between two answers that tell of counters only: what an eye can follow.
const COUNTERS_EVERY: Duration = Duration::from_millis(200);

/// What changed.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Changed {
    /// Tasks as they are now.
    pub views: Vec<TaskView>,
    /// Tasks that were removed.
    pub removed: Vec<TaskId>,
}

/// A stream of changed views.
#[derive(Debug)]
pub struct Watch {
    fleet: Arc<Fleet>,
    /// All of them where empty.
    tasks: BTreeSet<TaskId>,
    /// Only this task and its descendants; and of those, which were told of: only they can be said to be removed.
    within: Option<TaskId>,
    seen: BTreeSet<TaskId>,
    newest: watch::Receiver<u64>,
    newest_status: watch::Receiver<u64>,
    /// The newest change that was told of.
    told: u64,
    /// When counters may be told of again.
    counters_at: Instant,
    is_first: bool,
}

impl Watch {
    pub(crate) fn new(fleet: Arc<Fleet>, tasks: &[TaskId], within: Option<TaskId>) -> Self {
        Self {
            newest: fleet.changes.subscribe(),
            newest_status: fleet.changes.subscribe_to_statuses(),
            tasks: tasks.iter().copied().collect(),
            within,
            seen: BTreeSet::new(),
            told: 0,
            counters_at: Instant::now(),
            is_first: true,
            fleet,
        }
    }

    /// Every watched task at the first call; afterwards waits, and gives those that changed. Dropping the wait loses nothing.
    pub async fn next(&mut self) -> Changed {
        loop {
            self.until_due().await;
            let changed = self.take();
            // Also where only others changed: their counters must not wake us more often than our own.
            self.counters_at = Instant::now() + COUNTERS_EVERY;
            if self.is_first || changed != Changed::default() {
                self.is_first = false;
                return changed;
            }
        }
    }

    /// Waits until there is something to tell: at once the first time and for a status, later for counters.
    async fn until_due(&mut self) {
        if self.is_first {
            return;
        }
        let told = self.told;
        // The sender lives as long as the fleet that we hold.
        let _open = self.newest.wait_for(|newest| *newest > told).await.is_ok();
        tokio::select! {
            _open = self.newest_status.wait_for(|newest| *newest > told) => {}
            () = sleep_until(self.counters_at) => {}
        }
    }

    /// What changed since it was told of.
    fn take(&mut self) -> Changed {
        let (changed, number) = self.fleet.changes.since(self.told);
        self.told = number;
        let wanted = changed.iter().filter(|id| self.tasks.is_empty() || self.tasks.contains(id));
        let (mut tasks, mut removed) = (Vec::new(), Vec::new());
        for id in wanted {
            match (self.fleet.task(*id), self.within) {
                (Some(task), None) => tasks.push(task),
                (Some(task), Some(within)) if is_within(&task.record, within) => {
                    self.seen.insert(*id);
                    tasks.push(task);
                }
                (Some(_), Some(_)) => {}
                (None, Some(_)) if !self.seen.remove(id) => {}
                // Who has just begun never heard of it.
                (None, _) if self.is_first => {}
                (None, _) => removed.push(*id),
            }
        }
        tasks.sort_by_key(|task| task.age());
        Changed { views: tasks.into_iter().map(|task| task.view()).collect(), removed }
    }
}
