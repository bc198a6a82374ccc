//! Tasks' views, now and whenever they change: the latest of each wins, nothing is queued. What people wait for comes at
//! once; mere counters come together, a few times a second.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use axiom_proto::id::TaskId;
use axiom_proto::task::TaskView;
use tokio::sync::watch;
use tokio::time::{Instant, sleep_until};

use crate::changes::{Interest, Weight};
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

/// What wakes a watcher.
#[derive(Debug)]
enum Wakes {
    /// Every task's changes, and those of a status.
    All { newest: watch::Receiver<u64>, newest_status: watch::Receiver<u64> },
    /// Those of its own tasks: two hundred who wait for one each do not wake for one another's.
    Some(Arc<Interest>),
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
    wakes: Wakes,
    /// The newest change that was told of.
    told: u64,
    /// When counters may be told of again.
    counters_at: Instant,
    is_first: bool,
}

impl Watch {
    pub(crate) fn new(fleet: Arc<Fleet>, tasks: &[TaskId], within: Option<TaskId>) -> Self {
        let tasks: BTreeSet<TaskId> = tasks.iter().copied().collect();
        let wakes = if tasks.is_empty() {
            let (newest, newest_status) =
                (fleet.changes.subscribe(), fleet.changes.subscribe_to_statuses());
            Wakes::All { newest, newest_status }
        } else {
            Wakes::Some(fleet.changes.take_interest(&tasks))
        };
        Self {
            wakes,
            tasks,
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
        let (told, counters_at) = (self.told, self.counters_at);
        match &mut self.wakes {
            Wakes::All { newest, newest_status } => {
                // The sender lives as long as the fleet that we hold.
                let _open = newest.wait_for(|newest| *newest > told).await.is_ok();
                tokio::select! {
                    _open = newest_status.wait_for(|newest| *newest > told) => {}
                    () = sleep_until(counters_at) => {}
                }
            }
            Wakes::Some(interest) => loop {
                match interest.after(told) {
                    Some(Weight::Status) => return,
                    // What wakes while nobody waits is kept.
                    Some(Weight::Counters) => tokio::select! {
                        () = interest.woken.notified() => {}
                        () = sleep_until(counters_at) => return,
                    },
                    None => interest.woken.notified().await,
                }
            },
        }
    }

    /// What changed since it was told of.
    fn take(&mut self) -> Changed {
        let changes = &self.fleet.changes;
        let (changed, number) = match self.wakes {
            Wakes::All { .. } => changes.since(self.told),
            Wakes::Some(_) => changes.among(&self.tasks, self.told),
        };
        self.told = number;
        let (mut tasks, mut removed) = (Vec::new(), Vec::new());
        for id in &changed {
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

impl Drop for Watch {
    fn drop(&mut self) {
        if let Wakes::Some(interest) = &self.wakes {
            self.fleet.changes.lose_interest(&self.tasks, interest);
        }
    }
}
