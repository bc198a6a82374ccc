//! Which tasks changed since when. Each task stands in it once, at its newest change, so a watcher that comes late finds
//! the latest of each and nothing is queued for anybody. Leaf data behind one lock.

use std::collections::{BTreeMap, HashMap, HashSet, VecDeque};
use std::sync::{Mutex, MutexGuard, PoisonError};

use axiom_proto::id::TaskId;
use tokio::sync::{Notify, watch};

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
    /// Wakes the maker of events.
    pub(crate) marked: Notify,
}

#[derive(Debug, Default)]
struct Order {
    /// Tasks with a change of status that the maker of events has not looked at: at most all there are.
    marked: VecDeque<TaskId>,
    is_marked: HashSet<TaskId>,
    by_number: BTreeMap<u64, TaskId>,
    by_task: HashMap<TaskId, u64>,
    newest: Newest,
}

impl Order {
    fn mark(&mut self, task: TaskId) {
        if self.is_marked.insert(task) {
            self.marked.push_back(task);
        }
    }
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
                order.mark(task);
            }
            if let Some(before) = order.by_task.insert(task, number) {
                order.by_number.remove(&before);
            }
            order.by_number.insert(number, task);
            order.newest
        };
        if weight == Weight::Status {
            self.marked.notify_one();
        }
        self.newest.send_modify(|sent| {
            sent.any = sent.any.max(newest.any);
            sent.status = sent.status.max(newest.status);
        });
    }

    /// A task was removed.
    pub(crate) fn forget(&self, task: TaskId) {
        {
            let mut order = self.order();
            if let Some(number) = order.by_task.remove(&task) {
                order.by_number.remove(&number);
            }
        }
        self.mark([task]);
    }

    /// These are to be looked at by the maker of events.
    pub(crate) fn mark(&self, tasks: impl IntoIterator<Item = TaskId>) {
        {
            let mut order = self.order();
            tasks.into_iter().for_each(|task| order.mark(task));
        }
        self.marked.notify_one();
    }

    /// Takes so many of the tasks to look at, and says whether there are more.
    pub(crate) fn take_marked(&self, max: usize) -> (Vec<TaskId>, bool) {
        let mut order = self.order();
        let count = order.marked.len().min(max);
        let taken: Vec<TaskId> = order.marked.drain(..count).collect();
        taken.iter().for_each(|task| {
            order.is_marked.remove(task);
        });
        (taken, !order.marked.is_empty())
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
