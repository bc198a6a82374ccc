//! Which tasks changed since when. Each task stands in it once, at its newest change, so a watcher that comes late finds
//! the latest of each and nothing is queued for anybody. Leaf data behind one lock.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Mutex, MutexGuard, PoisonError};

use axiom_proto::id::TaskId;
use tokio::sync::watch;

/// How much a change matters to those who watch.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Weight {
    /// Counters moved: more output.
    Counters,
    /// Its status, link or anything else that people wait for.
    Status,
}

/// The number of the newest change of either weight.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Newest {
    pub(crate) any: u64,
    pub(crate) status: u64,
}

/// The order of changes.
#[derive(Debug, Default)]
pub(crate) struct Changes {
    order: Mutex<Order>,
    newest: watch::Sender<Newest>,
}

#[derive(Debug, Default)]
struct Order {
    by_number: BTreeMap<u64, TaskId>,
    by_task: HashMap<TaskId, u64>,
    newest: Newest,
}

impl Changes {
    /// A task changed.
    pub(crate) fn note(&self, task: TaskId, weight: Weight) {
        let newest = {
            let mut order = self.order();
            order.newest.any += 1;
            let number = order.newest.any;
            if weight == Weight::Status {
                order.newest.status = number;
            }
            if let Some(before) = order.by_task.insert(task, number) {
                order.by_number.remove(&before);
            }
            order.by_number.insert(number, task);
            order.newest
        };
        self.newest.send_modify(|sent| {
            sent.any = sent.any.max(newest.any);
            sent.status = sent.status.max(newest.status);
        });
    }

    /// A task was removed.
    pub(crate) fn forget(&self, task: TaskId) {
        let mut order = self.order();
        if let Some(number) = order.by_task.remove(&task) {
            order.by_number.remove(&number);
        }
    }

    /// The tasks that changed after change `number`, and the number to ask with next time.
    pub(crate) fn since(&self, number: u64) -> (Vec<TaskId>, u64) {
        let order = self.order();
        let tasks = order.by_number.range(number + 1..).map(|(_, task)| *task).collect();
        (tasks, order.newest.any)
    }

    /// Wakes whenever there is a newer change.
    pub(crate) fn subscribe(&self) -> watch::Receiver<Newest> {
        self.newest.subscribe()
    }

    fn order(&self) -> MutexGuard<'_, Order> {
        self.order.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_task_that_changed_often_is_given_once() {
        let changes = Changes::default();
        let [a, b, c] = [1, 2, 3].map(|number| TaskId::from_random([number; 10]));
        for task in [a, b, a, c, a] {
            changes.note(task, Weight::Counters);
        }
        let (tasks, number) = changes.since(0);
        assert_eq!(tasks, [b, c, a]);
        assert_eq!(changes.since(number), (vec![], number));
        changes.note(b, Weight::Status);
        assert_eq!(changes.since(number).0, [b]);
        assert_eq!(*changes.subscribe().borrow(), Newest { any: 6, status: 6 });
        changes.forget(b);
        assert_eq!(changes.since(0).0, [c, a]);
    }
}
